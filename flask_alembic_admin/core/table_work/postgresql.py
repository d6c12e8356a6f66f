"""PostgreSQL: what an operation does to its tables, and in which mode it locks them.

``tests/core/table_work`` holds all of it against ``pg_locks`` and the files of tables.
"""

from __future__ import annotations

import collections.abc as c
import re

from ..recorder.operations import Operation
from ..risks import Sight
from ..risks import Step
from ..risks.postgresql import builds_nothing
from ..risks.postgresql import moves_table
from ..risks.table_copies import copies_for_type
from ..risks.table_copies import fills_rows
from ..risks.table_copies import reads_for_null
from ..risks.tables import bare_sql
from .base import Effect
from .base import Lock
from .base import MODES
from .base import Work

_LOCKS = {
    mode: Lock(
        mode,
        "everybody" if mode == "ACCESS EXCLUSIVE" else "writers" if number < 4 else "nobody",
    )
    for number, mode in enumerate(MODES)
}
_EVERYTHING = _LOCKS["ACCESS EXCLUSIVE"]
_WRITES = _LOCKS["SHARE"]
_KEY = _LOCKS["SHARE ROW EXCLUSIVE"]
_MAINTENANCE = _LOCKS["SHARE UPDATE EXCLUSIVE"]
_ROWS = _LOCKS["ROW EXCLUSIVE"]
_READING = _LOCKS["ACCESS SHARE"]

#: What each kind does, where nothing but the kind decides.
_PLAIN: dict[str, tuple[Work, Lock]] = {
    "analyze": ("scans", _MAINTENANCE),
    "cluster": ("rewrites", _EVERYTHING),
    "create_comment": ("catalogue", _MAINTENANCE),
    "delete": ("scans", _ROWS),
    "drop_column": ("catalogue", _EVERYTHING),
    "drop_comment": ("catalogue", _MAINTENANCE),
    "drop_constraint": ("catalogue", _EVERYTHING),
    "drop_table": ("catalogue", _EVERYTHING),
    "insert": ("adds", _ROWS),
    "rename_column": ("catalogue", _EVERYTHING),
    "rename_table": ("catalogue", _EVERYTHING),
    "truncate": ("catalogue", _EVERYTHING),
    "validate_constraint": ("scans", _MAINTENANCE),
}
#: What ``ALTER TABLE`` else does to the catalogue, by its first words.
_ACTIONS: dict[str, Lock] = {
    "OWNER": _EVERYTHING,
    "ENABLE ROW": _EVERYTHING,
    "DISABLE ROW": _EVERYTHING,
    "FORCE ROW": _EVERYTHING,
    "NO FORCE": _EVERYTHING,
    "SET SCHEMA": _EVERYTHING,
    "REPLICA IDENTITY": _EVERYTHING,
    "ENABLE TRIGGER": _KEY,
    "DISABLE TRIGGER": _KEY,
    "CLUSTER ON": _MAINTENANCE,
    "SET WITHOUT": _MAINTENANCE,
}
_MODE = re.compile(rf"\bIN\s+({'|'.join(MODES)})\s+MODE\b", re.IGNORECASE)
_STATISTICS = re.compile(r"\bSET\s+(?:STATISTICS\b|\(\s*n_distinct)", re.IGNORECASE)


