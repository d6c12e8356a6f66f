"""What is known of a run while it goes on: where it began, and how far it has come."""

from __future__ import annotations

import time
import typing as t

from ..results import step_message
from ..results import step_revision
from ..results import StepResult

if t.TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep


class RunTrace:
    """What is known so far about the run of one database."""

    def __init__(self) -> None:
        self.before: tuple[str, ...] = ()
        #: Whether somebody was told what will be run.
        self.known = False
        self.step: RevisionStep | None = None
        self.steps: list[StepResult] = []
        self.seconds = 0.0
        self._began = self._step_began = time.monotonic()

    @property
    def has_begun(self) -> bool:
        """Whether a step was begun."""
        return self.step is not None or bool(self.steps)

    def come_to(self, heads: tuple[str, ...]) -> None:
        """Note where the database is before the first step that is run now."""
        self.step = None

        if not self.known:
            self.before = heads
        elif set(heads) == set(self.before):
            # Where all steps share one transaction, those of an earlier try went with it.
            self.steps.clear()

    def begin(self, step: RevisionStep) -> None:
        """Note that a step begins."""
        self.step = step
        self._step_began = time.monotonic()

    def done(self) -> None:
        """Note that it has ended well."""
        assert self.step is not None
        seconds = time.monotonic() - self._step_began
        self.steps.append(StepResult(step_revision(self.step), step_message(self.step), seconds))
        self.step = None

    def end(self) -> None:
        """Note that there is no further step."""
        self.seconds = time.monotonic() - self._began
