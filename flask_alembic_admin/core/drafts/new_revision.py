"""What was asked for of a new revision, checked and filled in: parents, labels, folder, id."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

from ...errors import NotUpToDate
from ...errors import TargetError
from ..databases.version_table import check_id_length
from ..scripts.history import History
from ..scripts.options import to_folder
from ..scripts.scripts import Scripts

if t.TYPE_CHECKING:
    from ..migrator import Migrator

#: The length that Alembic gives to the version column.
_USUAL_LENGTH = 32


def on_branch(
    branch: str, parent: list[str], labels: list[str], history: History, scripts: Scripts
) -> tuple[list[str], list[str]]:
    """Return parents and labels for a revision on an independent branch.

    :param branch: The branch's name.
    :param parent: What was asked for as parents.
    :param labels: What was asked for as labels.
    :param history: The revision files.
    :param scripts: The same, with the folders of branches.
    """
    if branch in history.labels:
        return [f"{branch}@{item}" if item in {"base", "head"} else item for item in parent], labels

    if branch == "default" and (heads := _plain_heads(history, scripts)):
        # A history that was begun elsewhere has no such label; its head is what is meant.
        head = heads[0] if len(heads) == 1 else "head"
        return [head if item == "head" else item for item in parent], labels

    return ["base"], [branch, *labels]


def _plain_heads(history: History, scripts: Scripts) -> list[str]:
    elsewhere = {to_folder(path) for path in scripts.branch_locations.values()}
    return [head for head in history.heads if history.revisions[head].path.parent not in elsewhere]


def version_folder(path: str, scripts: Scripts) -> Path:
    """Return the folder that somebody has named.

    :param path: What they wrote.
    :param scripts: The revision files.
    :raises TargetError: It is no folder of revision files.
    """
    folder = to_folder(scripts.resolve(path))

    if folder not in scripts.folders:
        raise TargetError(
            f"Path '{path}' is {folder}, which is no folder of revision files.",
            f"Add it to ALEMBIC['version_locations'], or write one of: "
            f"{', '.join(str(known) for known in scripts.folders)}.",
        )

    return folder


def new_id(migrator: Migrator, history: History, given: str | None) -> str:
    """Return an id that no revision has.

    :param migrator: Makes it, and knows the databases that have to hold it.
    :param history: The revision files.
    :param given: The id that was asked for; a new one if None.
    :raises TargetError: It is taken, or cannot be one.
    """
    if given is not None:
        _check_given_id(given, history)

    revision_id = migrator.rev_id() if given is None else given

    if revision_id in history.revisions:
        raise TargetError(
            f"rev_id() gave '{revision_id}', which {history.revisions[revision_id].path} has.",
            "Return an id that no file has: a time in whole seconds is the same for two "
            "revisions made within one.",
        )

    if len(revision_id) > _USUAL_LENGTH:
        with migrator.in_use() as use:
            for context in use.contexts().values():
                check_id_length(context, [revision_id])

    return revision_id


def _check_given_id(revision_id: str, history: History) -> None:
    if revision_id in history.revisions:
        path = history.revisions[revision_id].path
        raise TargetError(f"Revision id '{revision_id}' is that of {path}.", "Give another one.")

    # Alembic reads the signs as parts of a target; the others cannot be in a file's name.
    if not re.fullmatch(r"[^\s@+\-/\\:,]+", revision_id):
        raise TargetError(
            f"Revision id '{revision_id}' cannot be one.", "Use letters, digits and underscores."
        )


def check_up_to_date(migrator: Migrator, database: str) -> None:
    """Refuse to compare a database with its models that is behind its files.

    :param migrator: Knows what is pending.
    :param database: The database's name.
    :raises NotUpToDate: Revisions are pending.
    """
    pending = migrator.pending(database)

    if pending:
        raise NotUpToDate(
            f"Database '{database}' is not up to date: {len(pending)} "
            f"{'revision is' if len(pending) == 1 else 'revisions are'} pending.",
            f"Run '{migrator.project.command} upgrade' first, so that only new differences are "
            "found, or make an empty revision.",
        )
