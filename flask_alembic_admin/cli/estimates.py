"""What steps would do to tables, as text: one short line a table."""

from __future__ import annotations

import collections.abc as c

from ..core.plans.estimate import StepEstimate
from ..core.plans.estimate import summed
from ..core.plans.estimate import TableEstimate
from ..core.plans.plan import Plan
from ..core.quantities import ago
from ..core.quantities import duration
from ..core.quantities import size
from ..core.settings import Settings
from ..core.table_work import KeepsOut
from ..core.table_work import Work
from .output import number

_WORK: dict[Work, str] = {
    "rewrites": "rewrites all rows",
    "scans": "reads all rows",
    "adds": "adds rows",
    "catalogue": "catalogue only",
    "unknown": "may take any time",
}
_KEEPS_OUT: dict[KeepsOut, str] = {
    "everybody": "nobody reads or writes",
    "writers": "nobody else writes",
    "nobody": "others read and write",
    "unknown": "the lock is not known",
}


def estimate_lines(estimate: StepEstimate | None) -> c.Iterator[str]:
    """Yield what is printed about a step.

    :param estimate: What it does to tables; None where nobody looked.
    """
    if estimate is None:
        return

    for table in estimate.tables:
        yield f"{_sized(table)}; {_WORK[table.work]}; {_locked(table)}"

    if estimate.unread:
        yield f"{number(estimate.unread, 'statement')} of unknown tables"

    if estimate.took:
        told = [
            f"{duration(one.seconds)} on {one.database}, {ago(one.when)}" for one in estimate.took
        ]
        yield f"took {'; '.join(told)}"


def summary_lines(plan: Plan, settings: Settings) -> c.Iterator[str]:
    """Yield what stands out in a plan: the largest table and the strongest lock.

    :param plan: The plan.
    :param settings: Say from when on a table is big.
    """
    found = summed((step.estimate for step in plan.steps), settings.big_table, settings.big_bytes)

    if found is None:
        return

    largest = _sized(found.largest) if found.largest else "not known"
    names = ", ".join(table.table for table in found.strongest)
    yield f"largest table: {largest}; strongest lock: {_locked(found.strongest[0])} ({names})"


def _sized(table: TableEstimate) -> str:
    words = []

    if table.rows is not None:
        about = "at least" if table.at_least else "about"
        words.append(f"{about} {table.rows:,} row{'' if table.rows == 1 else 's'}")

    if table.bytes is not None:
        words.append(size(table.bytes))

    return f"{table.table}: {', '.join(words) or 'size not known'}"


def _locked(table: TableEstimate) -> str:
    words = _KEEPS_OUT[table.keeps_out]
    return f"{table.lock}, {words}" if table.lock else words
