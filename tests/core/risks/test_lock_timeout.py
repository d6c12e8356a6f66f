"""What waits for a lock without an end."""

from __future__ import annotations

import typing as t

import pytest

from flask_alembic_admin.core.risks import findings_of
from flask_alembic_admin.core.risks import Sight
from flask_alembic_admin.core.risks.findings import Finding

from .harness import step_of

ADD = 'op.add_column("users", sa.Column("note", sa.Text(), nullable=True))'
SERVERS = ("postgresql", "mysql", "mariadb")
Direction: t.TypeAlias = t.Literal["upgrade", "downgrade"]


def _found(
    body: str,
    dialect: str = "postgresql",
    direction: Direction = "upgrade",
    **seen: t.Any,
) -> list[Finding]:
    step = step_of(body, dialect, direction=direction)
    sight = Sight(dialect, **{"lock_timeout": None, **seen})
    return [one for one in findings_of([step], sight) if one.rule == "LOCK013"]


@pytest.mark.parametrize("direction", ["upgrade", "downgrade"])
@pytest.mark.parametrize("dialect", SERVERS)
@pytest.mark.parametrize("timeout", [None, 0, 0.0])
def test_a_run_without_a_lock_timeout_waits_without_an_end(
    dialect: str, direction: Direction, timeout: float | None
) -> None:
    """Others wait behind it; with one there is nothing to tell."""
    (finding,) = _found(ADD, dialect, direction, lock_timeout=timeout)
    assert (finding.severity, finding.table) == ("warn", "users")
    assert "waits for the lock of users" in finding.sentence
    assert _found(ADD, dialect, direction, lock_timeout=5.0) == []


@pytest.mark.parametrize(
    "body",
    [
        'op.drop_table("users")',
        'op.execute("/* SET lock_timeout */ ALTER TABLE users ADD note TEXT")',
        "op.execute(\"ALTER TABLE users ADD note TEXT DEFAULT 'SET lock_timeout = 5'\")",
        'with op.batch_alter_table("users") as batch:\n    batch.drop_column("note")',
        'op.rename_table("users", "people")',
        'op.create_index("ix", "users", ["name"])',
    ],
)
@pytest.mark.parametrize("dialect", SERVERS)
def test_whatever_takes_a_strong_lock_is_found(dialect: str, body: str) -> None:
    """Also in batch mode and in text; what strings and comments say sets nothing."""
    assert [finding.table for finding in _found(body, dialect)] == ["users"]


@pytest.mark.parametrize(
    ("dialect", "setting"),
    [
        ("postgresql", "SET lock_timeout = '5s'"),
        ("postgresql", "set local lock_timeout to '5s'"),
        ("mysql", "SET SESSION lock_wait_timeout = 5"),
        ("mariadb", "SET @@session.lock_wait_timeout = 5"),
    ],
)
def test_a_revision_may_set_one_itself(dialect: str, setting: str) -> None:
    """Then the wait has an end."""
    assert _found(f'op.execute("{setting}")\n{ADD}', dialect) == []


def test_it_is_told_once_for_a_step() -> None:
    """One setting mends all of it."""
    other = 'op.add_column("orders", sa.Column("note", sa.Text(), nullable=True))'
    assert [finding.table for finding in _found(f"{ADD}\n{other}")] == ["users"]


@pytest.mark.parametrize(
    "body",
    [
        'op.create_table("n", sa.Column("id", sa.Integer))\nop.create_index("ix", "n", ["id"])',
        "op.execute(\"INSERT INTO users VALUES ('ALTER TABLE users')\")",
        "with op.get_context().autocommit_block():\n"
        '    op.create_index("ix", "users", ["a"], postgresql_concurrently=True)',
    ],
)
def test_what_keeps_nobody_waiting_needs_none(body: str) -> None:
    """A new table, rows, and an index that is built beside."""
    assert _found(body) == []


def test_sqlite_has_a_timeout_of_its_own() -> None:
    """It locks no tables."""
    assert _found(ADD, "sqlite") == []
