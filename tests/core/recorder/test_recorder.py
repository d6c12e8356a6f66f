"""What a step would do, as operations, without a database."""

from __future__ import annotations

import collections.abc as c
import textwrap
import typing as t

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.plans.preview import StepPreview
from flask_alembic_admin.core.recorder import recorder
from flask_alembic_admin.core.recorder.operations import Operation

from ...apps import add_revision
from ...apps import create
from ...apps import MakeSite
from ...apps import Site

#: Nobody listens there, so nothing can be read.
NOWHERE = {
    "sqlite": "sqlite:////nowhere/at/all.sqlite",
    "postgresql": "postgresql+psycopg://me@127.0.0.1:1/x",
    "mysql": "mysql+pymysql://me@127.0.0.1:1/x",
    "mariadb": "mariadb+pymysql://me@127.0.0.1:1/x",
}
SERVERS = pytest.mark.parametrize("server", NOWHERE)

Record: t.TypeAlias = c.Callable[..., StepPreview]


@pytest.fixture
def record(make_site: MakeSite) -> Record:
    """Return what records the body of an upgrade for a server."""

    def record(server: str, up: str) -> StepPreview:
        site = make_site(sa.make_url(NOWHERE[server]))
        add_revision(site.folder, "a1", up=textwrap.dedent(up).strip())
        (step,) = _steps(site)
        return step

    return record


def _steps(site: Site) -> tuple[StepPreview, ...]:
    with site.app.app_context():
        return site.alembic.preview("upgrade", "heads", start="base")


def _kinds(step: StepPreview) -> list[str]:
    assert step.incomplete == ""
    return [operation.kind for operation in step.operations]


def _place(operation: Operation) -> tuple[str | None, ...]:
    return operation.schema, operation.table, operation.column, operation.name


@SERVERS
@pytest.mark.parametrize(
    ("up", "kind", "place"),
    [
        ("op.create_table('t', sa.Column('a', sa.Integer))", "create_table", ("t", None, None)),
        ("op.drop_table('t')", "drop_table", ("t", None, None)),
        ("op.rename_table('t', 'u')", "rename_table", ("t", None, "u")),
        ("op.add_column('t', sa.Column('a', sa.Integer))", "add_column", ("t", "a", None)),
        ("op.drop_column('t', 'a')", "drop_column", ("t", "a", None)),
        ("op.create_index('i', 't', ['a'])", "create_index", ("t", None, "i")),
        ("op.drop_index('i', 't')", "drop_index", ("t", None, "i")),
        ("op.execute('TRUNCATE t')", "truncate", ("t", None, None)),
        ("op.execute(sa.text('DROP TABLE t'))", "drop_table", ("t", None, None)),
        ("op.execute(sa.table('t').delete())", "delete", ("t", None, None)),
        ("op.execute('DO something')", "execute", (None, None, None)),
    ],
)
def test_each_kind_of_operation_says_what_it_is_about(
    record: Record, server: str, up: str, kind: str, place: tuple[str | None, ...]
) -> None:
    """Whether Alembic writes it or text does."""
    step = record(server, up)
    assert _kinds(step) == [kind]
    assert _place(step.operations[0]) == (None, *place)


@pytest.mark.parametrize("server", ["postgresql", "mysql", "mariadb"])
@pytest.mark.parametrize(
    ("up", "kind", "type_"),
    [
        ("op.create_unique_constraint('k', 't', ['a'])", "create_constraint", "unique"),
        ("op.create_check_constraint('k', 't', 'a > 0')", "create_constraint", "check"),
        ("op.create_primary_key('k', 't', ['a'])", "create_constraint", "primary_key"),
        ("op.create_foreign_key('k', 't', 'u', ['a'], ['id'])", "create_constraint", "foreign_key"),
        ("op.drop_constraint('k', 't', type_='unique')", "drop_constraint", "unique"),
    ],
)
def test_constraints_say_of_what_type_they_are(
    record: Record, server: str, up: str, kind: str, type_: str
) -> None:
    """Each blocks and fails in a way of its own."""
    step = record(server, up)
    assert _kinds(step) == [kind]
    assert _place(step.operations[0]) == (None, "t", None, "k")
    assert step.operations[0].details["type"] == type_


