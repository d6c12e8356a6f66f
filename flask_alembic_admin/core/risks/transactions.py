"""What one transaction holds too much of, and what nothing bounds."""

from __future__ import annotations

import collections.abc as c
import re

from ..recorder.operations import Operation
from .base import Found
from .base import rule
from .base import Sight
from .base import Step
from .base import TableKey
from .tables import bare_sql
from .tables import existing
from .tables import in_transaction
from .tables import locking
from .tables import named
from .tables import SMALL

_FROM_ROWS = re.compile(r"\b(?:SELECT|TABLE)\b", re.IGNORECASE)
_BOUND = re.compile(
    r"\s*SET\s+(?:SESSION\s+|LOCAL\s+|@@(?:SESSION\.)?)?(?:lock_timeout|lock_wait_timeout)\b",
    re.IGNORECASE,
)


@rule(
    "LOCK011",
    "ddl-and-dml-mixed",
    "warn",
    "Changes rows and the schema in one transaction",
    dialects=("postgresql",),
    why="The lock that a change of the schema takes is held until the transaction ends, so others "
    "wait as long as rows are changed too.",
    instead="Change the schema in one revision and the rows in another, in batches.",
    bad="""
op.add_column("users", sa.Column("active", sa.Boolean(), nullable=True))
op.execute("UPDATE users SET active = true WHERE deleted_at IS NULL")
""",
    good="""
op.add_column("users", sa.Column("active", sa.Boolean(), nullable=True))
# In the next revision, or in a script that goes through the rows in batches:
op.execute("UPDATE users SET active = true WHERE id BETWEEN 1 AND 10000")
""",
)
def ddl_and_dml_mixed(step: Step, sight: Sight) -> c.Iterator[Found]:
    """Rows of a table that the same plan creates are nobody else's."""
    changed = next(
        (
            operation
            for operation in existing(step, sight, "insert", "update", "delete")
            if not operation.in_autocommit and _reads_rows(operation, sight)
        ),
        None,
    )
    held = next(
        (one for one in locking(step, sight) if changed is not None and one.kind != "create_index"),
        None,
    )

    if changed is None or held is None:
        return

    small = all((sight.rows_of(one) or SMALL) < SMALL for one in (changed, held))
    yield Found(
        changed,
        f"Others wait for {named(held)} until the rows of {named(changed)} are changed.",
        severity="info" if small else None,
    )


@rule(
    "LOCK012",
    "many-tables-one-transaction",
    "warn",
    "Locks several tables in one transaction",
    dialects=("postgresql",),
    why="Each table stays locked while the next is waited for. A query that uses two of them in "
    "another order is a deadlock, and one of the two is ended.",
    instead="Change one table in each revision.",
    bad="""
op.add_column("orders", sa.Column("note", sa.Text(), nullable=True))
op.add_column("users", sa.Column("note", sa.Text(), nullable=True))
""",
    good="""
op.add_column("orders", sa.Column("note", sa.Text(), nullable=True))
# In a revision of its own:
op.add_column("users", sa.Column("note", sa.Text(), nullable=True))
""",
)
def many_tables_one_transaction(step: Step, sight: Sight) -> c.Iterator[Found]:
    """Tables that were there before the plan and that it does not drop."""
    first: dict[TableKey | None, Operation] = {}

    for operation in locking(step, sight):
        first.setdefault(operation.table_key, operation)

    if len(first) < 2:
        return

    operations = list(first.values())
    tables = [named(operation) for operation in operations]
    small = all((sight.rows_of(operation) or SMALL) < SMALL for operation in operations)
    yield Found(
        operations[1],
        f"{', '.join(tables[:-1])} and {tables[-1]} are locked until the revision ends, "
        f"{tables[0]} from the first on.",
        severity="info" if small else None,
    )


@rule(
    "LOCK013",
    "no-lock-timeout",
    "warn",
    "Waits for a lock without an end",
    dialects=("postgresql", "mysql", "mariadb"),
    why="A change of the schema that waits for a long query keeps everybody waiting who comes "
    "after it. With a lock timeout it gives up, and is tried again.",
    instead="Give the run a lock timeout.",
    bad='ALEMBIC_ADMIN = {"lock_timeout": 0}',
    good='ALEMBIC_ADMIN = {"lock_timeout": 5}',
)
def no_lock_timeout(step: Step, sight: Sight) -> c.Iterator[Found]:
    """Unless the revision sets one itself."""
    if sight.lock_timeout:
        return

    for operation in in_transaction(step, sight):
        if _BOUND.match(bare_sql(operation, sight)):
            return

    for operation in (*locking(step, sight), *existing(step, sight, "drop_table")):
        yield Found(
            operation,
            "The run's lock timeout is off: while this waits for the lock of "
            f"{named(operation)}, all who come after it wait too, for as long as that takes.",
            code='ALEMBIC_ADMIN = {"lock_timeout": 5}',
        )
        return


def _reads_rows(operation: Operation, sight: Sight) -> bool:
    """Return whether a statement goes through rows; the few of a plain INSERT are no matter."""
    return operation.kind != "insert" or bool(_FROM_ROWS.search(bare_sql(operation, sight)))
