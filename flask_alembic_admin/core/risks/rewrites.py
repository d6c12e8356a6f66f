"""What reads or copies a whole table while nobody else can use it."""

from __future__ import annotations

import collections.abc as c

from .base import Found
from .base import rule
from .base import Sight
from .base import Step
from .column_types import type_text
from .table_copies import copies_for_type
from .table_copies import fills_rows
from .table_copies import reads_for_null
from .tables import existing
from .tables import graded
from .tables import named
from .tables import new_type
from .tables import python_type
from .tables import schema_argument


@rule(
    "LOCK008",
    "set-not-null",
    "warn",
    "Reads all rows to set NOT NULL while nobody can read or write",
    dialects=("postgresql",),
    why="SET NOT NULL reads every row, and keeps readers and writers out until it has.",
    instead="Add a CHECK that is NOT VALID, validate it in a later revision, and set NOT NULL "
    "there, which then reads nothing (PostgreSQL 12 and later).",
    bad='op.alter_column("users", "email", existing_type=sa.String(255), nullable=False)',
    good="""
op.create_check_constraint(
    "ck_users_email", "users", "email IS NOT NULL", postgresql_not_valid=True
)
# In a later revision:
op.execute("ALTER TABLE users VALIDATE CONSTRAINT ck_users_email")
op.alter_column("users", "email", existing_type=sa.String(255), nullable=False)
op.drop_constraint("ck_users_email", "users", type_="check")
""",
)
def set_not_null(step: Step, sight: Sight) -> c.Iterator[Found]:
    """Not where a check of the same was validated before."""
    for operation in existing(step, sight, "alter_column"):
        if not reads_for_null(operation, step, sight):
            continue

        name = f"ck_{operation.table}_{operation.column}"
        yield Found(
            operation,
            f"Nobody can read or write {named(operation)} until all of its rows are read for "
            f"a NULL in {operation.column}.",
            code=f"""\
op.create_check_constraint(
    "{name}", "{operation.table}", "{operation.column} IS NOT NULL"{schema_argument(operation)},
    postgresql_not_valid=True,
)
# In a later revision:
op.execute("ALTER TABLE {named(operation)} VALIDATE CONSTRAINT {name}")
op.alter_column("{operation.table}", "{operation.column}", nullable=False\
{schema_argument(operation)})
op.drop_constraint("{name}", "{operation.table}", type_="check"{schema_argument(operation)})""",
            severity=graded(operation, sight),
        )


@rule(
    "LOCK009",
    "rewrite-type",
    "warn",
    "Copies the whole table to change a type",
    dialects=("postgresql",),
    why="Most changes of a type write every row and every index anew, while readers and writers "
    "are kept out. A longer or unlimited varchar, text instead of varchar, and a numeric with more "
    "digits before the point do not.",
    instead="Add a column of the new type, fill it in batches, write to both meanwhile, and "
    "exchange them in a later release.",
    bad='op.alter_column("orders", "id", existing_type=sa.Integer(), type_=sa.BigInteger())',
    good="""
op.add_column("orders", sa.Column("id_new", sa.BigInteger(), nullable=True))
# Then: fill it in batches, write to both, and exchange them in a later revision.
""",
)
def rewrite_type(step: Step, sight: Sight) -> c.Iterator[Found]:
    """Unless both types are known, and the server keeps the rows as they are."""
    for operation in existing(step, sight, "alter_column"):
        copies = copies_for_type(operation, sight)

        if not copies:
            continue

        where = f"{named(operation)}.{operation.column}"
        text = type_text(new_type(operation), sight.dialect)
        sentence = f"Nobody can read or write {named(operation)} while all of its rows are copied."

        if copies == "perhaps":
            sentence = (
                f"The old type of {where} is not told. Unless the server can take its values for "
                f"{text} as they are, nobody can read or write {named(operation)} while all of its "
                "rows are copied."
            )

        yield Found(
            operation,
            sentence,
            code=f"""\
op.add_column(
    "{operation.table}",
    sa.Column("{operation.column}_new", {python_type(operation, sight)}, nullable=True)\
{schema_argument(operation)},
)
# Then: fill it in batches, write to both, and exchange them in a later revision.""",
            severity=graded(operation, sight),
        )


@rule(
    "LOCK010",
    "rewrite-default",
    "warn",
    "Copies the whole table to fill a new column",
    dialects=("postgresql", "mysql", "mariadb"),
    why="A default that may differ from row to row, a stored generated column, and a serial or "
    "identity column are computed for every row while the table is copied. A constant is not, and "
    "neither is now() on PostgreSQL.",
    instead="Add the column nullable and without a default, set the default, and fill the rows "
    "that are there in batches.",
    bad="""
op.add_column(
    "orders", sa.Column("token", sa.Uuid(), server_default=sa.text("gen_random_uuid()"))
)
""",
    good="""
op.add_column("orders", sa.Column("token", sa.Uuid(), nullable=True))
op.alter_column("orders", "token", server_default=sa.text("gen_random_uuid()"))
# Then fill the rows that are there in batches, outside of the migration.
""",
)
def rewrite_default(step: Step, sight: Sight) -> c.Iterator[Found]:
    """Of a new column on a table that has rows."""
    for operation in existing(step, sight, "add_column"):
        reason = fills_rows(operation, sight)

        if not reason:
            continue

        default = operation.details.get("server_default")
        code = ""

        if default:
            code = f"""\
op.add_column(
    "{operation.table}",
    sa.Column("{operation.column}", {python_type(operation, sight)}, nullable=True)\
{schema_argument(operation)},
)
op.alter_column(
    "{operation.table}", "{operation.column}", server_default=sa.text({str(default)!r})\
{schema_argument(operation)},
)
# Then fill the rows that are there in batches, outside of the migration."""

        yield Found(
            operation,
            f"{named(operation)} is copied while others wait: {reason}.",
            instead=""
            if default
            else "Add a plain nullable column, fill it in batches, and make it what it is to be "
            "in a later revision.",
            code=code,
            severity=graded(operation, sight),
        )
