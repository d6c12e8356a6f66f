"""PostgreSQL: constraints that are checked on all rows while others wait."""

from __future__ import annotations

import collections.abc as c

from ..recorder.operations import Operation
from .base import Found
from .base import rule
from .base import Sight
from .base import Step
from .tables import columns_of
from .tables import existing
from .tables import graded
from .tables import in_transaction
from .tables import listed
from .tables import name_or
from .tables import named
from .tables import schema_argument


@rule(
    "LOCK005",
    "fk-without-not-valid",
    "warn",
    "Checks a foreign key on all rows while nobody can write",
    dialects=("postgresql",),
    why="ADD FOREIGN KEY looks up every row, and keeps writers out of both tables until it has.",
    instead="Add it NOT VALID, which is quick, and validate it in a later revision, which keeps "
    "nobody out.",
    bad='op.create_foreign_key("fk_orders_user", "orders", "users", ["user_id"], ["id"])',
    good="""
op.create_foreign_key(
    "fk_orders_user", "orders", "users", ["user_id"], ["id"], postgresql_not_valid=True
)
# In a later revision:
op.execute("ALTER TABLE orders VALIDATE CONSTRAINT fk_orders_user")
""",
)
def fk_without_not_valid(step: Step, sight: Sight) -> c.Iterator[Found]:
    """Of a table that has rows."""
    for operation in _checked(step, sight, "foreign_key"):
        other = operation.details.get("referred_table") or "the other table"
        columns = listed(columns_of(operation))
        name = name_or(operation, "fk")
        yield Found(
            operation,
            f"Nobody can write to {named(operation)} or {other} until all rows of "
            f"{named(operation)} are looked up.",
            code=f"""\
op.create_foreign_key(
    "{name}", "{operation.table}", "{other}", {columns}, ["id"],
    postgresql_not_valid=True,
)
# In a later revision:
op.execute("ALTER TABLE {named(operation)} VALIDATE CONSTRAINT {name}")""",
            severity=graded(operation, sight),
        )

    yield from _validated_at_once(step, sight, "foreign_key")


@rule(
    "LOCK006",
    "check-without-not-valid",
    "warn",
    "Checks all rows while nobody can read or write",
    dialects=("postgresql",),
    why="ADD CHECK reads every row, and keeps readers and writers out until it has.",
    instead="Add it NOT VALID, which is quick, and validate it in a later revision, which keeps "
    "nobody out.",
    bad='op.create_check_constraint("ck_orders_total", "orders", "total >= 0")',
    good="""
op.create_check_constraint(
    "ck_orders_total", "orders", "total >= 0", postgresql_not_valid=True
)
# In a later revision:
op.execute("ALTER TABLE orders VALIDATE CONSTRAINT ck_orders_total")
""",
)
def check_without_not_valid(step: Step, sight: Sight) -> c.Iterator[Found]:
    """Of a table that has rows."""
    for operation in _checked(step, sight, "check"):
        name = name_or(operation, "ck")
        condition = operation.details.get("text") or "…"
        yield Found(
            operation,
            f"Nobody can read or write {named(operation)} until all of its rows are checked.",
            code=f"""\
op.create_check_constraint(
    "{name}", "{operation.table}", {condition!r}{schema_argument(operation)},
    postgresql_not_valid=True,
)
# In a later revision:
op.execute("ALTER TABLE {named(operation)} VALIDATE CONSTRAINT {name}")""",
            severity=graded(operation, sight),
        )

    yield from _validated_at_once(step, sight, "check")


@rule(
    "LOCK007",
    "constraint-builds-index",
    "warn",
    "Builds the index of a constraint while nobody can read or write",
    dialects=("postgresql",),
    why="A unique constraint, a primary key or an exclusion builds its index while readers and "
    "writers are kept out of the table.",
    instead="Build a unique index CONCURRENTLY first, and make the constraint of it, which is "
    "quick.",
    bad='op.create_unique_constraint("uq_users_email", "users", ["email"])',
    good="""
with op.get_context().autocommit_block():
    op.create_index(
        "uq_users_email", "users", ["email"], unique=True, postgresql_concurrently=True
    )
op.execute("ALTER TABLE users ADD CONSTRAINT uq_users_email UNIQUE USING INDEX uq_users_email")
""",
)
def constraint_builds_index(step: Step, sight: Sight) -> c.Iterator[Found]:
    """Not where the index is there already."""
    for operation, kind in _made(step, sight):
        if kind not in {"unique", "primary_key", "exclude"} or "using_index" in operation.details:
            continue

        sentence = (
            f"Nobody can read or write {named(operation)} until the index of "
            f"{operation.name or 'the constraint'} is built."
        )

        if kind == "exclude":
            yield Found(
                operation,
                sentence,
                "PostgreSQL has no concurrent way to an exclusion: take a maintenance window, or "
                "make a new table and fill it.",
                severity=graded(operation, sight),
            )
            continue

        words = "PRIMARY KEY" if kind == "primary_key" else "UNIQUE"
        name = name_or(operation, "pk" if kind == "primary_key" else "uq")
        columns = listed(columns_of(operation))
        yield Found(
            operation,
            sentence,
            code=f"""\
with op.get_context().autocommit_block():
    op.create_index(
        "{name}", "{operation.table}", {columns}, unique=True{schema_argument(operation)},
        postgresql_concurrently=True,
    )
op.execute(
    "ALTER TABLE {named(operation)} ADD CONSTRAINT {name} {words} USING INDEX {name}"
)""",
            severity=graded(operation, sight),
        )


def _checked(step: Step, sight: Sight, type_: str) -> c.Iterator[Operation]:
    """Yield the constraints of a type that are checked on the rows there are."""
    for operation, kind in _made(step, sight):
        if kind == type_ and not operation.details.get("not_valid"):
            yield operation


def _made(step: Step, sight: Sight) -> c.Iterator[tuple[Operation, str]]:
    """Yield what adds a constraint to a table that has rows, and what type that is."""
    for operation in existing(step, sight, "create_constraint", "add_column"):
        if operation.kind == "create_constraint":
            yield operation, str(operation.details.get("type"))
            continue

        # What Alembic adds has an operation of its own; in a text it stands behind the column.
        for type_ in operation.details.get("constraints", ()):
            if isinstance(type_, str):
                yield operation, type_


def _validated_at_once(step: Step, sight: Sight, type_: str) -> c.Iterator[Found]:
    """Yield the validations that gain nothing, since the lock of NOT VALID is still held."""
    waiting: set[str] = set()
    ours = set(map(id, step.operations))

    for operation in in_transaction(step, sight):
        details = operation.details

        if operation.kind == "create_constraint" and details.get("type") == type_:
            if details.get("not_valid") and not sight.is_new(operation):
                waiting.add(str(operation.name).lower())

            continue

        if operation.kind != "validate_constraint" or id(operation) not in ours:
            continue

        if str(operation.name).lower() in waiting:
            yield Found(
                operation,
                f"{operation.name} is validated in the transaction that added it, which still "
                "holds its lock: all rows are read while others wait.",
                "Validate it in a revision of its own, after this one.",
                severity=graded(operation, sight),
            )
