"""SQLite: what copies a table, and what it cannot do at all."""

from __future__ import annotations

import collections.abc as c
import re

from ..recorder.operations import Operation
from .base import Found
from .base import rule
from .base import Sight
from .base import Step
from .base import TableKey
from .earlier import REBUILT
from .tables import named
from .tables import schema_argument

#: What Alembic says of what it does not even try.
_NOT_TRIED = "No support for ALTER of constraints"
#: Defaults that SQLite works out at each row.
_WORKED_OUT = re.compile(r"\s*(?:\(|current_(?:timestamp|date|time)\b)", re.IGNORECASE)
_INLINE = {"unique", "primary_key"}


@rule(
    "LITE001",
    "table-rebuild",
    "warn",
    "Copies the whole table into a new one",
    dialects=("sqlite",),
    why="Batch mode makes a new table, copies all rows, drops the old one and renames the new "
    "one. Triggers of the old table are gone, and a view on it makes the renaming fail. With "
    "PRAGMA foreign_keys=ON the drop deletes what other tables refer to it with ON DELETE "
    "CASCADE.",
    instead="Copy the database file first, switch foreign_keys off while the revision runs, and "
    "make triggers and views again afterwards.",
    bad="""with op.batch_alter_table("users") as batch:
    batch.alter_column("name", existing_type=sa.String(50), type_=sa.Text())""",
    good="""# Before: sqlite3 app.sqlite ".backup before.sqlite"
with op.batch_alter_table("users") as batch:
    # A new column and an index need no copy.
    batch.add_column(sa.Column("nickname", sa.Text()))""",
)
def table_rebuild(step: Step, sight: Sight) -> c.Iterator[Found]:
    """Once for each table, however much is changed of it."""
    told: set[TableKey | None] = set()

    for operation in step.operations:
        key = rebuilt(operation)

        if key is None or key in told or key in sight.new_tables:
            continue

        told.add(key)
        table = key[1]
        yield Found(
            operation,
            f"All rows of {table} are copied into a new table. Its triggers are gone afterwards, "
            "a view on it makes the step fail, and with foreign_keys=ON rows that refer to it "
            "with ON DELETE CASCADE are deleted.",
            code='sqlite3 app.sqlite ".backup before.sqlite"\n'
            f"SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{table}'",
        )


@rule(
    "LITE002",
    "unsupported-alter",
    "danger",
    "Changes what SQLite cannot change",
    dialects=("sqlite",),
    why="SQLite has no ALTER for the type of a column, its NOT NULL, its default, or for "
    "constraints, and adds no column that is unique or has a default to be worked out. The step "
    "fails.",
    instead="Use batch_alter_table, which makes a new table and copies the rows.",
    bad='op.alter_column("users", "name", existing_type=sa.String(50), nullable=False)',
    good="""with op.batch_alter_table("users") as batch:
    batch.alter_column("name", existing_type=sa.String(50), nullable=False)""",
)
def unsupported_alter(step: Step, sight: Sight) -> c.Iterator[Found]:
    """Some of it Alembic refuses itself, and then all that follows in the step is unknown."""
    for operation in step.operations:
        if not operation.in_batch and (what := _unsupported(operation)):
            yield Found(
                operation,
                f"SQLite cannot {what} {named(operation)}, so the step fails.",
                code=_in_batch(operation),
            )

    if _NOT_TRIED in step.incomplete:
        place = step.incomplete.partition(":")[0].partition(" at ")[2]
        yield Found(
            None,
            "SQLite cannot add or drop a constraint of a table that exists, so the step fails"
            + (f" at {place}." if place else "."),
            code='with op.batch_alter_table("…") as batch:\n    batch.create_foreign_key(…)',
        )


def rebuilt(operation: Operation) -> TableKey | None:
    """Return the table that an operation in batch mode has made anew; None if there is none.

    :param operation: What would be sent, in batch mode or not.
    """
    table = str(operation.table)

    if operation.kind == "create_table" and table.startswith(REBUILT):
        return operation.schema, table.removeprefix(REBUILT)

    return operation.table_key if operation.details.get("recreate") else None


def _unsupported(operation: Operation) -> str:
    """Return what an operation does that SQLite cannot do, in words; nothing where it can."""
    details = operation.details

    if operation.kind in {"create_constraint", "drop_constraint"}:
        verb = "add a constraint to" if operation.kind == "create_constraint" else "drop one of"
        return verb

    if operation.kind == "alter_column":
        return f"change the column {operation.column} of"

    if operation.kind == "add_column":
        if _INLINE & set(details.get("constraints") or ()):
            return f"add the unique column {operation.column} to"

        if _is_worked_out(operation):
            return f"work out the default of the new column {operation.column} for the rows of"

    return ""


def _is_worked_out(operation: Operation) -> bool:
    return bool(_WORKED_OUT.match(str(operation.details.get("server_default") or "")))


def _in_batch(operation: Operation) -> str:
    """Return an operation as batch mode takes it."""
    call = {
        "create_constraint": f'create_unique_constraint("{operation.name}", […])',
        "drop_constraint": f'drop_constraint("{operation.name}")',
        "add_column": f'add_column(sa.Column("{operation.column}", …))',
    }.get(operation.kind, f'alter_column("{operation.column}", …)')
    schema = schema_argument(operation)
    return f'with op.batch_alter_table("{operation.table}"{schema}) as batch:\n    batch.{call}'
