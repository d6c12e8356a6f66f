"""A ledger whose tables somebody has locked, such as the very migration that it records."""

from __future__ import annotations

import collections.abc as c
import typing as t

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.ledger import store

from .browser import HOME
from .child import Answer
from .conftest import MakePlace
from .place import Place


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long."""
    monkeypatch.setattr(store, "LOCK_TIMEOUT", 1.0)


class TestPostgresql:
    """A server that keeps what a transaction has locked until that ends."""

    @pytest.fixture
    def database_url(self, postgresql_url: sa.URL) -> sa.URL:
        """The URL of an empty database."""
        return postgresql_url

    def test_a_migration_that_locks_the_ledger_does_not_wait_for_itself(
        self, make_place: MakePlace
    ) -> None:
        """Where all steps share one transaction, what a step has locked stays so for the next."""
        place = make_place(context={"transaction_per_migration": False})
        place.add("a1")
        place.upgrade()
        place.add("b2", "op.execute('ALTER TABLE alembic_admin_run OWNER TO CURRENT_USER')")
        place.add("c3")

        # Nobody but the run itself tells the ledger anything.
        with place.child(tick=60.0, lock_timeout=0.1, stale=0.0) as child:
            child.go()
            assert child.answer() == Answer(("b2", "c3"))

        assert place.record().status == "succeeded"


class TestMariadb:
    """A server that keeps what is locked until the session ends."""

    @pytest.fixture
    def database_url(self, mariadb_url: sa.URL) -> sa.URL:
        """The URL of an empty database."""
        return mariadb_url

    def test_a_session_that_keeps_the_ledger_locked_ends(self, place: Place) -> None:
        """A run that can tell nothing before its session has ended does not wait for that."""
        place.add("a1")
        place.upgrade()
        # Nothing can be changed any more, by this session neither.
        place.add("b2", "op.execute('FLUSH TABLES WITH READ LOCK')")

        with place.child(lock_timeout=1.0, patience=0.0) as child:
            child.go()
            assert child.answer().error == "RunFailed"

        assert place.heads() == ("a1",)


class TestLockedByOthers:
    """Any server that has locks on tables."""

    @pytest.fixture(params=["postgresql", "mariadb"])
    def database_url(self, request: pytest.FixtureRequest) -> t.Any:
        """The URL of an empty database."""
        return request.getfixturevalue(f"{request.param}_url")

    @pytest.fixture
    def locked(self, place: Place) -> c.Iterator[Place]:
        """A place whose ledger another session has locked, after a run."""
        place.add("a1")
        place.upgrade()
        statement = {
            "postgresql": "LOCK TABLE alembic_admin_run",
            "mysql": "LOCK TABLES alembic_admin_run WRITE",
        }[place.dialect]

        with place.engine.connect() as connection:
            connection.exec_driver_sql(statement)
            yield place

    def test_pages_do_not_wait_for_a_ledger_that_is_locked(self, locked: Place) -> None:
        """Those of runs say that it cannot be read; the others are there."""
        client = locked.app.test_client()
        assert client.get(f"{HOME}/runs").status_code == 503
        assert client.get(f"{HOME}/").status_code == 200

    def test_a_plan_is_not_kept_while_the_ledger_is_locked(self, locked: Place) -> None:
        """Whoever asks for it is told so, and is not kept waiting."""
        with pytest.raises(sa.exc.OperationalError):
            locked.queue()
