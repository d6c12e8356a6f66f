"""SQL that takes back what one statement has done, where that follows from what it says."""

from __future__ import annotations

import collections.abc as c

import sqlalchemy as sa

from ..recorder.operations import Operation

#: What each kind of constraint is called where MySQL drops it.
_DROPPED_AS = {"foreign_key": "FOREIGN KEY", "unique": "INDEX", "check": "CONSTRAINT"}


def undo_of(operations: c.Sequence[Operation], dialect: sa.Dialect) -> str | None:
    """Return SQL that takes operations back; None where it cannot be derived.

    What was dropped is gone, and what was altered says nothing of what it was.

    :param operations: What one statement has done, in order.
    :param dialect: Whose SQL is wanted.
    """
    undone = [_undo(operation, dialect) for operation in reversed(operations)]
    known = [sql for sql in undone if sql is not None]
    return ";\n".join(known) if known and len(known) == len(undone) else None


def _undo(operation: Operation, dialect: sa.Dialect) -> str | None:
    details, kind = operation.details, operation.kind

    def quote(name: str | None) -> str:
        # SQLAlchemy 2.0.31 stumbles over an empty one.
        return dialect.identifier_preparer.quote(name) if name else ""

    name = quote(operation.name)

    # It may have been there before.
    if details.get("if_not_exists") or details.get("replace"):
        return None

    if kind == "create_view":
        return f"DROP VIEW {name}"

    if operation.table is None:
        return None

    schema = f"{quote(operation.schema)}." if operation.schema else ""
    table = f"{schema}{quote(operation.table)}"

    if kind == "create_table":
        return f"DROP TABLE {table}"
    if kind == "rename_table":
        return f"ALTER TABLE {schema}{name} RENAME TO {quote(operation.table)}"
    if kind == "add_column":
        return f"ALTER TABLE {table} DROP COLUMN {quote(operation.column)}"
    if kind == "rename_column":
        return f"ALTER TABLE {table} RENAME COLUMN {name} TO {quote(operation.column)}"
    if kind == "create_index" and operation.name:
        on = f" ON {table}" if dialect.name in {"mysql", "mariadb"} else ""
        return f"DROP INDEX {'' if on else schema}{name}{on}"

    if kind == "create_constraint" and dialect.name in {"mysql", "mariadb"}:
        if details.get("type") == "primary_key":
            return f"ALTER TABLE {table} DROP PRIMARY KEY"
        if operation.name and details.get("type") in _DROPPED_AS:
            return f"ALTER TABLE {table} DROP {_DROPPED_AS[details['type']]} {name}"

    return None
