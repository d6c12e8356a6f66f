"""Every private name of Alembic that this project uses, and nothing else.

Each is touched here only and has a test in ``tests/core/test_internals.py`` that fails when
Alembic changes it.
"""

from __future__ import annotations

import collections.abc as c
import contextlib
import io
import typing as t

import sqlalchemy as sa
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

if t.TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep
    from alembic.util.langhelpers import ModuleClsProxy

    StepFunction: t.TypeAlias = c.Callable[
        [tuple[str, ...], MigrationContext], c.Iterable[RevisionStep]
    ]


def upgrade_steps(
    directory: ScriptDirectory, target: str | list[str], heads: tuple[str, ...]
) -> list[RevisionStep]:
    """Return the steps that lead from the heads of a database up to a target."""
    # Typed for one id; it takes several, as the command line of Alembic uses it.
    return directory._upgrade_revs(target, heads)  # type: ignore[arg-type]


def downgrade_steps(
    directory: ScriptDirectory, target: str, heads: tuple[str, ...]
) -> list[RevisionStep]:
    """Return the steps that lead from the heads of a database down to a target."""
    return directory._downgrade_revs(target, heads)  # type: ignore[arg-type]


def stamp_steps(
    directory: ScriptDirectory, target: list[str], heads: tuple[str, ...]
) -> list[RevisionStep]:
    """Return the steps that rewrite the version table without running a migration."""
    # A list of one kind of step where a list of any is meant.
    return t.cast("list[RevisionStep]", directory._stamp_revs(target, heads))


def version_table(context: MigrationContext) -> sa.Table:
    """Return the version table as Alembic would create it."""
    return context._version


def render_statement(context: MigrationContext, statement: sa.Executable | str) -> None:
    """Write a statement to the buffer of a context that renders SQL, with its values in it."""
    context.impl._exec(statement)


def has_version_table(context: MigrationContext) -> bool:
    """Return whether a database has a version table, an empty one too."""
    return context._has_version_table()


def make_version_table(context: MigrationContext) -> None:
    """Make the version table where it is missing."""
    context._ensure_version_table()


def run_steps(
    context: MigrationContext,
    environment: EnvironmentContext,
    steps: StepFunction,
    arguments: c.Mapping[str, t.Any],
    *,
    purge: bool = False,
) -> None:
    """Run steps on one context, with ``alembic.op`` and ``alembic.context`` bound to it.

    The caller holds the guard of ``op_guard``.

    :param context: A context whose connection is in no transaction.
    :param environment: The environment that configured the context.
    :param steps: Gets the heads and the context and gives the steps.
    :param arguments: Passed on to ``upgrade()`` or ``downgrade()`` of each revision.
    :param purge: Empty the version table first.
    """
    # EnvironmentContext takes it before configure() only, and contexts outlive a verb.
    context._migrations_fn = steps
    context.purge = purge
    # The version table is made once it is known that something will be run.
    context.opts["dont_mutate"] = True

    try:
        with (
            _bound(EnvironmentContext, environment),
            _bound(Operations, Operations(context)),
            context.begin_transaction(),
        ):
            context.run_migrations(**arguments)
    finally:
        context.purge = False
        context.opts.pop("dont_mutate", None)
        context._migrations_fn = None
        context._transaction = None


def is_missing_op(error: BaseException) -> bool:
    """Return whether somebody used ``alembic.op`` or ``alembic.context`` while none was bound."""
    return isinstance(error, NameError) and "proxy object has not yet been" in str(error)


@contextlib.contextmanager
def op_for_import(
    config: Config, directory: ScriptDirectory, dialect: sa.Dialect
) -> c.Iterator[None]:
    """Bind ``alembic.op`` and ``alembic.context`` for files that use them in their module body.

    The caller holds the guard of ``op_guard``. There is no connection: what such files ask for is
    the dialect.

    :param config: What ``context.config`` is.
    :param directory: The files.
    :param dialect: What ``op.get_context().dialect`` is.
    """
    environment = EnvironmentContext(config, directory, as_sql=True)
    environment.configure(dialect_name=dialect.name, output_buffer=io.StringIO())
    context = environment.get_context()
    context.dialect = context.impl.dialect = dialect

    with _bound(EnvironmentContext, environment), _bound(Operations, Operations(context)):
        yield


@contextlib.contextmanager
def _bound(proxied: type[ModuleClsProxy], target: ModuleClsProxy) -> c.Iterator[None]:
    """Bind a module-wide proxy, and put back what was there before, also after a failure.

    Alembic's own ``Operations.context()`` leaves a dead proxy behind when a migration raises.
    """
    attribute_names, modules = proxied._setups[proxied]
    names = {"_proxy", *attribute_names}
    before = [{name: space[name] for name in names if name in space} for space, _ in modules]
    target._install_proxy()

    try:
        yield
    finally:
        for (space, _), kept in zip(modules, before, strict=True):
            for name in names:
                space.pop(name, None)
            space.update(kept)
