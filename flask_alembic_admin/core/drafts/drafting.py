"""Making revision files without writing them: Alembic writes elsewhere, and that is read."""

from __future__ import annotations

import collections.abc as c
import typing as t

from alembic import autogenerate
from alembic import util
from alembic.operations import MigrationScript
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext

from ...errors import ScriptError
from ...errors import TargetError
from ..model_operations import check_models
from ..scripts.targets import as_texts
from ..scripts.targets import check_target
from ..scripts.targets import explained
from ..scripts.targets import Target
from .draft import Draft
from .elsewhere import Elsewhere
from .new_revision import check_up_to_date
from .new_revision import new_id
from .new_revision import on_branch
from .new_revision import version_folder

if t.TYPE_CHECKING:
    from ..alembic_objects import AlembicObjects
    from ..migrator import Migrator


def draft_revision(
    migrator: Migrator,
    message: str,
    empty: bool = False,
    branch: str = "default",
    parent: Target = "head",
    splice: bool = False,
    depend: Target | None = None,
    label: str | c.Sequence[str] | None = None,
    path: str | None = None,
    *,
    rev_id: str | None = None,
) -> Draft:
    """Return what ``Migrator.revision`` would write, and write nothing.

    The arguments are those of ``Migrator.revision``.

    :raises TargetError: A parent or dependency names no revision, or the id is taken.
    :raises ScriptError: The app's ``process_revision_directives`` makes no file of it, or several.
    """
    drafts = draft_revisions(
        migrator,
        message=message,
        empty=empty,
        branch=branch,
        parent=as_texts(parent),
        splice=splice,
        depend=None if depend is None else as_texts(depend),
        labels=[label] if isinstance(label, str) else list(label or ()),
        path=path,
        rev_id=rev_id,
    )

    if len(drafts) != 1:
        raise ScriptError(
            f"The process_revision_directives of this app makes {len(drafts) or 'no'} "
            f"{'files' if drafts else 'file'} of this revision.",
            f"Use '{migrator.project.command} revision', which writes whatever it makes."
            if drafts
            else "There is nothing to write.",
        )

    return drafts[0]


def draft_revisions(
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
) -> list[Draft]:
    """Return all files that a new revision would be, in order; an app's hook may change that.

    :raises TargetError: A parent or dependency names no revision, or the id is taken.
    """
    scripts = migrator.project.scripts
    # Read before the files are loaded: what comes between is told apart when it is written.
    history = scripts.history()
    elsewhere = Elsewhere(scripts, history)

    if branch:
        path = path or scripts.branch_locations.get(branch)
        parent, labels = on_branch(branch, parent, labels, history, scripts)

    for argument, texts in (("parent", parent), ("depend", depend or [])):
        for text in texts:
            check_target(text, history, argument, scripts.command)

    folder = scripts.folders[0] if path is None else version_folder(path, scripts)
    # Where there is an env.py it is as with Alembic: the folder of the parent.
    chosen = None if path is None and scripts.env is not None else str(folder)

    with migrator.in_use() as use:
        context = autogenerate.RevisionContext(
            use.config,
            elsewhere.loaded,
            {
                "message": message,
                "sql": False,
                "head": parent,
                "splice": splice,
                "branch_label": labels,
                "version_path": chosen,
                "rev_id": new_id(migrator, history, rev_id),
                "depends_on": depend,
            },
        )
        compared = _compare(migrator, use, context, empty=empty)

        with (
            explained(parent, argument="parent", command=scripts.command),
            elsewhere.opened(use.config) as directory,
        ):
            context.script_directory = directory

            for made in context.generated_revisions:
                elsewhere.redirect(made)

            return [
                elsewhere.draft(script, made, compared)
                for made, script in zip(
                    context.generated_revisions, context.generate_scripts(), strict=True
                )
            ]


def draft_merge(
    migrator: Migrator,
    revisions: Target = "heads",
    message: str | None = None,
    label: str | c.Sequence[str] | None = None,
    *,
    rev_id: str | None = None,
) -> Draft:
    """Return what ``Migrator.merge`` would write, and write nothing.

    The arguments are those of ``Migrator.merge``.

    :raises TargetError: There is nothing to join.
    """
    scripts = migrator.project.scripts
    history = scripts.history()
    elsewhere = Elsewhere(scripts, history)
    texts = as_texts(revisions)

    for text in texts:
        check_target(text, history, "revisions", scripts.command)

    with explained(texts, argument="revisions", command=scripts.command):
        joined = [script.revision for script in elsewhere.loaded.get_revisions(texts)]

    if len(joined) < 2:
        raise TargetError(
            f"There is nothing to merge: '{', '.join(texts)}' is "
            f"{joined[0] if joined else 'no revision'}.",
            "A merge joins two revisions or more, such as all 'heads'.",
        )

    made = MigrationScript(
        new_id(migrator, history, rev_id),
        ops.UpgradeOps([]),
        ops.DowngradeOps([]),
        message=message if message is not None else f"merge {', '.join(joined)}",
        # Typed for one; Alembic's own command line gives several.
        head=joined,  # type: ignore[arg-type]
    )

    with (
        migrator.in_use() as use,
        explained(texts, argument="revisions", command=scripts.command),
        elsewhere.opened(use.config) as directory,
    ):
        elsewhere.redirect(made)
        script = directory.generate_revision(
            revid=str(made.rev_id),
            message=made.message,
            head=joined,
            branch_labels=[label] if isinstance(label, str) else list(label or ()) or None,
            version_path=made.version_path,
            config=use.config,
        )
        return elsewhere.draft(script, made, ())


def _compare(
    migrator: Migrator, use: AlembicObjects, context: autogenerate.RevisionContext, *, empty: bool
) -> list[str]:
    """Fill in what differs and return the databases that were compared with their models."""
    compared: list[str] = []

    def no_steps(heads: tuple[str, ...], migration_context: MigrationContext) -> list[t.Any]:
        if empty:
            context.run_no_autogenerate(heads, migration_context)
        else:
            compared.append(use.name_of(migration_context))
            check_models(migration_context)
            check_up_to_date(migrator, compared[-1])
            use.project.databases[compared[-1]].check_metadata()
            context.run_autogenerate(heads, migration_context)
        return []

    # An env.py may ask for it, as that of Flask-Migrate does.
    use.config.cmd_opts.autogenerate = not empty  # type: ignore[union-attr]

    if not empty or util.asbool(use.config.get_main_option("revision_environment")):
        migrator.run_migrations(no_steps)

    return compared
