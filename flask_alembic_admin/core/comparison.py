"""The comparison of one database with its models: made by looking only, and kept."""

from __future__ import annotations

import collections.abc as c
import contextlib
import dataclasses
import datetime
import itertools
import textwrap
import time
import traceback
import typing as t
from pathlib import Path

import sqlalchemy as sa
from alembic import autogenerate
from alembic.runtime.migration import MigrationContext

from ..errors import MigrationError
from .drift import Difference
from .drift import to_differences
from .env_py.borrowed import borrowed
from .ledger.comparisons import ComparisonRecord
from .model_operations import made_by_comparing
from .op_guard import op_guard
from .servers import server_of
from .servers import Timeouts

if t.TYPE_CHECKING:
    from alembic.operations import ops

    from .databases.database import Database
    from .reading import Reader

#: Seconds that a comparison may take; a worker that is busy for 30 is often killed.
MOST_SECONDS = 25.0
#: Seconds to wait for a run or a preview of this process.
WAIT = 3.0
#: The most differences that are kept, and the most characters of Python.
MOST_DIFFERENCES = 2_000
MOST_PYTHON = 100_000

# Said of what is kept, so that other versions of this package do not take it for theirs.
_FORMAT = 1

#: The options that decide what is seen, with what Alembic does where they are not given.
_OPTIONS: c.Mapping[str, t.Any] = {
    "compare_type": True,
    "compare_server_default": False,
    "include_schemas": False,
    "include_name": None,
    "include_object": None,
}

#: How an option was set: ``custom`` is a function of the app's.
Option: t.TypeAlias = t.Literal["on", "off", "custom"]

