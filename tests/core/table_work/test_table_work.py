"""What is said of the work on tables, held against servers that do it."""

from __future__ import annotations

import textwrap
import typing as t

import pytest
import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

from flask_alembic_admin.core.risks import Sight
from flask_alembic_admin.core.table_work import Effect
from flask_alembic_admin.core.table_work import effects_of
from flask_alembic_admin.core.table_work import Lock
from flask_alembic_admin.core.table_work import strength
from flask_alembic_admin.core.table_work import Work
from flask_alembic_admin.core.table_work.base import MODES

from ..risks.harness import step_of

_TABLES = [
    "CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(50))",
    "CREATE TABLE orders (id INTEGER NOT NULL, user_id INTEGER, note VARCHAR(30), total INTEGER,"
    " done INTEGER NOT NULL, CONSTRAINT pk PRIMARY KEY (id), CONSTRAINT ck CHECK (total >= 0))",
    "CREATE INDEX ix_note ON orders (note)",
    "CREATE UNIQUE INDEX ux ON orders (total)",
    "INSERT INTO users VALUES (1, 'a'), (2, 'b')",
    "INSERT INTO orders VALUES (1, 1, 'x', 1, 1), (2, 2, 'y', 2, 1), (3, 2, 'z', 3, 1)",
]


def _effects(body: str, dialect: str, version: tuple[int, ...] = ()) -> list[Effect]:
    step = step_of(body, dialect)
    sight = Sight(dialect, server_version=version)
    return [e for operation in step.operations for e in effects_of(operation, step, sight)]


def _carry_out(body: str, connection: sa.Connection) -> None:
    context = MigrationContext.configure(connection, opts={"transactional_ddl": True})
    exec(textwrap.dedent(body), {"op": Operations(context), "sa": sa})


