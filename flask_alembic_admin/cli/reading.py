"""The commands that only look."""

from __future__ import annotations

import collections.abc as c

import click
from alembic.script import Script

from ..core.drift import describe_differences
from ..core.migrator import Migrator
from ..core.results import UnknownRevision
from ..errors import TargetError
from .failures import NO
from .options import asked
from .options import label_of
from .options import migration_command
from .options import selected
from .output import clean_stdout
from .output import count
from .output import echo_json
from .output import echo_labelled
from .output import listed
from .output import script_text
from .output import script_values

_ALL_OF_A_FILE = "Show all that each file says."


@migration_command(
    "current",
    reads=True,
    verbose="Show where each database is, and all that each file says.",
    example="""
    flask db current                 what is applied, and what is pending
    flask db current --check-heads   the same, as an exit status for scripts
    """,
)
@click.option("--check-heads", is_flag=True, help="Exit with status 1 unless all is applied.")
def current(migrator: Migrator, check_heads: bool, verbose: bool, as_json: bool) -> None:
    """Show what each database is at."""
    values = []

    for name in selected(migrator):
        with clean_stdout():
            scripts = migrator.current(name)
            pending = migrator.pending(name)

        unknown = [s.revision for s in scripts if isinstance(s, UnknownRevision)]
        values.append(
            {
                "database": name,
                "revisions": [script_values(script) for script in scripts],
                "pending": list(pending),
                "up_to_date": not pending and not unknown,
            }
        )

        if not as_json:
            _echo_current(migrator, name, scripts, pending, verbose)

    if as_json:
        echo_json(values)

    if check_heads and not all(value["up_to_date"] for value in values):
        click.get_current_context().exit(NO)


@migration_command("heads", reads=True, verbose=_ALL_OF_A_FILE)
@click.option(
    "--resolve-dependencies", is_flag=True, help="Leave out those that another depends on."
)
def heads(migrator: Migrator, resolve_dependencies: bool, verbose: bool, as_json: bool) -> None:
    """Show the revisions that have no child."""
    with clean_stdout():
        scripts = migrator.heads(resolve_dependencies)

    _echo_scripts(scripts, verbose, as_json)


@migration_command("branches", reads=True, verbose=_ALL_OF_A_FILE)
def branches(migrator: Migrator, verbose: bool, as_json: bool) -> None:
    """Show the revisions that have several children."""
    with clean_stdout():
        points = migrator.branches()

    if as_json or not points:
        _echo_scripts(points, verbose, as_json, none="there are no branches")
        return

    for point in points:
        click.echo(script_text(point, verbose))
        for child in migrator.find(sorted(point.nextrev)):
            click.echo(f"    -> {script_text(child)}")


@migration_command(
    "log",
    reads=True,
    verbose=_ALL_OF_A_FILE,
    example="""
    flask db log --start current     from where the database is
    """,
)
@click.option("--start", default="base", metavar="TARGET", help="Show since this revision.")
@click.option("--end", default="heads", metavar="TARGET", help="Show until this revision.")
def log(migrator: Migrator, start: str, end: str, verbose: bool, as_json: bool) -> None:
    """Show the revisions, newest first."""
    with clean_stdout():
        scripts = migrator.log(start, end, _asked_by(migrator, start, end))

    _echo_scripts(scripts, verbose, as_json)


@migration_command(
    "history",
    reads=True,
    verbose=_ALL_OF_A_FILE,
    example="""
    flask db history -r current:     from where the database is
    flask db history -r -3:          the head and three before it
    flask db history -i              all, with a mark where the database is
    """,
)
@click.option(
    "-r", "--rev-range", default="", metavar="START:END", help="Only these; either may be empty."
)
@click.option("-i", "--indicate-current", is_flag=True, help="Mark where the databases are.")
def history(
    migrator: Migrator, rev_range: str, indicate_current: bool, verbose: bool, as_json: bool
) -> None:
    """Show the revisions: log, for whoever knows Flask-Migrate."""
    first, colon, last = rev_range.partition(":")
    start, end = first or "base", last or "heads"

    if rev_range and not colon:
        raise TargetError(
            f"--rev-range is '{rev_range}'.", "Write START:END, of which either may be empty."
        )

    with clean_stdout():
        scripts = migrator.log(start, end, _asked_by(migrator, start, end))

    places = _places(migrator) if indicate_current else {}

    if as_json:
        echo_json(
            [
                {
                    **script_values(script),
                    "current": places.get(script.revision, []) if indicate_current else None,
                }
                for script in scripts
            ]
        )
        return

    for script in scripts:
        click.echo(f"{script_text(script, verbose)}{_mark(migrator, places, script)}")

    if not scripts:
        click.echo("no revisions")


