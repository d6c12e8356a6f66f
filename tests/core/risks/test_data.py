from __future__ import annotations

import typing as t

import pytest

from flask_alembic_admin.core.risks import findings_of
from flask_alembic_admin.core.risks import Sight
from flask_alembic_admin.core.risks import Step

from .harness import each
from .harness import findings_in
from .harness import Pair
from .harness import rules_of
from .harness import step_of

SERVERS = ("postgresql", "mysql", "mariadb")

PAIRS = (
    Pair(
        "DATA001",
        "op.drop_table('users')",
        "op.create_table('users', sa.Column('id', sa.Integer))",
    ),
    Pair(
        "DATA001",
        "op.execute('/* DROP nothing */ DROP TABLE IF EXISTS users')",
        "op.execute(\"INSERT INTO notes (text) VALUES ('DROP TABLE users') -- DROP TABLE users\")",
    ),
    Pair(
        "DATA001",
        "op.execute('DROP TABLE users')",
        "op.create_table('draft', sa.Column('id', sa.Integer)); op.drop_table('draft')",
    ),
    Pair(
        "DATA001",
        "op.execute('CREATE TABLE a (id INT); DROP TABLE users; ALTER TABLE a RENAME TO users')",
        "op.execute('CREATE TEMPORARY TABLE copy (id INT); DROP TABLE copy')",
    ),
    Pair(
        "DATA001",
        "op.execute('DROP TABLE copy -- TEMPORARY')",
        "op.execute('DROP TEMPORARY TABLE copy')",
        ("mysql", "mariadb"),
    ),
    Pair(
        "DATA001",
        "op.execute('CREATE TABLE new (id INTEGER); DROP TABLE users')",
        "op.execute('CREATE TABLE _alembic_tmp_users (id INTEGER); DROP TABLE users; "
        "ALTER TABLE _alembic_tmp_users RENAME TO users')",
        ("sqlite",),
    ),
    Pair("DATA002", "op.drop_column('users', 'fax')", "op.drop_index('ix_users_fax', 'users')"),
    Pair(
        "DATA002",
        "with op.batch_alter_table('users') as batch: batch.drop_column('fax')",
        "with op.batch_alter_table('users') as batch: batch.drop_index('ix_users_fax')",
    ),
    Pair(
        "DATA002",
        "op.execute('ALTER TABLE users -- not the name\\n DROP COLUMN fax')",
        "op.execute(\"UPDATE users SET a = 'DROP COLUMN fax' WHERE id = 1 /* DROP COLUMN fax */\")",
    ),
    Pair(
        "DATA002",
        "op.add_column('users', sa.Column('fax', sa.Text)); op.drop_column('people', 'fax')",
        "op.add_column('users', sa.Column('new', sa.Text)); op.drop_column('users', 'new')",
    ),
    Pair(
        "DATA003",
        "op.execute(sa.delete(sa.table('users')))",
        "op.execute(sa.delete(sa.table('users', sa.column('id'))).where(sa.column('id') == 1))",
    ),
    Pair(
        "DATA003",
        "op.execute('DELETE FROM users -- WHERE id = 1')",
        "op.execute(\"DELETE FROM users WHERE name <> 'DELETE FROM users'\")",
    ),
    Pair(
        "DATA003",
        "op.execute('TRUNCATE TABLE users')",
        "op.execute(\"INSERT INTO notes (text) VALUES ('TRUNCATE TABLE users')\")",
        SERVERS,
    ),
    Pair(
        "DATA003",
        "op.execute('INSERT INTO kept SELECT * FROM users; DELETE FROM users')",
        "op.create_table('kept', sa.Column('id', sa.Integer)); op.execute('DELETE FROM kept')",
    ),
    Pair(
        "DATA004",
        "users = sa.table('users', sa.column('plan', sa.Text))\n"
        "op.execute(users.update().values(plan='free'))",
        "users = sa.table('users', sa.column('plan', sa.Text))\n"
        "op.execute(users.update().where(users.c.plan.is_(None)).values(plan='free'))",
    ),
    Pair(
        "DATA004",
        "op.execute(\"UPDATE users SET plan = 'WHERE it is' -- WHERE id = 1\")",
        "op.execute(\"UPDATE users SET plan = 'free' WHERE plan IS NULL\")",
    ),
    Pair(
        "DATA004",
        "op.execute('UPDATE users SET plan = 1')",
        "op.create_table('plans', sa.Column('id', sa.Integer))\n"
        "op.execute('UPDATE plans SET id = 1')",
    ),
    Pair(
        "DATA005",
        "op.alter_column('users', 'name', type_=sa.Integer(), existing_type=sa.String(50))",
        "op.alter_column('users', 'name', type_=sa.String(60), existing_type=sa.String(50))",
    ),
    Pair(
        "DATA005",
        "with op.batch_alter_table('users') as batch:\n"
        "    batch.alter_column('age', type_=sa.SmallInteger(), existing_type=sa.Integer())",
        "with op.batch_alter_table('users') as batch:\n"
        "    batch.alter_column('age', type_=sa.BigInteger(), existing_type=sa.Integer())",
    ),
    Pair(
        "DATA005",
        "op.execute('ALTER TABLE users ALTER COLUMN age /* TYPE text */ TYPE smallint')",
        "op.execute('ALTER TABLE users ALTER COLUMN age /* TYPE smallint */ TYPE text')",
        ("postgresql",),
    ),
    Pair(
        "DATA005",
        "op.execute('ALTER TABLE users MODIFY COLUMN age SMALLINT')",
        "op.execute('ALTER TABLE users MODIFY COLUMN age LONGTEXT -- SMALLINT')",
        ("mysql", "mariadb"),
    ),
    Pair(
        "DATA005",
        "op.alter_column('users', 'age', type_=sa.SmallInteger(), existing_type=sa.Integer())",
        "op.create_table('users', sa.Column('age', sa.Integer))\n"
        "op.alter_column('users', 'age', type_=sa.SmallInteger(), existing_type=sa.Integer())",
    ),
    Pair(
        "DATA006",
        "op.execute('DROP SCHEMA archive CASCADE')",
        "op.execute(\"COMMENT ON SCHEMA archive IS 'DROP SCHEMA archive'\")",
        ("postgresql",),
    ),
    Pair(
        "DATA006",
        "op.execute('DROP DATABASE archive')",
        "op.execute(\"INSERT INTO notes (text) VALUES ('DROP DATABASE archive')\")",
        SERVERS,
    ),
    Pair(
        "DATA006",
        "op.execute('DROP VIEW report -- CREATE VIEW report')",
        "op.execute('DROP VIEW report; CREATE VIEW report AS SELECT 1')",
    ),
    Pair(
        "DATA006",
        "op.execute('DROP TYPE mood')",
        "op.execute(\"CREATE TYPE mood AS ENUM ('ok'); DROP TYPE mood\")",
        ("postgresql",),
    ),
    Pair(
        "DATA006",
        "op.execute('DROP SEQUENCE numbers')",
        "op.execute('CREATE SEQUENCE numbers')",
        ("postgresql", "mariadb"),
    ),
)


