"""The SQL of some steps, rendered without a database; what cannot be known so is said."""

from __future__ import annotations

import collections.abc as c
import contextlib
import copy
import dataclasses
import functools
import io
import traceback
import typing as t
from pathlib import Path

import sqlalchemy as sa
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.engine.mock import MockConnection
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import ClauseElement

from . import internals
from .alembic_objects import AlembicObjects
from .database import Database
from .op_guard import op_guard
from .results import step_message
from .results import step_revision

if t.TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep


@dataclasses.dataclass(frozen=True)
class StepPreview:
    """The SQL that one step would send.

    :param revision: The id of the revision.
    :param message: The revision's message.
    :param sql: Its statements.
    :param incomplete: Why more would be sent than stands there, with file and line; empty where
        all of it is known.
    """

    revision: str
    message: str
    sql: str
    incomplete: str = ""


class NeedsDatabase(Exception):
    """A step asked for what only the database can tell."""


def preview_steps(
    objects: AlembicObjects,
    database: str,
    heads: tuple[str, ...],
    find_steps: c.Callable[[str, tuple[str, ...]], c.Sequence[RevisionStep]],
    *,
    has_version_table: bool = False,
) -> tuple[StepPreview, ...]:
    """Render the SQL of the steps that lead on from some heads; no connection is used.

    The Python of each step is run, so whatever else it does happens.

    :param objects: Alembic's objects for this use.
    :param database: Whose dialect the SQL is for.
    :param heads: Where to begin.
    :param find_steps: Gives the steps.
    :param has_version_table: Whether the version table need not be created, though it is empty.
    :raises Busy: Another migration or preview in this process takes too long.
    """
    previews: list[StepPreview] = []
    buffer = io.StringIO()

    target = objects.project.databases[database]
    found = find_steps(database, heads)

    def steps(_: object, context: MigrationContext) -> c.Iterator[RevisionStep]:
        for step in found:
            offset = buffer.tell()
            stopped = _soften(step, context, objects.project.scripts.folders, target)
            yield step
            sql = buffer.getvalue()[offset:].strip()
            if has_version_table:
                # Alembic creates it before a step that begins at base, and this comment follows.
                sql = sql[sql.index("-- Running ") :]
            previews.append(
                StepPreview(step_revision(step), step_message(step), sql, "".join(stopped))
            )

    directory = objects.script_directory
    # A stamp goes on from rows that no file knows, which Alembic would look up.
    known = tuple(head for head in heads if _is_known(directory, head))
    environment = EnvironmentContext(
        objects.config, directory, as_sql=True, starting_rev=known or None
    )
    options = {
        key: value
        for key, value in objects.project.context_options.items()
        if key not in {"on_version_apply"}
    }
    # Whoever runs the SQL decides about transactions.
    options.update(literal_binds=True, output_buffer=buffer, transaction_per_migration=False)
    environment.configure(dialect_name=target.dialect, **options)
    context = environment.get_context()
    context.dialect = context.impl.dialect = _rendering_dialect(target.engine.dialect)
    arguments = {"engine_name": database} if len(objects.project.databases) > 1 else {}

    with op_guard():
        internals.run_steps(context, environment, steps, arguments)

    return tuple(previews)


def _is_known(directory: ScriptDirectory, revision: str) -> bool:
    with contextlib.suppress(CommandError):
        return directory.get_revision(revision) is not None

    return False


def _rendering_dialect(dialect: sa.Dialect) -> sa.Dialect:
    """Return the dialect of an engine, which knows its server's version, for SQL to be read.

    A driver whose parameters are marked by ``%`` would have each ``%`` doubled.
    """
    rendering = copy.copy(dialect)
    rendering.paramstyle = "named"
    rendering.positional = False
    rendering.identifier_preparer = rendering.preparer(rendering)
    return rendering


