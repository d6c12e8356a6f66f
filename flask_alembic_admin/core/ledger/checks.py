"""Checks of a database: work that takes long and migrates nothing that is live."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t
import uuid

import sqlalchemy as sa

from .report import LedgerReports
from .store import make_tables
from .tables import ACTIVE
from .tables import CHECK
from .tables import RunStatus

#: What can be checked: a plan, by running it where it cannot hurt, or all revisions, from nothing.
CheckKind: t.TypeAlias = t.Literal["rehearsal", "verification"]
#: What a check can end as.
CheckVerdict: t.TypeAlias = t.Literal[RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.LOST]

#: How many checks of one kind are kept for each database, the newest ones.
KEPT = 20

_COLUMNS = tuple(column for column in CHECK.c if column.name != "active_place")
_NEWEST_FIRST = (CHECK.c.requested.desc(), CHECK.c.id.desc())


@dataclasses.dataclass(frozen=True)
class CheckRecord:
    """A check, as the ledger has it.

    :param subject: What is checked: a plan's id for a rehearsal; empty for a verification.
    :param content: What it has found, as it was given.
    :param error: Why it could not be carried out, redacted.
    """

    id: str
    kind: CheckKind
    database: str
    subject: str
    status: RunStatus
    actor: str | None
    runner: str | None
    host: str | None
    pid: int | None
    requested: datetime.datetime
    started: datetime.datetime | None
    heartbeat: datetime.datetime | None
    finished: datetime.datetime | None
    content: t.Any
    error: str | None

    @property
    def active(self) -> bool:
        """Whether the check is queued or running."""
        return self.status in ACTIVE


class LedgerChecks(LedgerReports):
    """Queue checks, bring them to their end, and read the newest ones.

    :param engine: Where the tables are, or will be.
    """

    def queue_check(
        self,
        *,
        kind: CheckKind,
        database: str,
        subject: str = "",
        actor: str | None = None,
        runner: str | None = None,
    ) -> str | None:
        """Write down that a check is asked for and return its id.

        Old ones of the same kind and database are deleted.

        :param kind: What is checked.
        :param database: The database's name.
        :param subject: What of it, such as a plan's id.
        :param actor: Who asked for it.
        :param runner: How it is started.
        :return: None where one of the same kind and database is queued or running.
        """
        check_id = uuid.uuid4().hex
        values = {
            "id": check_id,
            "kind": kind,
            "database": database,
            "subject": subject,
            "status": RunStatus.QUEUED,
            "active_place": f"{kind} {database}",
            "actor": actor,
            "runner": runner,
            "requested": _now(),
        }

        with self.kept_open() as ledger:
            # Also where the ledger was made by a version that had no such table.
            make_tables(ledger.engine)

            try:
                with ledger.engine.begin() as connection:
                    connection.execute(sa.insert(CHECK), values)
            except sa.exc.IntegrityError:
                return None

            with ledger.engine.begin() as connection:
                _delete_old(connection, kind, database)

        return check_id

    def claim_check(self, check_id: str, *, host: str, pid: int) -> bool:
        """Mark a queued check as running, and return whether this caller is to carry it out.

        :param check_id: The check.
        :param host: Where it is carried out.
        :param pid: The process that does it.
        """
        now = _now()
        return self._change_check(
            check_id,
            RunStatus.QUEUED,
            status=RunStatus.RUNNING,
            host=host,
            pid=pid,
            started=now,
            heartbeat=now,
        )

    def beat_check(self, check_id: str) -> bool:
        """Give a sign of life of a running check; return False if it counts as running no more.

        :param check_id: The check.
        """
        return self._change_check(check_id, RunStatus.RUNNING, heartbeat=_now())

    def finish_check(
        self,
        check_id: str,
        status: CheckVerdict,
        *,
        content: t.Any = None,
        error: str | None = None,
    ) -> bool:
        """Write down how an active check has ended; return False if it has ended already.

        :param check_id: The check.
        :param status: How it has ended. One that has found what is wrong has succeeded.
        :param content: What it has found: whatever :func:`json.dumps` takes.
        :param error: Why it could not be carried out, redacted.
        """
        return self._change_check(
            check_id,
            *ACTIVE,
            status=status,
            active_place=None,
            finished=_now(),
            content=content,
            error=error,
        )

    def check(self, check_id: str) -> CheckRecord | None:
        """Return a check.

        :param check_id: Its id.
        """
        return self._one_check(sa.select(*_COLUMNS).where(CHECK.c.id == check_id))

    def last_check(
        self,
        kind: CheckKind,
        database: str,
        subject: str | None = None,
        status: RunStatus | None = None,
    ) -> CheckRecord | None:
        """Return the newest check of a kind.

        :param kind: What was checked.
        :param database: The database's name.
        :param subject: What of it; anything if None.
        :param status: Of those that stand so; of all if None.
        """
        statement = (
            sa.select(*_COLUMNS)
            .where(CHECK.c.kind == kind, CHECK.c.database == database)
            .order_by(*_NEWEST_FIRST)
            .limit(1)
        )

        if subject is not None:
            statement = statement.where(CHECK.c.subject == subject)

        if status is not None:
            statement = statement.where(CHECK.c.status == status)

        return self._one_check(statement)

    def _prune_checks(self, limit: datetime.datetime) -> None:
        """Delete the checks that were asked for before a time and have ended."""
        with self._connection_to(CHECK) as connection:
            if connection is not None:
                connection.execute(
                    sa.delete(CHECK).where(CHECK.c.requested < limit, CHECK.c.status.not_in(ACTIVE))
                )
                connection.commit()

    def _one_check(self, statement: sa.Select[t.Any]) -> CheckRecord | None:
        return next((CheckRecord(**row) for row in self._rows(CHECK, statement)), None)

    def _change_check(self, check_id: str, *statuses: RunStatus, **values: t.Any) -> bool:
        """Change a check in one statement if it stands as expected, and return whether it did."""
        with self._connection_to(CHECK) as connection:
            if connection is None:
                return False

            changed = connection.execute(
                sa.update(CHECK)
                .where(CHECK.c.id == check_id, CHECK.c.status.in_(statuses))
                .values(values)
            )
            connection.commit()
            return changed.rowcount == 1


def _delete_old(connection: sa.Connection, kind: str, database: str) -> None:
    """Delete all but the newest checks of a kind that have ended."""
    here = CHECK.c.kind == kind, CHECK.c.database == database
    newest = sa.select(CHECK.c.id).where(*here).order_by(*_NEWEST_FIRST).limit(KEPT)
    # MySQL takes no LIMIT in a subquery of a DELETE.
    ids = connection.scalars(newest).all()
    connection.execute(
        sa.delete(CHECK).where(*here, CHECK.c.id.not_in(ids), CHECK.c.status.not_in(ACTIVE))
    )


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
