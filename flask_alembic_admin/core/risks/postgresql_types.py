"""PostgreSQL: types that surprise."""

from __future__ import annotations

import collections.abc as c
import re

from ..recorder.operations import Operation
from .base import Found
from .base import rule
from .base import Sight
from .base import Step
from .column_types import column_type
from .tables import bare_sql
from .tables import in_transaction
from .tables import named
from .tables import new_type

_VALUE = re.compile(r"\bADD\s+VALUE\s+(?:IF\s+NOT\s+EXISTS\s+)?('(?:[^']|'')*')", re.IGNORECASE)
_JSON_COLUMN = re.compile(r"[(,]\s*(\"[^\"]+\"|\w+)\s+JSON\b(?!\s*\[)", re.IGNORECASE)


@rule(
    "PGX001",
    "enum-value",
    "warn",
    "Changes an enum in a way that fails or that old code does not know",
    dialects=("postgresql",),
    why="A value that was added to an enum cannot be used in the same transaction. A value or type "
    "that is renamed breaks the code that still writes the old name.",
    instead="Add the value in a revision of its own and use it in the next. Instead of renaming, "
    "add the new value, move the rows, and leave the old one.",
    bad="""
op.execute("ALTER TYPE status ADD VALUE 'paid'")
op.execute("UPDATE orders SET status = 'paid' WHERE total = 0")
""",
    good="""
with op.get_context().autocommit_block():
    op.execute("ALTER TYPE status ADD VALUE IF NOT EXISTS 'paid'")
op.execute("UPDATE orders SET status = 'paid' WHERE total = 0")
""",
)
def enum_value(step: Step, sight: Sight) -> c.Iterator[Found]:
    """Not of a type that the same transaction has created."""
    made: set[tuple[str | None, str | None]] = set()
    added: dict[str, Operation] = {}
    ours = set(map(id, step.operations))

    for operation in in_transaction(step, sight):
        action = str(operation.details.get("action", ""))
        is_ours = id(operation) in ours
        key = (operation.schema, operation.name)

        if operation.kind == "create_type":
            made.add(key)
        elif operation.kind != "alter_type":
            for value in [one for one in added if is_ours and one in operation.sql]:
                yield _used(operation, value, added.pop(value))
        elif key in made:
            continue
        elif action == "ADD VALUE" and not operation.in_autocommit:
            if match := _VALUE.search(operation.sql):
                added[match[1]] = operation

            if is_ours and sight.server_version and sight.server_version < (12,):
                yield Found(
                    operation,
                    "Before PostgreSQL 12 this is refused within a transaction, so the revision "
                    "fails here.",
                    "Send it in an autocommit_block.",
                    severity="danger",
                )
        elif action in {"RENAME VALUE", "RENAME TO"} and is_ours:
            what = "a value of " if action == "RENAME VALUE" else ""
            yield Found(
                operation,
                f"Code that runs now still writes the old name: renaming {what}{operation.name} "
                "breaks it at once.",
                "Add the new value, move the rows in batches, and leave the old one where it is.",
            )


def _used(operation: Operation, value: str, adding: Operation) -> Found:
    statement = " ".join(adding.sql.split()).rstrip(";")
    return Found(
        operation,
        f"{value} is used in the transaction that added it to {adding.name}, which PostgreSQL "
        "refuses.",
        code=f"""\
with op.get_context().autocommit_block():
    op.execute({statement!r})""",
    )


@rule(
    "PGX002",
    "json-column",
    "info",
    "Uses json, which cannot be compared",
    dialects=("postgresql",),
    why="json has no equality: DISTINCT, GROUP BY and UNION fail on it, and it cannot be indexed. "
    "jsonb can do all of that.",
    instead="Use jsonb.",
    bad='op.add_column("orders", sa.Column("data", sa.JSON(), nullable=True))',
    good="""
from sqlalchemy.dialects import postgresql

op.add_column("orders", sa.Column("data", postgresql.JSONB(), nullable=True))
""",
)
def json_column(step: Step, sight: Sight) -> c.Iterator[Found]:
    """Also in a new table: later it is a copy of all rows."""
    for operation in step.operations:
        columns: list[str] = []

        if operation.kind == "create_table":
            columns = _JSON_COLUMN.findall(bare_sql(operation, sight))
        elif operation.kind in {"add_column", "alter_column"}:
            type_ = column_type(new_type(operation), sight.dialect)
            columns = [operation.column or "?"] if type_ and type_.base == "json" else []

        for column in columns:
            name = column.strip('"')
            yield Found(
                operation,
                f"{named(operation)}.{name} cannot be compared, grouped or indexed as json.",
                code=f'sa.Column("{name}", postgresql.JSONB())',
            )
