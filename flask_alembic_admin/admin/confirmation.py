"""What has to be said before a plan is run: the more it can break, the more."""

from __future__ import annotations

import dataclasses
import typing as t

from ..core.plans.plan import Plan
from ..core.risks.findings import worst

Danger: t.TypeAlias = t.Literal["production", "danger", "incomplete", "backwards", "claim", "rest"]


@dataclasses.dataclass(frozen=True)
class Confirmation:
    """What has to be said before a plan is run.

    :param dangers: Why it weighs as much as it does; empty where a tick is enough.
    :param phrase: What has to be typed; None where a tick is enough.
    :param fresh: Whether whoever was only remembered has to sign in again.
    """

    dangers: tuple[Danger, ...]
    phrase: str | None
    fresh: bool

    @property
    def needs_reason(self) -> bool:
        """Whether the record has to say why."""
        return self.phrase is not None

    @property
    def is_destructive(self) -> bool:
        """Whether something may be lost that no later run brings back."""
        return not {"danger", "backwards", "claim"}.isdisjoint(self.dangers)

    def is_said(self, phrase: str | None, understood: bool) -> bool:
        """Return whether somebody has said what has to be said.

        :param phrase: What was typed.
        :param understood: Whether the tick was set.
        """
        if self.phrase is None:
            return understood

        return (phrase or "").strip() == self.phrase


def confirmation_of(plan: Plan, *, production: bool) -> Confirmation:
    """Return what has to be said before a plan is run.

    :param plan: The plan, with what was found in it.
    :param production: Whether it would run where it hurts.
    """
    found: dict[Danger, bool] = {
        "backwards": plan.action == "downgrade",
        "claim": plan.action == "stamp",
        "danger": worst(plan.findings) == "danger",
        # What cannot be known is not taken for harmless.
        "incomplete": any(step.incomplete for step in plan.steps),
        "production": production,
        "rest": plan.options.rest_of is not None,
    }
    dangers = tuple(danger for danger, there in found.items() if there)

    if plan.action != "upgrade":
        # A step back is named by where it leads: what "-1" is depends on where it begins.
        after = plan.heads_after
        target = plan.target if after is None else " ".join(after) or "base"
        phrase = f"{plan.action} {plan.database} to {target}"
        return Confirmation(dangers, phrase, fresh=True)

    return Confirmation(dangers, plan.database if dangers else None, fresh=False)