_POSTGRESQL = """
SELECT relname, mode FROM pg_locks JOIN pg_class ON pg_class.oid = relation
WHERE pid = pg_backend_pid() AND relname IN ('users', 'orders') AND mode <> 'AccessShareLock'
"""
_STATE = """
SELECT s.relname, pg_relation_filenode(pg_class.oid), seq_scan + coalesce(idx_scan, 0)
FROM pg_class JOIN pg_stat_xact_user_tables AS s ON s.relid = pg_class.oid
WHERE s.relname IN ('users', 'orders')
"""
#: What is done, and what becomes of which table.
_ON_POSTGRESQL: list[tuple[str, dict[str, tuple[Work, str]]]] = [
    (
        "op.add_column('orders', sa.Column('a', sa.Integer()))",
        {"orders": ("catalogue", "ACCESS EXCLUSIVE")},
    ),
    (
        "op.add_column('orders', sa.Column('a', sa.Integer(), nullable=False, server_default='1'))",
        {"orders": ("catalogue", "ACCESS EXCLUSIVE")},
    ),
    (
        "op.add_column('orders', sa.Column('a', sa.Uuid(), "
        "server_default=sa.text('gen_random_uuid()')))",
        {"orders": ("rewrites", "ACCESS EXCLUSIVE")},
    ),
    (
        "op.execute('ALTER TABLE orders ADD a BIGSERIAL')",
        {"orders": ("rewrites", "ACCESS EXCLUSIVE")},
    ),
    (
        "op.execute('ALTER TABLE orders ADD a INTEGER CHECK (a > 0)')",
        {"orders": ("scans", "ACCESS EXCLUSIVE")},
    ),
    (
        "op.alter_column('orders', 'total', existing_type=sa.Integer(), type_=sa.BigInteger())",
        {"orders": ("rewrites", "ACCESS EXCLUSIVE")},
    ),
    (
        "op.alter_column('orders', 'note', existing_type=sa.String(30), type_=sa.String(90))",
        {"orders": ("catalogue", "ACCESS EXCLUSIVE")},
    ),
    (
        "op.alter_column('orders', 'note', existing_type=sa.String(30), nullable=False)",
        {"orders": ("scans", "ACCESS EXCLUSIVE")},
    ),
    (
        "op.alter_column('orders', 'done', existing_type=sa.Integer(), nullable=True)",
        {"orders": ("catalogue", "ACCESS EXCLUSIVE")},
    ),
    (
        "op.alter_column('orders', 'note', existing_type=sa.String(30), server_default='x')",
        {"orders": ("catalogue", "ACCESS EXCLUSIVE")},
    ),
    (
        "op.execute('ALTER TABLE orders ALTER note SET STATISTICS 500')",
        {"orders": ("catalogue", "SHARE UPDATE EXCLUSIVE")},
    ),
    (
        "op.alter_column('orders', 'note', new_column_name='text')",
        {"orders": ("catalogue", "ACCESS EXCLUSIVE")},
    ),
    ("op.drop_column('orders', 'note')", {"orders": ("catalogue", "ACCESS EXCLUSIVE")}),
    ("op.drop_table('orders')", {"orders": ("catalogue", "ACCESS EXCLUSIVE")}),
    ("op.create_index('i', 'orders', ['total'])", {"orders": ("scans", "SHARE")}),
    ("op.drop_index('ix_note', 'orders')", {"orders": ("catalogue", "ACCESS EXCLUSIVE")}),
    (
        "op.create_unique_constraint('u', 'orders', ['note'])",
        {"orders": ("scans", "ACCESS EXCLUSIVE")},
    ),
    (
        "op.execute('ALTER TABLE orders ADD CONSTRAINT u UNIQUE USING INDEX ux')",
        {"orders": ("catalogue", "ACCESS EXCLUSIVE")},
    ),
    (
        "op.create_check_constraint('c', 'orders', 'total > 0')",
        {"orders": ("scans", "ACCESS EXCLUSIVE")},
    ),
    (
        "op.create_check_constraint('c', 'orders', 'total > 0', postgresql_not_valid=True)",
        {"orders": ("catalogue", "ACCESS EXCLUSIVE")},
    ),
    (
        "op.create_foreign_key('f', 'orders', 'users', ['user_id'], ['id'])",
        {
            "orders": ("scans", "SHARE ROW EXCLUSIVE"),
            "users": ("scans", "SHARE ROW EXCLUSIVE"),
        },
    ),
    (
        "op.create_foreign_key('f', 'orders', 'users', ['user_id'], ['id'], "
        "postgresql_not_valid=True)",
        {
            "orders": ("catalogue", "SHARE ROW EXCLUSIVE"),
            "users": ("catalogue", "SHARE ROW EXCLUSIVE"),
        },
    ),
    (
        "op.create_table('n', sa.Column('u', sa.Integer(), sa.ForeignKey('users.id')))",
        {"users": ("catalogue", "SHARE ROW EXCLUSIVE")},
    ),
    (
        "op.execute('CREATE TABLE n (u INTEGER REFERENCES users (id))')",
        {"users": ("catalogue", "SHARE ROW EXCLUSIVE")},
    ),
    (
        "op.create_table_comment('orders', 'All of them')",
        {"orders": ("catalogue", "SHARE UPDATE EXCLUSIVE")},
    ),
    ("op.drop_constraint('ck', 'orders')", {"orders": ("catalogue", "ACCESS EXCLUSIVE")}),
    (
        "op.execute('ALTER TABLE orders SET UNLOGGED')",
        {"orders": ("rewrites", "ACCESS EXCLUSIVE")},
    ),
    (
        "op.execute('ALTER TABLE orders DISABLE TRIGGER ALL')",
        {"orders": ("catalogue", "SHARE ROW EXCLUSIVE")},
    ),
    (
        "op.execute('ALTER TABLE orders ENABLE ROW LEVEL SECURITY')",
        {"orders": ("catalogue", "ACCESS EXCLUSIVE")},
    ),
    ("op.execute('TRUNCATE orders')", {"orders": ("catalogue", "ACCESS EXCLUSIVE")}),
    ("op.execute('CLUSTER orders USING pk')", {"orders": ("rewrites", "ACCESS EXCLUSIVE")}),
    ("op.execute('REINDEX TABLE orders')", {"orders": ("scans", "SHARE")}),
    ("op.execute('DELETE FROM orders WHERE total > 5')", {"orders": ("scans", "ROW EXCLUSIVE")}),
    (
        "op.execute('LOCK TABLE orders IN SHARE MODE')",
        {"orders": ("catalogue", "SHARE")},
    ),
]


@pytest.mark.parametrize(("body", "expected"), _ON_POSTGRESQL, ids=[b for b, _ in _ON_POSTGRESQL])
def test_postgresql_locks_and_rewrites_as_it_is_said_to(
    postgresql_url: sa.URL, body: str, expected: dict[str, tuple[Work, str]]
) -> None:
    """By what ``pg_locks``, the files of the tables and the counts of scans tell afterwards."""
    told = {e.table[1]: (e.work, e.lock.name) for e in _effects(body, "postgresql") if e.table}
    told.pop("n", None)
    assert told == expected
    engine = sa.create_engine(postgresql_url, poolclass=sa.NullPool)

    with engine.begin() as connection:
        for statement in _TABLES:
            connection.exec_driver_sql(statement)

    with engine.connect() as connection, connection.begin():
        before = {row[0]: tuple(row[1:]) for row in connection.exec_driver_sql(_STATE)}
        _carry_out(body, connection)
        held: dict[str, set[str]] = {}

        for table, mode in connection.exec_driver_sql(_POSTGRESQL):
            held.setdefault(table, set()).add(_mode(mode))

        after = {row[0]: tuple(row[1:]) for row in connection.exec_driver_sql(_STATE)}

    for table, (work, lock) in expected.items():
        if table in after:
            # An index that is built again has a file of its own, and TRUNCATE gives a new one.
            assert work == _seen(before[table], after[table]) or "TRUNCATE" in body
            assert min(held[table], key=MODES.index) == lock


