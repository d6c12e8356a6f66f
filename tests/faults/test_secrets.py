"""Passwords: they are found nowhere, whatever goes wrong and whoever writes about it."""

from __future__ import annotations

import collections.abc as c
import logging
import typing as t
import uuid

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.ledger.tables import METADATA
from flask_alembic_admin.errors import MigrationError

from .conftest import MakePlace
from .place import Place

PASSWORD = "Tr0ub4dor&3=%7E"
IN_QUERY = "correct+horse/battery"
SECRETS = (PASSWORD, "Tr0ub4dor", IN_QUERY, "correct%2Bhorse", "horse/battery")


@pytest.fixture
def database_url(postgresql_url: sa.URL) -> c.Iterator[sa.URL]:
    """The URL of an empty database for a role with a password, which its query has a secret in."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    engine = sa.create_engine(postgresql_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)

    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {name} LOGIN PASSWORD 'Tr0ub4dor&3=%%7E'")
        connection.exec_driver_sql(f"GRANT ALL ON SCHEMA public TO {name}")

    query = {"sslpassword": IN_QUERY, "connect_timeout": "10"}
    yield postgresql_url.set(username=name, password=PASSWORD, query=query)

    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP OWNED BY {name}")
        connection.exec_driver_sql(f"DROP ROLE {name}")


def ledger_of(place: Place) -> str:
    """Return all that the ledger holds."""
    texts: list[str] = []

    with place.ledger.engine.connect() as connection:
        for table in METADATA.sorted_tables:
            columns = [sa.cast(column, sa.Text) for column in table.c]
            for row in connection.execute(sa.select(*columns)):
                # Its own text would be cut.
                texts += [str(value) for value in row]

    return "\n".join(texts)


def pages_of(place: Place) -> str:
    """Return all that the panel shows."""
    client = place.app.test_client()
    pages = ["/alembic/", "/alembic/db/default/history", "/alembic/db/default/runs"]
    pages += [f"/alembic/db/default/runs/{run.id}" for run in place.ledger.runs()]
    answers = [client.get(page) for page in pages]
    assert {answer.status_code for answer in answers} == {200}
    return "\n".join(answer.text for answer in answers)


def check(text: str) -> None:
    """Check that there is nothing secret in a text, and something else."""
    assert text
    assert [secret for secret in SECRETS if secret in text] == []


#: What migrations say by accident, in which the app's URL is known as ``url``, and what is left
#: of that in the ledger.
SAID = {
    "in an error": ("raise ValueError(f'cannot use {url}')", ":***@"),
    "in a statement": ("op.execute(sa.text(f\"SELECT '{url}' FROM nowhere\"))", "UndefinedTable"),
    "in a driver's error": (
        "raise sa.exc.OperationalError('x', {}, Exception(f'no host at {url}'))",
        ":***@",
    ),
    "in the error of another connection": (
        "import psycopg\n"
        "psycopg.connect('host=127.0.0.1 port=1 password=' + bind.engine.url.password)",
        "Connection refused",
    ),
    "in a broken connection string": (
        "import psycopg\npsycopg.connect(f'nonsense {url}')",
        "ProgrammingError",
    ),
    "in a log line": (
        "import logging\nlogging.getLogger('shop').error('connected to %s', url)",
        ":***@",
    ),
    "in a log line with its parts": (
        "import logging\n"
        "logging.getLogger('shop').error('%r', bind.engine.url.translate_connect_args())",
        "'password': ***",
    ),
    "in what it prints": (
        "print(url, flush=True)\nimport os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
        ":***@",
    ),
    "in the message of an exit": ("raise SystemExit(f'no: {url}')", ":***@"),
    "in an interrupt": ("raise KeyboardInterrupt(f'no: {url}')", ":***@"),
    "in a chain of errors": (
        "try:\n    raise ValueError(url)\nexcept ValueError as error:\n"
        "    raise KeyboardInterrupt from error",
        "KeyboardInterrupt",
    ),
}
_BEFORE = "bind = op.get_bind()\nurl = bind.engine.url.render_as_string(hide_password=False)\n"


@pytest.mark.parametrize(("said", "evidence"), SAID.values(), ids=SAID)
def test_what_a_migration_says_is_redacted(
    place: Place, said: str, evidence: str, caplog: pytest.LogCaptureFixture
) -> None:
    """In code, in the ledger, on pages and in the log of the server."""
    place.add("a1", _BEFORE + said)
    caplog.set_level(logging.DEBUG)

    # What it prints is kept by who started it, as the panel does.
    if "print" in said:
        place.ended(place.start())
    else:
        with place.child() as child:
            child.go()
            child.answer()

    check(ledger_of(place))
    check(pages_of(place))
    check(f"-{caplog.text}")
    # It was told, and without its secret.
    assert evidence in ledger_of(place)


@pytest.mark.parametrize("said", ["in an error", "in a driver's error"])
def test_what_code_gets_is_redacted(place: Place, said: str) -> None:
    """The error of a run has no secret in its text."""
    place.add("a1", _BEFORE + SAID[said][0])

    with pytest.raises(MigrationError) as caught:
        place.upgrade()

    check(str(caught.value))
    assert "***" in str(caught.value)


@pytest.mark.parametrize("wrong", [{"port": 1}, {"host": "host.invalid"}, {"database": "none"}])
def test_an_unreachable_database_is_redacted(
    make_place: MakePlace, wrong: dict[str, t.Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Pages and errors say that it is not there, and no more."""
    place = make_place()
    place.add("a1")
    place.upgrade()
    caplog.set_level(logging.DEBUG)
    gone = place.url.set(**wrong)

    with place.moved_to(gone) as (app, alembic), app.app_context():
        with pytest.raises(MigrationError) as caught:
            alembic.upgrade()

        check(str(caught.value))
        check(app.test_client().get("/alembic/").text)

    check(f"-{caplog.text}")


class TestMariadb:
    """A server whose URL has its password in the query, as some put it there."""

    @pytest.fixture(params=["in its place", "in the query"])
    def database_url(
        self, request: pytest.FixtureRequest, mariadb_url: sa.URL
    ) -> c.Iterator[sa.URL]:
        """The URL of an empty database for a user with a password."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        engine = sa.create_engine(mariadb_url, poolclass=sa.NullPool)

        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE USER {name} IDENTIFIED BY %s", (PASSWORD,))
            connection.exec_driver_sql(f"GRANT ALL ON {mariadb_url.database}.* TO {name}")

        if request.param == "in the query":
            yield mariadb_url.set(username=name, query={"password": PASSWORD})
        else:
            yield mariadb_url.set(username=name, password=PASSWORD)

        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP USER {name}")

    @pytest.mark.parametrize("said", ["in a statement", "in an error"])
    def test_what_a_migration_says_is_redacted(self, place: Place, said: str) -> None:
        """In the ledger and on pages."""
        place.add("a1", _BEFORE + SAID[said][0])

        with place.child() as child:
            child.go()
            check(f"-{child.answer().text}")

        check(ledger_of(place))
        check(pages_of(place))
        assert "***" in ledger_of(place)

    def test_a_server_that_refuses_a_password_is_redacted(self, place: Place) -> None:
        """Pages and errors say that it is not there, and no more."""
        place.add("a1")
        wrong = place.url.set(username="nobody")

        with place.moved_to(wrong) as (app, alembic), app.app_context():
            with pytest.raises(MigrationError) as caught:
                alembic.upgrade()

            check(str(caught.value))
            assert "Access denied" in str(caught.value)
            check(app.test_client().get("/alembic/").text)
