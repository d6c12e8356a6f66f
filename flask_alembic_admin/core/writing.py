"""Writing revision files."""

from __future__ import annotations

import collections.abc as c
import contextlib
import typing as t

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
) -> list[Script | None]:
    """Write a new revision; the arguments are those of ``Migrator.revision``."""
    scripts = migrator.project.scripts
    directory = migrator.script_directory
    history = scripts.history()

    if branch:
        path = path or scripts.branch_locations.get(branch)
        parent, labels = _on_branch(branch, parent, labels, history, scripts)

    for argument, texts in (("parent", parent), ("depend", depend or [])):
        for text in texts:
            check_target(text, history, argument)

    with migrator.in_use() as use:
        revision_id = _new_id(migrator, history)
        context = autogenerate.RevisionContext(
            use.config,
            directory,
            {
                "message": message,
                "sql": False,
                "head": parent,
                "splice": splice,
                "branch_label": labels,
                "version_path": scripts.resolve(path) if path else str(scripts.folder),
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
            with use.reading():
                migrator.run_migrations(no_steps)

        with explained(parent), _writable(scripts):
            return list(context.generate_scripts())


def write_merge(
    migrator: Migrator, revisions: list[str], message: str | None, labels: list[str]
) -> Script | None:
    """Write a revision that joins others; the arguments are those of ``Migrator.merge``."""
    scripts = migrator.project.scripts
    directory = migrator.script_directory
    history = scripts.history()

    for text in revisions:
        check_target(text, history, "revisions")

    with explained(revisions):
        joined = [script.revision for script in directory.get_revisions(revisions)]

    if len(joined) < 2:
        raise TargetError(
            f"There is nothing to merge: '{', '.join(revisions)}' is "
            f"{joined[0] if joined else 'no revision'}.",
            "A merge joins two revisions or more, such as all 'heads'.",
        )

    with migrator.in_use() as use, explained(revisions), _writable(scripts):
        return directory.generate_revision(
            revid=_new_id(migrator, history),
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
        return [new for item in parent for new in (heads if item == "head" else [item])], labels

    return ["base"], [branch, *labels]


def _plain_heads(history: History, scripts: Scripts) -> list[str]:
    elsewhere = {to_folder(path) for path in scripts.branch_locations.values()}
    return [head for head in history.heads if history.revisions[head].path.parent not in elsewhere]


def _new_id(migrator: Migrator, history: History) -> str:
    revision_id = migrator.rev_id()

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
def _writable(scripts: Scripts) -> c.Iterator[None]:
    """Turn a refusal of the file system into an error that names the folder."""
    try:
        yield
    except OSError as error:
        raise ScriptError(
            f"The revision cannot be written to {scripts.folder}: {error.strerror or error}.",
            "Make revisions where the source tree can be written to, and deploy them.",
        ) from error
