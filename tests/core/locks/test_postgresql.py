from __future__ import annotations

import typing as t

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.databases.database import Database
from flask_alembic_admin.core.locks import DatabaseLock
from flask_alembic_admin.core.locks import lock_for
from flask_alembic_admin.errors import Locked
from flask_alembic_admin.errors import LockLost
from tests.servers import own_database

from . import child
from .contract import PATIENCE
from .contract import ProcessContract


class TestPostgresqlLock(ProcessContract):
    shown = frozenset({"run", "session", "user", "state"})
    busy = ("SELECT pg_sleep(3) /* postgresql://ann:hunter2@host/db */", True)

    @pytest.fixture
    def url(self, postgresql_url: sa.URL) -> sa.URL:
        """The database that is locked."""
        return postgresql_url

    @pytest.fixture
    def other_url(self) -> t.Iterator[sa.URL]:
        """Another database of the same server."""
        with own_database("TEST_POSTGRESQL_URL") as url:
            yield url

    def take_away(self, lock: DatabaseLock, connection: sa.Connection) -> None:
        connection.execute(sa.text("SELECT pg_advisory_unlock_all()"))
        connection.commit()

    def open_transactions(self, engine: sa.Engine) -> int:
        with engine.connect() as connection:
            count: int = connection.scalar(
                sa.text(
                    "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' "
                    "AND datname = current_database()"
                )
            )
            return count

    def test_settings_are_as_before(self, lock: DatabaseLock, mine: sa.Connection) -> None:
        """While it is held only the application's name differs, and afterwards nothing."""
        mine.execute(sa.text("SET application_name = 'web'"))
        mine.execute(sa.text("SET statement_timeout = '7s'"))
        mine.commit()
        before = _settings(mine)

        with lock.hold(mine, child.owner("one"), 0):
            inside = _settings(mine)

        assert _settings(mine) == before
        assert inside == {**before, "application_name": "alembic-admin:one"}

    def test_timeouts_of_the_session_do_not_count_while_it_is_taken(
        self, lock: DatabaseLock, mine: sa.Connection, theirs: sa.Connection
    ) -> None:
        """One who is refused gets its timeouts back as well."""
        theirs.execute(sa.text("SET statement_timeout = '30ms'"))
        theirs.execute(sa.text("SET lock_timeout = '1ms'"))
        theirs.commit()
        before = _settings(theirs)
        seen: list[int] = []

        @sa.event.listens_for(theirs.engine, "before_cursor_execute")
        def slow_down(connection: sa.Connection, cursor: t.Any, sql: str, *rest: t.Any) -> None:
            if "pg_try_advisory_lock" in sql:
                seen.append(cursor.execute("SELECT pg_sleep(0.1)") is not None)

        with lock.hold(mine, child.owner("one"), 0):
            with pytest.raises(Locked), lock.hold(theirs, child.owner("two"), 0.2):
                pytest.fail("two hold it")

            assert _settings(theirs) == before

        assert len(seen) >= 2

    def test_a_long_run_id_fits(self, lock: DatabaseLock, mine: sa.Connection) -> None:
        """The server keeps 63 bytes of a name."""
        with lock.hold(mine, child.owner("a" * 60), 0):
            holder = lock.holder()

        assert holder is not None
        assert holder.run == "a" * 49

    def test_a_terminated_session_is_noticed(
        self, lock: DatabaseLock, mine: sa.Connection, theirs: sa.Connection
    ) -> None:
        """The lock went with it; asking opens no other session in its place."""

        def be_terminated_twice() -> None:
            with lock.hold(mine, child.owner("one"), 0):
                backend = mine.scalar(sa.text("SELECT pg_backend_pid()"))
                mine.commit()
                theirs.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": backend})
                theirs.commit()

                for _ in range(2):
                    with pytest.raises(LockLost):
                        lock.assert_held(mine)

                # SQLAlchemy opens another session here.
                mine.execute(sa.text("SELECT 1"))
                with pytest.raises(LockLost, match="the server gave it up"):
                    lock.assert_held(mine)

                mine.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))

        with pytest.raises(sa.exc.OperationalError) as caught:
            be_terminated_twice()

        assert "does not hold the lock" in caught.value.__notes__[0]
        assert lock.holder() is None

    def test_a_connection_closed_inside_does_not_keep_it_in_the_pool(
        self, url: sa.URL, engine: sa.Engine, lock: DatabaseLock
    ) -> None:
        """A session in the pool would hold it for ever."""
        connection = engine.connect()

        with (
            pytest.raises(LockLost, match="was closed while it held it"),
            lock.hold(connection, child.owner("one"), 0),
        ):
            connection.close()

        second = sa.create_engine(url)

        with (
            second.connect() as other,
            self.make_lock(second).hold(other, child.owner("two"), PATIENCE),
        ):
            pass

        second.dispose()

    def test_schemas_have_a_lock_each(
        self, engine: sa.Engine, lock: DatabaseLock, mine: sa.Connection, theirs: sa.Connection
    ) -> None:
        """A schema that is named is the same one as the connection's default."""
        database = Database("default", engine, ())
        named, other = (lock_for(database, version_table_schema=s) for s in ("public", "tenant"))

        with lock.hold(mine, child.owner("one"), 0):
            with other.hold(theirs, child.owner("two"), 0):
                assert other.holder() is not None
            with pytest.raises(Locked), named.hold(theirs, child.owner("two"), 0):
                pytest.fail("two hold it")

    def test_a_user_without_privileges_sees_the_run(
        self, url: sa.URL, lock: DatabaseLock, mine: sa.Connection
    ) -> None:
        """The session's own name is open to everybody; what it runs is not."""
        role = f"role_{url.database}"
        mine.execute(sa.text(f"CREATE ROLE {role} LOGIN"))
        mine.commit()
        engine = sa.create_engine(url.set(username=role))

        try:
            with lock.hold(mine, child.owner("one"), 0):
                holder = self.make_lock(engine).holder()
        finally:
            engine.dispose()
            mine.execute(sa.text(f"DROP ROLE {role}"))
            mine.commit()

        assert holder is not None
        assert (holder.run, holder.user, holder.statement) == (
            "one",
            mine.engine.url.username,
            None,
        )


def _settings(connection: sa.Connection) -> dict[str, str]:
    rows = connection.execute(sa.text("SELECT name, setting FROM pg_settings")).all()
    connection.commit()
    return {row.name: row.setting for row in rows}