@pytest.mark.parametrize(("pair", "dialect", "direction"), each(*PAIRS))
def test_what_loses_data_is_found(pair: Pair, dialect: str, direction: t.Any) -> None:
    """And its safe twin is not, upwards and downwards."""
    assert pair.rule in rules_of(pair.unsafe, dialect, direction=direction)
    assert pair.rule not in rules_of(pair.safe, dialect, direction=direction)


def test_a_table_of_the_same_plan_loses_nothing() -> None:
    """Whatever an earlier step put there."""
    body = "op.drop_column('users', 'fax'); op.execute('DELETE FROM users'); op.drop_table('users')"
    found = rules_of(body, "postgresql", new_tables=["users"])
    assert not {rule for rule in found if rule.startswith("DATA")}


def test_a_column_of_the_same_plan_loses_nothing() -> None:
    """Unless it was there before, and comes again."""
    added = step_of("op.add_column('users', sa.Column('fax', sa.Text))", "postgresql")
    dropped = step_of("op.drop_column('users', 'fax')", "postgresql")

    def found(*steps: Step) -> list[str]:
        return [one.rule for one in findings_of(steps, Sight("postgresql"))]

    assert found(added, dropped) == []
    assert found(dropped, added) == ["DATA002"]
    assert found(added, dropped, dropped) == ["DATA002"]


