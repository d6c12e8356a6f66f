"""PostgreSQL: everything can be asked, most of it by anybody."""

from __future__ import annotations

import collections.abc as c
import math
import typing as t
from datetime import datetime
from datetime import UTC

import sqlalchemy as sa

from .asking import ask
from .asking import ask_if_allowed
from .asking import presentable
from .asking import split_id
from .base import Blocker
from .base import Server
from .base import SessionState
from .base import Timeouts

#: lock_not_available (a lock timeout, or NOWAIT) and deadlock_detected.
_LOCK_CODES = {"55P03", "40P01"}

#: What others' sessions show to a user who may not see them.
_HIDDEN = "<insufficient privilege>"

_STARTED = "CAST(extract(epoch FROM backend_start) AS text)"

_OWN = f"SELECT pid, {_STARTED} AS started FROM pg_stat_activity WHERE pid = pg_backend_pid()"

# The start is hidden from a user who may not see the session: then the pid alone has to do,
# since taking a session that lives for a dead one is the worse mistake.
_MEANT = f"pid = CAST(:number AS integer) AND coalesce({_STARTED}, :started) = :started"

_SINCE = "CASE state WHEN 'active' THEN query_start ELSE state_change END AS since"

_SESSION = f"SELECT state, query, {_SINCE} FROM pg_stat_activity WHERE {_MEANT}"

_BLOCKERS = f"""
SELECT number, {_STARTED} AS started, usename, application_name, host(client_addr) AS address,
       state, query, {_SINCE}
FROM (
    SELECT DISTINCT unnest(pg_blocking_pids(pid)) AS number FROM pg_stat_activity WHERE {_MEANT}
) AS blocking
LEFT JOIN pg_stat_activity ON pid = number
ORDER BY number
"""

_CANCEL = f"""
SELECT pg_cancel_backend(pid) FROM pg_stat_activity
WHERE pid = CAST(:number AS integer) AND {_STARTED} = :started AND state = 'active'
  AND :application <> '' AND left(application_name, length(:application)) = :application
"""

_SETTING = """
SELECT CASE source WHEN 'session' THEN current_setting(name) ELSE 'DEFAULT' END
FROM pg_settings WHERE name = :name
"""

_SYSTEM = "SELECT CAST(system_identifier AS text) FROM pg_control_system()"

_ADDRESS = "SELECT coalesce(host(inet_server_addr()), 'local') || ':' || current_setting('port')"

_DATABASE = """
SELECT CAST(oid AS text) || '/' || datname FROM pg_database WHERE datname = current_database()
"""

# An index that is being built right now is invalid too, and rightly so.
_INVALID_INDEXES = """
SELECT index_schema.nspname || '.' || index.relname || ' on '
    || table_schema.nspname || '.' || indexed.relname
FROM pg_index
JOIN pg_class AS index ON index.oid = pg_index.indexrelid AND index.relkind = 'i'
JOIN pg_namespace AS index_schema ON index_schema.oid = index.relnamespace
JOIN pg_class AS indexed ON indexed.oid = pg_index.indrelid
JOIN pg_namespace AS table_schema ON table_schema.oid = indexed.relnamespace
WHERE NOT pg_index.indisvalid AND NOT EXISTS (
    SELECT FROM pg_stat_progress_create_index AS progress
    WHERE progress.index_relid = index.oid AND progress.datname = current_database()
)
ORDER BY 1
"""


class PostgresqlServer(Server):
    """A server with transactional DDL, whose sessions are seen by their backend's pid."""

    dialects = ("postgresql",)
    rolls_back_ddl = True
    tells_sessions = True
    blockers_need = "the role pg_read_all_stats"

    # Known and refused where the server's operating system cannot watch sockets.
    optional_settings = frozenset({"client_connection_check_interval"})

    def session_id(self, connection: sa.Connection) -> str | None:
        own = ask(connection, _OWN)[0]
        return f"{own.pid}@{own.started}"

    def means_no_lock(self, error: t.Any) -> bool:
        return _code(error) in _LOCK_CODES

    def session(self, connection: sa.Connection, session_id: str) -> SessionState | None:
        number, started = split_id(session_id)

        for row in ask(connection, _SESSION, number=number, started=started):
            return SessionState(session_id, row.state, _statement(connection, row), _utc(row.since))
        return None

    def blockers(self, connection: sa.Connection, session_id: str) -> tuple[Blocker, ...]:
        number, started = split_id(session_id)
        rows = ask_if_allowed(connection, _BLOCKERS, number=number, started=started)
        return tuple(_blocker(connection, row) for row in rows)

    def cancel_statement(
        self, connection: sa.Connection, session_id: str, *, application: str = "alembic-admin:"
    ) -> bool:
        number, started = split_id(session_id)
        rows = ask_if_allowed(
            connection, _CANCEL, number=number, started=started, application=application
        )
        return any(row[0] for row in rows)

    def place(self, connection: sa.Connection) -> str:
        system = ask_if_allowed(connection, _SYSTEM) or ask(connection, _ADDRESS)
        return f"postgresql:{system[0][0]}/{ask(connection, _DATABASE)[0][0]}"

    def invalid_indexes(self, connection: sa.Connection) -> tuple[str, ...]:
        return tuple(row[0] for row in ask_if_allowed(connection, _INVALID_INDEXES))

    def settings(self, timeouts: Timeouts) -> c.Mapping[str, t.Any]:
        return {
            "lock_timeout": _milliseconds(timeouts.lock),
            "statement_timeout": _milliseconds(timeouts.statement),
            # These two end a session whose client is gone.
            "idle_in_transaction_session_timeout": "10min",
            "client_connection_check_interval": "5s",
        }

    def read_setting(self, connection: sa.Connection, name: str) -> t.Any:
        return connection.execute(sa.text(_SETTING), {"name": name}).scalar()

    def write_setting(self, connection: sa.Connection, name: str, value: t.Any) -> None:
        if value == "DEFAULT":
            connection.exec_driver_sql(f"RESET {name}")
        else:
            connection.execute(
                sa.text("SELECT set_config(:name, :value, false)"), {"name": name, "value": value}
            )


def _milliseconds(seconds: float | None) -> str | None:
    return f"{math.ceil(seconds * 1000)}ms" if seconds else None


def _code(error: t.Any) -> str | None:
    code = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)

    # pg8000 has no attribute for it.
    if code is None and error.args and isinstance(error.args[0], dict):
        code = error.args[0].get("C")
    return code


def _statement(connection: sa.Connection, row: t.Any) -> str | None:
    return None if row.query == _HIDDEN else presentable(connection, row.query)


def _utc(since: datetime | None) -> datetime | None:
    return since and since.astimezone(UTC)


def _blocker(connection: sa.Connection, row: t.Any) -> Blocker:
    # A prepared transaction blocks too, and belongs to no session.
    session = f"{row.number}@{row.started or ''}" if row.number else "prepared transaction"
    return Blocker(
        session=session,
        user=row.usename,
        application=row.application_name or None,
        address=row.address,
        state=row.state,
        statement=_statement(connection, row),
        since=_utc(row.since),
    )
