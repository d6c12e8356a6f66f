"""The commands about runs: what was run, by whom, and what is to be said about it."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

import click

from ..core.condition import mark_lost
from ..core.condition import seen_as
from ..core.ledger import RunRecord
from ..core.ledger import StepRecord
from ..core.migrator import Migrator
from ..core.surroundings import operating_system_user
from ..errors import TargetError
from .options import migration_command
from .options import selected
from .output import echo_json
from .output import listed
from .output import number


@migration_command(
    "list",
    verbose="Show why, and where it ran.",
    example="flask db runs list --limit 5",
    reads=True,
)
@click.option("--limit", type=click.IntRange(1), default=20, help="How many; 20 by default.")
def list_runs(migrator: Migrator, limit: int, verbose: bool, as_json: bool) -> None:
    """Show runs and refused attempts, newest first."""
    names = selected(migrator)
    records = [
        record for record in migrator.project.ledger.runs(limit=limit) if record.database in names
    ]

    if as_json:
        echo_json([_run_values(migrator, record) for record in records])
        return

    for record in records:
        click.echo(_run_line(migrator, record))
        if verbose:
            where = f"{record.host or '-'}, process {record.pid or '-'}"
            click.echo(f"  {where}: {record.reason or '-'}")

    if not records:
        click.echo("no run yet")


@migration_command(
    "show", verbose="Show its log as well.", example="flask db runs show 3f2a", reads=True
)
@click.argument("run_id")
def show_run(migrator: Migrator, run_id: str, verbose: bool, as_json: bool) -> None:
    """Show one run: its steps and how it ended; the beginning of its id is enough."""
    ledger = migrator.project.ledger
    record = _find(migrator, run_id)
    steps = ledger.steps(record.id)
    lines = ledger.log_lines(record.id, limit=5_000)

    if as_json:
        values = _run_values(migrator, record)
        values["steps"] = [_plain(dataclasses.asdict(step)) for step in steps]
        values["log"] = [_plain(dataclasses.asdict(line)) for line in lines]
        echo_json(values)
        return

    click.echo(_run_line(migrator, record))

    for step in steps:
        click.echo(f"  {step.position}. {step.revision} {step.message or ''}: {_step_text(step)}")

    if verbose:
        for line in lines:
            click.echo(f"  {line.time:%H:%M:%S} {line.message}")

    if record.error:
        click.echo(record.error)
    if record.examined_at:
        click.echo(f"examined by {record.examined_by}: {record.examined_reason}")


@migration_command("cancel", verbose="Show more.", example="flask db runs cancel 3f2a")
@click.argument("run_id")
def cancel_run(migrator: Migrator, run_id: str, verbose: bool) -> None:
    """Ask a run to stop before its next step."""
    record = _find(migrator, run_id)

    if not migrator.project.ledger.request_cancel(record.id):
        raise TargetError(f"Run {record.id} is {record.status}.", "There is nothing to stop.")

    click.echo(f"asked {record.id} to stop before its next step")


@migration_command(
    "examine",
    verbose="Show more.",
    example="flask db runs examine 3f2a --reason 'the column was there; dropped it by hand'",
)
@click.argument("run_id")
@click.option("--reason", required=True, help="What you found.")
def examine_run(migrator: Migrator, run_id: str, reason: str, verbose: bool) -> None:
    """Note that you have looked at the database that a run left in doubt."""
    record = _find(migrator, run_id)
    mark_lost(migrator.project, record.database)
    actor = operating_system_user()

    if not migrator.project.ledger.examine(record.id, actor=actor, reason=reason):
        raise TargetError(
            f"Run {record.id} is not in doubt, or somebody has examined it already.",
            "'flask db runs show' says how it ended.",
        )

    click.echo(f"examined {record.id}: further runs of {record.database} go on")


@migration_command("prune", verbose="Show more.", example="flask db runs prune --keep-days 365")
@click.option("--keep-days", type=click.IntRange(0), required=True, help="Keep as many days.")
def prune_runs(migrator: Migrator, keep_days: int, verbose: bool) -> None:
    """Delete old runs from the record; the last run of each database stays."""
    click.echo(f"deleted {number(migrator.project.ledger.prune(keep_days), 'record')}")


#: ``runs`` alone lists them.
@click.group("runs", invoke_without_command=True)
@click.pass_context
def runs(context: click.Context) -> None:
    """Show what was run and by whom, and say what you found."""
    if context.invoked_subcommand is None:
        context.invoke(list_runs)


for _command in (list_runs, show_run, cancel_run, examine_run, prune_runs):
    runs.add_command(_command)


def _find(migrator: Migrator, beginning: str) -> RunRecord:
    """Return the run whose id begins with a text.

    :raises TargetError: There is none, or more than one.
    """
    ledger = migrator.project.ledger
    found = ledger.run(beginning)

    if found is not None:
        return found

    matching = [record for record in ledger.runs(limit=1_000) if record.id.startswith(beginning)]

    if len(matching) != 1:
        what = "more than one run" if matching else "no run"
        raise TargetError(
            f"'{beginning}' begins the id of {what}.", "'flask db runs' lists their ids."
        )

    return matching[0]


def _run_line(migrator: Migrator, record: RunRecord) -> str:
    after = "" if record.heads_after is None else f" -> {listed(record.heads_after)}"
    what = f"{record.action} {record.database} {listed(record.heads_before)}{after}"
    return (
        f"{record.id[:12]} {record.requested:%Y-%m-%d %H:%M:%S} "
        f"{seen_as(migrator.project, record)} {what} by {record.actor or '?'}"
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
