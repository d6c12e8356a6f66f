"""What each step of a plan would do to tables that are in use, and how long it took elsewhere."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import typing as t

from ..ledger.tables import Direction
from ..recorder.operations import Operation
from ..risks import Sight
from ..risks import Step
from ..risks.base import seen_in_turn
from ..risks.base import TableKey
from ..risks.earlier import REBUILT
from ..servers import TableSize
from ..table_work import Effect
from ..table_work import effects_of
from ..table_work import KeepsOut
from ..table_work import Lock
from ..table_work import strength
from ..table_work import Work
from ..table_work import WORKS

if t.TYPE_CHECKING:
    from ..ledger.ledger import Ledger

#: How many databases a step tells of, those where it was carried out last.
MOST_ELSEWHERE = 3


@dataclasses.dataclass(frozen=True)
class TableEstimate:
    """What a step does to a table that was there before the plan.

    :param table: As people write it.
    :param work: ``rewrites``, ``scans``, ``adds``, ``catalogue`` or ``unknown``: the longest of
        what the step does to it.
    :param lock: The strongest that it takes, in the server's own words; empty if not known.
    :param keeps_out: Who has to wait for that: ``everybody``, ``writers``, ``nobody`` or
        ``unknown``.
    :param rows: About how many it has; None if not known.
    :param at_least: Whether it may have more rows than that, since nobody counted on.
    :param bytes: About how many it takes with its indexes; None if not known.
    """

    table: str
    work: Work
    lock: str
    keeps_out: KeepsOut
    rows: int | None = None
    at_least: bool = False
    bytes: int | None = None

    @property
    def takes_time(self) -> bool:
        """Whether the more rows it has, the longer it takes, as far as that is known."""
        return self.work in {"rewrites", "scans", "unknown"}

    def is_big(self, rows: int, bytes_: int) -> bool:
        """Return whether it is big, by one number or the other.

        :param rows: From how many rows.
        :param bytes_: From how many bytes.
        """
        return (self.rows or 0) >= rows or (self.bytes or 0) >= bytes_


@dataclasses.dataclass(frozen=True)
class Duration:
    """How long the same step took in another run.

    :param database: Which database that was.
    :param seconds: How long it took.
    :param finished: When it ended, as ISO 8601 has it.
    """

    database: str
    seconds: float
    finished: str

    @property
    def when(self) -> datetime.datetime:
        """When it ended."""
        return datetime.datetime.fromisoformat(self.finished)


@dataclasses.dataclass(frozen=True)
class StepEstimate:
    """What a step does to tables, and how long it took elsewhere.

    :param tables: Those that were there before, in the order in which it comes to them.
    :param new: Those that the plan itself creates: nobody waits for them.
    :param unread: How many of its operations do not tell which table they are about.
    :param took: How long the same took elsewhere, the last first.
    :param file_bytes: How large the file is in which all tables are, where it is one.
    """

    tables: tuple[TableEstimate, ...] = ()
    new: tuple[str, ...] = ()
    unread: int = 0
    took: tuple[Duration, ...] = ()
    file_bytes: int | None = None

    def to_values(self) -> dict[str, t.Any]:
        """Return the estimate as values that JSON can hold."""
        return {
            **vars(self),
            "tables": [dict(vars(table)) for table in self.tables],
            "took": [dict(vars(duration)) for duration in self.took],
        }

    @classmethod
    def from_values(cls, values: c.Mapping[str, t.Any]) -> StepEstimate:
        """Return the estimate that ``to_values`` gave."""
        return cls(
            **{
                **values,
                "tables": tuple(TableEstimate(**table) for table in values["tables"]),
                "new": tuple(values["new"]),
                "took": tuple(Duration(**duration) for duration in values["took"]),
            }
        )


@dataclasses.dataclass(frozen=True)
class PlanEstimate:
    """What stands out among the estimates of all steps.

    :param largest: The largest table that any step touches; None where no size is known.
    :param strongest: The tables with the strongest lock, each named once.
    :param heavy: The tables that are big and rewritten or scanned, each named once.
    """

    largest: TableEstimate | None
    strongest: tuple[TableEstimate, ...]
    heavy: tuple[TableEstimate, ...]


def summed(
    estimates: c.Iterable[StepEstimate | None], big_rows: int, big_bytes: int
) -> PlanEstimate | None:
    """Return what stands out in a plan; None where no step touches a table that is in use.

    :param estimates: Those of its steps; None of one from before there were estimates.
    :param big_rows: From how many rows a table is big.
    :param big_bytes: From how many bytes.
    """
    tables = [table for estimate in estimates if estimate for table in estimate.tables]

    if not tables:
        return None

    known = [table for table in tables if table.rows is not None or table.bytes is not None]
    strongest = min(map(_strength, tables))
    return PlanEstimate(
        max(known, key=lambda table: (table.rows or 0, table.bytes or 0), default=None),
        _each_once(table for table in tables if _strength(table) == strongest),
        _each_once(
            table for table in tables if table.takes_time and table.is_big(big_rows, big_bytes)
        ),
    )


def estimates_of(
    steps: c.Sequence[Step],
    sight: Sight,
    sizes: c.Mapping[TableKey, TableSize],
    took: c.Mapping[str, c.Sequence[Duration]],
    file_bytes: int | None = None,
) -> dict[str, StepEstimate]:
    """Return by the ids of their revisions what some steps would do to tables.

    :param steps: In the order in which they would run.
    :param sight: Knows the server.
    :param sizes: Of the tables that they name.
    :param took: How long each took elsewhere, by the ids of the revisions.
    :param file_bytes: How large the file is in which all tables are, where it is one.
    """
    return {
        step.revision: _estimate(step, now, sizes, took.get(step.revision, ()), file_bytes)
        for step, now in seen_in_turn(steps, sight)
    }


def durations_of(
    ledger: Ledger, direction: Direction, digests: c.Mapping[str, str | None]
) -> dict[str, list[Duration]]:
    """Return how long steps took in other runs, by the ids of their revisions, the last first.

    Of each database only the last time is told, and of a file that has changed since nothing.

    :param ledger: Where runs are kept.
    :param direction: Which way the steps go.
    :param digests: The ids of the revisions, each with the checksum of its file.
    """
    found: dict[str, list[Duration]] = {}
    told: set[tuple[str, str]] = set()

    for row in ledger.durations(direction, tuple(digests)):
        place = (row.revision, row.database)
        known = found.setdefault(row.revision, [])

        if place not in told and row.sha256 == digests[row.revision]:
            told.add(place)

            if len(known) < MOST_ELSEWHERE:
                seconds = (row.finished - row.started).total_seconds()
                known.append(Duration(row.database, seconds, row.finished.isoformat()))

    return found


def _estimate(
    step: Step,
    sight: Sight,
    sizes: c.Mapping[TableKey, TableSize],
    took: c.Sequence[Duration],
    file_bytes: int | None,
) -> StepEstimate:
    unread: set[int] = set()
    new: dict[str, None] = {}
    touched: dict[TableKey, list[Effect]] = {}

    for number, operation in enumerate(step.operations):
        for effect in _effects(operation, step, sight):
            if effect.table is None:
                unread.add(number)
            elif effect.table in sight.new_tables:
                new[_written(effect.table)] = None
            else:
                touched.setdefault(effect.table, []).append(effect)

    return StepEstimate(
        tuple(_table(key, effects, sizes.get(key)) for key, effects in touched.items()),
        tuple(name for name in new if not name.startswith(REBUILT)),
        len(unread),
        tuple(took),
        file_bytes,
    )


def _effects(operation: Operation, step: Step, sight: Sight) -> c.Iterator[Effect]:
    # A name that stands nowhere is none.
    for effect in effects_of(operation, step, sight):
        yield effect if effect.table is None or effect.table[1] else effect._replace(table=None)


def _table(key: TableKey, effects: c.Sequence[Effect], size: TableSize | None) -> TableEstimate:
    lock = min((effect.lock for effect in effects), key=strength)
    size = size or TableSize()
    return TableEstimate(
        _written(key),
        min((effect.work for effect in effects), key=WORKS.index),
        lock.name,
        lock.keeps_out,
        size.rows,
        size.at_least,
        size.bytes,
    )


def _strength(table: TableEstimate) -> tuple[int, int]:
    return strength(Lock(table.lock, table.keeps_out))


def _each_once(tables: c.Iterable[TableEstimate]) -> tuple[TableEstimate, ...]:
    found: dict[str, TableEstimate] = {}

    for table in tables:
        found.setdefault(table.table, table)

    return tuple(found.values())


def _written(key: TableKey) -> str:
    schema, table = key
    return f"{schema}.{table}" if schema else table
