"""A connection that writes what it is given down, and has no answer to any of it."""

from __future__ import annotations

import collections.abc as c
import contextlib
import functools
import typing as t

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine.mock import MockConnection
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import ClauseElement

from .. import internals
from ..sealed import NeedsDatabase


class RecordingConnection(MockConnection):
    """Writes statements with their parameters filled in, and knows no answer to any of them.

    :param context: A context that renders SQL.
    :param said: Gets SQL that goes past Alembic, as text.
    :param on_connection: Entered around what is sent in one go.
    """

    def __init__(
        self,
        context: MigrationContext,
        said: c.Callable[[str], object],
        on_connection: c.Callable[[], contextlib.AbstractContextManager[None]],
    ) -> None:
        self._render = functools.partial(internals.render_statement, context)
        self._write = context.impl.static_output
        self._said = said
        self._on_connection = on_connection
        super().__init__(context.dialect, self._render)

    def execute(
        self, obj: t.Any, parameters: t.Any = None, execution_options: t.Any = None
    ) -> t.Any:
        many = parameters if isinstance(parameters, c.Sequence) else [parameters]

        with self._on_connection():
            for one in many or [None]:
                self._render(filled_in(obj, one or {}))

        return _NoAnswer()

    def insert(self, table: sa.TableClause, rows: c.Sequence[dict[str, t.Any]]) -> None:
        """Write rows whose columns have no types, which Alembic cannot.

        :param table: Where they go.
        :param rows: Their values.
        """
        for row in rows:
            self._render(filled_in(table.insert().inline(), row))

    scalar = scalars = t.cast(t.Any, lambda self, *_, **__: _NoAnswer().needed())

    def exec_driver_sql(self, statement: str, parameters: t.Any = None, **_: object) -> t.Any:
        # Not text(): a colon in driver SQL names no parameter. What does is the driver's affair.
        values = f"\n-- with the parameters {parameters!r}" if parameters else ""
        self._write(f"{statement.rstrip().rstrip(';')};{values}")
        self._said(statement)
        return _NoAnswer()

    def in_transaction(self) -> bool:
        return False

    def begin(self) -> _NoTransaction:
        return _NoTransaction()

    begin_nested = begin

    def commit(self) -> None:
        self._said("COMMIT")

    def rollback(self) -> None:
        self._said("ROLLBACK")

    def close(self) -> None:
        """Leave it as it is: the step goes on with it."""

    def execution_options(self, **_: object) -> RecordingConnection:
        return self

    def __getattr__(self, name: str) -> t.Any:
        raise NeedsDatabase(name)


class _NoTransaction(contextlib.AbstractContextManager["_NoTransaction"]):
    """Stands for one that a step begins within its own, such as by a Session."""

    is_active = True

    def __exit__(self, *_: object) -> None:
        pass

    def commit(self) -> None:
        pass

    rollback = close = commit


class _NoAnswer:
    """The result of a statement that was not sent; whoever looks at it needs the database."""

    def needed(self, *_: object) -> t.NoReturn:
        raise NeedsDatabase("result")

    __iter__ = __bool__ = __len__ = __getitem__ = needed

    def __getattr__(self, name: str) -> t.NoReturn:
        raise NeedsDatabase(name)


def filled_in(statement: t.Any, parameters: c.Mapping[str, t.Any]) -> t.Any:
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
    if isinstance(value, sa.BindParameter):
        return value

    return sa.literal(value, None if isinstance(type_, sa.types.NullType) else type_)
