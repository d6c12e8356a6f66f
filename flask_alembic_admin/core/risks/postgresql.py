"""PostgreSQL: indexes that keep writers or readers out while they are made or go."""

from __future__ import annotations

import collections.abc as c
import re

from ..recorder.operations import Operation
from .base import Found
from .base import rule
from .base import Sight
from .base import Step
from .tables import bare_sql
from .tables import columns_of
from .tables import dropped_tables
from .tables import existing
from .tables import graded
from .tables import listed
from .tables import name_or
from .tables import named
from .tables import schema_argument

_ON_ONLY = re.compile(r"\bON\s+ONLY\b", re.IGNORECASE)
_DETACH = re.compile(r"\bDETACH\s+PARTITION\b.*\bCONCURRENTLY\b", re.IGNORECASE | re.DOTALL)
#: What a table is moved or copied by.
_NEW_HOMES = ("SET LOGGED", "SET UNLOGGED", "SET TABLESPACE", "SET ACCESS")
#: What is refused within a transaction, whoever waits.
_ALONE = {"vacuum", "create_database", "drop_database", "create_tablespace", "drop_tablespace"}


@rule(
    "LOCK001",
    "index-not-concurrent",
    "warn",
    "Builds an index while nobody can write",
    dialects=("postgresql",),
    why="CREATE INDEX keeps writers out of the table until the index is built, which takes as long "
    "as reading and sorting the whole table.",
    instead="Build it CONCURRENTLY, in a revision of its own.",
    bad='op.create_index("ix_orders_total", "orders", ["total"])',
    good="""
with op.get_context().autocommit_block():
    op.create_index("ix_orders_total", "orders", ["total"], postgresql_concurrently=True)
""",
)
def index_not_concurrent(step: Step, sight: Sight) -> c.Iterator[Found]:
    """An index of a table that is in use."""
    for operation in existing(step, sight, "create_index"):
        if operation.details.get("concurrently") or builds_nothing(operation, sight):
            continue

        columns = columns_of(operation)
        unique = ", unique=True" if operation.details.get("unique") else ""
        yield Found(
            operation,
            f"Nobody can write to {named(operation)} until "
            f"{operation.name or 'the index'} is built.",
            code=f"""\
with op.get_context().autocommit_block():
    op.create_index(
        "{name_or(operation, "ix")}", "{operation.table}", {listed(columns)}{unique}\
{schema_argument(operation)},
        postgresql_concurrently=True,
    )""",
            severity=graded(operation, sight),
        )


@rule(
    "LOCK002",
    "concurrent-in-transaction",
    "danger",
    "Cannot be sent within a transaction",
    dialects=("postgresql",),
    why="CONCURRENTLY and VACUUM are refused within a transaction, and Alembic runs each revision "
    "in one, so this revision fails.",
    instead="Send it in an autocommit_block, which ends the transaction before and begins another "
    "after.",
    bad='op.create_index("ix_orders_total", "orders", ["total"], postgresql_concurrently=True)',
    good="""
with op.get_context().autocommit_block():
    op.create_index("ix_orders_total", "orders", ["total"], postgresql_concurrently=True)
""",
)
def concurrent_in_transaction(step: Step, sight: Sight) -> c.Iterator[Found]:
    """Also on a new table: it is refused, whoever waits."""
    for operation in step.operations:
        if not _stands_alone(operation, sight):
            continue

        if not operation.in_autocommit:
            yield Found(
                operation,
                "PostgreSQL refuses this within a transaction, so the revision fails here.",
                code=f"""\
with op.get_context().autocommit_block():
    {_call(operation)}""",
            )
        elif not sight.transaction_per_migration:
            yield Found(
                operation,
                "All revisions of this run share one transaction, and the autocommit_block commits "
                "what those before it did: a failure later on does not undo it.",
                instead="Give each revision a transaction of its own.",
                code='ALEMBIC_CONTEXT = {"transaction_per_migration": True}',
                severity="warn",
            )


