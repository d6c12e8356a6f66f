"""Keeping code that is only looked at, or tried elsewhere, away from every live database."""

from __future__ import annotations

import collections.abc as c
import contextlib
import contextvars
import sqlite3
import threading
import typing as t

import sqlalchemy as sa

#: Gets a description of what somebody wants to reach, and raises.
Refuse: t.TypeAlias = "c.Callable[[str], t.NoReturn]"

#: What tells a connection of the engine that may still be used; kept in its record.
_MARK = "alembic_admin_let_through"


class NeedsDatabase(Exception):
    """A step asked for what only the database can tell."""


class _Seal(t.NamedTuple):
    refuse: Refuse
    #: The dialect of the only engine that may still be used.
    dialect: sa.Dialect | None = None
    #: The only connection that may still be used.
    connection: sa.Connection | None = None


_seal: contextvars.ContextVar[_Seal | None] = contextvars.ContextVar("seal", default=None)
_guard = threading.Lock()
_listening: list[str] = []


@contextlib.contextmanager
def sealed() -> c.Iterator[None]:
    """Refuse all that this thread would send through SQLAlchemy, by whatever engine.

    :raises NeedsDatabase: In the block, where something would be sent.
    """

    def refuse(wanted: str) -> t.NoReturn:
        raise NeedsDatabase(wanted)

    with _sealed(_Seal(refuse)):
        yield


@contextlib.contextmanager
def sealed_but_for(engine: sa.Engine, refuse: Refuse) -> c.Iterator[None]:
    """Refuse all that this thread would send through SQLAlchemy by any other engine than one.

    :param engine: The one that may be used; nobody has connected by it before.
    :param refuse: Called with where a connection would lead; it raises.
    """
    sa.event.listen(engine, "connect", _mark)

    try:
        with _sealed(_Seal(refuse, engine.dialect)):
            yield
    finally:
        sa.event.remove(engine, "connect", _mark)


@contextlib.contextmanager
def sealed_but_for_one(connection: sa.Connection, refuse: Refuse) -> c.Iterator[None]:
    """Refuse all that this thread would send through SQLAlchemy by any other connection than one.

    :param connection: The one that may be used; another one of its engine may not.
    :param refuse: Called with where a connection would lead; it raises.
    """
    with _sealed(_Seal(refuse, connection=connection)):
        yield


@contextlib.contextmanager
def unsealed() -> c.Iterator[None]:
    """Let our own code through in the block, wherever that is."""
    with _sealed(None):
        yield


@contextlib.contextmanager
def _sealed(seal: _Seal | None) -> c.Iterator[None]:
    _listen()
    token = _seal.set(seal)

    try:
        yield
    finally:
        _seal.reset(token)


def _listen() -> None:
    """Listen to all engines, once: others may be at work while listeners would come and go."""
    with _guard:
        if not _listening:
            listeners: dict[str, t.Any] = {
                "do_connect": _connecting,
                "before_cursor_execute": _executing,
            }

            for name, listener in listeners.items():
                sa.event.listen(sa.Engine, name, listener)
                _listening.append(name)

            sa.event.listen(sa.Pool, "checkout", _checking_out)


def _mark(driver: t.Any, record: t.Any) -> None:
    record.info[_MARK] = True


def _connecting(dialect: sa.Dialect, record: t.Any, args: t.Any, options: t.Any) -> None:
    seal = _seal.get()

    if seal is not None and dialect is not seal.dialect:
        seal.refuse(_place(dialect, args, options))


def _executing(connection: sa.Connection, *_: t.Any) -> None:
    seal = _seal.get()

    if seal is None or connection is seal.connection:
        return

    if connection.dialect is not seal.dialect:
        url = connection.engine.url
        seal.refuse(_named(connection.dialect, url.host, url.database))


def _checking_out(driver: t.Any, record: t.Any, *_: t.Any) -> None:
    """Refuse a connection that is there already, for whoever would use it without an engine.

    The pool closes it then, and a database in memory would be gone with it.
    """
    seal = _seal.get()

    if seal is None or record.info.get(_MARK):
        return

    database = _database(driver)

    # One of SQLite that has no file is in memory.
    if database or not isinstance(driver, sqlite3.Connection):
        seal.refuse(f"database '{database}' by a connection that was open already")


def _database(driver: t.Any) -> str:
    """Return where a connection leads, as far as its driver says; nothing is sent to a server."""
    if isinstance(driver, sqlite3.Connection):
        (_, _, name), *_ = driver.execute("PRAGMA database_list").fetchall()
    else:
        # Those of PostgreSQL, and of MariaDB and MySQL.
        name = getattr(getattr(driver, "info", None), "dbname", None) or getattr(driver, "db", "")

    return name.decode(errors="replace") if isinstance(name, bytes) else str(name or "")


def _place(dialect: sa.Dialect, args: c.Sequence[t.Any], options: c.Mapping[str, t.Any]) -> str:
    """Return where a driver would connect to, without anything secret."""
    file = args[0] if dialect.name == "sqlite" and args else None
    database = file or options.get("dbname") or options.get("database") or options.get("db")
    return _named(dialect, options.get("host"), database)


def _named(dialect: sa.Dialect, host: object, database: object) -> str:
    return f"{dialect.name} database '{database or ''}'" + (f" at {host}" if host else "")
