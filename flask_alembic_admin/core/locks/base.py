"""What every lock has in common: waiting, nesting, and never hiding an error."""

from __future__ import annotations

import abc
import collections.abc as c
import contextlib
import dataclasses
import os
import time
import typing as t
import weakref

import sqlalchemy as sa

from ...errors import Locked
from ...errors import LockLost
from ..databases.database import Database
from .holders import Holder
from .holders import Owner

#: Seconds between two tries: the first pause, and the longest one that it grows to.
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.5

#: Locks by the name of the dialect; a class fills it by being defined.
LOCKS: dict[str, type[DatabaseLock]] = {}

#: The version table's schema, where it is not the default one, and its name.
Place: t.TypeAlias = tuple[str | None, str]

WaitWatcher: t.TypeAlias = "c.Callable[[Holder | None], None]"


class Grip(abc.ABC):
    """One lock while it is held; it keeps no reference to the connection."""

    @abc.abstractmethod
    def is_held(self, connection: sa.Connection) -> bool:
        """Return whether the lock is still there and this connection's."""

    @abc.abstractmethod
    def let_go(self, connection: sa.Connection) -> str | None:
        """Free the lock and return None, or say why it was not there any more."""


class DatabaseLock(abc.ABC):
    """The right to change what one version table stands for.

    :param database: The database that is to be migrated.
    :param version_table: The version table's name.
    :param version_table_schema: Its schema, where that is not the connection's default one.
    """

    #: Names of the SQL dialects that this lock serves.
    dialects: t.ClassVar[tuple[str, ...]] = ()

    #: Whether it is free as soon as its holder is dead.
    ends_with_holder: t.ClassVar[bool] = True

    #: What the one who is refused can do.
    cure: t.ClassVar[str] = "Wait until that run has ended, or allow a longer wait."

    def __init_subclass__(cls) -> None:
        # Its own alone: a subclass that only varies a lock does not replace it.
        for dialect in cls.__dict__.get("dialects", ()):
            if dialect in LOCKS:
                raise TypeError(f"Two locks for {dialect!r}: {LOCKS[dialect]} and {cls}.")

            LOCKS[dialect] = cls

    def __init__(
        self,
        database: Database,
        version_table: str = "alembic_version",
        version_table_schema: str | None = None,
    ) -> None:
        self.database = database
        self.version_table = version_table
        self.version_table_schema = version_table_schema

    @contextlib.contextmanager
    def hold(
        self,
        connection: sa.Connection,
        owner: Owner,
        wait: float,
        on_wait: WaitWatcher | None = None,
    ) -> c.Iterator[None]:
        """Hold the lock on the connection that migrates.

        What the connection has open is committed first, and it is in no transaction inside;
        what is still open at the end is rolled back. The same run may take it again inside.

        :param connection: The connection that will migrate.
        :param owner: Who takes it.
        :param wait: Seconds to wait for another holder; 0 refuses at once.
        :param on_wait: Told before each pause who has it; what it raises ends the waiting.
        :raises Locked: Another one still has it after that time.
        :raises PooledConnection: A pooler is between, so that no session can keep a lock.
        :raises LockLost: At the end it turned out not to be held any more.
        """
        self._enter(connection, owner, wait, on_wait)

        try:
            yield
        except BaseException as error:
            try:
                self._leave(connection)
            except Exception as problem:
                error.add_note(f"When the lock was to be freed: {problem}")
            raise
        else:
            self._leave(connection)

    def holder(self) -> Holder | None:
        """Return who has the lock, or None; it only reads, and waits for no run.

        :raises UnreachableDatabase: No connection could be opened.
        """
        with self.database.connect() as connection:
            return self._look(connection)

    def wait_until_free(self, wait: float, on_wait: WaitWatcher | None, run: str) -> None:
        """Wait until nobody else holds the lock; it is not taken.

        For whoever can take it only later, at a place where waiting would be in others' way.

        :param wait: Seconds to wait for another holder; 0 refuses at once.
        :param on_wait: As for ``hold``.
        :param run: The run that asks, which may hold it already.
        :raises Locked: Another one still has it after that time.
        """
        pause = self._pauses(wait, on_wait)

        while (holder := self.holder()) is not None and holder.run != run:
            pause(holder)

    def assert_held(self, connection: sa.Connection) -> None:
        """Make sure that a connection holds the lock.

        :param connection: The connection that migrates; its transaction stays as it is.
        :raises LockLost: It does not, or it cannot be asked.
        """
        hold = _HOLDS.get(connection, {}).get(self._place)

        if hold is None:
            raise self._lost("it never took it, or has freed it")
        if hold.pid != os.getpid():
            raise self._lost("its parent process does, from which it was forked")
        if connection.closed or connection.invalidated:
            raise self._lost("the connection was lost")

        within = connection.in_transaction()

        try:
            if not hold.grip.is_held(connection):
                raise self._lost("the server gave it up, or somebody broke it")
        except sa.exc.SQLAlchemyError as error:
            raise self._lost(self.database.describe_error(error)) from error
        finally:
            if not within:
                end_transaction(connection)

    @abc.abstractmethod
    def _take(self, connection: sa.Connection, owner: Owner) -> Grip | None:
        """Take the lock without waiting, or return None where somebody else has it."""

    @abc.abstractmethod
    def _look(self, connection: sa.Connection) -> Holder | None:
        """Return who has the lock, asked on a connection that need not hold it."""

    @contextlib.contextmanager
    def _prepared(self, connection: sa.Connection) -> c.Iterator[None]:
        """Make a connection fit for trying, and undo that afterwards."""
        yield

    @property
    def _place(self) -> Place:
        return self.version_table_schema, self.version_table

    def _enter(
        self, connection: sa.Connection, owner: Owner, wait: float, on_wait: WaitWatcher | None
    ) -> None:
        holds = _HOLDS.setdefault(connection, {})
        hold = holds.get(self._place)

        if hold is None:
            if connection.in_transaction():
                connection.commit()

            with self._prepared(connection):
                grip = self._wait(connection, owner, wait, on_wait)

            holds[self._place] = _Hold(grip, owner, os.getpid())
        elif hold.owner.run != owner.run:
            raise Locked(self.database.name, _as_holder(hold.owner), self.cure)
        else:
            self.assert_held(connection)
            hold.depth += 1

    def _wait(
        self, connection: sa.Connection, owner: Owner, wait: float, on_wait: WaitWatcher | None
    ) -> Grip:
        pause = self._pauses(wait, on_wait)

        while (grip := self._take(connection, owner)) is None:
            holder = self._look(connection)
            end_transaction(connection)
            pause(holder)

        return grip

    def _pauses(
        self, wait: float, on_wait: WaitWatcher | None
    ) -> c.Callable[[Holder | None], None]:
        """Return what waits for a holder, longer each time, and refuses once the time is over."""
        deadline = time.monotonic() + wait
        length = FIRST_PAUSE

        def pause(holder: Holder | None) -> None:
            nonlocal length
            left = deadline - time.monotonic()

            if left <= 0:
                raise Locked(self.database.name, holder, self.cure)
            if on_wait:
                on_wait(holder)

            time.sleep(min(length, left))
            length = min(length * 1.5, LONGEST_PAUSE)

        return pause

    def _leave(self, connection: sa.Connection) -> None:
        holds = _HOLDS[connection]
        hold = holds[self._place]

        # A child that a migration forked leaves through the same `with`; the lock is its parent's.
        if hold.pid != os.getpid():
            return

        hold.depth -= 1

        if hold.depth:
            return

        del holds[self._place]

        # What was left open is not the lock's to commit.
        with contextlib.suppress(sa.exc.SQLAlchemyError):
            end_transaction(connection)

        if problem := hold.grip.let_go(connection):
            raise self._lost(problem)

    def _lost(self, reason: str) -> LockLost:
        return LockLost(self.database.name, reason)


def end_transaction(connection: sa.Connection) -> None:
    """Roll back what a connection has open, if anything."""
    if not connection.closed and connection.in_transaction():
        connection.rollback()


@dataclasses.dataclass
class _Hold:
    grip: Grip
    owner: Owner
    pid: int
    depth: int = 1


#: What each connection holds, by version table.
_HOLDS: weakref.WeakKeyDictionary[sa.Connection, dict[Place, _Hold]] = weakref.WeakKeyDictionary()


def _as_holder(owner: Owner) -> Holder:
    return Holder(actor=owner.actor, host=owner.host, pid=owner.pid, run=owner.run)
