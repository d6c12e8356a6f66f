"""What breaks code that still runs, or fails on rows that are there."""

from __future__ import annotations

import collections.abc as c

from ..recorder.operations import Operation
from .base import Found
from .base import rule
from .base import Sight
from .base import Step
from .earlier import is_new_column
from .earlier import is_rebuilt
from .findings import Severity
from .tables import named
from .tables import schema_argument

_MYSQL = {"mysql", "mariadb"}


@rule(
    "COMP001",
    "rename-table",
    "danger",
    "Renames a table",
    why="Processes that still run the old code ask for the old name, and fail until the last of "
    "them is replaced.",
    instead="Leave a view under the old name until no process uses it, or make a new table, "
    "write to both, fill it, and drop the old one.",
    bad='op.rename_table("users", "people")',
    good="""op.rename_table("users", "people")
op.execute("CREATE VIEW users AS SELECT * FROM people")""",
)
def rename_table(step: Step, sight: Sight) -> c.Iterator[Found]:
    """A view under the old name keeps old code at work."""
    views = {
        (operation.schema, operation.name or operation.table)
        for operation in step.operations
        if operation.kind == "create_view"
    }

    for operation in step.operations:
        if operation.kind != "rename_table" or sight.is_new(operation):
            continue

        if is_rebuilt(step, operation) or operation.table_key in views:
            continue

        old, schema = named(operation), schema_argument(operation)
        new = f"{operation.schema}.{operation.name}" if operation.schema else operation.name
        yield Found(
            operation,
            f"Code that still asks for {old} fails at once; only {new} is there.",
            code=f'op.rename_table("{operation.table}", "{operation.name}"{schema})\n'
            f'op.execute("CREATE VIEW {old} AS SELECT * FROM {new}")',
        )


@rule(
    "COMP002",
    "rename-column",
    "danger",
    "Renames a column",
    why="Processes that still run the old code select the old name, and fail until the last of "
    "them is replaced.",
    instead="Add a column of the new name, write to both, fill it in batches, read the new one, "
    "and drop the old one in a later release. Or keep the name in the database and give the "
    "attribute of the model another one.",
    bad='op.alter_column("users", "name", new_column_name="full_name")',
    good="""# No revision at all; the model says which column it means:
full_name: Mapped[str] = mapped_column("name")""",
)
def rename_column(step: Step, sight: Sight) -> c.Iterator[Found]:
    """It concerns all who use the table, so not a table that is new."""
    for operation in step.operations:
        new = operation.details.get("new_name") or operation.name

        if operation.kind == "alter_column":
            new = operation.details.get("new_name")
        elif operation.kind != "rename_column":
            continue

        if not new or new == operation.column or sight.is_new(operation):
            continue

        table, column = named(operation), operation.column
        yield Found(
            operation,
            f"Code that still selects {table}.{column} fails at once; only {new} is there.",
            code="# No revision at all; the model says which column it means:\n"
            f'{new} = mapped_column("{column}")',
        )


@rule(
    "COMP003",
    "add-not-null-no-default",
    "danger",
    "Adds a column that must be filled and has no default",
    why="Rows that are there have no value for it, so servers refuse the column; an empty table "
    "takes it, and then code that does not know the column cannot insert any more. MySQL and "
    "MariaDB fill in 0 or an empty text without a word.",
    instead="Let it be NULL or give it a server_default, fill it, and set NOT NULL in a later "
    "revision.",
    bad='op.add_column("users", sa.Column("plan", sa.String(20), nullable=False))',
    good="""op.add_column(
    "users", sa.Column("plan", sa.String(20), nullable=False, server_default="free")
)""",
)
def add_not_null(step: Step, sight: Sight) -> c.Iterator[Found]:
    """Numbers that the server gives itself count as a default."""
    for operation in step.operations:
        if operation.kind != "add_column" or sight.is_new(operation) or _is_filled(operation):
            continue

        table, column = named(operation), operation.column

        told = (
            f"All rows of {table} get 0 or an empty text in {column} without a word"
            if sight.dialect in _MYSQL
            else f"{table}.{column} is refused as soon as the table has one row"
        )
        yield Found(
            operation,
            f"{told}, and code that does not know the column can no longer insert.",
            code=f'op.add_column("{operation.table}", sa.Column("{column}", …, '
            f'server_default="…"){schema_argument(operation)})',
            severity="warn" if sight.rows_of(operation) == 0 else None,
        )


@rule(
    "COMP004",
    "add-unique",
    "warn",
    "Demands that values be unique",
    why="The step fails if any two rows that are there have the same values.",
    instead="Look for duplicates first, and decide what becomes of them.",
    bad='op.create_unique_constraint("uq_users_email", "users", ["email"])',
    good="""# Run this before; it must find nothing:
"SELECT email, count(*) FROM users GROUP BY email HAVING count(*) > 1\"""",
)
def add_unique(step: Step, sight: Sight) -> c.Iterator[Found]:
    """A column that is empty has no duplicates, and an index that exists has been checked."""
    for operation in step.operations:
        is_index = operation.kind == "create_index" and operation.details.get("unique")
        is_constraint = operation.kind == "create_constraint" and operation.details.get("type") in {
            "unique",
            "primary_key",
        }

        if not (is_index or is_constraint) or sight.is_new(operation):
            continue

        if operation.details.get("using_index"):
            continue

        columns = _columns(operation)

        if any(is_new_column(step, sight, operation, column) for column in columns):
            continue

        table, listed = named(operation), ", ".join(columns)
        yield Found(
            operation,
            f"It fails if two rows of {table} have the same {listed or 'values'}.",
            code=f"SELECT {listed}, count(*) FROM {table}\nGROUP BY {listed} HAVING count(*) > 1"
            if columns
            else "",
            severity=_if_any_rows(operation, sight),
        )


