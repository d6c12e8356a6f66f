"""What SQL text says of a column and of a constraint."""

from __future__ import annotations

import functools
import re
import typing as t

import sqlalchemy as sa
from sqlalchemy.dialects import registry

from .sql_reader import Reader

#: Words that end the type or the default of a column.
_ENDS = (
    "NOT",
    "NULL",
    "DEFAULT",
    "PRIMARY",
    "UNIQUE",
    "REFERENCES",
    "CHECK",
    "CONSTRAINT",
    "GENERATED",
    "AS",
    "COLLATE",
    "COMMENT",
    "AUTO_INCREMENT",
    "AUTOINCREMENT",
    "IDENTITY",
    "ON",
    "USING",
    "FIRST",
    "AFTER",
    "STORED",
    "VIRTUAL",
    "KEY",
    "INVISIBLE",
)
#: Types as people write them, beside those that a dialect knows itself.
_TYPES: dict[str, type[sa.types.TypeEngine[t.Any]]] = {
    "bigint": sa.BigInteger,
    "bool": sa.Boolean,
    "boolean": sa.Boolean,
    "char": sa.CHAR,
    "character": sa.CHAR,
    "character varying": sa.VARCHAR,
    "date": sa.Date,
    "datetime": sa.DateTime,
    "dec": sa.Numeric,
    "decimal": sa.Numeric,
    "double": sa.Double,
    "float": sa.Float,
    "float4": sa.REAL,
    "float8": sa.Double,
    "int": sa.Integer,
    "int2": sa.SmallInteger,
    "int4": sa.Integer,
    "int8": sa.BigInteger,
    "integer": sa.Integer,
    "json": sa.JSON,
    "nchar": sa.NCHAR,
    "numeric": sa.Numeric,
    "nvarchar": sa.NVARCHAR,
    "real": sa.REAL,
    "serial": sa.Integer,
    "bigserial": sa.BigInteger,
    "smallserial": sa.SmallInteger,
    "smallint": sa.SmallInteger,
    "text": sa.Text,
    "time": sa.Time,
    "varchar": sa.VARCHAR,
}
_SERIALS = {"serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"}
_WRITTEN_TYPE = re.compile(r"([a-z][\w ]*?)\s*(?:\(([\d\s,]*)\))?\s*((?:with|unsigned|\[).*)?")


def read_type(text: str, dialect: str) -> sa.types.TypeEngine[t.Any] | None:
    """Return a type that is written as text; None where it is none of those known.

    :param text: Such as ``varchar(40)``.
    :param dialect: The dialect's name.
    """
    match = _WRITTEN_TYPE.fullmatch(" ".join(text.lower().split()))

    if match is None:
        return None

    name, numbers, rest = match[1], match[2], match[3] or ""
    found = _dialect_types(dialect).get(name.upper()) or _TYPES.get(name)
    found = found or _dialect_types(dialect).get(name)

    if found is None or rest.startswith("["):
        return None

    values = [int(number) for number in (numbers or "").split(",") if number.strip()]

    try:
        if issubclass(found, sa.DateTime | sa.Time) and "with time zone" in rest:
            return found(timezone=True)

        return found(*values)
    except TypeError:
        return found()


@functools.cache
def _dialect_types(dialect: str) -> dict[str, type[sa.types.TypeEngine[t.Any]]]:
    try:
        return dict(getattr(registry.load(dialect), "ischema_names", {}))
    except sa.exc.NoSuchModuleError:
        return {}


def read_column(reader: Reader) -> dict[str, t.Any]:
    """Return what follows the name of a column: its type, default and constraints.

    :param reader: Stands after the name.
    """
    type_text = reader.text_until(*_ENDS)
    details: dict[str, t.Any] = {
        "type_": read_type(type_text, reader.dialect),
        "type_text": type_text,
        "nullable": True,
        "server_default": None,
        "computed": False,
        "identity": False,
        "autoincrement": type_text.lower() in _SERIALS,
        "constraints": (),
    }
    constraints: list[str] = []

    while not reader.at_end():
        if reader.accept("NOT", "NULL"):
            details["nullable"] = False
        elif reader.accept("NULL"):
            pass
        elif reader.accept("DEFAULT"):
            default = reader.text_until(*_ENDS, at_least=1)
            details["server_default"] = None if default.upper() == "NULL" else default
        elif reader.accept("PRIMARY", "KEY"):
            constraints.append("primary_key")
        elif reader.accept("UNIQUE"):
            constraints.append("unique")
        elif reader.accept("CHECK"):
            constraints.append("check")
            reader.skip_group()
        elif reader.accept("REFERENCES"):
            constraints.append("foreign_key")
            details["referred_table"] = reader.qualified()[1]
        elif reader.accept("GENERATED"):
            reader.accept("ALWAYS") or reader.accept("BY", "DEFAULT")
        elif reader.accept("AS", "IDENTITY") or reader.accept("IDENTITY"):
            details["identity"] = True
        elif reader.accept("AS"):
            details["computed"] = True
            reader.skip_group()
        elif reader.accept("STORED") or reader.accept("PERSISTENT"):
            details["stored"] = True
        elif reader.accept("AUTO_INCREMENT") or reader.accept("AUTOINCREMENT"):
            details["autoincrement"] = True
        else:
            reader.skip()

    details["constraints"] = tuple(constraints)
    return details


def read_constraint(reader: Reader) -> tuple[str | None, dict[str, t.Any]] | None:
    """Return the name of a constraint and what it says; None where none stands there.

    :param reader: Stands before ``CONSTRAINT`` or the kind of constraint.
    """
    start = reader.position
    name: str | None = None

    if reader.accept("CONSTRAINT"):
        words = ("PRIMARY", "UNIQUE", "FOREIGN", "CHECK", "EXCLUDE", "NOT")
        name = None if reader.word() in words else reader.name()

    details: dict[str, t.Any] = {"not_valid": False, "columns": ()}

    if reader.accept("PRIMARY", "KEY"):
        details["type"] = "primary_key"
    elif reader.accept("UNIQUE"):
        details["type"] = "unique"
        reader.accept("KEY") or reader.accept("INDEX")
    elif reader.accept("FOREIGN", "KEY"):
        details["type"] = "foreign_key"
    elif reader.accept("CHECK"):
        details["type"] = "check"
    elif reader.accept("EXCLUDE"):
        details["type"] = "exclude"
    elif reader.accept("NOT", "NULL"):
        details["type"] = "not_null"
    else:
        reader.position = start
        return None

    if reader.accept("USING", "INDEX"):
        details["using_index"] = reader.name()
    elif details["type"] == "check":
        details["text"] = reader.group_text()
    elif details["type"] != "exclude":
        if not reader.at_mark("(") and not reader.at_end() and reader.word() != "USING":
            name = reader.name() or name

        if reader.accept("USING"):
            reader.skip()

        details["columns"] = reader.group_names()

    while not reader.at_end():
        if reader.accept("REFERENCES"):
            details["referred_schema"], details["referred_table"] = reader.qualified()
        elif reader.accept("NOT", "VALID"):
            details["not_valid"] = True
        else:
            reader.skip()

    return name, details
