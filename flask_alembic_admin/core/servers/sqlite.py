"""SQLite: no sessions, no server, one file."""

from __future__ import annotations

import collections.abc as c
import math
import os
import sqlite3
import typing as t

import sqlalchemy as sa

from .asking import ask
from .asking import ask_if_allowed
from .base import COUNTED
from .base import Server
from .base import TableKey
from .base import TableSize
from .base import Timeouts

_SIZE = ("page_count", "page_size")
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


#: Milliseconds that Python's driver waits by default.
_DRIVERS_TIMEOUT = 5000


class SqliteServer(Server):
    """A file, locked as a whole; Python's driver commits around DDL by default."""

    dialects = ("sqlite",)

    def means_no_lock(self, error: t.Any) -> bool:
        code = getattr(error, "sqlite_errorcode", None)

        if code is None:
            return " is locked" in str(error)
        # The upper bytes say which kind of busy it was.
        return (code & 0xFF) in _LOCKED

    def interrupt(self, driver: t.Any) -> bool:
        # Another driver may have no such thing.
        interrupt = getattr(driver, "interrupt", None)

        if interrupt is not None:
            interrupt()
        return interrupt is not None

    def place(self, connection: sa.Connection) -> str:
        file = next(row.file for row in ask(connection, "PRAGMA database_list") if row.seq == 0)

        if not file:
            return f"sqlite:memory:{os.getpid()}:{id(connection.connection.driver_connection)}"
        return f"sqlite:{os.path.realpath(file)}:{_inode(file)}"

    def same_place(self, connection: sa.Connection, other: sa.Connection) -> bool:
        here, there = self.place(connection), self.place(other)
        # A file has several names where there are hard links to it.
        return here == there or _file(here) == _file(there)

    def table_sizes(
        self,
        connection: sa.Connection,
        tables: c.Collection[TableKey],
        count_to: int = COUNTED,
    ) -> dict[TableKey, TableSize]:
        found = dict.fromkeys(tables, TableSize())
        quote = connection.dialect.identifier_preparer.quote_identifier

        for schema, name in found:
            place = quote(schema or "main")
            kind = f"SELECT name FROM {place}.sqlite_master WHERE type = 'table' AND name = :name"

            # A view could take any time.
            for row in ask_if_allowed(connection, f"{kind} COLLATE NOCASE", name=name):
                # SQLite keeps no number, and counting reads them.
                some = f"SELECT 1 FROM {place}.{quote(row.name)} LIMIT {count_to:d}"
                count = ask_if_allowed(connection, f"SELECT count(*) FROM ({_escaped(some)})")

                if count:
                    rows = count[0][0]
                    found[schema, name] = TableSize(rows, at_least=rows >= count_to)

        return found

    def file_bytes(self, connection: sa.Connection) -> int | None:
        sizes = [ask_if_allowed(connection, f"PRAGMA {name}") for name in _SIZE]
        return math.prod(size[0][0] for size in sizes) if all(sizes) else None

    def settings(self, timeouts: Timeouts) -> c.Mapping[str, t.Any]:
        return {"busy_timeout": math.ceil(timeouts.lock * 1000) if timeouts.lock else None}

    def read_setting(self, connection: sa.Connection, name: str) -> t.Any:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()

    def is_set(self, connection: sa.Connection, name: str) -> bool:
        # What Python's driver sets where nobody gives it a time.
        return int(self.read_setting(connection, name)) != _DRIVERS_TIMEOUT

    def write_setting(self, connection: sa.Connection, name: str, value: t.Any) -> None:
        connection.exec_driver_sql(f"PRAGMA {name} = {value:d}")


def _escaped(sql: str) -> str:
    """Return SQL in which a colon of a name is no parameter."""
    return sql.replace(":", "\\:")


def _inode(file: str) -> str:
    try:
        status = os.stat(file)
    except OSError:
        return "missing"
    return f"{status.st_dev}.{status.st_ino}"


def _file(place: str) -> str:
    """Return what tells a file from others, whatever it is called; all of it where there is none.

    :param place: As ``place`` gives it.
    """
    number = place.rpartition(":")[2]
    return place if place.startswith("sqlite:memory:") or number == "missing" else number
