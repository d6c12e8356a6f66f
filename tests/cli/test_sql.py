from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import sqlalchemy as sa

from .workplaces import NOTES
from .workplaces import ORDERS
from .workplaces import USERS
from .workplaces import Workplace

COMMANDS = [["upgrade"], ["downgrade", "base"], ["stamp", ORDERS]]


def contents(work: Workplace) -> object:
    """Return all that a database holds: of SQLite its bytes, else every row of every table."""
    engine = work.engines["default"]

    if engine.dialect.name == "sqlite":
        assert engine.url.database is not None
        file = Path(engine.url.database)
        return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else None

    with engine.connect() as connection:
        return {
            table: connection.execute(sa.text(f"SELECT * FROM {table}")).all()
            for table in sorted(work.tables())
        }


def execute(work: Workplace, script: str) -> None:
    """Send a script to the database as it is, one statement after the other."""
    lines = [line for line in script.splitlines() if not line.startswith("--")]
    statements = [text.strip() for text in "\n".join(lines).split(";")]

    with work.engines["default"].connect() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        for statement in statements:
            if statement:
                connection.exec_driver_sql(statement)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize("applied", ["base", ORDERS, NOTES])
def test_sql_touches_nothing(server_work: Workplace, command: list[str], applied: str) -> None:
    """Whatever is applied, the database is the same after it, to the byte on SQLite."""
    server_work.db("upgrade", applied)
    before = contents(server_work)
    result = server_work.db(*command, "--sql")
    assert result.exit_code == 0, result.output
    assert contents(server_work) == before


@pytest.mark.parametrize("command", [["upgrade"], ["stamp"]], ids=lambda command: command[0])
def test_sql_of_an_empty_database_makes_no_version_table(
    server_work: Workplace, command: list[str]
) -> None:
    """Nothing at all is in the database afterwards; SQLite has no file even."""
    assert "CREATE TABLE alembic_version" in server_work.db(*command, "--sql").stdout
    assert not server_work.tables()


def test_sql_does_what_the_run_would_do(server_work: Workplace) -> None:
    """Sent by hand to an empty database it leads to the same place."""
    execute(server_work, server_work.db("upgrade", "--sql").stdout)
    assert server_work.heads() == {NOTES}
    assert server_work.tables() == {"alembic_version", "users", "orders", "notes"}
    assert server_work.lines("check") == ["No changes detected."]


def test_sql_begins_where_the_database_is(server_work: Workplace) -> None:
    """What is applied is left out."""
    server_work.lines("upgrade", USERS)
    sql = server_work.db("upgrade", "--sql").stdout
    assert "CREATE TABLE users" not in sql
    assert "CREATE TABLE alembic_version" not in sql
    execute(server_work, sql)
    assert server_work.heads() == {NOTES}


def test_sql_works_on_a_database_that_was_emptied(server_work: Workplace) -> None:
    """The version table is there, though it is empty, and must not be created again."""
    server_work.lines("upgrade")
    server_work.lines("downgrade", "base")
    execute(server_work, server_work.db("upgrade", "--sql").stdout)
    assert server_work.heads() == {NOTES}


def test_sql_of_a_downgrade_does_what_the_run_would_do(server_work: Workplace) -> None:
    """It undoes, and its last statement says so in the version table."""
    server_work.lines("upgrade")
    execute(server_work, server_work.db("downgrade", "-2", "--sql").stdout)
    assert server_work.heads() == {USERS}
    assert server_work.tables() == {"alembic_version", "users"}


def test_sql_of_a_stamp_does_what_the_run_would_do(server_work: Workplace) -> None:
    """The version table is all that it is about."""
    execute(server_work, server_work.db("stamp", ORDERS, "--sql").stdout)
    assert server_work.heads() == {ORDERS}
    assert server_work.tables() == {"alembic_version"}


