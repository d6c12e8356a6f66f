"""Running the rest of a step: what is in place of it already is left out.

Each statement that is left out has to be the one that was found to be in place. Where another one
is about to be sent, the step ends before anything of it is sent.
"""

from __future__ import annotations

import collections.abc as c
import contextlib
import functools
import io
import typing as t

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext

from ...errors import MigrationError
from .. import internals
from ..plans.preview import rendering_dialect
from ..recorder.connection import filled_in
from ..recorder.constructs import describe
from ..recorder.operations import Operation
from ..risks.sql_text import classify
from .forensics import PASSING
from .forensics import sql_of

if t.TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep


class StepDiffers(MigrationError):
    """A step would send something else than what was found to be in place of it."""

    def __init__(self, position: int, expected: str | None, sql: str) -> None:
        planned = "no more" if expected is None else f"“{_short(expected)}”"
        super().__init__(
            f"Operation {position} of the step was to be left out as {planned}, and is "
            f"“{_short(sql)}”. Nothing of the step was sent.",
            "Look at what is there again: the step does not do the same each time.",
        )


class LeavingOut:
    """Makes a step begin with what is not in place yet.

    :param context: The context that the step is run on.
    :param statements: What is in place, as it would be sent.
    """

    def __init__(self, context: MigrationContext, statements: c.Sequence[str]) -> None:
        self._context = context
        self._statements = statements
        self._dialect = context.dialect.name
        self._position = 0
        #: Whether what goes to the connection has gone through here.
        self._is_passing = False
        self._rendered = io.StringIO()
        options = {"as_sql": True, "literal_binds": True, "output_buffer": self._rendered}
        self._renders = MigrationContext.configure(
            dialect=rendering_dialect(context.dialect), opts=options
        )

    def shorten(self, step: RevisionStep, begins: c.Callable[[], object]) -> None:
        """Make a step leave out what is in place.

        :param step: The step; it is run by whoever runs steps.
        :param begins: Called when it begins.
        """
        migrate = step.migration_fn

        @functools.wraps(migrate)
        def shortened(**arguments: t.Any) -> None:
            begins()

            with self._leaving_out():
                migrate(**arguments)

            if self._position < len(self._statements):
                raise StepDiffers(
                    self._position + 1, self._statements[self._position], "the end of the step"
                )

        step.migration_fn = shortened

    @contextlib.contextmanager
    def _leaving_out(self) -> c.Iterator[None]:
        impl, connection = self._context.impl, self._context.connection
        assert connection is not None
        bulk_insert = impl.bulk_insert

        @functools.wraps(bulk_insert)
        def inserting(table: sa.TableClause, rows: t.Any, *others: t.Any, **options: t.Any) -> None:
            if self._ended:
                bulk_insert(table, rows, *others, **options)
            else:
                self._leave_out(self._rows(table, rows))

        vars(impl)["bulk_insert"] = inserting
        sa.event.listen(connection, "before_cursor_execute", self._before)

        try:
            with internals.watched_statements(impl, self._statement):
                yield
        finally:
            sa.event.remove(connection, "before_cursor_execute", self._before)
            del vars(impl)["bulk_insert"]

    @property
    def _ended(self) -> bool:
        return self._position == len(self._statements)

    def _statement(self, construct: object, send: c.Callable[[], t.Any]) -> t.Any:
        if self._ended:
            return send()

        operations = describe(construct, self._sql(construct), self._context.dialect)

        if all(one.kind in PASSING for one in operations):
            return self._send(send)

        self._leave_out(operations)
        return None

    def _rows(self, table: sa.TableClause, rows: t.Any) -> list[Operation]:
        """Return as they were recorded many rows, which are one statement to a connection."""
        constructs: list[object] = []
        impl = self._renders.impl

        if any(isinstance(column.type, sa.types.NullType) for column in table.columns):
            constructs += [filled_in(table.insert().inline(), row) for row in rows]
        else:
            with internals.watched_statements(impl, lambda one, _: constructs.append(one)):
                impl.bulk_insert(table, rows)

        dialect = self._context.dialect
        return [one for row in constructs for one in describe(row, self._sql(row), dialect)]

    def _leave_out(self, operations: c.Sequence[Operation]) -> None:
        sql = sql_of(operations)

        if sql != self._statements[self._position]:
            raise StepDiffers(self._position + 1, self._statements[self._position], sql)

        self._position += 1

    def _sql(self, construct: object) -> str:
        """Return what would be sent as it was recorded; nothing where there are no words for it."""
        self._rendered.seek(0)
        self._rendered.truncate()

        with contextlib.suppress(sa.exc.CompileError, NotImplementedError):
            internals.render_statement(self._renders, t.cast("sa.Executable | str", construct))
            return self._rendered.getvalue().strip().removesuffix(";")

        return ""

    def _send(self, send: c.Callable[[], t.Any]) -> t.Any:
        self._is_passing = True

        try:
            return send()
        finally:
            self._is_passing = False

    def _before(self, *arguments: t.Any) -> None:
        """Refuse what goes past Alembic while all that comes is to be left out."""
        sql = str(arguments[2])

        if self._ended or self._is_passing:
            return

        if any(one.kind not in PASSING for one in classify(sql, self._dialect)):
            raise StepDiffers(self._position + 1, self._statements[self._position], sql)


def _short(sql: str) -> str:
    text = " ".join(sql.split())
    return text if len(text) <= 80 else f"{text[:79]}…"
