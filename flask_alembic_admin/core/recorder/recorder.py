"""Running a step against a connection that sends nothing, and telling what it would do."""

from __future__ import annotations

import collections.abc as c
import contextlib
import dataclasses
import functools
import sys
import time
import traceback
import types
import typing as t
from pathlib import Path

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError

from .. import internals
from ..databases.database import Database
from ..risks.sql_text import classify
from ..sealed import NeedsDatabase
from ..sealed import sealed
from .connection import RecordingConnection
from .constructs import describe
from .operations import Operation

if t.TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep

#: Seconds that all steps of a preview may take; looked at whenever one would send something.
LIMIT = 30.0

_Place: t.TypeAlias = tuple[str | None, int | None]
_NOWHERE: _Place = (None, None)


class _TimeIsUp(BaseException):
    """A step takes too long; no error, so that no migration catches it."""


@dataclasses.dataclass
class Recorded:
    """What is known of a step once it was run."""

    operations: list[Operation] = dataclasses.field(default_factory=list)
    #: Why more would be sent than stands there; empty where all of it is known.
    incomplete: str = ""


class Recorder:
    """Makes steps write down what they would do, whatever they do.

    :param context: A context that renders SQL, to a buffer.
    :param folders: Where revision files are.
    :param database: Whose steps they are.
    :param limit: Seconds that all of them may take together.
    """

    def __init__(
        self,
        context: MigrationContext,
        folders: c.Sequence[Path],
        database: Database,
        limit: float = LIMIT,
    ) -> None:
        self._context = context
        self._folders = folders
        self._database = database
        self._limit = limit
        self._deadline = time.monotonic() + limit
        self._names: dict[str, str | None] = {}
        self._recorded = Recorded()
        #: Where the part of a batch stands that is sent now.
        self._place: _Place | None = None
        self._written: c.Mapping[str, t.Any] | None = None
        self._in_autocommit = False
        self._batch: t.Literal["", "sent", "described", "copied"] = ""
        #: How many statements the step has sent, and whether what comes belongs to the last one.
        self._statements = 0
        self._as_one = self._past_alembic = False

    def soften(self, step: RevisionStep) -> Recorded:
        """Make a step end where it needs the database, so that the next ones are still recorded.

        :param step: The step; it is run by whoever runs steps.
        :return: Filled when the step has been run.
        """
        recorded = Recorded()
        migrate = step.migration_fn

        @functools.wraps(migrate)
        def softened(**arguments: t.Any) -> None:
            self._recorded = recorded
            self._statements = 0

            try:
                self._look_at_clock()

                with self._recording(), sealed():
                    migrate(**arguments)
            except _TimeIsUp:
                recorded.incomplete = (
                    f"takes more than {self._limit:g} seconds with the steps before it; what it "
                    "would send after that is not known"
                )
            except (Exception, SystemExit) as error:
                recorded.incomplete = self._reason(error)

        step.migration_fn = softened
        return recorded

    @contextlib.contextmanager
    def _recording(self) -> c.Iterator[None]:
        context, impl = self._context, self._context.impl
        before = context.connection, impl.connection
        recording = RecordingConnection(context, self._said, self._on_connection)
        context.connection = impl.connection = t.cast(sa.Connection, recording)
        alter_column, autocommit_block = impl.alter_column, context.autocommit_block
        bulk_insert = impl.bulk_insert

        @functools.wraps(alter_column)
        def altering(*arguments: t.Any, **options: t.Any) -> None:
            with self.writing(options):
                alter_column(*arguments, **options)

        @contextlib.contextmanager
        def in_autocommit() -> c.Iterator[None]:
            with autocommit_block():
                self._in_autocommit = True

                try:
                    yield
                finally:
                    self._in_autocommit = False

        @functools.wraps(bulk_insert)
        def inserting(table: sa.TableClause, rows: t.Any, *others: t.Any, **options: t.Any) -> None:
            with self._one_statement():
                if any(isinstance(column.type, sa.types.NullType) for column in table.columns):
                    recording.insert(table, rows)
                else:
                    bulk_insert(table, rows, *others, **options)

        vars(impl).update(alter_column=altering, bulk_insert=inserting)
        vars(context)["autocommit_block"] = in_autocommit

        try:
            with (
                internals.watched_statements(impl, self._statement),
                internals.watched_batches(self),
            ):
                yield
        finally:
            context.connection, impl.connection = before
            del vars(impl)["alter_column"], vars(impl)["bulk_insert"]
            del vars(context)["autocommit_block"]
            self._place, self._written, self._batch = None, None, ""
            self._in_autocommit = False

    # What is told while a step runs.

    def place(self) -> _Place:
        """Return the innermost line of a revision file, or of a helper beside it, that runs now."""
        frame: types.FrameType | None = sys._getframe(1)

        while frame is not None:
            name = self._name(frame.f_code.co_filename)

            if name is not None:
                return name, frame.f_lineno

            frame = frame.f_back

        return _NOWHERE

    def at(self, place: _Place | None) -> None:
        """Say that what is sent now stands at a place that has been run through already."""
        self._place = place

    @contextlib.contextmanager
    def writing(self, options: c.Mapping[str, t.Any]) -> c.Iterator[None]:
        """Say what the step gave to ``alter_column``, while that is sent."""
        self._written = options

        try:
            yield
        finally:
            self._written = None

    @contextlib.contextmanager
    def batch(self, how: t.Literal["sent", "described", "copied"]) -> c.Iterator[None]:
        """Say that what comes now is a batch.

        :param how: ``sent`` as it stands; ``described`` as it was written, though it is done by
            a copy of the table; or ``copied``, the copy, whose parts are no operations.
        """
        self._batch = how

        try:
            # A copy does all of it at once.
            with self._one_statement() if how == "described" else contextlib.nullcontext():
                yield
        finally:
            self._batch = ""

    def copies(self, table: str, schema: str | None) -> None:
        """Say that a batch copies a table and changes nothing in it."""
        details = {"action": "RECREATE", "recreate": True}
        self._add([Operation("alter_table", "", table=table, schema=schema, details=details)])

    @contextlib.contextmanager
    def _one_statement(self) -> c.Iterator[None]:
        """Take what is rendered in the block, such as many rows, for the one that it is sent as."""
        self._statements += 1
        before, self._as_one = self._as_one, True

        try:
            yield
        finally:
            self._as_one = before

    @contextlib.contextmanager
    def _on_connection(self) -> c.Iterator[None]:
        """Say that what is sent in the block goes to the connection, past Alembic."""
        self._past_alembic = True

        try:
            with self._one_statement():
                yield
        finally:
            self._past_alembic = False

    def _look_at_clock(self) -> None:
        if time.monotonic() > self._deadline:
            raise _TimeIsUp

    def _statement(self, construct: object, send: c.Callable[[], t.Any]) -> t.Any:
        self._look_at_clock()

        if self._batch == "copied":
            return send()

        if self._batch == "described":
            answer, sql = None, self._rendered(construct)
        else:
            buffer = t.cast(t.TextIO, self._context.impl.output_buffer)
            start = buffer.tell()
            answer = send()
            buffer.seek(start)
            sql = buffer.read().strip().removesuffix(";")

        self._add(describe(construct, sql, self._context.dialect, self._written))
        return answer

    def _rendered(self, construct: object) -> str:
        # SQLite has no words for most of it.
        with contextlib.suppress(sa.exc.CompileError, NotImplementedError):
            return str(t.cast(t.Any, construct).compile(dialect=self._context.dialect)).strip()

        return ""

    def _said(self, sql: str) -> None:
        self._look_at_clock()

        with self._on_connection():
            self._add(classify(sql, self._context.dialect.name))

    def _add(self, operations: c.Iterable[Operation]) -> None:
        file, line = self._place or self.place()

        if not self._as_one:
            self._statements += 1

        for operation in operations:
            details = operation.details

            if self._batch == "described":
                details = {**details, "recreate": True}

            self._recorded.operations.append(
                dataclasses.replace(
                    operation,
                    file=file,
                    line=line,
                    in_autocommit=self._in_autocommit,
                    in_batch=bool(self._batch),
                    details=details,
                    statement=self._statements,
                    past_alembic=self._past_alembic,
                )
            )

    def _name(self, filename: str) -> str | None:
        """Return the name of a file in the script folders; None for any other."""
        if filename not in self._names:
            path = Path(filename)
            is_ours = any(path.is_relative_to(folder) for folder in self._folders)
            self._names[filename] = path.name if is_ours else None

        return self._names[filename]

    def _reason(self, error: BaseException) -> str:
        place = ""

        for frame in traceback.extract_tb(error.__traceback__):
            if name := self._name(frame.filename):
                place = f" at {name}, line {frame.lineno}"

        # Batch mode on SQLite makes a new table of what is there, and Alembic refuses by a text.
        batch = isinstance(error, CommandError) and "--sql mode" in str(error)

        if batch or isinstance(error, NeedsDatabase | sa.exc.NoInspectionAvailable):
            return f"reads the database{place}; the rest of this step depends on your data"

        return f"cannot be rendered{place}: {self._database.describe_error(error)}"
