"""A server of which nothing is known, and how servers are found."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.servers import OtherServer
from flask_alembic_admin.core.servers import Server
from flask_alembic_admin.core.servers import server_of
from flask_alembic_admin.core.servers import SERVERS
from flask_alembic_admin.core.servers import Timeouts
from flask_alembic_admin.core.servers.asking import presentable

from .helpers import Sessions


@pytest.fixture
def unknown(sqlite: Sessions, monkeypatch: pytest.MonkeyPatch) -> sa.Connection:
    """A connection whose dialect no file here names."""
    connection = sqlite.connect()
    monkeypatch.setattr(connection.dialect, "name", "unheard_of")
    return connection


def test_an_unknown_server_answers_safely(unknown: sa.Connection) -> None:
    """It tells nothing, does nothing, and raises nothing."""
    server = server_of(unknown)
    server.set_timeouts(unknown, Timeouts())
    server.restore_timeouts(unknown)

    assert isinstance(server, OtherServer)
    assert not server.rolls_back_ddl
    assert not server.tells_sessions
    assert server.session_id(unknown) is None
    assert server.session(unknown, "1") is None
    assert server.blockers(unknown, "1") == ()
    assert server.cancel_statement(unknown, "1") is False
    assert server.invalid_indexes(unknown) == ()
    assert server.is_lock_timeout(sa.exc.TimeoutError()) is False
    assert not unknown.in_transaction()


def test_the_place_of_an_unknown_server_is_its_url_without_secrets(
    unknown: sa.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The URL is all there is, and may be kept and shown."""
    url = sa.make_url("mssql://scott:hunter2@host/shop")
    monkeypatch.setattr(unknown.engine, "url", url)

    assert server_of(unknown).place(unknown) == "mssql://scott:***@host/shop"


def test_a_server_is_found_by_engine_and_by_connection(sqlite: Sessions) -> None:
    """Both know their dialect."""
    connection = sqlite.connect()

    assert type(server_of(connection)) is type(server_of(connection.engine))


def test_a_server_is_added_by_defining_a_class(
    unknown: sa.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A third party needs no other door."""
    monkeypatch.delitem(SERVERS, "unheard_of", raising=False)

    class Unheard(Server):
        dialects = ("unheard_of",)

    assert isinstance(server_of(unknown), Unheard)
    del SERVERS["unheard_of"]


def test_two_servers_of_one_dialect_are_refused() -> None:
    """Which of them is meant would depend on the order of imports."""
    with pytest.raises(TypeError, match="Two servers for 'sqlite'"):

        class Another(Server):
            dialects = ("sqlite",)


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER ROLE scott PASSWORD 'hunter2'",
        "CREATE ROLE scott WITH LOGIN PASSWORD 'hun''ter2' VALID UNTIL 'infinity'",
        "CREATE USER scott IDENTIFIED BY 'hunter2'",
        "CREATE USER scott IDENTIFIED BY PASSWORD 'hunter2'",
        "CREATE USER scott IDENTIFIED WITH caching_sha2_password BY 'hunter2'",
        "CREATE USER scott IDENTIFIED VIA ed25519 USING PASSWORD('hunter2')",
        "SET PASSWORD FOR scott = PASSWORD('hunter2')",
        "ALTER ROLE scott PASSWORD 'hunter2 cut off by the serv",
        "CREATE SERVER s OPTIONS (password 'hunter2')",
        "SELECT dblink('postgresql://scott:hunter2@host/shop')",
    ],
)
def test_secrets_in_statements_are_masked(sqlite: Sessions, statement: str) -> None:
    """SQL has its own ways of saying a password."""
    shown = presentable(sqlite.connect(), statement)

    assert shown
    assert "ter2" not in shown
    assert "***" in shown


def test_ordinary_statements_are_shown_as_they_are(sqlite: Sessions) -> None:
    """Masking leaves what is no secret alone."""
    statement = "ALTER TABLE users ADD password VARCHAR(60) DEFAULT 'x'"

    assert presentable(sqlite.connect(), statement) == statement


def test_it_rolls_ddl_back(postgresql: Sessions) -> None:
    """A failed step leaves no trace."""
    assert postgresql.server.rolls_back_ddl


def test_it_does_not_roll_ddl_back(mariadb: Sessions) -> None:
    """A failed step may leave traces."""
    assert not mariadb.server.rolls_back_ddl


def test_mariadb_by_its_own_dialect_is_the_same_server(mariadb: Sessions) -> None:
    """SQLAlchemy has two names for one protocol."""
    url = mariadb.url.set(drivername="mariadb+pymysql")

    assert type(server_of(sa.create_engine(url))) is type(mariadb.server)
