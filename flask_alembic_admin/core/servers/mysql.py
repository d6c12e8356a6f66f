"""MariaDB and MySQL: row locks can be asked for, metadata locks often only guessed."""

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
from .base import COUNTED
from .base import Server
from .base import SessionState
from .base import TableKey
from .base import TableSize
from .base import Timeouts

#: ER_LOCK_WAIT_TIMEOUT, of rows and of metadata, and ER_LOCK_DEADLOCK.
_LOCK_CODES = {1205, 1213}

#: How far the start of a server may be off between two looks at it, in seconds.
_START_TOLERANCE = 2

# MySQL names the columns of its information_schema in capitals, unless told otherwise.
_COLUMNS = """
user AS user, host AS host, command AS command, state AS state, LEFT(info, 8000) AS info,
time AS seconds, UNIX_TIMESTAMP() AS now
"""

_ROWS = """
SELECT table_name AS name, table_rows AS estimate, data_length + index_length AS bytes
FROM information_schema.tables
WHERE table_schema = COALESCE(:place, DATABASE()) AND table_name IN :names
  AND table_type = 'BASE TABLE'
"""

_SESSION = f"SELECT {_COLUMNS} FROM information_schema.processlist WHERE id = :number"

_OWN_RUNNING = """
SELECT id FROM information_schema.processlist
WHERE id = :number AND command = 'Query' AND user = SUBSTRING_INDEX(USER(), '@', 1)
"""

# A run's session names itself in a variable, which others can see in performance_schema alone.
_NAME = """
SELECT @@performance_schema AS readable, (
    SELECT CAST(variable_value AS CHAR) FROM performance_schema.user_variables_by_thread
    JOIN performance_schema.threads USING (thread_id)
    WHERE processlist_id = :number AND variable_name = 'alembic_admin_run'
) AS name
"""

_BLOCKERS = f"""
SELECT DISTINCT number, {_COLUMNS}
FROM ({{source}}) AS blocking LEFT JOIN information_schema.processlist ON id = number
ORDER BY number
"""

# InnoDB keeps its answer while it is asked again within 0.1 s; poll more slowly than that.
_ROW_LOCKS = """
SELECT holder.trx_mysql_thread_id AS number
FROM information_schema.innodb_trx AS waiting
JOIN information_schema.innodb_lock_waits AS wait ON wait.requesting_trx_id = waiting.trx_id
JOIN information_schema.innodb_trx AS holder ON holder.trx_id = wait.blocking_trx_id
WHERE waiting.trx_mysql_thread_id = :number
"""

_NAMED = "waiting.info REGEXP CONCAT('(^|[^a-zA-Z0-9_$])', {}, '([^a-zA-Z0-9_$]|$)')"
_TABLE_NAMED = _NAMED.format("held.table_name")
_SCHEMA_NAMED = _NAMED.format("held.table_schema")

# The plugin says which tables' locks are held, not which one is waited for; the statement does.
_METADATA_LOCKS = f"""
SELECT held.thread_id AS number
FROM information_schema.metadata_lock_info AS held
JOIN information_schema.processlist AS waiting ON waiting.id = :number
WHERE waiting.state LIKE 'Waiting for % lock' AND held.thread_id <> waiting.id
  AND held.table_name <> '' AND {_TABLE_NAMED}
  AND (held.table_schema = waiting.db OR {_SCHEMA_NAMED})
"""

_OPEN_TRANSACTIONS = """
SELECT holder.trx_mysql_thread_id AS number
FROM information_schema.innodb_trx AS holder
JOIN information_schema.processlist AS process ON process.id = holder.trx_mysql_thread_id
JOIN information_schema.processlist AS waiting ON waiting.id = :number
WHERE waiting.state LIKE 'Waiting for % lock'
  AND process.id NOT IN (waiting.id, CONNECTION_ID())
  AND (process.db = waiting.db OR process.db IS NULL)
"""

_MYSQL_ROW_LOCKS = """
SELECT blocking_pid AS number FROM sys.innodb_lock_waits WHERE waiting_pid = :number
"""

_MYSQL_METADATA_LOCKS = """
SELECT blocking_pid AS number FROM sys.schema_table_lock_waits
WHERE waiting_pid = :number AND blocking_pid <> waiting_pid
"""

#: Where blockers are looked for, best first, and whether what is found there is certain.
_MARIADB_SOURCES = ((_ROW_LOCKS, True), (_METADATA_LOCKS, True), (_OPEN_TRANSACTIONS, False))
_MYSQL_SOURCES = (
    (_MYSQL_ROW_LOCKS, True),
    (_MYSQL_METADATA_LOCKS, True),
    (_OPEN_TRANSACTIONS, False),
)

# MariaDB's server_uid is made of a network address and a port, which containers share.
_IDENTITY = """
SHOW VARIABLES WHERE Variable_name IN
('server_uuid', 'server_uid', 'hostname', 'port', 'datadir')
"""


