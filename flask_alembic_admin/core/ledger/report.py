"""What a run reports while it goes on: many small facts in one short transaction."""

from __future__ import annotations

import collections.abc as c
import contextlib
import copy
import dataclasses
import datetime
import os
import typing as t

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from ..databases.engines import engine_that_keeps_open
from .reader import LedgerReader
from .tables import LOG
from .tables import RUN
from .tables import RunStatus
from .tables import STEP
from .tables import StepStatus

#: The most log lines that a run can have; the last of them says that the rest was left out.
MOST_LOG_LINES = 5_000
LEFT_OUT = f"This run had more to say than {MOST_LOG_LINES:,} lines. The rest was left out."


@dataclasses.dataclass(frozen=True)
class StepReport:
    """How one step stands.

    :param position: Which step, counted from 1.
    :param status: Where it stands.
    :param started: When it began.
    :param finished: When it ended.
    :param statements: How many statements it has sent.
    :param rows: How many rows they touched.
    :param error: What went wrong, redacted.
    """

    position: int
    status: StepStatus
    started: datetime.datetime
    finished: datetime.datetime | None = None
    statements: int = 0
    rows: int = 0
    error: str | None = None


@dataclasses.dataclass(frozen=True)
class LineReport:
    """One line for the log of a run.

    :param time: When it was said.
    :param level: Such as ``info``.
    :param source: Who says it, such as a logger or ``runner``.
    :param message: What it says, redacted.
    """

    time: datetime.datetime
    level: str
    source: str
    message: str


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the ledger answers to a report.

    :param running: Whether the run still counts as running; it may have been given up.
    :param cancel_requested: Whether somebody asked it to stop.
    """

    running: bool
    cancel_requested: bool


class LedgerReports(LedgerReader):
    """Take down what a run has to tell while it goes on.

    :param engine: Where the tables are, or will be.
    """

    @contextlib.contextmanager
    def kept_open(self) -> c.Iterator[t.Self]:
        """Lend this ledger with a connection of its own that stays open between two reports.

        To open one may take longer than all that a report says. That a table is there is asked
        once. A process that is forked off meanwhile must not report: the connection is its
        parent's.
        """
        # Other pools keep theirs, and that of a database in memory is the database.
        if not isinstance(self.engine.pool, sa.NullPool):
            yield self if self._seen is not None else self._with_memory(self.engine)
            return

        engine, process = engine_that_keeps_open(self.engine), os.getpid()

        try:
            yield self._with_memory(engine)
        finally:
            if os.getpid() == process:
                engine.dispose()

    def _with_memory(self, engine: sa.Engine) -> t.Self:
        """Return a ledger that asks only once for each table that is there."""
        # SQLAlchemy 2.0 gives no engine the same option twice.
        kept = copy.copy(self) if engine is self.engine else type(self)(engine)
        kept._seen = set()
        return kept

    def report(
        self,
        run_id: str,
        *,
        steps: c.Sequence[StepReport] = (),
        lines: c.Sequence[LineReport] = (),
        statement: str | None = None,
    ) -> Answer:
        """Write what a run has to tell, in one short transaction: it is alive.

        :param run_id: The run.
        :param steps: Steps that stand differently than before.
        :param lines: Lines for its log; those beyond the most that a run can have are left out.
        :param statement: What it runs at this moment, redacted.
        """
        with self._connection_to(RUN) as connection:
            if connection is None:
                return Answer(running=False, cancel_requested=False)

            # This holds the run's row, so that no two writers give one number to two lines.
            connection.execute(
                sa.update(RUN)
                .where(RUN.c.id == run_id)
                .values(
                    heartbeat=sa.case((_IS_RUNNING, _now()), else_=RUN.c.heartbeat),
                    statement=sa.case((_IS_RUNNING, statement), else_=None),
                    log_lines=RUN.c.log_lines + len(lines),
                )
            )
            row = connection.execute(
                sa.select(RUN.c.status, RUN.c.log_lines, RUN.c.cancel_requested).where(
                    RUN.c.id == run_id
                )
            ).one_or_none()

            if row is None:
                return Answer(running=False, cancel_requested=False)

            if steps:
                _write_steps(connection, run_id, steps)

            if values := _line_values(run_id, row.log_lines - len(lines), lines):
                connection.execute(sa.insert(LOG), values)

            connection.commit()

        return Answer(row.status == RunStatus.RUNNING, row.cancel_requested is not None)

    def log(self, run_id: str, level: str, source: str, message: str) -> None:
        """Append a line to a run's log, as long as there is room.

        :param source: Who says it, such as a logger or ``runner``.
        :param message: What it says, redacted.
        """
        self.report(run_id, lines=[LineReport(_now(), level, source, message)])


_IS_RUNNING = RUN.c.status == RunStatus.RUNNING
_TOLD = ("status", "started", "finished", "statements", "rows", "error")
_STEP_UPDATE = (
    sa.update(STEP)
    .where(STEP.c.run_id == sa.bindparam("of_run"), STEP.c.position == sa.bindparam("at_position"))
    .values({name: sa.bindparam(f"new_{name}") for name in _TOLD})
)
_STEP_INSERT = mysql.insert(STEP)
_STEP_OVERWRITE = _STEP_INSERT.on_duplicate_key_update(
    {name: _STEP_INSERT.inserted[name] for name in _TOLD}
)


def _write_steps(connection: sa.Connection, run_id: str, steps: c.Sequence[StepReport]) -> None:
    values = [{name: getattr(step, name) for name in _TOLD} for step in steps]

    # Here drivers send each update by itself, and any number of rows to insert at once.
    if connection.dialect.name in {"mysql", "mariadb"}:
        connection.execute(
            _STEP_OVERWRITE,
            [
                # What the rows have for long, and what is only asked for.
                {
                    "run_id": run_id,
                    "position": step.position,
                    "revision": "",
                    "direction": "",
                    **new,
                }
                for step, new in zip(steps, values, strict=True)
            ],
        )
    else:
        connection.execute(
            _STEP_UPDATE,
            [
                {
                    "of_run": run_id,
                    "at_position": step.position,
                    **{f"new_{name}": value for name, value in new.items()},
                }
                for step, new in zip(steps, values, strict=True)
            ],
        )


def _line_values(
    run_id: str, before: int, lines: c.Sequence[LineReport]
) -> list[dict[str, object]]:
    values = []

    for sequence, line in enumerate(lines, before + 1):
        if sequence <= MOST_LOG_LINES:
            values.append({"run_id": run_id, "sequence": sequence, **vars(line)})

        if sequence == MOST_LOG_LINES:
            values[-1]["message"] = LEFT_OUT

    return values


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
