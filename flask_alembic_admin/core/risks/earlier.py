"""What a step has done before one of its operations: what it made itself holds nothing yet."""

from __future__ import annotations

import collections.abc as c

from ..recorder.operations import Operation
from .base import Sight
from .base import Step

#: How Alembic begins the name of the table that batch mode puts in a table's place.
REBUILT = "_alembic_tmp_"


def before(step: Step, sight: Sight, operation: Operation) -> c.Iterator[Operation]:
    """Yield what the same plan sends before an operation.

    :param step: The operation's step.
    :param sight: Knows the steps before.
    :param operation: Where to stop.
    """
    for earlier in sight.steps_before:
        yield from earlier.operations

    for other in step.operations:
        if other is operation:
            return

        yield other


def is_new_column(step: Step, sight: Sight, operation: Operation, column: str) -> bool:
    """Return whether a column was added in the same plan and has been empty since.

    :param step: The operation's step.
    :param sight: Knows the steps before.
    :param operation: Names the table.
    :param column: The column's name.
    """
    is_empty = False

    for other in before(step, sight, operation):
        if other.table_key == operation.table_key:
            if other.kind == "add_column" and other.column == column:
                is_empty = other.details.get("server_default") is None
            elif other.kind == "update":
                is_empty = is_empty and column not in (other.details.get("columns") or (column,))

    return is_empty


def is_added_column(step: Step, sight: Sight, operation: Operation) -> bool:
    """Return whether the column of an operation was added in the same plan, filled or not.

    :param step: The operation's step.
    :param sight: Knows the steps before.
    :param operation: Names the table and the column.
    """
    is_added = False

    for other in before(step, sight, operation):
        if (other.table_key, other.column) == (operation.table_key, operation.column):
            is_added = other.kind == "add_column" or (is_added and other.kind != "drop_column")

    return is_added


def is_rebuilt(step: Step, operation: Operation) -> bool:
    """Return whether batch mode makes the table of an operation anew, with its rows.

    :param step: The operation's step.
    :param operation: Drops the table, or renames the new one.
    """
    table = str(operation.table)

    if operation.kind == "rename_table":
        return table.startswith(REBUILT)

    return any(
        other.kind == "create_table" and other.table == f"{REBUILT}{table}"[:50]
        for other in step.operations
    )
