"""The command that says what a run would do, for people and for a run that does exactly that."""

from __future__ import annotations

import json
import typing as t

import click

from ..core.migrator import Migrator
from ..core.plan import make_plan
from ..core.plan import Plan
from ..core.results import Action
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
    wanted = targets or (("-1",) if action == "downgrade" else ("heads",))
    plans = []

    for name in selected(migrator):
        # A print() in a migration is no part of its plan.
        with clean_stdout():
            plans.append(make_plan(migrator, action, wanted, name))

    if as_json:
        echo_json([{**made.to_values(), "digest": made.digest} for made in plans])
        return

    for made in plans:
        _echo_plan(label_of(migrator, made.database), made, verbose)


def read_plans(file: t.IO[str], action: Action) -> list[Plan]:
    """Return the plans that ``plan --json`` printed.

    :param file: What it printed.
    :param action: What they have to be plans of.
    """
    try:
        plans = [
            Plan.from_values({key: value for key, value in values.items() if key != "digest"})
            for values in json.load(file)
        ]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise click.BadParameter(
            "this is not what 'plan --json' prints.", param_hint="--plan"
        ) from None

    for made in plans:
        if made.action != action:
            raise click.BadParameter(
                f"this is the plan of a {made.action}; run it with '{made.action} --plan'.",
                param_hint="--plan",
            )

    return plans


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
