"""Keeping the sessions of an engine of SQLite to the one file that they are opened for."""

from __future__ import annotations

import sqlite3
import typing as t

import sqlalchemy as sa

from ..sealed import Refuse


def keep_to_one_file(engine: sa.Engine, refuse: Refuse) -> None:
    """Refuse each other file in the sessions of an engine, also to whoever goes by the driver.

    Other drivers than Python's own are left alone.

    :param engine: The engine; nobody has connected by it before.
    :param refuse: Called with a file that the app itself attaches to each session; it raises.
    """

    def keep(driver: t.Any, record: t.Any) -> None:
        if not isinstance(driver, sqlite3.Connection):
            return

        for _, name, file in driver.execute("PRAGMA database_list").fetchall():
            if file and name != "main":
                # The pool does not close what a listener refuses.
                driver.close()
                refuse(file)

        driver.set_authorizer(_authorized)

    sa.event.listen(engine, "connect", keep)


def _authorized(action: int, file: str | None, *_: object) -> int:
    # VACUUM attaches one that has no name, and VACUUM INTO one that has. Where the name is a
    # parameter it is not known here.
    if action == sqlite3.SQLITE_ATTACH and file != "":
        return sqlite3.SQLITE_DENY

    return sqlite3.SQLITE_OK
