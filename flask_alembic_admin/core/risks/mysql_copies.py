"""Whether MariaDB and MySQL copy a table for a change; the rules and estimates ask it."""

from __future__ import annotations

import re

from ..recorder.operations import Operation
from .base import Sight
from .base import Step
from .column_types import column_type
from .column_types import ColumnType
from .tables import bare_sql
from .tables import in_transaction
from .tables import new_type

_COPIES = re.compile(
    r"\s*ALTER\s+(?:ONLINE\s+|IGNORE\s+)?TABLE\b[^;]*\b"
    r"(?:CONVERT\s+TO\s+(?:CHARACTER\s+SET|CHARSET)|ENGINE\s*=?\s*\w+|ALGORITHM\s*=?\s*COPY)\b",
    re.IGNORECASE,
)
_NO_KEY_CHECKS = re.compile(
    r"\s*SET\s+(?:SESSION\s+|@@(?:SESSION\.)?)?foreign_key_checks\s*=\s*(?P<value>\w+)",
    re.IGNORECASE,
)
#: Why a table may be copied whose column has a type that is not told.
MAY_CHANGE = "The type may change"
#: The longest text of which MySQL keeps the length in one byte; four bytes are one letter.
_ONE_BYTE = 255
_BYTES = 4
#: The longest text of which MariaDB can give the length a second byte without a copy.
_SHORT = 127


def copies(operation: Operation, step: Step, sight: Sight) -> str:
    """Return why a table is copied; nothing if it is not.

    As measured on MariaDB 10.11, and as MySQL documents it.

    :param operation: What would be sent.
    :param step: The operation's step.
    :param sight: Knows the server.
    """
    details = operation.details

    match operation.kind, details.get("type"):
        case "alter_column", _:
            old = column_type(details.get("existing_type"), sight.dialect)
            new = column_type(new_type(operation), sight.dialect)
            # What only repeats the type has none of its own to tell.
            if new is None or _keeps(old, new, sight):
                return ""

            return MAY_CHANGE if old is None else "The type changes"
        case "create_constraint", "primary_key":
            return "The primary key changes"
        case "drop_constraint", "primary_key":
            return "The primary key goes"
        case "create_constraint", "foreign_key":
            return "" if _unchecked(operation, step, sight) else "A foreign key is checked"
        case "create_constraint", "check":
            return "A check is tried on all rows"

    if operation.construct is None and _COPIES.match(bare_sql(operation, sight)):
        return "This writes the table anew"

    return ""


def _keeps(old: ColumnType | None, new: ColumnType, sight: Sight) -> bool:
    """Return whether a server takes the rows as they are when a column changes its type."""
    if old is None:
        return False

    if _plain(old) == _plain(new):
        return True

    if (old.base, old.rest) != (new.base, new.rest):
        return False

    if old.base == "enum":
        # Members that are added at the end get new numbers.
        return old.arguments == new.arguments[: len(old.arguments)]

    if old.base not in {"varchar", "varbinary"} or not old.sizes or not new.sizes:
        return False

    before, after = old.sizes[0], new.sizes[0]

    if after < before:
        return False

    # Both copy where the length gets a second byte; MariaDB not where it was short.
    bytes_ = _BYTES if old.base == "varchar" else 1
    crosses = before * bytes_ <= _ONE_BYTE < after * bytes_
    return not crosses or (sight.dialect == "mariadb" and before * bytes_ <= _SHORT)


def _plain(type_: ColumnType) -> ColumnType:
    """Return a type without the width that a number is shown in."""
    if type_.base == "boolean":
        return ColumnType("tinyint")

    if type_.base.endswith("int") or type_.base == "integer":
        return ColumnType(type_.base, (), type_.array, type_.rest)

    return type_


def _unchecked(operation: Operation, step: Step, sight: Sight) -> bool:
    """Return whether foreign keys are not checked when one is added."""
    checked = True

    for each in in_transaction(step, sight):
        if each is operation:
            break
        if match := _NO_KEY_CHECKS.match(bare_sql(each, sight)):
            checked = match["value"].lower() not in {"0", "off", "false"}

    return not checked