def test_a_foreign_key_says_where_it_leads(record: Record) -> None:
    """And whether the rows that are there are looked at."""
    up = """
        op.create_foreign_key(
            'k', 't', 'u', ['a'], ['id'], referent_schema='s', postgresql_not_valid=True
        )
    """
    (operation,) = record("postgresql", up).operations
    assert operation.details == {
        "type": "foreign_key",
        "columns": ("a",),
        "not_valid": True,
        "referred_table": "u",
        "referred_schema": "s",
    }


def test_an_index_says_how_it_is_built(record: Record) -> None:
    """And whether within the step's transaction."""
    up = """
        with op.get_context().autocommit_block():
            op.create_index('i', 't', ['a', sa.text('lower(b)')], postgresql_concurrently=True)
        op.drop_index('j', 't')
    """
    first, second = record("postgresql", up).operations
    assert (first.in_autocommit, second.in_autocommit) == (True, False)
    assert (first.details["concurrently"], second.details["concurrently"]) == (True, False)
    assert first.details["columns"] == ("a",)


def test_a_new_column_says_what_it_is_filled_with(record: Record) -> None:
    """As SQL, so that one can tell a constant from what changes."""
    up = """
        op.add_column('t', sa.Column('a', sa.String(9), nullable=False, server_default="it's"))
        op.add_column('t', sa.Column('b', sa.DateTime, server_default=sa.text('now()')))
        op.add_column('t', sa.Column('c', sa.DateTime, server_default=sa.func.now()))
        op.add_column('t', sa.Column('d', sa.Integer, sa.Computed('a + 1', persisted=True)))
        op.add_column('t', sa.Column('e', sa.Integer, sa.Identity()))
    """
    operations = record("postgresql", up).operations
    assert [one.details["server_default"] for one in operations] == [
        "'it''s'",
        "now()",
        "now()",
        None,
        None,
    ]
    assert [one.details["nullable"] for one in operations] == [False, True, True, True, False]
    assert [one.details["computed"] for one in operations] == [False, False, False, True, False]
    assert [one.details["identity"] for one in operations] == [False, False, False, False, True]


@SERVERS
def test_a_changed_column_says_what_changes_and_what_was_there(record: Record, server: str) -> None:
    """On MySQL, which is sent all of the column, too."""
    up = """
        op.alter_column(
            't', 'a', type_=sa.BigInteger(), existing_type=sa.Integer(), existing_nullable=False
        )
    """
    (operation,) = record(server, up).operations
    assert _place(operation) == (None, "t", "a", None)
    assert isinstance(operation.details["type_"], sa.BigInteger)
    assert isinstance(operation.details["existing_type"], sa.Integer)
    assert operation.details["existing_nullable"] is False
    assert not {"nullable", "server_default", "new_name"} & set(operation.details)


@pytest.mark.parametrize("server", ["mysql", "mariadb"])
def test_what_mysql_is_sent_beside_a_change_is_no_change(record: Record, server: str) -> None:
    """A new name is sent with the type that was there."""
    up = "op.alter_column('t', 'a', new_column_name='b', existing_type=sa.Integer())"
    (operation,) = record(server, up).operations
    assert operation.details["new_name"] == operation.name == "b"
    assert not {"type_", "nullable", "server_default"} & set(operation.details)


@pytest.mark.parametrize("server", ["postgresql", "sqlite"])
def test_a_column_gets_another_name(record: Record, server: str) -> None:
    """By an operation of its own."""
    (operation,) = record(server, "op.alter_column('t', 'a', new_column_name='b')").operations
    assert (operation.kind, operation.column, operation.name) == ("rename_column", "a", "b")


@SERVERS
@pytest.mark.parametrize(
    ("written", "changes"),
    [
        ("nullable=False, server_default='x'", {"nullable": False, "server_default": "'x'"}),
        ("nullable=True, server_default=None", {"nullable": True, "server_default": None}),
        ("server_default=sa.text('f()')", {"server_default": "f()"}),
    ],
)
def test_not_null_and_defaults_are_changes(
    record: Record, server: str, written: str, changes: dict[str, t.Any]
) -> None:
    """Whether set or dropped."""
    step = record(server, f"op.alter_column('t', 'a', existing_type=sa.String(5), {written})")
    found = {key: value for one in step.operations for key, value in one.details.items()}
    assert {key: found.get(key, "missing") for key in changes} == changes
    assert "type_" not in found


