from __future__ import annotations

import dataclasses
import json
import threading
import time
import typing as t

import pytest
import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from sqlalchemy.types import UserDefinedType

from flask_alembic_admin.core import comparison as module
from flask_alembic_admin.core.comparison import compare
from flask_alembic_admin.core.comparison import Comparison
from flask_alembic_admin.core.op_guard import op_guard
from flask_alembic_admin.core.servers import server_of
from flask_alembic_admin.errors import Busy

from ..apps import add_line
from ..apps import MakeSite
from ..apps import Site


def _users(metadata: sa.MetaData, *columns: sa.schema.SchemaItem, **options: t.Any) -> sa.Table:
    return sa.Table(
        "users", metadata, sa.Column("id", sa.Integer, primary_key=True), *columns, **options
    )


def _compare(site: Site, database: str = "default", **options: t.Any) -> Comparison:
    with site.app.app_context():
        return compare(site.alembic, database, **options)


def _words(comparison: Comparison) -> list[str]:
    assert comparison.error is None
    return [difference.words for difference in comparison.differences]


def test_differences_are_found_by_table(make_site: MakeSite, database_url: sa.URL) -> None:
    """With the revisions that the database was at; the version table is no difference."""
    site = make_site(database_url)
    add_line(site.folder, "a1")
    site.upgrade()
    _users(site.metadata, sa.Column("email", sa.String(80)), sa.Index("by_email", "email"))
    site.execute("CREATE TABLE more (id INTEGER)")
    found = _compare(site)
    assert found.heads == ("a1",)
    assert {table: len(differences) for table, differences in found.by_table.items()} == {
        "more": 1,
        "t_a1": 1,
        "users": 2,
    }
    assert _words(found)[2:] == [
        "table users: in models, not in database",
        "index by_email (email): in models, not in database",
    ]
    assert found.count == 4
    assert 0 < found.seconds < 20


def test_nothing_differs(make_site: MakeSite, database_url: sa.URL) -> None:
    """Our own tables are none that models lack."""
    site = make_site(database_url)
    _users(site.metadata, sa.Column("email", sa.String(80), server_default="x"))
    site.metadata.create_all(site.engine)

    with site.app.app_context():
        ledger = site.alembic.project.ledger
        ledger.keep_comparison(compare(site.alembic, "default").to_record())
        again = compare(site.alembic, "default")

    assert (again.count, again.error, again.upgrade, again.downgrade) == (0, None, "", "")


def test_operations_are_written_as_python(make_site: MakeSite) -> None:
    """Both ways, without the remarks that Alembic adds for a file."""
    site = make_site()
    _users(site.metadata)
    found = _compare(site)
    assert found.upgrade == (
        "op.create_table('users',\n"
        "sa.Column('id', sa.Integer(), nullable=False),\n"
        "sa.PrimaryKeyConstraint('id')\n"
        ")\n"
    )
    assert found.downgrade == "op.drop_table('users')\n"


def test_python_is_written_as_a_new_revision_would_be(make_site: MakeSite) -> None:
    """With what the app says about rendering."""
    context = {
        "sqlalchemy_module_prefix": "sqla.",
        "render_item": lambda kind, item, _: "mine()" if isinstance(item, sa.Text) else False,
    }
    site = make_site(config={"ALEMBIC_CONTEXT": context})
    _users(site.metadata, sa.Column("note", sa.Text))
    upgrade = _compare(site).upgrade
    assert "sqla.Column('note', mine(), nullable=True)" in upgrade


def test_a_schema_is_part_of_the_table(make_site: MakeSite, postgresql_url: sa.URL) -> None:
    """Two tables of one name are two tables."""
    site = make_site(postgresql_url, config={"ALEMBIC_CONTEXT": {"include_schemas": True}})
    site.execute("CREATE SCHEMA other")
    _users(site.metadata)
    _users(site.metadata, schema="other")
    found = _compare(site)
    assert list(found.by_table) == ["other.users", "users"]
    assert found.options["include_schemas"] == "on"


def test_one_of_several_databases_is_compared(
    make_site: MakeSite, sqlite_url: sa.URL, postgresql_url: sa.URL
) -> None:
    """With its own models only, also where it has several metadata."""
    urls = {"default": sqlite_url, "other": postgresql_url}
    first, second = sa.MetaData(), sa.MetaData()
    site = make_site(urls=urls, metadatas={"default": sa.MetaData(), "other": [first, second]})
    _users(first)
    sa.Table("parts", second, sa.Column("id", sa.Integer))
    assert _compare(site, "default").count == 0
    other = _compare(site, "other")
    assert list(other.by_table) == ["parts", "users"]
    assert "create_table('parts'" in other.upgrade
    assert other.database == "other"


def test_it_says_with_which_options(make_site: MakeSite) -> None:
    """Also those that nobody has set."""
    context = {"include_object": lambda *arguments: False, "compare_server_default": False}
    site = make_site(config={"ALEMBIC_CONTEXT": context})
    _users(site.metadata)
    found = _compare(site)
    assert found.count == 0
    assert found.options == {
        "compare_type": "on",
        "compare_server_default": "off",
        "include_schemas": "off",
        "include_name": "off",
        "include_object": "custom",
    }


