"""MariaDB and MySQL: what copies a table, what is left half done, what MODIFY forgets."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import itertools
import re

from ..recorder.operations import Operation
from .base import Found
from .base import rule
from .base import Sight
from .base import Step
from .mysql_copies import copies
from .tables import bare_sql
from .tables import DML
from .tables import graded
from .tables import named
from .tables import python_type

_NO_COPY = re.compile(r"\bALGORITHM\s*=?\s*(?:INSTANT|INPLACE|NOCOPY)\b", re.IGNORECASE)
_TABLE = re.compile(r"^\s*ALTER\s+(?:\w+\s+)?TABLE\s+\S+", re.IGNORECASE)
_MODIFIES = re.compile(r"\b(?:MODIFY|CHANGE)\b", re.IGNORECASE)
_NULL = re.compile(r"\bNULL\b", re.IGNORECASE)
#: What says nothing of the schema and leaves nothing behind.
_NO_DDL = re.compile(r"\s*(?:SET|SELECT|USE|SHOW|ANALYZE|LOCK|UNLOCK)\b", re.IGNORECASE)


@rule(
    "MY001",
    "copy-algorithm",
    "warn",
    "Copies the whole table while nobody can write",
    dialects=("mysql", "mariadb"),
    why="A change of a type or of a character set, of the primary key, a foreign key and a check "
    "copy the whole table while writers are kept out. New columns with a constant default, most "
    "longer texts, new names and indexes do not.",
    instead="Use gh-ost, pt-online-schema-change or spirit, which copy in the background. Where "
    "you think that no copy is needed, write ALGORITHM=INSTANT or INPLACE: the server then "
    "refuses instead of copying.",
    bad='op.alter_column("orders", "id", existing_type=sa.Integer(), type_=sa.BigInteger())',
    good="""
op.execute("ALTER TABLE orders MODIFY note VARCHAR(300), ALGORITHM=INPLACE, LOCK=NONE")
""",
)
def copy_algorithm(step: Step, sight: Sight) -> c.Iterator[Found]:
    """As measured on MariaDB 10.11, and as MySQL documents it."""
    for operation in step.operations:
        reason = "" if sight.is_new(operation) else copies(operation, step, sight)

        if not reason or _NO_COPY.search(bare_sql(operation, sight)):
            continue

        statement = " ".join(operation.sql.split()).rstrip(";")
        change = _TABLE.sub("", statement).strip().replace('"', "'")
        yield Found(
            operation,
            f"{reason}: nobody can write to {named(operation)} while all of its rows are copied.",
            code=f"""\
# In the background, by a tool that also moves what is written meanwhile:
# pt-online-schema-change --alter "{change}" D={operation.schema or "…"},t={operation.table}""",
            severity=graded(operation, sight),
        )


@rule(
    "MY002",
    "not-transactional",
    "info",
    "Is left half done where a statement fails",
    dialects=("mysql", "mariadb", "oracle"),
    why="Each change of the schema commits by itself. Where a later statement of the revision "
    "fails, those before it stay, and the version table does not know of them.",
    instead="Have one change of the schema in each revision.",
    bad="""
op.add_column("orders", sa.Column("note", sa.Text(), nullable=True))
op.create_index("ix_orders_total", "orders", ["total"])
""",
    good="""
op.add_column("orders", sa.Column("note", sa.Text(), nullable=True))
# In a revision of its own:
op.create_index("ix_orders_total", "orders", ["total"])
""",
)
def not_transactional(step: Step, sight: Sight) -> c.Iterator[Found]:
    """Once for a step."""
    sent = [one for one in step.operations if not _NO_DDL.match(bare_sql(one, sight))]
    changes = [one for one in sent if one.kind not in DML]
    # The parts of an ALTER TABLE have one text.
    count = sum(
        (one.sql, one.line) != (last.sql, last.line)
        for last, one in itertools.pairwise([Operation("", ""), *sent])
    )

    if changes and count > 1:
        yield Found(
            None,
            f"The {count} statements of this revision are not undone together: where one "
            "fails, those before it stay.",
        )


@rule(
    "MY003",
    "modify-loses-attributes",
    "warn",
    "Forgets what the column was",
    dialects=("mysql", "mariadb"),
    why="MODIFY and CHANGE write a column anew. What they do not name is gone: NOT NULL, the "
    "default, AUTO_INCREMENT, the comment.",
    instead="Give existing_type, existing_nullable, existing_server_default and existing_comment "
    "to op.alter_column.",
    bad='op.alter_column("users", "email", type_=sa.String(255))',
    good="""
op.alter_column(
    "users", "email", type_=sa.String(255),
    existing_type=sa.String(100), existing_nullable=False, existing_server_default=None,
)
""",
)
def modify_loses_attributes(step: Step, sight: Sight) -> c.Iterator[Found]:
    """Also on a new table, which loses them just so."""
    for operation in step.operations:
        details = operation.details

        if operation.kind != "alter_column" or not _MODIFIES.search(bare_sql(operation, sight)):
            continue
        if details.get("redefined"):
            if _NULL.search(bare_sql(operation, sight)):
                continue
        elif details.get("nullable") is not None or details.get("existing_nullable") is not None:
            continue

        yield Found(
            operation,
            f"{named(operation)}.{operation.column} becomes nullable if it was NOT NULL, and loses "
            "its default and its comment if it had them.",
            code=f"""\
op.alter_column(
    "{operation.table}", "{operation.column}",  # and what it is to become
    existing_type={_existing_type(operation, sight)},
    existing_nullable=False, existing_server_default=None, existing_comment=None,
)""",
        )


def _existing_type(operation: Operation, sight: Sight) -> str:
    type_ = operation.details.get("existing_type")
    known = dataclasses.replace(operation, details={"type_": type_})
    return python_type(known, sight) if type_ is not None else '"…"'
