"""Who keeps a session waiting."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.servers import mysql as mysql_module
from flask_alembic_admin.core.servers import postgresql as postgresql_module

from .helpers import eventually
from .helpers import in_use
from .helpers import running
from .helpers import Sessions


def test_the_blocker_of_a_row_is_named(sessions: Sessions) -> None:
    """Who holds the row that a statement waits for is named, with where it came from."""
    holder = in_use(sessions)
    holder.exec_driver_sql("UPDATE users SET id = 3")
    # The holder is asked in its own transaction, which must stay open.
    holder_id = sessions.id_of(holder)

    with running(sessions, "UPDATE users SET id = 4") as statement:
        blockers = statement.blockers()

    assert holder.in_transaction()
    assert [blocker.session for blocker in blockers] == [holder_id]
    assert blockers[0].user == sessions.url.username
    assert blockers[0].address
    # Some servers look up the name.
    assert blockers[0].address.startswith(("127.0.0.1", "localhost"))
    assert blockers[0].state
    assert blockers[0].since
    assert blockers[0].certain


def test_the_blocker_of_a_table_is_named(sessions: Sessions) -> None:
    """An ALTER waits for whoever read the table and has not committed."""
    holder = in_use(sessions)
    holder_id = sessions.id_of(holder)

    with running(sessions, "ALTER TABLE users ADD name VARCHAR(9)") as statement:
        blockers = statement.blockers()

    assert [blocker.session for blocker in blockers] == [holder_id]


def test_nobody_blocks_a_session_that_does_not_wait(sessions: Sessions) -> None:
    """Open transactions of others are no blockers of somebody who is idle."""
    in_use(sessions)
    session_id = sessions.id_of(sessions.connect())

    assert sessions.server.blockers(sessions.connect(), session_id) == ()


def test_an_ordinary_user_of_postgresql_sees_who_blocks(
    postgresql: Sessions, postgresql_user: sa.URL
) -> None:
    """The name of the user is public; what it runs is not."""
    postgresql.run("CREATE TABLE users (id INTEGER PRIMARY KEY)")
    holder = postgresql.connect()
    holder.exec_driver_sql("LOCK TABLE users")

    with running(postgresql, "SELECT * FROM users") as statement:
        statement.blockers()
        asker = postgresql.connect(postgresql_user)
        (blocker,) = postgresql.server.blockers(asker, statement.session_id)

    assert blocker.user == postgresql.url.username
    assert blocker.statement is None


def test_a_prepared_transaction_may_block(
    postgresql: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A blocker that no session owns is named as what it is."""
    # Most servers prepare no transactions; the one that blocks is then pid 0.
    sql = postgresql_module._BLOCKERS.replace("unnest(pg_blocking_pids(pid))", "0")
    monkeypatch.setattr(postgresql_module, "_BLOCKERS", sql)
    watcher = postgresql.connect()
    session_id = postgresql.id_of(watcher)

    (blocker,) = postgresql.server.blockers(watcher, session_id)

    assert blocker.session == "prepared transaction"


@pytest.fixture
def guessing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Does without the plugin that lists metadata locks, also where it is loaded."""
    rows, _, guess = mysql_module._MARIADB_SOURCES
    monkeypatch.setattr(mysql_module, "_MARIADB_SOURCES", (rows, guess))


@pytest.mark.usefixtures("guessing")
def test_the_blocker_of_a_table_is_a_guess(mariadb: Sessions) -> None:
    """Without the plugin the server does not say who holds a metadata lock."""
    holder_id = mariadb.id_of(in_use(mariadb))

    with running(mariadb, "ALTER TABLE users ADD name VARCHAR(9)") as statement:
        (blocker,) = statement.blockers()

    assert blocker.session == holder_id
    assert not blocker.certain


@pytest.mark.usefixtures("guessing")
def test_a_guess_leaves_out_other_databases(mariadb: Sessions) -> None:
    """A transaction in another database is hardly the one that blocks."""
    holder_id = mariadb.id_of(in_use(mariadb))
    stranger = mariadb.connect(mariadb.url.set(database="mysql"))
    stranger.exec_driver_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT")

    with running(mariadb, "ALTER TABLE users ADD name VARCHAR(9)") as statement:
        blockers = statement.blockers()

    assert [blocker.session for blocker in blockers] == [holder_id]


@pytest.mark.usefixtures("guessing")
def test_a_guess_leaves_out_the_session_itself(mariadb: Sessions) -> None:
    """A session that waits in a transaction of its own does not wait for itself."""
    mariadb.run("CREATE TABLE orders (id INTEGER PRIMARY KEY)")
    holder, runner = in_use(mariadb), mariadb.connect()
    holder_id = mariadb.id_of(holder)
    holder.exec_driver_sql("LOCK TABLES users WRITE")
    runner.exec_driver_sql("INSERT INTO orders VALUES (1)")

    with running(mariadb, "UPDATE users SET id = 4", runner) as statement:
        blockers = statement.blockers()

    assert [blocker.session for blocker in blockers] == [holder_id]


@pytest.mark.usefixtures("metadata_lock_info")
def test_the_plugin_names_the_blocker_of_a_table(mariadb: Sessions) -> None:
    """With the plugin only who holds a lock of that very table is named."""
    holder_id = mariadb.id_of(in_use(mariadb))
    mariadb.run("CREATE TABLE orders (id INTEGER PRIMARY KEY)")
    bystander = mariadb.connect()
    bystander.exec_driver_sql("SELECT * FROM orders").all()

    with running(mariadb, "ALTER TABLE users ADD name VARCHAR(9)") as statement:
        # Until the server says that it waits, there may be guesses.
        (blocker,) = eventually(lambda: [b for b in statement.blockers() if b.certain])

    assert blocker.session == holder_id


def test_an_ordinary_user_of_mariadb_is_told_nobody(
    mariadb: Sessions, mariadb_user: sa.URL
) -> None:
    """Without PROCESS the server refuses, which is no error; what is needed is said."""
    in_use(mariadb)

    with running(mariadb, "ALTER TABLE users ADD name VARCHAR(9)") as statement:
        statement.blockers()
        blockers = mariadb.server.blockers(mariadb.connect(mariadb_user), statement.session_id)

    assert blockers == ()
    assert "PROCESS" in (mariadb.server.blockers_need or "")
