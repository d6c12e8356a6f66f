from __future__ import annotations

import threading
import typing as t
from pathlib import Path

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.locks import DatabaseLock
from flask_alembic_admin.core.locks import lease
from flask_alembic_admin.core.locks import LeaseLock
from flask_alembic_admin.errors import Locked
from flask_alembic_admin.errors import LockLost
from tests.servers import own_database

from . import child
from .contract import ProcessContract


def _break(lock: LeaseLock) -> None:
    """Delete a lease's row, as the message of a refusal says."""
    with lock.database.engine.begin() as connection:
        statement = sa.text(f"DELETE FROM {lease.TABLE_NAME} WHERE name = :name")
        assert connection.execute(statement, {"name": lock.name}).rowcount == 1


class LeaseContract(ProcessContract):
    """The contract as a lease passes it: what a dead holder leaves stays, by design."""

    lease = True
    shown = frozenset({"actor", "host", "pid", "run", "since", "state"})

    def take_away(self, lock: DatabaseLock, connection: sa.Connection) -> None:
        assert isinstance(lock, LeaseLock)
        _break(lock)

    def test_a_holder_killed_while_idle_frees_it(
        self, url: sa.URL, lock: DatabaseLock, mine: sa.Connection
    ) -> None:
        """It does not: the server cannot know. The row is deleted by hand."""
        with child.started(url, lease=True) as process:
            child.expect(process, "held")
            process.kill()

        with pytest.raises(Locked, match="delete its row from the table alembic_admin") as caught:
            lock.hold(mine, child.owner("one"), 0.1).__enter__()

        self.check_shown(caught.value.holder, "other")
        assert isinstance(lock, LeaseLock)
        _break(lock)

        with lock.hold(mine, child.owner("one"), 0):
            self.check_shown(lock.holder())

    def test_a_holder_killed_in_a_statement_frees_it_with_the_end_of_that(
        self, url: sa.URL, lock: DatabaseLock, mine: sa.Connection
    ) -> None:
        """It does not, no more than when idle; that is tested above."""

    def test_a_forked_child_does_not_keep_it_when_its_parent_is_killed(
        self, url: sa.URL, lock: DatabaseLock, mine: sa.Connection
    ) -> None:
        """With or without a child, a killed holder stays the holder."""

    def test_a_held_lease_is_renewed(
        self, lock: DatabaseLock, mine: sa.Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each question whether it is held tells others that its holder lives."""
        now = lease._now()

        with lock.hold(mine, child.owner("one"), 0):
            later = now.replace(year=now.year + 1)
            monkeypatch.setattr(lease, "_now", lambda: later)
            lock.assert_held(mine)
            holder = lock.holder()

        assert holder is not None
        assert holder.state == f"last seen {later:%Y-%m-%d %H:%M:%S} UTC"

    def test_all_may_make_the_table_at_once(self, engine: sa.Engine) -> None:
        """Whoever comes late finds it made."""
        start = threading.Barrier(4)
        errors: list[BaseException] = []

        def make() -> None:
            lock = self.make_lock(engine)
            assert isinstance(lock, LeaseLock)
            start.wait()
            try:
                lock._make_table()
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=make) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert errors == []

    def test_a_broken_lease_is_noticed_by_its_holder(
        self, lock: DatabaseLock, mine: sa.Connection
    ) -> None:
        """A holder that was only slow finds out at its next step."""

        def be_broken() -> None:
            with lock.hold(mine, child.owner("one"), 0):
                self.take_away(lock, mine)

                with pytest.raises(LockLost):
                    lock.assert_held(mine)

        with pytest.raises(LockLost, match="broken by hand"):
            be_broken()


class TestLeaseOnPostgresql(LeaseContract):
    @pytest.fixture
    def url(self, postgresql_url: sa.URL) -> sa.URL:
        """The database that is locked."""
        return postgresql_url

    @pytest.fixture
    def other_url(self) -> t.Iterator[sa.URL]:
        """Another database of the same server."""
        with own_database("TEST_POSTGRESQL_URL") as url:
            yield url

    def open_transactions(self, engine: sa.Engine) -> int:
        with engine.connect() as connection:
            count: int = connection.scalar(
                sa.text(
                    "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' "
                    "AND datname = current_database()"
                )
            )
            return count


class TestLeaseOnSqlite(LeaseContract):
    @pytest.fixture
    def url(self, sqlite_url: sa.URL) -> sa.URL:
        """The database that is locked."""
        return sqlite_url

    @pytest.fixture
    def other_url(self, tmp_path: Path) -> sa.URL:
        """Another file."""
        return sa.URL.create("sqlite", database=str(tmp_path / "other.sqlite"))

    def open_transactions(self, engine: sa.Engine) -> int:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout = 0")
            connection.exec_driver_sql("BEGIN EXCLUSIVE")
            connection.rollback()
        return 0
