"""Which errors mean that a lock was not to be had, in the words of each driver."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.servers import server_of

from .helpers import running
from .helpers import Sessions


def test_an_ordinary_error_is_no_lock_timeout(sessions: Sessions) -> None:
    """An error of the statement itself is no reason to try again."""
    with pytest.raises(sa.exc.ProgrammingError) as caught:
        sessions.connect().exec_driver_sql("SELECT * FROM nowhere")

    assert not sessions.server.is_lock_timeout(caught.value)
    assert not sessions.server.is_lock_timeout(KeyError(1205))


def test_a_deadlock_counts_as_a_lock_timeout(sessions: Sessions) -> None:
    """The victim of a deadlock may be tried again like one that waited too long."""
    sessions.run(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, age INTEGER)",
        "INSERT INTO users VALUES (1, 1), (2, 2)",
    )
    first, second = sessions.connect(), sessions.connect()
    first.exec_driver_sql("UPDATE users SET age = 3 WHERE id = 1")
    second.exec_driver_sql("UPDATE users SET age = 3 WHERE id = 2")
    error: BaseException | None = None

    with running(sessions, "UPDATE users SET age = 4 WHERE id = 2", first) as other:
        try:
            second.exec_driver_sql("UPDATE users SET age = 4 WHERE id = 1")
        except sa.exc.DBAPIError as caught:
            error = caught
        second.rollback()
        other.join()

    # Which of the two is the victim is the server's choice.
    assert sessions.server.is_lock_timeout(error or other.error or AssertionError())


class Pg8000Error(Exception):
    """Carries its code in a dictionary."""


class Psycopg2Error(Exception):
    """Carries its code in an attribute.

    :param pgcode: The code.
    """

    def __init__(self, pgcode: str) -> None:
        self.pgcode = pgcode


class MysqlError(Exception):
    """As mysqlclient and PyMySQL raise it: the number is the first argument."""


class ConnectorError(Exception):
    """As MariaDB's own connector raises it: the number is an attribute.

    :param errno: The number.
    """

    def __init__(self, errno: int) -> None:
        super().__init__("Lock wait timeout exceeded")
        self.errno = errno


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Psycopg2Error("55P03"), True),
        (Psycopg2Error("40P01"), True),
        (Psycopg2Error("57014"), False),
        (Pg8000Error({"C": "55P03"}), True),
        (Pg8000Error({"C": "42P01"}), False),
        (Pg8000Error(), False),
    ],
)
def test_errors_of_postgresql_drivers_are_understood(error: Exception, expected: bool) -> None:
    """Each driver keeps the code of an error elsewhere."""
    server = server_of(sa.create_engine("postgresql+psycopg://"))

    assert server.is_lock_timeout(sa.exc.DBAPIError("SELECT 1", None, error)) is expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MysqlError(1205, "Lock wait timeout exceeded"), True),
        (MysqlError(1213, "Deadlock found"), True),
        (MysqlError(1969, "max_statement_time exceeded"), False),
        (MysqlError(), False),
        (ConnectorError(1205), True),
        (ConnectorError(1146), False),
    ],
)
def test_errors_of_mysql_drivers_are_understood(error: Exception, expected: bool) -> None:
    """Each driver keeps the number of an error elsewhere."""
    server = server_of(sa.create_engine("mysql+pymysql://"))

    assert server.is_lock_timeout(sa.exc.DBAPIError("SELECT 1", None, error)) is expected
