"""How the work on tables is shown: what is done in words, who waits as word, shape and colour."""

from __future__ import annotations

from ..core.plans.estimate import PlanEstimate
from ..core.plans.estimate import summed
from ..core.plans.estimate import TableEstimate
from ..core.plans.plan import Plan
from ..core.settings import Settings
from .presenters import Badge
from .translation import gettext as _
from .translation import ngettext


def plan_estimate(plan: Plan, settings: Settings) -> PlanEstimate | None:
    """Return what stands out in a plan; None where no step touches a table that is in use.

    :param plan: The plan.
    :param settings: Say from when on a table is big.
    """
    return summed((step.estimate for step in plan.steps), settings.big_table, settings.big_bytes)


def work_words(table: TableEstimate) -> str:
    """Return what is done to a table.

    :param table: The table.
    """
    return {
        "rewrites": _("all rows are written anew"),
        "scans": _("all rows are read"),
        "adds": _("rows are added"),
        "catalogue": _("the catalogue only"),
        "unknown": _("may take any time"),
    }[table.work]


def rows_words(table: TableEstimate) -> str:
    """Return about how many rows a table has.

    :param table: The table.
    """
    if table.rows is None:
        return _("number of rows not known")

    shown = f"{table.rows:,}"

    if table.at_least:
        return _("at least %(rows)s rows", rows=shown)

    return ngettext("about %(rows)s row", "about %(rows)s rows", table.rows, rows=shown)


def lock_badge(table: TableEstimate) -> Badge:
    """Return who has to wait for a step, on this table.

    :param table: The table.
    """
    # Where only the catalogue changes, it is over in a moment.
    shape, tone = ("▲", "warn") if table.takes_time else ("○", "unknown")
    return {
        "everybody": Badge(_("nobody reads or writes"), shape, tone),
        "writers": Badge(_("nobody else writes"), shape, tone),
        "nobody": Badge(_("others read and write"), "○", "unknown"),
        "unknown": Badge(_("lock not known"), "□", tone),
    }[table.keeps_out]
