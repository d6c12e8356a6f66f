from __future__ import annotations

import datetime
import subprocess
import sys

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.databases.database import Database
from flask_alembic_admin.core.locks import DatabaseLock
from flask_alembic_admin.core.locks import Holder
from flask_alembic_admin.core.locks import lock_for
from flask_alembic_admin.core.locks import LOCKS
from flask_alembic_admin.errors import Locked


@pytest.mark.parametrize(
    ("dialect", "name"),
    [
        ("postgresql", "PostgresqlLock"),
        ("mysql", "MysqlLock"),
        ("mariadb", "MysqlLock"),
        ("sqlite", "SqliteLock"),
        ("oracle", "LeaseLock"),
    ],
)
def test_a_lock_is_found_by_its_dialect(
    monkeypatch: pytest.MonkeyPatch, dialect: str, name: str
) -> None:
    """A server that no lock is made for gets a lease."""
    engine = sa.create_engine("sqlite://")
    monkeypatch.setattr(engine.dialect, "name", dialect)
    assert type(lock_for(Database("default", engine, ()))).__name__ == name


def test_no_lock_takes_the_place_of_another() -> None:
    """Two for one dialect are an error at the place where the second is defined."""
    with pytest.raises(TypeError, match="Two locks for 'sqlite'"):
        type("Second", (DatabaseLock,), {"dialects": ("sqlite",)})


def test_a_variant_of_a_lock_is_none_of_its_own() -> None:
    """A subclass serves only the dialects that it names itself."""
    type("Variant", (LOCKS["sqlite"],), {})
    assert LOCKS["sqlite"].__name__ == "SqliteLock"


@pytest.mark.parametrize(
    ("holder", "sentence"),
    [
        (
            Holder(
                actor="ann",
                host="web1",
                pid=7,
                run="3f2",
                since=datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC),
            ),
            "held by run 3f2 of ann at web1 (process 7) since 2026-01-02 03:04:05 UTC.",
        ),
        (
            Holder(run="3f2", user="app", host="10.0.0.5", session="4711"),
            "held by run 3f2 of database user app at 10.0.0.5 (session 4711).",
        ),
        (Holder(session="4711"), "held by session 4711."),
        (None, "held by somebody who cannot be named."),
    ],
)
def test_a_refusal_says_what_is_known_of_the_holder(holder: Holder | None, sentence: str) -> None:
    """No more than that, and what to do."""
    error = Locked("default", holder, "Wait.")
    assert str(error) == f"The lock of database 'default' is {sentence} Wait."
    assert error.holder is holder


def test_locks_know_neither_flask_nor_risks_nor_runs() -> None:
    """They are a floor of their own."""
    above = {"flask", "flask_alembic_admin.core.runs.run", "flask_alembic_admin.core.risks"}
    code = f"import sys, flask_alembic_admin.core.locks; assert not {above} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
