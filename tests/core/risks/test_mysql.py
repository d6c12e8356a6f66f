"""MariaDB and MySQL: copies, half a revision, and what MODIFY forgets."""

from __future__ import annotations

import typing as t

import pytest

from flask_alembic_admin.core.risks import BIG

from .harness import findings_in
from .harness import rules_of

Direction: t.TypeAlias = t.Literal["upgrade", "downgrade"]
BATCH = 'with op.batch_alter_table("orders") as batch:\n    '
KEPT = "existing_nullable=False"

#: By rule: what it finds, and the same without the danger.
PAIRS = {
    "MY001": [
        (
            f'op.alter_column("orders", "id", type_=sa.BigInteger(), '
            f"existing_type=sa.Integer(), {KEPT})",
            f'op.alter_column("orders", "id", type_=sa.Integer(), '
            f"existing_type=sa.Integer(), {KEPT})",
        ),
        (
            f'{BATCH}batch.alter_column("note", type_=sa.Text(), '
            f"existing_type=sa.String(50), {KEPT})",
            f'{BATCH}batch.alter_column("note", type_=sa.String(60), '
            f"existing_type=sa.String(50), {KEPT})",
        ),
        (
            'op.create_foreign_key("fk", "orders", "users", ["user_id"], ["id"])',
            'op.execute("SET foreign_key_checks = 0")\n'
            'op.create_foreign_key("fk", "orders", "users", ["user_id"], ["id"])',
        ),
        (
            'op.execute("SET foreign_key_checks = OFF; SET foreign_key_checks = ON")\n'
            'op.create_foreign_key("fk", "orders", "users", ["user_id"], ["id"])',
            'op.create_table("orders", sa.Column("user_id", sa.Integer()))\n'
            'op.create_foreign_key("fk", "orders", "users", ["user_id"], ["id"])',
        ),
        (
            'op.create_primary_key("pk", "orders", ["id"])',
            'op.create_index("ix", "orders", ["id"])',
        ),
        (
            'op.execute("ALTER TABLE orders CONVERT TO CHARACTER SET utf8mb4")',
            "op.execute(\"ALTER TABLE orders COMMENT = 'CONVERT TO CHARACTER SET utf8mb4'\")",
        ),
        (
            'op.execute("ALTER TABLE orders MODIFY note VARCHAR(300) NOT NULL")',
            'op.execute("ALTER TABLE orders MODIFY note VARCHAR(300) NOT NULL, '
            'ALGORITHM=INPLACE, LOCK=NONE")',
        ),
        (
            'op.execute("ALTER TABLE orders ENGINE=InnoDB /* ALGORITHM=INPLACE */")',
            'op.execute("# ALTER TABLE orders ENGINE=InnoDB\\nSELECT 1")',
        ),
        (
            "op.alter_column('orders', 'kind', type_=sa.Enum('b', 'a'), "
            f"existing_type=sa.Enum('a'), {KEPT})",
            "op.alter_column('orders', 'kind', type_=sa.Enum('a', 'b'), "
            f"existing_type=sa.Enum('a'), {KEPT})",
        ),
        (
            'op.execute("ALTER TABLE orders DROP PRIMARY KEY")',
            'op.execute("ALTER TABLE orders DROP COLUMN note")',
        ),
    ],
    "MY002": [
        (
            'op.drop_column("orders", "note")\nop.create_index("ix", "orders", ["total"])',
            'op.drop_column("orders", "note")',
        ),
        (
            'op.execute("ALTER TABLE orders ADD a int; ALTER TABLE orders ADD b int")',
            "op.execute(\"ALTER TABLE orders ADD a int COMMENT 'x; ALTER TABLE orders' -- ; x\")",
        ),
        (
            'op.drop_column("orders", "note")\nop.execute("UPDATE orders SET a = 1 WHERE b = 2")',
            'op.execute("SET foreign_key_checks = 0")\nop.drop_column("orders", "note")',
        ),
        (
            BATCH + 'batch.drop_column("a")\n    batch.drop_column("b")',
            BATCH + 'batch.drop_column("a")',
        ),
        (
            'op.drop_column("orders", "note")\nop.drop_column("orders", "b")',
            'op.execute("UPDATE a SET b = 1 WHERE c = 2")\nop.execute("DELETE FROM a WHERE b = 1")',
        ),
    ],
    "MY003": [
        (
            'op.alter_column("orders", "note", type_=sa.String(99), existing_type=sa.String(9))',
            'op.alter_column("orders", "note", type_=sa.String(99), existing_type=sa.String(9), '
            "existing_nullable=True)",
        ),
        (
            BATCH + 'batch.alter_column("note", new_column_name="x", existing_type=sa.Text())',
            BATCH + 'batch.alter_column("note", nullable=False, existing_type=sa.Text())',
        ),
        (
            'op.execute("ALTER TABLE orders MODIFY note VARCHAR(99)")',
            'op.execute("ALTER TABLE orders MODIFY note VARCHAR(99) NOT NULL")',
        ),
        (
            "op.execute(\"ALTER TABLE orders CHANGE a b INT COMMENT 'NOT NULL' -- NULL\")",
            'op.alter_column("orders", "note", server_default="x", existing_type=sa.String(9))',
        ),
    ],
}
CASES = [
    pytest.param(rule, bad, good, id=f"{rule}-{number}")
    for rule, pairs in PAIRS.items()
    for number, (bad, good) in enumerate(pairs, 1)
]


