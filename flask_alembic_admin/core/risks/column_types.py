"""Types of columns held against each other, whether Alembic or a text names them."""

from __future__ import annotations

import dataclasses
import functools
import re
import typing as t

import sqlalchemy as sa

_SPACES = re.compile(r"\s+")
_ARRAY = re.compile(r"(?:\s*\[\d*\])+$")
_PARENTHESES = re.compile(r"\s*\((.*)\)\s*")
#: What follows a type without parentheses.
_REST = re.compile(r"\s+(?=(?:collate|character set|charset|unsigned|zerofill|binary)\b)")

#: Other words for the same type.
_SAME = {
    "int": "integer",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "character varying": "varchar",
    "national varchar": "varchar",
    "nvarchar": "varchar",
    "character": "char",
    "bpchar": "char",
    "decimal": "numeric",
    "float8": "double precision",
    "float4": "real",
    "bool": "boolean",
    "bit varying": "varbit",
    "timestamptz": "timestamp with time zone",
    "timestamp without time zone": "timestamp",
    "timetz": "time with time zone",
    "time without time zone": "time",
}


@dataclasses.dataclass(frozen=True)
class ColumnType:
    """A type as a server is told of it.

    :param base: Its name in lower case, one of several that mean the same.
    :param arguments: What stands in its parentheses, such as ``("10", "2")``.
    :param array: Its brackets.
    :param rest: What follows, such as a collation.
    """

    base: str
    arguments: tuple[str, ...] = ()
    array: str = ""
    rest: str = ""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Its arguments as numbers; nothing where they are none."""
        numbers = [text for text in self.arguments if text.isdigit()]
        return tuple(map(int, numbers)) if len(numbers) == len(self.arguments) else ()


def type_text(value: object, dialect: str) -> str:
    """Return a type as a server is told of it; nothing where that is not known.

    :param value: A type of SQLAlchemy, or what a text says.
    :param dialect: Whose words are used.
    """
    if value is None or isinstance(value, str):
        return value or ""

    try:
        given = t.cast("sa.types.TypeEngine[t.Any]", sa.types.to_instance(t.cast(t.Any, value)))
        return given.compile(dialect=_dialect(dialect))
    except Exception:
        # A type of another server, or one without the length that this one needs.
        return ""


def column_type(value: object, dialect: str) -> ColumnType | None:
    """Return a type in its parts; None where it is not known.

    :param value: A type of SQLAlchemy, or what a text says.
    :param dialect: Whose words are used.
    """
    text = _SPACES.sub(" ", type_text(value, dialect)).strip()

    if not text:
        return None

    array = _ARRAY.search(text)
    text = text[: array.start()] if array else text
    # The members of an enum are told apart by their case.
    if match := _PARENTHESES.search(text):
        before, inside, rest = text[: match.start()], match[1], text[match.end() :].lower()
    else:
        before = _REST.split(text.lower(), maxsplit=1)[0]
        inside, rest = "", text.lower()[len(before) :].strip()

    if rest in {"with time zone", "without time zone"}:
        before, rest = f"{before} {rest}", ""

    base = before.lower()
    return ColumnType(
        _SAME.get(base, base),
        tuple(part.strip() for part in inside.split(",")) if inside else (),
        array.group().replace(" ", "") if array else "",
        rest,
    )


@functools.cache
def _dialect(name: str) -> sa.Dialect:
    return sa.make_url(f"{name}://").get_dialect()()
