"""The private names of Alembic that this project uses: each test fails when Alembic changes one."""

from __future__ import annotations

import collections.abc as c
import contextlib
import io
import subprocess
import typing as t
from pathlib import Path

import alembic.context
import alembic.op
import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.operations import batch
from alembic.operations import Operations
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script import write_hooks

from flask_alembic_admin.core import internals

from ..apps import add_line
from ..apps import add_revision
from ..apps import kept_proxies

if t.TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep


@pytest.fixture
def directory(tmp_path: Path) -> ScriptDirectory:
    """Three revisions in a line."""
    add_line(tmp_path / "revisions", "a1", "b2", "c3")
    return _directory(tmp_path)


def _directory(tmp_path: Path) -> ScriptDirectory:
    config = Config()
    folder = str(tmp_path / "revisions")
    config.set_main_option("script_location", folder)
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", folder)
    return ScriptDirectory.from_config(config)


@pytest.fixture
def connection() -> c.Iterator[sa.Connection]:
    """A connection to an empty database."""
    engine = sa.create_engine("sqlite://")

    with engine.connect() as connection:
        yield connection

    engine.dispose()


@pytest.fixture
def environment(directory: ScriptDirectory, connection: sa.Connection) -> EnvironmentContext:
    """An environment on that connection."""
    environment = EnvironmentContext(Config(), directory)
    environment.configure(connection=connection, transaction_per_migration=True)
    return environment


def test_upgrade_steps(directory: ScriptDirectory) -> None:
    """``ScriptDirectory._upgrade_revs`` takes one target or several."""
    for target in ("heads", ["c3"], "+3"):
        steps = internals.upgrade_steps(directory, target, ())
        assert [step.info.up_revision_ids for step in steps] == [("a1",), ("b2",), ("c3",)]
        assert all(step.is_upgrade for step in steps)

    assert internals.upgrade_steps(directory, "heads", ("c3",)) == []


def test_downgrade_steps(directory: ScriptDirectory) -> None:
    """``ScriptDirectory._downgrade_revs`` gives the newest first."""
    steps = internals.downgrade_steps(directory, "a1", ("c3",))
    assert [step.info.up_revision_ids for step in steps] == [("c3",), ("b2",)]
    assert all(step.is_downgrade for step in steps)


def test_stamp_steps(directory: ScriptDirectory) -> None:
    """``ScriptDirectory._stamp_revs`` gives steps that are stamps."""
    (step,) = internals.stamp_steps(directory, ["b2"], ())
    assert step.info.is_stamp
    assert step.info.up_revision_ids == ("b2",)


def test_version_table(connection: sa.Connection) -> None:
    """``MigrationContext._version`` is the table under its configured name."""
    options = {"version_table": "versions"}
    table = internals.version_table(MigrationContext.configure(connection, opts=options))
    assert table.name == "versions"
    assert isinstance(table.c.version_num.type, sa.String)
    assert table.c.version_num.type.length == 32


def _rendering() -> tuple[MigrationContext, io.StringIO]:
    """Return a context that renders SQL, and what it writes to."""
    buffer = io.StringIO()
    options = {"as_sql": True, "literal_binds": True, "output_buffer": buffer}
    return MigrationContext.configure(dialect_name="sqlite", opts=options), buffer


def test_watched_statements() -> None:
    """``impl._exec`` gets every construct and text, and what a batch sends too."""
    context, buffer = _rendering()
    op = Operations(context)
    seen: list[object] = []

    def watch(construct: object, send: c.Callable[[], t.Any]) -> t.Any:
        seen.append(construct)
        return send()

    with internals.watched_statements(context.impl, watch):
        op.add_column("t", sa.Column("a", sa.Integer))
        op.execute("DELETE FROM t")
        op.create_table("u", sa.Column("id", sa.Integer), sa.Column("a", sa.Text, index=True))
        op.bulk_insert(sa.table("t", sa.column("a", sa.Integer)), [{"a": 1}])

        with op.batch_alter_table("t") as batch:
            batch.add_column(sa.Column("b", sa.Integer))

    op.drop_table("t")
    assert [type(construct).__name__ for construct in seen] == [
        "AddColumn",
        "str",
        "CreateTable",
        "CreateIndex",
        "Insert",
        "AddColumn",
    ]
    assert buffer.getvalue().count(";") == 7
    assert "_exec" not in vars(context.impl)


