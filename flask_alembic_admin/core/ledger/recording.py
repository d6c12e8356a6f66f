"""Recording a run while it goes on, from a thread and on a connection of its own."""

from __future__ import annotations

import collections.abc as c
import contextlib
import datetime
import logging
import os
import threading
import time
import typing as t

import sqlalchemy as sa

from ..runs.onlooker import Sight
from .ledger import Ledger
from .report import LineReport
from .report import StepReport
from .tables import StepStatus

_logger = logging.getLogger(__name__)

if t.TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep

#: Seconds between two looks at what there is to tell. What happens within is told at once.
TICK = 0.3
#: Seconds after which what was heard from the ledger is too old to begin a step on: as long as the
#: ledger answers, a wish to cancel that is older is seen. One that is younger may be seen before
#: the step after. More than a tick, so that a run of small steps leaves all telling to the thread.
STALE = 0.4
#: Seconds that a step waits at most for a ledger that is being told something already.
PATIENCE = 2.0
#: Seconds between two signs of life where there is nothing else to tell.
HEARTBEAT = 5.0
#: Seconds after which somebody looks from outside at a step that sends nothing new, and between
#: two such looks.
SLOW = 1.0


class Recording:
    """Tells the ledger how a run goes on, and the run whether it shall stop.

    Steps and lines are collected and written a few times a second, so that a thousand small
    revisions are not slowed down by it. What is lost with a killed process is at most the last
    tick; how far it came is what the version table says.

    :param ledger: Where the run is recorded.
    :param run_id: The run.
    :param redact: Takes what is secret out of a text.
    :param notice: Tells a person who keeps the run waiting.
    """

    def __init__(
        self,
        ledger: Ledger,
        run_id: str,
        redact: c.Callable[[str], str],
        notice: c.Callable[[str], None],
    ) -> None:
        self.run_id = run_id
        #: Looks from outside at the session that migrates.
        self.look: c.Callable[[], Sight] = Sight
        #: Whether somebody asked the run to stop before its next step.
        self.cancel_requested = threading.Event()
        self._ledger = ledger
        self._redact = redact
        self._notice = notice
        # What is collected as garbage while it is held may have something to log.
        self._lock = threading.RLock()
        #: Held while the ledger is told, so that lines stay in order.
        self._telling = threading.Lock()
        self._told = 0.0
        #: Whether the ledger took what it was told last.
        self._heard = True
        #: Whether a step may wait for one that is being told: once, until it has heard again.
        self._is_patient = True
        #: Whether a part of the step at work stays, whatever its server can roll back.
        self.leaves_traces = False
        self._steps: dict[int, StepReport] = {}
        self._lines: list[LineReport] = []
        self._step: StepReport | None = None
        #: What the step at work has sent so far. Counted apart: statements are many.
        self._statements = self._rows = 0
        #: What it is sending, and since when it sends that, or nothing.
        self._statement: str | None = None
        self._since = time.monotonic()
        #: What was seen of it from outside, and since when it was at that.
        self._seen: tuple[str | None, float] = None, 0.0
        self._ended = threading.Event()
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._tell, name=f"recording {run_id}", daemon=True)

    def __enter__(self) -> t.Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # A child that a migration forked has no such thread, and what it would say is not so.
        if os.getpid() == self._process:
            self._ended.set()
            self._thread.join()
            # The last words; a ledger that is down by now must not hide what became of the run.
            self.tell()

    def should_stop(self) -> bool:
        """Return whether somebody asked the run to stop, as it is about to begin a step."""
        if not self.cancel_requested.is_set() and self._is_stale() and self._can_be_asked():
            self.tell()

        return self.cancel_requested.is_set()

    @property
    def has_sent(self) -> bool:
        """Whether a statement of the step at work was carried out."""
        return self._statements > 0

    def _is_stale(self) -> bool:
        return time.monotonic() - self._told > STALE

    def _can_be_asked(self) -> bool:
        """Return whether the ledger answers, so that asking it holds up no step for long."""
        if not self._telling.locked():
            return self._heard

        # It may be asked just now, by a thread that began before somebody wished to cancel.
        if self._is_patient:
            self._is_patient = self._telling.acquire(timeout=PATIENCE)

            if self._is_patient:
                self._telling.release()

        return self._is_patient and self._heard

    def tell(self) -> None:
        """Write now what there is to tell, as far as the ledger takes it."""
        self._flush_if_possible(always=True)

    def tell_rest(self) -> None:
        """Write what the ledger could not be told so far."""
        self._flush(always=False)

    # What the run says.

    def run_started(self, database: str, steps: c.Sequence[RevisionStep]) -> None:
        """The steps are known and none has begun."""
        count = len(steps)
        self.log("info", "run", f"{count} {'step' if count == 1 else 'steps'} on {database}")

    def step_started(self, database: str, position: int, step: RevisionStep) -> None:
        """A step, counted from 1, is about to begin."""
        self._statements = self._rows = 0
        self._since = time.monotonic()
        self.leaves_traces = False
        self._set(StepReport(position, StepStatus.RUNNING, _now()))

    def step_done(self, database: str, position: int, step: RevisionStep) -> None:
        """A step has ended and is committed."""
        if self._step is not None:
            self._set(self._as_it_stands(StepStatus.DONE, self._step, _now()))
            self._step = None

    def noticed(self, message: str) -> None:
        """Note something that a person should know, such as who keeps the run waiting."""
        self.log("warning", "lock", message)

    def failed(self, error: str) -> None:
        """Note that the step at work, if there is one, has failed.

        :param error: What went wrong.
        """
        if self._step is not None:
            self._set(
                self._as_it_stands(StepStatus.FAILED, self._step, _now(), self._redact(error))
            )

    @property
    def is_sending(self) -> bool:
        """Whether a statement has been sent and has not come back."""
        return self._statement is not None

    def log(self, level: str, source: str, message: str) -> None:
        """Append a line to the run's log."""
        line = LineReport(_now(), level, source, self._redact(message))

        with self._lock:
            self._lines.append(line)

    @contextlib.contextmanager
    def listening(self, connection: sa.Connection) -> c.Iterator[None]:
        """Count the statements and rows of a connection, and take down this thread's log lines."""
        handler = _ThisThread(self)
        sa.event.listen(connection, "before_cursor_execute", self._before)
        sa.event.listen(connection, "after_cursor_execute", self._after)
        sa.event.listen(connection, "commit", self._committed)
        # No level is changed: what the app's own configuration drops is dropped here too.
        logging.getLogger().addHandler(handler)

        try:
            yield
        finally:
            logging.getLogger().removeHandler(handler)
            sa.event.remove(connection, "before_cursor_execute", self._before)
            sa.event.remove(connection, "after_cursor_execute", self._after)
            sa.event.remove(connection, "commit", self._committed)
            self._statement = None

    def _before(self, *arguments: t.Any) -> None:
        self._statement, self._since = arguments[2], time.monotonic()
        level = arguments[0].get_execution_options().get("isolation_level")
        self.leaves_traces = self.leaves_traces or level == "AUTOCOMMIT"

    def _after(self, *arguments: t.Any) -> None:
        self._statement, self._since = None, time.monotonic()
        self._statements += 1
        self._rows += max(arguments[1].rowcount or 0, 0)

    def _committed(self, *_: object) -> None:
        # At the end of a step too; then the next one, if any, begins anew.
        self.leaves_traces = True

    # What the thread does.

    def _tell(self) -> None:
        last = looked = time.monotonic()
        blockers: tuple[str, ...] = ()

        while not self._ended.wait(TICK):
            since, at_work = self._since, self._at_work()
            always = time.monotonic() - last >= (1.0 if self._statement else HEARTBEAT)

            if at_work and time.monotonic() - max(since, looked) > SLOW:
                sight, looked = self._sight(), time.monotonic()
                # What it sees is of now: the run may have come further meanwhile.
                always = always or self._seen != (sight.statement, since)
                self._seen = sight.statement, since

                for sentence in sight.blockers:
                    if sentence not in blockers:
                        self._notice(sentence)
                blockers = sight.blockers

            if self._flush_if_possible(always=always):
                last = time.monotonic()

    def _sight(self) -> Sight:
        """Return what is seen from outside; nothing where nobody can be asked."""
        # Some drivers, and what an app does as it connects, raise errors of all kinds.
        with contextlib.suppress(Exception):
            return self.look()

        return Sight()

    def _statement_now(self) -> str | None:
        """Return what the step at work runs, in the server's words where it has been asked."""
        own, since = self._statement, self._since
        seen = self._seen[0] if self._seen[1] == since else None

        # Servers cut off what is long.
        return own if seen is None or (own or "").startswith(seen) else seen

    def _flush_if_possible(self, *, always: bool) -> bool:
        """Write what there is to tell, and return whether the ledger was told something."""
        # One report that is missed is no reason to stop a migration, nor to give no further one.
        try:
            return self._flush(always=always)
        except sa.exc.SQLAlchemyError:
            return False
        except Exception:
            _logger.exception("What run %s had to say could not be recorded.", self.run_id)
            return False

    def _flush(self, *, always: bool) -> bool:
        with self._telling:
            return self._tell_ledger(always=always)

    def _tell_ledger(self, *, always: bool) -> bool:
        with self._lock:
            self._count()
            steps, lines = list(self._steps.values()), self._lines
            self._steps, self._lines = {}, []

        if not (steps or lines or always):
            return False

        statement = self._statement_now()
        self._told = time.monotonic()
        self._heard = False

        try:
            answer = self._ledger.report(
                self.run_id,
                steps=steps,
                lines=lines,
                statement=self._redact(statement) if statement else None,
            )
        except BaseException:
            with self._lock:
                self._lines = lines + self._lines
                self._steps = {**{step.position: step for step in steps}, **self._steps}
            raise

        self._heard = self._is_patient = True

        if answer.cancel_requested:
            self.cancel_requested.set()

        return True

    def _count(self) -> None:
        """Have it told how much the step at work has sent, where that was not told yet."""
        if (step := self._at_work()) is not None:
            counted = self._as_it_stands(StepStatus.RUNNING, step)
            if counted != step:
                self._step = self._steps[step.position] = counted

    def _at_work(self) -> StepReport | None:
        """Return the step that has begun and not ended, in whatever way."""
        step = self._step
        return step if step is not None and step.status == StepStatus.RUNNING else None

    def _as_it_stands(
        self,
        status: StepStatus,
        step: StepReport,
        finished: datetime.datetime | None = None,
        error: str | None = None,
    ) -> StepReport:
        return StepReport(
            step.position, status, step.started, finished, self._statements, self._rows, error
        )

    def _set(self, step: StepReport) -> None:
        with self._lock:
            self._step = step
            self._steps[step.position] = step


class _ThisThread(logging.Handler):
    """Takes down what the thread of a run logs, and nothing of other threads."""

    def __init__(self, recording: Recording) -> None:
        super().__init__()
        self._recording = recording
        self._thread = threading.get_ident(), os.getpid()

    def emit(self, record: logging.LogRecord) -> None:
        # A forked child is in a thread of the same number.
        if (record.thread, record.process) != self._thread:
            return

        # As every handler does with a message whose arguments do not fit.
        try:
            self._recording.log(record.levelname.lower(), record.name, record.getMessage())
        except Exception:
            self.handleError(record)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
