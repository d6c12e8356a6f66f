"""Every private name of Alembic that this project uses, and nothing else.

Each is touched here only and has a test in ``tests/core/test_internals.py`` that fails when
Alembic changes it.
"""

from __future__ import annotations

import collections.abc as c
import contextlib
import io
import subprocess
import threading
import traceback
import types
import typing as t

import sqlalchemy as sa
from alembic.config import Config
from alembic.ddl.impl import DefaultImpl
from alembic.operations import batch
from alembic.operations import Operations
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import Script
from alembic.script import ScriptDirectory
from alembic.script import write_hooks
from alembic.script.revision import RevisionMap

from ..errors import ScriptError

_hooks_guard = threading.RLock()
#: What a revision file calls its two directions.
_STEP_NAMES = ("upgrade", "downgrade")

if t.TYPE_CHECKING:
    from alembic.config import PostWriteHookConfig
    from alembic.runtime.migration import RevisionStep
    from alembic.util.langhelpers import ModuleClsProxy

    StepFunction: t.TypeAlias = c.Callable[
        [tuple[str, ...], MigrationContext], c.Iterable[RevisionStep]
    ]


def upgrade_steps(
    directory: ScriptDirectory, target: str | list[str], heads: tuple[str, ...]
) -> list[RevisionStep]:
    """Return the steps that lead from the heads of a database up to a target."""
    with _named_if_missing():
        # Typed for one id; it takes several, as the command line of Alembic uses it.
        return directory._upgrade_revs(target, heads)  # type: ignore[arg-type]


def downgrade_steps(
    directory: ScriptDirectory, target: str, heads: tuple[str, ...]
) -> list[RevisionStep]:
    """Return the steps that lead from the heads of a database down to a target."""
    with _named_if_missing():
        return directory._downgrade_revs(target, heads)  # type: ignore[arg-type]


def stamp_steps(
    directory: ScriptDirectory, target: list[str], heads: tuple[str, ...]
) -> list[RevisionStep]:
    """Return the steps that rewrite the version table without running a migration."""
    # A list of one kind of step where a list of any is meant.
    return t.cast("list[RevisionStep]", directory._stamp_revs(target, heads))


@contextlib.contextmanager
def _named_if_missing() -> c.Iterator[None]:
    """Name the file that has no ``upgrade()`` or ``downgrade()``, which Alembic only trips over."""
    try:
        yield
    except AttributeError as error:
        if not isinstance(error.obj, types.ModuleType) or error.name not in _STEP_NAMES:
            raise

        raise ScriptError(
            f"Revision file {error.obj.__file__} has no {error.name}().",
            f"Write 'def {error.name}():' there, with 'pass' in it where nothing has to be done.",
        ) from error


def load_scripts(directory: ScriptDirectory) -> list[Script]:
    """Import the files of a directory and return them, before it is known that they fit together.

    :param directory: One that has loaded nothing; afterwards it takes these.
    """
    scripts = list(directory._load_revisions())
    directory.revision_map = RevisionMap(lambda: scripts)
    return scripts


def version_table(context: MigrationContext) -> sa.Table:
    """Return the version table as Alembic would create it."""
    return context._version


def render_statement(context: MigrationContext, statement: sa.Executable | str) -> None:
    """Write a statement to the buffer of a context that renders SQL, with its values in it."""
    context.impl._exec(statement)


@contextlib.contextmanager
def watched_statements(
    impl: DefaultImpl, watch: c.Callable[[object, c.Callable[[], t.Any]], t.Any]
) -> c.Iterator[None]:
    """Have all that Alembic would execute go through a function, also what is in a batch.

    :param impl: What executes for a context.
    :param watch: Gets a construct or a text, and what sends it.
    """
    send = impl._exec

    def watched(construct: object, *arguments: t.Any, **options: t.Any) -> t.Any:
        return watch(construct, lambda: send(t.cast(t.Any, construct), *arguments, **options))

    vars(impl)["_exec"] = watched

    try:
        yield
    finally:
        del vars(impl)["_exec"]


class BatchWatcher(t.Protocol):
    """Told how a batch goes on."""

    def place(self) -> t.Any:
        """Return where the migration is now."""

    def at(self, place: t.Any) -> None:
        """Hear where that stands which is sent now; None for where the migration is."""

    def batch(
        self, how: t.Literal["sent", "described", "copied"]
    ) -> contextlib.AbstractContextManager[None]:
        """Hear what becomes of what is sent in the block."""

    def writing(self, options: c.Mapping[str, t.Any]) -> contextlib.AbstractContextManager[None]:
        """Hear what ``alter_column`` was given, whose parts are sent in the block."""

    def copies(self, table: str, schema: str | None) -> None:
        """Hear that a table is copied and nothing in it changed."""


@contextlib.contextmanager
def watched_batches(watcher: BatchWatcher) -> c.Iterator[None]:
    """Tell somebody about the parts of each ``batch_alter_table``, as they were written.

    The caller holds the guard of ``op_guard``.

    :param watcher: Told about them.
    """

    class Watched(_WatchedBatch):
        told = watcher

    # The name is looked up there whenever a batch begins.
    before = vars(batch)["BatchOperationsImpl"]
    vars(batch)["BatchOperationsImpl"] = Watched

    try:
        yield
    finally:
        vars(batch)["BatchOperationsImpl"] = before


