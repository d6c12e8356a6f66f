"""The commands. Each gets a ``Migrator`` and prints what its verbs give back."""

from __future__ import annotations

import collections.abc as c

import click
from alembic.script import Script

from ..core.drift import describe_differences
from ..core.migrator import Migrator
from ..core.preview import StepPreview
from ..core.results import Action
from ..core.results import RunResult
from ..core.results import UnknownRevision
from ..errors import TargetError
from .options import migration_command
from .options import NO
from .output import echo_json
from .output import listed
from .output import Progress
from .output import result_line
from .output import script_line
from .output import script_values

_SQL_HELP = "Print the SQL, from where the database is or for START:END, and run nothing."


@migration_command("mkdir")
def mkdir(migrator: Migrator, verbose: bool) -> None:
    """Make the migrations folder where it is missing."""
    migrator.mkdir()
    click.echo(f"migrations are in {migrator.project.scripts.folder}")


@migration_command("init")
def init(migrator: Migrator, verbose: bool) -> None:
    """Make the migrations folder: another word for mkdir."""
    migrator.mkdir()
    click.echo(f"migrations are in {migrator.project.scripts.folder}")


@migration_command("current", reads=True)
@click.option("--check-heads", is_flag=True, help="Exit with status 1 if revisions are pending.")
def current(migrator: Migrator, check_heads: bool, verbose: bool, as_json: bool) -> None:
    """Show the revisions that each database is at."""
    behind = False
    values = []

    for name, label in _databases(migrator):
        scripts = migrator.current(name)
        pending = migrator.pending(name)
        unknown = any(isinstance(script, UnknownRevision) for script in scripts)
        behind = behind or bool(pending) or unknown
        values.append(
            {
                "database": name,
                "revisions": [script_values(script) for script in scripts],
                "pending": list(pending),
                "up_to_date": not pending and not unknown,
            }
        )

        if not as_json:
            for script in scripts:
                click.echo(f"{label}{script_line(script, verbose)}")
            if not scripts:
                click.echo(f"{label}base: no revision was ever applied")
            if pending:
                click.echo(f"{label}{_count(pending, 'revision')} pending")

    if as_json:
        echo_json(values)

    if check_heads and behind:
        if not as_json:
            click.echo("Not all heads are applied.")
        click.get_current_context().exit(NO)


@migration_command("heads", reads=True)
@click.option("--resolve-dependencies", is_flag=True, help="Leave out what others depend on.")
def heads(migrator: Migrator, resolve_dependencies: bool, verbose: bool, as_json: bool) -> None:
    """Show the revisions that have no child."""
    _echo_scripts(migrator.heads(resolve_dependencies), verbose, as_json)


@migration_command("branches", reads=True)
def branches(migrator: Migrator, verbose: bool, as_json: bool) -> None:
    """Show the revisions that have more than one child."""
    points = migrator.branches()

    if as_json:
        echo_json([{**script_values(s), "children": sorted(s.nextrev)} for s in points])
        return

    for point in points:
        click.echo(script_line(point, verbose))
        for child in sorted(point.nextrev):
            click.echo(f"    -> {script_line(migrator.script_directory.get_revision(child))}")


@migration_command("log", reads=True)
@click.option("--start", default="base", help="Only revisions after this one.")
@click.option("--end", default="heads", help="Only revisions up to this one.")
def log(migrator: Migrator, start: str, end: str, verbose: bool, as_json: bool) -> None:
    """Show the revisions, newest first."""
    _echo_scripts(migrator.log(start, end), verbose, as_json)


@migration_command("history", reads=True)
@click.option("-r", "--rev-range", default="", help="START:END, such as -3:current.")
@click.option("-i", "--indicate-current", is_flag=True, help="Mark where the database is.")
def history(
    migrator: Migrator, rev_range: str, indicate_current: bool, verbose: bool, as_json: bool
) -> None:
    """Show the revisions, newest first: log with the options of Flask-Migrate."""
    start, colon, end = rev_range.partition(":")

    if rev_range and not colon:
        raise TargetError(f"--rev-range is '{rev_range}'.", "Write START:END, either may be empty.")

    scripts = migrator.log(start or "base", end or "heads")
    here = set(migrator.current_ids()) if indicate_current else set()

    if as_json:
        echo_json([{**script_values(s), "current": s.revision in here} for s in scripts])
        return

    for script in scripts:
        mark = " (current)" if script.revision in here else ""
        click.echo(f"{script_line(script, verbose)}{mark}")