@rule(
    "LOCK003",
    "drop-index-not-concurrent",
    "warn",
    "Drops an index while nobody can read or write",
    dialects=("postgresql",),
    why="DROP INDEX is quick, but it waits for everybody who uses the table, and whoever comes "
    "meanwhile waits behind it.",
    instead="Drop it CONCURRENTLY, in a revision of its own.",
    bad='op.drop_index("ix_orders_total", "orders")',
    good="""
with op.get_context().autocommit_block():
    op.drop_index("ix_orders_total", "orders", postgresql_concurrently=True)
""",
)
def drop_index_not_concurrent(step: Step, sight: Sight) -> c.Iterator[Found]:
    """Not of a table that the step drops anyway, nor of an index that it has built itself."""
    dropped = dropped_tables(step)
    created: set[str | None] = set()

    for operation in existing(step, sight, "create_index", "drop_index"):
        if operation.kind == "create_index":
            created.add(operation.name)
            continue

        if (
            operation.details.get("concurrently")
            or (operation.table_key is not None and operation.table_key in dropped)
            or operation.name in created
        ):
            continue

        whom = named(operation) if operation.table else "the table"
        index = f"{operation.schema}.{operation.name}" if operation.schema else operation.name
        yield Found(
            operation,
            f"Dropping {operation.name} keeps readers and writers out of {whom} until all who use "
            "it have let go.",
            code=f"""\
with op.get_context().autocommit_block():
    op.execute("DROP INDEX CONCURRENTLY IF EXISTS {index}")""",
            severity="info" if graded(operation, sight) == "info" else "warn",
        )


@rule(
    "LOCK004",
    "rebuild-in-place",
    "warn",
    "Rebuilds all that a table holds",
    dialects=("postgresql",),
    why="REINDEX, VACUUM FULL, CLUSTER, REFRESH MATERIALIZED VIEW and a new home for a table copy "
    "all that it holds, and keep others out meanwhile.",
    instead="Use the CONCURRENTLY of those that have one, or do it in a maintenance window.",
    bad='op.execute("REINDEX TABLE orders")',
    good="""
with op.get_context().autocommit_block():
    op.execute("REINDEX TABLE CONCURRENTLY orders")
""",
)
def rebuild_in_place(step: Step, sight: Sight) -> c.Iterator[Found]:
    """A view that the same revision makes is nobody's yet."""
    views = {
        (one.schema, one.name) for one in step.operations if one.kind == "create_materialized_view"
    }

    for operation in step.operations:
        if sight.is_new(operation) or (operation.schema, operation.name) in views:
            continue

        sentence, instead = _rebuilds(operation)

        if sentence:
            yield Found(operation, sentence, instead, severity=graded(operation, sight))


def builds_nothing(operation: Operation, sight: Sight) -> bool:
    """Return whether an index is one of a partitioned table alone, of no rows.

    :param operation: Creates it.
    :param sight: Knows the dialect.
    """
    return bool(_ON_ONLY.search(bare_sql(operation, sight)))


def moves_table(operation: Operation) -> bool:
    """Return whether an ``ALTER TABLE`` writes all that a table holds to another place.

    :param operation: Alters the table.
    """
    return str(operation.details.get("action")).startswith(_NEW_HOMES)


def _stands_alone(operation: Operation, sight: Sight) -> bool:
    """Return whether PostgreSQL refuses an operation within a transaction."""
    if operation.kind == "alter_table":
        return bool(_DETACH.search(bare_sql(operation, sight)))

    if operation.kind in {"create_index", "drop_index", "reindex"}:
        return bool(operation.details.get("concurrently"))

    return operation.kind in _ALONE


def _rebuilds(operation: Operation) -> tuple[str, str]:
    """Return what an operation rebuilds and what to do instead; nothing if it does not."""
    details = operation.details
    table = named(operation) if operation.table else "the table"
    out = f"copies all of {table} and keeps readers and writers out until it ends."

    match operation.kind:
        case "reindex" if not details.get("concurrently"):
            return (
                f"REINDEX of {operation.name} keeps writers out, and readers of the index too, "
                "until it is built anew.",
                "Write REINDEX … CONCURRENTLY, in an autocommit_block.",
            )
        case "vacuum" if details.get("full"):
            return f"VACUUM FULL {out}", "Use a plain VACUUM, or pg_repack in a job of its own."
        case "cluster":
            return f"CLUSTER {out}", "Use pg_repack, or take a maintenance window."
        case "refresh_materialized_view" if not details.get("concurrently"):
            return (
                f"Nobody can read {operation.name} until it is filled anew.",
                "Write REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index on the "
                "view.",
            )
        case "alter_table" if moves_table(operation):
            return (
                f"This {out}",
                "Take a maintenance window, or make a new table and fill it in batches.",
            )

    return "", ""


def _call(operation: Operation) -> str:
    """Return the call of ``op`` that an operation is."""
    if operation.kind == "create_index" and operation.construct is not None:
        columns = columns_of(operation)
        return (
            f'op.create_index("{operation.name}", "{operation.table}", {listed(columns)}, '
            "postgresql_concurrently=True)"
        )

    if operation.kind == "drop_index" and operation.construct is not None:
        return (
            f'op.drop_index("{operation.name}", "{operation.table}", postgresql_concurrently=True)'
        )

    statement = " ".join(operation.sql.split()).rstrip(";")
    return f"op.execute({statement!r})"
