"""The steps of a run, told as they go by."""

from __future__ import annotations

import collections.abc as c
import sys
import time
import typing as t

import click

from ..core.results import step_message
from ..core.results import step_revision

if t.TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep


class Progress:
    """Prints each step of a run on one database.

    On a terminal a step's line is completed when the step ends. Elsewhere, where lines may be
    read by line, its beginning and its end have one each.

    :param label: Stands before each line.
    """

    def __init__(self, label: str = "") -> None:
        self._label = label
        self._on_terminal = sys.stdout.isatty()
        self._began = 0.0
        #: How many steps there are, and how many of them have ended.
        self.total = self.done = 0
        #: The revision of the step that has begun and not ended.
        self.revision: str | None = None

    def run_started(self, database: str, steps: c.Sequence[RevisionStep]) -> None:
        self.total, self.done = len(steps), 0

    def step_started(self, database: str, position: int, step: RevisionStep) -> None:
        self.stop()  # The same step may be tried again.
        self.revision = step_revision(step)
        self._began = time.monotonic()
        line = f"{self._label}{position}/{self.total} {self.revision} {step_message(step)}".rstrip()

        if self._on_terminal:
            click.echo(f"{line} ... ", nl=False)
        else:
            click.echo(line)

    def step_done(self, database: str, position: int, step: RevisionStep) -> None:
        self.revision = None
        self.done = position
        seconds = f"{time.monotonic() - self._began:.1f} s"

        if self._on_terminal:
            click.echo(seconds)
        else:
            click.echo(f"{self._label}    done in {seconds}")

    def stop(self) -> None:
        """End the line of a step that will not end."""
        if self.revision is not None and self._on_terminal:
            click.echo()