def postgresql_effects(operation: Operation, step: Step, sight: Sight) -> c.Iterator[Effect]:
    """Yield what an operation does to each table that it names.

    :param operation: What would be sent.
    :param step: The operation's step.
    :param sight: Knows the server and the steps before.
    """
    key, details, kind = operation.table_key, operation.details, operation.kind

    if kind in _PLAIN:
        yield Effect(key, *_PLAIN[kind])
    elif kind == "update":
        yield Effect(key, "scans" if details.get("where") else "rewrites", _ROWS)
    elif kind == "add_column":
        yield from _added_column(operation, sight)
    elif kind == "alter_column":
        yield _altered_column(operation, step, sight)
    elif kind == "create_table":
        yield from _created_table(operation)
    elif kind == "create_constraint":
        yield from _constraint(operation)
    elif kind == "create_index":
        quick = builds_nothing(operation, sight)
        lock = _MAINTENANCE if details.get("concurrently") else _WRITES
        yield Effect(key, "catalogue" if quick else "scans", lock)
    elif kind == "drop_index":
        lock = _MAINTENANCE if details.get("concurrently") else _EVERYTHING
        yield Effect(key, "catalogue", lock)
    elif kind == "reindex":
        yield Effect(key, "scans", _MAINTENANCE if details.get("concurrently") else _WRITES)
    elif kind == "vacuum":
        full = details.get("full")
        yield Effect(key, "rewrites" if full else "scans", _EVERYTHING if full else _MAINTENANCE)
    elif kind == "refresh_materialized_view":
        lock = _LOCKS["EXCLUSIVE"] if details.get("concurrently") else _EVERYTHING
        view = (operation.schema, operation.name) if operation.name else None
        yield Effect(view, "rewrites", lock)
    elif kind == "lock_table":
        mode = _MODE.search(bare_sql(operation, sight))
        yield Effect(key, "catalogue", _LOCKS[mode[1].upper()] if mode else _EVERYTHING)
    else:
        yield Effect(key, *_other(operation, sight))


def _added_column(operation: Operation, sight: Sight) -> c.Iterator[Effect]:
    details = operation.details
    checked = [one for one in details.get("constraints", ()) if isinstance(one, str)]
    # Without a default the rows that are there are looked at, and there must be none.
    empty = details.get("nullable") is False and not details.get("server_default")
    work: Work = "scans" if checked or empty else "catalogue"
    yield Effect(
        operation.table_key, "rewrites" if fills_rows(operation, sight) else work, _EVERYTHING
    )

    if "foreign_key" in checked and details.get("referred_table"):
        yield Effect(_referred(details), "scans", _KEY)


def _altered_column(operation: Operation, step: Step, sight: Sight) -> Effect:
    work: Work = "catalogue"
    copies = copies_for_type(operation, sight)

    if copies:
        work = "unknown" if copies == "perhaps" else "rewrites"
    elif reads_for_null(operation, step, sight):
        work = "scans"
    elif _STATISTICS.search(bare_sql(operation, sight)):
        return Effect(operation.table_key, "catalogue", _MAINTENANCE)

    return Effect(operation.table_key, work, _EVERYTHING)


def _created_table(operation: Operation) -> c.Iterator[Effect]:
    """Yield what becomes of the tables that a new one refers to, too."""
    details = operation.details
    yield Effect(operation.table_key, "catalogue", _EVERYTHING)

    for one in (*details.get("constraints", ()), *details.get("column_details", {}).values()):
        if isinstance(one, dict) and one.get("referred_table"):
            yield Effect(_referred(one), "catalogue", _KEY)


def _constraint(operation: Operation) -> c.Iterator[Effect]:
    details = operation.details
    quick = details.get("not_valid") or "using_index" in details
    work: Work = "catalogue" if quick else "scans"
    is_key = details.get("type") == "foreign_key"
    yield Effect(operation.table_key, work, _KEY if is_key else _EVERYTHING)

    if is_key and details.get("referred_table"):
        yield Effect(_referred(details), work, _KEY)


def _other(operation: Operation, sight: Sight) -> tuple[Work, Lock]:
    action = str(operation.details.get("action"))

    if operation.kind != "alter_table":
        return "unknown", Lock("", "unknown")

    if moves_table(operation):
        return "rewrites", _EVERYTHING

    found = next((lock for words, lock in _ACTIONS.items() if action.startswith(words)), None)
    # What is not known here takes the strongest, as the server has it.
    return ("unknown", _EVERYTHING) if found is None else ("catalogue", found)


def _referred(details: c.Mapping[str, str]) -> tuple[str | None, str]:
    return details.get("referred_schema"), details["referred_table"]
