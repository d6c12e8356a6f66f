"""The SQL of some steps, rendered without a database; what cannot be known so is said."""

from __future__ import annotations

import collections.abc as c
import contextlib
import copy
import dataclasses
import io
import typing as t

import sqlalchemy as sa
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from .. import internals
from ..alembic_objects import AlembicObjects
from ..op_guard import op_guard
from ..recorder.operations import Operation
from ..recorder.recorder import Recorder
from ..results import step_message
from ..results import step_revision

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
    :param operations: What it would do, in order; the version table apart.
    """

    revision: str
    message: str
    sql: str
    incomplete: str = ""
    operations: tuple[Operation, ...] = ()


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
            recorded = recorder.soften(step)
            yield step
            sql = buffer.getvalue()[offset:].strip()
            if has_version_table:
                # Alembic creates it before a step that begins at base, and this comment follows.
                sql = sql[sql.index("-- Running ") :]
            previews.append(
                StepPreview(
                    step_revision(step),
                    step_message(step),
                    sql,
                    recorded.incomplete,
                    tuple(recorded.operations),
                )
            )

    directory = objects.script_directory
    # A stamp goes on from rows that no file knows, which Alembic would look up.
    known = tuple(head for head in heads if _is_known(directory, head))
    environment = EnvironmentContext(
        objects.config, directory, as_sql=True, starting_rev=known or None, tag=objects.tag
    )
    options = {
        key: value
        for key, value in objects.project.options(database).items()
        if key != "on_version_apply"
    }
    # Whoever runs the SQL decides about transactions.
    options.update(literal_binds=True, output_buffer=buffer, transaction_per_migration=False)
    environment.configure(dialect_name=target.dialect, **options)
    context = environment.get_context()
    context.dialect = context.impl.dialect = rendering_dialect(target.engine.dialect)
    recorder = Recorder(context, objects.project.scripts.folders, target)
    arguments = objects.project.arguments(database)

    with op_guard():
        internals.run_steps(context, environment, steps, arguments)

    return tuple(previews)


def _is_known(directory: ScriptDirectory, revision: str) -> bool:
    with contextlib.suppress(CommandError):
        return directory.get_revision(revision) is not None

    return False


def rendering_dialect(dialect: sa.Dialect) -> sa.Dialect:
    """Return the dialect of an engine, which knows its server's version, for SQL to be read.

    A driver whose parameters are marked by ``%`` would have each ``%`` doubled.
    """
    rendering = copy.copy(dialect)
    rendering.paramstyle = "named"
    rendering.positional = False
    rendering.identifier_preparer = rendering.preparer(rendering)
    return rendering