@pytest.mark.parametrize("direction", ["upgrade", "downgrade"])
@pytest.mark.parametrize("dialect", ["mysql", "mariadb"])
@pytest.mark.parametrize(("rule", "bad", "good"), CASES)
def test_a_danger_is_found_and_its_safe_twin_is_not(
    rule: str, bad: str, good: str, dialect: str, direction: Direction
) -> None:
    """On both servers, both ways, and not for words in comments and strings."""
    if dialect == "mysql":
        # There a length that needs a second byte is a copy; below the next test is about it.
        good = good.replace("sa.String(60)", "sa.String(63)")

    assert rule in rules_of(bad, dialect, direction=direction)
    assert rule not in rules_of(good, dialect, direction=direction)


@pytest.mark.parametrize(("rule", "bad", "good"), CASES)
def test_other_servers_have_none_of_it(rule: str, bad: str, good: str) -> None:
    """What these two alone do is no matter of theirs."""
    assert rule not in rules_of(bad, "postgresql") | rules_of(bad, "sqlite")


@pytest.mark.parametrize(
    ("old", "new", "dialects"),
    [
        (50, 63, set()),
        (30, 100, {"mysql"}),
        (50, 100, {"mysql", "mariadb"}),
        (100, 300, set()),
        (100, 50, {"mysql", "mariadb"}),
    ],
)
@pytest.mark.parametrize("dialect", ["mysql", "mariadb"])
def test_a_longer_text_is_a_copy_where_its_length_grows(
    old: int, new: int, dialects: set[str], dialect: str
) -> None:
    """Of 255 bytes it is one byte; MariaDB gives up to 127 another without a copy."""
    body = (
        f'op.alter_column("orders", "note", type_=sa.String({new}), '
        f"existing_type=sa.String({old}), existing_nullable=True)"
    )
    assert ("MY001" in rules_of(body, dialect)) is (dialect in dialects)


@pytest.mark.parametrize(
    ("rows", "severity"), [(None, "warn"), (200, "info"), (50_000, "warn"), (BIG, "danger")]
)
def test_how_long_a_copy_takes_depends_on_the_rows(rows: int | None, severity: str) -> None:
    """Of 200 rows nobody notices it."""
    body = 'op.create_foreign_key("fk", "orders", "users", ["user_id"], ["id"])'
    found = findings_in(body, "mariadb", rows={"orders": rows})
    assert {one.severity for one in found if one.rule == "MY001"} == {severity}


def test_a_new_table_is_not_copied() -> None:
    """It has no rows; that a failure leaves half is still so."""
    body = (
        'op.create_table("orders", sa.Column("user_id", sa.Integer()))\n'
        'op.create_foreign_key("fk", "orders", "users", ["user_id"], ["id"])'
    )
    assert not {"MY001", "LOCK010"} & rules_of(body, "mariadb", new_tables=["orders"])
    assert "MY002" in rules_of(body, "mariadb")


@pytest.mark.parametrize(("rule", "bad", "good"), CASES)
def test_the_code_to_write_is_python(rule: str, bad: str, good: str) -> None:
    """Whoever copies it gets no syntax error."""
    for one in findings_in(bad, "mariadb"):
        if one.rule == rule:
            compile(one.code, "code", "exec")


def test_the_parts_of_one_statement_are_done_together() -> None:
    """They are several operations, and fail or hold as one."""
    assert "MY002" not in rules_of("op.execute('ALTER TABLE t ADD a INT, ADD b INT')", "mariadb")
    two = "op.execute('ALTER TABLE t ADD a INT'); op.execute('ALTER TABLE t ADD b INT')"
    assert "MY002" in rules_of(two, "mariadb")


@pytest.mark.parametrize("dialect", ["mysql", "mariadb"])
def test_a_check_is_tried_on_a_copy(dialect: str) -> None:
    """Measured on MariaDB 10.11; that of a new column is not, since the column is empty."""
    check = 'op.create_check_constraint("ck", "orders", "total > 0")'
    assert "MY001" in rules_of(check, dialect)
    assert "MY001" in rules_of("op.execute('ALTER TABLE orders ADD CHECK (a > 0)')", dialect)
    new = "op.execute('ALTER TABLE orders ADD a INT CHECK (a > 0) -- ADD CHECK (a > 0)')"
    assert "MY001" not in rules_of(new, dialect)