def test_sql_has_a_transaction_for_each_revision(tmp_path: Path, postgresql_url: sa.URL) -> None:
    """Where the server can undo schema changes, as in a run."""
    work = Workplace(tmp_path, {"default": postgresql_url}).write_three()
    lines = work.lines("upgrade", "--sql")
    assert lines.count("BEGIN;") == lines.count("COMMIT;") == 3


def test_sql_leaves_the_transaction_for_an_autocommit_block(
    tmp_path: Path, postgresql_url: sa.URL
) -> None:
    """CREATE INDEX CONCURRENTLY runs between a COMMIT and the next BEGIN."""
    work = Workplace(tmp_path, {"default": postgresql_url}).write_three()
    work.write(
        "index04",
        NOTES,
        "with op.get_context().autocommit_block():\n"
        "        op.execute('CREATE INDEX CONCURRENTLY i ON users (id)')",
    )
    execute(work, work.db("upgrade", "--sql").stdout)
    assert work.heads() == {"index04"}
    assert [index["name"] for index in sa.inspect(work.engines["default"]).get_indexes("users")]


def test_sql_of_a_range_needs_no_database(nowhere: Workplace) -> None:
    """No connection is opened when the beginning is given."""
    lines = nowhere.lines("upgrade", "--sql", f"{USERS}:{NOTES}")
    assert [line for line in lines if line.startswith("-- ")] == [
        "-- Running upgrade users01 -> orders02",
        "-- Running upgrade orders02 -> notes03",
    ]


@pytest.mark.parametrize(
    ("arguments", "steps"),
    [
        (["upgrade", "base:"], [" -> users01", "users01 -> orders02", "orders02 -> notes03"]),
        (["upgrade", ":users01"], [" -> users01"]),
        (["upgrade", "users01:+1"], ["users01 -> orders02"]),
        (["downgrade", "notes03:users01"], ["notes03 -> orders02", "orders02 -> users01"]),
        (["downgrade", "notes03:"], ["notes03 -> orders02"]),
        (["stamp", "users01:notes03"], ["users01 -> notes03"]),
    ],
    ids=lambda value: value[-1],
)
def test_a_range_may_lack_an_end(
    nowhere: Workplace, arguments: list[str], steps: list[str]
) -> None:
    """The beginning is then base, the end what it is without a range."""
    lines = [line for line in nowhere.lines(*arguments, "--sql") if line.startswith("-- Running")]
    assert [line.removeprefix("-- Running ").split(" ", 1)[1] for line in lines] == steps


def test_sql_of_nothing_says_so(work: Workplace) -> None:
    """As a comment, so that it can be sent to a database all the same."""
    work.lines("upgrade")
    assert work.lines("upgrade", "--sql") == ["-- Nothing to upgrade."]


def test_sql_of_several_databases_names_each(both: Workplace) -> None:
    """A comment stands before the SQL of each."""
    lines = both.lines("upgrade", USERS, "--sql")
    assert [line for line in lines if line.startswith("-- Database")] == [
        "-- Database default",
        "-- Database audit",
    ]


def test_sql_that_depends_on_data_is_incomplete(work: Workplace) -> None:
    """It says where, on standard error too, and status 1 keeps a script from going on."""
    path = work.write(ORDERS, USERS, "op.get_bind().execute(sa.text('SELECT 1')).scalar_one()")
    result = work.db("upgrade", "--sql")
    assert result.exit_code == 1
    assert f"-- INCOMPLETE: reads the database at {path.name}, line " in result.stdout
    assert result.stderr.startswith(
        f"The SQL is incomplete: orders02 reads the database at {path.name}"
    )
    assert "CREATE TABLE notes" in result.stdout


def test_sql_has_nothing_that_a_migration_prints(work: Workplace) -> None:
    """That goes to standard error, since standard output is SQL."""
    work.write(ORDERS, USERS, "print('hello')")
    result = work.db("upgrade", "--sql")
    assert "hello" not in result.stdout
    assert result.stderr == "hello\n"


def test_sql_and_purge_do_not_go_together(work: Workplace) -> None:
    """Alembic cannot write it; wrong usage."""
    assert work.db("stamp", "--purge", "--sql").exit_code == 2