class _Hears:
    """Writes down what a batch tells."""

    def __init__(self) -> None:
        self.heard: list[t.Any] = []
        self.calls = 0

    def place(self) -> int:
        self.calls += 1
        return self.calls

    def at(self, place: object) -> None:
        self.heard.append(place)

    @contextlib.contextmanager
    def batch(self, how: str) -> c.Iterator[None]:
        self.heard.append(how)
        yield

    @contextlib.contextmanager
    def writing(self, options: c.Mapping[str, t.Any]) -> c.Iterator[None]:
        self.heard.append(sorted(options))
        yield

    def copies(self, table: str, schema: str | None) -> None:
        self.heard.append((table, schema))


def test_watched_batches() -> None:
    """``_should_recreate`` says whether a batch copies, and ``batch`` holds its parts."""
    context, _ = _rendering()
    op = Operations(context)
    table = sa.Table("t", sa.MetaData(), sa.Column("a", sa.Integer), sa.Column("b", sa.Integer))
    before = vars(batch)["BatchOperationsImpl"]
    hears = _Hears()

    with internals.watched_batches(hears):
        with op.batch_alter_table("t") as sent:
            sent.add_column(sa.Column("c", sa.Integer))

        # To find out whether it copies, the parts are gone through as well.
        assert hears.heard[hears.heard.index("sent") + 1 :][:2] == [1, None]
        hears.heard.clear()

        with op.batch_alter_table("t", copy_from=table, recreate="always") as copied:
            copied.drop_column("b")
            copied.alter_column("a", nullable=False)

        described, of_copy = hears.heard.index("described"), hears.heard.index("copied")
        assert hears.heard[described + 1 : of_copy] == [2, [], 3, hears.heard[described + 4], None]
        assert "nullable" in hears.heard[described + 4]
        hears.heard.clear()

        with op.batch_alter_table("t", copy_from=table, recreate="always"):
            pass

        assert ("t", None) in hears.heard

    assert vars(batch)["BatchOperationsImpl"] is before


def test_a_batch_is_looked_up_in_its_module_when_it_begins() -> None:
    """Else watching it would see nothing, and say nothing of it."""
    context, _ = _rendering()

    with (
        internals.watched_batches(_Hears()),
        Operations(context).batch_alter_table("t") as batch_operations,
    ):
        assert type(batch_operations.impl).__module__ == internals.__name__


def test_has_version_table(environment: EnvironmentContext, connection: sa.Connection) -> None:
    """``MigrationContext._has_version_table`` looks for it in the database."""
    context = environment.get_context()
    assert not internals.has_version_table(context)
    internals.version_table(context).create(connection)
    assert internals.has_version_table(context)


def test_make_version_table(environment: EnvironmentContext) -> None:
    """``MigrationContext._ensure_version_table`` makes it, and may be asked twice."""
    context = environment.get_context()
    internals.make_version_table(context)
    internals.make_version_table(context)
    assert internals.has_version_table(context)


def test_running_no_step_makes_no_version_table(environment: EnvironmentContext) -> None:
    """``dont_mutate`` among the options of a context keeps Alembic from it."""
    context = environment.get_context()
    internals.run_steps(context, environment, lambda *_: [], {})
    assert not internals.has_version_table(context)


