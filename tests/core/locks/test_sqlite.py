from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.locks import DatabaseLock
from flask_alembic_admin.errors import Locked
from flask_alembic_admin.errors import SetupError

from . import child
from .contract import LockContract
from .contract import PATIENCE
from .contract import ProcessContract

CARD = "test.sqlite.alembic-admin.lock.json"


class TestSqliteLock(ProcessContract):
    shown = frozenset({"actor", "host", "pid", "run", "since"})
    busy = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1e9) "
        "SELECT count(*) FROM n",
        False,
    )

    @pytest.fixture
    def url(self, sqlite_url: sa.URL) -> sa.URL:
        """The database that is locked; the file exists."""
        Path(str(sqlite_url.database)).touch()
        return sqlite_url

    @pytest.fixture
    def other_url(self, url: sa.URL) -> sa.URL:
        """Another file in the same folder."""
        return url.set(database=f"{url.database}.other")

    def take_away(self, lock: DatabaseLock, connection: sa.Connection) -> None:
        file = Path(str(lock.database.engine.url.database))
        file.with_name(f"{file.name}.alembic-admin.lock").unlink()

    def open_transactions(self, engine: sa.Engine) -> int:
        with engine.connect() as connection:
            # Fails at once where another connection has as much as read.
            connection.exec_driver_sql("PRAGMA busy_timeout = 0")
            connection.exec_driver_sql("BEGIN EXCLUSIVE")
            connection.rollback()
        return 0

    def traces(self, engine: sa.Engine) -> object:
        return _tree(Path(str(engine.url.database)).parent)

    def test_a_look_makes_no_file(self, sqlite_url: sa.URL) -> None:
        """Where there is no database there is none afterwards."""
        lock = self.make_lock(sa.create_engine(sqlite_url))
        assert lock.holder() is None
        assert not Path(str(sqlite_url.database)).exists()

    def test_what_is_left_afterwards_is_the_lock_file_alone(
        self, lock: DatabaseLock, mine: sa.Connection, tmp_path: Path
    ) -> None:
        """The card goes; the lock file stays, since removing it would part those who wait."""
        with lock.hold(mine, child.owner("one"), 0):
            assert (tmp_path / CARD).exists()

        left = {path.name for path in tmp_path.iterdir()}
        assert left == {"test.sqlite", CARD.removesuffix(".json")}

    def test_the_card_of_a_dead_holder_is_not_believed(
        self, url: sa.URL, lock: DatabaseLock, tmp_path: Path
    ) -> None:
        """A look leaves it where it is, too."""
        with child.started(url) as process:
            child.expect(process, "held")
            process.kill()

        assert (tmp_path / CARD).exists()
        before = _tree(tmp_path)
        assert lock.holder() is None
        assert _tree(tmp_path) == before

    def test_looking_never_has_anybody_refused(
        self, url: sa.URL, engine: sa.Engine, lock: DatabaseLock, mine: sa.Connection
    ) -> None:
        """Four who look without a pause, and one who wants it at once or never."""
        done = threading.Event()

        def look() -> None:
            while not done.is_set():
                lock.holder()

        # Also at a dead holder's card.
        with child.started(url) as process:
            child.expect(process, "held")
            process.kill()

        threads = [threading.Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()

        try:
            for _ in range(100):
                with lock.hold(mine, child.owner("one"), 0):
                    pass
        finally:
            done.set()
            for thread in threads:
                thread.join()

    def test_those_who_look_at_a_dead_holders_card_do_not_see_each_other(
        self, url: sa.URL, lock: DatabaseLock, tmp_path: Path
    ) -> None:
        """Two looks at one moment are not a holder."""
        with child.started(url) as process:
            child.expect(process, "held")
            process.kill()

        with (tmp_path / CARD).open() as card:
            # As a look does it, for longer.
            fcntl.flock(card, fcntl.LOCK_SH)
            assert lock.holder() is None

    @pytest.mark.parametrize("spelling", ["relative", "symlink", "uri", "creator"])
    def test_a_file_has_one_lock_however_it_is_spelled(
        self,
        lock: DatabaseLock,
        mine: sa.Connection,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        spelling: str,
    ) -> None:
        """Whatever SQLite has opened counts."""
        monkeypatch.chdir(tmp_path)
        (tmp_path / "link.sqlite").symlink_to("test.sqlite")
        engines = {
            "relative": lambda: sa.create_engine("sqlite:///test.sqlite"),
            "symlink": lambda: sa.create_engine(f"sqlite:///{tmp_path}/link.sqlite"),
            "uri": lambda: sa.create_engine(f"sqlite:///file:{tmp_path}/test.sqlite?uri=true"),
            "creator": lambda: sa.create_engine(
                "sqlite://", creator=mine.engine.raw_connection, poolclass=sa.NullPool
            ),
        }
        engine = engines[spelling]()
        monkeypatch.chdir("/")
        other = self.make_lock(engine)

        with engine.connect() as theirs, lock.hold(mine, child.owner("one"), 0):
            with pytest.raises(Locked), other.hold(theirs, child.owner("two"), 0):
                pytest.fail("two hold it")
            # A relative name has lost its meaning by now.
            if spelling != "relative":
                self.check_shown(other.holder())

        engine.dispose()

    def test_whoever_may_write_the_database_may_take_its_lock(
        self, lock: DatabaseLock, mine: sa.Connection, tmp_path: Path
    ) -> None:
        """The lock file has the permissions of the database, whoever made it."""
        (tmp_path / "test.sqlite").chmod(0o660)

        with lock.hold(mine, child.owner("one"), 0):
            modes = {os.stat(path).st_mode & 0o777 for path in tmp_path.iterdir()}

        assert modes == {0o660}

    def test_a_lock_file_that_cannot_be_opened_is_named(
        self, lock: DatabaseLock, mine: sa.Connection, tmp_path: Path
    ) -> None:
        """The error says which file and what to do."""
        (tmp_path / CARD.removesuffix(".json")).mkdir()

        with (
            pytest.raises(SetupError, match=r"test\.sqlite\.alembic-admin\.lock' cannot be used"),
            lock.hold(mine, child.owner("one"), 0),
        ):
            pytest.fail("it was taken")


class TestMemoryLock(LockContract):
    shown = frozenset({"actor", "host", "pid", "run", "since"})

    @pytest.fixture
    def url(self) -> sa.URL:
        """A database in memory that several connections of this process share."""
        return sa.make_url("sqlite:///file:one?mode=memory&cache=shared&uri=true")

    @pytest.fixture
    def other_url(self) -> sa.URL:
        """Another one."""
        return sa.make_url("sqlite:///file:two?mode=memory&cache=shared&uri=true")

    def make_engine(self, url: sa.URL) -> sa.Engine:
        # The pool for databases in memory gives one connection to all.
        return sa.create_engine(
            url, poolclass=sa.QueuePool, connect_args={"check_same_thread": False}
        )

    def take_away(self, lock: DatabaseLock, connection: sa.Connection) -> None:
        from flask_alembic_admin.core.locks import memory

        memory._holders.clear()

    def open_transactions(self, engine: sa.Engine) -> int:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN EXCLUSIVE")
            connection.rollback()
        return 0

    @pytest.mark.parametrize("pool", [sa.StaticPool, sa.SingletonThreadPool])
    def test_a_look_leaves_the_only_connection_alone(self, pool: type[sa.Pool]) -> None:
        """With one connection for all, a look must not roll back what is going on on it."""
        engine = sa.create_engine("sqlite://", poolclass=pool)
        lock = self.make_lock(engine)

        with engine.connect() as connection, lock.hold(connection, child.owner("one"), PATIENCE):
            connection.execute(sa.text("CREATE TABLE made (id INTEGER)"))
            connection.execute(sa.text("INSERT INTO made VALUES (1)"))
            self.check_shown(lock.holder())
            assert connection.scalar(sa.text("SELECT count(*) FROM made")) == 1
            connection.commit()

        engine.dispose()


def _tree(folder: Path) -> object:
    return sorted(
        (path.name, path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()
    )
