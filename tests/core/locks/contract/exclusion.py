"""What every lock does with two who want it."""

from __future__ import annotations

import contextlib
import threading
import time

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.locks import DatabaseLock
from flask_alembic_admin.core.locks import Holder
from flask_alembic_admin.errors import Locked
from flask_alembic_admin.errors import LockLost

from .. import child
from .base import ContractBase
from .base import PATIENCE


class Exclusion(ContractBase):
    """Who gets the lock, who is refused, and what that one learns."""

    def test_a_second_holder_is_refused_at_once_with_the_holder_named(
        self, lock: DatabaseLock, mine: sa.Connection, theirs: sa.Connection
    ) -> None:
        """Whoever may not wait learns within a moment who has it."""
        with lock.hold(mine, child.owner("one"), 0):
            began = time.monotonic()

            with (
                pytest.raises(Locked) as caught,
                lock.hold(theirs, child.owner("two"), 0),
            ):
                pytest.fail("two hold it")

            assert time.monotonic() - began < 1
            self.check_shown(caught.value.holder)
            assert str(caught.value.holder) in str(caught.value)

    def test_one_who_waits_gets_it_when_it_is_freed(
        self, lock: DatabaseLock, mine: sa.Connection, theirs: sa.Connection
    ) -> None:
        """The one who waits is told who has it, and goes on as soon as that one leaves."""
        told: list[Holder | None] = []
        order: list[str] = []
        inside, waiting = threading.Event(), threading.Event()

        def hold_until_somebody_waits() -> None:
            with lock.hold(theirs, child.owner("one"), 0):
                inside.set()
                waiting.wait(PATIENCE)
                order.append("one leaves")

        def on_wait(holder: Holder | None) -> None:
            told.append(holder)
            waiting.set()

        thread = threading.Thread(target=hold_until_somebody_waits)
        thread.start()
        assert inside.wait(PATIENCE)

        with lock.hold(mine, child.owner("two"), PATIENCE, on_wait):
            order.append("two enters")

        thread.join()
        self.check_shown(told[0])
        assert order == ["one leaves", "two enters"]

    def test_waiting_ends(
        self, lock: DatabaseLock, mine: sa.Connection, theirs: sa.Connection
    ) -> None:
        """After the time allowed, and not much later, the one who waits is refused."""
        with lock.hold(mine, child.owner("one"), 0):
            began = time.monotonic()

            with pytest.raises(Locked), lock.hold(theirs, child.owner("two"), 0.7):
                pytest.fail("two hold it")

            assert 0.7 <= time.monotonic() - began < 2

        assert not theirs.in_transaction()

    def test_what_on_wait_raises_ends_the_waiting(
        self, lock: DatabaseLock, mine: sa.Connection, theirs: sa.Connection
    ) -> None:
        """A caller that has been told to cancel need not wait any longer."""

        def on_wait(holder: Holder | None) -> None:
            raise KeyError("cancelled")

        with (
            lock.hold(mine, child.owner("one"), 0),
            pytest.raises(KeyError, match="cancelled"),
            lock.hold(theirs, child.owner("two"), PATIENCE, on_wait),
        ):
            pytest.fail("two hold it")

        assert not theirs.in_transaction()

    def test_the_same_run_takes_it_again(
        self, engine: sa.Engine, lock: DatabaseLock, mine: sa.Connection, theirs: sa.Connection
    ) -> None:
        """The inner hold, through another object, frees nothing; the outer one does."""
        with lock.hold(mine, child.owner("one"), 0):
            with self.make_lock(engine).hold(mine, child.owner("one"), 0):
                lock.assert_held(mine)

            lock.assert_held(mine)
            self.check_shown(lock.holder())

            with pytest.raises(Locked), lock.hold(theirs, child.owner("two"), 0):
                pytest.fail("two hold it")

        assert lock.holder() is None

    def test_another_run_on_the_same_connection_is_refused(
        self, lock: DatabaseLock, mine: sa.Connection
    ) -> None:
        """A server would let the same session in twice."""
        with (
            lock.hold(mine, child.owner("one"), 0),
            pytest.raises(Locked, match="run one of ann"),
            lock.hold(mine, child.owner("two"), 0),
        ):
            pytest.fail("two hold it")

    def test_the_same_run_on_another_connection_is_refused(
        self, lock: DatabaseLock, mine: sa.Connection, theirs: sa.Connection
    ) -> None:
        """The lock is the connection's, not the process's."""
        with (
            lock.hold(mine, child.owner("one"), 0),
            pytest.raises(Locked),
            lock.hold(theirs, child.owner("one"), 0),
        ):
            pytest.fail("two hold it")

    def test_a_stranger_does_not_hold_it(
        self, lock: DatabaseLock, mine: sa.Connection, theirs: sa.Connection
    ) -> None:
        """Another connection is told that it never had it."""
        with lock.hold(mine, child.owner("one"), 0):
            lock.assert_held(mine)

            with pytest.raises(LockLost, match="never took it"):
                lock.assert_held(theirs)

        with pytest.raises(LockLost, match="has freed it"):
            lock.assert_held(mine)

    def test_one_who_lost_it_cannot_free_it_for_its_new_holder(
        self, lock: DatabaseLock, mine: sa.Connection, theirs: sa.Connection
    ) -> None:
        """The release of what is another's by now is refused, and leaves it to that one."""
        with contextlib.ExitStack() as stack:
            first = contextlib.ExitStack()
            first.enter_context(lock.hold(mine, child.owner("one"), 0))
            self.take_away(lock, mine)
            stack.enter_context(lock.hold(theirs, child.owner("two"), PATIENCE))

            with pytest.raises(LockLost):
                lock.assert_held(mine)
            with pytest.raises(LockLost, match="does not hold the lock of database 'default'"):
                first.close()

            lock.assert_held(theirs)
            self.check_shown(lock.holder(), "two")

        assert lock.holder() is None

    def test_two_databases_of_one_server_do_not_exclude_each_other(
        self, lock: DatabaseLock, mine: sa.Connection, other_url: sa.URL
    ) -> None:
        """The lock belongs to a database, also where the server's locks do not."""
        other = self.make_engine(other_url)

        with (
            lock.hold(mine, child.owner("one"), 0),
            other.connect() as connection,
            self.make_lock(other).hold(connection, child.owner("two"), 0),
        ):
            lock.assert_held(mine)

        other.dispose()

    def test_two_version_tables_of_one_database_do_not_exclude_each_other(
        self,
        engine: sa.Engine,
        lock: DatabaseLock,
        mine: sa.Connection,
        theirs: sa.Connection,
    ) -> None:
        """Two apps that share a database have a history each."""
        second = self.make_lock(engine, "other_version")

        with (
            lock.hold(mine, child.owner("one"), 0),
            second.hold(theirs, child.owner("two"), 0),
        ):
            self.check_shown(lock.holder(), "one")
            self.check_shown(second.holder(), "two")
            # On one connection too.
            with pytest.raises(Locked), second.hold(mine, child.owner("one"), 0):
                pytest.fail("two hold it")
