"""Locks on PostgreSQL: what waits for an index, a constraint or a copy, and what does not."""

from __future__ import annotations

import typing as t

import pytest

from flask_alembic_admin.core.risks import BIG

from .harness import findings_in
from .harness import rules_of

Direction: t.TypeAlias = t.Literal["upgrade", "downgrade"]
BLOCK = "with op.get_context().autocommit_block():\n    "

#: By rule: what it finds, and the same without the danger.
PAIRS = {
    "LOCK001": [
        (
            'op.create_index("ix", "orders", ["total"])',
            BLOCK + 'op.create_index("ix", "orders", ["total"], postgresql_concurrently=True)',
        ),
        (
            'with op.batch_alter_table("orders") as batch:\n'
            '    batch.create_index("ix", ["total"])',
            'op.create_table("orders", sa.Column("total", sa.Integer()))\n'
            'op.create_index("ix", "orders", ["total"])',
        ),
        (
            'op.execute("CREATE UNIQUE INDEX ix ON orders (total)")',
            BLOCK + 'op.execute("CREATE UNIQUE INDEX CONCURRENTLY ix ON orders (total)")',
        ),
        (
            'op.execute("CREATE INDEX ix ON orders /* CONCURRENTLY */ (total)")',
            'op.execute("-- CREATE INDEX ix ON orders (total)\\nSELECT 1")',
        ),
        (
            "op.execute(\"CREATE INDEX ix ON orders (total) WHERE note = 'ON ONLY'\")",
            'op.execute("CREATE INDEX ix ON ONLY orders (total)")',
        ),
    ],
    "LOCK002": [
        (
            'op.create_index("ix", "orders", ["total"], postgresql_concurrently=True)',
            BLOCK + 'op.create_index("ix", "orders", ["total"], postgresql_concurrently=True)',
        ),
        (
            'op.drop_index("ix", "orders", postgresql_concurrently=True)',
            BLOCK + 'op.drop_index("ix", "orders", postgresql_concurrently=True)',
        ),
        (
            'op.execute("CREATE INDEX CONCURRENTLY ix ON orders (total)")',
            BLOCK + 'op.execute("CREATE INDEX CONCURRENTLY ix ON orders (total)")',
        ),
        (
            'op.execute("/* nightly */ REINDEX TABLE CONCURRENTLY orders")',
            BLOCK + 'op.execute("REINDEX TABLE CONCURRENTLY orders")',
        ),
        ('op.execute("VACUUM orders")', BLOCK + 'op.execute("VACUUM orders")'),
        (
            'op.execute("ALTER TABLE orders DETACH PARTITION old CONCURRENTLY")',
            'op.execute("ALTER TABLE orders DETACH PARTITION old")',
        ),
        (
            # On a new table it is refused just so.
            'op.create_table("new", sa.Column("total", sa.Integer()))\n'
            'op.create_index("ix", "new", ["total"], postgresql_concurrently=True)',
            "op.execute(\"INSERT INTO notes VALUES ('CREATE INDEX CONCURRENTLY ix ON a (b)')\")",
        ),
    ],
    "LOCK003": [
        (
            'op.drop_index("ix", "orders")',
            BLOCK + 'op.drop_index("ix", "orders", postgresql_concurrently=True)',
        ),
        (
            'op.execute("DROP INDEX IF EXISTS ix")',
            BLOCK + 'op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix")',
        ),
        (
            'with op.batch_alter_table("orders") as batch:\n    batch.drop_index("ix")',
            # It goes with its table.
            'op.drop_index("ix", "orders")\nop.drop_table("orders")',
        ),
        (
            'op.drop_index("ix", "orders")',
            # It was made here.
            'op.create_index("ix", "orders", ["total"])\nop.drop_index("ix", "orders")',
        ),
    ],
    "LOCK004": [
        (
            'op.execute("REINDEX TABLE orders")',
            BLOCK + 'op.execute("REINDEX (CONCURRENTLY) TABLE orders")',
        ),
        (
            'op.execute("vacuum (full, analyze) orders")',
            BLOCK + 'op.execute("VACUUM (ANALYZE) orders -- FULL")',
        ),
        ('op.execute("CLUSTER orders USING ix")', 'op.execute("ANALYZE orders")'),
        (
            'op.execute("REFRESH MATERIALIZED VIEW sums")',
            'op.execute("REFRESH MATERIALIZED VIEW CONCURRENTLY sums")',
        ),
        (
            'op.execute("REFRESH MATERIALIZED VIEW sums")',
            'op.execute("CREATE MATERIALIZED VIEW sums AS SELECT 1 WITH NO DATA")\n'
            'op.execute("REFRESH MATERIALIZED VIEW sums")',
        ),
        (
            'op.execute("ALTER TABLE orders SET UNLOGGED")',
            'op.execute("ALTER TABLE orders SET (fillfactor = 70)")',
        ),
    ],
    "LOCK005": [
        (
            'op.create_foreign_key("fk", "orders", "users", ["user_id"], ["id"])',
            'op.create_foreign_key("fk", "orders", "users", ["user_id"], ["id"], '
            "postgresql_not_valid=True)",
        ),
        (
            'with op.batch_alter_table("orders") as batch:\n'
            '    batch.create_foreign_key("fk", "users", ["user_id"], ["id"])',
            'op.create_table("orders", sa.Column("user_id", sa.ForeignKey("users.id")))',
        ),
        (
            'op.execute("ALTER TABLE orders ADD CONSTRAINT fk FOREIGN KEY (user_id) '
            'REFERENCES users (id)")',
            'op.execute("ALTER TABLE orders ADD CONSTRAINT fk FOREIGN KEY (user_id) '
            'REFERENCES users (id) NOT VALID")',
        ),
        (
            'op.execute("ALTER TABLE orders ADD COLUMN user_id int REFERENCES users (id)")',
            'op.execute("ALTER TABLE orders ADD COLUMN user_id int")',
        ),
        (
            # Still within the lock of the first.
            'op.create_foreign_key("fk", "orders", "users", ["user_id"], ["id"], '
            "postgresql_not_valid=True)\n"
            'op.execute("ALTER TABLE orders VALIDATE CONSTRAINT fk")',
            'op.execute("ALTER TABLE orders VALIDATE CONSTRAINT fk")',
        ),
    ],
    "LOCK006": [
        (
            'op.create_check_constraint("ck", "orders", "total > 0")',
            'op.create_check_constraint("ck", "orders", "total > 0", postgresql_not_valid=True)',
        ),
        (
            "op.execute(\"ALTER TABLE orders ADD CHECK (note <> 'NOT VALID')\")",
            'op.execute("ALTER TABLE orders ADD CONSTRAINT ck CHECK (total > 0) NOT VALID")',
        ),
        (
            'op.create_check_constraint("ck", "orders", "total > 0", postgresql_not_valid=True)\n'
            'op.execute("ALTER TABLE orders VALIDATE CONSTRAINT ck")',
            'op.execute("ALTER TABLE orders VALIDATE CONSTRAINT ck")',
        ),
    ],
    "LOCK007": [
        (
            'op.create_unique_constraint("uq", "users", ["email"])',
            'op.execute("ALTER TABLE users ADD CONSTRAINT uq UNIQUE USING INDEX uq")',
        ),
        (
            'op.create_primary_key("pk", "users", ["id"])',
            'op.execute("ALTER TABLE users ADD CONSTRAINT pk PRIMARY KEY USING INDEX pk")',
        ),
        (
            'op.create_exclude_constraint("ex", "rooms", (sa.column("during"), "&&"))',
            'op.create_table("rooms", sa.Column("during", sa.Integer(), unique=True))',
        ),
        (
            'op.execute("ALTER TABLE users ADD UNIQUE (email)")',
            'op.execute("CREATE TABLE users (email text UNIQUE)")',
        ),
        (
            'op.execute("ALTER TABLE users ADD COLUMN email text UNIQUE")',
            "op.execute(\"ALTER TABLE users ADD COLUMN email text DEFAULT 'UNIQUE'\")",
        ),
        (
            'with op.batch_alter_table("users") as batch:\n'
            '    batch.create_unique_constraint("uq", ["email"])',
            'with op.batch_alter_table("users") as batch:\n    batch.drop_constraint("uq")',
        ),
    ],
    "LOCK008": [
        (
            'op.alter_column("users", "email", existing_type=sa.Text(), nullable=False)',
            'op.alter_column("users", "email", existing_type=sa.Text(), nullable=True)',
        ),
        (
            'op.execute("ALTER TABLE users ALTER COLUMN email SET NOT NULL")',
            "op.execute(\"ALTER TABLE users ALTER COLUMN email SET DEFAULT 'SET NOT NULL'\")",
        ),
        (
            'with op.batch_alter_table("users") as batch:\n'
            '    batch.alter_column("email", existing_type=sa.Text(), nullable=False)',
            'op.execute("ALTER TABLE users VALIDATE CONSTRAINT ck")\n'
            'op.alter_column("users", "email", existing_type=sa.Text(), nullable=False)',
        ),
        (
            # That check was of another column.
            'op.create_check_constraint("ck", "users", "age > 0", postgresql_not_valid=True)\n'
            'op.execute("ALTER TABLE users VALIDATE CONSTRAINT ck")\n'
            'op.alter_column("users", "email", existing_type=sa.Text(), nullable=False)',
            'op.create_check_constraint("ck", "users", "email IS NOT NULL", '
            "postgresql_not_valid=True)\n"
            'op.execute("ALTER TABLE users VALIDATE CONSTRAINT ck")\n'
            'op.alter_column("users", "email", existing_type=sa.Text(), nullable=False)',
        ),
    ],
    "LOCK011": [
        (
            'op.add_column("users", sa.Column("active", sa.Boolean()))\n'
            'op.execute("UPDATE users SET active = true WHERE id > 1")',
            'op.execute("UPDATE users SET active = true WHERE id > 1")',
        ),
        (
            'op.execute("INSERT INTO copies SELECT * FROM users")\nop.drop_column("users", "name")',
            "op.add_column('users', sa.Column('active', sa.Boolean()))\n"
            "op.execute(\"INSERT INTO kinds VALUES (1, 'UPDATE; SELECT')\")",
        ),
        (
            'op.drop_column("users", "name")\n'
            'op.execute(sa.table("users", sa.column("id")).delete().where(sa.column("id") > 1))',
            'op.create_table("copies", sa.Column("id", sa.Integer()))\n'
            'op.execute("INSERT INTO copies SELECT id FROM users")',
        ),
    ],
    "LOCK012": [
        (
            'op.add_column("users", sa.Column("note", sa.Text()))\n'
            'op.add_column("orders", sa.Column("note", sa.Text()))',
            'op.add_column("users", sa.Column("note", sa.Text()))\n'
            'op.add_column("users", sa.Column("other", sa.Text()))',
        ),
        (
            'op.execute("ALTER TABLE a ADD b int; ALTER TABLE c ADD d int")',
            "op.execute(\"ALTER TABLE a ADD b text DEFAULT 'ALTER TABLE c ADD d int'\")",
        ),
        (
            'with op.batch_alter_table("users") as batch:\n    batch.drop_column("note")\n'
            'op.drop_column("orders", "note")',
            'op.drop_column("orders", "note")\nop.drop_table("users")',
        ),
    ],
    "PGX001": [
        (
            "op.execute(\"ALTER TYPE status ADD VALUE 'paid'\")\n"
            "op.execute(\"UPDATE orders SET status = 'paid' WHERE total = 0\")",
            BLOCK + "op.execute(\"ALTER TYPE status ADD VALUE IF NOT EXISTS 'paid'\")\n"
            "op.execute(\"UPDATE orders SET status = 'paid' WHERE total = 0\")",
        ),
        (
            "op.execute(\"ALTER TYPE status RENAME VALUE 'paid' TO 'done'\")",
            "op.execute(\"ALTER TYPE status ADD VALUE 'paid'\")",
        ),
        (
            'op.execute("ALTER TYPE status RENAME TO state")',
            "op.execute(\"CREATE TYPE status AS ENUM ('a')\")\n"
            'op.execute("ALTER TYPE status RENAME TO state")',
        ),
    ],
    "PGX002": [
        (
            'op.add_column("orders", sa.Column("data", sa.JSON()))',
            'op.add_column("orders", sa.Column("data", postgresql.JSONB()))',
        ),
        (
            'op.create_table("orders", sa.Column("id", sa.Text()), sa.Column("data", sa.JSON()))',
            'op.create_table("orders", sa.Column("json", postgresql.JSONB()))',
        ),
        (
            'op.execute("ALTER TABLE orders ADD data json")',
            "op.execute(\"ALTER TABLE orders ADD data text DEFAULT 'json' -- json\")",
        ),
        (
            'with op.batch_alter_table("orders") as batch:\n'
            '    batch.alter_column("data", type_=sa.JSON())',
            'op.execute("CREATE TABLE orders (json jsonb, b text)")',
        ),
    ],
}
CASES = [
    pytest.param(rule, bad, good, id=f"{rule}-{number}")
    for rule, pairs in PAIRS.items()
    for number, (bad, good) in enumerate(pairs, 1)
]
IMPORTS = "from sqlalchemy.dialects import postgresql"

