"""Where a run stands, changed in one statement each, so that of many callers one succeeds."""

from __future__ import annotations

import collections.abc as c
import datetime
import typing as t

import sqlalchemy as sa

from .report import LedgerReports
from .tables import ACTIVE
from .tables import Queued
from .tables import RUN
from .tables import RunRecord
from .tables import RunStatus
from .tables import Verdict
from .tables import VERDICTS


class LedgerChanges(LedgerReports):
    """Bring a run from one state to the next, if it stands where it has to.

    :param engine: Where the tables are, or will be.
    """

    def queue(
        self,
        run_id: str,
        *,
        actor: str | None,
        address: str | None,
        reason: str | None,
        runner: str | None,
    ) -> Queued:
        """Make a plan a run that waits for its runner; of many callers one succeeds.

        A second run of the same database is turned away. That only spares people a useless
        run: what keeps two from migrating at once is the database lock that a run takes.
        """
        try:
            done = self._change(
                run_id,
                (RunStatus.PLANNED,),
                status=RunStatus.QUEUED,
                active_database=RUN.c.database,
                actor=actor,
                address=address,
                reason=reason,
                runner=runner,
                requested=_now(),
            )
        except sa.exc.IntegrityError:
            return Queued.BUSY

        return Queued.DONE if done else Queued.NOT_A_PLAN

    def expect(self, run_id: str, *, host: str, pid: int) -> bool:
        """Note which process is to claim a queued run; return False if that has happened already.

        :param host: Where it was started.
        :param pid: The process.
        """
        return self._change(run_id, (RunStatus.QUEUED,), host=host, pid=pid)

    def claim(
        self,
        run_id: str,
        *,
        host: str,
        pid: int,
        versions: c.Mapping[str, t.Any],
        session: str | None = None,
    ) -> bool:
        """Mark a queued run as running, and return whether this caller is the one to carry it out.

        :param host: Where its runner is.
        :param pid: The runner's process.
        :param versions: What it runs on, such as Alembic's version by name.
        :param session: The session at the server that migrates, where it is known by now.
        """
        now = _now()
        return self._change(
            run_id,
            (RunStatus.QUEUED,),
            status=RunStatus.RUNNING,
            host=host,
            pid=pid,
            versions=dict(versions),
            session=session,
            started=now,
            heartbeat=now,
        )

    def start(
        self,
        run_id: str,
        *,
        actor: str | None,
        address: str | None,
        reason: str | None,
        runner: str,
        host: str,
        pid: int,
    ) -> bool:
        """Make a plan a run that is at work at once; of many callers one succeeds.

        It takes no place in the queue of its database: it is for what leaves databases alone,
        such as writing a file.
        """
        now = _now()
        return self._change(
            run_id,
            (RunStatus.PLANNED,),
            status=RunStatus.RUNNING,
            actor=actor,
            address=address,
            reason=reason,
            runner=runner,
            host=host,
            pid=pid,
            requested=now,
            started=now,
            heartbeat=now,
        )

    def connected(
        self, run_id: str, *, session: str | None, versions: c.Mapping[str, t.Any]
    ) -> bool:
        """Note what is known of a running run once its runner is connected.

        :param session: The session at the server that migrates.
        :param versions: All versions, those given to :meth:`claim` among them.
        """
        return self._change(
            run_id, (RunStatus.RUNNING,), session=session, versions=dict(versions), heartbeat=_now()
        )

    def request_cancel(self, run_id: str) -> bool:
        """Ask an active run to stop at its next step; return False if it has ended."""
        return self._change(run_id, ACTIVE, cancel_requested=_now())

    def withdraw(self, run_id: str) -> bool:
        """End a queued run as cancelled; return False if its runner has begun, or it has ended."""
        now = _now()
        return self._change(
            run_id,
            (RunStatus.QUEUED,),
            status=RunStatus.CANCELLED,
            active_database=None,
            cancel_requested=now,
            finished=now,
        )

    def finish(
        self,
        run_id: str,
        status: Verdict,
        *,
        heads_after: c.Sequence[str] | None,
        error_class: str | None = None,
        error: str | None = None,
        seen: RunRecord | None = None,
    ) -> bool:
        """Write the verdict on an active run; return False if it has one already.

        :param heads_after: What the version table held, read on a new connection, or None where
            nobody could read it.
        :param error: What went wrong, redacted.
        :param seen: The run as whoever judges it from outside has seen it: one that has begun or
            given a sign of life since then gets no verdict.
        """
        if status not in VERDICTS:
            raise ValueError(f"{status!r} is no verdict; use one of {', '.join(VERDICTS)}.")

        return self._change(
            run_id,
            ACTIVE,
            *(() if seen is None else _stands_as(seen)),
            status=status,
            active_database=None,
            heads_after=None if heads_after is None else list(heads_after),
            finished=_now(),
            error_class=error_class,
            error=error,
        )

    def examine(self, run_id: str, *, actor: str, reason: str) -> bool:
        """Mark a failed or lost run as examined; return False if it is neither, or was already.

        :param actor: Who looked at the database.
        :param reason: What they found.
        """
        return self._change(
            run_id,
            (RunStatus.FAILED, RunStatus.LOST),
            RUN.c.examined_at.is_(None),
            examined_by=actor,
            examined_at=_now(),
            examined_reason=reason,
        )

    def _change(
        self,
        run_id: str,
        statuses: c.Sequence[RunStatus],
        *conditions: sa.ColumnElement[bool],
        **values: t.Any,
    ) -> bool:
        """Change a run in one statement if it stands as expected, and return whether it did."""
        with self._connection_to(RUN) as connection:
            if connection is None:
                return False

            changed = connection.execute(
                sa.update(RUN)
                .where(RUN.c.id == run_id, RUN.c.status.in_(statuses), *conditions)
                .values(values)
            )
            connection.commit()
            return changed.rowcount == 1


def _stands_as(seen: RunRecord) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions that a run stands as it was seen."""
    heartbeat = RUN.c.heartbeat
    same = heartbeat.is_(None) if seen.heartbeat is None else heartbeat == seen.heartbeat
    return RUN.c.status == seen.status, same


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