@migration_command("show", reads=True)
@click.argument("revisions", nargs=-1)
def show(migrator: Migrator, revisions: tuple[str, ...], verbose: bool, as_json: bool) -> None:
    """Show all that the files of some revisions say; heads by default."""
    scripts = migrator.find(revisions or ("heads",))

    if as_json:
        echo_json([script_values(script) for script in scripts])
    else:
        click.echo("\n".join(script.cmd_format(True) for script in scripts))


@migration_command("check", reads=True)
def check(migrator: Migrator, verbose: bool, as_json: bool) -> None:
    """Exit with status 1 if models and databases differ."""
    found = {
        name: describe_differences(migrator.compare_metadata(name))
        for name, _ in _databases(migrator)
    }
    differ = any(found.values())

    if as_json:
        echo_json([{"database": name, "differences": lines} for name, lines in found.items()])
    else:
        for name, label in _databases(migrator):
            for line in found[name]:
                click.echo(f"{label}{line}")
        click.echo("Changes detected." if differ else "No changes detected.")

    if differ:
        click.get_current_context().exit(NO)


@migration_command("upgrade")
@click.argument("target", default="heads")
@click.option("--sql", is_flag=True, help=_SQL_HELP)
def upgrade(migrator: Migrator, target: str, sql: bool, verbose: bool) -> None:
    """Run migrations up to TARGET, all heads by default."""
    if sql:
        _echo_sql(migrator, "upgrade", target)
    else:
        _echo_results(migrator, migrator.upgrade(target, watcher=Progress()))


@migration_command("downgrade")
@click.argument("target", default="-1")
@click.option("--sql", is_flag=True, help=_SQL_HELP)
def downgrade(migrator: Migrator, target: str, sql: bool, verbose: bool) -> None:
    """Undo migrations down to TARGET, one step by default; a number is a count of steps."""
    if sql:
        _echo_sql(migrator, "downgrade", target)
    else:
        _echo_results(migrator, migrator.downgrade(target, watcher=Progress()))


# Without it a target such as -1 is read as an option.
downgrade.context_settings["ignore_unknown_options"] = True


@migration_command("stamp")
@click.argument("target", default="heads")
@click.option("--purge", is_flag=True, help="Empty the version table first.")
@click.option("--sql", is_flag=True, help=_SQL_HELP)
def stamp(migrator: Migrator, target: str, purge: bool, sql: bool, verbose: bool) -> None:
    """Write TARGET into the version table without running any migration."""
    if sql:
        _echo_sql(migrator, "stamp", target)
    else:
        _echo_results(migrator, migrator.stamp(target, purge))


@migration_command("revision")
@click.argument("message", default="")
@click.option("-m", "--message", "message_option", help="The message, as an option.")
@click.option("--empty", is_flag=True, help="Leave its functions empty.")
@click.option("-b", "--branch", default="default", help="The independent branch it belongs to.")
@click.option("-p", "--parent", multiple=True, default=["head"], help="What it comes after.")
@click.option("--splice", is_flag=True, help="Allow a parent that is no head.")
@click.option("-d", "--depend", multiple=True, help="What must have run before it.")
@click.option("-l", "--label", multiple=True, help="Labels to give to it.")
@click.option("--path", help="The folder to write it to.")
def revision(
    migrator: Migrator,
    message: str,
    message_option: str | None,
    empty: bool,
    branch: str,
    parent: tuple[str, ...],
    splice: bool,
    depend: tuple[str, ...],
    label: tuple[str, ...],
    path: str | None,
    verbose: bool,
) -> None:
    """Write a revision from the differences between models and databases."""
    text = _message(message, message_option)
    _echo_written(
        migrator.revision(text, empty, branch, parent, splice, depend or None, label, path)
    )


