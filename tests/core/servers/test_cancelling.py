"""Cancelling the statement of a run, and of nobody else."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.servers import mysql as mysql_module

from .helpers import running
from .helpers import Sessions
from .helpers import sleep_sql

#: What the session of a run calls itself on PostgreSQL.
NAMED = {"application_name": "alembic-admin:7"}


def a_run(sessions: Sessions) -> sa.Connection:
    """Return a connection that proves to be a run's, by its name and its user."""
    if "postgresql" in sessions.server.dialects:
        return sessions.connect(sessions.url, connect_args=NAMED)

    connection = sessions.connect()
    connection.exec_driver_sql("SET @alembic_admin_run = 'alembic-admin:7'")
    connection.commit()
    return connection


def test_cancel_ends_the_statement_and_not_the_session(sessions: Sessions) -> None:
    """The connection lives on, so that the run can say how it ended."""
    runner = a_run(sessions)

    with running(sessions, sleep_sql(sessions), runner) as statement:
        statement.seen()
        assert sessions.server.cancel_statement(statement.watcher, statement.session_id)
        statement.join()

        assert isinstance(statement.error, sa.exc.OperationalError)
        assert not sessions.server.is_lock_timeout(statement.error)
        assert not statement.watcher.in_transaction()
        assert sessions.id_of(runner) == statement.session_id


def test_an_ordinary_user_may_cancel_its_own_run(mariadb: Sessions, mariadb_user: sa.URL) -> None:
    """No privilege is needed."""
    asker = mariadb.connect(mariadb_user)

    with running(mariadb, sleep_sql(mariadb), mariadb.connect(mariadb_user)) as statement:
        statement.seen()
        assert mariadb.server.cancel_statement(asker, statement.session_id)


@pytest.mark.parametrize("application", ["", "psql", "alembic-admin"])
def test_a_session_of_another_name_is_left_alone(postgresql: Sessions, application: str) -> None:
    """A session that is not a run's is nobody's to cancel."""
    stranger = postgresql.connect(connect_args={"application_name": application})
    cancel = postgresql.server.cancel_statement

    with running(postgresql, sleep_sql(postgresql, 0.3), stranger) as statement:
        statement.seen()
        assert not cancel(statement.watcher, statement.session_id)
        assert not cancel(statement.watcher, statement.session_id, application="")
        statement.join()

    assert statement.error is None


def test_a_session_of_another_run_is_left_alone(postgresql: Sessions) -> None:
    """Who names the run exactly cancels no other run."""
    cancel = postgresql.server.cancel_statement

    with running(postgresql, sleep_sql(postgresql, 0.3), a_run(postgresql)) as statement:
        statement.seen()
        assert not cancel(statement.watcher, statement.session_id, application="alembic-admin:8")
        statement.join()

    assert statement.error is None


@pytest.mark.parametrize(
    ("readable", "name", "application", "cancelled"),
    [
        (1, "alembic-admin:7", "alembic-admin:", True),
        (1, "alembic-admin:7", "alembic-admin:7", True),
        (1, "alembic-admin:7", "alembic-admin:8", False),
        (1, "alembic-admin:7", "", False),
        (1, None, "alembic-admin:", False),
        (0, None, "alembic-admin:", True),
    ],
)
def test_a_name_counts_on_mariadb_where_it_can_be_read(
    mariadb: Sessions,
    monkeypatch: pytest.MonkeyPatch,
    readable: int,
    name: str | None,
    application: str,
    cancelled: bool,
) -> None:
    """By default performance_schema is off; then the user has to do."""
    shown = "NULL" if name is None else f"'{name}'".replace(":", "\\:")
    question = f"SELECT {readable} AS readable, {shown} AS name FROM dual WHERE :number > 0"
    monkeypatch.setattr(mysql_module, "_NAME", question)
    cancel = mariadb.server.cancel_statement

    with running(mariadb, sleep_sql(mariadb), a_run(mariadb)) as statement:
        statement.seen()
        found = cancel(statement.watcher, statement.session_id, application=application)
        assert found == cancelled


def test_a_session_of_another_user_is_left_alone(mariadb: Sessions, mariadb_user: sa.URL) -> None:
    """Even who has the right to kill everybody kills nobody else."""
    stranger = mariadb.connect(mariadb_user)

    with running(mariadb, sleep_sql(mariadb, 0.3), stranger) as statement:
        statement.seen()
        assert not mariadb.server.cancel_statement(statement.watcher, statement.session_id)
        statement.join()

    assert statement.error is None


@pytest.mark.parametrize("started", ["1", "1.5", "", "nonsense"])
def test_another_session_of_the_same_number_is_left_alone(sessions: Sessions, started: str) -> None:
    """A number that was given anew belongs to somebody else."""
    with running(sessions, sleep_sql(sessions, 0.3), a_run(sessions)) as statement:
        statement.seen()
        earlier = f"{statement.session_id.partition('@')[0]}@{started}"
        assert not sessions.server.cancel_statement(statement.watcher, earlier)
        statement.join()

    assert statement.error is None


def test_an_idle_session_has_nothing_to_cancel(sessions: Sessions) -> None:
    """Nothing is sent that might hit its next statement."""
    session_id = sessions.id_of(a_run(sessions))

    assert not sessions.server.cancel_statement(sessions.connect(), session_id)


def test_a_refusal_of_postgresql_is_an_answer(
    postgresql: Sessions, postgresql_user: sa.URL
) -> None:
    """Who may not cancel is told so, without an error."""
    asker = postgresql.connect(postgresql_user)

    with running(postgresql, sleep_sql(postgresql, 0.3), a_run(postgresql)) as statement:
        statement.seen()
        assert not postgresql.server.cancel_statement(asker, statement.session_id)
        statement.join()

    assert statement.error is None


def test_a_session_that_ended_meanwhile_is_no_error(
    mariadb: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the KILL the session may be gone."""
    monkeypatch.setattr(mysql_module, "_OWN_RUNNING", "SELECT 1")
    asker = mariadb.connect()
    gone = f"{2**31 - 1}@{mariadb.id_of(asker).partition('@')[2]}"

    assert not mariadb.server.cancel_statement(asker, gone)
    assert not asker.in_transaction()
