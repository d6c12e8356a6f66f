"""Whether a column's new type holds all that its old one could hold."""

from __future__ import annotations

import sqlalchemy as sa

from .column_types import column_type
from .column_types import ColumnType

#: How many digits the largest value of a type of integers has.
_INTEGERS = {
    "tinyint": 3,
    "smallint": 5,
    "mediumint": 7,
    "integer": 10,
    "bigint": 19,
    "smallserial": 5,
    "serial": 10,
    "bigserial": 19,
}
#: How many digits a type of floating numbers keeps.
_FLOATS = {"real": 6, "float": 15, "double": 15, "double precision": 15}
_TEXTS = {
    "tinytext": 255,
    "text": 65_535,
    "mediumtext": 16_777_215,
    "longtext": 4_294_967_295,
}
_BLOBS = {
    "tinyblob": 255,
    "blob": 65_535,
    "mediumblob": 16_777_215,
    "longblob": 4_294_967_295,
}
_STRINGS = {"char", "varchar", "nchar", "clob", "citext", *_TEXTS}
_BYTES = {"bytea", "binary", "varbinary", *_BLOBS}
#: How much room the text of a value takes.
_WRITTEN = {"uuid": 36, "boolean": 5, "bool": 5, "date": 10, "time": 15, "inet": 43, "cidr": 43}
_TIMES = {"timestamp", "timestamp with time zone", "datetime"}
_JSON = {"json", "jsonb"}
_FITTING = {("cidr", "inet"), ("time", "time with time zone"), ("tinyint", "boolean")}
_MYSQL = {"mysql", "mariadb"}
_ENDLESS = float("inf")


def narrows(old: object, new: object, dialect: str) -> str:
    """Return what a change of type loses or refuses, in words; nothing where all values fit.

    :param old: The type that the column has: one of SQLAlchemy, or what a text says.
    :param new: The type that it gets.
    :param dialect: Whose types they are.
    """
    gone = _members_gone(old, new)

    if gone is not None:
        return f"refuses or loses the values {', '.join(gone)}" if gone else ""

    before, after = column_type(old, dialect), column_type(new, dialect)

    if before is None or after is None or before == after:
        return ""

    if before.array != after.array:
        return "refuses values that are no list" if after.array else "refuses lists"

    if isinstance(old, sa.Enum) and after.base in _STRINGS:
        longest = max(map(len, old.enums), default=0)
        return _shorter(longest, _length(after, dialect), "characters")

    return _narrows(before, after, dialect)


def _narrows(old: ColumnType, new: ColumnType, dialect: str) -> str:
    if new.base in _STRINGS:
        if old.base in _BYTES:
            return "refuses bytes that are no text"

        return _shorter(_written(old, dialect), _length(new, dialect), "characters")

    if old.base in _STRINGS and new.base not in _BYTES:
        return f"refuses text that is no {new.base}, or turns it into something else"

    if new.base in _BYTES:
        return _shorter(_length(old, dialect), _length(new, dialect), "bytes")

    if _is_number(old) and _is_number(new):
        return _fewer_digits(old, new, dialect)

    if old.base in _TIMES and new.base in {"date", "time", *_TIMES}:
        return _less_time(old, new)

    return _otherwise(old, new)


def _otherwise(old: ColumnType, new: ColumnType) -> str:
    """Return what is lost between types of which only few fit each other."""
    if old.base == new.base:
        smaller = any(b < a for a, b in zip(old.sizes, new.sizes, strict=False))
        return (
            "refuses or cuts off what is longer" if smaller or new.sizes > old.sizes == () else ""
        )

    fits = (
        {old.base, new.base} <= _JSON
        or (old.base == "date" and new.base in _TIMES)
        or (old.base in {"boolean", "bool"} and _is_number(new))
        or (old.base, new.base) in _FITTING
    )
    return "" if fits else f"refuses values of {old.base} that make no {new.base}"


def _shorter(old: float, new: float, what: str) -> str:
    return f"refuses or cuts off values of more than {new:.0f} {what}" if new < old else ""


def _length(of: ColumnType, dialect: str) -> float:
    """Return how long values can be."""
    if of.sizes:
        return of.sizes[0]

    if dialect in _MYSQL:
        return {**_TEXTS, **_BLOBS}.get(of.base, 1 if of.base in {"char", "binary"} else _ENDLESS)

    return 1 if of.base in {"char", "nchar"} else _ENDLESS


def _written(of: ColumnType, dialect: str) -> float:
    """Return how long a value becomes as text."""
    if of.base in _INTEGERS:
        return _INTEGERS[of.base] + 1

    if of.base == "numeric" and of.sizes:
        return of.sizes[0] + 2

    if of.base == "enum":
        return max((len(member.strip("'\"")) for member in of.arguments), default=_ENDLESS)

    if of.base in _TIMES:
        return 32

    return _WRITTEN.get(of.base) or _length(of, dialect)


def _is_number(of: ColumnType) -> bool:
    return of.base in _INTEGERS or of.base in _FLOATS or of.base == "numeric"


def _fewer_digits(old: ColumnType, new: ColumnType, dialect: str) -> str:
    if "unsigned" in new.rest and "unsigned" not in old.rest:
        return "refuses numbers below zero"

    if new.base in _FLOATS:
        if old.base in _FLOATS:
            kept = _FLOATS[old.base] <= _FLOATS[new.base]
        else:
            kept = sum(_digits(old, dialect)) <= _FLOATS[new.base]

        return "" if kept else f"keeps only {_FLOATS[new.base]} digits of a number"

    whole, fraction = _digits(old, dialect)
    new_whole, new_fraction = _digits(new, dialect)

    if new_fraction < fraction:
        return f"rounds numbers to {new_fraction:.0f} digits after the point"

    # Of two types of integers the larger sign bit counts: an unsigned one needs the next size.
    same_size = old.base in _INTEGERS and whole == new_whole
    lost_sign = same_size and "unsigned" in old.rest and "unsigned" not in new.rest
    return "refuses larger numbers" if new_whole < whole or lost_sign else ""


def _digits(of: ColumnType, dialect: str) -> tuple[float, float]:
    """Return how many digits stand before the point and after it."""
    if of.base in _INTEGERS:
        return _INTEGERS[of.base], 0

    if of.base in _FLOATS:
        return _ENDLESS, _ENDLESS

    if not of.sizes:
        return (10, 0) if dialect in _MYSQL else (_ENDLESS, _ENDLESS)

    precision, scale = (*of.sizes, 0)[:2]
    return precision - scale, scale


def _less_time(old: ColumnType, new: ColumnType) -> str:
    if new.base not in _TIMES:
        return f"keeps only the {new.base} of a point in time"

    if old.base == "timestamp with time zone" and new.base == "timestamp":
        return "loses the time zone"

    if (old.base, new.base) == ("datetime", "timestamp"):
        return "refuses dates before 1970 and after 2038"

    before, after = (of.sizes[0] if of.sizes else None for of in (old, new))
    # MySQL keeps no fraction where none is asked for, PostgreSQL six digits.
    usual = 0 if "datetime" in {old.base, new.base} else 6
    shorter = (usual if after is None else after) < (usual if before is None else before)
    return "cuts off fractions of seconds" if shorter else ""


def _members_gone(old: object, new: object) -> list[str] | None:
    """Return which members of an enum are no longer there; None if these are not two enums."""
    if not (isinstance(old, sa.Enum) and isinstance(new, sa.Enum)):
        return None

    return [str(member) for member in old.enums if member not in new.enums]
