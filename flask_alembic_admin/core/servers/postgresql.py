"""PostgreSQL: everything can be asked, most of it by anybody."""

from __future__ import annotations

import collections.abc as c
import math
import re
import secrets
import typing as t
from datetime import datetime
from datetime import UTC

import sqlalchemy as sa

from .asking import ask
from .asking import ask_if_allowed
from .asking import presentable
from .asking import split_id
from .base import Blocker
from .base import COUNTED
from .base import Server
from .base import SessionState
from .base import TableKey
from .base import TableSize
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

# What the last VACUUM or ANALYZE counted; of a table that nobody counted it is -1, before
# PostgreSQL 14 a 0 without pages. Of a partitioned table it is the sum of its leaves. Names are
# looked up without a lock on the tables, which pg_total_relation_size would wait for.
_ROWS = """
WITH RECURSIVE meant AS (
    SELECT k.name, c.oid FROM unnest(CAST(:names AS text[])) AS k(name)
    JOIN pg_class AS c ON c.oid = to_regclass(k.name)
), parts AS (
    SELECT name, oid FROM meant
    UNION ALL
    SELECT parts.name, i.inhrelid FROM parts
    JOIN pg_class AS above ON above.oid = parts.oid AND above.relkind = 'p'
    JOIN pg_inherits AS i ON i.inhparent = parts.oid
), heaps AS (
    SELECT name, oid FROM parts
    UNION ALL
    SELECT name, reltoastrelid FROM parts JOIN pg_class USING (oid)
), files AS (
    SELECT name, oid FROM heaps
    UNION ALL
    SELECT name, indexrelid FROM heaps JOIN pg_index ON indrelid = oid
), sizes AS (
    SELECT name, sum(relpages) AS pages, CAST(current_setting('block_size') AS integer) AS block
    FROM files JOIN pg_class USING (oid) GROUP BY name
)
SELECT name, CAST(CASE
    WHEN bool_or(reltuples < 0 OR reltuples = 0 AND relpages = 0) THEN NULL
    ELSE sum(reltuples)
END AS bigint) AS estimate, CAST(nullif(max(pages), 0) * min(block) AS bigint) AS bytes
FROM parts JOIN pg_class USING (oid) JOIN sizes USING (name)
WHERE relkind IN ('r', 'm') GROUP BY name
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

# Those of others' schemas too, but not what belongs to the server.
_TABLES = """
SELECT pg_class.oid, CAST(CAST(pg_class.oid AS regclass) AS text)
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind IN ('r', 'p', 'm', 'f') AND nspname <> 'information_schema'
  AND nspname !~ '^pg_'
"""

_TABLE_LOCKS = """
SELECT relation, CAST(CAST(pg_class.oid AS regclass) AS text), mode
FROM pg_locks LEFT JOIN pg_class ON pg_class.oid = relation
WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted
"""

#: The modes of a table's lock, the strongest first.
_MODES = (
    "AccessExclusiveLock",
    "ExclusiveLock",
    "ShareRowExclusiveLock",
    "ShareLock",
    "ShareUpdateExclusiveLock",
    "RowExclusiveLock",
    "RowShareLock",
    "AccessShareLock",
)

# Advisory locks belong to one database of one server, which nothing else can be taken for.
# Where a server was copied with its files, its number is that of the other one.
_BEGAN = "SELECT CAST(pg_postmaster_start_time() AS text)"

_MARK = "SELECT pg_try_advisory_lock(CAST(:number AS bigint))"
_UNMARK = "SELECT pg_advisory_unlock(CAST(:number AS bigint))"


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

    def same_place(self, connection: sa.Connection, other: sa.Connection) -> bool:
        if super().same_place(connection, other):
            return True

        # A server that hides its number goes by its address, and may have several of them.
        number = secrets.randbits(62)
        ask(connection, _MARK, number=number)

        try:
            return not ask(other, _MARK, number=number)[0][0]
        finally:
            for each in (connection, other):
                ask(each, _UNMARK, number=number)

    def same_server(self, connection: sa.Connection, other: sa.Connection) -> bool:
        return bool(ask(connection, _BEGAN) == ask(other, _BEGAN))

    def tables(self, connection: sa.Connection) -> c.Mapping[int, str]:
        return {row[0]: row[1] for row in ask(connection, _TABLES)}

    def table_locks(self, connection: sa.Connection, tables: c.Mapping[int, str]) -> dict[str, str]:
        cursor = connection.connection.cursor()

        try:
            cursor.execute(_TABLE_LOCKS)
            rows = [row for row in cursor.fetchall() if row[0] in tables and row[2] in _MODES]
        finally:
            cursor.close()

        found: dict[str, str] = {}

        # One that was dropped has no name any more.
        named = [(_MODES.index(mode), name or tables[number]) for number, name, mode in rows]

        for at, name in sorted(named):
            found.setdefault(name, _mode_words(_MODES[at]))

        return found

    def invalid_indexes(self, connection: sa.Connection) -> tuple[str, ...]:
        return tuple(row[0] for row in ask_if_allowed(connection, _INVALID_INDEXES))

    def table_sizes(
        self,
        connection: sa.Connection,
        tables: c.Collection[TableKey],
        count_to: int = COUNTED,
    ) -> dict[TableKey, TableSize]:
        quoted = {_quoted(table): table for table in tables}
        found = dict.fromkeys(tables, TableSize())

        for row in ask_if_allowed(connection, _ROWS, names=list(quoted)) if quoted else []:
            found[quoted[row.name]] = TableSize(row.estimate, row.bytes)

        return found

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

    def is_set(self, connection: sa.Connection, name: str) -> bool:
        return self.read_setting(connection, name) not in {None, "DEFAULT"}

    def write_setting(self, connection: sa.Connection, name: str, value: t.Any) -> None:
        if value == "DEFAULT":
            connection.exec_driver_sql(f"RESET {name}")
        else:
            connection.execute(
                sa.text("SELECT set_config(:name, :value, false)"), {"name": name, "value": value}
            )


def _mode_words(mode: str) -> str:
    """Return the mode of a lock as PostgreSQL's documentation writes it."""
    return " ".join(re.findall("[A-Z][a-z]+", mode.removesuffix("Lock"))).upper()


def _quoted(table: TableKey) -> str:
    # As a value: the dialect would double each percent sign for its driver.
    return ".".join(f'"{part.replace(chr(34), chr(34) * 2)}"' for part in table if part is not None)


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
