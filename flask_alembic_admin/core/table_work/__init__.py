"""What an operation does to tables, and what it keeps out of them: one kind of server a file."""

from __future__ import annotations

import collections.abc as c

from ..recorder.operations import Operation
from ..risks import Sight
from ..risks import Step
from .base import Effect as Effect
from .base import KeepsOut as KeepsOut
from .base import Lock as Lock
from .base import NO_LOCK as NO_LOCK
from .base import strength as strength
from .base import Work as Work
from .base import WORKS as WORKS
from .mysql import mysql_effects
from .postgresql import postgresql_effects
from .sqlite import sqlite_effects

_EFFECTS = {
    "mariadb": mysql_effects,
    "mysql": mysql_effects,
    "postgresql": postgresql_effects,
    "sqlite": sqlite_effects,
}

#: What touches no table.
_HARMLESS = frozenset(
    {"select", "set", "pragma", "grant", "revoke", "begin", "commit", "rollback", "savepoint"}
)
#: What besides is done to something else than a table, whatever comes before the underscore.
_OTHER_THINGS = frozenset(
    {"schema", "database", "type", "view", "materialized_view", "sequence", "function", "procedure"}
    | {"extension", "role", "user", "domain", "aggregate", "collation", "event"}
)


def effects_of(operation: Operation, step: Step, sight: Sight) -> c.Iterator[Effect]:
    """Yield what an operation does to each table, also to those that are new.

    :param operation: What would be sent.
    :param step: The operation's step.
    :param sight: Knows the server and the steps before.
    """
    effects = _EFFECTS.get(sight.dialect)

    if operation.kind in _HARMLESS or operation.kind.partition("_")[2] in _OTHER_THINGS:
        return

    if effects is not None:
        yield from effects(operation, step, sight)
    else:
        yield Effect(operation.table_key, "unknown", NO_LOCK)
