"""What the page of a run shows: how far it is, its steps, its log, and where one can go from it."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime

from ..core.ledger.tables import ACTIVE
from ..core.ledger.tables import LogLine
from ..core.ledger.tables import RunRecord
from ..core.ledger.tables import RunStatus
from ..core.ledger.tables import StepRecord
from ..core.ledger.tables import StepStatus
from ..core.quantities import duration
from .presenters import Badge
from .presenters import badge


@dataclasses.dataclass(frozen=True)
class StepRow:
    """One step in the table.

    :param record: The step.
    :param badge: Where it stands.
    :param took: How long it took, or takes so far.
    :param statements: How many statements it has sent.
    :param rows: How many rows they touched.
    """

    record: StepRecord
    badge: Badge
    took: str
    statements: str
    rows: str


@dataclasses.dataclass(frozen=True)
class RunView:
    """A run as it stands now.

    :param record: The run.
    :param seen: Where it stands as far as can be seen, which the ledger may not know yet.
    :param total: How many steps it has.
    :param steps: Its steps, or those of them that may have changed.
    :param orphaned: Whether its process is gone while the database still works for it.
    :param heads_now: What the version table holds, for a run whose verdict does not say it.
    """

    record: RunRecord
    seen: RunStatus
    total: int
    steps: c.Sequence[StepRecord]
    orphaned: bool = False
    heads_now: tuple[str, ...] | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more is to be expected of it."""
        return not self.record.active or self.seen == RunStatus.LOST

    @property
    def by_hand(self) -> bool:
        """Whether it waits for somebody to start it."""
        return self.record.status == RunStatus.QUEUED and self.record.runner == "manual"

    @property
    def badge(self) -> Badge:
        """How its state is shown."""
        return badge(self.seen)

    @property
    def stopped_at(self) -> StepRecord | None:
        """The step that it is at, or was at when it ended early."""
        if self.seen == RunStatus.SUCCEEDED:
            return None

        stopped, done = (StepStatus.RUNNING, StepStatus.FAILED), self.done
        return next(
            (step for step in self.steps if step.status in stopped and step.position > done), None
        )

    @property
    def done(self) -> int:
        """How many steps it came to the end of; steps are done in order."""
        # What a run did last before it was killed may be missing in the ledger.
        heads = self._heads or ()
        return max(
            (
                step.position
                for step in self.steps
                if step.status == StepStatus.DONE
                or (step.direction == "upgrade" and step.revision in heads)
            ),
            default=0,
        )

    @property
    def staying(self) -> int:
        """How many of them stay: none where all shared one transaction that was rolled back."""
        heads = self._heads
        undone = heads is not None and set(heads) == set(self.record.heads_before)
        return 0 if undone and self.seen != RunStatus.SUCCEEDED else self.done

    @property
    def _heads(self) -> tuple[str, ...] | None:
        after = self.record.heads_after
        return self.heads_now if after is None else after

    @property
    def elapsed(self) -> str:
        """How long it took, or takes so far."""
        record = self.record
        began = record.started or record.requested

        if not record.active:
            return duration(_seconds(began, record.finished))

        last = record.heartbeat if self.seen == RunStatus.LOST else _now()
        return duration(_seconds(began, last))

    def rest(self) -> str | None:
        """Return the target that leads on from where it ended early, or None if that is done."""
        left = self.total - self.staying
        target = self.record.target

        if not left:
            return None

        # What a count means has changed with the steps that stay.
        if target[:1] in "+-" and target[1:].isdigit():
            return f"{target[0]}{left}"

        return target

    def way_back(self) -> str | None:
        """Return where a plan would lead that undoes the steps which stay, if there is one."""
        before = self.record.heads_before

        if self.record.action not in {"upgrade", "downgrade"} or not self.staying:
            return None

        if len(before) > 1:
            return None

        return before[0] if before else "base"


def step_rows(steps: c.Iterable[StepRecord], seen: RunStatus) -> list[StepRow]:
    """Return the rows of the table of steps.

    :param steps: The steps.
    :param seen: Where their run stands.
    """
    rows = []

    for step in steps:
        at_work = step.status == StepStatus.RUNNING
        until = _now() if at_work and seen in ACTIVE else step.finished
        rows.append(
            StepRow(
                record=step,
                badge=badge(_step_state(step, seen)),
                took=duration(_seconds(step.started, until)),
                statements=_count(step.statements),
                rows=_count(step.rows),
            )
        )

    return rows


def _step_state(step: StepRecord, seen: RunStatus) -> str:
    # What a run had to tell last may be missing in the ledger; its verdict never is.
    if step.status != StepStatus.RUNNING or seen in ACTIVE:
        return step.status

    return "done" if seen == RunStatus.SUCCEEDED else "in doubt"


def log_text(line: LogLine) -> str:
    """Return a line of a log as the page shows it.

    :param line: The line.
    """
    mark = "" if line.level in {"info", "debug"} else "▲ "
    return f"{line.time:%H:%M:%S} {mark}{line.message}"


def error_texts(view: RunView) -> tuple[str, str]:
    """Return what went wrong in words, and the traceback if there is one.

    :param view: The run.
    """
    error = view.record.error or ""
    step = view.stopped_at

    # What is no error of ours was recorded as it came.
    if error.startswith("Traceback"):
        return error.rstrip().rpartition("\n")[2], error

    return error, (step.error or "" if step is not None else "")


def _seconds(began: datetime.datetime | None, ended: datetime.datetime | None) -> float | None:
    # The clocks of two hosts never agree quite.
    return None if began is None or ended is None else max((ended - began).total_seconds(), 0.0)


def _count(number: int | None) -> str:
    return "—" if number is None else f"{number:,}"


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
