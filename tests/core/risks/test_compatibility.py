from __future__ import annotations

import typing as t

import pytest

from .harness import each
from .harness import findings_in
from .harness import Pair
from .harness import rules_of

SERVERS = ("postgresql", "mysql", "mariadb")

PAIRS = (
    Pair(
        "COMP001",
        "op.rename_table('users', 'people')",
        "op.rename_table('users', 'people')\n"
        "op.execute('CREATE VIEW users AS SELECT * FROM people')",
    ),
    Pair(
        "COMP001",
        "op.execute('ALTER TABLE users /* to what? */ RENAME TO people')",
        "op.execute(\"INSERT INTO notes (text) VALUES ('ALTER TABLE users RENAME TO people')\")",
    ),
    Pair(
        "COMP001",
        "op.execute('RENAME TABLE users TO people')",
        "op.execute(\"UPDATE notes SET text = 'RENAME TABLE users TO people' WHERE id = 1\")",
        ("mysql", "mariadb"),
    ),
    Pair(
        "COMP001",
        "op.rename_table('users', 'people')",
        "op.create_table('draft', sa.Column('id', sa.Integer)); op.rename_table('draft', 'final')",
    ),
    Pair(
        "COMP002",
        "op.alter_column('users', 'name', new_column_name='title', existing_type=sa.Text())",
        "op.alter_column('users', 'name', new_column_name='name', existing_type=sa.Text())",
    ),
    Pair(
        "COMP002",
        "with op.batch_alter_table('users') as batch:\n"
        "    batch.alter_column('name', new_column_name='title', existing_type=sa.Text())",
        "with op.batch_alter_table('users') as batch:\n"
        "    batch.alter_column('name', type_=sa.Text(), existing_type=sa.String(5))",
    ),
    Pair(
        "COMP002",
        "op.execute('ALTER TABLE users RENAME COLUMN name /* as before */ TO title')",
        "op.execute(\"DELETE FROM notes WHERE text = 'RENAME COLUMN name TO title'\")",
    ),
    Pair(
        "COMP002",
        "op.execute('ALTER TABLE users CHANGE name title TEXT')",
        "op.execute('ALTER TABLE users CHANGE name name TEXT -- CHANGE name title')",
        ("mysql", "mariadb"),
    ),
    Pair(
        "COMP003",
        "op.add_column('users', sa.Column('plan', sa.String(20), nullable=False))",
        "op.add_column('users', sa.Column('plan', sa.String(20), nullable=False,"
        " server_default='free'))",
    ),
    Pair(
        "COMP003",
        "op.add_column('users', sa.Column('plan', sa.String(20), nullable=False))",
        "op.add_column('users', sa.Column('plan', sa.String(20)))",
    ),
    Pair(
        "COMP003",
        "op.add_column('users', sa.Column('plan', sa.String(20), nullable=False))",
        "op.create_table('users', sa.Column('id', sa.Integer))\n"
        "op.add_column('users', sa.Column('plan', sa.String(20), nullable=False))",
    ),
    Pair(
        "COMP003",
        "with op.batch_alter_table('users') as batch:\n"
        "    batch.add_column(sa.Column('plan', sa.Integer, nullable=False))",
        "with op.batch_alter_table('users') as batch:\n"
        "    batch.add_column(sa.Column('plan', sa.Integer, nullable=False, server_default='1'))",
    ),
    Pair(
        "COMP003",
        "op.execute('ALTER TABLE users ADD COLUMN plan INTEGER NOT NULL -- DEFAULT 1')",
        "op.execute(\"ALTER TABLE users ADD COLUMN plan VARCHAR(9) DEFAULT 'NOT NULL' NOT NULL\")",
    ),
    Pair(
        "COMP003",
        "op.execute('ALTER TABLE users ADD COLUMN number INTEGER NOT NULL')",
        "op.execute('ALTER TABLE users ADD COLUMN number BIGSERIAL NOT NULL')",
        ("postgresql",),
    ),
    Pair(
        "COMP003",
        "op.add_column('users', sa.Column('number', sa.Integer, nullable=False))",
        "op.add_column('users', sa.Column('number', sa.Integer, sa.Identity(), nullable=False))",
        ("postgresql",),
    ),
    Pair(
        "COMP003",
        "op.add_column('users', sa.Column('size', sa.Integer, nullable=False))",
        "op.add_column('users',"
        " sa.Column('size', sa.Integer, sa.Computed('a + b'), nullable=False))",
        SERVERS,
    ),
    Pair(
        "COMP004",
        "op.create_unique_constraint('uq_users_email', 'users', ['email'])",
        "op.create_check_constraint('ck_users_email', 'users', \"email <> 'UNIQUE (email)'\")",
        SERVERS,
    ),
    Pair(
        "COMP004",
        "op.create_index('ix_users_email', 'users', ['email'], unique=True)",
        "op.create_index('ix_users_email', 'users', ['email'])",
    ),
    Pair(
        "COMP004",
        "with op.batch_alter_table('users') as batch:\n"
        "    batch.create_unique_constraint('uq_users_email', ['email'])",
        "with op.batch_alter_table('users') as batch:\n"
        "    batch.create_index('ix_users_email', ['email'])",
    ),
    Pair(
        "COMP004",
        "op.create_primary_key('pk_users', 'users', ['email'])",
        "op.execute(\"DELETE FROM notes WHERE text = 'PRIMARY KEY (email)'\")",
        SERVERS,
    ),
    Pair(
        "COMP004",
        "op.execute('CREATE /* no doubles */ UNIQUE INDEX ix_users_email ON users (email)')",
        "op.execute('CREATE INDEX ix_users_email ON users (email) -- UNIQUE')",
    ),
    Pair(
        "COMP004",
        "op.execute('ALTER TABLE users ADD CONSTRAINT uq_users_email UNIQUE (email)')",
        "op.execute('ALTER TABLE users ADD CONSTRAINT uq_users_email UNIQUE USING INDEX ix')",
        ("postgresql",),
    ),
    Pair(
        "COMP004",
        "op.add_column('users', sa.Column('slug', sa.String(9)))\n"
        "op.execute('UPDATE users SET slug = name WHERE slug IS NULL')\n"
        "op.create_index('ix_users_slug', 'users', ['slug'], unique=True)",
        "op.add_column('users', sa.Column('slug', sa.String(9)))\n"
        "op.execute('UPDATE users SET plan = 1 WHERE plan IS NULL')\n"
        "op.create_index('ix_users_slug', 'users', ['slug'], unique=True)",
    ),
    Pair(
        "COMP005",
        "op.create_check_constraint('ck_items_price', 'items', 'price >= 0')",
        "op.create_table('items', sa.Column('price', sa.Integer))\n"
        "op.create_check_constraint('ck_items_price', 'items', 'price >= 0')",
        SERVERS,
    ),
    Pair(
        "COMP005",
        "with op.batch_alter_table('items') as batch:\n"
        "    batch.create_check_constraint('ck_items_price', 'price >= 0')",
        "with op.batch_alter_table('items') as batch:\n"
        "    batch.drop_constraint('ck_items_price', type_='check')",
    ),
    Pair(
        "COMP003",
        "op.add_column('users', sa.Column('id', sa.Integer, nullable=False))",
        "op.add_column('users', sa.Column('id', sa.Integer, primary_key=True))",
    ),
    Pair(
        "COMP004",
        "op.add_column('users', sa.Column('plan', sa.String(9), server_default='free'))\n"
        "op.create_index('ix_users_plan', 'users', ['plan'], unique=True)",
        "op.add_column('users', sa.Column('plan', sa.String(9)))\n"
        "op.create_index('ix_users_plan', 'users', ['plan'], unique=True)",
    ),
    Pair(
        "COMP005",
        "kind = sa.Enum('a', 'b', name='ck', native_enum=False, create_constraint=True)\n"
        "op.add_column('items', sa.Column('kind', kind, server_default='c'))",
        "kind = sa.Enum('a', 'b', name='ck', native_enum=False, create_constraint=True)\n"
        "op.add_column('items', sa.Column('kind', kind))",
        SERVERS,
    ),
    Pair(
        "COMP005",
        "op.execute('ALTER TABLE items ADD CONSTRAINT ck CHECK (price >= 0) -- NOT VALID')",
        "op.execute('ALTER TABLE items ADD CONSTRAINT ck CHECK (price >= 0) NOT VALID')",
        ("postgresql",),
    ),
    Pair(
        "COMP005",
        "op.create_check_constraint('ck_items_price', 'items', 'price >= 0')",
        "op.create_check_constraint('ck_items_price', 'items', 'price >= 0',"
        " postgresql_not_valid=True)",
        ("postgresql",),
    ),
    Pair(
        "COMP005",
        "op.execute('ALTER TABLE items ADD CHECK (price >= 0)')",
        "op.execute(\"DELETE FROM notes WHERE text = 'ALTER TABLE items ADD CHECK (price >= 0)'\")",
        SERVERS,
    ),
    Pair(
        "COMP006",
        "op.create_foreign_key('fk', 'orders', 'users', ['user_id'], ['id'])",
        "op.add_column('orders', sa.Column('user_id', sa.Integer))\n"
        "op.create_foreign_key('fk', 'orders', 'users', ['user_id'], ['id'])",
        SERVERS,
    ),
    Pair(
        "COMP006",
        "with op.batch_alter_table('orders') as batch:\n"
        "    batch.create_foreign_key('fk', 'users', ['user_id'], ['id'])",
        "with op.batch_alter_table('orders') as batch:\n"
        "    batch.drop_constraint('fk', type_='foreignkey')",
    ),
    Pair(
        "COMP006",
        "op.create_foreign_key('fk', 'orders', 'users', ['user_id'], ['id'])",
        "op.create_foreign_key('fk', 'orders', 'users', ['user_id'], ['id'],"
        " postgresql_not_valid=True)",
        ("postgresql",),
    ),
    Pair(
        "COMP006",
        "op.execute('ALTER TABLE orders ADD FOREIGN KEY (user_id) /* of */ REFERENCES users (id)')",
        "op.execute(\"DELETE FROM notes WHERE text = 'ADD FOREIGN KEY' -- ADD FOREIGN KEY\\n\")",
        SERVERS,
    ),
)