@migration_command(
    "show",
    reads=True,
    verbose="Show the text of each file too.",
    example="""
    flask db show current
    flask db show 1f4a heads
    """,
)
@click.argument("revisions", nargs=-1, metavar="[TARGET]...")
def show(migrator: Migrator, revisions: tuple[str, ...], verbose: bool, as_json: bool) -> None:
    """Show what the files of revisions say, heads by default."""
    with clean_stdout():
        scripts = find(migrator, revisions or ("heads",))

    if as_json or not scripts:
        _echo_scripts(scripts, verbose, as_json)
        return

    for script in scripts:
        click.echo(script_text(script, verbose=True))
        if verbose and script.path:
            with open(script.path, encoding="utf-8") as file:
                click.echo(file.read())


@migration_command(
    "check",
    reads=True,
    verbose="Show where each database is.",
)
def check(migrator: Migrator, verbose: bool, as_json: bool) -> None:
    """Exit with status 1 if models and databases differ."""
    values = []

    for name in selected(migrator):
        with clean_stdout():
            differences = describe_differences(migrator.compare_metadata(name))
            pending = migrator.pending(name)

        values.append({"database": name, "differences": differences, "pending": list(pending)})

        if not as_json:
            label = label_of(migrator, name)
            _echo_place(migrator, name, verbose)
            for line in differences:
                click.echo(f"{label}{line}")
            if differences and pending:
                click.echo(f"{label}{count(pending)} pending, the likely reason: upgrade first")
            click.echo(f"{label}{'Changes' if differences else 'No changes'} detected.")

    if as_json:
        echo_json(values)

    if any(value["differences"] for value in values):
        click.get_current_context().exit(NO)


def find(migrator: Migrator, targets: c.Iterable[str]) -> list[Script]:
    """Return the revisions that some targets mean; ``current`` is where the database is."""
    found: list[Script] = []

    for target in targets:
        if target == "current":
            found += migrator.current(asked(migrator))
        else:
            found += migrator.find(target)

    return found


def _asked_by(migrator: Migrator, *targets: str) -> str | None:
    """Return the database that some targets ask; None where the files say it all."""
    return asked(migrator) if "current" in targets else None


def _echo_current(
    migrator: Migrator,
    name: str,
    scripts: c.Sequence[Script],
    pending: c.Sequence[str],
    verbose: bool,
) -> None:
    label = label_of(migrator, name)
    unknown = [script.revision for script in scripts if isinstance(script, UnknownRevision)]
    _echo_place(migrator, name, verbose)

    for script in scripts:
        echo_labelled(label, script_text(script, verbose))

    if not scripts:
        click.echo(f"{label}base (no revision is applied)")

    said = []
    if unknown:
        said.append(f"ahead: no revision file here has {listed(unknown)}")
    if pending:
        said.append(f"{count(pending)} pending")

    click.echo(f"{label}{', '.join(said) or 'up to date'}")


def _echo_place(migrator: Migrator, name: str, verbose: bool) -> None:
    if verbose:
        url = migrator.project.databases[name].masked_url
        click.echo(f"{label_of(migrator, name)}database {url}")


def _echo_scripts(
    scripts: c.Iterable[Script], verbose: bool, as_json: bool, none: str = "no revisions"
) -> None:
    scripts = list(scripts)

    if as_json:
        echo_json([script_values(script) for script in scripts])
        return

    for script in scripts:
        click.echo(script_text(script, verbose))

    if not scripts:
        click.echo(none)


def _places(migrator: Migrator) -> dict[str, list[str]]:
    """Return the names of the databases that are at each revision."""
    places: dict[str, list[str]] = {}

    for name in selected(migrator):
        for revision in migrator.current_ids(name):
            places.setdefault(revision, []).append(name)

    return places


def _mark(migrator: Migrator, places: dict[str, list[str]], script: Script) -> str:
    names = places.get(script.revision)

    if not names:
        return ""

    which = f": {', '.join(names)}" if len(migrator.project.databases) > 1 else ""
    return f" (current{which})"
