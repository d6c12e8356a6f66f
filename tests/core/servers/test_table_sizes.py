"""About how large tables are, as cheaply as each server can tell."""

from __future__ import annotations

import collections.abc as c
from pathlib import Path

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.servers import Server
from flask_alembic_admin.core.servers import TableKey
from flask_alembic_admin.core.servers import TableSize
from flask_alembic_admin.core.servers.base import COUNTED

from .helpers import Sessions

SOME: list[TableKey] = [(None, "users"), (None, "gone")]


@pytest.mark.parametrize("kind", ["postgresql", "mariadb", "sqlite"])
def test_a_table_has_about_as_many_rows_as_were_counted(
    request: pytest.FixtureRequest, kind: str
) -> None:
    """One that is not there is not known."""
    sessions: Sessions = request.getfixturevalue(kind)
    sessions.run(
        "CREATE TABLE users (age INTEGER)",
        "INSERT INTO users VALUES (1), (2), (3)",
        *{"postgresql": ["ANALYZE users"], "mariadb": ["ANALYZE TABLE users"]}.get(kind, []),
    )
    connection = sessions.connect()

    assert _rows(sessions, connection, SOME) == {(None, "users"): 3, (None, "gone"): None}
    assert not connection.in_transaction()


@pytest.mark.parametrize("kind", ["postgresql", "mariadb", "sqlite"])
@pytest.mark.parametrize("name", ["we ird", "Or:der", "it's", 'a"b', "50%s", "a`b"])
def test_a_table_may_have_any_name(request: pytest.FixtureRequest, kind: str, name: str) -> None:
    """It is quoted, and it is no parameter."""
    sessions: Sessions = request.getfixturevalue(kind)
    connection = sessions.connect()
    table = sa.Table(name, sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True))
    table.create(connection)
    connection.execute(table.insert(), [{"id": 1}, {"id": 2}])
    connection.commit()
    mark = "`" if kind == "mariadb" else '"'
    quoted = mark + name.replace(mark, mark * 2).replace(":", "\\:") + mark

    if kind != "sqlite":
        connection.execute(sa.text(f"ANALYZE {'TABLE ' * (kind == 'mariadb')}{quoted}"))
        connection.commit()

    assert _rows(sessions, connection, [(None, name)]) == {(None, name): 2}


def test_no_table_at_all_is_asked_for(sessions: Sessions, sqlite: Sessions) -> None:
    """A step that names none has nothing to be looked up."""
    assert sessions.server.table_sizes(sessions.connect(), []) == {}
    assert sqlite.server.table_sizes(sqlite.connect(), []) == {}


def test_a_schema_is_looked_into(postgresql: Sessions) -> None:
    """Another table of that name is another table."""
    postgresql.run(
        "CREATE SCHEMA other",
        "CREATE TABLE users (age INTEGER)",
        "CREATE TABLE other.users (age INTEGER)",
        "INSERT INTO other.users VALUES (1)",
        "ANALYZE other.users",
    )
    tables: list[TableKey] = [("other", "users"), (None, "users"), ("none", "users")]

    found = _rows(postgresql, postgresql.connect(), tables)

    assert found == {("other", "users"): 1, (None, "users"): None, ("none", "users"): None}


def test_a_partitioned_table_has_the_rows_of_its_parts(postgresql: Sessions) -> None:
    """It has none of its own; what none has counted is not known."""
    postgresql.run(
        "CREATE TABLE users (age INTEGER) PARTITION BY RANGE (age)",
        "CREATE TABLE young PARTITION OF users FOR VALUES FROM (0) TO (9)",
        "CREATE TABLE old PARTITION OF users FOR VALUES FROM (9) TO (99)",
        "INSERT INTO users VALUES (1), (2), (50)",
        "ANALYZE young",
    )
    connection = postgresql.connect()
    assert _rows(postgresql, connection, SOME)[None, "users"] is None
    postgresql.run("ANALYZE old")
    assert _rows(postgresql, connection, SOME)[None, "users"] == 3