# Such as `sa.`; what the text of a new revision would be written with too.
_RENDERING = (
    "sqlalchemy_module_prefix",
    "alembic_module_prefix",
    "render_as_batch",
    "render_item",
    "user_module_prefix",
)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What a comparison of one database with its models has found.

    :param database: The database's name.
    :param time: When it began.
    :param seconds: How long it took.
    :param heads: What the database was at.
    :param options: How each option that decides what is seen was set.
    :param differences: What differs, by table.
    :param left_out: How many more differences there are than are kept.
    :param upgrade: The operations that would make the database what the models say, as Python.
    :param downgrade: The operations that would undo that.
    :param error: Why nothing could be found; None where it could.
    """

    database: str
    time: datetime.datetime
    seconds: float
    heads: tuple[str, ...] = ()
    options: c.Mapping[str, Option] = dataclasses.field(default_factory=dict)
    differences: tuple[Difference, ...] = ()
    left_out: int = 0
    upgrade: str = ""
    downgrade: str = ""
    error: str | None = None

    @property
    def count(self) -> int:
        """How many differences there are, kept or not."""
        return len(self.differences) + self.left_out

    @property
    def by_table(self) -> dict[str, tuple[Difference, ...]]:
        """The differences of each table by its full name; under an empty one those of none."""
        return {
            table: tuple(differences)
            for table, differences in itertools.groupby(self.differences, lambda one: one.table)
        }

    def to_record(self) -> ComparisonRecord:
        """Return the comparison as the ledger keeps it."""
        content = dataclasses.asdict(self)
        columns = {name: content.pop(name) for name in ("database", "time", "seconds", "heads")}
        return ComparisonRecord(**columns, content={"format": _FORMAT, **content})

    @classmethod
    def from_record(cls, record: ComparisonRecord) -> Comparison | None:
        """Return a comparison that was kept; None for one that another version has kept.

        :param record: As the ledger has it.
        """
        content = dict(record.content)

        if content.pop("format", None) != _FORMAT:
            return None

        content["differences"] = tuple(Difference(**one) for one in content["differences"])
        return cls(
            database=record.database,
            time=record.time,
            seconds=record.seconds,
            heads=record.heads,
            **content,
        )


def compare(
    reader: Reader, database: str, *, seconds: float = MOST_SECONDS, wait: float = WAIT
) -> Comparison:
    """Compare one database with its models; the database is only read.

    No migration is run and the lock of the database is not asked for. What goes wrong is said in
    the comparison.

    :param reader: Compares.
    :param database: The database's name.
    :param seconds: The most that it may take.
    :param wait: Seconds to wait for a run or a preview of this process.
    :raises Busy: Another migration or preview in this process takes too long.
    """
    project = reader.project
    options = {name: _option(project.options(database), name) for name in _OPTIONS}

    with op_guard(wait):
        now, began = datetime.datetime.now(datetime.UTC), time.monotonic()
        look = _Look(project.databases[database], began + seconds)

        try:
            found = look.at(reader)
        except Exception as error:
            # Models, filters and comparators are the app's; none may take the page down.
            found = {"error": look.describe(error)}

        options = found.pop("options", options)
        return Comparison(database, now, time.monotonic() - began, options=options, **found)


class _TookTooLong(Exception):
    pass


class _Look:
    def __init__(self, database: Database, deadline: float) -> None:
        self._database = database
        self._deadline = deadline

    def at(self, reader: Reader) -> dict[str, t.Any]:
        """Return what is found, as values of a comparison."""
        name = self._database.name
        found: dict[str, t.Any] = {}

        # A connection of its own, whatever the caller works with.
        with reader.use(name):
            reader.visit(lambda context: found.update(self._found(context)), name)

        return found

    def _found(self, context: MigrationContext) -> dict[str, t.Any]:
        assert context.connection is not None
        within = context.connection.in_transaction()
        bounded = borrowed(context.connection) if within else context.connection

        with self._bounded(bounded, context.connection):
            heads = context.get_current_heads()
            script = made_by_comparing(context)
            upgrade, downgrade = script.upgrade_ops_list[0], script.downgrade_ops_list[0]
            found = sorted(to_differences(upgrade.as_diffs()), key=lambda one: one.table)
            return {
                "heads": heads,
                "options": {key: _option(context.opts, key) for key in _OPTIONS},
                "differences": tuple(found[:MOST_DIFFERENCES]),
                "left_out": len(found[MOST_DIFFERENCES:]),
                "upgrade": self._python(upgrade, context) if found else "",
                "downgrade": self._python(downgrade, context) if found else "",
            }

    def describe(self, error: Exception) -> str:
        """Return why nothing could be found, as a sentence with nothing secret in it."""
        if isinstance(error, MigrationError):
            return error.message

        if isinstance(error, _TookTooLong):
            return "It took too long and was ended. “flask db check” takes all the time it needs."

        said = self._database.describe_error(error)

        if isinstance(error, sa.exc.SQLAlchemyError):
            return f"{said}."

        frame = traceback.extract_tb(error.__traceback__)[-1]
        return f"{said} ({Path(frame.filename).name}, line {frame.lineno})."

    @contextlib.contextmanager
    def _bounded(self, connection: sa.Connection, listened: sa.Connection) -> c.Iterator[None]:
        """Let no statement wait or go on beyond the deadline, and begin none after it."""
        server = server_of(connection)
        left = max(self._deadline - time.monotonic(), 1)
        connection.rollback()
        server.set_timeouts(connection, Timeouts(lock=min(5, left), statement=left))
        sa.event.listen(listened, "before_cursor_execute", self._refuse_if_late)

        try:
            yield
        finally:
            sa.event.remove(listened, "before_cursor_execute", self._refuse_if_late)
            server.restore_timeouts(connection)

    def _refuse_if_late(self, *arguments: object) -> None:
        if time.monotonic() > self._deadline:
            raise _TookTooLong

    def _python(
        self, operations: ops.UpgradeOps | ops.DowngradeOps, context: MigrationContext
    ) -> str:
        options = {name: context.opts[name] for name in _RENDERING if name in context.opts}
        # Alembic would ask one that has a connection for its models, and does not look at them.
        of_dialect = MigrationContext.configure(dialect=context.dialect)

        try:
            code = autogenerate.render_python_code(
                operations, migration_context=of_dialect, **options
            )
        except Exception as error:
            # The differences are what matters, and a type of the app's may not write itself.
            return f"# This cannot be written as Python: {self._database.describe_error(error)}\n"

        # Alembic's remarks ask whoever gets them in a file to adjust it.
        lines = [line for line in code.splitlines(True) if not line.lstrip().startswith("# ###")]
        code = textwrap.dedent("".join(lines))

        if len(code) <= MOST_PYTHON:
            return code

        kept = "".join(code[:MOST_PYTHON].rpartition("\n")[:2])
        left_out = code.count("\n") - kept.count("\n")
        return f"{kept}# {left_out:,} more lines were left out.\n"


def _option(options: c.Mapping[str, t.Any], name: str) -> Option:
    value = options.get(name, _OPTIONS[name])
    return "custom" if callable(value) else "on" if value else "off"
