"""How long a session waits, and how it gets its own timeouts back."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.servers import Timeouts

from .helpers import by_server
from .helpers import in_use
from .helpers import kill_sql
from .helpers import running
from .helpers import Sessions
from .helpers import sleep_sql


@pytest.mark.parametrize(
    "statement",
    ["ALTER TABLE users ADD name VARCHAR(9)", "UPDATE users SET id = 2"],
    ids=["table", "row"],
)
def test_a_wait_for_a_lock_ends(sessions: Sessions, statement: str) -> None:
    """A statement that gets no lock in time fails, and is told from other failures."""
    in_use(sessions).exec_driver_sql("UPDATE users SET id = 3")
    runner = sessions.connect()
    sessions.server.set_timeouts(runner, Timeouts(lock=0.3))

    with running(sessions, statement, runner) as blocked:
        blocked.join()

    assert blocked.error
    assert sessions.server.is_lock_timeout(blocked.error)


def test_a_statement_ends_at_its_own_timeout(sessions: Sessions) -> None:
    """A statement that runs too long fails, which is no lock timeout."""
    runner = sessions.connect()
    sessions.server.set_timeouts(runner, Timeouts(statement=0.3))

    with running(sessions, sleep_sql(sessions), runner) as too_long:
        too_long.join()

    assert too_long.error
    assert not sessions.server.is_lock_timeout(too_long.error)


def test_timeouts_leave_no_transaction(sessions: Sessions) -> None:
    """The connection is in no transaction, which Alembic would take for the caller's."""
    runner = sessions.connect()

    sessions.server.set_timeouts(runner, Timeouts())

    assert not runner.in_transaction()


def current(sessions: Sessions, connection: sa.Connection) -> list[object]:
    """Return the values of all settings that the server has for timeouts."""
    names = sessions.server.settings(Timeouts(lock=1, statement=1))
    questions = [by_server(sessions, f"SHOW {name}", f"SELECT @@{name}") for name in names]
    values = [connection.exec_driver_sql(question).scalar() for question in questions]
    connection.rollback()
    return values


def test_no_timeout_leaves_the_servers_own(sessions: Sessions) -> None:
    """None and 0 change nothing."""
    runner = sessions.connect()
    timeouts = Timeouts(lock=None, statement=0)
    before = current(sessions, runner)

    sessions.server.set_timeouts(runner, timeouts)

    changed = [value is not None for value in sessions.server.settings(timeouts).values()]
    after = current(sessions, runner)
    assert [new != old for new, old in zip(after, before, strict=True)] == changed


def test_restore_brings_the_old_values_back(sessions: Sessions) -> None:
    """After a run the connection is as the app's pool lent it."""
    runner = sessions.connect()
    before = current(sessions, runner)
    sessions.server.set_timeouts(runner, Timeouts(lock=7, statement=77))
    changed = current(sessions, runner)

    sessions.server.restore_timeouts(runner)

    assert all(new != old for new, old in zip(changed, before, strict=True))
    assert current(sessions, runner) == before


def test_restore_brings_back_what_was_before_the_first_change(sessions: Sessions) -> None:
    """Setting timeouts twice, as a retry may, loses nothing."""
    runner = sessions.connect()
    before = current(sessions, runner)
    sessions.server.set_timeouts(runner, Timeouts(lock=7, statement=77))
    sessions.server.set_timeouts(runner, Timeouts(lock=8, statement=88))

    sessions.server.restore_timeouts(runner)

    assert current(sessions, runner) == before


def test_restore_works_after_a_failed_statement(sessions: Sessions) -> None:
    """A transaction that failed is rolled back first."""
    runner = sessions.connect()
    before = current(sessions, runner)
    sessions.server.set_timeouts(runner, Timeouts(lock=7, statement=77))
    with pytest.raises(sa.exc.ProgrammingError):
        runner.exec_driver_sql("SELECT * FROM nowhere")

    sessions.server.restore_timeouts(runner)

    assert not runner.in_transaction()
    assert current(sessions, runner) == before


