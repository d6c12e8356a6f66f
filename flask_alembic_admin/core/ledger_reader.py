"""Reading the ledger, which writes nothing and needs no tables."""

from __future__ import annotations

import collections.abc as c
import contextlib
import datetime
import typing as t

import sqlalchemy as sa

from .ledger_store import sqlite_file
from .ledger_tables import ACTIVE
from .ledger_tables import LOG
from .ledger_tables import LogLine
from .ledger_tables import RUN
from .ledger_tables import RunRecord
from .ledger_tables import RunStatus
from .ledger_tables import STEP
from .ledger_tables import StepRecord

# A plan holds all of its SQL, which no list needs.
_BRIEF = tuple(
    column for column in RUN.c if column.name not in {"active_database", "log_lines", "plan"}
)
_NEWEST_FIRST = (RUN.c.requested.desc(), RUN.c.id.desc())
_NEVER_RUN = (RunStatus.PLANNED, RunStatus.REFUSED)


class LedgerReader:
    """Read the record; where its tables were never made, it has nothing to tell.

    :param engine: Where the tables are, or will be.
    """

    def __init__(self, engine: sa.Engine) -> None:
        if engine.dialect.name == "postgresql":
            # With the app's own stricter level two writers of one row would fail, not wait.
            engine = engine.execution_options(isolation_level="READ COMMITTED")

        self.engine = engine

    def run(self, run_id: str) -> RunRecord | None:
        """Return a run, a plan or a refusal with all that was planned."""
        return self._one(sa.select(*_BRIEF, RUN.c.plan).where(RUN.c.id == run_id))

    def runs(
        self,
        database: str | None = None,
        limit: int = 50,
        before: str | None = None,
        include_plans: bool = False,
    ) -> tuple[RunRecord, ...]:
        """Return runs and refused attempts, newest first.

        :param database: Of this database only.
        :param limit: The most to return.
        :param before: Those older than the one with this id, the last of the page before.
        :param include_plans: Whether plans that nobody has queued are returned too.
        """
        statement = sa.select(*_BRIEF).order_by(*_NEWEST_FIRST).limit(limit)

        if database is not None:
            statement = statement.where(RUN.c.database == database)

        if not include_plans:
            statement = statement.where(RUN.c.status != RunStatus.PLANNED)

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

    def steps(self, run_id: str) -> tuple[StepRecord, ...]:
        """Return the steps of a run or a plan, in order."""
        statement = sa.select(STEP).where(STEP.c.run_id == run_id).order_by(STEP.c.position)
        return tuple(StepRecord(**row) for row in self._rows(STEP, statement))

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

    def _older_than(self, limit: datetime.datetime) -> list[str]:
        """Return the ids of what has had its time: neither active nor the last of its database."""
        newer = RUN.alias("newer")
        has_newer = sa.exists().where(
            newer.c.database == RUN.c.database,
            newer.c.requested > RUN.c.requested,
            newer.c.status.not_in(_NEVER_RUN),
        )
        statement = sa.select(RUN.c.id).where(
            RUN.c.requested < limit,
            RUN.c.status.not_in(ACTIVE),
            RUN.c.status.in_(_NEVER_RUN) | has_newer,
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

        It is looked for each time, since a backup that is restored may lack it.
        """
        # To connect to a SQLite file is to make it.
        if (file := sqlite_file(self.engine)) and not file.exists():
            yield None
            return

        with self.engine.connect() as connection:
            there = sa.inspect(connection).has_table(table.name)
            connection.rollback()
            yield connection if there else None


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
