"""What loses data: tables, columns and rows that go, and types that become narrower."""

from __future__ import annotations

import collections.abc as c

from ..recorder.operations import Operation
from .base import Found
from .base import rule
from .base import Sight
from .base import Step
from .column_types import type_text
from .earlier import is_added_column
from .earlier import is_rebuilt
from .narrowing import narrows
from .tables import graded
from .tables import named
from .tables import new_type
from .tables import schema_argument

#: What is dropped, in words, and how it is made safe.
_DROPPED = {
    "drop_schema": "schema",
    "drop_database": "database",
    "drop_type": "type",
    "drop_view": "view",
    "drop_materialized_view": "materialized view",
    "drop_sequence": "sequence",
}


@rule(
    "DATA001",
    "drop-table",
    "danger",
    "Drops a table",
    why="All its rows are gone, and a downgrade makes an empty table again. Code that still uses "
    "the table fails at once.",
    instead="Stop using the table, rename it or keep a backup, and drop it one release later.",
    bad='op.drop_table("invoices")',
    good="""# This release: no code uses the table any more.
op.rename_table("invoices", "invoices_unused")
# One release later, when nobody has missed it:
op.drop_table("invoices_unused")""",
)
def drop_table(step: Step, sight: Sight) -> c.Iterator[Found]:
    """A table that the plan itself created holds nothing of value."""
    for operation in step.operations:
        is_temporary = operation.details.get("temporary")

        if operation.kind != "drop_table" or is_temporary or sight.is_new(operation):
            continue

        if is_rebuilt(step, operation):
            continue

        table, schema = operation.table, schema_argument(operation)
        code = ""

        if step.direction == "upgrade" and table:
            code = (
                f'op.rename_table("{table}", "{table}_unused"{schema})\n'
                "# One release later:\n"
                f'op.drop_table("{table}_unused"{schema})'
            )

        yield Found(operation, f"All rows of {_counted(operation, sight)} are lost.", code=code)


@rule(
    "DATA002",
    "drop-column",
    "danger",
    "Drops a column",
    why="All its values are gone, and a downgrade makes an empty column again. Processes that "
    "still run the old models select it, and fail until they are replaced.",
    instead="Take the column out of the models, deploy that, and drop it in a later revision. "
    "Keep a copy of its values if anybody may ask for them.",
    bad='op.drop_column("users", "fax")',
    good="""# First release: the models no longer have User.fax; no revision.
# Second release, with the values kept for a while:
op.execute("CREATE TABLE users_fax AS SELECT id, fax FROM users")
op.drop_column("users", "fax")""",
)
def drop_column(step: Step, sight: Sight) -> c.Iterator[Found]:
    """A column that the plan itself added holds nothing that was there before."""
    for operation in step.operations:
        if operation.kind != "drop_column" or sight.is_new(operation):
            continue

        if is_added_column(step, sight, operation):
            continue

        table, column = named(operation), operation.column
        yield Found(
            operation,
            f"All values of {table}.{column} are lost, and no downgrade brings them back. Code "
            "that still selects it fails at once.",
            code=f"# First release: the models no longer have {table}.{column}.\n"
            "# Second release, with the values kept for a while:\n"
            f'op.execute("CREATE TABLE {table}_{column} AS SELECT id, {column} FROM {table}")\n'
            f'op.drop_column("{operation.table}", "{column}"{schema_argument(operation)})',
        )


@rule(
    "DATA003",
    "truncate-or-delete-all",
    "danger",
    "Deletes all rows of a table",
    why="A TRUNCATE, or a DELETE without a WHERE, leaves nothing of a table but its columns.",
    instead="Say in a WHERE which rows shall go, and keep a copy of them.",
    bad='op.execute("DELETE FROM sessions")',
    good="op.execute(\"DELETE FROM sessions WHERE expires < '2024-01-01'\")",
)
def delete_all(step: Step, sight: Sight) -> c.Iterator[Found]:
    """Rows of a table that the plan itself created were put there by it."""
    for operation in step.operations:
        deletes_all = operation.kind == "truncate" or (
            operation.kind == "delete" and not operation.details.get("where")
        )

        if not deletes_all or sight.is_new(operation):
            continue

        table = named(operation)
        yield Found(
            operation,
            f"All rows of {_counted(operation, sight)} are deleted.",
            code=f'op.execute("CREATE TABLE {table}_kept AS SELECT * FROM {table} WHERE …")\n'
            f'op.execute("DELETE FROM {table} WHERE …")',
        )