@SERVERS
def test_file_and_line_are_those_of_the_call(make_site: MakeSite, server: str) -> None:
    """Of each part of a batch too, and not where the batch ends."""
    up = """
        op.execute('DELETE FROM t')
        with op.batch_alter_table('t') as batch:
            batch.drop_column('a')
            batch.add_column(sa.Column('b', sa.Integer))
    """
    site = make_site(sa.make_url(NOWHERE[server]))
    path = add_revision(site.folder, "a1", up=textwrap.dedent(up).strip())
    lines = path.read_text().splitlines()
    (step,) = _steps(site)
    parts = {
        operation.kind: lines[(operation.line or 0) - 1].strip() for operation in step.operations
    }
    assert parts == {
        "delete": "op.execute('DELETE FROM t')",
        "drop_column": "batch.drop_column('a')",
        "add_column": "batch.add_column(sa.Column('b', sa.Integer))",
    }
    assert {operation.file for operation in step.operations} == {"a1.py"}
    assert [operation.in_batch for operation in step.operations] == [False, True, True]


def test_a_helper_beside_the_revisions_is_named(make_site: MakeSite) -> None:
    """It is the innermost place that somebody can change."""
    site = make_site(sa.make_url(NOWHERE["sqlite"]))
    (site.folder / "helpers").mkdir()
    (site.folder / "helpers" / "helper_of_a1.py").write_text(
        "def go(op):\n    op.drop_table('t')\n"
    )
    up = (
        "import importlib.util as util, pathlib\n"
        "spec = util.spec_from_file_location('h', "
        "pathlib.Path(__file__).parent / 'helpers/helper_of_a1.py')\n"
        "module = util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "module.go(op)"
    )
    add_revision(site.folder, "b2", up=up)
    (operation,) = _steps(site)[-1].operations
    assert (operation.file, operation.line) == ("helper_of_a1.py", 2)


BATCH = """
    with op.batch_alter_table('t', schema=None) as batch:
        batch.add_column(sa.Column('b', sa.Integer), insert_after='a')
        batch.drop_column('c')
        batch.alter_column('d', type_=sa.Text(), existing_type=sa.String(9), nullable=False)
        batch.create_unique_constraint('k', ['a'])
        batch.drop_constraint('l', type_='check')
        batch.create_index('i', ['a'])
"""


def test_a_batch_that_copies_the_table_says_what_was_written(record: Record) -> None:
    """Though what is sent depends on the table."""
    step = record("sqlite", BATCH.replace(", insert_after='a'", ""))
    assert [operation.kind for operation in step.operations] == [
        "add_column",
        "drop_column",
        "alter_column",
        "alter_column",
        "create_constraint",
        "drop_constraint",
        "create_index",
    ]
    assert {operation.table for operation in step.operations} == {"t"}
    assert all(one.in_batch and one.details["recreate"] for one in step.operations)
    assert step.incomplete.startswith("reads the database at a1.py, line ")
    assert "ALTER TABLE" not in step.sql


def test_a_batch_that_copies_a_known_table_is_complete_and_drops_nothing(record: Record) -> None:
    """The table that it drops is the one that it has copied."""
    up = """
        table = sa.Table('t', sa.MetaData(), sa.Column('a', sa.Integer), sa.Column('c', sa.Text))
        with op.batch_alter_table('t', copy_from=table, recreate='always') as batch:
            batch.drop_column('c')
    """
    step = record("sqlite", up)
    assert _kinds(step) == ["drop_column"]
    assert "DROP TABLE t" in step.sql


@pytest.mark.parametrize("server", ["postgresql", "mysql", "sqlite"])
def test_a_batch_that_only_copies_is_an_operation(record: Record, server: str) -> None:
    """It locks the table, though it changes nothing in it."""
    up = "with op.batch_alter_table('t', recreate='always') as batch:\n    pass"
    (operation,) = record(server, up).operations
    assert (operation.kind, operation.table, operation.in_batch) == ("alter_table", "t", True)


@pytest.mark.parametrize("server", ["postgresql", "mysql"])
def test_a_batch_elsewhere_is_what_is_sent(record: Record, server: str) -> None:
    """There it is an ALTER like any other."""
    up = "with op.batch_alter_table('t') as batch:\n    batch.drop_column('a')"
    step = record(server, up)
    assert _kinds(step) == ["drop_column"]
    assert step.operations[0].sql in step.sql
    assert "recreate" not in step.operations[0].details