def test_run_steps(
    environment: EnvironmentContext, directory: ScriptDirectory, connection: sa.Connection
) -> None:
    """``MigrationContext._migrations_fn`` gives what is run; ``purge`` empties the table first."""
    context = environment.get_context()
    heads: list[tuple[str, ...]] = []

    def upgrade(current: tuple[str, ...], _: MigrationContext) -> c.Iterable[RevisionStep]:
        heads.append(tuple(current))
        internals.make_version_table(context)
        return internals.upgrade_steps(directory, "b2", tuple(current))

    internals.run_steps(context, environment, upgrade, {})
    assert context.get_current_heads() == ("b2",)
    assert set(sa.inspect(connection).get_table_names()) == {"alembic_version", "t_a1", "t_b2"}

    def stamp(current: tuple[str, ...], _: MigrationContext) -> c.Iterable[RevisionStep]:
        heads.append(tuple(current))
        return internals.stamp_steps(directory, ["c3"], tuple(current))

    internals.run_steps(context, environment, stamp, {}, purge=True)
    assert heads == [(), ()]
    assert context.get_current_heads() == ("c3",)
    assert context.purge is False


def _dead() -> bool:
    for use in (alembic.op.get_context, alembic.context.get_x_argument):
        # The second of them once Alembic itself has bound and taken away one in this process.
        with pytest.raises((NameError, AttributeError)) as caught:
            use()

        assert internals.is_missing_op(caught.value)

    return True


def test_op_and_context_are_bound_during_a_run_only(environment: EnvironmentContext) -> None:
    """``ModuleClsProxy._install_proxy`` and ``_setups`` reach ``alembic.op`` and its like."""
    context = environment.get_context()

    def look(_: object, given: MigrationContext) -> list[RevisionStep]:
        assert alembic.op.get_context() is alembic.context.get_context() is given is context
        return []

    assert _dead()
    internals.run_steps(context, environment, look, {})
    assert _dead()


def test_op_and_context_are_free_after_a_failure(environment: EnvironmentContext) -> None:
    """Alembic itself leaves a dead proxy behind."""

    def fail(*_: object) -> list[RevisionStep]:
        raise ValueError("inside")

    with pytest.raises(ValueError, match="inside"):
        internals.run_steps(environment.get_context(), environment, fail, {})

    assert _dead()


def test_an_environment_of_a_subclass_is_bound(environment: EnvironmentContext) -> None:
    """``ModuleClsProxy._setups`` knows the class that Alembic has alone; ``op`` is left alone."""

    class Own(EnvironmentContext):
        pass

    own = Own(environment.config, environment.script)

    with internals.environment_bound(own):
        assert alembic.context.config is own.config
        assert alembic.context.is_offline_mode() is False
        # As a migration that raises leaves it.
        vars(alembic.op)["_proxy"] = "dead"

    assert _dead()


def test_steps_are_given_to_who_runs_them(
    environment: EnvironmentContext, directory: ScriptDirectory
) -> None:
    """``MigrationContext._migrations_fn``, and ``dont_mutate`` among its options."""
    context = environment.get_context()
    seen: list[tuple[str, ...]] = []

    def steps(heads: tuple[str, ...], _: MigrationContext) -> list[RevisionStep]:
        seen.append(tuple(heads))
        return []

    internals.give_steps(context, steps)

    with context.begin_transaction():
        context.run_migrations()

    assert seen == [()]
    assert not internals.has_version_table(context)


def test_a_shared_transaction_is_known(connection: sa.Connection) -> None:
    """``_in_external_transaction`` and ``_transaction_per_migration`` of a context."""
    options = {"transaction_per_migration": True, "transactional_ddl": True}
    assert not internals.shares_transaction(MigrationContext.configure(connection, opts=options))
    together = {**options, "transaction_per_migration": False}
    assert internals.shares_transaction(MigrationContext.configure(connection, opts=together))

    with connection.begin():
        assert internals.shares_transaction(MigrationContext.configure(connection, opts=options))


def test_an_op_that_somebody_else_has_bound_comes_back(
    environment: EnvironmentContext, connection: sa.Connection
) -> None:
    """A run inside of a plain Alembic run leaves that one's ``op`` as it was."""
    outer = MigrationContext.configure(connection)

    # Afterwards a plain Alembic run leaves an empty proxy.
    with kept_proxies(), Operations.context(outer):
        internals.run_steps(environment.get_context(), environment, lambda *_: [], {})
        assert alembic.op.get_context() is outer