@pytest.mark.parametrize(
    "hold", ["LOCK TABLE users IN ACCESS EXCLUSIVE MODE", "ALTER TABLE users ADD name TEXT"]
)
def test_a_table_that_somebody_has_locked_is_not_waited_for(
    postgresql: Sessions, hold: str
) -> None:
    """The catalogue knows the number."""
    postgresql.run("CREATE TABLE users (age INTEGER)", "ANALYZE users")
    holder = postgresql.connect()
    holder.exec_driver_sql(hold)
    connection = postgresql.connect()
    connection.exec_driver_sql("SET statement_timeout = '2s'")
    connection.commit()

    assert (None, "users") in _rows(postgresql, connection, SOME)
    holder.rollback()


def test_sqlite_counts_no_further_than_it_has_to(sqlite: Sessions) -> None:
    """A big table is known to be big by then; a view could take any time and is not counted."""
    sqlite.run(
        "CREATE TABLE users (age INTEGER)",
        "CREATE VIEW ages AS SELECT age FROM users",
        "INSERT INTO users WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
        f"WHERE i < {COUNTED + 50}) SELECT i FROM n",
    )

    connection = sqlite.connect()
    tables: list[TableKey] = [(None, "users"), (None, "ages")]

    found = sqlite.server.table_sizes(connection, tables)

    assert found[None, "users"] == TableSize(COUNTED, at_least=True)
    assert found[None, "ages"] == TableSize()
    assert sqlite.server.table_sizes(connection, tables, 7)[None, "users"].rows == 7
    everything = sqlite.server.table_sizes(connection, tables, COUNTED * 2)[None, "users"]
    assert everything == TableSize(COUNTED + 50)


def test_mysql_names_may_be_written_in_another_case(mariadb: Sessions) -> None:
    """Where they have one, the other table is not there."""
    mariadb.run("CREATE TABLE Users (age INTEGER)")

    found = mariadb.server.table_sizes(mariadb.connect(), [(None, "users")])

    assert list(found) == [(None, "users")]


def test_a_server_without_a_file_here_knows_nothing(sqlite: Sessions) -> None:
    """Rules keep their own severity then."""
    assert Server().table_sizes(sqlite.connect(), SOME) == dict.fromkeys(SOME, TableSize())


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_table_takes_as_many_bytes_as_the_catalogue_says(
    request: pytest.FixtureRequest, kind: str
) -> None:
    """Its indexes belong to it."""
    sessions: Sessions = request.getfixturevalue(kind)
    analyse = {"postgresql": "ANALYZE users", "mariadb": "ANALYZE TABLE users"}[kind]
    sessions.run(
        "CREATE TABLE users (age INTEGER)",
        "INSERT INTO users VALUES " + ", ".join(f"({age})" for age in range(5_000)),
        analyse,
    )
    connection = sessions.connect()
    before = sessions.server.table_sizes(connection, SOME)[None, "users"].bytes
    sessions.run("CREATE INDEX ix ON users (age)", analyse)
    after = sessions.server.table_sizes(connection, SOME)[None, "users"].bytes
    assert before is not None
    assert before >= 5_000 * 4
    assert after is not None
    assert after > before


def test_sqlite_has_one_file_for_all_tables(sqlite: Sessions, postgresql: Sessions) -> None:
    """It is told how large that is; elsewhere there is none."""
    sqlite.run("CREATE TABLE users (age INTEGER)")
    connection = sqlite.connect()
    file = Path(str(connection.engine.url.database))
    assert sqlite.server.file_bytes(connection) == file.stat().st_size > 0
    assert not connection.in_transaction()
    assert postgresql.server.file_bytes(postgresql.connect()) is None


def _rows(
    sessions: Sessions, connection: sa.Connection, tables: c.Collection[TableKey]
) -> dict[TableKey, int | None]:
    found = sessions.server.table_sizes(connection, tables)
    return {key: size.rows for key, size in found.items()}
