"""Names in the settings that no rule has."""

from __future__ import annotations

import collections.abc as c
import difflib
import re
import typing as t

from ..settings import Settings
from .base import Found
from .base import rule
from .base import RULES
from .base import Sight
from .base import Step
from .findings import Finding
from .findings import Severity
from .installed import load_custom_rules

UNKNOWN_RULE = "META008"

_SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)+")
#: How much a name has to be like another one to be taken for a slip of the pen.
_LIKE = 0.75


@rule(
    UNKNOWN_RULE,
    "unknown-rule",
    "warn",
    "The settings name a rule that there is not",
    why="What ALEMBIC_ADMIN['risks'] says of a name that no rule has is said of nothing: the rule "
    "that was meant keeps its own severity, or is not ignored.",
    instead="Write the id or the slug as it stands on the page of rules.",
    bad='ALEMBIC_ADMIN = {"risks": {"DATA02": "ignore"}}',
    good='ALEMBIC_ADMIN = {"risks": {"DATA002": "ignore"}}',
)
def unknown_rule(step: Step, sight: Sight) -> c.Iterator[Found]:
    """Find nothing: a rule sees no settings, so this one is told of beside the rules."""
    return iter(())


def unknown_rules(
    settings: Settings, revision: str, *, others_are_asked: bool = False
) -> tuple[Finding, ...]:
    """Return a finding for each name in the settings that no rule has, custom ones included.

    :param settings: Say what becomes of the findings of rules.
    :param revision: Which step is to tell of it.
    :param others_are_asked: Whether another tool is asked too, whose names are not known here.
    """
    load_custom_rules()
    known = {name for one in RULES.values() for name in (one.id.lower(), one.slug)}
    grade = next(
        (
            value
            for name, value in settings.risks.items()
            if name.lower() in {UNKNOWN_RULE.lower(), "unknown-rule"}
        ),
        None,
    )
    found: list[Finding] = []

    for name in settings.risks if grade != "ignore" else ():
        near = difflib.get_close_matches(name.lower(), known, 1, _LIKE)

        if name.lower() in known or (others_are_asked and not near and _SLUG.fullmatch(name)):
            continue

        found.append(_finding(name, near[0] if near else "", revision, grade))

    return tuple(found)


def _finding(name: str, near: str, revision: str, grade: str | None) -> Finding:
    words = RULES[UNKNOWN_RULE]
    meant = near.upper() if near.upper() in RULES else near
    return Finding(
        rule=words.id,
        slug=words.slug,
        severity=t.cast(Severity, grade or words.severity),
        revision=revision,
        title=words.title,
        sentence=f"ALEMBIC_ADMIN['risks'] names {name!r}, which is no rule, so it changes nothing."
        + (f" Did you mean '{meant}'?" if meant else ""),
        instead=words.instead,
    )
