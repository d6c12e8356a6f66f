from __future__ import annotations

import ast
import textwrap

import pytest

from flask_alembic_admin.core.risks import Rule
from flask_alembic_admin.core.risks.base import RULE_FAILED

from .core.risks.harness import rules_of
from .documents.rules import own_rules
from .documents.rules import PAGE
from .documents.rules import page

#: How many rules each family has at least.
FAMILIES = {"DATA": 6, "COMP": 6, "LOCK": 13, "MY": 3, "LITE": 2, "PGX": 2, "META": 8}
#: The one that is told of where another fails: nobody writes it.
WRITTEN = [rule for rule in own_rules() if rule.id != RULE_FAILED]
EVERY_RULE = pytest.mark.parametrize("rule", WRITTEN, ids=lambda rule: rule.id)


def test_the_page_is_what_the_code_says() -> None:
    """``python -m tests.documents.rules`` writes it."""
    assert PAGE.read_text() == page()


def test_every_rule_is_there() -> None:
    """No family has lost one."""
    known = {rule.id for rule in own_rules()}
    wanted = {
        f"{family}{number:03}"
        for family, count in FAMILIES.items()
        for number in range(1, count + 1)
    }
    assert wanted <= known


@EVERY_RULE
def test_every_rule_has_its_words(rule: Rule) -> None:
    """What it blocks or loses, what to do, and both in code."""
    assert all([rule.title, rule.why, rule.instead, rule.bad, rule.good])
    assert rule.why.endswith(".")
    assert rule.instead.endswith(".")
    assert f"\n## {rule.id}\n" in PAGE.read_text()


@EVERY_RULE
def test_the_samples_of_every_rule_are_python(rule: Rule) -> None:
    """Whoever copies one gets no syntax error."""
    for sample in (rule.bad, rule.good):
        ast.parse(textwrap.dedent(sample).strip())


@EVERY_RULE
def test_the_bad_sample_is_found(rule: Rule) -> None:
    """A page that shows what is not so teaches the wrong thing."""
    if "op." in rule.bad and not rule.id.startswith("META"):
        dialect = rule.dialects[0] if rule.dialects else "postgresql"
        assert rule.id in rules_of(rule.bad.strip(), dialect)


@pytest.mark.parametrize("rule", [one for one in WRITTEN if one.id[:4] == "LOCK"])
def test_the_good_sample_is_not_found(rule: Rule) -> None:
    """Up to what comes in a later revision."""
    first = rule.good.strip().partition("\n# In ")[0]
    assert rule.id not in rules_of(f"{first}\npass", "postgresql")
