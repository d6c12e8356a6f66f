"""How findings are shown: by severity as word, shape and colour, the worst first."""

from __future__ import annotations

import dataclasses
from pathlib import PurePath

from ..core.plans.plan import Plan
from ..core.risks import RULES
from ..core.risks.findings import Finding
from ..core.risks.findings import SEVERITIES
from ..core.risks.findings import Severity
from .presenters import Badge
from .translation import gettext as _
from .translation import ngettext


@dataclasses.dataclass(frozen=True)
class ShownFinding(Finding):
    """A finding with its place in a plan.

    :param position: The step it is about, counted from 1.
    """

    position: int = 0

    @property
    def is_ruled(self) -> bool:
        """Whether the page of rules tells more of it; another tool's is told there."""
        return self.rule in RULES

    @property
    def badge(self) -> Badge:
        """Its severity; what a comment allows is shown as allowed."""
        return (
            Badge(_("allowed"), "○", "unknown") if self.allowed else severity_badge(self.severity)
        )


def shown_findings(plan: Plan) -> list[ShownFinding]:
    """Return what was found in a plan, the worst first, and what is allowed last.

    :param plan: The plan.
    """
    found = [
        ShownFinding(
            **{**vars(finding), "file": PurePath(finding.file).name if finding.file else None},
            position=position,
        )
        for position, step in enumerate(plan.steps, 1)
        for finding in step.findings
    ]
    return sorted(found, key=lambda one: (one.allowed is not None, SEVERITIES.index(one.severity)))


def severity_badges(findings: list[ShownFinding]) -> list[Badge]:
    """Return how many findings of each severity nobody has allowed, the worst first.

    :param findings: What was found.
    """
    counts = {
        severity: sum(one.severity == severity and not one.allowed for one in findings)
        for severity in SEVERITIES
    }
    words = {
        "danger": lambda count: ngettext("%(num)s danger", "%(num)s dangers", count),
        "warn": lambda count: ngettext("%(num)s caution", "%(num)s cautions", count),
        "info": lambda count: ngettext("%(num)s note", "%(num)s notes", count),
    }
    return [
        dataclasses.replace(severity_badge(severity), word=words[severity](count))
        for severity, count in counts.items()
        if count
    ]


def severity_badge(severity: Severity) -> Badge:
    """Return how a severity is shown.

    :param severity: ``danger``, ``warn`` or ``info``.
    """
    return {
        "danger": Badge(_("danger"), "✖", "bad"),
        "warn": Badge(_("caution"), "▲", "warn"),
        "info": Badge(_("note"), "□", "unknown"),
    }[severity]
