"""What is in place of a step that was left half done, for a terminal, and the ways on from it."""

from __future__ import annotations

import textwrap

import click

from ..core.forensics.forensics import Forensics
from .output import number

_MARKS = {"done": "+", "not done": "-", "cannot be told": "?"}


def echo_forensics(found: Forensics, command: str) -> None:
    """Print what is in place, and what can be done about the rest.

    :param found: What was found.
    :param command: How the commands are called.
    """
    click.echo(f"{found.revision} {found.message or ''}".rstrip() + f": {found.sentence}")

    for one in found.operations:
        place = f"  ({one.file}:{one.line})" if one.file else ""
        click.echo(f"  {_MARKS[one.state]} {one.position}. {one.words}: {one.state}{place}")

    if found.statements is not None:
        click.echo(f"the record counts {number(found.statements, 'statement')} of this step")
    if found.last_statement:
        click.echo(f"the last one it knows: {found.last_statement}")
    if found.operations:
        _echo_ways(found, command)


def _echo_ways(found: Forensics, command: str) -> None:
    examine = f"{command} runs examine {found.run} --reason '...'"

    if found.finish_sql:
        click.echo("\nto finish it by hand, send:")
        click.echo(textwrap.indent(found.finish_sql, "    "))
    else:
        click.echo("\nthere is nothing to finish by hand:")

    if found.stamp:
        click.echo(f"  then: {examine}\n        {command} stamp {found.stamp}")

    if found.undo_sql:
        click.echo("\nto undo it by hand, send:")
        click.echo(textwrap.indent(found.undo_sql, "    "))
        click.echo(f"  then: {examine}")

    if found.no_rest:
        click.echo(f"\nthe rest cannot be run. {found.no_rest}")
    else:
        click.echo("\nto run the rest, which counts as the examination:")
        click.echo(f"    {command} plan --rest-of {found.run} --json > rest.json")
        click.echo(f"    {command} {found.action} --plan rest.json --reason '...'")
