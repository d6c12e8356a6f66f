"""What every lock passes. A test file for one lock subclasses this and gives the databases."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import typing as t
from pathlib import Path

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.locks import DatabaseLock
from flask_alembic_admin.core.locks import Holder
from flask_alembic_admin.errors import Locked
from flask_alembic_admin.errors import LockLost

from . import child

#: Seconds after which something that should happen counts as not happening.
PATIENCE = 30.0


class LockContract:
    """Every lock passes these; a subclass gives ``url`` and ``other_url``, on one server."""

    #: Whether the lock is a row, whatever the server.
    lease = False

    #: Which facts about the holder every other session can read.
    shown: t.ClassVar[frozenset[str]]

    @pytest.fixture
    def engine(self, url: sa.URL) -> t.Iterator[sa.Engine]:
        """An engine for the database that is locked."""
        engine = self.make_engine(url)
        yield engine
        engine.dispose()

    @pytest.fixture
    def lock(self, engine: sa.Engine) -> DatabaseLock:
        """The lock of that database."""
        return self.make_lock(engine)

    @pytest.fixture
    def mine(self, engine: sa.Engine) -> t.Iterator[sa.Connection]:
        """A connection that migrates."""
        with engine.connect() as connection:
            yield connection

    @pytest.fixture
    def theirs(self, engine: sa.Engine) -> t.Iterator[sa.Connection]:
        """A second connection of the same process."""
        with engine.connect() as connection:
            yield connection

    def make_engine(self, url: sa.URL) -> sa.Engine:
        """Return an engine whose connections any thread may use."""
        return sa.create_engine(url)

    def make_lock(self, engine: sa.Engine, version_table: str = "alembic_version") -> DatabaseLock:
        """Return another object for the lock of a database."""
        return child.make_lock(engine, lease=self.lease, version_table=version_table)

    def take_away(self, lock: DatabaseLock, connection: sa.Connection) -> None:
        """Make a connection lose the lock behind its back."""
        raise NotImplementedError

    def open_transactions(self, engine: sa.Engine) -> int:
        """Return how many transactions of this database the server knows."""
        raise NotImplementedError

    def traces(self, engine: sa.Engine) -> object:
        """Return what a look could have written."""
        with engine.connect() as connection:
            return sorted(sa.inspect(connection).get_table_names())

    def check_shown(self, holder: Holder | None, run: str = "one") -> None:
        """Make sure that a holder shows all that this lock can tell, and names it."""
        assert holder is not None
        shown = {name for name, value in vars(holder).items() if value is not None}
        assert self.shown <= shown
        assert holder.run == (run if "run" in self.shown else None)
        assert holder.actor == ("ann" if "actor" in self.shown else None)

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

    def test_losing_it_does_not_hide_an_error(
        self, lock: DatabaseLock, mine: sa.Connection
    ) -> None:
        """What went wrong first is what is raised; the loss is a note on it."""

        def lose_it_and_fail() -> None:
            with lock.hold(mine, child.owner("one"), 0):
                self.take_away(lock, mine)
                raise KeyError("the migration's own")

        with pytest.raises(KeyError, match="the migration's own") as caught:
            lose_it_and_fail()

        assert "does not hold the lock" in caught.value.__notes__[0]

    @pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt])
    def test_an_error_inside_frees_it(
        self, lock: DatabaseLock, mine: sa.Connection, error: type[BaseException]
    ) -> None:
        """However the run ends, the lock ends with it, and the error goes on without a note."""
        with (
            pytest.raises(error) as caught,
            lock.hold(mine, child.owner("one"), 0),
        ):
            raise error

        assert not hasattr(caught.value, "__notes__")
        assert lock.holder() is None

    def test_it_survives_what_migrations_do_to_a_connection(
        self, lock: DatabaseLock, mine: sa.Connection, theirs: sa.Connection
    ) -> None:
        """Commits, rollbacks, errors and autocommit change nothing about it."""
        with lock.hold(mine, child.owner("one"), 0):
            assert not mine.in_transaction()
            mine.execute(sa.text("CREATE TABLE made (id INTEGER)"))
            mine.commit()
            lock.assert_held(mine)
            mine.execute(sa.text("INSERT INTO made VALUES (1)"))
            mine.rollback()
            lock.assert_held(mine)

            with pytest.raises(sa.exc.DBAPIError):
                mine.execute(sa.text("SELECT nothing FROM nowhere"))
            mine.rollback()
            lock.assert_held(mine)

            level = mine.get_isolation_level()
            mine.execution_options(isolation_level="AUTOCOMMIT")
            mine.execute(sa.text("INSERT INTO made VALUES (2)"))
            mine.commit()
            lock.assert_held(mine)
            mine.execution_options(isolation_level=level)

            with pytest.raises(Locked), lock.hold(theirs, child.owner("two"), 0):
                pytest.fail("two hold it")

        assert lock.holder() is None

    def test_asking_leaves_a_transaction_as_it_is(
        self, lock: DatabaseLock, mine: sa.Connection
    ) -> None:
        """In a transaction it stays one, and outside none is begun."""
        with lock.hold(mine, child.owner("one"), 0):
            lock.assert_held(mine)
            assert not mine.in_transaction()
            mine.execute(sa.text("CREATE TABLE made (id INTEGER)"))
            lock.assert_held(mine)
            assert mine.in_transaction()
            mine.commit()

        assert sa.inspect(mine).has_table("made")

    def test_a_transaction_left_open_is_rolled_back(
        self, lock: DatabaseLock, mine: sa.Connection, theirs: sa.Connection
    ) -> None:
        """What was open before is committed, what is left open inside is not."""
        mine.execute(sa.text("CREATE TABLE made (id INTEGER)"))

        with lock.hold(mine, child.owner("one"), 0):
            mine.execute(sa.text("INSERT INTO made VALUES (1)"))

        assert not mine.in_transaction()
        assert theirs.scalar(sa.text("SELECT count(*) FROM made")) == 0

    def test_it_works_on_a_connection_in_autocommit(
        self, lock: DatabaseLock, mine: sa.Connection
    ) -> None:
        """Nothing of it needs a transaction."""
        mine.execution_options(isolation_level="AUTOCOMMIT")

        with lock.hold(mine, child.owner("one"), 0):
            lock.assert_held(mine)
            self.check_shown(lock.holder())

        assert lock.holder() is None

    def test_a_look_at_an_idle_database_writes_nothing(
        self, engine: sa.Engine, lock: DatabaseLock
    ) -> None:
        """Nobody holds it, and nothing is made to find that out."""
        before = self.traces(engine)
        assert lock.holder() is None
        assert self.traces(engine) == before

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

    def test_no_transaction_is_left_open(
        self, engine: sa.Engine, lock: DatabaseLock, mine: sa.Connection, theirs: sa.Connection
    ) -> None:
        """Not while it is held, nor by one who was refused, nor by a look, nor afterwards."""
        with lock.hold(mine, child.owner("one"), 0):
            with pytest.raises(Locked), lock.hold(theirs, child.owner("two"), 0):
                pytest.fail("two hold it")

            lock.holder()
            lock.assert_held(mine)
            assert self.open_transactions(engine) == 0

        assert self.open_transactions(engine) == 0


class ProcessContract(LockContract):
    """What every lock passes that other processes can see."""

    #: A statement that keeps the server busy, and whether its end has to be waited for.
    busy: tuple[str, bool] = ("", False)

    def test_eight_processes_go_in_one_by_one(self, url: sa.URL, tmp_path: Path) -> None:
        """All start at once; no two are ever inside together, and all get in."""
        log = tmp_path / "log"

        with contextlib.ExitStack() as stack:
            processes = [
                stack.enter_context(
                    child.started(
                        url, lease=self.lease, log=str(log), run=str(number), wait=PATIENCE
                    )
                )
                for number in range(8)
            ]

            for process in processes:
                child.expect(process, "ready")
            for process in processes:
                child.tell(process)

            assert [process.wait(PATIENCE) for process in processes] == [0] * 8

        lines = [line.split() for line in log.read_text().splitlines()]
        assert [word for word, _ in lines] == ["enter", "leave"] * 8
        assert all(
            enter[1] == leave[1] for enter, leave in zip(lines[::2], lines[1::2], strict=True)
        )
        assert len({pid for _, pid in lines}) == 8

    def test_a_holder_in_another_process_is_named(
        self, url: sa.URL, lock: DatabaseLock, mine: sa.Connection
    ) -> None:
        """From outside the same is seen as from inside, and gone when it is freed."""
        with child.started(url, lease=self.lease) as process:
            child.expect(process, "held")
            holder = lock.holder()
            self.check_shown(holder, "other")
            assert holder is not None
            assert holder.pid == (process.pid if "pid" in self.shown else None)

            with pytest.raises(Locked), lock.hold(mine, child.owner("one"), 0):
                pytest.fail("two hold it")

            child.tell(process)
            assert process.wait(PATIENCE) == 0

        assert lock.holder() is None

    def test_a_holder_killed_while_idle_frees_it(
        self, url: sa.URL, lock: DatabaseLock, mine: sa.Connection
    ) -> None:
        """It needs no help, and takes no time that anybody would notice."""
        with child.started(url) as process:
            child.expect(process, "held")
            process.kill()
            process.wait()
            began = time.monotonic()

            with lock.hold(mine, child.owner("one"), PATIENCE):
                assert time.monotonic() - began < 1
                self.check_shown(lock.holder())

        assert lock.holder() is None

    def test_a_holder_killed_in_a_statement_frees_it_with_the_end_of_that(
        self, url: sa.URL, lock: DatabaseLock, mine: sa.Connection
    ) -> None:
        """As long as the server works for the dead, nobody else may."""
        statement, goes_on = self.busy

        with child.started(url, statement=statement) as process:
            child.expect(process, "held")
            deadline = time.monotonic() + PATIENCE

            while goes_on and "sleep" not in (getattr(lock.holder(), "statement", "") or ""):
                assert time.monotonic() < deadline
                time.sleep(0.01)

            began = time.monotonic()
            process.kill()
            process.wait()

            if goes_on:
                with pytest.raises(Locked) as caught, lock.hold(mine, child.owner("one"), 0):
                    pytest.fail("two hold it")
                assert "sleep" in caught.value.holder.statement
                assert "hunter2" not in caught.value.holder.statement

            with lock.hold(mine, child.owner("one"), PATIENCE):
                took = time.monotonic() - began
                assert (2 < took < 10) if goes_on else took < 1

    def test_a_forked_child_that_leaves_frees_nothing(
        self, url: sa.URL, lock: DatabaseLock, mine: sa.Connection
    ) -> None:
        """A migration that forks, and whose child ends through the same `with`, keeps its lock."""
        with child.started(url, lease=self.lease, fork="leave") as process:
            child.expect(process, "held")
            self.check_shown(lock.holder(), "other")

            with pytest.raises(Locked), lock.hold(mine, child.owner("one"), 0):
                pytest.fail("two hold it")

            child.tell(process)
            child.expect(process, "freed")
            child.tell(process)
            assert process.wait(PATIENCE) == 0

        assert lock.holder() is None

    def test_a_forked_child_that_stays_does_not_keep_it(
        self, url: sa.URL, lock: DatabaseLock, mine: sa.Connection
    ) -> None:
        """It is free when its owner leaves, whatever that has left running."""
        with self.parent_and_child(url) as process:
            child.expect(process, "held")
            child.tell(process)
            child.expect(process, "freed")

            with lock.hold(mine, child.owner("one"), 0):
                self.check_shown(lock.holder())

    def test_a_forked_child_does_not_keep_it_when_its_parent_is_killed(
        self, url: sa.URL, lock: DatabaseLock, mine: sa.Connection
    ) -> None:
        """The lock dies with its owner, not with what that has left running."""
        with self.parent_and_child(url) as process:
            child.expect(process, "held")
            process.kill()
            process.wait()
            began = time.monotonic()

            with lock.hold(mine, child.owner("one"), PATIENCE):
                assert time.monotonic() - began < 1
                self.check_shown(lock.holder())

    @contextlib.contextmanager
    def parent_and_child(self, url: sa.URL) -> t.Iterator[child.Process]:
        """Start a holder that has forked a child, and end both."""
        with child.started(url, lease=self.lease, fork="stay") as process:
            assert process.stdout is not None
            forked = int(process.stdout.readline())

            try:
                yield process
            finally:
                os.kill(forked, 9)
