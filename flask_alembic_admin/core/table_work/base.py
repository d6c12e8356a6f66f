"""What is said of the work on a table: what is done, and who is kept out meanwhile."""

from __future__ import annotations

import dataclasses
import typing as t

from ..risks.base import TableKey

#: ``rewrites`` all rows, ``scans`` them, ``adds`` some, changes the ``catalogue`` only, or
#: ``unknown``.
Work: t.TypeAlias = t.Literal["rewrites", "unknown", "scans", "adds", "catalogue"]
#: From the longest to the shortest, where one table has several.
WORKS: tuple[Work, ...] = t.get_args(Work)

#: Who has to wait: ``everybody``, ``writers``, or ``nobody`` who reads or writes.
KeepsOut: t.TypeAlias = t.Literal["everybody", "writers", "unknown", "nobody"]
_KEEPS_OUT: tuple[KeepsOut, ...] = t.get_args(KeepsOut)

#: PostgreSQL's table locks, the strongest first.
MODES = (
    "ACCESS EXCLUSIVE",
    "EXCLUSIVE",
    "SHARE ROW EXCLUSIVE",
    "SHARE",
    "SHARE UPDATE EXCLUSIVE",
    "ROW EXCLUSIVE",
    "ROW SHARE",
    "ACCESS SHARE",
)
_ALGORITHMS = ("COPY", "INPLACE", "NOCOPY", "INSTANT")


@dataclasses.dataclass(frozen=True)
class Lock:
    """What a statement holds on a table.

    :param name: In the server's own words; empty where they are not known.
    :param keeps_out: Who has to wait until it is let go.
    """

    name: str
    keeps_out: KeepsOut


#: Of a server of which nothing is known.
NO_LOCK = Lock("", "unknown")


class Effect(t.NamedTuple):
    """What one operation does to one table.

    :param table: Its schema and name; None where the operation does not tell.
    :param work: What is done.
    :param lock: What is held.
    """

    table: TableKey | None
    work: Work
    lock: Lock


def strength(lock: Lock) -> tuple[int, int]:
    """Return how strong a lock is, for sorting; the strongest sorts first.

    :param lock: Of any server.
    """
    name = lock.name.partition("=")[2].partition(",")[0] or lock.name
    order = (*MODES, *_ALGORITHMS)
    return _KEEPS_OUT.index(lock.keeps_out), order.index(name) if name in order else len(order)