@SERVERS
def test_data_is_changed_through_a_session(record: Record, server: str) -> None:
    """As many migrations do; what it commits is not the step."""
    up = """
        from sqlalchemy.orm import Session
        t = sa.table('t', sa.column('a'))
        session = Session(bind=op.get_bind())
        session.execute(sa.text('UPDATE t SET a = :a'), {'a': 5})
        session.execute(t.insert(), [{'a': 1}, {'a': 2}])
        session.execute(t.delete().where(t.c.a == 3))
        session.commit()
        session.close()
    """
    step = record(server, up)
    assert _kinds(step) == ["update", "insert", "insert", "delete"]
    assert "UPDATE t SET a = 5" in step.operations[0].sql
    assert [one.details.get("where") for one in step.operations] == [False, None, None, True]


def test_mapped_objects_are_recorded_as_far_as_they_need_no_answer(record: Record) -> None:
    """The first INSERT is there, and then it is said that more may come."""
    up = """
        from sqlalchemy.orm import declarative_base, Session
        class Thing(declarative_base()):
            __tablename__ = 'things'
            id = sa.Column(sa.Integer, primary_key=True)
        with Session(op.get_bind()) as session:
            session.add(Thing(id=1))
            session.commit()
    """
    step = record("sqlite", up)
    assert [one.kind for one in step.operations] == ["insert"]
    assert step.incomplete == "" or step.incomplete.startswith("reads the database")


@SERVERS
def test_data_is_changed_through_the_connection(record: Record, server: str) -> None:
    """With and without constructs; a commit is an operation."""
    up = """
        bind = op.get_bind()
        bind.execute(sa.text('DELETE FROM t WHERE a = :a'), {'a': 5})
        bind.exec_driver_sql("UPDATE t SET a = ':x'")
        op.bulk_insert(sa.table('t', sa.column('a')), [{'a': 1}, {'a': 2}])
        bind.commit()
        bind.rollback()
    """
    step = record(server, up)
    assert _kinds(step) == ["delete", "update", "insert", "insert", "commit", "rollback"]
    assert {one.file for one in step.operations} == {"a1.py"}


def test_one_text_may_be_several_operations(record: Record) -> None:
    """Each with its own SQL."""
    step = record("postgresql", "op.execute('DELETE FROM t; ALTER TABLE t DROP a, DROP b')")
    assert [(one.kind, one.sql) for one in step.operations] == [
        ("delete", "DELETE FROM t"),
        ("drop_column", "ALTER TABLE t DROP a, DROP b"),
        ("drop_column", "ALTER TABLE t DROP a, DROP b"),
    ]


@SERVERS
def test_a_migration_may_do_one_thing_for_each_dialect(record: Record, server: str) -> None:
    """By any of the ways to ask for it."""
    up = """
        for name in (
            op.get_bind().dialect.name,
            op.get_context().dialect.name,
            op.get_bind().engine.name,
        ):
            op.drop_table('t_' + name)
    """
    name = sa.make_url(NOWHERE[server]).get_dialect()().name
    assert {one.table for one in record(server, up).operations} == {f"t_{name}"}


def test_a_migration_may_ask_for_arguments_of_the_command_line(record: Record) -> None:
    """There are none."""
    up = """
        from alembic import context
        assert context.get_x_argument() == []
        if not context.get_x_argument(as_dictionary=True).get('keep'):
            op.drop_table('t')
    """
    assert _kinds(record("sqlite", up)) == ["drop_table"]


def test_the_version_table_is_no_operation(record: Record) -> None:
    """Each step writes to it."""
    step = record("sqlite", "pass")
    assert step.operations == ()
    assert "alembic_version" in step.sql


