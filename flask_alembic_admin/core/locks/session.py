"""Locks that belong to a session at the server and end with it."""

from __future__ import annotations

import abc
import collections.abc as c
import contextlib
import hashlib
import os
import typing as t
import weakref

import sqlalchemy as sa

from ..redact import redact
from .base import DatabaseLock
from .base import end_transaction
from .base import Grip
from .holders import Owner

#: What a session that holds a lock is called, before the run's id.
APPLICATION_PREFIX = "alembic-admin:"

#: The parameters that name one lock in a server's own way.
Key: t.TypeAlias = c.Mapping[str, t.Any]


class SessionLock(DatabaseLock):
    """A lock that the server frees when the session of its connection ends, however it ends.

    It is tried again and again instead of waited for, so that no timeout of the session, and no
    waiting without an end, is in play. Each try is over before the next pause begins.
    """

    #: Gives the database and the connection's default schema, which go into the key.
    place_sql: t.ClassVar[str]

    #: True where it was got, was freed, is this session's.
    take_sql: t.ClassVar[str]
    release_sql: t.ClassVar[str]
    held_sql: t.ClassVar[str]

    @abc.abstractmethod
    def make_key(self, digest: str) -> Key:
        """Return the parameters of the statements above, made from 64 hexadecimal digits."""

    @abc.abstractmethod
    def read_timeouts(self, connection: sa.Connection) -> dict[str, str]:
        """Return the settings by which the server would end a statement that takes long."""

    @abc.abstractmethod
    def set_timeout(self, connection: sa.Connection, name: str, value: str) -> None:
        """Set one of them for this session."""

    def refuse_pooler(self, connection: sa.Connection) -> None:
        """Raise PooledConnection where sessions are handed out in turn."""
        return

    def show_owner(self, connection: sa.Connection, owner: Owner) -> str | None:
        """Make the owner readable for other sessions; return what to put back afterwards."""
        return None

    def hide_owner(self, connection: sa.Connection, before: str) -> None:
        """Put back what `show_owner` returned."""
        return

    def key(self, connection: sa.Connection) -> Key:
        """Return what names the lock of this version table, as this connection sees it."""
        database, schema = connection.execute(sa.text(self.place_sql)).one()
        place = ("alembic-admin", database, self.version_table_schema or schema, self.version_table)
        return self.make_key(hashlib.sha256(repr(place).encode()).hexdigest())

    def redacted(self, statement: str | None) -> str | None:
        """Return a statement with nothing secret in it."""
        return statement and redact(statement, [self.database.engine.url])

    @contextlib.contextmanager
    def without_timeouts(self, connection: sa.Connection) -> c.Iterator[None]:
        """Lift the session's timeouts, and put them back in a transaction of their own."""
        before = self.read_timeouts(connection)

        for name in before:
            self.set_timeout(connection, name, "0")

        if connection.in_transaction():
            connection.commit()

        try:
            yield
        finally:
            # A connection that was lost keeps no settings, and asking it would open another.
            if not connection.invalidated:
                end_transaction(connection)
                for name, value in before.items():
                    self.set_timeout(connection, name, value)
                if connection.in_transaction():
                    connection.commit()

    @contextlib.contextmanager
    def _prepared(self, connection: sa.Connection) -> c.Iterator[None]:
        self.refuse_pooler(connection)

        with self.without_timeouts(connection):
            yield

    def _take(self, connection: sa.Connection, owner: Owner) -> Grip | None:
        key = self.key(connection)

        if not connection.scalar(sa.text(self.take_sql), key):
            end_transaction(connection)
            return None

        try:
            before = self.show_owner(connection, owner)
            connection.commit()
        except BaseException:
            # Its session ends, and the lock with it.
            connection.invalidate()
            raise

        return _SessionGrip(self, key, before, connection.connection.dbapi_connection)


def run_of(name: str | None) -> str | None:
    """Return the run that the name of a session names, if it is that of a run."""
    marked = name is not None and name.startswith(APPLICATION_PREFIX)
    return name.removeprefix(APPLICATION_PREFIX) if name and marked else None


class _SessionGrip(Grip):
    def __init__(self, lock: SessionLock, key: Key, before: str | None, driver: t.Any) -> None:
        self._lock = lock
        self._key = key
        self._before = before
        self._driver = driver
        _GRIPS.add(self)

    def is_held(self, connection: sa.Connection) -> bool:
        return bool(connection.scalar(sa.text(self._lock.held_sql), self._key))

    def let_go(self, connection: sa.Connection) -> str | None:
        if connection.closed:
            # The pool has it back, with the lock, and would keep both.
            with contextlib.suppress(Exception):
                self._driver.close()
            return "the connection was closed while it held it"

        if connection.invalidated:
            return "the connection was lost"

        try:
            freed = self._free(connection)
        except sa.exc.SQLAlchemyError as error:
            connection.invalidate()
            end_transaction(connection)
            return self._lock.database.describe_error(error)

        return None if freed else "the server gave it up before, or its session was replaced"

    def cut_off(self) -> None:
        """Drop the share in the session's socket that a forked child got."""
        # One that is closed, or whose driver shows no socket, is not to end a child that forks.
        with contextlib.suppress(Exception), open(os.devnull, "r+b") as nowhere:
            os.dup2(nowhere.fileno(), _descriptor(self._driver), inheritable=False)

    def _free(self, connection: sa.Connection) -> bool:
        with self._lock.without_timeouts(connection):
            if self._before is not None:
                self._lock.hide_owner(connection, self._before)

            freed = bool(connection.scalar(sa.text(self._lock.release_sql), self._key))
            connection.commit()

        return freed


_GRIPS: weakref.WeakSet[_SessionGrip] = weakref.WeakSet()


def _cut_off_child() -> None:
    """Let no forked child keep a session alive that its parent's death should end.

    Nor can the child then disturb what its parent says to the server.
    """
    for grip in tuple(_GRIPS):
        grip.cut_off()


# Windows has no fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_cut_off_child)


def _descriptor(driver: t.Any) -> int:
    # PyMySQL keeps its socket to itself.
    source = driver if hasattr(driver, "fileno") else driver._sock
    return int(source.fileno())
