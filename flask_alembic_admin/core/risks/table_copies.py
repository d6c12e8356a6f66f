"""Whether a server reads or copies the whole table for a change; the rules and estimates ask it."""

from __future__ import annotations

import collections.abc as c
import re
import typing as t

from ..recorder.operations import Operation
from .bare_sql import bare
from .base import Sight
from .base import Step
from .column_types import column_type
from .column_types import ColumnType
from .column_types import type_text
from .earlier import before
from .tables import bare_sql
from .tables import new_type

_USING = re.compile(r"\bUSING\s+(.+)", re.IGNORECASE | re.DOTALL)
#: A USING that says no more than the type.
_PLAIN_CAST = re.compile(
    r"[\s(]*(?:CAST\s*\(\s*)?\"?\w+\"?\s*(?:::|\bAS\b)[\w\s(),]*;?\s*", re.IGNORECASE
)
_CAST = re.compile(
    r"::\s*[\w\"]+(?:\s+(?:varying|precision|with|without|time|zone))*(?:\([^)]*\))?", re.IGNORECASE
)
_CALL = re.compile(r"([\w.\"]+)\s*\(")
_SERIAL = re.compile(r"(?:big|small)?serial[248]?", re.IGNORECASE)
_SERIAL_COLUMN = re.compile(
    r"\bADD\s+(?:COLUMN\s+)?(?:IF\s+NOT\s+EXISTS\s+)?\S+\s+(?:big|small)?serial\b", re.IGNORECASE
)
_STORED = re.compile(r"\b(?:STORED|PERSISTENT)\b", re.IGNORECASE)
_AUTO_INCREMENT = re.compile(r"\bAUTO_INCREMENT\b", re.IGNORECASE)

#: The functions that have one value for a whole statement, so that a default needs no copy; and
#: what stands before parentheses without being a function.
_STEADY = frozenset(
    re.findall(
        r"\w+",
        """
        abs age and array bit cast ceil char character coalesce concat current_date current_setting
        current_time current_timestamp current_user date_part date_trunc decimal decode encode
        extract floor format greatest in interval json_build_array json_build_object
        jsonb_build_array jsonb_build_object least left length localtime localtimestamp lower
        make_date make_interval make_timestamp make_timestamptz md5 not now nullif numeric or
        replace right round row session_user statement_timestamp substr substring time timestamp
        timestamptz timezone to_char to_date to_json to_jsonb to_timestamp transaction_timestamp
        trim upper user varchar
        """,
    )
)
#: The only functions of a default that MariaDB and MySQL need no copy for.
_STEADY_MYSQL = frozenset({"current_timestamp", "now", "localtime", "localtimestamp"})


def copies_for_type(operation: Operation, sight: Sight) -> t.Literal["", "perhaps", "yes"]:
    """Return whether PostgreSQL copies a table since a column changes its type.

    :param operation: Alters the column.
    :param sight: Knows the dialect.
    :return: ``perhaps`` where the old type is not told.
    """
    new = column_type(new_type(operation), sight.dialect)

    if new is None:
        return ""

    old = column_type(operation.details.get("existing_type"), sight.dialect)

    if old is None:
        return "perhaps"

    return "" if keeps_rows(old, new) and not _converts(operation, sight) else "yes"


def reads_for_null(operation: Operation, step: Step, sight: Sight) -> bool:
    """Return whether PostgreSQL reads all rows since a column becomes NOT NULL.

    :param operation: Alters the column.
    :param step: The operation's step.
    :param sight: Knows the steps before.
    """
    details = operation.details

    if details.get("nullable") is not False or details.get("existing_nullable") is False:
        return False

    return not _checked_before(operation, step, sight)


def keeps_rows(old: ColumnType, new: ColumnType) -> bool:
    """Return whether PostgreSQL takes the rows as they are when a column changes its type.

    Measured on PostgreSQL 15, by the file of the table before and after.

    :param old: The type that the column has.
    :param new: The type that it gets.
    """
    if (old.array, old.rest) != (new.array, new.rest):
        return False
    if (_plain(old.base), old.arguments) == (_plain(new.base), new.arguments):
        return True
    if old.array:
        return False

    match old.base, new.base:
        case "varchar" | "text" | "citext", "text" | "citext":
            return True
        case "varchar" | "text", "varchar":
            return not new.arguments or (old.base == "varchar" and _widens(old, new))
        case "numeric", "numeric":
            return not new.sizes or (_widens(old, new) and (*old.sizes, 0)[1] == (*new.sizes, 0)[1])
        case ("cidr", "inet") | ("xml", "text"):
            return True
        case before, after if before == after and before.split()[0] in {
            "varbit",
            "timestamp",
            "time",
            "interval",
        }:
            return not new.arguments or _widens(old, new)
        case _:
            return False


def _widens(old: ColumnType, new: ColumnType) -> bool:
    return bool(old.sizes) and bool(new.sizes) and new.sizes[0] >= old.sizes[0]


def _plain(base: str) -> str:
    return "double precision" if base == "float" else base


def _converts(operation: Operation, sight: Sight) -> bool:
    """Return whether a USING computes new values."""
    using = _USING.search(bare_sql(operation, sight))
    return using is not None and not _PLAIN_CAST.fullmatch(using[1])


def _checked_before(operation: Operation, step: Step, sight: Sight) -> bool:
    """Return whether a check of the same column was validated earlier in the plan."""
    checks: dict[str, str] = {}

    for each in before(step, sight, operation):
        if each.table_key != operation.table_key:
            continue
        if each.kind == "create_constraint" and each.name:
            checks[each.name.lower()] = each.sql.lower()
        elif each.kind == "validate_constraint":
            # A check that is not in the plan was added by a revision that has run.
            text = checks.get(str(each.name).lower())

            if text is None or f"{operation.column}".lower() in text:
                return True

    return False


def fills_rows(operation: Operation, sight: Sight) -> str:
    """Return why a new column has to be computed for each row; nothing if it has not.

    :param operation: Adds the column.
    :param sight: Knows the server.
    """
    details = operation.details
    is_postgresql = sight.dialect == "postgresql"
    # What stands behind the type belongs to the column.
    text = bare_sql(operation, sight)
    type_ = type_text(new_type(operation), sight.dialect)

    if details.get("computed") and _STORED.search(text):
        return "a stored generated column is computed for every row"

    if is_postgresql and (_SERIAL.fullmatch(type_) or _SERIAL_COLUMN.search(text)):
        return "a serial column gets a number for every row"

    if details.get("identity") and is_postgresql:
        return "an identity column gets a number for every row"

    if not is_postgresql and _AUTO_INCREMENT.search(text):
        return "a column with AUTO_INCREMENT gets a number for every row"

    default = operation.details.get("server_default")

    if not default:
        return ""

    if is_postgresql and sight.server_version and sight.server_version < (11,):
        return "a default is written into every row before PostgreSQL 11"

    return _differs(str(default), _STEADY if is_postgresql else _STEADY_MYSQL)


def _differs(default: str, steady: c.Collection[str]) -> str:
    """Return why a default may differ from row to row; nothing if it does not."""
    for name in _CALL.findall(_CAST.sub("", bare(default, "postgresql"))):
        plain = name.replace('"', "").lower().removeprefix("pg_catalog.")

        if plain not in steady:
            return f"{plain}() may give each of them another value"

    return ""