@rule(
    "COMP005",
    "add-check",
    "warn",
    "Demands that rows pass a check",
    why="The step fails if any row that is there does not pass, and code that writes such rows "
    "fails from then on.",
    instead="Look for rows that do not pass first, and change the code that writes them.",
    bad='op.create_check_constraint("ck_items_price", "items", "price >= 0")',
    good="""# Run this before; it must find nothing:
"SELECT * FROM items WHERE NOT (price >= 0)\"""",
)
def add_check(step: Step, sight: Sight) -> c.Iterator[Found]:
    """One that is not validated leaves the rows alone that are there."""
    for operation in _constraints(step, sight, "check"):
        table = named(operation)
        condition = operation.details.get("text") or "…"
        yield Found(
            operation,
            f"It fails if any row of {table} does not pass.",
            code=f"SELECT * FROM {table} WHERE NOT ({condition})",
            severity=_if_any_rows(operation, sight),
        )


@rule(
    "COMP006",
    "add-foreign-key",
    "warn",
    "Demands that rows refer to rows that exist",
    why="The step fails if any row that is there refers to one that is gone.",
    instead="Look for rows that refer to nothing first, and decide what becomes of them.",
    bad='op.create_foreign_key("fk_orders_user", "orders", "users", ["user_id"], ["id"])',
    good="""# Run this before; it must find nothing:
\"\"\"SELECT orders.* FROM orders LEFT JOIN users ON users.id = orders.user_id
WHERE orders.user_id IS NOT NULL AND users.id IS NULL\"\"\"""",
)
def add_foreign_key(step: Step, sight: Sight) -> c.Iterator[Found]:
    """A column that is empty refers to nothing."""
    for operation in _constraints(step, sight, "foreign_key"):
        columns = _columns(operation)

        if any(is_new_column(step, sight, operation, column) for column in columns):
            continue

        table = named(operation)
        other = operation.details.get("referred_table") or "the other table"
        yield Found(
            operation,
            f"It fails if any row of {table} refers to a row that {other} does not have.",
            code=_orphans(operation, columns),
            severity=_if_any_rows(operation, sight),
        )


def _constraints(step: Step, sight: Sight, type_: str) -> c.Iterator[Operation]:
    """Yield the constraints of a type that are held against rows that are there."""
    for operation in step.operations:
        if (
            operation.kind == "create_constraint"
            and operation.details.get("type") == type_
            and not operation.details.get("not_valid")
            and not sight.is_new(operation)
            and not _is_of_new_column(step, sight, operation)
        ):
            yield operation


def _is_of_new_column(step: Step, sight: Sight, operation: Operation) -> bool:
    """Return whether a check comes with the type of a column that was just added, such as Enum."""
    element = getattr(operation.construct, "element", None)
    columns = [column.name for column in getattr(element, "columns", ())]
    return bool(columns) and all(
        is_new_column(step, sight, operation, column) for column in columns
    )


def _is_filled(operation: Operation) -> bool:
    """Return whether a new column may be empty, or the server fills it."""
    details = operation.details
    column = getattr(operation.construct, "column", None)
    return (
        details.get("nullable", True) is not False
        or details.get("server_default") is not None
        or any(details.get(key) not in (None, False) for key in ("computed", "identity"))
        or details.get("autoincrement") is True
        or getattr(column, "primary_key", False)
    )


def _columns(operation: Operation) -> list[str]:
    return [str(column) for column in operation.details.get("columns") or ()]


def _if_any_rows(operation: Operation, sight: Sight) -> Severity | None:
    """Return that nothing can fail on a table that is known to be empty."""
    return "info" if sight.rows_of(operation) == 0 else None


def _orphans(operation: Operation, columns: c.Sequence[str]) -> str:
    """Return a query that finds rows which refer to nothing."""
    other, table = operation.details.get("referred_table"), named(operation)
    elements = getattr(getattr(operation.construct, "element", None), "elements", ())
    others = [element.target_fullname.rsplit(".", 1)[-1] for element in elements]

    if not other or not columns or len(others) != len(columns):
        return ""

    pairs = zip(columns, others, strict=True)
    joined = " AND ".join(f"other.{theirs} = {table}.{own}" for own, theirs in pairs)
    return (
        f"SELECT {table}.* FROM {table} LEFT JOIN {other} AS other ON {joined}\n"
        f"WHERE {table}.{columns[0]} IS NOT NULL AND other.{others[0]} IS NULL"
    )
