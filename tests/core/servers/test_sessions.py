"""What another connection sees of a session."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from .helpers import eventually
from .helpers import kill_sql
from .helpers import running
from .helpers import Sessions
from .helpers import sleep_sql


def test_a_session_id_is_stable_and_its_own(sessions: Sessions) -> None:
    """Two looks at one session give one id; two sessions have two."""
    first, second = sessions.connect(), sessions.connect()

    assert sessions.id_of(first) == sessions.id_of(first)
    assert sessions.id_of(first) != sessions.id_of(second)
    assert not first.in_transaction()


def test_asking_leaves_a_transaction_that_was_open_as_it_is(sessions: Sessions) -> None:
    """A question does not end the work of whoever asks."""
    sessions.run("CREATE TABLE users (id INTEGER PRIMARY KEY)")
    connection = sessions.connect()
    connection.exec_driver_sql("INSERT INTO users VALUES (1)")

    sessions.id_of(connection)
    connection.commit()

    assert connection.exec_driver_sql("SELECT count(*) FROM users").scalar() == 1


def test_a_working_session_is_seen_with_its_statement(sessions: Sessions) -> None:
    """Another connection sees what a session runs, and since when."""
    with running(sessions, sleep_sql(sessions)) as statement:
        state = statement.seen()

    assert state.id == statement.session_id
    assert state.statement == sleep_sql(sessions)
    assert state.state
    assert state.since
    assert state.since.tzinfo
    assert not statement.watcher.in_transaction()


def test_an_idle_session_is_seen(sessions: Sessions) -> None:
    """A session that runs nothing is still there."""
    session_id = sessions.id_of(sessions.connect())

    assert sessions.server.session(sessions.connect(), session_id)


def test_a_session_is_gone_after_it_was_closed(sessions: Sessions) -> None:
    """None says that there is no such session any more."""
    runner, watcher = sessions.connect(), sessions.connect()
    session_id = sessions.id_of(runner)

    runner.close()

    eventually(lambda: sessions.server.session(watcher, session_id) is None)


@pytest.mark.parametrize("other", ["{number}@1", "{number}", "", "nonsense"])
def test_a_reused_number_is_not_taken_for_the_session(sessions: Sessions, other: str) -> None:
    """The number alone does not make the session."""
    number = sessions.id_of(sessions.connect()).partition("@")[0]

    assert sessions.server.session(sessions.connect(), other.format(number=number)) is None


def test_a_dead_connection_does_not_say_that_the_session_is_gone(sessions: Sessions) -> None:
    """Who cannot ask raises: 'no such session' would make a living run a lost one."""
    watcher = sessions.connect()
    session_id = sessions.id_of(sessions.connect())
    sessions.run(kill_sql(sessions, sessions.id_of(watcher)))

    with pytest.raises(sa.exc.OperationalError):
        sessions.server.session(watcher, session_id)


def test_a_dead_connection_does_not_say_that_nobody_blocks(sessions: Sessions) -> None:
    """Only a refusal of the server counts as an empty answer."""
    watcher = sessions.connect()
    session_id = sessions.id_of(sessions.connect())
    sessions.run(kill_sql(sessions, sessions.id_of(watcher)))

    with pytest.raises(sa.exc.OperationalError):
        sessions.server.blockers(watcher, session_id)


def test_a_session_that_may_not_be_seen_is_not_gone(
    postgresql: Sessions, postgresql_user: sa.URL
) -> None:
    """Without the right to look inside, all that is known is that it lives."""
    session_id = postgresql.id_of(postgresql.connect())

    state = postgresql.server.session(postgresql.connect(postgresql_user), session_id)

    assert state
    assert (state.state, state.statement, state.since) == (None, None, None)


def test_an_ordinary_user_sees_its_own_session(mariadb: Sessions, mariadb_user: sa.URL) -> None:
    """No privilege is needed."""
    session_id = mariadb.id_of(mariadb.connect(mariadb_user))

    assert mariadb.server.session(mariadb.connect(mariadb_user), session_id)


def test_secrets_of_a_statement_are_masked(sessions: Sessions) -> None:
    """What another session runs is shown on pages."""
    sql = sleep_sql(sessions) + " /* PASSWORD 'hunter2', token=hunter3 */"

    with running(sessions, sql) as statement:
        state = statement.seen()

    assert "hunter" not in str(state.statement)


def test_a_long_statement_is_cut(sessions: Sessions) -> None:
    """No page and no ledger row carries a whole bulk insert."""
    with running(sessions, f"{sleep_sql(sessions)} /* {'x' * 9000} */") as statement:
        state = statement.seen()

    assert 900 < len(state.statement or "") <= 2000
