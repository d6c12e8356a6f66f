"""The command that says what was recognised of a project, and what is in the way."""

from __future__ import annotations

import dataclasses

import click

from ..core.doctor import examine
from ..core.doctor import Kind
from ..core.migrator import Migrator
from .failures import NO
from .options import migration_command
from .output import clean_stdout
from .output import echo_json

_SHAPES: dict[Kind, str] = {"ok": "✓", "note": "▲", "problem": "✖"}


@migration_command(
    "doctor",
    verbose="Show nothing more; all is shown.",
    example="""
    flask db doctor                  what was found, and what is in the way
    flask db doctor --json           the same for a program
    """,
    reads=True,
)
def doctor(migrator: Migrator, verbose: bool, as_json: bool) -> None:
    """Exit with status 1 if something is in the way of every run."""
    with migrator.in_use() as use, clean_stdout():
        facts = examine(use.project, use.x_arguments)

    if as_json:
        echo_json([dataclasses.asdict(fact) for fact in facts])
    else:
        for fact in facts:
            text = f"{_SHAPES[fact.kind]} {fact.subject}: {fact.text}"
            click.echo(migrator.in_own_words(text))

            if fact.cure:
                click.echo(f"  {migrator.in_own_words(fact.cure)}")

    if any(fact.kind == "problem" for fact in facts):
        click.get_current_context().exit(NO)
