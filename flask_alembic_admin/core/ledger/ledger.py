"""The record of runs, their steps and log lines, and of refused attempts.

It is the story; what is applied is what the version table says.
"""

from __future__ import annotations

import collections.abc as c
import datetime
import typing as t
import uuid

import sqlalchemy as sa

from .changes import LedgerChanges
from .checks import LedgerChecks
from .comparisons import LedgerComparisons
from .store import make_tables
from .tables import ACTIVE
from .tables import LOG
from .tables import RUN
from .tables import RunStatus
from .tables import STEP
from .tables import StepFacts
from .tables import StepStatus


class Ledger(LedgerChanges, LedgerComparisons, LedgerChecks):
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

    def prune(self, keep_days: int) -> int:
        """Delete what is older than some days, and return how many runs, plans and refusals went.

        Checks that have ended go too. Active runs stay, and so does the last run of each database:
        it says whether somebody still has to examine it.

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

        self._prune_checks(limit)
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


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _chunks(ids: c.Sequence[str], size: int) -> c.Iterator[c.Sequence[str]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))