class MysqlServer(Server):
    """A server without transactional DDL, whose sessions are seen by their connection's id."""

    dialects = ("mysql", "mariadb")
    tells_sessions = True
    blockers_need = "the privilege PROCESS"

    def session_id(self, connection: sa.Connection) -> str | None:
        return f"{ask(connection, 'SELECT CONNECTION_ID()')[0][0]}@{_server_start(connection)}"

    def means_no_lock(self, error: t.Any) -> bool:
        return (getattr(error, "errno", None) or next(iter(error.args), None)) in _LOCK_CODES

    def session(self, connection: sa.Connection, session_id: str) -> SessionState | None:
        number = _living(session_id, _server_start(connection))

        # Without PROCESS a user sees its own sessions alone, and takes another's for gone.
        for row in ask(connection, _SESSION, number=number):
            statement = presentable(connection, row.info)
            return SessionState(session_id, _state(row), statement, _since(row))
        return None

    def blockers(self, connection: sa.Connection, session_id: str) -> tuple[Blocker, ...]:
        start = _server_start(connection)
        number = _living(session_id, start)

        for source, certain in _sources(connection):
            rows = ask_if_allowed(connection, _BLOCKERS.format(source=source), number=number)
            if rows:
                return tuple(_blocker(connection, row, start, certain) for row in rows)
        return ()

    def cancel_statement(
        self, connection: sa.Connection, session_id: str, *, application: str = "alembic-admin:"
    ) -> bool:
        number = _living(session_id, _server_start(connection))

        # Where its name cannot be read, the user is all that is known to be the run's.
        if not ask(connection, _OWN_RUNNING, number=number):
            return False
        if not _may_be_named(connection, number, application):
            return False
        return _kill_query(connection, number)

    def place(self, connection: sa.Connection) -> str:
        return f"{_identity(connection)}/{ask(connection, 'SELECT DATABASE()')[0][0]}"

    def same_server(self, connection: sa.Connection, other: sa.Connection) -> bool:
        return _identity(connection) == _identity(other)

    def table_sizes(
        self,
        connection: sa.Connection,
        tables: c.Collection[TableKey],
        count_to: int = COUNTED,
    ) -> dict[TableKey, TableSize]:
        found = dict.fromkeys(tables, TableSize())

        for place in {schema for schema, _ in tables}:
            names = tuple(name for schema, name in tables if schema == place)

            # Servers differ in whether names have a case.
            by_name = {name.lower(): (place, name) for name in names}

            for row in ask_if_allowed(connection, _ROWS, place=place, names=names):
                found[by_name[row.name.lower()]] = TableSize(row.estimate, row.bytes)

        return found

    def settings(self, timeouts: Timeouts) -> c.Mapping[str, t.Any]:
        lock = math.ceil(timeouts.lock) if timeouts.lock else None
        return {
            "lock_wait_timeout": lock,
            "innodb_lock_wait_timeout": lock,
            # MySQL does not know it: its own one bounds nothing but SELECT.
            "max_statement_time": timeouts.statement or None,
        }

    def read_setting(self, connection: sa.Connection, name: str) -> t.Any:
        question = sa.text("SHOW SESSION VARIABLES WHERE Variable_name = :name")
        row = connection.execute(question, {"name": name}).first()
        return None if row is None else float(row[1]) if "." in row[1] else int(row[1])

    def is_set(self, connection: sa.Connection, name: str) -> bool:
        question = sa.text("SHOW GLOBAL VARIABLES WHERE Variable_name = :name")
        row = connection.execute(question, {"name": name}).first()
        own = self.read_setting(connection, name)
        return row is not None and own is not None and float(row[1]) != float(own)

    def write_setting(self, connection: sa.Connection, name: str, value: t.Any) -> None:
        connection.execute(sa.text(f"SET SESSION {name} = :value"), {"value": value})


def _server_start(connection: sa.Connection) -> int:
    now = ask(connection, "SELECT UNIX_TIMESTAMP()")[0][0]
    uptime = ask(connection, "SHOW GLOBAL STATUS WHERE Variable_name = 'Uptime'")[0][1]
    return int(now) - int(uptime)


def _living(session_id: str, server_start: int) -> int:
    number, started = split_id(session_id)

    # A server that was started anew counts its connections anew.
    drift = abs(server_start - int(started)) if started.isdecimal() else math.inf
    return number if drift <= _START_TOLERANCE else -1


def _sources(connection: sa.Connection) -> tuple[tuple[str, bool], ...]:
    return _MARIADB_SOURCES if getattr(connection.dialect, "is_mariadb", False) else _MYSQL_SOURCES


def _may_be_named(connection: sa.Connection, number: int, application: str) -> bool:
    """Return whether a session names itself so, or nobody can tell."""
    rows = ask_if_allowed(connection, _NAME, number=number)

    if not rows or not rows[0].readable:
        return True
    return bool(application) and (rows[0].name or "").startswith(application)


def _kill_query(connection: sa.Connection, number: int) -> bool:
    try:
        connection.exec_driver_sql(f"KILL QUERY {number:d}")
    except sa.exc.DBAPIError as error:
        if error.connection_invalidated:
            raise
        return False
    finally:
        connection.rollback()
    return True


def _state(row: t.Any) -> str | None:
    return row.state or row.command or None


def _since(row: t.Any) -> datetime | None:
    seconds = row.seconds
    return None if seconds is None else datetime.fromtimestamp(int(row.now - seconds), UTC)


def _blocker(connection: sa.Connection, row: t.Any, start: int, certain: bool) -> Blocker:
    return Blocker(
        session=f"{row.number}@{start}",
        user=row.user,
        application=None,
        address=row.host or None,
        state=_state(row),
        statement=presentable(connection, row.info),
        since=_since(row),
        certain=certain,
    )


def _identity(connection: sa.Connection) -> str:
    """Return what tells a server from others, whatever a URL calls it."""
    found = {row[0]: row[1] for row in ask(connection, _IDENTITY)}
    identity = found.pop("server_uuid", None) or "/".join(v for _, v in sorted(found.items()))
    return f"mysql:{identity}"
