"""What the rules about locks have in common: whose tables wait, and how long that may be."""

from __future__ import annotations

import collections.abc as c

import sqlalchemy as sa

from ..recorder.operations import Operation
from .bare_sql import bare
from .base import Sight
from .base import Step
from .base import TableKey
from .findings import Severity

#: Fewer rows than this are read or copied before anybody notices.
SMALL = 10_000

#: What keeps writers of its table, or readers too, out until the transaction ends.
LOCKING = frozenset(
    {
        "add_column",
        "alter_column",
        "alter_table",
        "create_constraint",
        "create_index",
        "drop_column",
        "drop_constraint",
        "drop_index",
        "rename_column",
        "rename_table",
    }
)
#: What is a change of rows and not of the schema.
DML = frozenset({"insert", "update", "delete", "truncate"})


def existing(step: Step, sight: Sight, *kinds: str) -> c.Iterator[Operation]:
    """Yield the operations of some kinds on tables that were there before the plan.

    :param step: Whose operations.
    :param sight: Knows which tables are new.
    :param kinds: Only these.
    """
    for operation in step.operations:
        if operation.kind in kinds and not sight.is_new(operation):
            yield operation


def locking(step: Step, sight: Sight) -> c.Iterator[Operation]:
    """Yield what holds a strong lock on a table that stays, until the transaction ends.

    :param step: Whose operations.
    :param sight: Knows which tables are new.
    """
    dropped = dropped_tables(step)

    for operation in existing(step, sight, *LOCKING):
        if (
            operation.table_key is not None
            and operation.table_key not in dropped
            and not operation.in_autocommit
        ):
            yield operation


def dropped_tables(step: Step) -> set[TableKey | None]:
    """Return the tables that a step drops: what it does to them before holds nobody up longer.

    :param step: Whose operations.
    """
    return {operation.table_key for operation in step.operations if operation.kind == "drop_table"}


def graded(operation: Operation, sight: Sight, usual: Severity = "warn") -> Severity:
    """Return how bad it is to read or to copy the whole table of an operation.

    :param operation: What would be sent.
    :param sight: Knows how many rows the table has, where somebody has looked.
    :param usual: Where it is not known.
    """
    rows = sight.rows_of(operation)

    if rows is None:
        return usual

    return "danger" if rows >= sight.big else "info" if rows < SMALL else "warn"


def in_transaction(step: Step, sight: Sight) -> tuple[Operation, ...]:
    """Return all that is sent in the transaction of a step, earlier steps included.

    :param step: The step.
    :param sight: Knows whether each step has a transaction of its own.
    """
    before = () if sight.transaction_per_migration else sight.steps_before
    return tuple(operation for each in (*before, step) for operation in each.operations)


def named(operation: Operation) -> str:
    """Return the table of an operation as people write it."""
    table = operation.table or "?"
    return f"{operation.schema}.{table}" if operation.schema else table


def schema_argument(operation: Operation) -> str:
    """Return what a call of ``op`` says about the schema, with a comma before it."""
    return f', schema="{operation.schema}"' if operation.schema else ""


def listed(names: c.Iterable[object]) -> str:
    """Return names as a list in Python."""
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def columns_of(operation: Operation) -> tuple[str, ...]:
    """Return the columns that an operation is about, as far as they are told.

    :param operation: Makes an index or a constraint, or adds a column.
    """
    given = operation.details.get("columns") or (operation.column,)
    return tuple(str(name) for name in given if name) or ("…",)


def name_or(operation: Operation, prefix: str) -> str:
    """Return the name of an index or constraint, or one that it could have.

    :param operation: Makes it.
    :param prefix: Such as ``ix``.
    """
    columns = [name for name in columns_of(operation) if name.isidentifier()]
    return operation.name or "_".join([prefix, str(operation.table), *columns])


def bare_sql(operation: Operation, sight: Sight) -> str:
    """Return the SQL of an operation without its comments, and with its strings empty.

    :param operation: What would be sent.
    :param sight: Knows the dialect.
    """
    return bare(operation.sql, sight.dialect)


def new_type(operation: Operation) -> object:
    """Return the type that a column gets: what a text says of it, else one of SQLAlchemy.

    :param operation: Adds or alters a column.
    """
    return operation.details.get("type_text") or operation.details.get("type_")


def python_type(operation: Operation, sight: Sight) -> str:
    """Return the type that a column gets, as a revision says it.

    :param operation: Adds or alters a column.
    :param sight: Knows the dialect.
    """
    type_ = operation.details.get("type_")

    if not isinstance(type_, sa.types.TypeEngine):
        return "…"

    home = "sa" if type(type_).__module__.startswith("sqlalchemy.sql.") else sight.dialect
    return f"{home}.{type_!r}"
