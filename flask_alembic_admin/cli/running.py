"""The commands that change databases, or print the SQL that would."""

from __future__ import annotations

import collections.abc as c
import contextlib
import dataclasses
import typing as t

import click

from ..core.migrator import Migrator
from ..core.plans.plan import Plan
from ..core.plans.plan import replan
from ..core.plans.preview import StepPreview
from ..core.results import Action
from ..core.results import RunResult
from ..core.runs.options import RunOptions
from ..core.runs.signals import Signals
from ..core.servers import Timeouts
from ..errors import MigrationError
from ..errors import PlanMoved
from ..errors import TargetError
from .failures import echo_traceback
from .failures import FAILED
from .failures import NO
from .failures import status_of
from .options import label_of
from .options import migration_command
from .options import selected
from .output import clean_stdout
from .output import echo_of_run
from .output import listed
from .output import result_text
from .planning import plans_of_file
from .planning import refuse_range
from .progress import Notices
from .progress import Progress
from .stopping import stopped
from .stopping import was_interrupted

_Function = t.TypeVar("_Function", bound=c.Callable[..., t.Any])

_VERBOSE = "Show where each database is and which files are to run."

_sql_option = click.option(
    "--sql",
    is_flag=True,
    help="Print the SQL, from where the database is or for START:END, and run nothing.",
)


def _run_options(command: _Function) -> _Function:
    """Give a command what can be said about a run."""
    options = [
        click.option(
            "--wait",
            type=click.FloatRange(0),
            default=60.0,
            metavar="SECONDS",
            help="Wait so long for another run to end; 60 by default, 0 refuses at once.",
        ),
        click.option("--reason", help="Why, for the record."),
        click.option("--tag", help="What context.get_tag_argument() returns in migrations."),
        click.option(
            "--lock-timeout",
            type=click.FloatRange(0),
            metavar="SECONDS",
            help="Wait so long for a lock on a table; 0 as long as the server does.",
        ),
        click.option(
            "--statement-timeout",
            type=click.FloatRange(0),
            metavar="SECONDS",
            help="End a statement that takes longer; 0 leaves it to the server.",
        ),
    ]

    for option in reversed(options):
        command = option(command)

    return command


_plan_option = click.option(
    "--plan",
    "plan_file",
    type=click.File(encoding="utf-8"),
    metavar="FILE",
    help="Run exactly what 'plan --json' printed into this file, or nothing.",
)

#: Runs a verb on the database of that name.
_Verb: t.TypeAlias = c.Callable[[str, Progress], c.Iterable[RunResult]]


@migration_command(
    "upgrade",
    verbose=_VERBOSE,
    example="""
    flask db upgrade                    everything
    flask db upgrade +1                 the next one
    flask db upgrade --sql > plan.sql   nothing: read it first
    flask db upgrade --sql base:1f4a    nothing, and no database is needed
    flask db upgrade --plan plan.json   what 'plan --json' has shown
    """,
)
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@_sql_option
@_plan_option
@_run_options
def upgrade(
    migrator: Migrator,
    targets: tuple[str, ...],
    sql: bool,
    plan_file: t.IO[str] | None,
    verbose: bool,
    **said: t.Any,
) -> None:
    """Run migrations up to TARGET, all of them by default."""
    options = _options_of_run(migrator, said)

    def verb(name: str, progress: Progress) -> c.Iterable[RunResult]:
        return migrator.upgrade(
            targets or "heads", database=name, watcher=progress, options=options
        )

    if plan_file is not None:
        _refuse_besides_plan(targets, sql)
        _run_plans(migrator, "upgrade", plan_file, options, verbose)
    elif sql:
        _echo_sql(migrator, "upgrade", targets or ("heads",))
    else:
        _run(migrator, "upgrade", targets or ("heads",), verb, options, verbose)