def _mode(name: str) -> str:
    """Return ``AccessExclusiveLock`` as SQL has it."""
    words = "".join(f" {letter}" if letter.isupper() else letter for letter in name)
    return words.strip().removesuffix(" Lock").upper()


def _seen(before: tuple[t.Any, ...], after: tuple[t.Any, ...]) -> Work:
    if before[0] != after[0]:
        return "rewrites"

    return "scans" if after[1] > before[1] else "catalogue"


#: What is done, and the words after which MariaDB refuses to do more than that.
_ON_MARIADB: list[tuple[str, Work, str]] = [
    ("ADD a INTEGER", "catalogue", "ALGORITHM=INSTANT, LOCK=NONE"),
    ("ADD a INTEGER NOT NULL DEFAULT 3", "catalogue", "ALGORITHM=INSTANT, LOCK=NONE"),
    ("ADD a VARCHAR(36) DEFAULT (uuid())", "rewrites", "ALGORITHM=COPY, LOCK=SHARED"),
    ("ADD a INTEGER UNIQUE", "scans", "ALGORITHM=INPLACE, LOCK=NONE"),
    ("ADD INDEX i (done)", "scans", "ALGORITHM=INPLACE, LOCK=NONE"),
    ("ADD FULLTEXT INDEX i (note)", "scans", "ALGORITHM=INPLACE, LOCK=SHARED"),
    ("DROP INDEX ix_note", "catalogue", "ALGORITHM=INPLACE, LOCK=NONE"),
    ("DROP COLUMN user_id", "catalogue", "ALGORITHM=INSTANT, LOCK=NONE"),
    ("RENAME COLUMN note TO text", "catalogue", "ALGORITHM=INSTANT, LOCK=NONE"),
    ("ALTER note SET DEFAULT 'x'", "catalogue", "ALGORITHM=INSTANT, LOCK=NONE"),
    ("ADD UNIQUE (note)", "scans", "ALGORITHM=INPLACE, LOCK=NONE"),
    ("ADD CHECK (done > 0)", "rewrites", "ALGORITHM=COPY, LOCK=SHARED"),
    ("ADD FOREIGN KEY (user_id) REFERENCES users (id)", "rewrites", "ALGORITHM=COPY, LOCK=SHARED"),
    ("DROP CONSTRAINT ck", "catalogue", "ALGORITHM=INSTANT, LOCK=NONE"),
    ("DROP PRIMARY KEY", "rewrites", "ALGORITHM=COPY, LOCK=SHARED"),
    ("CONVERT TO CHARACTER SET latin1", "rewrites", "ALGORITHM=COPY, LOCK=SHARED"),
    ("ADD a INTEGER, ALGORITHM=INPLACE", "catalogue", "ALGORITHM=INPLACE, LOCK=NONE"),
]
_WEAKER = {
    "ALGORITHM=INSTANT, LOCK=NONE": None,
    "ALGORITHM=INPLACE, LOCK=NONE": "ALGORITHM=INSTANT",
    "ALGORITHM=INPLACE, LOCK=SHARED": "LOCK=NONE",
    "ALGORITHM=COPY, LOCK=SHARED": "ALGORITHM=INPLACE",
}


@pytest.mark.parametrize(("change", "work", "lock"), _ON_MARIADB, ids=[x[0] for x in _ON_MARIADB])
def test_mariadb_takes_the_algorithm_that_it_is_said_to(
    mariadb_url: sa.URL, change: str, work: Work, lock: str
) -> None:
    """It does the change with that, and refuses to do with less."""
    statement = f"ALTER TABLE orders {change}"
    (effect,) = _effects(f"op.execute({statement!r})", "mariadb")
    assert (effect.table, effect.work, effect.lock.name) == ((None, "orders"), work, lock)
    engine = sa.create_engine(mariadb_url, poolclass=sa.NullPool)

    with engine.connect() as connection:
        # Not every server has that by default.
        connection.exec_driver_sql(f"ALTER DATABASE {mariadb_url.database} CHARACTER SET utf8mb4")

        for each in _TABLES:
            connection.exec_driver_sql(each)

        weaker = None if "ALGORITHM" in change else _WEAKER[lock]

        if weaker:
            with pytest.raises(sa.exc.DBAPIError, match="is not supported"):
                connection.exec_driver_sql(f"{statement}, {weaker}")

        connection.exec_driver_sql(statement if "ALGORITHM" in change else f"{statement}, {lock}")


