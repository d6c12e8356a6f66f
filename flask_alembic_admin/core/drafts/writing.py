"""Writing revision files: exactly what was drafted, or nothing."""

from __future__ import annotations

import collections.abc as c
import contextlib
import errno
import os
import typing as t
import uuid
from pathlib import Path

from alembic.script import Script
from alembic.util import CommandError

from ...errors import PlanMoved
from ...errors import ScriptError
from .. import internals
from ..scripts.scripts import Scripts
from ..scripts.source_lock import only_writer
from ..surroundings import operating_system_user
from .draft import Draft
from .drafting import draft_merge
from .drafting import draft_revisions

if t.TYPE_CHECKING:
    from ..migrator import Migrator

#: What file systems answer that have no links.
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS}


def write_revision(migrator: Migrator, **arguments: t.Any) -> list[Script | None]:
    """Write a new revision.

    :param migrator: The verbs.
    :param arguments: Those of ``draft_revisions``.
    """
    return [write_draft(migrator, draft) for draft in draft_revisions(migrator, **arguments)]


def write_merge(
    migrator: Migrator,
    revisions: list[str],
    message: str | None,
    labels: list[str],
    rev_id: str | None = None,
) -> Script | None:
    """Write a revision that joins others; the arguments are those of ``Migrator.merge``."""
    return write_draft(migrator, draft_merge(migrator, revisions, message, labels, rev_id=rev_id))


def write_draft(
    migrator: Migrator, draft: Draft, *, said: c.Callable[[str], object] | None = None
) -> Script:
    """Write exactly what was drafted, run the hooks that follow, and return the new revision.

    :param migrator: The verbs.
    :param draft: What ``draft_revision`` or ``draft_merge`` returned, perhaps in another process.
    :param said: Gets what the hooks have to say, line by line; else that goes to where this
        process writes.
    :raises PlanMoved: The revision files have changed since, so that nothing was written.
    :raises ScriptError: It cannot be written there, or only what follows has failed.
    """
    scripts = migrator.project.scripts

    with _explained(scripts, draft), only_writer(scripts.folder):
        draft.refuse_if_moved(scripts.history())
        _check_place(scripts, draft)
        _write_new(draft.path, draft.text.encode(_encoding(scripts)))

        with _removed_if_refused(draft.path):
            _refuse_if_not_alone(draft, scripts)

    try:
        internals.run_write_hooks(str(draft.path), scripts.config().get_hooks_list(), said)
    except Exception as error:
        raise ScriptError(
            f"Revision {draft.path} is written, and a hook failed after that: "
            f"{type(error).__name__}: {error}.",
            "Correct ALEMBIC['post_write_hooks'], and run the hook by hand if the file needs it.",
        ) from error

    return _read_back(draft, scripts)


def unwritable_folder(scripts: Scripts) -> Path | None:
    """Return the folder of revision files that this process cannot write to, if there is one.

    :param scripts: The revision files.
    """
    for folder in scripts.folders:
        there = next((path for path in (folder, *folder.parents) if path.exists()), folder)

        if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
            return folder

    return None


def _encoding(scripts: Scripts) -> str:
    return str(scripts.config().get_alembic_option("output_encoding", "utf-8"))


def _check_place(scripts: Scripts, draft: Draft) -> None:
    """Refuse a place that is in no folder of revision files, wherever the draft was kept."""
    folder = Path(draft.folder)
    inside = folder in scripts.folders and ".." not in Path(draft.file).parts

    if not inside or not draft.path.is_relative_to(folder) or draft.path.suffix != ".py":
        raise PlanMoved([f"{draft.path} is in no folder of revision files here."])


def _write_new(path: Path, content: bytes) -> None:
    """Write a file that was not there, at once: nobody sees half of it.

    :raises PlanMoved: It is there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Its name is not that of a revision file.
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")

    try:
        _write_exclusively(temporary, content)

        try:
            os.link(temporary, path)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            _write_exclusively(path, content)
    except FileExistsError as error:
        raise PlanMoved([f"The file {path} is there already."]) from error
    finally:
        temporary.unlink(missing_ok=True)


def _write_exclusively(path: Path, content: bytes) -> None:
    with open(path, "xb") as file:
        try:
            file.write(content)
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def _refuse_if_not_alone(draft: Draft, scripts: Scripts) -> None:
    """Refuse a file beside which another one was written, by somebody without our lock."""
    now = scripts.history()
    # Where a template computes the id, the text of the file does not tell it.
    expected = draft.heads_after if draft.revision in now.revisions else frozenset(draft.heads)

    if set(now.heads) != expected:
        others = ", ".join(sorted(set(now.heads) - expected)) or "another revision"
        raise PlanMoved([f"Somebody else has written {others} at the same moment."])


@contextlib.contextmanager
def _removed_if_refused(path: Path) -> c.Iterator[None]:
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _read_back(draft: Draft, scripts: Scripts) -> Script:
    """Return the new revision as the files have it now, after hooks have been at it."""
    try:
        script = scripts.directory().get_revision(draft.revision)
    except (ScriptError, CommandError) as error:
        raise ScriptError(
            f"Revision {draft.path} is written, and cannot be read back: {error}",
            "Look at that file; a hook of ALEMBIC['post_write_hooks'] may have broken it.",
        ) from error

    assert script is not None
    return script


@contextlib.contextmanager
def _explained(scripts: Scripts, draft: Draft) -> c.Iterator[None]:
    """Turn a refusal of the file system into an error that says what to do."""
    try:
        yield
    except OSError as error:
        verb = "merge" if len(draft.parents) > 1 else "revision"
        raise ScriptError(
            f"The revision cannot be written to {draft.path.parent} by "
            f"{operating_system_user()}: {error.strerror or error}.",
            f"Run '{scripts.command} {verb}' where the sources are and deploy the file, or make "
            "that folder writable.",
        ) from error