@migration_command("migrate")
@click.option("-m", "--message", required=True, help="What it does, in a few words.")
@click.option("--head", "parent", multiple=True, default=["head"], help="What it comes after.")
@click.option("--splice", is_flag=True, help="Allow a parent that is no head.")
@click.option("--branch-label", "label", multiple=True, help="Labels to give to it.")
@click.option("--version-path", "path", help="The folder to write it to.")
def migrate(
    migrator: Migrator,
    message: str,
    parent: tuple[str, ...],
    splice: bool,
    label: tuple[str, ...],
    path: str | None,
    verbose: bool,
) -> None:
    """Write a revision if models and databases differ: revision in Flask-Migrate's words."""
    if not migrator.needs_upgrade() and not migrator.needs_revision():
        click.echo("No changes detected, so no revision was written.")
        return

    _echo_written(migrator.revision(message, parent=parent, splice=splice, label=label, path=path))


@migration_command("merge")
@click.argument("revisions", nargs=-1)
@click.option("-m", "--message", help="What it does; names the joined revisions by default.")
@click.option("-l", "--label", multiple=True, help="Labels to give to it.")
def merge(
    migrator: Migrator,
    revisions: tuple[str, ...],
    message: str | None,
    label: tuple[str, ...],
    verbose: bool,
) -> None:
    """Write a revision that joins REVISIONS, all heads by default."""
    if not revisions and len(migrator.heads()) < 2:
        click.echo(f"nothing to merge: {listed(s.revision for s in migrator.heads())} is the head")
        return

    _echo_written([migrator.merge(revisions or "heads", message, label)])


@migration_command("edit")
@click.argument("target", default="head")
def edit(migrator: Migrator, target: str, verbose: bool) -> None:
    """Open the file of a revision in the editor."""
    texts = migrator.current_ids() if target == "current" else (target,)

    for script in migrator.find(texts):
        click.edit(filename=script.path)


COMMANDS: tuple[click.Command, ...] = (
    mkdir,
    init,
    current,
    heads,
    branches,
    log,
    history,
    show,
    check,
    upgrade,
    downgrade,
    stamp,
    revision,
    migrate,
    merge,
    edit,
)


def _databases(migrator: Migrator) -> list[tuple[str, str]]:
    """Return the names of the databases at work, and what to print before lines about each."""
    with migrator.in_use() as use:
        names = use.selected

    several = len(migrator.project.databases) > 1
    return [(name, f"{name}: " if several else "") for name in names]


def _echo_scripts(scripts: c.Iterable[Script], verbose: bool, as_json: bool) -> None:
    if as_json:
        echo_json([script_values(script) for script in scripts])
        return

    for script in scripts:
        click.echo(script_line(script, verbose))


def _echo_results(migrator: Migrator, results: c.Iterable[RunResult]) -> None:
    several = len(migrator.project.databases) > 1

    for result in results:
        click.echo(result_line(result, several=several))


def _echo_written(scripts: c.Iterable[Script | None]) -> None:
    for script in scripts:
        if script is not None:
            click.echo(f"wrote {script.path}")


def _echo_sql(migrator: Migrator, action: Action, target: str) -> None:
    start, colon, end = target.rpartition(":")

    for name, label in _databases(migrator):
        previews = migrator.preview(action, end or "heads", name, start if colon else None)
        if label:
            click.echo(f"-- Database {name}")
        click.echo("\n\n".join(_sql_text(preview) for preview in previews))


def _sql_text(preview: StepPreview) -> str:
    warning = f"\n-- INCOMPLETE: {preview.incomplete}" if preview.incomplete else ""
    return f"{preview.sql}{warning}"


def _message(argument: str, option: str | None) -> str:
    text = option or argument

    if not text:
        raise TargetError("A revision needs a message.", "Write 'revision \"add orders\"'.")

    return text


def _count(things: c.Sized, noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"
