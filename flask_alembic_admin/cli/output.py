"""How revisions and results are printed, for people and for programs."""

from __future__ import annotations

import collections.abc as c
import json
import sys
import typing as t

import click
from alembic.script import Script

from ..core.results import RunResult
from ..core.results import step_message
from ..core.results import step_revision
from ..core.results import UnknownRevision

if t.TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep

_PAST = {"upgrade": "upgraded", "downgrade": "downgraded", "stamp": "stamped"}


def echo_json(value: object) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, indent=2))


def script_line(script: Script, verbose: bool = False) -> str:
    """Return a revision as text, of one line or, if verbose, of all that its file says."""
    if isinstance(script, UnknownRevision):
        return f"{script.revision} (unknown: no revision file has it)"

    return script.cmd_format(
        verbose,
        include_branches=True,
        include_doc=True,
        include_parents=True,
        tree_indicators=True,
    )


def script_values(script: Script) -> dict[str, t.Any]:
    """Return a revision as values for JSON."""
    known = not isinstance(script, UnknownRevision)
    return {
        "revision": script.revision,
        "message": script.doc if known else None,
        "known": known,
        "parents": _listed(script.down_revision),
        "depends_on": _listed(script.dependencies),
        "labels": sorted(script.branch_labels),
        "file": script.path or None,
        "head": known and script.is_head,
        "branch_point": known and script.is_branch_point,
        "merge_point": known and script.is_merge_point,
    }


def result_line(result: RunResult, *, several: bool) -> str:
    """Return what is true of a database after a run.

    :param result: What was done.
    :param several: Whether there are other databases, so that this one has to be named.
    """
    after = listed(result.after)
    seconds = f"{result.seconds:.1f} s"
    count = len(result.steps)
    prefix = f"{result.database}: " if several else ""

    if result.before == result.after and not count:
        return f"{prefix}already at {after}"

    steps = f"{count} {'revision' if count == 1 else 'revisions'}, {seconds}"
    detail = seconds if result.action == "stamp" else steps
    return f"{prefix}{_PAST[result.action]} {listed(result.before)} -> {after} ({detail})"


def listed(revisions: c.Iterable[str]) -> str:
    """Return ids separated by commas, or ``base`` for none."""
    return ", ".join(revisions) or "base"


class Progress:
    """Prints each step of a run: on a terminal as it begins, elsewhere one line as it ends."""

    def __init__(self) -> None:
        self._total = 0
        self._on_terminal = sys.stdout.isatty()

    def run_started(self, database: str, steps: c.Sequence[RevisionStep]) -> None:
        self._total = len(steps)

    def step_started(self, database: str, position: int, step: RevisionStep) -> None:
        if self._on_terminal:
            click.echo(f"  {self._line(position, step)} ...", nl=False)

    def step_done(self, database: str, position: int, step: RevisionStep) -> None:
        if self._on_terminal:
            click.echo(" done")
        else:
            click.echo(self._line(position, step))

    def _line(self, position: int, step: RevisionStep) -> str:
        return f"{position}/{self._total} {step_revision(step)} {step_message(step)}".rstrip()


def _listed(value: str | c.Iterable[str] | None) -> list[str]:
    if value is None:
        return []

    return [value] if isinstance(value, str) else list(value)
