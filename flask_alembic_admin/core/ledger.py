"""The record of runs, their steps and log lines, and of refused attempts.

It is the story; what is applied is what the version table says.
"""

from __future__ import annotations

import collections.abc as c
import datetime
import typing as t
import uuid

import sqlalchemy as sa

from .ledger_report import LedgerReports as LedgerReports
from .ledger_store import default_ledger_url as default_ledger_url
from .ledger_store import ledger_engine as ledger_engine
from .ledger_store import make_tables
from .ledger_tables import ACTIVE
from .ledger_tables import LOG
from .ledger_tables import LogLine as LogLine
from .ledger_tables import Queued as Queued
from .ledger_tables import RUN
from .ledger_tables import RunRecord as RunRecord
from .ledger_tables import RunStatus as RunStatus
from .ledger_tables import STEP
from .ledger_tables import StepFacts as StepFacts
from .ledger_tables import StepRecord as StepRecord
from .ledger_tables import StepStatus as StepStatus
from .ledger_tables import TABLE_NAMES as TABLE_NAMES
from .ledger_tables import Verdict as Verdict
from .ledger_tables import VERDICTS


class Ledger(LedgerReports):
    """Append to the record and read it.

    Every write is a transaction of its own on a connection of its own, so that nothing a
    migration rolls back is lost here. The tables are made when a plan or a refusal is first
    written; what else would be written before that changes nothing.

    :param engine: Where the tables are, or will be.
    """

    def plan(
        self,
        *,
        database: str,
        action: str,
        target: str,
        heads_before: c.Sequence[str],
        plan: t.Any,
        plan_hash: str,
        steps: c.Sequence[StepFacts] = (),
        actor: str | None = None,
    ) -> str:
        """Keep a plan and return its id, which stays its id as a run.

        :param plan: Whatever :func:`json.dumps` takes.
        :param plan_hash: The digest that the plan is recognised by.
        :param steps: What it would carry out, in order.
        :param actor: Who had it made.
        """
        run_id = uuid.uuid4().hex
        values = {
            "id": run_id,
            "database": database,
            "action": action,
            "target": target,
            "status": RunStatus.PLANNED,
            "heads_before": list(heads_before),
            "plan": plan,
            "plan_hash": plan_hash,
            "actor": actor,
            "requested": _now(),
        }
        self._insert(values, steps)
        return run_id

    def begin(
        self,
        *,
        run_id: str,
        database: str,
        action: str,
        target: str,
        heads_before: c.Sequence[str],
        plan: t.Any,
        plan_hash: str,
        steps: c.Sequence[StepFacts],
        actor: str | None,
        reason: str | None,
        runner: str,
        host: str,
        pid: int,
        session: str | None,
        versions: c.Mapping[str, t.Any],
    ) -> None:
        """Record a run that begins at once, such as one from the command line.

        Whoever calls it holds the lock of the database, so there is no queue to wait in.
        """
        now = _now()
        values = {
            "id": run_id,
            "database": database,
            "action": action,
            "target": target,
            "status": RunStatus.RUNNING,
            "heads_before": list(heads_before),
            "plan": plan,
            "plan_hash": plan_hash,
            "actor": actor,
            "reason": reason,
            "runner": runner,
            "host": host,
            "pid": pid,
            "session": session,
            "versions": dict(versions),
            "requested": now,
            "started": now,
            "heartbeat": now,
        }
        self._insert(values, steps)

    def refuse(
        self,
        *,
        database: str,
        action: str,
        target: str,
        actor: str | None,
        address: str | None,
        reason: str,
    ) -> str:
        """Record an attempt that was refused, and return the id of the record.

        :param reason: Why it was refused.
        """
        run_id = uuid.uuid4().hex
        refusal = {
            "id": run_id,
            "database": database,
            "action": action,
            "target": target,
            "status": RunStatus.REFUSED,
            "actor": actor,
            "address": address,
            "reason": reason,
            "requested": _now(),
        }
        self._insert(refusal, ())
        return run_id

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

    def finish(
        self,
        run_id: str,
        status: Verdict,
        *,
        heads_after: c.Sequence[str] | None,
        error_class: str | None = None,
        error: str | None = None,
    ) -> bool:
        """Write the verdict on an active run; return False if it has one already.

        :param heads_after: What the version table held, read on a new connection, or None where
            nobody could read it.
        :param error: What went wrong, redacted.
        """
        if status not in VERDICTS:
            raise ValueError(f"{status!r} is no verdict; use one of {', '.join(VERDICTS)}.")

        return self._change(
            run_id,
            ACTIVE,
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

    def prune(self, keep_days: int) -> int:
        """Delete what is older than some days, and return how many runs, plans and refusals went.

        Active runs stay, and so does the last run of each database: it says whether somebody
        still has to examine it.

        :param keep_days: How many days are kept.
        """
        limit = _now() - datetime.timedelta(days=keep_days)
        deleted = 0

        for chunk in _chunks(self._older_than(limit), 500):
            with self.engine.begin() as connection:
                # Between the reading and now a plan may have been queued.
                deleted += connection.execute(
                    sa.delete(RUN).where(RUN.c.id.in_(chunk), RUN.c.status.not_in(ACTIVE))
                ).rowcount
                left = sa.select(RUN.c.id)

                for table in (STEP, LOG):
                    connection.execute(
                        sa.delete(table).where(
                            table.c.run_id.in_(chunk), table.c.run_id.not_in(left)
                        )
                    )

        return deleted

    def _insert(self, run: dict[str, t.Any], steps: c.Sequence[StepFacts]) -> None:
        waiting = [
            {
                "run_id": run["id"],
                "position": position,
                "revision": step.revision,
                "direction": step.direction,
                "file": step.file,
                "sha256": step.sha256,
                "message": step.message,
                "status": StepStatus.WAITING,
            }
            for position, step in enumerate(steps, 1)
        ]

        with self.kept_open() as ledger:
            make_tables(ledger.engine)

            with ledger.engine.begin() as connection:
                connection.execute(sa.insert(RUN), run)

                if waiting:
                    connection.execute(sa.insert(STEP), waiting)

    def _change(
        self,
        run_id: str,
        statuses: c.Sequence[RunStatus],
        *conditions: sa.ColumnElement[bool],
        **values: t.Any,
    ) -> bool:
        """Change a run in one statement if it stands as expected, and return whether it did."""
        return self._update(
            RUN, values, RUN.c.id == run_id, RUN.c.status.in_(statuses), *conditions
        )

    def _update(
        self, table: sa.Table, values: dict[str, t.Any], *conditions: sa.ColumnElement[bool]
    ) -> bool:
        with self._connection_to(table) as connection:
            if connection is None:
                return False

            changed = connection.execute(sa.update(table).where(*conditions).values(values))
            connection.commit()
            return changed.rowcount == 1


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _chunks(ids: c.Sequence[str], size: int) -> c.Iterator[c.Sequence[str]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))
