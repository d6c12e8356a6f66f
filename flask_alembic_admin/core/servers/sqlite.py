"""SQLite: no sessions, no server, one file."""

from __future__ import annotations

import collections.abc as c
import math
import os
import sqlite3
import typing as t

import sqlalchemy as sa

from .asking import ask
from .base import Server
from .base import Timeouts

_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


class SqliteServer(Server):
    """A file, locked as a whole; Python's driver commits around DDL by default."""

    dialects = ("sqlite",)

    def means_no_lock(self, error: t.Any) -> bool:
        code = getattr(error, "sqlite_errorcode", None)

        if code is None:
            return " is locked" in str(error)
        # The upper bytes say which kind of busy it was.
        return (code & 0xFF) in _LOCKED

    def place(self, connection: sa.Connection) -> str:
        file = next(row.file for row in ask(connection, "PRAGMA database_list") if row.seq == 0)

        if not file:
            return f"sqlite:memory:{os.getpid()}:{id(connection.connection.driver_connection)}"
        return f"sqlite:{os.path.realpath(file)}:{_inode(file)}"

    def settings(self, timeouts: Timeouts) -> c.Mapping[str, t.Any]:
        return {"busy_timeout": math.ceil(timeouts.lock * 1000) if timeouts.lock else None}

    def read_setting(self, connection: sa.Connection, name: str) -> t.Any:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()

    def write_setting(self, connection: sa.Connection, name: str, value: t.Any) -> None:
        connection.exec_driver_sql(f"PRAGMA {name} = {value:d}")


def _inode(file: str) -> str:
    try:
        status = os.stat(file)
    except OSError:
        return "missing"
    return f"{status.st_dev}.{status.st_ino}"
