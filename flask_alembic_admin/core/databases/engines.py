"""Engines made of other engines, and what an engine or its URL tells of where it leads."""

from __future__ import annotations

import typing as t
from pathlib import Path

import sqlalchemy as sa


def engine_beside(engine: sa.Engine) -> sa.Engine:
    """Return an engine that connects as another one does and shares nothing with it.

    It keeps no connection open, and neither waits for the other's pool nor calls its listeners.

    :param engine: Such as the app's own.
    """
    pool = engine.pool.recreate()

    def connect() -> t.Any:
        connection = pool.connect()
        connection.detach()
        return connection.dbapi_connection

    return sa.create_engine(engine.url, poolclass=sa.NullPool, creator=connect)


def engine_that_keeps_open(engine: sa.Engine) -> sa.Engine:
    """Return an engine that connects as one of ``engine_beside`` does and keeps its connection.

    Whoever asks disposes of it.

    :param engine: What ``engine_beside`` has made.
    """

    def connect() -> t.Any:
        connection = engine.raw_connection()
        connection.detach()
        return connection.dbapi_connection

    # With the dialect as it is: to make it known anew takes a handful of queries.
    pool = sa.QueuePool(connect, pool_size=1, pre_ping=True, dialect=engine.dialect)
    return sa.Engine(pool, engine.dialect, engine.url)


def is_in_memory(url: sa.URL) -> bool:
    """Return whether a URL is that of a SQLite database that is gone with its connection.

    :param url: The URL of an engine.
    """
    database = url.database or ":memory:"
    return url.get_backend_name() == "sqlite" and (
        database == ":memory:" or "mode=memory" in str(url) or ":memory:" in database
    )


def is_not_made(engine: sa.Engine) -> bool:
    """Return whether an engine's SQLite file is not there yet; to connect would make it."""
    file = sqlite_file(engine)
    return file is not None and not file.exists() and file.parent.is_dir()


def sqlite_file(engine: sa.Engine) -> Path | None:
    """Return the file that a SQLite engine is at, or None where there is no plain one."""
    database = engine.url.database

    if engine.dialect.name != "sqlite" or not database or database == ":memory:":
        return None

    return None if database.startswith("file:") else Path(database)
