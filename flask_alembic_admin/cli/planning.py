"""The command that says what a run would do, for people and for a run that does exactly that."""

from __future__ import annotations

import json
import typing as t

import click

from ..core.migrator import Migrator
from ..core.plan import Plan
from ..core.results import Action
from ..core.targets import count_or_revision
from ..errors import TargetError
from .options import label_of
from .options import migration_command
from .options import selected
from .output import clean_stdout
from .output import echo_json
from .output import listed
from .output import number


@migration_command(
    "plan",
    verbose="Show the SQL of each step.",
    example="""
    flask db plan                              all that is pending
    flask db plan --action downgrade base      what would be undone
    flask db plan --json > plan.json           to run exactly that later:
    flask db upgrade --plan plan.json
    """,
    reads=True,
)
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@click.option(
    "--action",
    type=click.Choice(["upgrade", "downgrade", "stamp"]),
    default="upgrade",
    help="What is planned; an upgrade by default.",
)
def plan(
    migrator: Migrator, targets: tuple[str, ...], action: Action, verbose: bool, as_json: bool
) -> None:
    """Show what a run up to TARGET would do, and run nothing."""
    wanted = _wanted(migrator, action, targets)
    plans = []

    for name in selected(migrator):
        # A print() in a migration is no part of its plan.
        with clean_stdout():
            plans.append(migrator.plan(action, wanted, database=name))

    if as_json:
        echo_json([{**made.to_values(), "digest": made.digest} for made in plans])
        return

    for made in plans:
        _echo_plan(label_of(migrator, made.database), made, verbose)


def read_plans(file: t.IO[str], action: Action) -> dict[str, Plan]:
    """Return by the names of their databases the plans that ``plan --json`` printed.

    :param file: What it printed.
    :param action: What they have to be plans of.
    """
    try:
        plans = [_from_values(values) for values in json.load(file)]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise wrong_plan("this is not what 'plan --json' prints.") from None

    by_name = {made.database: made for made in plans}

    if not plans or len(by_name) < len(plans):
        raise wrong_plan("this is not what 'plan --json' prints.")

    for made in plans:
        if made.action != action:
            raise wrong_plan(f"this is to be run with '{made.action} --plan'.")

    return by_name


def refuse_range(targets: t.Sequence[str]) -> None:
    """Refuse START:END where something is to be run.

    :raises TargetError: It is one.
    """
    if len(targets) == 1 and ":" in targets[0]:
        raise TargetError(f"Target '{targets[0]}' is a range.", "A range goes with --sql only.")


def wrong_plan(message: str) -> click.BadParameter:
    """Return the error for a file that holds no plan to be run here."""
    return click.BadParameter(message, param_hint="--plan")


def _wanted(migrator: Migrator, action: Action, targets: tuple[str, ...]) -> list[str]:
    """Return targets as a run takes them, a number with its sign."""
    if not targets:
        return ["-1" if action == "downgrade" else "heads"]

    refuse_range(targets)

    if action == "downgrade" and len(targets) > 1:
        raise click.UsageError("A downgrade has one TARGET.")

    history = migrator.project.scripts.history()
    downwards = action == "downgrade"
    return [count_or_revision(text, history, downwards=downwards) for text in targets]


def _from_values(values: dict[str, t.Any]) -> Plan:
    digest = values.pop("digest")
    made = Plan.from_values(values)

    if made.digest != digest:
        raise ValueError("It is not what was printed.")

    return made


def _echo_plan(label: str, made: Plan, verbose: bool) -> None:
    for position, step in enumerate(made.steps, 1):
        click.echo(f"{label}{position}. {step.revision} {step.message or ''}".rstrip())

        if step.incomplete:
            click.echo(f"{label}   incomplete: {step.incomplete}")
        if verbose:
            click.echo(f"{step.sql}\n")

    if made.steps:
        steps = number(len(made.steps), "step")
        click.echo(f"{label}{made.action} from {listed(made.heads)}: {steps}, nothing was run")
    else:
        click.echo(f"{label}nothing to {made.action}: at {listed(made.heads)}")