@migration_command(
    "downgrade",
    verbose=_VERBOSE,
    example="""
    flask db downgrade        one step
    flask db downgrade 2      two steps; -2 is the same
    flask db downgrade 1f4a   to this revision
    flask db downgrade base   everything
    """,
)
@click.argument("target", required=False)
@_sql_option
@_plan_option
@_run_options
def downgrade(
    migrator: Migrator,
    target: str | None,
    sql: bool,
    plan_file: t.IO[str] | None,
    verbose: bool,
    **said: t.Any,
) -> None:
    """Undo migrations down to TARGET, one step by default."""
    wanted = target or "-1"
    options = _options_of_run(migrator, said)

    def verb(name: str, progress: Progress) -> c.Iterable[RunResult]:
        return migrator.downgrade(wanted, database=name, watcher=progress, options=options)

    if plan_file is not None:
        _refuse_besides_plan(target, sql)
        _run_plans(migrator, "downgrade", plan_file, options, verbose)
    elif sql:
        _echo_sql(migrator, "downgrade", (wanted,))
    else:
        _run(migrator, "downgrade", (wanted,), verb, options, verbose)


@migration_command(
    "stamp",
    verbose=_VERBOSE,
    example="""
    flask db stamp 1f4a            the database is there already
    flask db stamp --purge heads   forget rows that no revision file has
    """,
)
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@click.option("--purge", is_flag=True, help="Empty the version table first.")
@_sql_option
@_plan_option
@_run_options
def stamp(
    migrator: Migrator,
    targets: tuple[str, ...],
    purge: bool,
    sql: bool,
    plan_file: t.IO[str] | None,
    verbose: bool,
    **said: t.Any,
) -> None:
    """Note TARGET as applied without running it, heads by default."""
    options = _options_of_run(migrator, said)

    def verb(name: str, progress: Progress) -> c.Iterable[RunResult]:
        before = migrator.current_ids(name)
        # One line in the end says all of it.
        watcher = Notices(label_of(migrator, name))
        for result in migrator.stamp(
            targets or "heads", purge, database=name, watcher=watcher, options=options
        ):
            # A purge begins at base; people want to know what was there.
            yield dataclasses.replace(result, before=before)

    if sql and purge:
        raise click.UsageError("--purge and --sql do not go together, as in Alembic.")

    if plan_file is not None:
        _refuse_besides_plan(targets, sql, purge)
        _run_plans(migrator, "stamp", plan_file, options, verbose)
    elif sql:
        _echo_sql(migrator, "stamp", targets or ("heads",))
    else:
        _run(migrator, "stamp", targets or ("heads",), verb, options, verbose, starts_anew=purge)


def _options_of_run(migrator: Migrator, said: c.Mapping[str, t.Any]) -> RunOptions:
    usual = migrator.project.settings.timeouts
    lock, statement = said["lock_timeout"], said["statement_timeout"]
    return RunOptions(
        reason=said["reason"],
        wait=said["wait"],
        timeouts=Timeouts(
            lock=usual.lock if lock is None else lock,
            statement=usual.statement if statement is None else statement,
        ),
        runner="command line",
        signals=Signals(),
    )


def _refuse_besides_plan(*others: object) -> None:
    if any(others):
        raise click.UsageError("--plan stands alone: the file says what is run.")


def _run_plans(
    migrator: Migrator, action: Action, file: t.IO[str], options: RunOptions, verbose: bool
) -> None:
    """Run exactly the plans in a file, each on its database."""
    plans = plans_of_file(migrator, file, action)
    names = list(plans)
    fits = {name: _fits(migrator, plans[name]) for name in names}
    # One that will be refused, and noted, comes before another one has changed its database.
    names.sort(key=fits.__getitem__)

    for name in names:
        if verbose and fits[name]:
            steps = () if action == "stamp" else [step.revision for step in plans[name].steps]
            _echo_plan(migrator, name, plans[name].heads, steps)

    def verb(name: str, progress: Progress) -> c.Iterable[RunResult]:
        try:
            watched = dataclasses.replace(options, watcher=progress)
            return [migrator.run(plans[name], options=watched)]
        except TargetError as error:
            # It could be reached when it was planned.
            raise PlanMoved([error.message]) from error

    _carry_out(migrator, names, verb, options)