def test_a_step_that_takes_too_long_is_ended(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its next operation, and whatever it catches; those after it are not begun."""
    site = make_site(sa.make_url(NOWHERE["sqlite"]))
    endless = (
        "while True:\n    try:\n        op.execute('DELETE FROM t')\n    except Exception: pass"
    )
    add_revision(site.folder, "a1", up=endless)
    add_revision(site.folder, "b2", "a1", up=create("other"))
    monkeypatch.setattr(recorder.Recorder.__init__, "__defaults__", (0.05,))
    first, second = _steps(site)
    assert first.operations[0].kind == "delete"
    assert "takes more than 0.05 seconds" in first.incomplete
    assert (second.operations, second.incomplete) == ((), first.incomplete)


ENGINE = (
    "from flask import current_app\n"
    "engine = current_app.extensions['alembic'].project.databases['default'].engine"
)


@pytest.mark.parametrize(
    "code",
    [
        "Session(engine).execute(sa.text('DELETE FROM kept'))",
        "engine.connect().execute(sa.text('DELETE FROM kept'))",
        "sa.create_engine(engine.url).connect()",
        "sa.create_engine(engine.url).raw_connection()",
    ],
)
@pytest.mark.parametrize("server", ["sqlite", "postgresql", "mariadb"])
def test_nothing_reaches_the_live_database_by_another_way(
    make_site: MakeSite, request: pytest.FixtureRequest, server: str, code: str
) -> None:
    """A step that has an engine of its own needs the database, and does not get it."""
    site = make_site(request.getfixturevalue(f"{server}_url"))
    site.execute("CREATE TABLE kept (a INTEGER)")
    site.execute("INSERT INTO kept VALUES (1)")
    quiet = f"try:\n    {code}\nexcept ValueError: pass"
    add_revision(site.folder, "a1", up=f"from sqlalchemy.orm import Session\n{ENGINE}\n{quiet}")

    with site.app.app_context():
        (step,) = site.alembic.preview("upgrade", "heads")
        # Whoever looked may go on with what was refused within.
        assert site.alembic.current() == ()

    assert step.incomplete.startswith("reads the database at a1.py, line ")

    with site.engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT COUNT(*) FROM kept")) == 1


@pytest.mark.parametrize("server", ["sqlite", "postgresql", "mariadb"])
def test_a_connection_that_is_open_already_is_not_lent(
    make_site: MakeSite, request: pytest.FixtureRequest, server: str
) -> None:
    """The driver's own would send what no engine sees; afterwards the pool works as before."""
    url = request.getfixturevalue(f"{server}_url")
    site = make_site(url)
    engine = site.app.extensions["pooled"] = sa.create_engine(url)
    up = "from flask import current_app\ncurrent_app.extensions['pooled'].raw_connection()"
    add_revision(site.folder, "a1", up=up)

    with engine.connect() as connection:
        connection.execute(sa.text("SELECT 1"))

    (step,) = _steps(site)
    assert step.incomplete.startswith("reads the database at a1.py, line ")

    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1

    engine.dispose()


def test_others_may_use_the_database_while_a_step_is_recorded(make_site: MakeSite) -> None:
    """Only the thread that records is kept from it."""
    site = make_site()
    site.execute("CREATE TABLE kept (a INTEGER)")
    up = (
        "import threading\n"
        f"{ENGINE}\n"
        "seen = []\n"
        "def look():\n"
        "    with engine.connect() as connection:\n"
        "        seen.append(connection.scalar(sa.text('SELECT COUNT(*) FROM kept')))\n"
        "thread = threading.Thread(target=look)\n"
        "thread.start(); thread.join()\n"
        "assert seen == [0]\n"
    )
    add_revision(site.folder, "a1", up=up)

    with site.app.app_context():
        (step,) = site.alembic.preview("upgrade", "heads")

    assert step.incomplete == ""


def test_a_step_that_is_recorded_leaves_nothing_behind(make_site: MakeSite) -> None:
    """The next one is told from a fresh start, also after a failure within a batch."""
    site = make_site(sa.make_url(NOWHERE["sqlite"]))
    up = (
        "with op.get_context().autocommit_block():\n"
        "    with op.batch_alter_table('t') as batch:\n"
        "        batch.drop_column('a')"
    )
    add_revision(site.folder, "a1", up=up)
    add_revision(site.folder, "b2", "a1", up="op.execute('DELETE FROM t')")
    first, second = _steps(site)
    assert first.operations[0].in_autocommit
    (operation,) = second.operations
    assert (operation.in_autocommit, operation.in_batch) == (False, False)
    assert (operation.file, second.incomplete) == ("b2.py", "")


def test_a_preview_has_a_limit() -> None:
    """It is not for ever."""
    assert recorder.LIMIT == 30.0
