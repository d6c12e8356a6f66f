from __future__ import annotations

import typing as t

import pytest

from .harness import each
from .harness import findings_in
from .harness import Pair
from .harness import rules_of

SQLITE = ("sqlite",)

PAIRS = (
    Pair(
        "LITE001",
        "with op.batch_alter_table('users') as batch:\n"
        "    batch.alter_column('name', existing_type=sa.Text(), nullable=False)",
        "with op.batch_alter_table('users') as batch:\n"
        "    batch.add_column(sa.Column('nickname', sa.Text()))",
        SQLITE,
    ),
    Pair(
        "LITE001",
        "with op.batch_alter_table('users') as batch: batch.drop_column('fax')",
        "op.drop_column('users', 'fax')",
        SQLITE,
    ),
    Pair(
        "LITE001",
        "with op.batch_alter_table('users') as batch:\n"
        "    batch.create_unique_constraint('uq_users_email', ['email'])",
        "with op.batch_alter_table('users') as batch:\n"
        "    batch.create_index('ix_users_email', ['email'], unique=True)",
        SQLITE,
    ),
    Pair(
        "LITE001",
        "op.execute('CREATE TABLE _alembic_tmp_users (id INTEGER)')",
        "op.execute(\"UPDATE notes SET text = 'CREATE TABLE _alembic_tmp_users' WHERE id = 1\")",
        SQLITE,
    ),
    Pair(
        "LITE001",
        "users = sa.Table('users', sa.MetaData(), sa.Column('name', sa.String(50)))\n"
        "with op.batch_alter_table('users', copy_from=users) as batch:\n"
        "    batch.alter_column('name', existing_type=sa.String(50), nullable=False)",
        "op.create_table('users', sa.Column('name', sa.String(50)))\n"
        "users = sa.Table('users', sa.MetaData(), sa.Column('name', sa.String(50)))\n"
        "with op.batch_alter_table('users', copy_from=users) as batch:\n"
        "    batch.alter_column('name', existing_type=sa.String(50), nullable=False)",
        SQLITE,
    ),
    Pair(
        "LITE002",
        "op.alter_column('users', 'name', existing_type=sa.Text(), nullable=False)",
        "with op.batch_alter_table('users') as batch:\n"
        "    batch.alter_column('name', existing_type=sa.Text(), nullable=False)",
        SQLITE,
    ),
    Pair(
        "LITE002",
        "op.alter_column('users', 'name', existing_type=sa.Text(), type_=sa.Integer())",
        "op.alter_column('users', 'name', new_column_name='title')",
        SQLITE,
    ),
    Pair(
        "LITE002",
        "op.create_foreign_key('fk', 'orders', 'users', ['user_id'], ['id'])",
        "with op.batch_alter_table('orders') as batch:\n"
        "    batch.create_foreign_key('fk', 'users', ['user_id'], ['id'])",
        SQLITE,
    ),
    Pair(
        "LITE002",
        "op.drop_constraint('uq_users_email', 'users', type_='unique')",
        "with op.batch_alter_table('users') as batch:\n"
        "    batch.drop_constraint('uq_users_email', type_='unique')",
        SQLITE,
    ),
    Pair(
        "LITE002",
        "op.execute('ALTER TABLE users /* in vain */ ALTER COLUMN name SET NOT NULL')",
        "op.execute(\"ALTER TABLE users ADD COLUMN a TEXT DEFAULT 'ALTER COLUMN' -- NOT NULL\")",
        SQLITE,
    ),
    Pair(
        "LITE002",
        "op.execute('ALTER TABLE users ADD COLUMN email TEXT UNIQUE')",
        "op.execute('ALTER TABLE users ADD COLUMN email TEXT -- UNIQUE')",
        SQLITE,
    ),
    Pair(
        "LITE002",
        "op.add_column('users', sa.Column('made', sa.DateTime, server_default=sa.func.now()))",
        "op.add_column('users', sa.Column('made', sa.DateTime, server_default='2024-01-01'))",
        SQLITE,
    ),
)


@pytest.mark.parametrize(("pair", "dialect", "direction"), each(*PAIRS))
def test_what_sqlite_copies_or_cannot_do_is_found(
    pair: Pair, dialect: str, direction: t.Any
) -> None:
    """And its safe twin is not, upwards and downwards."""
    assert pair.rule in rules_of(pair.unsafe, dialect, direction=direction)
    assert pair.rule not in rules_of(pair.safe, dialect, direction=direction)


def test_a_batch_of_a_temporary_name_is_told_of_by_the_table_itself() -> None:
    """Whoever reads it knows the table, not the name of its copy."""
    (finding,) = findings_in("op.execute('CREATE TABLE _alembic_tmp_users (id INTEGER)')", "sqlite")
    assert finding.sentence.startswith("All rows of users are copied")


def test_a_batch_that_always_copies_is_found() -> None:
    """Though nothing in it needs a copy."""
    for batch in ("batch.add_column(sa.Column('a', sa.Text()))", "pass"):
        body = f"with op.batch_alter_table('users', recreate='always') as batch:\n    {batch}"
        assert "LITE001" in rules_of(body, "sqlite")


@pytest.mark.parametrize("dialect", ["postgresql", "mysql", "mariadb"])
def test_other_servers_have_neither(dialect: str) -> None:
    """They alter a table where it stands."""
    for pair in PAIRS:
        assert rules_of(pair.unsafe, dialect) & {"LITE001", "LITE002"} == set()


def test_a_table_is_told_of_once() -> None:
    """However much is changed of it."""
    body = """
    with op.batch_alter_table("users") as batch:
        batch.alter_column("name", existing_type=sa.Text(), nullable=False)
        batch.drop_column("fax")
    """
    found = [one for one in findings_in(body, "sqlite") if one.rule == "LITE001"]
    assert [(one.table, one.severity) for one in found] == [("users", "warn")]


def test_the_triggers_of_a_table_can_be_looked_for_first() -> None:
    """They are gone afterwards, however few rows the table has."""
    body = "with op.batch_alter_table('users') as batch: batch.drop_column('fax')"
    found = findings_in(body, "sqlite", rows={"users": 2})
    (finding,) = (one for one in found if one.rule == "LITE001")
    assert finding.severity == "warn"
    assert "type = 'trigger' AND tbl_name = 'users'" in finding.code


def test_the_same_is_told_as_batch_mode_takes_it() -> None:
    """With the reader's own names."""
    body = "op.alter_column('users', 'name', existing_type=sa.Text(), nullable=False)"
    (code,) = (one.code for one in findings_in(body, "sqlite") if one.rule == "LITE002")
    assert code == 'with op.batch_alter_table("users") as batch:\n    batch.alter_column("name", …)'