@pytest.mark.parametrize(("pair", "dialect", "direction"), each(*PAIRS))
def test_what_breaks_code_or_fails_on_rows_is_found(
    pair: Pair, dialect: str, direction: t.Any
) -> None:
    """And its safe twin is not, upwards and downwards."""
    assert pair.rule in rules_of(pair.unsafe, dialect, direction=direction)
    assert pair.rule not in rules_of(pair.safe, dialect, direction=direction)


def test_nobody_uses_a_table_of_the_same_plan() -> None:
    """It has no rows, and no code that runs knows it."""
    body = """
    op.add_column("users", sa.Column("plan", sa.Integer, nullable=False))
    op.alter_column("users", "name", new_column_name="title")
    op.create_unique_constraint("uq", "users", ["title"])
    op.create_check_constraint("ck", "users", "plan > 0")
    op.create_foreign_key("fk", "users", "plans", ["plan"], ["id"])
    op.rename_table("users", "people")
    """
    found = rules_of(body, "postgresql", new_tables=["users"])
    assert not {rule for rule in found if rule.startswith("COMP")}


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("op.create_unique_constraint('uq', 'users', ['email'])", "COMP004"),
        ("op.create_check_constraint('ck', 'users', 'age > 0')", "COMP005"),
        ("op.create_foreign_key('fk', 'users', 'plans', ['plan_id'], ['id'])", "COMP006"),
    ],
)
def test_nothing_fails_on_an_empty_table(body: str, rule: str) -> None:
    """Where somebody has looked; else it is a warning."""

    def severity(rows: int | None) -> str:
        found = findings_in(body, "postgresql", rows={"users": rows})
        return next(one.severity for one in found if one.rule == rule)

    assert (severity(0), severity(3), severity(None)) == ("info", "warn", "warn")