#: What keeps writers out, so that nobody waits for it on a new table.
OF_TABLES = [
    'op.create_index("ix", "new", ["total"])',
    'op.drop_index("ix", "new")',
    'op.execute("REINDEX TABLE new")',
    'op.create_foreign_key("fk", "new", "users", ["user_id"], ["id"])',
    'op.create_check_constraint("ck", "new", "total > 0")',
    'op.create_unique_constraint("uq", "new", ["email"])',
    'op.alter_column("new", "email", existing_type=sa.Text(), nullable=False)',
    'op.alter_column("new", "id", existing_type=sa.Integer(), type_=sa.BigInteger())',
    'op.add_column("new", sa.Column("id", sa.Uuid(), server_default=sa.func.gen_random_uuid()))',
]


@pytest.mark.parametrize("direction", ["upgrade", "downgrade"])
@pytest.mark.parametrize(("rule", "bad", "good"), CASES)
def test_a_danger_is_found_and_its_safe_twin_is_not(
    rule: str, bad: str, good: str, direction: Direction
) -> None:
    """Both ways, in batch mode and in text, and not for words in comments and strings."""
    assert rule in rules_of(bad, "postgresql", direction=direction, imports=IMPORTS)
    assert rule not in rules_of(good, "postgresql", direction=direction, imports=IMPORTS)


