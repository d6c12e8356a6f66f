"""Reading the ledger, which writes nothing and needs no tables."""

from __future__ import annotations

import collections.abc as c
import contextlib
import datetime
import typing as t

import sqlalchemy as sa

from ..databases.engines import sqlite_file
from ..settings import FILE_ACTIONS
from .store import limit_waits
from .tables import ACTIVE
from .tables import Direction
from .tables import LOG
from .tables import LogLine
from .tables import RUN
from .tables import RunRecord
from .tables import RunStatus
from .tables import STEP
from .tables import StepRecord
from .tables import StepStatus
from .tables import TookTime
from .tables import Touch

# A plan holds all of its SQL, which no list needs.
_BRIEF = tuple(
    column for column in RUN.c if column.name not in {"active_database", "log_lines", "plan"}
)
_NEWEST_FIRST = (RUN.c.requested.desc(), RUN.c.id.desc())
#: More revisions than this are picked from the answer.
_MOST_VALUES = 500
_NEVER_RUN = (RunStatus.PLANNED, RunStatus.REFUSED)


class LedgerReader:
    """Read the record; where its tables were never made, it has nothing to tell.

    :param engine: Where the tables are, or will be.
    """

    def __init__(self, engine: sa.Engine) -> None:
        if engine.dialect.name == "postgresql":
            # With the app's own stricter level two writers of one row would fail, not wait.
            engine = engine.execution_options(isolation_level="READ COMMITTED")
        else:
            # What is listened for on it shall not be heard on the one that was given.
            engine = engine.execution_options()

        limit_waits(engine)
        self.engine = engine
        #: Names of tables that were seen, where somebody keeps them in mind for a while.
        self._seen: set[str] | None = None

    def run(self, run_id: str, *, with_plan: bool = True) -> RunRecord | None:
        """Return a run, a plan or a refusal.

        :param run_id: Its id.
        :param with_plan: Whether all that was planned is read too.
        """
        columns = (*_BRIEF, RUN.c.plan) if with_plan else _BRIEF
        return self._one(sa.select(*columns).where(RUN.c.id == run_id))

    def runs(
        self,
        database: str | c.Collection[str] | None = None,
        limit: int = 50,
        before: str | None = None,
        include_plans: bool = False,
        *,
        include_refused: bool = True,
        statuses: c.Collection[RunStatus] = (),
        action: str | None = None,
        actor: str | None = None,
        since: datetime.datetime | None = None,
        until: datetime.datetime | None = None,
    ) -> tuple[RunRecord, ...]:
        """Return runs and refused attempts, newest first.

        :param database: Of this database only, or of these.
        :param limit: The most to return.
        :param before: Those older than the one with this id, the last of the page before.
        :param include_plans: Whether plans that nobody has queued are returned too.
        :param include_refused: Whether attempts that were refused are returned too.
        :param statuses: Those that stand so; all if empty.
        :param action: Those that do this.
        :param actor: Those that were asked for by somebody whose name holds this text.
        :param since: Those asked for at this time or later.
        :param until: Those asked for before this time.
        """
        statement = sa.select(*_BRIEF).order_by(*_NEWEST_FIRST).limit(limit)

        if database is not None:
            names = [database] if isinstance(database, str) else database
            statement = statement.where(RUN.c.database.in_(names))

        if not include_plans:
            statement = statement.where(RUN.c.status != RunStatus.PLANNED)

        if not include_refused:
            statement = statement.where(RUN.c.status != RunStatus.REFUSED)

        if statuses:
            statement = statement.where(RUN.c.status.in_(statuses))

        if action is not None:
            statement = statement.where(RUN.c.action == action)

        if actor is not None:
            statement = statement.where(RUN.c.actor.icontains(actor, autoescape=True))

        if since is not None:
            statement = statement.where(RUN.c.requested >= since)

        if until is not None:
            statement = statement.where(RUN.c.requested < until)

        if before is not None:
            last = RUN.alias("last")
            requested = sa.select(last.c.requested).where(last.c.id == before).scalar_subquery()
            statement = statement.where(
                (RUN.c.requested < requested)
                | ((RUN.c.requested == requested) & (RUN.c.id < before))
            )

        return tuple(_run_record(row) for row in self._rows(RUN, statement))

    def active(self, database: str) -> RunRecord | None:
        """Return the run of a database that is queued or running."""
        return self._one(
            sa.select(*_BRIEF)
            .where(RUN.c.database == database, RUN.c.status.in_(ACTIVE))
            # One that runs says more than one that waits for it to end.
            .order_by(RUN.c.started.is_(None), *_NEWEST_FIRST)
            .limit(1)
        )

    def last(self, database: str) -> RunRecord | None:
        """Return the newest run of a database, neither a plan nor a refusal."""
        return self._one(
            sa.select(*_BRIEF)
            .where(RUN.c.database == database, RUN.c.status.not_in(_NEVER_RUN))
            .order_by(*_NEWEST_FIRST)
            .limit(1)
        )

    def steps(
        self, run_id: str, first: int = 1, limit: int | None = None
    ) -> tuple[StepRecord, ...]:
        """Return the steps of a run or a plan, in order.

        :param run_id: The run or plan.
        :param first: The position of the first one to return.
        :param limit: The most to return; all if None.
        """
        statement = (
            sa.select(STEP)
            .where(STEP.c.run_id == run_id, STEP.c.position >= first)
            .order_by(STEP.c.position)
            .limit(limit)
        )
        return tuple(StepRecord(**row) for row in self._rows(STEP, statement))

    def count_steps(self, run_id: str) -> int:
        """Return how many steps a run or a plan has."""
        statement = sa.select(sa.func.count().label("count")).where(STEP.c.run_id == run_id)
        return next((row["count"] for row in self._rows(STEP, statement)), 0)

    def log_lines(self, run_id: str, after: int = 0, limit: int = 500) -> tuple[LogLine, ...]:
        """Return the next lines of a run's log.

        :param after: The sequence of the last line that is known.
        :param limit: The most to return.
        """
        statement = (
            sa.select(LOG)
            .where(LOG.c.run_id == run_id, LOG.c.sequence > after)
            .order_by(LOG.c.sequence)
            .limit(limit)
        )
        return tuple(LogLine(**row) for row in self._rows(LOG, statement))

    def last_log_lines(self, run_id: str, limit: int = 500) -> tuple[LogLine, ...]:
        """Return the last lines of a run's log, in order.

        :param limit: The most to return.
        """
        statement = (
            sa.select(LOG)
            .where(LOG.c.run_id == run_id)
            .order_by(LOG.c.sequence.desc())
            .limit(limit)
        )
        return tuple(LogLine(**row) for row in reversed(self._rows(LOG, statement)))

    def touches(self, database: str, revision: str, limit: int = 20) -> tuple[Touch, ...]:
        """Return what runs of a database did with a revision, newest first.

        :param database: The database's name.
        :param revision: The revision's id.
        :param limit: The most to return.
        """
        statement = (
            sa.select(
                RUN.c.id.label("run_id"),
                RUN.c.action,
                RUN.c.actor,
                RUN.c.requested,
                STEP.c.status.label("step_status"),
                STEP.c.sha256,
                STEP.c.started,
                STEP.c.finished,
            )
            .join(STEP, STEP.c.run_id == RUN.c.id)
            .where(
                STEP.c.revision == revision,
                RUN.c.database == database,
                RUN.c.status.not_in(_NEVER_RUN),
            )
            .order_by(*_NEWEST_FIRST)
            .limit(limit)
        )
        return tuple(Touch(**row) for row in self._rows(STEP, statement))

    def durations(
        self, direction: Direction, revisions: c.Collection[str], limit: int = 2_000
    ) -> tuple[TookTime, ...]:
        """Return how long revisions took in the runs that carried them out, the last first.

        :param direction: Which way they went.
        :param revisions: Their ids.
        :param limit: The most to return.
        """
        statement = (
            sa.select(
                STEP.c.revision, RUN.c.database, STEP.c.sha256, STEP.c.started, STEP.c.finished
            )
            .join(RUN, STEP.c.run_id == RUN.c.id)
            .where(
                STEP.c.direction == direction,
                STEP.c.status == StepStatus.DONE,
                STEP.c.started.is_not(None),
                STEP.c.finished.is_not(None),
            )
            .order_by(STEP.c.finished.desc())
            .limit(limit)
        )

        # Servers limit how many values a statement may have.
        if len(revisions) <= _MOST_VALUES:
            statement = statement.where(STEP.c.revision.in_(revisions))

        found = (TookTime(**row) for row in self._rows(STEP, statement))
        return tuple(one for one in found if one.revision in revisions)

    def _older_than(self, limit: datetime.datetime) -> list[str]:
        """Return the ids of what has had its time: neither active nor the last of its database.

        Nor is it the last that came to a step: others since then say nothing of a doubt.
        """
        newer = RUN.alias("newer")
        is_newer = sa.and_(
            newer.c.database == RUN.c.database,
            newer.c.requested > RUN.c.requested,
            newer.c.status.not_in(_NEVER_RUN),
            newer.c.action.not_in(FILE_ACTIONS),
        )
        never_began = RUN.c.status.in_((RunStatus.FAILED, RunStatus.CANCELLED)) & ~_has_begun(RUN)
        statement = sa.select(RUN.c.id).where(
            RUN.c.requested < limit,
            RUN.c.status.not_in(ACTIVE),
            RUN.c.status.in_(_NEVER_RUN)
            | sa.exists().where(is_newer, _has_begun(newer))
            | (never_began & sa.exists().where(is_newer)),
        )
        return [row["id"] for row in self._rows(RUN, statement)]

    def _one(self, statement: sa.Select[t.Any]) -> RunRecord | None:
        return next((_run_record(row) for row in self._rows(RUN, statement)), None)

    def _rows(self, table: sa.Table, statement: sa.Select[t.Any]) -> c.Sequence[t.Any]:
        with self._connection_to(table) as connection:
            return () if connection is None else connection.execute(statement).mappings().all()

    @contextlib.contextmanager
    def _connection_to(self, table: sa.Table) -> c.Iterator[sa.Connection | None]:
        """Lend a connection that is in no transaction, or None where there is no such table.

        It is looked for each time, since a backup that is restored may lack it; only who keeps
        the ledger open keeps in mind that it was there.
        """
        # To connect to a SQLite file is to make it.
        if (file := sqlite_file(self.engine)) and not file.exists():
            yield None
            return

        with self.engine.connect() as connection:
            there = self._seen is not None and table.name in self._seen

            if not there:
                there = sa.inspect(connection).has_table(table.name)
                connection.rollback()

                if there and self._seen is not None:
                    self._seen.add(table.name)

            yield connection if there else None


def _has_begun(run: sa.FromClause) -> sa.ColumnElement[bool]:
    """Return the condition that a run came to its first step."""
    begun = sa.exists().where(STEP.c.run_id == run.c.id, STEP.c.status != StepStatus.WAITING)
    return (run.c.status == RunStatus.SUCCEEDED) | begun


def _run_record(row: t.Any) -> RunRecord:
    after = row["heads_after"]
    return RunRecord(
        **{
            **row,
            "heads_before": tuple(row["heads_before"] or ()),
            "heads_after": None if after is None else tuple(after),
            "versions": row["versions"] or {},
        }
    )