def test_an_empty_table_takes_a_column_that_must_be_filled() -> None:
    """But code that does not know it can no longer insert."""
    body = "op.add_column('users', sa.Column('plan', sa.Integer, nullable=False))"
    (empty,) = findings_in(body, "postgresql", rows={"users": 0})
    (unknown,) = findings_in(body, "postgresql")
    assert (empty.severity, unknown.severity) == ("warn", "danger")


def test_mysql_fills_in_without_a_word() -> None:
    """So the sentence is another one."""
    body = "op.add_column('users', sa.Column('plan', sa.Integer, nullable=False))"
    (finding,) = (one for one in findings_in(body, "mysql") if one.rule == "COMP003")
    assert finding.sentence == (
        "All rows of users get 0 or an empty text in plan without a word, and code that does not "
        "know the column can no longer insert."
    )


def test_duplicates_can_be_looked_for_first() -> None:
    """With the reader's own table and columns."""
    body = "op.create_unique_constraint('uq', 'users', ['email', 'site'], schema='crm')"
    (code,) = (one.code for one in findings_in(body, "postgresql") if one.rule == "COMP004")
    assert code == (
        "SELECT email, site, count(*) FROM crm.users\nGROUP BY email, site HAVING count(*) > 1"
    )


def test_rows_that_refer_to_nothing_can_be_looked_for_first() -> None:
    """Also where several columns refer together."""
    body = "op.create_foreign_key('fk', 'orders', 'users', ['a', 'b'], ['x', 'y'])"
    (code,) = (one.code for one in findings_in(body, "postgresql") if one.rule == "COMP006")
    assert code == (
        "SELECT orders.* FROM orders LEFT JOIN users AS other "
        "ON other.x = orders.a AND other.y = orders.b\n"
        "WHERE orders.a IS NOT NULL AND other.x IS NULL"
    )


@pytest.mark.parametrize(
    "body",
    [
        "op.create_check_constraint('ck', 'items', 'price >= 0')",
        "op.execute('ALTER TABLE items ADD CONSTRAINT ck CHECK (price >= 0)')",
    ],
)
def test_rows_that_do_not_pass_can_be_looked_for_first(body: str) -> None:
    """By the condition itself."""
    (code,) = (one.code for one in findings_in(body, "postgresql") if one.rule == "COMP005")
    assert code == "SELECT * FROM items WHERE NOT (price >= 0)"
