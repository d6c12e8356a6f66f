"""MariaDB and MySQL: by which algorithm a table is changed, and who may use it meanwhile.

``tests/core/table_work`` asks a server whether it takes the algorithm and the lock.
"""

from __future__ import annotations

import collections.abc as c
import re

from ..recorder.operations import Operation
from ..risks import Sight
from ..risks import Step
from ..risks.mysql_copies import copies
from ..risks.mysql_copies import MAY_CHANGE
from ..risks.table_copies import fills_rows
from ..risks.tables import bare_sql
from .base import Effect
from .base import KeepsOut
from .base import Lock
from .base import Work

_COPY = Lock("ALGORITHM=COPY, LOCK=SHARED", "writers")
_IN_PLACE = Lock("ALGORITHM=INPLACE, LOCK=NONE", "nobody")
_IN_PLACE_SHARED = Lock("ALGORITHM=INPLACE, LOCK=SHARED", "writers")
_INSTANT = Lock("ALGORITHM=INSTANT, LOCK=NONE", "nobody")
_EXCLUSIVE = Lock("LOCK=EXCLUSIVE", "everybody")
_ROWS = Lock("row locks", "nobody")

#: From this version on MySQL leaves a column that is dropped where it is.
_INSTANT_DROP = (8, 0, 29)
_FULLTEXT = re.compile(r"\b(?:FULLTEXT|SPATIAL)\b", re.IGNORECASE)
_WITHOUT_COPY = {"INPLACE", "NOCOPY", "INSTANT"}
_KEEPS_OUT: dict[str, KeepsOut] = {"LOCK=SHARED": "writers", "LOCK=EXCLUSIVE": "everybody"}

_PLAIN: dict[str, tuple[Work, Lock]] = {
    "analyze": ("scans", _ROWS),
    "create_comment": ("catalogue", _INSTANT),
    "delete": ("scans", _ROWS),
    "drop_comment": ("catalogue", _INSTANT),
    "drop_constraint": ("catalogue", _INSTANT),
    "drop_index": ("catalogue", _IN_PLACE),
    "drop_table": ("catalogue", _EXCLUSIVE),
    "insert": ("adds", _ROWS),
    "lock_table": ("catalogue", _EXCLUSIVE),
    "optimize_table": ("rewrites", _IN_PLACE),
    "rename_column": ("catalogue", _INSTANT),
    "rename_table": ("catalogue", _EXCLUSIVE),
    "truncate": ("catalogue", _EXCLUSIVE),
}


def mysql_effects(operation: Operation, step: Step, sight: Sight) -> c.Iterator[Effect]:
    """Yield what an operation does to its table.

    :param operation: What would be sent.
    :param step: The operation's step.
    :param sight: Knows the server and the steps before.
    """
    key, details, kind = operation.table_key, operation.details, operation.kind
    # The server refuses to copy where the text says that it shall not.
    copied = details.get("algorithm") not in _WITHOUT_COPY
    reason = copies(operation, step, sight) if copied else ""

    work: Work

    if kind == "create_table":
        yield Effect(key, "catalogue", _EXCLUSIVE)
    elif kind == "update":
        yield Effect(key, "scans" if details.get("where") else "rewrites", _ROWS)
    elif reason:
        # The primary key alone is built without keeping writers out.
        is_added_key = (kind, details.get("type")) == ("create_constraint", "primary_key")
        work = "unknown" if reason == MAY_CHANGE else "rewrites"
        yield Effect(key, work, _written(operation, _IN_PLACE if is_added_key else _COPY))
    elif kind in _PLAIN:
        work, lock = _PLAIN[kind]
        yield Effect(key, work, _written(operation, lock))
    elif kind == "add_column":
        work, lock = _added_column(operation, sight)
        yield Effect(key, work, _written(operation, lock))
    elif kind == "drop_column":
        work, lock = _dropped_column(sight)
        yield Effect(key, work, _written(operation, lock))
    elif kind == "alter_column":
        work, lock = _altered_column(operation)
        yield Effect(key, work, _written(operation, lock))
    elif kind == "create_index":
        shared = _FULLTEXT.search(bare_sql(operation, sight))
        yield Effect(key, "scans", _written(operation, _IN_PLACE_SHARED if shared else _IN_PLACE))
    elif kind == "create_constraint":
        unchecked = details.get("type") == "foreign_key"
        yield Effect(key, "catalogue" if unchecked else "scans", _written(operation, _IN_PLACE))
    else:
        yield Effect(key, "unknown", _written(operation, Lock("", "unknown")))


def _added_column(operation: Operation, sight: Sight) -> tuple[Work, Lock]:
    constraints = operation.details.get("constraints", ())

    if fills_rows(operation, sight) or "foreign_key" in constraints:
        return "rewrites", _COPY

    return ("scans", _IN_PLACE) if "unique" in constraints else ("catalogue", _INSTANT)


def _dropped_column(sight: Sight) -> tuple[Work, Lock]:
    if sight.dialect == "mysql" and sight.server_version < _INSTANT_DROP:
        return "rewrites", _IN_PLACE

    return "catalogue", _INSTANT


def _altered_column(operation: Operation) -> tuple[Work, Lock]:
    """Return what becomes of a table whose column keeps its type."""
    nullable = operation.details.get("nullable")

    if nullable is None or nullable == operation.details.get("existing_nullable"):
        return "catalogue", _INSTANT

    return "rewrites", _IN_PLACE


def _written(operation: Operation, usual: Lock) -> Lock:
    """Return the lock that a text asks for, where it asks for one."""
    algorithm, lock = (operation.details.get(name) for name in ("algorithm", "lock"))

    if not algorithm and not lock:
        return usual

    usual_algorithm, _, usual_lock = usual.name.partition(", ")
    words = [f"ALGORITHM={algorithm}" if algorithm else usual_algorithm]
    # Whoever names an algorithm other than COPY has the server refuse instead of waiting longer.
    allowed = "LOCK=NONE" if algorithm in _WITHOUT_COPY else usual_lock
    words.append(f"LOCK={lock}" if lock else allowed)
    keeps_out: KeepsOut = _KEEPS_OUT.get(words[1], "nobody")
    return Lock(", ".join(word for word in words if word), keeps_out)
