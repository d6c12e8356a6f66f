"""A rehearsal that was asked for in the panel."""

from __future__ import annotations

import typing as t

from ...errors import NotRehearsable
from ..checks.kinds import carries_out
from ..ledger.checks import CheckRecord
from ..migrator import Migrator
from ..plans.plan import Plan


@carries_out("rehearsal")
def rehearse_kept_plan(migrator: Migrator, record: CheckRecord) -> t.Any:
    """Rehearse the plan that a check is about.

    :param migrator: The verbs.
    :param record: The check.
    :raises NotRehearsable: The plan is not there any more.
    """
    kept = migrator.project.ledger.run(record.subject)

    if kept is None or not kept.plan:
        raise NotRehearsable("The plan is not there any more.", "Plan again.")

    return migrator.rehearse(Plan.from_values(kept.plan)).to_values()
