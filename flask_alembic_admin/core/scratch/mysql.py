"""MariaDB and MySQL: a database of its own beside the live one, in the same character set."""

from __future__ import annotations

import contextlib

import sqlalchemy as sa

from ..databases.elsewhere import engine_elsewhere
from .base import PATIENCE
from .base import PREFIX
from .base import Thing
from .beside import ScratchBeside

_LEFT = """
SELECT SCHEMA_NAME FROM information_schema.SCHEMATA
WHERE left(SCHEMA_NAME, :length) = :prefix AND SCHEMA_NAME NOT IN (
    SELECT DB FROM information_schema.PROCESSLIST WHERE DB IS NOT NULL
)
ORDER BY 1
"""

_SESSIONS = "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = :name"

_CHARACTERS = """
SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA
WHERE SCHEMA_NAME = DATABASE()
"""

_OTHERS = """
SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME <> DATABASE()
"""

_THINGS = """
SELECT CASE TABLE_TYPE WHEN 'VIEW' THEN 'VIEW' WHEN 'SEQUENCE' THEN 'SEQUENCE' ELSE 'TABLE' END,
    TABLE_NAME
FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()
UNION ALL
SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES
WHERE ROUTINE_SCHEMA = DATABASE()
UNION ALL
SELECT 'EVENT', EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()
"""


class MysqlScratch(ScratchBeside):
    """A database that is dropped once nobody works there any more."""

    dialects = ("mysql", "mariadb")
    left = _LEFT

    def create(self, name: str) -> sa.Engine:
        try:
            with self.server().connect() as connection:
                characters, collation = connection.execute(sa.text(_CHARACTERS)).one()
                connection.exec_driver_sql(
                    f"CREATE DATABASE {name} CHARACTER SET {characters} COLLATE {collation}"
                )
        except sa.exc.DBAPIError as error:
            raise self.refused(
                error, f"Grant it all on `{PREFIX}%`.*".replace("_", "\\_")
            ) from error

        return engine_elsewhere(self.database.engine, self.database.engine.url.set(database=name))

    def drop(self, name: str) -> None:
        with self.server().connect() as connection:
            for number in connection.scalars(sa.text(_SESSIONS), {"name": name}).all():
                # It may have ended meanwhile.
                with contextlib.suppress(sa.exc.DBAPIError):
                    connection.exec_driver_sql(f"KILL {number:d}")

            # It would wait for a day.
            connection.exec_driver_sql(f"SET SESSION lock_wait_timeout = {PATIENCE:d}")
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}")

    def others(self, connection: sa.Connection) -> frozenset[str]:
        return frozenset(connection.scalars(sa.text(_OTHERS)))

    def contents(self, connection: sa.Connection) -> frozenset[Thing]:
        quote = connection.dialect.identifier_preparer.quote_identifier
        rows = connection.execute(sa.text(_THINGS))
        return frozenset(Thing(kind, quote(name)) for kind, name in rows)

    def empty(self, connection: sa.Connection, kept: frozenset[Thing]) -> None:
        connection.exec_driver_sql("SET SESSION foreign_key_checks = 0")

        for thing in self.contents(connection) - kept:
            sql = f"DROP {thing.kind} IF EXISTS {thing.name}"
            connection.exec_driver_sql(sql.replace("%", "%%"))
