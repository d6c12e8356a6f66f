"""The revision graph of files that were imported anyway: what they say need not be read again."""

from __future__ import annotations

import collections.abc as c
import typing as t
from pathlib import Path

from .history import History
from .revision_files import created_in
from .revision_files import FolderSignature
from .revision_files import RevisionFile

if t.TYPE_CHECKING:
    from alembic.script import Script


def imported_history(scripts: c.Iterable[Script], signature: FolderSignature) -> History | None:
    """Return the history that imported files make, the same that their text does.

    :param scripts: The files as Alembic has them.
    :param signature: The state of the folders before they were imported.
    :return: None where only their text can tell what is wrong with them, or where they are.
    """
    files = [_file(script) for script in scripts]
    known = [file for file in files if file is not None]
    # Alembic resolves links; what is shown is where people have put the files.
    paths = {str(file.path) for file in known}
    is_all = len(known) == len(files) and paths == {stamp.path for stamp in signature.files}
    return None if signature.problems or not is_all else History(known)


def _file(script: Script) -> RevisionFile | None:
    module = script.module
    parents = _texts(module, "down_revision")
    dependencies = _texts(module, "depends_on")
    labels = _texts(module, "branch_labels")

    is_named = isinstance(script.revision, str) and bool(script.revision)
    is_revision = is_named and hasattr(module, "down_revision")

    if not is_revision or parents is None or dependencies is None or labels is None:
        return None

    doc = script.longdoc
    return RevisionFile(
        revision=script.revision,
        parents=parents,
        dependencies=dependencies,
        labels=labels,
        path=Path(script.path),
        message=doc.split("\n\n", 1)[0],
        doc=doc,
        created=created_in(doc),
    )


def _texts(module: object, name: str) -> tuple[str, ...] | None:
    """Return what a file says under a name, None where it is nothing that belongs there."""
    match getattr(module, name, None):
        case None:
            return ()
        case str() as text:
            return (text,)
        case tuple() | list() as items if all(isinstance(item, str) for item in items):
            return tuple(items)

    return None
