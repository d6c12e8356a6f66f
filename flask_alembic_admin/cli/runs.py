"""The commands about runs: what was run, by whom, and what is to be said about it."""

from __future__ import annotations

import collections.abc as c
import contextlib
import dataclasses
import datetime
import typing as t

import click
import sqlalchemy as sa

from ..core.condition import mark_lost
from ..core.condition import seen_as
from ..core.forensics.rest import look_at
from ..core.ledger.ledger import Ledger
from ..core.ledger.tables import LogLine
from ..core.ledger.tables import RunRecord
from ..core.ledger.tables import RunStatus
from ..core.ledger.tables import StepRecord
from ..core.migrator import Migrator
from ..core.redact import mask_url
from ..core.redact import redact
from ..core.runs.outcomes import withdraw_run
from ..core.surroundings import operating_system_user
from ..errors import LedgerUnavailable
from ..errors import TargetError
from .forensics import echo_forensics
from .options import migration_command
from .output import clean_stdout
from .output import echo_json
from .output import listed
from .output import number

_SHOW_IT = "Show what is known of the run then."

#: How many records are read in one go where one of them is looked for.
_PAGE = 500


@migration_command(
    "list",
    verbose="Show why, and where it ran.",
    example="""
    flask db runs                     the same
    flask db runs --limit 5 --json
    """,
    reads=True,
)
@click.option("--limit", type=click.IntRange(1), default=20, help="How many; 20 by default.")
def list_runs(migrator: Migrator, limit: int, verbose: bool, as_json: bool) -> None:
    """Show runs and refused attempts, newest first."""
    # Without a name also those of databases that the app has no longer.
    database = click.get_current_context().params["database"]
    with _reading(migrator):
        records = migrator.project.ledger.runs(database, limit)

    if as_json:
        echo_json([_run_values(migrator, record) for record in records])
        return

    for record in records:
        click.echo(_run_line(migrator, record))
        if verbose:
            _echo_circumstances(record)

    if not records:
        click.echo("no run yet")


@migration_command(
    "show",
    verbose="Show its log as well.",
    example="""
    flask db runs show 3f2a
    flask db runs show 3f2a --look    what is in place of its half-done step
    """,
    reads=True,
)
@click.argument("run_id")
@click.option(
    "--look",
    is_flag=True,
    help="Hold the step that it left in doubt against the database, which is only read.",
)
def show_run(migrator: Migrator, run_id: str, look: bool, verbose: bool, as_json: bool) -> None:
    """Show one run: its steps, and how it ended."""
    record = find_run(migrator, run_id)
    found = None

    if look:
        # A print() in a migration is nothing that was found.
        with clean_stdout():
            found = look_at(migrator, record)

    if as_json:
        ledger = migrator.project.ledger
        values = _run_values(migrator, record)
        values["steps"] = [_plain(dataclasses.asdict(step)) for step in ledger.steps(record.id)]
        values["log"] = [_plain(dataclasses.asdict(line)) for line in _log_lines(ledger, record)]
        values["forensics"] = found.to_values() if found else None
        echo_json([values])
        return

    _echo_run(migrator, record, with_log=verbose)

    if found is not None:
        click.echo()
        echo_forensics(found, migrator.project.command)


@migration_command("cancel", verbose=_SHOW_IT, example="flask db runs cancel 3f2a")
@click.argument("run_id")
def cancel_run(migrator: Migrator, run_id: str, verbose: bool) -> None:
    """Ask a run to stop before its next step."""
    record = find_run(migrator, run_id)
    status = seen_as(migrator.project, record)
    withdrawn = withdraw_run(migrator.project, record.id)
    ended = status == RunStatus.LOST and not withdrawn

    if ended or not (withdrawn or migrator.project.ledger.request_cancel(record.id)):
        raise TargetError(f"Run {record.id} is over: {status}.", "There is nothing to stop.")

    if verbose:
        _echo_run(migrator, find_run(migrator, record.id))

    if withdrawn:
        click.echo(f"run {record.id} had not begun and is cancelled")
    else:
        click.echo(f"asked run {record.id} to stop before its next step")


@migration_command(
    "examine",
    verbose=_SHOW_IT,
    example="flask db runs examine 3f2a --reason 'the table was there; dropped it'",
)
@click.argument("run_id")
@click.option("--reason", required=True, help="What you found.")
def examine_run(migrator: Migrator, run_id: str, reason: str, verbose: bool) -> None:
    """Say what you found where a run left a database in doubt."""
    if not reason.strip():
        raise click.BadParameter("say what you found.", param_hint="--reason")

    record = find_run(migrator, run_id)
    mark_lost(migrator.project, record.database)
    actor = operating_system_user()

    if not migrator.project.ledger.examine(record.id, actor=actor, reason=reason):
        raise TargetError(
            f"Run {record.id} is not in doubt, or somebody has examined it already.",
            f"'{migrator.project.command} runs show' says how it ended.",
        )

    if verbose:
        _echo_run(migrator, find_run(migrator, record.id))

    click.echo(f"examined run {record.id}: it stops no other run of '{record.database}' any more")


