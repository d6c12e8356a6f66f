from __future__ import annotations

import typing as t

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.locks import DatabaseLock
from flask_alembic_admin.core.locks import mysql as mysql_module
from flask_alembic_admin.errors import Locked
from flask_alembic_admin.errors import LockLost
from tests.servers import own_database

from . import child
from .contract import ProcessContract


class TestMysqlLock(ProcessContract):
    shown = frozenset({"session", "user", "host", "state"})
    busy = ("SELECT sleep(3) /* mysql://ann:hunter2@host/db */", True)

    @pytest.fixture
    def url(self, mariadb_url: sa.URL) -> sa.URL:
        """The database that is locked."""
        return mariadb_url

    @pytest.fixture
    def other_url(self) -> t.Iterator[sa.URL]:
        """Another database of the same server."""
        with own_database("TEST_MARIADB_URL") as url:
            yield url

    def take_away(self, lock: DatabaseLock, connection: sa.Connection) -> None:
        connection.execute(sa.text("SELECT RELEASE_ALL_LOCKS()"))
        connection.commit()

    def open_transactions(self, engine: sa.Engine) -> int:
        with engine.connect() as connection:
            # InnoDB shows those of this database's sessions that have read or written a table.
            count: int = connection.scalar(
                sa.text(
                    "SELECT count(*) FROM information_schema.innodb_trx JOIN "
                    "information_schema.processlist ON id = trx_mysql_thread_id "
                    "WHERE db = DATABASE() AND id <> CONNECTION_ID()"
                )
            )
            return count

    def test_the_session_names_the_run_while_it_holds_it(
        self, lock: DatabaseLock, mine: sa.Connection
    ) -> None:
        """An operator reads it in performance_schema, where that is switched on."""
        question = sa.text("SELECT @alembic_admin_run")

        with lock.hold(mine, child.owner("one"), 0):
            assert mine.scalar(question) == "alembic-admin:one"

        assert mine.scalar(question) is None

    def test_the_run_is_shown_where_its_name_can_be_read(
        self, lock: DatabaseLock, mine: sa.Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """To whoever waits for it."""
        monkeypatch.setattr(mysql_module, "_NAME_SQL", "SELECT 'alembic-admin\\:one'")

        with lock.hold(mine, child.owner("one"), 0):
            holder = lock.holder()

        assert holder is not None
        assert holder.run == "one"

    def test_a_name_that_may_not_be_read_is_no_error(
        self, lock: DatabaseLock, mine: sa.Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The holder is shown by its session."""
        monkeypatch.setattr(mysql_module, "_NAME_SQL", "SELECT no_such_column")

        with lock.hold(mine, child.owner("one"), 0):
            holder = lock.holder()

        assert holder is not None
        assert (holder.run, bool(holder.session)) == (None, True)

    def test_settings_are_as_before(self, lock: DatabaseLock, mine: sa.Connection) -> None:
        """Neither while it is held nor afterwards does any differ."""
        mine.execute(sa.text("SET SESSION max_statement_time = 7.5"))
        mine.commit()
        before = _settings(mine)

        with lock.hold(mine, child.owner("one"), 0):
            assert _settings(mine) == before

        assert _settings(mine) == before

    def test_timeouts_of_the_session_do_not_count_while_it_is_taken(
        self, lock: DatabaseLock, mine: sa.Connection, theirs: sa.Connection
    ) -> None:
        """One who is refused gets its timeout back as well."""
        theirs.execute(sa.text("SET SESSION max_statement_time = 0.05"))
        theirs.commit()
        before = _settings(theirs)
        seen: list[int] = []

        @sa.event.listens_for(theirs.engine, "before_cursor_execute")
        def slow_down(connection: sa.Connection, cursor: t.Any, sql: str, *rest: t.Any) -> None:
            if "GET_LOCK" in sql:
                seen.append(cursor.execute("SELECT count(*) FROM mysql.user WHERE sleep(0.1)"))

        with lock.hold(mine, child.owner("one"), 0):
            with pytest.raises(Locked), lock.hold(theirs, child.owner("two"), 0.2):
                pytest.fail("two hold it")

            assert _settings(theirs) == before

        assert len(seen) >= 2

    def test_a_killed_session_is_noticed(
        self, lock: DatabaseLock, mine: sa.Connection, theirs: sa.Connection
    ) -> None:
        """The lock went with it; asking opens no other session in its place."""

        def be_killed() -> None:
            with lock.hold(mine, child.owner("one"), 0):
                session = mine.scalar(sa.text("SELECT CONNECTION_ID()"))
                mine.commit()
                theirs.execute(sa.text(f"KILL {session}"))

                for _ in range(2):
                    with pytest.raises(LockLost):
                        lock.assert_held(mine)

        with pytest.raises(LockLost, match="the connection was lost"):
            be_killed()

        assert lock.holder() is None

    def test_a_user_without_privileges_sees_the_session(
        self, url: sa.URL, lock: DatabaseLock, mine: sa.Connection
    ) -> None:
        """The process list is not open to everybody; the session's id is."""
        user = f"{url.database}"
        mine.execute(sa.text(f"CREATE USER {user}"))
        mine.execute(sa.text(f"GRANT ALL ON {url.database}.* TO {user}"))
        mine.commit()
        engine = sa.create_engine(url.set(username=user))

        try:
            with lock.hold(mine, child.owner("one"), 0):
                holder = self.make_lock(engine).holder()
                session = mine.scalar(sa.text("SELECT CONNECTION_ID()"))
        finally:
            engine.dispose()
            mine.rollback()
            mine.execute(sa.text(f"DROP USER {user}"))

        assert holder is not None
        assert (holder.session, holder.user) == (str(session), None)


def _settings(connection: sa.Connection) -> dict[str, str]:
    rows = connection.execute(sa.text("SHOW SESSION VARIABLES")).all()
    connection.commit()
    changing = ("timestamp", "gtid_", "last_", "rand_seed", "identity", "insert_id")
    return {row[0]: row[1] for row in rows if not row[0].startswith(changing)}
