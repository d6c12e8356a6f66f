"""The SQL of some steps, rendered without a database; what cannot be known so is said."""

from __future__ import annotations

import collections.abc as c
import contextlib
import dataclasses
import functools
import io
import traceback
import typing as t
from pathlib import Path

import sqlalchemy as sa
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine.mock import MockConnection
from sqlalchemy.sql.elements import ClauseElement

from . import internals
from .alembic_objects import AlembicObjects
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
    wait: float = 60.0,
) -> tuple[StepPreview, ...]:
    """Render the SQL of the steps that lead on from some heads; no connection is used.

    The Python of each step is run, so whatever else it does happens.

    :param objects: Alembic's objects for this use.
    :param database: Whose dialect the SQL is for.
    :param heads: Where to begin.
    :param find_steps: Gives the steps.
    :param wait: Seconds to wait for another migration or preview in this process.
    :raises Busy: Another one took longer than that.
    """
    previews: list[StepPreview] = []
    buffer = io.StringIO()

    def steps(_: object, context: MigrationContext) -> c.Iterator[RevisionStep]:
        for step in find_steps(database, heads):
            offset = buffer.tell()
            stopped = _soften(step, context, objects)
            yield step
            sql = buffer.getvalue()[offset:].strip()
            previews.append(
                StepPreview(step_revision(step), step_message(step), sql, "".join(stopped))
            )

    engine = objects.project.databases[database].engine
    environment = EnvironmentContext(
        objects.config, objects.script_directory, as_sql=True, starting_rev=heads or None
    )
    options = {
        key: value
        for key, value in objects.project.context_options.items()
        if key not in {"on_version_apply"}
    }
    environment.configure(
        dialect_name=engine.dialect.name, literal_binds=True, output_buffer=buffer, **options
    )
    context = environment.get_context()
    # The engine's own dialect knows the version of its server once it has connected.
    context.dialect = context.impl.dialect = engine.dialect
    arguments = {"engine_name": database} if len(objects.project.databases) > 1 else {}

    with op_guard(wait):
        internals.run_steps(context, environment, steps, arguments)

    return tuple(previews)


def _soften(step: RevisionStep, context: MigrationContext, objects: AlembicObjects) -> list[str]:
    """Make a step end where it needs the database, so that the next ones are still rendered.

    :return: Gets the reason when the step has been stopped.
    """
    stopped: list[str] = []
    migrate = step.migration_fn
    folders = objects.project.scripts.folders

    @functools.wraps(migrate)
    def softened(**arguments: t.Any) -> None:
        connection, impl_connection = context.connection, context.impl.connection
        recording = _RecordingConnection(context)
        context.connection = context.impl.connection = t.cast(sa.Connection, recording)

        try:
            migrate(**arguments)
        except (Exception, SystemExit) as error:
            stopped.append(_reason(error, folders))
        finally:
            context.connection, context.impl.connection = connection, impl_connection

    step.migration_fn = softened
    return stopped


def _reason(error: BaseException, folders: c.Sequence[Path]) -> str:
    place = ""

    for frame in traceback.extract_tb(error.__traceback__):
        if any(Path(frame.filename).is_relative_to(folder) for folder in folders):
            place = f" at {Path(frame.filename).name}, line {frame.lineno}"

    if isinstance(error, NeedsDatabase | sa.exc.NoInspectionAvailable):
        return f"reads the database{place}; the rest of this step depends on your data"

    return f"cannot be rendered{place}: {type(error).__name__}: {error}"


class _RecordingConnection(MockConnection):
    """Writes statements with their parameters filled in, and knows no answer to any of them."""

    def __init__(self, context: MigrationContext) -> None:
        super().__init__(context.dialect, context.impl._exec)
        self._context = context

    def execute(
        self, obj: t.Any, parameters: t.Any = None, execution_options: t.Any = None
    ) -> t.Any:
        many = parameters if isinstance(parameters, c.Sequence) else [parameters]

        for one in many or [None]:
            self._context.impl._exec(_filled_in(obj, one or {}))

        return _NoAnswer()

    scalar = scalars = t.cast(t.Any, lambda self, *_, **__: _NoAnswer().needed())

    def exec_driver_sql(self, statement: str, *_: object, **__: object) -> t.Any:
        # Not text(): a colon in driver SQL names no parameter.
        self._context.impl.static_output(f"{statement.rstrip(';')};")
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
        names = {column.name for column in statement.table.columns}
        values = {key: value for key, value in parameters.items() if key in names}
        statement = statement.values(values) if values else statement

    return statement.params(dict(parameters))
