"""The private names of Alembic that this project uses: each test fails when Alembic changes one."""

from __future__ import annotations

import collections.abc as c
import io
import typing as t
from pathlib import Path

import alembic.context
import alembic.op
import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

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
    with pytest.raises(NameError, match="proxy object has not yet been established"):
        alembic.op.get_context()

    with pytest.raises(NameError, match="proxy object has not yet been established"):
        alembic.context.get_x_argument()

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
    for use in (alembic.op.get_context, alembic.context.get_context):
        with pytest.raises(NameError) as caught:
            use()

        assert internals.is_missing_op(caught.value)

    assert not internals.is_missing_op(NameError("name 'x' is not defined"))


def test_op_for_import_knows_the_dialect(directory: ScriptDirectory) -> None:
    """And nothing else; afterwards ``op`` is free again."""
    dialect = sa.create_engine("sqlite://").dialect

    with internals.op_for_import(Config(), directory, dialect):
        assert alembic.op.get_context().dialect is dialect
        assert alembic.op.get_bind().dialect.name == "sqlite"
        assert alembic.context.get_context() is alembic.op.get_context()

    assert _dead()
