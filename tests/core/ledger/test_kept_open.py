from __future__ import annotations

import collections.abc as c
import contextlib
import os
import typing as t

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.databases.engines import engine_beside
from flask_alembic_admin.core.ledger.ledger import Ledger

from .ledgers import running


@pytest.fixture(params=["postgresql", "mariadb"])
def app_engine(request: pytest.FixtureRequest) -> c.Iterator[sa.Engine]:
    """The engine of an app whose ledger is in its database."""
    engine = sa.create_engine(request.getfixturevalue(f"{request.param}_url"))
    yield engine
    engine.dispose()


@pytest.fixture
def ledger(app_engine: sa.Engine) -> Ledger:
    """The ledger in the app's database."""
    return Ledger(engine_beside(app_engine))


def driver_connection(ledger: Ledger) -> t.Any:
    """Return what the driver has for the connection that a ledger writes on next."""
    with contextlib.closing(ledger.engine.raw_connection()) as connection:
        return connection.dbapi_connection


def test_reports_share_one_connection(ledger: Ledger) -> None:
    """However many there are, and it is closed in the end."""
    run_id = running(ledger)

    with ledger.kept_open() as kept:
        kept.log(run_id, "info", "test", "one")
        connection = driver_connection(kept)
        kept.log(run_id, "info", "test", "two")
        assert driver_connection(kept) is connection

    assert [line.message for line in ledger.log_lines(run_id)] == ["one", "two"]
    # Closed as psycopg and PyMySQL say it.
    assert connection.closed if hasattr(connection, "closed") else not connection.open


def test_a_connection_that_died_is_opened_again(ledger: Ledger) -> None:
    """A server that is restarted between two reports loses none that comes after."""
    run_id = running(ledger)

    with ledger.kept_open() as kept:
        kept.log(run_id, "info", "test", "before")
        driver_connection(kept).close()
        kept.log(run_id, "info", "test", "after")

    assert [line.message for line in ledger.log_lines(run_id)] == ["before", "after"]


def test_a_forked_child_does_not_close_what_is_its_parents(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration may fork, and its child leaves through the same ``with``."""
    run_id = running(ledger)
    here = os.getpid()

    with ledger.kept_open() as kept:
        kept.log(run_id, "info", "test", "one")
        monkeypatch.setattr(os, "getpid", lambda: here + 1)

    monkeypatch.undo()
    kept.log(run_id, "info", "test", "two")
    kept.engine.dispose()
    assert [line.message for line in ledger.log_lines(run_id)] == ["one", "two"]


def test_a_ledger_of_its_own_keeps_its_pool(sqlite_url: sa.URL) -> None:
    """There is nothing to keep open that is not open already."""
    engine = sa.create_engine(sqlite_url)
    ledger = Ledger(engine)

    with ledger.kept_open() as kept:
        assert kept.engine is ledger.engine

    engine.dispose()


def test_what_is_known_is_not_asked_again(ledger: Ledger) -> None:
    """Neither what server it is nor whether a table is there."""
    running(ledger)
    sent: list[str] = []

    with ledger.kept_open() as kept:
        sa.event.listen(kept.engine, "before_cursor_execute", lambda *a: sent.append(a[2]))
        assert kept.active("default") is not None
        sent.clear()
        assert kept.active("default") is not None

    # How long it may wait is set for each transaction.
    assert [statement[:6] for statement in sent if statement[:4] != "SET "] == ["SELECT"]
    assert kept.engine.dialect is ledger.engine.dialect


def test_a_table_that_is_made_later_is_found(ledger: Ledger) -> None:
    """That one is missing is not kept in mind."""
    with ledger.kept_open() as kept:
        assert kept.active("default") is None
        running(kept)
        assert kept.active("default") is not None