class _WatchedBatch(batch.BatchOperationsImpl):
    """A batch that tells where each of its parts stands, and what they are if it copies."""

    told: t.ClassVar[BatchWatcher]

    def __init__(self, *arguments: t.Any, **options: t.Any) -> None:
        super().__init__(*arguments, **options)  # type: ignore[no-untyped-call]
        self.batch: list[tuple[str, t.Any, dict[str, t.Any]]] = _Parts(self.told)

    def flush(self) -> None:
        if not self._should_recreate():
            with self.told.batch("sent"):
                super().flush()
            return

        with self.told.batch("described"):
            if not self.batch:
                self.told.copies(self.table_name, self.schema)

            for name, arguments, options in self.batch:
                self._describe(name, arguments, options)

        with self.told.batch("copied"):
            super().flush()

    def _describe(self, name: str, arguments: t.Any, options: dict[str, t.Any]) -> None:
        # Where a column is put is of no concern, and only a copy knows it.
        placed = {"insert_before", "insert_after"}
        options = {key: value for key, value in options.items() if key not in placed}

        with self.told.writing(options if name == "alter_column" else {}):
            # That of SQLite refuses what it can only do by a copy.
            getattr(DefaultImpl, name)(self.impl, *arguments, **options)


class _Parts(list[t.Any]):
    """The parts of a batch; whoever goes through them has their places told."""

    def __init__(self, told: BatchWatcher) -> None:
        super().__init__()
        self._told = told
        self._places: list[t.Any] = []

    def append(self, part: t.Any) -> None:
        self._places.append(self._told.place())
        super().append(part)

    def __iter__(self) -> c.Iterator[t.Any]:
        try:
            for part, place in zip(super().__iter__(), self._places, strict=True):
                self._told.at(place)
                yield part
        finally:
            self._told.at(None)


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
    give_steps(context, steps, purge=purge)

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


def give_steps(context: MigrationContext, steps: StepFunction, *, purge: bool = False) -> None:
    """Say what a context runs when somebody calls its ``run_migrations()``.

    :param context: The context.
    :param steps: Gets the heads and the context and gives the steps.
    :param purge: Empty the version table first.
    """
    # EnvironmentContext takes it before configure() only, and contexts outlive a verb.
    context._migrations_fn = steps
    context.purge = purge
    # The version table is made once it is known that something will be run.
    context.opts["dont_mutate"] = True


def shares_transaction(context: MigrationContext) -> bool:
    """Return whether all steps of a context are in one transaction, Alembic's or its caller's."""
    if context._in_external_transaction:
        return True

    return bool(context.impl.transactional_ddl) and not context._transaction_per_migration


@contextlib.contextmanager
def environment_bound(environment: EnvironmentContext) -> c.Iterator[None]:
    """Bind ``alembic.context`` to an environment, and leave ``alembic.op`` as it was.

    The caller holds the guard of ``op_guard``.

    :param environment: What an ``env.py`` configures; it may be of a subclass.
    """
    with _bound(EnvironmentContext, environment), _kept(Operations):
        yield


def is_missing_op(error: BaseException) -> bool:
    """Return whether somebody used ``alembic.op`` or ``alembic.context`` while none was bound.

    Alembic says so itself as long as it has bound none in this process; once it has taken one
    away it leaves None in its place, and an ``AttributeError`` of that None comes out.
    """
    if isinstance(error, AttributeError) and error.obj is None:
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        return bool(frames) and frames[-1].f_globals.get("_proxy", frames) is None

    return isinstance(error, NameError) and "proxy object has not yet been" in str(error)


def run_write_hooks(
    path: str, hooks: list[PostWriteHookConfig], said: c.Callable[[str], object] | None = None
) -> None:
    """Run what follows the writing of a revision file.

    :param path: The file.
    :param hooks: What ``Config.get_hooks_list`` gives.
    :param said: Gets what programs have to say, line by line; else that goes to where this
        process writes.
    """
    if not hooks:
        return

    if said is None:
        write_hooks._run_hooks(path, hooks)
        return

    def run(command: list[str], **options: t.Any) -> None:
        options.update(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        done = subprocess.run(command, text=True, errors="replace", check=False, **options)

        for line in done.stdout.splitlines():
            said(line)

        # Alembic takes no notice of it.
        if done.returncode:
            said(f"{command[0]} ended with status {done.returncode}")

    # There is no other way to what programs say: other threads write to the same places.
    with _hooks_guard:
        before = vars(write_hooks)["subprocess"]
        vars(write_hooks)["subprocess"] = _Programs(run)

        try:
            write_hooks._run_hooks(path, hooks)
        finally:
            vars(write_hooks)["subprocess"] = before


class _Programs(t.NamedTuple):
    """Stands for the module ``subprocess`` where hooks are run."""

    run: c.Callable[..., None]
    DEVNULL: int = subprocess.DEVNULL


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
    """Bind a module-wide proxy, and put back what was there before, also after a failure."""
    attribute_names, modules = proxied._setups[proxied]

    with _kept(proxied):
        # As `_install_proxy` does, which knows nothing of subclasses.
        for space, _ in modules:
            space["_proxy"] = target
            space.update({name: getattr(target, name) for name in attribute_names})

        yield


@contextlib.contextmanager
def _kept(proxied: type[ModuleClsProxy]) -> c.Iterator[None]:
    """Put a module-wide proxy back as it is now, whatever is left in it.

    Alembic's own ``Operations.context()`` leaves a dead proxy behind when a migration raises.
    """
    attribute_names, modules = proxied._setups[proxied]
    names = {"_proxy", *attribute_names}
    before = [{name: space[name] for name in names if name in space} for space, _ in modules]

    try:
        yield
    finally:
        for (space, _), kept in zip(modules, before, strict=True):
            for name in names:
                space.pop(name, None)
            space.update(kept)