@pytest.mark.parametrize(
    ("old", "nullable", "new", "work", "lock"),
    [
        (30, None, 40, "catalogue", "ALGORITHM=INSTANT, LOCK=NONE"),
        (30, None, 90, "catalogue", "ALGORITHM=INSTANT, LOCK=NONE"),
        (50, None, 90, "rewrites", "ALGORITHM=COPY, LOCK=SHARED"),
        (90, None, 300, "catalogue", "ALGORITHM=INSTANT, LOCK=NONE"),
        (30, False, 30, "rewrites", "ALGORITHM=INPLACE, LOCK=NONE"),
    ],
)
def test_mariadb_copies_where_a_text_no_longer_fits(
    mariadb_url: sa.URL, old: int, nullable: bool | None, new: int, work: Work, lock: str
) -> None:
    """In utf8mb4 a letter may take four bytes, and more than 255 need a second byte of length."""
    body = f"op.alter_column('t', 'a', existing_type=sa.String({old}), type_=sa.String({new}), "
    body += f"existing_nullable=True, nullable={nullable})"
    (effect,) = _effects(body, "mariadb")
    assert (effect.work, effect.lock.name) == (work, lock)
    engine = sa.create_engine(mariadb_url, poolclass=sa.NullPool)
    kind = f"VARCHAR({new}) {'NOT NULL' if nullable is False else 'NULL'}"

    with engine.connect() as connection:
        connection.exec_driver_sql(
            f"CREATE TABLE t (a VARCHAR({old})) DEFAULT CHARSET utf8mb4 ENGINE InnoDB"
        )
        weaker = _WEAKER[lock]

        if weaker:
            with pytest.raises(sa.exc.DBAPIError, match="is not supported"):
                connection.exec_driver_sql(f"ALTER TABLE t MODIFY a {kind}, {weaker}")

        connection.exec_driver_sql(f"ALTER TABLE t MODIFY a {kind}, {lock}")


@pytest.mark.parametrize(
    ("body", "work"),
    [
        ("op.add_column('t', sa.Column('a', sa.Integer()))", "catalogue"),
        ("op.create_index('i', 't', ['a'])", "scans"),
        ("op.drop_column('t', 'a')", "rewrites"),
        ("op.drop_table('t')", "catalogue"),
        ("op.execute('UPDATE t SET a = 1')", "rewrites"),
        ("op.execute('UPDATE t SET a = 1 WHERE a = 2')", "scans"),
        ("op.execute('INSERT INTO t VALUES (1)')", "adds"),
        (
            "with op.batch_alter_table('t', copy_from=sa.Table('t', sa.MetaData(), "
            "sa.Column('a', sa.Integer()))) as batch:\n"
            "    batch.alter_column('a', type_=sa.Text())",
            "rewrites",
        ),
    ],
)
def test_sqlite_locks_the_whole_file(body: str, work: Work) -> None:
    """Whatever is done, and a batch copies the table."""
    effects = _effects(body, "sqlite")
    assert {e.table for e in effects} == {(None, "t")}
    assert {e.work for e in effects} == {work}
    assert {e.lock for e in effects} == {Lock("the whole file", "writers")}


@pytest.mark.parametrize("dialect", ["postgresql", "mariadb", "mysql", "sqlite", "oracle"])
def test_what_nobody_knows_is_called_unknown(dialect: str) -> None:
    """It is not taken for harmless, and what touches no table is left out."""
    body = "op.execute('CALL rebuild()')\nop.execute('SELECT 1')\nop.execute('DROP VIEW v')"
    (effect,) = _effects(body, dialect)
    assert (effect.table, effect.work) == (None, "unknown")


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [
        (Lock("ACCESS EXCLUSIVE", "everybody"), Lock("SHARE", "writers")),
        (Lock("SHARE ROW EXCLUSIVE", "writers"), Lock("SHARE", "writers")),
        (Lock("ALGORITHM=COPY, LOCK=SHARED", "writers"), Lock("row locks", "nobody")),
        (
            Lock("ALGORITHM=INPLACE, LOCK=NONE", "nobody"),
            Lock("ALGORITHM=INSTANT, LOCK=NONE", "nobody"),
        ),
        (Lock("", "unknown"), Lock("ROW EXCLUSIVE", "nobody")),
    ],
)
def test_the_stronger_of_two_locks_is_told(stronger: Lock, weaker: Lock) -> None:
    """By whom it keeps out, then by the server's own order."""
    assert min([weaker, stronger], key=strength) == stronger