def _soften(
    step: RevisionStep,
    context: MigrationContext,
    folders: c.Sequence[Path],
    database: Database,
) -> list[str]:
    """Make a step end where it needs the database, so that the next ones are still rendered.

    :return: Gets the reason when the step has been stopped.
    """
    stopped: list[str] = []
    migrate = step.migration_fn

    @functools.wraps(migrate)
    def softened(**arguments: t.Any) -> None:
        connection, impl_connection = context.connection, context.impl.connection
        recording = _RecordingConnection(context)
        context.connection = context.impl.connection = t.cast(sa.Connection, recording)

        try:
            migrate(**arguments)
        except (Exception, SystemExit) as error:
            stopped.append(_reason(error, folders, database))
        finally:
            context.connection, context.impl.connection = connection, impl_connection

    step.migration_fn = softened
    return stopped


def _reason(error: BaseException, folders: c.Sequence[Path], database: Database) -> str:
    place = ""

    for frame in traceback.extract_tb(error.__traceback__):
        if any(Path(frame.filename).is_relative_to(folder) for folder in folders):
            place = f" at {Path(frame.filename).name}, line {frame.lineno}"

    # Batch mode on SQLite makes a new table of what is there, and Alembic refuses by a text.
    batch = isinstance(error, CommandError) and "--sql mode" in str(error)

    if batch or isinstance(error, NeedsDatabase | sa.exc.NoInspectionAvailable):
        return f"reads the database{place}; the rest of this step depends on your data"

    return f"cannot be rendered{place}: {database.describe_error(error)}"


class _RecordingConnection(MockConnection):
    """Writes statements with their parameters filled in, and knows no answer to any of them."""

    def __init__(self, context: MigrationContext) -> None:
        self._render = functools.partial(internals.render_statement, context)
        self._write = context.impl.static_output
        super().__init__(context.dialect, self._render)

    def execute(
        self, obj: t.Any, parameters: t.Any = None, execution_options: t.Any = None
    ) -> t.Any:
        many = parameters if isinstance(parameters, c.Sequence) else [parameters]

        for one in many or [None]:
            self._render(_filled_in(obj, one or {}))

        return _NoAnswer()

    scalar = scalars = t.cast(t.Any, lambda self, *_, **__: _NoAnswer().needed())

    def exec_driver_sql(self, statement: str, parameters: t.Any = None, **_: object) -> t.Any:
        # Not text(): a colon in driver SQL names no parameter. What does is the driver's affair.
        values = f"\n-- with the parameters {parameters!r}" if parameters else ""
        self._write(f"{statement.rstrip().rstrip(';')};{values}")
        return _NoAnswer()

    def in_transaction(self) -> bool:
        return False

    def begin(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    begin_nested = begin

    def execution_options(self, **_: object) -> _RecordingConnection:
        return self

    def __getattr__(self, name: str) -> t.Any:
        raise NeedsDatabase(name)


class _NoAnswer:
    """The result of a statement that was not sent; whoever looks at it needs the database."""

    def needed(self, *_: object) -> t.NoReturn:
        raise NeedsDatabase("result")

    __iter__ = __bool__ = __len__ = __getitem__ = needed

    def __getattr__(self, name: str) -> t.NoReturn:
        raise NeedsDatabase(name)


def _filled_in(statement: t.Any, parameters: c.Mapping[str, t.Any]) -> t.Any:
    """Return a statement with its parameters as values; stock rendering would print NULL."""
    if not parameters or not isinstance(statement, ClauseElement):
        return statement

    if isinstance(statement, sa.TextClause):
        return statement.bindparams(**parameters)

    if isinstance(statement, sa.Insert | sa.Update):
        columns = statement.table.columns
        values = {
            name: _literal(value, columns[name].type)
            for name, value in parameters.items()
            if name in columns
        }
        statement = statement.values(values) if values else statement

    def fill_in(element: object, **_: object) -> sa.BindParameter[t.Any] | None:
        if not isinstance(element, sa.BindParameter) or element.key not in parameters:
            return None

        return _literal(parameters[element.key], element.type)

    # Only a SELECT has params().
    return visitors.replacement_traverse(statement, {}, fill_in)


def _literal(value: object, type_: sa.types.TypeEngine[t.Any]) -> sa.BindParameter[t.Any]:
    """Return a value as a clause; of an untyped column the value itself tells the type."""
    return sa.literal(value, None if isinstance(type_, sa.types.NullType) else type_)
