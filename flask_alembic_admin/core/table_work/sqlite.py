"""SQLite: what an operation does to its table; whatever it is, the whole file is locked."""

from __future__ import annotations

import collections.abc as c

from ..recorder.operations import Operation
from ..risks import Sight
from ..risks import Step
from ..risks.sqlite import rebuilt
from .base import Effect
from .base import Lock
from .base import Work

#: From the first change to the end of the transaction nobody else writes to any of its tables.
_FILE = Lock("the whole file", "writers")

_PLAIN: dict[str, Work] = {
    "analyze": "scans",
    "create_index": "scans",
    "create_table": "catalogue",
    "delete": "scans",
    # The values are taken out of each row.
    "drop_column": "rewrites",
    "drop_index": "catalogue",
    "drop_table": "catalogue",
    "insert": "adds",
    "reindex": "scans",
    "rename_column": "catalogue",
    "rename_table": "catalogue",
    "vacuum": "rewrites",
}


def sqlite_effects(operation: Operation, step: Step, sight: Sight) -> c.Iterator[Effect]:
    """Yield what an operation does to its table.

    :param operation: What would be sent.
    :param step: The operation's step.
    :param sight: Knows the steps before.
    """
    details, kind = operation.details, operation.kind
    work: Work

    if (table := rebuilt(operation)) is not None:
        yield Effect(table, "rewrites", _FILE)
        return

    if kind == "update":
        work = "scans" if details.get("where") else "rewrites"
    elif kind == "add_column":
        # What must hold for each row is looked at.
        checked = "check" in details.get("constraints", ()) or details.get("nullable") is False
        work = "scans" if checked else "catalogue"
    else:
        work = _PLAIN.get(kind, "unknown")

    yield Effect(operation.table_key, work, _FILE)