@migration_command(
    "prune", verbose="Say how many stay, too.", example="flask db runs prune --keep-days 365"
)
@click.option(
    "--keep-days",
    type=click.IntRange(0),
    required=True,
    metavar="DAYS",
    help="Delete what is older than so many days.",
)
def prune_runs(migrator: Migrator, keep_days: int, verbose: bool) -> None:
    """Delete old records, except the last run of each database."""
    deleted = migrator.project.ledger.prune(keep_days)

    if verbose:
        left = sum(1 for _ in _all_records(migrator.project.ledger))
        click.echo(f"kept {number(left, 'record')}")

    click.echo(f"deleted {number(deleted, 'record')}")


class _Runs(click.Group):
    """A group that lists runs where no command is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = args[0] if args else "-"

        # While a shell completes a word, the word may become a command.
        if (
            not ctx.resilient_parsing
            and first.startswith("-")
            and first not in ctx.help_option_names
        ):
            args = ["list", *args]

        return super().parse_args(ctx, args)


@click.group("runs", cls=_Runs, epilog="'runs' alone is 'runs list', and has its options.")
def runs() -> None:
    """Show what was run and by whom, and say what you found."""


for _command in (list_runs, show_run, cancel_run, examine_run, prune_runs):
    runs.add_command(_command)


@contextlib.contextmanager
def _reading(migrator: Migrator) -> c.Iterator[None]:
    """Say which database does not answer where the record is read."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        url = migrator.project.ledger.engine.url
        reason = f"{type(error.orig).__name__}: {error.orig}".strip().partition("\n")[0]
        raise LedgerUnavailable(
            f"The record of runs at {mask_url(url)} cannot be read: "
            f"{redact(reason, [url]).rstrip('.')}.",
            "See that its database works, or name another one in ALEMBIC_ADMIN['ledger'].",
        ) from error


def find_run(migrator: Migrator, beginning: str) -> RunRecord:
    """Return the run whose id begins with a text.

    :param migrator: The verbs.
    :param beginning: The text.
    :raises TargetError: There is none, or more than one.
    """
    ledger = migrator.project.ledger

    with _reading(migrator):
        found = ledger.run(beginning)

    if found is not None:
        return found

    # An empty text is a variable that somebody forgot to set.
    matching = [
        record for record in _all_records(ledger) if beginning and record.id.startswith(beginning)
    ]

    if len(matching) != 1:
        what = "more than one run" if matching else "no run"
        raise TargetError(
            f"'{beginning}' begins the id of {what}.",
            f"'{migrator.project.command} runs' lists their ids.",
        )

    return matching[0]


def _all_records(ledger: Ledger) -> c.Iterator[RunRecord]:
    before = None

    while records := ledger.runs(limit=_PAGE, before=before):
        yield from records
        before = records[-1].id


def _log_lines(ledger: Ledger, record: RunRecord) -> c.Iterator[LogLine]:
    after = 0

    while lines := ledger.log_lines(record.id, after):
        yield from lines
        after = lines[-1].sequence


def _echo_run(migrator: Migrator, record: RunRecord, *, with_log: bool = False) -> None:
    click.echo(_run_line(migrator, record))
    _echo_circumstances(record)

    for step in migrator.project.ledger.steps(record.id):
        name = f"{step.revision} {step.message or ''}".rstrip()
        click.echo(f"  {step.position}. {name}: {_step_text(step)}")

    if with_log:
        for line in _log_lines(migrator.project.ledger, record):
            click.echo(f"  {line.time:%H:%M:%S} {line.message}")

    if record.error:
        click.echo(record.error)
    if record.examined_at:
        click.echo(f"examined by {record.examined_by}: {record.examined_reason}")


def _echo_circumstances(record: RunRecord) -> None:
    if record.reason:
        click.echo(f"  why: {record.reason}")
    if record.host:
        click.echo(f"  where: {record.host}, process {record.pid}, {record.runner or '?'}")


def _run_line(migrator: Migrator, record: RunRecord) -> str:
    if record.status == RunStatus.REFUSED:
        way = f"to {record.target}"
    elif record.heads_after is None:
        way = f"from {listed(record.heads_before)} to {record.target}"
    else:
        way = f"{listed(record.heads_before)} -> {listed(record.heads_after)}"

    return (
        f"{record.id[:12]} {record.requested:%Y-%m-%d %H:%M:%S} UTC "
        f"{seen_as(migrator.project, record)} {record.action} {record.database} {way} "
        f"by {record.actor or '?'}"
    )


def _run_values(migrator: Migrator, record: RunRecord) -> dict[str, t.Any]:
    values = _plain(dataclasses.asdict(record))
    values.pop("plan")
    values["status"] = str(seen_as(migrator.project, record))
    return values


def _step_text(step: StepRecord) -> str:
    if step.started is None:
        return str(step.status)

    seconds = ""
    if step.finished is not None:
        seconds = f" in {(step.finished - step.started).total_seconds():.1f} s"

    statements = f", {number(step.statements, 'statement')}" if step.statements else ""
    return f"{step.status}{seconds}{statements}"


def _plain(values: dict[str, t.Any]) -> dict[str, t.Any]:
    return {
        key: value.isoformat() if isinstance(value, datetime.datetime) else value
        for key, value in values.items()
    }