def _fits(migrator: Migrator, plan: Plan) -> bool:
    """Return whether a plan made now would be the same."""
    with contextlib.suppress(MigrationError):
        return not plan.moved(replan(migrator, plan))

    return False


def _run(
    migrator: Migrator,
    action: Action,
    targets: tuple[str, ...],
    verb: _Verb,
    options: RunOptions,
    verbose: bool,
    *,
    starts_anew: bool = False,
) -> None:
    """Run a verb on one database after the other, and say what is then true of each."""
    refuse_range(targets)
    names = selected(migrator)
    before = {name: migrator.current_ids(name) for name in names}

    # What can be refused is refused before any of them has changed.
    for name in names:
        steps = () if starts_anew else migrator.steps(action, targets, name)
        if verbose:
            _echo_plan(migrator, name, before[name], () if action == "stamp" else steps)

    _carry_out(migrator, names, verb, options)


def _carry_out(
    migrator: Migrator, names: c.Sequence[str], verb: _Verb, options: RunOptions
) -> None:
    before = {name: migrator.current_ids(name) for name in names}

    # From here on whoever tells the process to end gets that between two steps.
    if options.signals is not None:
        click.get_current_context().with_resource(options.signals)

    for position, name in enumerate(names, 1):
        label = label_of(migrator, name)
        progress = Progress(label)

        try:
            results = tuple(verb(name, progress))
        except (MigrationError, KeyboardInterrupt) as error:
            progress.stop()
            if click.get_current_context().params["traceback"]:
                echo_traceback(migrator)
            echo_of_run(f"{label}{stopped(migrator, name, progress, error)}", err=True)
            for other in names[position:]:
                echo_of_run(f"{other}: not begun, at {listed(before[other])}", err=True)
            status = FAILED if was_interrupted(error) else status_of(error)
            click.get_current_context().exit(status)
        except BaseException:
            progress.stop()
            raise

        for result in results:
            echo_of_run(f"{label}{result_text(result)}")


def _echo_plan(
    migrator: Migrator, name: str, before: tuple[str, ...], steps: c.Iterable[str]
) -> None:
    label = label_of(migrator, name)
    click.echo(f"{label}database {migrator.project.databases[name].masked_url}")
    click.echo(f"{label}at {listed(before)}")

    for step in steps:
        click.echo(f"{label}to run: {migrator.script_directory.get_revision(step).path}")


def _echo_sql(migrator: Migrator, action: Action, targets: tuple[str, ...]) -> None:
    """Print the SQL of a run for each database; they are only read."""
    start, end = _range(action, targets)
    incomplete = []

    for name in selected(migrator):
        # A print() in a migration is no SQL.
        with clean_stdout():
            previews = migrator.preview(action, end, name, start)

        if label_of(migrator, name):
            click.echo(f"-- Database {name}")

        in_transactions = migrator.project.databases[name].rolls_back_ddl
        texts = [_sql_text(preview, in_transactions) for preview in previews]
        click.echo("\n\n".join(texts) or f"-- Nothing to {action}.")
        incomplete += [f"{p.revision} {p.incomplete}" for p in previews if p.incomplete]

    for line in incomplete:
        click.echo(f"The SQL is incomplete: {line}", err=True)

    if incomplete:
        click.get_current_context().exit(NO)


def _range(action: Action, targets: tuple[str, ...]) -> tuple[str | None, list[str]]:
    """Return where to begin, None for where the database is, and where to go."""
    if len(targets) > 1 or ":" not in targets[0]:
        return None, list(targets)

    start, _, end = targets[0].partition(":")
    return start or "base", [end or ("-1" if action == "downgrade" else "heads")]


def _sql_text(preview: StepPreview, in_transaction: bool) -> str:
    sql = preview.sql

    if preview.incomplete:
        sql = f"{sql}\n\n-- INCOMPLETE: {preview.incomplete}"

    # As a run does it: each revision in a transaction of its own.
    return f"BEGIN;\n\n{sql}\n\nCOMMIT;" if in_transaction else sql