def test_a_table_that_batch_mode_makes_anew_is_not_dropped() -> None:
    """Its rows are in the new one."""
    body = """
    users = sa.Table("users", sa.MetaData(), sa.Column("name", sa.String(50)))
    with op.batch_alter_table("users", copy_from=users) as batch:
        batch.alter_column("name", existing_type=sa.String(50), nullable=False)
    """
    assert rules_of(body, "sqlite") & {"DATA001", "COMP001"} == set()


def test_a_table_of_another_schema_is_another_table() -> None:
    """It may hold rows."""
    body = "op.drop_table('users', schema='crm')"
    (finding,) = findings_in(body, "postgresql", new_tables=["users"])
    assert (finding.rule, finding.table) == ("DATA001", "users")
    assert finding.sentence == "All rows of crm.users are lost."
    assert finding.code.startswith('op.rename_table("users", "users_unused", schema="crm")\n')


def test_rows_are_told_where_somebody_counted_them() -> None:
    """As about how many."""
    (finding,) = findings_in("op.drop_table('users')", "postgresql", rows={"users": 40_000_000})
    assert finding.sentence == "All rows of users (about 40,000,000 rows) are lost."


@pytest.mark.parametrize(
    ("rows", "severity"), [(None, "warn"), (200, "info"), (50_000, "warn"), (9_000_000, "danger")]
)
def test_changing_all_rows_is_as_bad_as_there_are_many(rows: int | None, severity: str) -> None:
    """Where nobody knows, the rule's own severity counts."""
    (finding,) = findings_in("op.execute('UPDATE users SET a = 1')", "sqlite", rows={"users": rows})
    assert (finding.rule, finding.severity) == ("DATA004", severity)


def test_a_type_whose_old_one_is_not_told_may_lose_values() -> None:
    """It is a warning, and asks for the old one."""
    (finding,) = (
        one
        for one in findings_in("op.alter_column('users', 'age', type_=sa.Integer())", "postgresql")
        if one.rule == "DATA005"
    )
    assert finding.severity == "warn"
    assert finding.instead == "Write existing_type= so that the two can be held against each other."


def test_sqlite_itself_keeps_what_is_too_long() -> None:
    """So it is only told of."""
    body = """
    with op.batch_alter_table("users") as batch:
        batch.alter_column("name", type_=sa.String(10), existing_type=sa.String(50))
    """
    (finding,) = (one for one in findings_in(body, "sqlite") if one.rule == "DATA005")
    assert finding.severity == "info"
    assert finding.sentence == (
        "users.name becomes VARCHAR(10) instead of VARCHAR(50), which refuses or cuts off values "
        "of more than 10 characters. SQLite itself keeps them; other servers do not."
    )


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("op.execute('DROP SCHEMA a')", "The schema a is dropped."),
        (
            "op.execute('DROP TYPE crm.mood CASCADE -- RESTRICT')",
            "The type crm.mood is dropped, with all that depends on it.",
        ),
        (
            "op.execute(sa.schema.DropSchema('a', cascade=True))",
            "The schema a is dropped, with all that depends on it.",
        ),
    ],
)
def test_what_goes_with_it_is_told(body: str, sentence: str) -> None:
    """Where CASCADE takes more than what is named."""
    (finding,) = findings_in(body, "postgresql")
    assert (finding.rule, finding.sentence) == ("DATA006", sentence)
