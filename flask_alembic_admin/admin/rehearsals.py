"""What the page of a plan says of its last rehearsal, and whether another one can be begun."""

from __future__ import annotations

import contextlib
import dataclasses

import sqlalchemy as sa

from ..core.checks.asking import check_seen_as
from ..core.ledger.checks import CheckRecord
from ..core.ledger.tables import RunStatus
from ..core.plans.plan import Plan
from ..core.project import Project
from ..core.rehearsal.places import rehearsal_place
from ..core.rehearsal.places import RehearsalPlace
from ..core.rehearsal.result import Rehearsal
from ..runners.process import CHECK_COMMAND
from .access import current_project
from .command_lines import job_line
from .last_check import LastCheck
from .presenters import Badge
from .presenters import badge
from .switches import read_only_refusal
from .translation import gettext as _


@dataclasses.dataclass(frozen=True)
class ShownRehearsal(LastCheck):
    """The last rehearsal of a plan, and where the next one would be.

    :param database: The database's name.
    :param place: Where the plan can be rehearsed, or why it cannot.
    :param why_not: Why no rehearsal can be begun here; empty where one can.
    :param result: What it has found.
    :param to_start: The command that starts it, where it waits for somebody to do so.
    """

    database: str
    place: RehearsalPlace
    why_not: str = ""
    result: Rehearsal | None = None
    to_start: str = ""

    @property
    def phrase(self) -> str | None:
        """What has to be typed before the next one; None where it cannot be noticed by anybody."""
        return self.database if self.place.kind == "live" else None

    @property
    def has_failed(self) -> bool:
        """Whether a step has failed, of which whoever runs the plan should know."""
        return self.result is not None and not self.result.succeeded

    @property
    def badge(self) -> Badge:
        """How it is shown."""
        if self.seen is None:
            return Badge(_("not rehearsed"), "○", "unknown")

        return badge("failed" if self.has_failed else self.seen)

    @property
    def sentence(self) -> str:
        """What has become of it, in a sentence; empty while it goes on, or where there is none."""
        if self.failure:
            return _("It has found nothing: %(reason)s", reason=self.failure)

        if self.result is None:
            return ""

        if self.result.failed is None:
            return self.result.error or _("Every step ended well on %(where)s.", where=self.where)

        position, step = self.result.failed
        return _(
            "Step %(position)s (%(revision)s) failed on %(where)s: %(error)s",
            position=position,
            revision=step.revision,
            where=self.where,
            error=step.error,
        )

    @property
    def where(self) -> str:
        """What it was rehearsed on, in words."""
        return self.result.where if self.result else self.place.where


def shown_rehearsal(plan_id: str, plan: Plan) -> ShownRehearsal:
    """Return what a page says of the rehearsal of a plan; nothing is begun or connected to.

    :param plan_id: Its id in the ledger.
    :param plan: The plan.
    """
    project = current_project()
    place = rehearsal_place(project, plan)
    why_not = f"{place.reason} {place.cure}".strip() if place.reason else ""
    refused = "" if why_not else read_only_refusal("rehearse", plan.database) or ""
    record = _last(project, plan.database, plan_id)

    if record is None:
        return ShownRehearsal(plan.database, place, why_not or refused)

    seen = check_seen_as(record)
    waits = seen == RunStatus.QUEUED and record.runner == "manual"
    return ShownRehearsal(
        plan.database,
        place,
        why_not or refused,
        Rehearsal.from_values(record.content) if record.content else None,
        job_line(project, CHECK_COMMAND, record.id) if waits else "",
        record=record,
        seen=seen,
    )


def _last(project: Project, database: str, plan_id: str) -> CheckRecord | None:
    """Return the last rehearsal of a plan; none where the ledger does not answer."""
    with contextlib.suppress(sa.exc.SQLAlchemyError):
        return project.ledger.last_check("rehearsal", database, plan_id)

    return None