def test_restore_keeps_quiet_when_the_session_is_dead(sessions: Sessions) -> None:
    """Nothing is left to restore, and the run's own error must be the one that is seen."""
    runner = sessions.connect()
    sessions.server.set_timeouts(runner, Timeouts())
    session_id = sessions.id_of(runner)
    sessions.run(kill_sql(sessions, session_id))

    sessions.server.restore_timeouts(runner)

    assert runner.invalidated


def test_restore_keeps_quiet_when_the_connection_is_closed(sessions: Sessions) -> None:
    """A closed connection is the pool's already."""
    runner = sessions.connect()
    sessions.server.set_timeouts(runner, Timeouts())
    runner.close()

    sessions.server.restore_timeouts(runner)


def setting(connection: sa.Connection, name: str) -> object:
    """Return a setting as PostgreSQL says it."""
    return connection.exec_driver_sql(f"SHOW {name}").scalar()


def test_a_session_ends_soon_after_its_client(postgresql: Sessions) -> None:
    """An orphaned session neither idles in its transaction nor works on for nobody."""
    runner = postgresql.connect()

    postgresql.server.set_timeouts(runner, Timeouts())

    assert setting(runner, "idle_in_transaction_session_timeout") == "10min"
    assert setting(runner, "client_connection_check_interval") == "5s"


@pytest.mark.parametrize("refused", ["client_connection_check_interval", "unheard_of"])
def test_a_setting_that_postgresql_lacks_is_left_out(
    postgresql: Sessions, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    """A server that does not know one setting, or not on its system, still gets the others."""
    values = {refused: "not a time", "lock_timeout": "7s"}
    monkeypatch.setattr(type(postgresql.server), "settings", lambda *args: values)
    runner = postgresql.connect()

    postgresql.server.set_timeouts(runner, Timeouts())

    assert setting(runner, "lock_timeout") == "7s"


def test_a_setting_that_mariadb_lacks_is_left_out(
    mariadb: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MySQL has no max_statement_time, and still gets the others."""
    values = {"unheard_of": 1, "lock_wait_timeout": 7}
    monkeypatch.setattr(type(mariadb.server), "settings", lambda *args: values)
    runner = mariadb.connect()

    mariadb.server.set_timeouts(runner, Timeouts())

    assert runner.exec_driver_sql("SELECT @@lock_wait_timeout").scalar() == 7


def test_a_timeout_that_the_server_refuses_raises(postgresql: Sessions) -> None:
    """No run goes on without the bounds that it was given."""
    with pytest.raises(sa.exc.DBAPIError):
        postgresql.server.set_timeouts(postgresql.connect(), Timeouts(lock=10**9))


def test_restore_brings_back_what_the_app_set_itself_on_postgresql(postgresql: Sessions) -> None:
    """A value that the app gave the session, in a connect event say, is no default to reset to."""
    runner = postgresql.connect()
    runner.exec_driver_sql("SET lock_timeout = '42s'")
    runner.commit()
    postgresql.server.set_timeouts(runner, Timeouts())

    postgresql.server.restore_timeouts(runner)

    assert setting(runner, "lock_timeout") == "42s"


def test_restore_brings_back_what_the_app_set_itself_on_mariadb(mariadb: Sessions) -> None:
    """A value that the app gave the session, in a connect event say, is no default to reset to."""
    runner = mariadb.connect()
    runner.exec_driver_sql("SET SESSION max_statement_time = 4.5")
    runner.commit()
    mariadb.server.set_timeouts(runner, Timeouts())

    mariadb.server.restore_timeouts(runner)

    assert runner.exec_driver_sql("SELECT @@max_statement_time").scalar() == 4.5


def test_restore_leaves_defaults_to_the_server(postgresql: Sessions) -> None:
    """A default that is changed later still reaches the connection in the app's pool."""
    runner = postgresql.connect()
    postgresql.server.set_timeouts(runner, Timeouts())

    postgresql.server.restore_timeouts(runner)

    source = "SELECT source FROM pg_settings WHERE name = 'lock_timeout'"
    assert runner.exec_driver_sql(source).scalar() == "default"
