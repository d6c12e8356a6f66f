"""The steps of a run, told as they go by."""

from __future__ import annotations

import collections.abc as c
import sys
import threading
import time
import typing as t

from ..core.results import step_message
from ..core.results import step_revision
from .output import echo_of_run

if t.TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep


class Notices:
    """Prints what is noticed while a run goes on, and nothing of its steps.

    It goes to standard error, from whichever thread it comes.

    :param label: Stands before each line.
    """

    def __init__(self, label: str = "") -> None:
        self._label = label
        #: Held while something is printed.
        self._printing = threading.Lock()
        #: Whether the last line on the terminal waits for its end.
        self._is_open = False

    def run_started(self, database: str, steps: c.Sequence[RevisionStep]) -> None:
        pass

    def step_started(self, database: str, position: int, step: RevisionStep) -> None:
        pass

    def step_done(self, database: str, position: int, step: RevisionStep) -> None:
        pass

    def noticed(self, message: str) -> None:
        with self._printing:
            self._end_line()
            echo_of_run(f"{self._label}{message}", err=True)

    def _end_line(self) -> None:
        if self._is_open:
            self._is_open = False
            echo_of_run()


class Progress(Notices):
    """Prints each step of a run on one database, and what is noticed meanwhile.

    On a terminal a step's line is completed when the step ends. Elsewhere, where lines may be
    read by line, its beginning and its end have one each.

    :param label: Stands before each line.
    """

    def __init__(self, label: str = "") -> None:
        super().__init__(label)
        self._on_terminal = sys.stdout is not None and sys.stdout.isatty()
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

        with self._printing:
            self._is_open = self._on_terminal
            echo_of_run(f"{line} ... " if self._is_open else line, nl=not self._is_open)

    def step_done(self, database: str, position: int, step: RevisionStep) -> None:
        self.revision = None
        self.done = position
        seconds = f"{time.monotonic() - self._began:.1f} s"

        with self._printing:
            echo_of_run(seconds if self._is_open else f"{self._label}    done in {seconds}")
            self._is_open = False

    def stop(self) -> None:
        """End the line of a step that will not end."""
        with self._printing:
            self._end_line()