@rule(
    "DATA004",
    "update-all-rows",
    "warn",
    "Changes all rows of a table",
    why="An UPDATE without a WHERE overwrites what every row had, and holds a lock on every row "
    "until the transaction ends. It writes each row anew, which takes room and time.",
    instead="Change the rows in batches, each in a transaction of its own, outside of a revision "
    "that changes the schema, and say in a WHERE which rows still need it.",
    bad="op.execute(\"UPDATE orders SET status = 'new'\")",
    good="""# In a command of the app, again and again until it changes no row:
\"\"\"UPDATE orders SET status = 'new'
WHERE id IN (SELECT id FROM orders WHERE status IS NULL LIMIT 1000)\"\"\"""",
)
def update_all(step: Step, sight: Sight) -> c.Iterator[Found]:
    """On a table that is known to be small nobody waits for it."""
    for operation in step.operations:
        if operation.kind != "update" or operation.details.get("where") or sight.is_new(operation):
            continue

        table = named(operation)
        yield Found(
            operation,
            f"Every row of {_counted(operation, sight)} is written anew and stays locked until "
            "the transaction ends; what stood there before is lost.",
            code="# In a command of the app, again and again until it changes no row:\n"
            f"UPDATE {table} SET …\n"
            f"WHERE id IN (SELECT id FROM {table} WHERE … IS NULL LIMIT 1000)",
            severity=graded(operation, sight),
        )


@rule(
    "DATA005",
    "narrowing-type",
    "danger",
    "Makes the type of a column narrower",
    why="Values that do not fit the new type are refused, so that the step fails, or they are "
    "cut off or rounded, which no downgrade brings back.",
    instead="Add a new column of the new type, fill it in batches, look at what does not fit, "
    "and drop the old column one release later.",
    bad="""op.alter_column(
    "users", "phone", type_=sa.String(20), existing_type=sa.String(255)
)""",
    good="""op.add_column("users", sa.Column("phone_short", sa.String(20)))
# Fill it in batches; look at the rows that do not fit:
"SELECT id, phone FROM users WHERE length(phone) > 20\"""",
)
def narrowing_type(step: Step, sight: Sight) -> c.Iterator[Found]:
    """Where the old type is not told, nobody can know whether all fits."""
    for operation in step.operations:
        if operation.kind != "alter_column" or sight.is_new(operation):
            continue

        new = new_type(operation)

        if not new:
            continue

        old = operation.details.get("existing_type")
        place = f"{named(operation)}.{operation.column}"
        told = type_text(new, sight.dialect) or str(new)

        if old is None:
            if narrows("text", new, sight.dialect):
                yield Found(
                    operation,
                    f"{place} becomes {told}; what it is now is not told, so it may lose values.",
                    instead="Write existing_type= so that the two can be held against each other.",
                    severity="warn",
                )
            continue

        lost = narrows(old, new, sight.dialect)

        if lost:
            is_kept = sight.dialect == "sqlite" and lost.startswith("refuses or cuts off")
            yield Found(
                operation,
                f"{place} becomes {told} instead of {type_text(old, sight.dialect)}, which {lost}."
                + (" SQLite itself keeps them; other servers do not." if is_kept else ""),
                code=_new_column(operation, told),
                severity="info" if is_kept else None,
            )


@rule(
    "DATA006",
    "drop-schema-or-type",
    "danger",
    "Drops a schema, database, type, view or sequence",
    why="What depends on it fails at once, and what it held is gone: all tables of a schema or "
    "a database, the numbers that a sequence has given.",
    instead="Look for what still uses it, keep a dump of it, and drop it one release after the "
    "last use.",
    bad='op.execute("DROP SCHEMA archive CASCADE")',
    good="""# Without CASCADE a schema that still holds something is not dropped.
op.execute("DROP SCHEMA archive RESTRICT")  # alembic-admin: allow DATA006 it is empty""",
)
def drop_schema_or_type(step: Step, sight: Sight) -> c.Iterator[Found]:
    """One that the same step made is not meant, nor a view that it makes again."""
    views = {_object(operation) for operation in step.operations if operation.kind == "create_view"}
    made: set[tuple[str, str | None, str | None]] = set()

    for operation in step.operations:
        name = operation.name or operation.table

        if operation.kind.startswith("create_"):
            made.add(_object(operation))
        elif operation.kind in _DROPPED and _object(operation) not in made | views:
            full = f"{operation.schema}.{name}" if operation.schema else name
            cascades = operation.details.get("cascade") or getattr(
                operation.construct, "cascade", False
            )
            yield Found(
                operation,
                f"The {_DROPPED[operation.kind]} {full or ''}".rstrip()
                + " is dropped"
                + (", with all that depends on it." if cascades else "."),
            )


def _object(operation: Operation) -> tuple[str, str | None, str | None]:
    """Return what is made or dropped: its kind, schema and name."""
    return operation.kind.partition("_")[2], operation.schema, operation.name or operation.table


def _counted(operation: Operation, sight: Sight) -> str:
    """Return the table of an operation, with its rows where somebody has counted them."""
    rows = sight.rows_of(operation)
    return named(operation) + ("" if rows is None else f" (about {rows:,} rows)")


def _new_column(operation: Operation, told: str) -> str:
    """Return how to get to another type without losing anything."""
    table, column = named(operation), operation.column
    return (
        f'op.execute("ALTER TABLE {table} ADD COLUMN {column}_new {told}")\n'
        "# Fill it in batches, in a command of the app; look at what does not fit:\n"
        f"UPDATE {table} SET {column}_new = {column}\n"
        f"WHERE id IN (SELECT id FROM {table} WHERE {column}_new IS NULL LIMIT 1000)\n"
        "# One release later:\n"
        f'op.drop_column("{operation.table}", "{column}"{schema_argument(operation)})'
    )
