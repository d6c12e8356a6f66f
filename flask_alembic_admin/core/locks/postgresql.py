"""PostgreSQL: a session advisory lock."""

from __future__ import annotations

import typing as t

import sqlalchemy as sa

from ...errors import PooledConnection
from .base import end_transaction
from .holders import Holder
from .holders import Owner
from .session import APPLICATION_PREFIX
from .session import Key
from .session import run_of
from .session import SessionLock

#: Bytes that PostgreSQL keeps of an application's name.
APPLICATION_BYTES = 63

_HOLDER_SQL = """
    SELECT pid, usename, client_addr::text, application_name, state, query
    FROM pg_locks LEFT JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 2
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND classid::bigint = CAST(:high AS bigint) & 4294967295
      AND objid::bigint = CAST(:low AS bigint) & 4294967295
"""


class PostgresqlLock(SessionLock):
    """An advisory lock; its session bears the run's id as ``application_name`` meanwhile.

    The server tells no more of a holder than that, its address and its database user.
    """

    dialects = ("postgresql",)
    place_sql = "SELECT current_database(), coalesce(current_schema(), '')"
    take_sql = "SELECT pg_try_advisory_lock(CAST(:high AS integer), CAST(:low AS integer))"
    release_sql = "SELECT pg_advisory_unlock(CAST(:high AS integer), CAST(:low AS integer))"
    held_sql = f"SELECT pg_backend_pid() IN (SELECT pid FROM ({_HOLDER_SQL}) AS holder)"

    def make_key(self, digest: str) -> Key:
        number = bytes.fromhex(digest[:16])
        return {
            "high": int.from_bytes(number[:4], signed=True),
            "low": int.from_bytes(number[4:], signed=True),
        }

    def read_timeouts(self, connection: sa.Connection) -> dict[str, str]:
        names = ("statement_timeout", "lock_timeout")
        values = {name: _setting(connection, name) for name in names}
        return {name: value for name, value in values.items() if value != "0"}

    def set_timeout(self, connection: sa.Connection, name: str, value: str) -> None:
        _set(connection, name, value)

    def refuse_pooler(self, connection: sa.Connection) -> None:
        announced = _announced_backend(connection)
        backends = {announced} if announced else set()

        # A pooler may take another session for every transaction.
        for _ in range(2):
            backends.add(connection.scalar(sa.text("SELECT pg_backend_pid()")))
            end_transaction(connection)

        if len(backends) > 1:
            raise PooledConnection(self.database.name, self.database.masked_url)

    def show_owner(self, connection: sa.Connection, owner: Owner) -> str | None:
        before = _setting(connection, "application_name")
        name = f"{APPLICATION_PREFIX}{owner.run}"
        _set(connection, "application_name", name[:APPLICATION_BYTES])
        return before

    def hide_owner(self, connection: sa.Connection, before: str) -> None:
        _set(connection, "application_name", before)

    def _look(self, connection: sa.Connection) -> Holder | None:
        row = connection.execute(sa.text(_HOLDER_SQL), self.key(connection)).first()

        if row is None:
            return None

        return Holder(
            host=row.client_addr and row.client_addr.partition("/")[0],
            run=run_of(row.application_name),
            user=row.usename,
            session=str(row.pid),
            # Of a session that is idle the server shows what it ran last.
            statement=self.redacted(row.query) if row.state == "active" else None,
            state=row.state,
        )


def _announced_backend(connection: sa.Connection) -> int | None:
    """Return the backend that the driver was told it has, where it keeps that."""
    driver: t.Any = connection.connection.driver_connection
    # psycopg and psycopg2; asyncpg.
    for owner, name in ((getattr(driver, "info", None), "backend_pid"), (driver, "get_server_pid")):
        found = getattr(owner, name, None)
        if found:
            return int(found() if callable(found) else found)

    return None


def _setting(connection: sa.Connection, name: str) -> str:
    return str(connection.scalar(sa.text("SELECT current_setting(:name)"), {"name": name}))


def _set(connection: sa.Connection, name: str, value: str) -> None:
    statement = sa.text("SELECT set_config(:name, :value, false)")
    connection.execute(statement, {"name": name, "value": value})
