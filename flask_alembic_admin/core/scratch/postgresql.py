"""PostgreSQL: a database of its own, which can be created beside the live one."""

from __future__ import annotations

import collections.abc as c

import sqlalchemy as sa

from ..databases.elsewhere import engine_elsewhere
from .base import PATIENCE
from .base import Thing
from .beside import ScratchBeside

# Whoever works with one has a session there.
_LEFT = """
SELECT datname FROM pg_database
WHERE left(datname, :length) = :prefix
  AND datname NOT IN (SELECT datname FROM pg_stat_activity WHERE datname IS NOT NULL)
ORDER BY 1
"""

_END_SESSIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = :name AND pid <> pg_backend_pid()
"""

# What an extension has made goes with it.
_THINGS = """
WITH ours AS (
    SELECT oid, nspname FROM pg_namespace
    WHERE left(nspname, 3) <> 'pg_' AND nspname <> 'information_schema'
), extended AS (
    SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
)
SELECT 'EXTENSION', quote_ident(extname) FROM pg_extension
UNION ALL
SELECT 'SCHEMA', quote_ident(nspname) FROM ours
WHERE ('pg_namespace'::regclass, oid) NOT IN (SELECT classid, objid FROM extended)
UNION ALL
SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
    WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END,
    quote_ident(nspname) || '.' || quote_ident(relname)
FROM pg_class JOIN ours ON ours.oid = relnamespace
WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
  AND ('pg_class'::regclass, pg_class.oid) NOT IN (SELECT classid, objid FROM extended)
UNION ALL
SELECT 'TYPE', quote_ident(nspname) || '.' || quote_ident(typname)
FROM pg_type JOIN ours ON ours.oid = typnamespace LEFT JOIN pg_class ON pg_class.oid = typrelid
WHERE (typtype IN ('e', 'd', 'r') OR pg_class.relkind = 'c')
  AND ('pg_type'::regclass, pg_type.oid) NOT IN (SELECT classid, objid FROM extended)
UNION ALL
SELECT 'ROUTINE', quote_ident(nspname) || '.' || quote_ident(proname)
    || '(' || pg_get_function_identity_arguments(pg_proc.oid) || ')'
FROM pg_proc JOIN ours ON ours.oid = pronamespace
WHERE ('pg_proc'::regclass, pg_proc.oid) NOT IN (SELECT classid, objid FROM extended)
"""

#: In this order nothing is in the way of what comes later.
_ORDER = (
    "EXTENSION",
    "SCHEMA",
    "VIEW",
    "MATERIALIZED VIEW",
    "FOREIGN TABLE",
    "TABLE",
    "SEQUENCE",
    "ROUTINE",
    "TYPE",
)


class PostgresqlScratch(ScratchBeside):
    """A database that is dropped whoever is still connected to it."""

    dialects = ("postgresql",)
    left = _LEFT

    def create(self, name: str) -> sa.Engine:
        try:
            with self.server().connect() as connection:
                connection.exec_driver_sql(f"CREATE DATABASE {name}")
        except sa.exc.DBAPIError as error:
            raise self.refused(error, "Let it create databases (ALTER ROLE … CREATEDB)") from error

        return engine_elsewhere(self.database.engine, self.database.engine.url.set(database=name))

    def drop(self, name: str) -> None:
        with self.server().connect() as connection:
            connection.execute(sa.text(_END_SESSIONS), {"name": name})
            connection.exec_driver_sql(f"SET statement_timeout = '{PATIENCE}s'")
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}")

    def contents(self, connection: sa.Connection) -> frozenset[Thing]:
        return frozenset(Thing(kind, name) for kind, name in connection.execute(sa.text(_THINGS)))

    def is_empty(self, contents: c.Iterable[Thing]) -> bool:
        return all(thing.kind in {"EXTENSION", "SCHEMA"} for thing in contents)

    def empty(self, connection: sa.Connection, kept: frozenset[Thing]) -> None:
        made = sorted(self.contents(connection) - kept, key=lambda one: _ORDER.index(one.kind))

        for thing in made:
            sql = f"DROP {thing.kind} IF EXISTS {thing.name} CASCADE"
            connection.exec_driver_sql(sql.replace("%", "%%"))