def test_a_context_can_run_again_after_a_failure(
    environment: EnvironmentContext, directory: ScriptDirectory, tmp_path: Path
) -> None:
    """``MigrationContext._transaction`` is not left from the run before."""
    add_revision(tmp_path / "revisions", "d4", "c3", up="1 / 0")
    broken = _directory(tmp_path)
    context = environment.get_context()
    internals.make_version_table(context)

    with pytest.raises(ZeroDivisionError):
        internals.run_steps(
            context,
            environment,
            lambda current, _: internals.upgrade_steps(broken, "heads", tuple(current)),
            {},
        )

    assert context.connection is not None
    context.connection.rollback()
    assert context.get_current_heads() == ("c3",)
    internals.run_steps(
        context,
        environment,
        lambda current, _: internals.downgrade_steps(directory, "base", tuple(current)),
        {},
    )
    assert context.get_current_heads() == ()


def test_render_statement() -> None:
    """``DefaultImpl._exec`` writes a statement to the buffer with its values in it."""
    buffer = io.StringIO()
    options = {"as_sql": True, "output_buffer": buffer, "literal_binds": True}
    context = MigrationContext.configure(dialect_name="postgresql", opts=options)
    internals.render_statement(context, sa.select(sa.literal(7)))
    assert buffer.getvalue() == "SELECT 7 AS anon_1;\n\n"


def test_a_missing_op_is_recognised() -> None:
    """By the text of Alembic's ``NameError``, which has no class of its own."""
    assert _dead()
    assert not internals.is_missing_op(NameError("name 'x' is not defined"))


def test_an_op_that_alembic_took_away_is_missing(directory: ScriptDirectory) -> None:
    """Its own ``_remove_proxy`` leaves None, which has no ``get_context``."""
    with kept_proxies():
        with EnvironmentContext(Config(), directory):
            pass

        with Operations.context(MigrationContext.configure(dialect_name="sqlite")):
            pass

        with pytest.raises(AttributeError, match="NoneType"):
            alembic.op.get_context()

        assert _dead()


def test_an_attribute_of_another_none_is_no_missing_op() -> None:
    """A mistake in a revision file is told as it is."""
    with pytest.raises(AttributeError) as caught:
        exec("None.get_context()")

    assert not internals.is_missing_op(caught.value)


def test_op_for_import_knows_the_dialect(directory: ScriptDirectory) -> None:
    """And nothing else; afterwards ``op`` is free again."""
    dialect = sa.create_engine("sqlite://").dialect

    with internals.op_for_import(Config(), directory, dialect):
        assert alembic.op.get_context().dialect is dialect
        assert alembic.op.get_bind().dialect.name == "sqlite"
        assert alembic.context.get_context() is alembic.op.get_context()

    assert _dead()


def test_load_scripts(directory: ScriptDirectory) -> None:
    """``ScriptDirectory._load_revisions`` imports each file, which is then not imported again."""
    scripts = internals.load_scripts(directory)
    assert sorted(script.revision for script in scripts) == ["a1", "b2", "c3"]
    assert directory.get_revision("b2") in scripts
    assert directory.get_heads() == ["c3"]


@pytest.mark.parametrize("command", ["exec", "module", "console_scripts"])
def test_what_hooks_say_is_caught(tmp_path: Path, command: str) -> None:
    """``write_hooks._run_hooks`` runs each kind of program by ``subprocess.run``."""
    values = {
        "exec": {"executable": "echo"},
        "module": {"module": "platform"},
        "console_scripts": {"entrypoint": "alembic", "options": "--version"},
    }
    hook = {"type": command, "_hook_name": "own", **values[command]}
    said: list[str] = []
    path = tmp_path / "a1.py"
    path.touch()
    internals.run_write_hooks(str(path), [hook], said.append)
    assert said
    assert vars(write_hooks)["subprocess"] is subprocess


def test_hooks_that_are_not_listened_to_write_where_they_like(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """As Alembic has it."""
    hook = {"type": "exec", "_hook_name": "own", "executable": "echo"}
    internals.run_write_hooks(str(tmp_path / "a1.py"), [hook])
    assert str(tmp_path / "a1.py") in capfd.readouterr().out
