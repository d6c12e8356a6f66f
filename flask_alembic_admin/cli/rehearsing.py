"""The command that runs a plan where it cannot hurt, and says what that took."""

from __future__ import annotations

import collections.abc as c
import typing as t

import click

from ..core.migrator import Migrator
from ..core.plans.plan import Plan
from ..core.rehearsal.places import rehearsal_place
from ..core.rehearsal.result import Rehearsal
from ..core.rehearsal.result import RehearsedStep
from ..core.results import Action
from ..core.runs.signals import ended_by_signal
from .failures import NO
from .options import label_of
from .options import migration_command
from .options import selected
from .output import clean_stdout
from .output import echo_json
from .output import listed
from .output import number
from .planning import plans_of_file
from .planning import wanted_targets


@migration_command(
    "rehearse",
    verbose="Show the slowest statement of each step.",
    example="""
    flask db rehearse                            all that is pending
    flask db rehearse --action downgrade base    undo everything
    flask db rehearse --plan plan.json           what 'plan --json' printed
    """,
    reads=True,
)
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@click.option(
    "--action",
    type=click.Choice(["upgrade", "downgrade"]),
    default="upgrade",
    help="What is rehearsed; an upgrade by default.",
)
@click.option(
    "--plan",
    "plan_file",
    type=click.File(encoding="utf-8"),
    metavar="FILE",
    help="Rehearse exactly what 'plan --json' printed into this file.",
)
def rehearse(
    migrator: Migrator,
    targets: tuple[str, ...],
    action: Action,
    plan_file: t.IO[str] | None,
    verbose: bool,
    as_json: bool,
) -> None:
    """Run steps up to TARGET where they cannot hurt; measure them."""
    plans = _plans(migrator, targets, action, plan_file)
    results = []

    for plan in plans:
        label = label_of(migrator, plan.database)

        if not plan.steps:
            if not as_json:
                click.echo(f"{label}nothing to {plan.action}: at {listed(plan.heads)}")
            continue

        place = rehearsal_place(migrator.project, plan)
        place.refuse_if_nowhere()

        # What has to be known is said before.
        for line in () if as_json else (f"rehearses on {place.where}", *place.notes):
            click.echo(f"{label}{line}")

        # A print() in a migration is no part of the result.
        with clean_stdout(), ended_by_signal():
            results.append(migrator.rehearse(plan))

        if not as_json:
            for line in _lines(results[-1], verbose):
                click.echo(f"{label}{line}")

    if as_json:
        echo_json([result.to_values() for result in results])

    if not all(result.succeeded for result in results):
        click.get_current_context().exit(NO)


def _plans(
    migrator: Migrator, targets: tuple[str, ...], action: Action, file: t.IO[str] | None
) -> list[Plan]:
    if file is None:
        wanted = wanted_targets(migrator, action, targets)

        with clean_stdout():
            return [migrator.plan(action, wanted, database=name) for name in selected(migrator)]

    if targets:
        raise click.UsageError("--plan says what is rehearsed: leave TARGET out.")

    return list(plans_of_file(migrator, file).values())


def _lines(result: Rehearsal, verbose: bool) -> c.Iterator[str]:
    for position, step in enumerate(result.steps, 1):
        yield f"{position}. {step.revision} {step.message}".rstrip()
        yield f"   {_measures(step)}"

        if step.locks:
            locks = ", ".join(f"{table} {mode}" for table, mode in step.locks.items())
            yield f"   locks: {locks}"

        if verbose and step.slowest:
            yield f"   slowest, {step.slowest_seconds:.1f} s: {' '.join(step.slowest.split())}"

        if step.error:
            place = f" at {step.file}, line {step.line}" if step.file else ""
            yield f"   failed{place}: {step.error}"

    if result.error:
        yield f"failed: {result.error}"

    after = listed(result.heads_after) if result.heads_after is not None else "?"
    word = "rehearsed" if result.succeeded else "failed to rehearse"
    yield f"{word} {result.action} {listed(result.heads)} -> {after} ({result.seconds:.1f} s)"


def _measures(step: RehearsedStep) -> str:
    return (
        f"{step.seconds:.1f} s, {number(step.statements, 'statement')}, {number(step.rows, 'row')}"
    )
