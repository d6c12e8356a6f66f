"""The lock of a database, taken by every run: one kind of server a file."""

from __future__ import annotations

from ..databases.database import Database
from . import mysql as mysql
from . import postgresql as postgresql
from . import sqlite as sqlite
from .base import DatabaseLock as DatabaseLock
from .base import LOCKS as LOCKS
from .holders import Holder as Holder
from .holders import Owner as Owner
from .lease import LeaseLock as LeaseLock


def lock_for(
    database: Database,
    version_table: str = "alembic_version",
    version_table_schema: str | None = None,
) -> DatabaseLock:
    """Return the lock of a version table: its server's own, or a lease row where it has none.

    :param database: The database that is to be migrated.
    :param version_table: The version table's name.
    :param version_table_schema: Its schema, where that is not the connection's default one.
    """
    kind = LOCKS.get(database.dialect, LeaseLock)
    return kind(database, version_table, version_table_schema)
