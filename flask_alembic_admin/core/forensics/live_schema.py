"""The schema of a database as it is now, asked thing by thing; nothing but read."""

from __future__ import annotations

import collections.abc as c
import contextlib
import re
import typing as t

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext

from .traces import Columns
from .traces import Expected
from .traces import Thing

_Type: t.TypeAlias = sa.types.TypeEngine[t.Any]
#: Types of which a difference that Alembic sees is one.
_PLAIN = (
    sa.types.Integer,
    sa.types.Numeric,
    sa.types.String,
    sa.types.Date,
    sa.types.DateTime,
    sa.types.Time,
    sa.types.Boolean,
    sa.types.LargeBinary,
)
#: One name for those that a server takes for the same.
_SAME = {"INTEGER": "INT", "NUMERIC": "DECIMAL", "BOOLEAN": "BOOL", "TINYINT(1)": "BOOL"}
_COLLATION = re.compile(r"\s+(?:CHARACTER SET|CHARSET|COLLATE)\s+\S+")
_WIDTH = re.compile(r"\b((?:SMALL|MEDIUM|BIG)?INT(?:EGER)?)\(\d+\)")
_LITERAL = re.compile(r"'(?:[^']|'')*'|[-+]?\d+(?:\.\d+)?")


class LiveSchema:
    """Says of things whether they are so in a database.

    :param connection: Only read, and left as it was found.
    """

    def __init__(self, connection: sa.Connection) -> None:
        self._dialect = connection.dialect
        # It keeps what it was told, so that one look sees one schema.
        self._inspector = sa.inspect(connection)
        self._impl = MigrationContext.configure(dialect=connection.dialect).impl
        self._known: dict[tuple[Thing, object], bool | None] = {}

    def meets(self, expected: Expected) -> bool | None:
        """Return whether something is as expected; None where that cannot be told.

        :param expected: What is asked.
        """
        answers = [self.shows(thing, value) for thing, value in expected.values]
        so = False if False in answers else None if None in answers else True
        return so if so is None or expected.holds else not so

    def shows(self, thing: Thing, value: object) -> bool | None:
        """Return whether a thing has a value; None where that cannot be told.

        :param thing: What is asked about.
        :param value: What it would have to be.
        """
        # A type has no value of its own that it could be told by, but it stays the same object.
        key = thing, id(value) if isinstance(value, sa.types.TypeEngine) else value

        if key not in self._known:
            self._known[key] = self._ask(thing, value)

        return self._known[key]

    def _ask(self, thing: Thing, value: object) -> bool | None:
        if thing.what in {"table", "view", "column"}:
            return self._is_there(thing) == value

        if thing.what in {"type", "nullable", "default", "comment"}:
            return self._has_attribute(thing, value)

        found = self._columns_of(thing)

        if value is False or found is None:
            return (found is None) == (value is False)

        wanted = value.names if isinstance(value, Columns) else ()
        return found == wanted if found and wanted else True

    def _is_there(self, thing: Thing) -> bool:
        if thing.what == "view":
            return thing.name in map(str.casefold, self._inspector.get_view_names(thing.schema))

        if thing.what == "column":
            return thing.name in self._columns(thing.schema, thing.table)

        return self._inspector.has_table(str(thing.table), schema=thing.schema)

    def _has_attribute(self, thing: Thing, value: object) -> bool | None:
        column = self._columns(thing.schema, thing.table).get(thing.name)

        if column is None:
            return False

        if thing.what == "nullable":
            return bool(column["nullable"]) == value

        if thing.what == "comment":
            return (column.get("comment") or None) == (value or None)

        if thing.what == "default":
            return _same_default(column.get("default"), value)

        return self._same_type(column["type"], t.cast(_Type, value))

    def _same_type(self, live: _Type, wanted: _Type) -> bool | None:
        if getattr(wanted, "collation", None) or getattr(wanted, "charset", None):
            return None

        with contextlib.suppress(sa.exc.CompileError):
            if self._written(live) == self._written(wanted):
                return True

        made = wanted.dialect_impl(self._dialect)
        is_plain = isinstance(live, _PLAIN) and isinstance(made, _PLAIN)

        if not is_plain or isinstance(made, sa.Enum) or isinstance(live, sa.Enum):
            return None

        columns = sa.Column("a", live), sa.Column("a", wanted)
        return False if self._impl.compare_type(*columns) else None

    def _written(self, type_: _Type) -> str:
        text = _COLLATION.sub("", type_.compile(dialect=self._dialect).upper())
        text = _SAME.get(text, text)
        text = _WIDTH.sub(r"\1", text)
        head, bracket, rest = text.partition("(")
        return f"{_SAME.get(head, head)}{bracket}{rest.replace(' ', '')}"

    def _columns_of(self, thing: Thing) -> tuple[str, ...] | None:
        """Return the columns of an index or constraint; None where it is not there."""
        if thing.what == "index" and thing.table is None:
            tables = self._inspector.get_table_names(thing.schema)
            found = (self._indexes(thing.schema, table).get(thing.name) for table in tables)
            return next((columns for columns in found if columns is not None), None)

        if thing.table is None or not self._inspector.has_table(thing.table, schema=thing.schema):
            return None

        if thing.what == "index":
            return self._indexes(thing.schema, thing.table).get(thing.name)

        return self._constraints(thing.schema, thing.table).get((thing.what, thing.name))

    def _columns(self, schema: str | None, table: str | None) -> dict[str, t.Any]:
        with contextlib.suppress(sa.exc.NoSuchTableError):
            columns = self._inspector.get_columns(str(table), schema=schema)
            return {column["name"].casefold(): column for column in columns}

        return {}

    def _indexes(self, schema: str | None, table: str) -> dict[str, tuple[str, ...]]:
        return {
            str(index["name"]).casefold(): _folded(index["column_names"])
            for index in self._inspector.get_indexes(table, schema=schema)
        }

    def _constraints(
        self, schema: str | None, table: str
    ) -> dict[tuple[str, str], tuple[str, ...]]:
        """Return the columns of constraints by their names, and by what they say."""
        found: dict[tuple[str, str], tuple[str, ...]] = {}
        inspector = self._inspector
        # To some servers a unique constraint is an index, whoever made it.
        unique: list[t.Any] = [
            *inspector.get_unique_constraints(table, schema=schema),
            *(index for index in inspector.get_indexes(table, schema=schema) if index["unique"]),
        ]

        for constraint in unique:
            columns = _folded(constraint["column_names"])
            found["unique", ",".join(columns)] = columns
            found["constraint", str(constraint["name"]).casefold()] = columns

        for foreign_key in inspector.get_foreign_keys(table, schema=schema):
            columns = _folded(foreign_key["constrained_columns"])
            referred = foreign_key["referred_table"].casefold()
            found["foreign_key", f"{','.join(columns)}>{referred}"] = columns
            found["constraint", str(foreign_key["name"]).casefold()] = columns

        # Not every server can be asked for these.
        with contextlib.suppress(NotImplementedError):
            for check in inspector.get_check_constraints(table, schema=schema):
                found["constraint", str(check["name"]).casefold()] = ()

        primary_key = inspector.get_pk_constraint(table, schema=schema)

        if primary_key and primary_key["constrained_columns"]:
            columns = _folded(primary_key["constrained_columns"])
            found["primary_key", ""] = columns

        return found


def _folded(names: c.Iterable[str | None]) -> tuple[str, ...]:
    """Return the names of columns; none of them where one is no column but an expression."""
    names = tuple(names)
    return tuple(name.casefold() for name in names if name) if all(names) else ()


def _same_default(live: object, wanted: object) -> bool | None:
    """Return whether two defaults in words of SQL are the same; None where that is not sure."""
    first, second = _plain_default(live), _plain_default(wanted)

    if first == second:
        return True

    are_sure = all(one is None or _LITERAL.fullmatch(one) for one in (first, second))

    # A server may write a number as a text, or the other way round.
    if are_sure and (first or "").strip("'") != (second or "").strip("'"):
        return False

    return True if are_sure and first is not None and second is not None else None


def _plain_default(default: object) -> str | None:
    if default is None:
        return None

    text = str(default).strip()

    while text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()

    return None if text.upper() == "NULL" else text if text.startswith("'") else text.casefold()
