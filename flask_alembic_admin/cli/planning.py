"""The command that says what a run would do, for people and for a run that does exactly that."""

from __future__ import annotations

import json
import typing as t

import click

from ..core.forensics.rest import plan_rest
from ..core.migrator import Migrator
from ..core.plans.plan import Plan
from ..core.results import Action
from ..core.scripts.targets import count_or_revision
from ..errors import TargetError
from .estimates import estimate_lines
from .estimates import summary_lines
from .linting import finding_lines
from .options import label_of
from .options import migration_command
from .options import selected
from .output import clean_stdout
from .output import echo_json
from .output import listed
from .output import number
from .runs import find_run


@migration_command(
    "plan",
    verbose="Show the SQL of each step, and code to write instead of what is dangerous.",
    example="""
    flask db plan                              all that is pending
    flask db plan --action downgrade base      what would be undone
    flask db plan --json > plan.json           to run exactly that later:
    flask db upgrade --plan plan.json
    flask db plan --rest-of 3f2a               what is left of a half-done step
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
@click.option(
    "--rest-of",
    metavar="RUN",
    help="Plan what is left of the step that this run left half done, and of the run.",
)
def plan(
    migrator: Migrator,
    targets: tuple[str, ...],
    action: Action,
    rest_of: str | None,
    verbose: bool,
    as_json: bool,
) -> None:
    """Show what a run up to TARGET would do, and run nothing."""
    plans = []

    # A print() in a migration is no part of its plan.
    with clean_stdout():
        if rest_of is None:
            wanted = wanted_targets(migrator, action, targets)
            plans += [migrator.plan(action, wanted, database=name) for name in selected(migrator)]
        elif targets:
            raise click.UsageError("--rest-of stands alone: the run says where it goes.")
        else:
            plans.append(plan_rest(migrator, find_run(migrator, rest_of))[0])

    if as_json:
        echo_json([{**made.to_values(), "digest": made.digest} for made in plans])
        return

    for made in plans:
        _echo_plan(migrator, made, verbose)


def read_plans(file: t.IO[str], action: Action | None = None) -> dict[str, Plan]:
    """Return by the names of their databases the plans that ``plan --json`` printed.

    :param file: What it printed.
    :param action: What they have to be plans of; anything if None.
    """
    try:
        plans = [_from_values(values) for values in json.load(file)]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise wrong_plan("this is not what 'plan --json' prints.") from None

    by_name = {made.database: made for made in plans}

    if not plans or len(by_name) < len(plans):
        raise wrong_plan("this is not what 'plan --json' prints.")

    for made in plans:
        if action is not None and made.action != action:
            raise wrong_plan(f"this is to be run with '{made.action} --plan'.")

    return by_name


def plans_of_file(
    migrator: Migrator, file: t.IO[str], action: Action | None = None
) -> dict[str, Plan]:
    """Return by the names of their databases the plans in a file that a command works on.

    :param migrator: The verbs.
    :param file: What ``plan --json`` printed.
    :param action: What they have to be plans of; anything if None.
    """
    plans = read_plans(file, action)
    chosen = click.get_current_context().params["database"]
    names = [chosen] if chosen else list(plans)

    for name in names:
        if name not in plans:
            raise wrong_plan(f"there is no plan of database '{name}' in it.")
        if name not in migrator.project.databases:
            raise wrong_plan(f"it is of database '{name}', and there is none of that name.")

    return {name: plans[name] for name in names}


def refuse_range(targets: t.Sequence[str]) -> None:
    """Refuse START:END where something is to be run.

    :param targets: What was given as TARGET.
    :raises TargetError: It is one.
    """
    if len(targets) == 1 and ":" in targets[0]:
        raise TargetError(f"Target '{targets[0]}' is a range.", "A range goes with --sql only.")


def wrong_plan(message: str) -> click.BadParameter:
    """Return the error for a file that holds no plan to be run here."""
    return click.BadParameter(message, param_hint="--plan")


def wanted_targets(migrator: Migrator, action: Action, targets: tuple[str, ...]) -> list[str]:
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


def _echo_plan(migrator: Migrator, made: Plan, verbose: bool) -> None:
    label = label_of(migrator, made.database)

    for line in summary_lines(made, migrator.project.settings):
        click.echo(f"{label}{line}")

    if made.options.rest_of:
        done = number(len(made.options.left_out), "operation")
        click.echo(f"{label}the first step leaves out what is in place: {done}")

    for position, step in enumerate(made.steps, 1):
        click.echo(f"{label}{position}. {step.revision} {step.message or ''}".rstrip())

        if step.incomplete:
            click.echo(f"{label}   incomplete: {step.incomplete}")

        for line in estimate_lines(step.estimate):
            click.echo(f"{label}   {line}")

        for finding in step.findings:
            for line in finding_lines(finding, verbose):
                click.echo(f"{label} {migrator.in_own_words(line)}")

        if verbose:
            click.echo(f"{step.sql}\n")

    if made.steps:
        steps = number(len(made.steps), "step")
        click.echo(f"{label}{made.action} from {listed(made.heads)}: {steps}, nothing was run")
    else:
        click.echo(f"{label}nothing to {made.action}: at {listed(made.heads)}")
