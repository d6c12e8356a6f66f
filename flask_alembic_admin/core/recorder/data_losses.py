"""What a step would do to rows that were there before it, told by what it has sent and changed."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import re

from ..risks.narrowing import narrows
from ..schema.parts import Part
from ..schema.parts import Snapshot
from .operations import Operation

# Batch mode on SQLite copies a table; its columns are named in both parts, in the same order.
_COPY = re.compile(
    r"\s*INSERT\s+INTO\s+\S+\s*\((?P<into>.*?)\)\s*SELECT\s+(?P<rest>.*)\sFROM\s+(?P<table>\S+)",
    re.IGNORECASE | re.DOTALL,
)
_SOURCE = re.compile(r"(?:\w+|\"[^\"]+\")\.(\w+|\"[^\"]+\")")

_DROP = "drop_sequence"
#: What changes nothing in a database.
_HARMLESS = {"select", "set", "pragma", "analyze", "begin", "commit", "rollback", "savepoint"}


@dataclasses.dataclass(frozen=True)
class Passage:
    """One step as it went.

    :param before: What the database was made of.
    :param after: What it was made of afterwards.
    :param sent: What the step has sent, in order; the version table apart.
    """

    before: Snapshot
    after: Snapshot
    sent: tuple[Operation, ...]

    @property
    def changes_something(self) -> bool:
        """Whether the step has sent more than questions."""
        return any(operation.kind not in _HARMLESS for operation in self.sent)


def losses(
    passage: Passage, held: Snapshot, dialect: str, undone: Passage | None = None
) -> list[str]:
    """Return what a step takes from rows that may be there, in words.

    :param passage: The step.
    :param held: What held rows that must not be lost: what was there before the upgrade, also where
        the step is its downgrade.
    :param dialect: Whose types they are.
    :param undone: The upgrade that the step undoes, whose rows may go with it.
    """
    return list(
        dict.fromkeys(
            [
                *_dropped(passage, held),
                *_narrowed(passage, held, dialect),
                *_changed(passage, held, undone),
            ]
        )
    )


def _dropped(passage: Passage, held: Snapshot) -> c.Iterator[str]:
    sent = passage.sent
    renamed = {(o.schema, o.table): o.name for o in sent if o.kind == "rename_table"}
    rebuilt = {name for name in renamed.values() if name}
    columns_renamed = {
        (_name(operation, held), operation.column)
        for operation in sent
        if operation.kind == "rename_column"
    } | set(_copied(sent))
    dropped = {_name(o, held) for o in sent if o.kind == "drop_table"}
    renamed_from = {table for _, table in renamed}

    for table in sorted(held.tables & passage.before.tables):
        bare = table.rpartition(".")[2]
        is_gone = table not in passage.after.tables and bare not in renamed_from
        is_made_anew = table in dropped and bare not in rebuilt

        if is_gone or is_made_anew:
            yield f"drops table {table}"
            continue

        new_name = next((new for (_, old), new in renamed.items() if old == bare and new), bare)
        new_table = f"{table[: -len(bare)]}{new_name}" if bare in renamed_from else table
        now = passage.after.columns(new_table if new_table in passage.after.tables else table)
        columns_dropped = {
            operation.column
            for operation in sent
            if operation.kind == "drop_column" and _name(operation, held) == table
        }

        for column in passage.before.columns(table):
            is_held = column in held.columns(table)
            is_gone = column not in now and (table, column) not in columns_renamed

            if is_held and (is_gone or column in columns_dropped):
                yield f"drops column {table}.{column}"


def _narrowed(passage: Passage, held: Snapshot, dialect: str) -> c.Iterator[str]:
    for table in sorted(held.tables & passage.before.tables & passage.after.tables):
        before, after = passage.before.columns(table), passage.after.columns(table)

        for column in sorted(set(before) & set(after) & set(held.columns(table))):
            lost = narrows(before[column], after[column], dialect)

            if lost:
                yield f"makes {table}.{column} {after[column]}, which {lost}"


def _changed(passage: Passage, held: Snapshot, undone: Passage | None) -> c.Iterator[str]:
    inserted = {_name(o, held) for o in (undone.sent if undone else ()) if o.kind == "insert"}

    for operation in passage.sent:
        table = _name(operation, held)

        if Part("sequence", "", str(operation.name)) in held.parts and operation.kind == _DROP:
            yield f"drops sequence {operation.name}"

        if table not in held.tables:
            continue

        if operation.kind == "truncate":
            yield f"deletes all rows of {table}"
        elif operation.kind == "delete":
            where = operation.details.get("where")
            # Rows that its own upgrade has put there are its own.
            if not (where and table in inserted):
                yield f"deletes {'' if where else 'all '}rows of {table}"
        elif operation.kind == "update":
            own = set(held.columns(table))
            columns = [column for column in operation.details.get("columns") or () if column in own]
            if columns or not operation.details.get("columns"):
                told = ", ".join(f"{table}.{column}" for column in columns) or table
                yield f"overwrites values of {told}"


def _copied(sent: c.Iterable[Operation]) -> c.Iterator[tuple[str, str]]:
    """Yield the columns whose values a copy of their table takes over, under whatever name."""
    for operation in sent:
        match = _COPY.match(operation.sql) if operation.kind == "insert" else None

        if match:
            for source in _SOURCE.findall(match["rest"]):
                yield match["table"].strip('";'), source.strip('"')


def _name(operation: Operation, held: Snapshot) -> str:
    """Return the table of an operation as snapshots call it."""
    full = f"{operation.schema}.{operation.table}"
    return full if operation.schema and full in held.tables else str(operation.table)