@pytest.mark.parametrize(("rule", "bad", "good"), CASES)
def test_other_servers_have_none_of_it(rule: str, bad: str, good: str) -> None:
    """What PostgreSQL alone does is no matter of theirs."""
    text = bad.replace("postgresql.JSONB", "sa.JSON")
    assert rule not in rules_of(text, "sqlite") | rules_of(text, "mariadb")


@pytest.mark.parametrize("body", OF_TABLES)
def test_a_new_table_raises_no_rule_about_locks(body: str) -> None:
    """Created earlier in the plan, or in the same step."""
    created = 'op.create_table("new", sa.Column("id", sa.Integer()))\n'
    found = rules_of(body, "postgresql", new_tables=["new"]) | rules_of(
        created + body, "postgresql"
    )
    assert not {rule for rule in found if rule.startswith("LOCK")}
    assert any(rule.startswith("LOCK") for rule in rules_of(body, "postgresql"))


@pytest.mark.parametrize("body", [body for body in OF_TABLES if "drop_index" not in body])
@pytest.mark.parametrize(
    ("rows", "severity"),
    [(None, "warn"), (200, "info"), (50_000, "warn"), (BIG, "danger"), (40_000_000, "danger")],
)
def test_how_long_others_wait_depends_on_the_rows(
    body: str, rows: int | None, severity: str
) -> None:
    """The same index is nothing on 200 rows and much on 40 million."""
    found = findings_in(body, "postgresql", rows={"new": rows})
    assert {one.severity for one in found if one.rule.startswith("LOCK")} == {severity}