@pytest.mark.parametrize("limits", [(3, 10**6), (100, 200)])
def test_what_is_kept_is_bounded(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int]
) -> None:
    """And it is said how much was left out."""
    monkeypatch.setattr(module, "MOST_DIFFERENCES", limits[0])
    monkeypatch.setattr(module, "MOST_PYTHON", limits[1])
    site = make_site()

    for number in range(5):
        sa.Table(f"t{number}", site.metadata, sa.Column("id", sa.Integer))

    found = _compare(site)
    assert found.count == 5
    assert len(found.differences) == min(5, limits[0])

    if limits[1] == 200:
        assert len(found.upgrade) < 250
        assert found.upgrade.endswith("# 8 more lines were left out.\n")


def test_it_can_be_kept_and_read_again(make_site: MakeSite) -> None:
    """As the ledger keeps it; one that another version has kept is none."""
    site = make_site()
    _users(site.metadata, sa.Column("email", sa.Text))
    found = _compare(site)
    record = found.to_record()
    kept = dataclasses.replace(record, content=json.loads(json.dumps(record.content)))
    assert Comparison.from_record(kept) == found
    assert found.count == 1
    assert Comparison.from_record(dataclasses.replace(kept, content={"format": 99})) is None


def test_a_database_out_of_reach_is_said(make_site: MakeSite) -> None:
    """With its URL masked."""
    url = "postgresql+psycopg://me:hunter2@127.0.0.1:1/none"
    site = make_site(sa.make_url(url))
    error = _compare(site).error
    assert error is not None
    assert error.startswith("Database 'default' at postgresql+psycopg://me:***@127.0.0.1:1/none")
    assert "hunter2" not in error


def test_an_error_of_the_app_is_said_with_its_place(make_site: MakeSite) -> None:
    """Not everybody can look into a log."""

    def include_object(*arguments: object) -> bool:
        raise KeyError("no such thing")

    site = make_site(config={"ALEMBIC_CONTEXT": {"include_object": include_object}})
    _users(site.metadata)
    line = include_object.__code__.co_firstlineno + 1
    assert _compare(site).error == f"KeyError: 'no such thing' (test_comparison.py, line {line})."


def test_a_type_that_cannot_write_itself_hides_no_difference(make_site: MakeSite) -> None:
    """Only the Python is missing, and says why."""

    class Odd(UserDefinedType[t.Any]):
        def get_col_spec(self, **options: t.Any) -> str:
            raise ValueError("only at home")

        def __repr__(self) -> str:
            raise ValueError("only at home")

    site = make_site()
    _users(site.metadata)
    site.metadata.create_all(site.engine)
    site.metadata.tables["users"].append_column(sa.Column("odd", Odd()))
    found = _compare(site)
    assert _words(found) == ["column odd Odd: in models, not in database"]
    assert found.upgrade == "# This cannot be written as Python: ValueError: only at home\n"


def test_a_comparison_that_takes_too_long_is_ended(make_site: MakeSite) -> None:
    """Between two statements, whatever they are."""
    site = make_site()
    error = _compare(site, seconds=-1).error
    assert error is not None
    assert error.startswith("It took too long")


@pytest.mark.parametrize(
    ("kind", "sleep"), [("postgresql", "pg_sleep(20)"), ("mariadb", "sleep(20)")]
)
def test_no_statement_goes_on_for_long(
    make_site: MakeSite, request: pytest.FixtureRequest, kind: str, sleep: str
) -> None:
    """The server ends it, and the session is given back as it was."""

    def compare_type(context: MigrationContext, *arguments: object) -> None:
        assert context.connection is not None
        context.connection.execute(sa.text(f"SELECT {sleep}"))

    context = {"compare_type": compare_type}
    site = make_site(request.getfixturevalue(f"{kind}_url"), config={"ALEMBIC_CONTEXT": context})
    _users(site.metadata)
    site.metadata.create_all(site.engine)
    setting = "statement_timeout" if kind == "postgresql" else "max_statement_time"

    with site.engine.connect() as connection:
        before = server_of(connection).read_setting(connection, setting)

    began = time.monotonic()
    # A busy machine shall come as far as that statement.
    error = _compare(site, seconds=4).error
    assert time.monotonic() - began < 15
    assert error is not None
    assert "statement" in error or "interrupted" in error

    with site.engine.connect() as connection:
        assert server_of(connection).read_setting(connection, setting) == before


def test_it_does_not_wait_long_for_a_run_of_this_process(make_site: MakeSite) -> None:
    """Both would use what is Alembic's only once in a process."""
    site = make_site()
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with op_guard():
            held.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(30)

    try:
        with pytest.raises(Busy):
            _compare(site, wait=0.01)
    finally:
        done.set()
        thread.join()


def test_it_only_reads(make_site: MakeSite, database_url: sa.URL) -> None:
    """No statement of it changes anything, and none is left open."""
    site = make_site(database_url)
    add_line(site.folder, "a1")
    _users(site.metadata)
    site.metadata.create_all(site.engine)
    statements: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        statements.append(" ".join(statement.split()).lower())

    sa.event.listen(site.engine, "before_cursor_execute", note)
    assert _compare(site).error is None
    assert statements

    changing = ("insert", "update", "delete", "create", "alter", "drop", "lock")
    assert [text for text in statements if text.startswith(changing)] == []
    pool = site.engine.pool
    assert not isinstance(pool, sa.QueuePool) or pool.checkedout() == 0
