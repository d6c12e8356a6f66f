"""Writing revision files."""

from __future__ import annotations

import collections.abc as c
import contextlib
import re
import typing as t
from pathlib import Path

from alembic import autogenerate
from alembic import util
from alembic.runtime.migration import MigrationContext
from alembic.script import Script

from ..errors import NotUpToDate
from ..errors import ScriptError
from ..errors import TargetError
from .history import History
from .scripts import Scripts
from .scripts import to_folder
from .targets import check_target
from .targets import explained
from .version_table import check_id_length

if t.TYPE_CHECKING:
    from .migrator import Migrator

#: The length that Alembic gives to the version column.
_USUAL_LENGTH = 32


def write_revision(
    migrator: Migrator,
    *,
    message: str,
    empty: bool,
    branch: str,
    parent: list[str],
    splice: bool,
    depend: list[str] | None,
    labels: list[str],
    path: str | None,
    rev_id: str | None = None,
) -> list[Script | None]:
    """Write a new revision; the arguments are those of ``Migrator.revision``."""
    scripts = migrator.project.scripts
    # Alembic adds the new revision to it, which nobody else may be reading meanwhile.
    directory = scripts.load()
    history = scripts.history()

    if branch:
        path = path or scripts.branch_locations.get(branch)
        parent, labels = _on_branch(branch, parent, labels, history, scripts)

    for argument, texts in (("parent", parent), ("depend", depend or [])):
        for text in texts:
            check_target(text, history, argument)

    folder = scripts.folder if path is None else _version_folder(path, scripts)

    with migrator.in_use() as use:
        revision_id = _new_id(migrator, history, rev_id)
        context = autogenerate.RevisionContext(
            use.config,
            directory,
            {
                "message": message,
                "sql": False,
                "head": parent,
                "splice": splice,
                "branch_label": labels,
                "version_path": str(folder),
                "rev_id": revision_id,
                "depends_on": depend,
            },
        )

        def no_steps(heads: tuple[str, ...], migration_context: MigrationContext) -> list[t.Any]:
            if empty:
                context.run_no_autogenerate(heads, migration_context)
            else:
                _check_up_to_date(migrator, use.name_of(migration_context))
                context.run_autogenerate(heads, migration_context)
            return []

        if not empty or util.asbool(use.config.get_main_option("revision_environment")):
            migrator.run_migrations(no_steps)

        with (
            explained(parent, argument="parent"),
            _writable(scripts, folder),
            _told_if_written(scripts, revision_id),
        ):
            return list(context.generate_scripts())


def write_merge(
    migrator: Migrator,
    revisions: list[str],
    message: str | None,
    labels: list[str],
    rev_id: str | None = None,
) -> Script | None:
    """Write a revision that joins others; the arguments are those of ``Migrator.merge``."""
    scripts = migrator.project.scripts
    directory = scripts.load()
    history = scripts.history()

    for text in revisions:
        check_target(text, history, "revisions")

    with explained(revisions, argument="revisions"):
        joined = [script.revision for script in directory.get_revisions(revisions)]

    if len(joined) < 2:
        raise TargetError(
            f"There is nothing to merge: '{', '.join(revisions)}' is "
            f"{joined[0] if joined else 'no revision'}.",
            "A merge joins two revisions or more, such as all 'heads'.",
        )

    revision_id = _new_id(migrator, history, rev_id)

    with (
        migrator.in_use() as use,
        explained(revisions, argument="revisions"),
        _writable(scripts, scripts.folder),
        _told_if_written(scripts, revision_id),
    ):
        return directory.generate_revision(
            revid=revision_id,
            message=message if message is not None else f"merge {', '.join(joined)}",
            head=joined,
            branch_labels=labels or None,
            config=use.config,
        )


def _on_branch(
    branch: str, parent: list[str], labels: list[str], history: History, scripts: Scripts
) -> tuple[list[str], list[str]]:
    """Return parents and labels for a revision on an independent branch."""
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


def _version_folder(path: str, scripts: Scripts) -> Path:
    folder = to_folder(scripts.resolve(path))

    if folder not in scripts.folders:
        raise TargetError(
            f"Path '{path}' is {folder}, which is no folder of revision files.",
            f"Add it to ALEMBIC['version_locations'], or write one of: "
            f"{', '.join(str(known) for known in scripts.folders)}.",
        )

    return folder


def _new_id(migrator: Migrator, history: History, given: str | None) -> str:
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


def _check_up_to_date(migrator: Migrator, database: str) -> None:
    pending = migrator.pending(database)

    if pending:
        raise NotUpToDate(
            f"Database '{database}' is not up to date: {len(pending)} "
            f"{'revision is' if len(pending) == 1 else 'revisions are'} pending.",
            "Run 'flask db upgrade' first, so that only new differences are found, or make an "
            "empty revision.",
        )


@contextlib.contextmanager
def _writable(scripts: Scripts, folder: Path) -> c.Iterator[None]:
    """Turn a refusal of the file system into an error that names the folder."""
    template = scripts.folder / "script.py.mako"

    if not template.exists():
        raise ScriptError(
            f"There is no template {template} to make a revision of.",
            "Make it with 'flask db mkdir'.",
        )

    try:
        yield
    except OSError as error:
        raise ScriptError(
            f"The revision cannot be written to {folder}: {error.strerror or error}.",
            "Make revisions where the source tree can be written to, and deploy them.",
        ) from error


@contextlib.contextmanager
def _told_if_written(scripts: Scripts, revision_id: str) -> c.Iterator[None]:
    """Say that a revision is there when only what comes after writing it has failed."""
    try:
        yield
    except Exception as error:
        written = scripts.history().revisions.get(revision_id)

        if written is None:
            raise

        raise ScriptError(
            f"Revision {written.path} is written, and a hook failed after that: "
            f"{type(error).__name__}: {error}.",
            "Correct ALEMBIC['post_write_hooks'], and run the hook by hand if the file needs it.",
        ) from error