def test_several_small_tables_are_only_mentioned() -> None:
    """Unless one of them is not small."""
    body = 'op.drop_column("a", "x")\nop.drop_column("b", "x")'

    for rows, severity in [({"a": 1, "b": 2}, "info"), ({"a": 1, "b": 50_000}, "warn")]:
        (found,) = [
            one for one in findings_in(body, "postgresql", rows=rows) if one.rule == "LOCK012"
        ]
        assert found.severity == severity


def test_the_code_has_the_names_of_the_reader() -> None:
    """So that it can be copied."""
    body = 'op.create_index("ix_orders_total", "orders", ["total"], schema="shop")'
    (found,) = findings_in(body, "postgresql")
    assert (found.table, found.severity) == ("orders", "warn")
    assert found.sentence == "Nobody can write to shop.orders until ix_orders_total is built."
    compile(found.code, "code", "exec")
    assert '"ix_orders_total", "orders", ["total"], schema="shop"' in found.code


@pytest.mark.parametrize(("rule", "bad", "good"), CASES)
def test_the_code_to_write_is_python(rule: str, bad: str, good: str) -> None:
    """Also where the reader gave no names; it never names a thing None."""
    for one in findings_in(bad, "postgresql", imports=IMPORTS):
        if one.rule == rule:
            compile(one.code, "code", "exec")
            assert "None" not in one.code


def test_an_index_that_is_made_anew_is_dropped_before() -> None:
    """It was in use; one that the step has made itself before was not."""
    drop, create = 'op.drop_index("ix", "users")', 'op.create_index("ix", "users", ["a"])'
    assert "LOCK003" in rules_of(f"{drop}\n{create}", "postgresql")
    assert "LOCK003" not in rules_of(f"{create}\n{drop}", "postgresql")
