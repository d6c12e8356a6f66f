"""Names in the settings that no rule has."""

from __future__ import annotations

import collections.abc as c

import pytest

from flask_alembic_admin.core.recorder.operations import Operation
from flask_alembic_admin.core.risks import Found
from flask_alembic_admin.core.risks import risk
from flask_alembic_admin.core.risks import RULES
from flask_alembic_admin.core.risks import Sight
from flask_alembic_admin.core.risks import squawk
from flask_alembic_admin.core.risks import Step
from flask_alembic_admin.core.risks.findings import Finding
from flask_alembic_admin.core.settings import Settings

STEPS = [
    Step(revision, "upgrade", "message", (Operation("select", "SELECT 1"),), "def downgrade(): x()")
    for revision in ("a1", "b2")
]


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where squawk is not installed."""
    monkeypatch.setattr(squawk, "_program", lambda: None)


def _found(*names: str, grade: str = "ignore", **others: str) -> tuple[Finding, ...]:
    settings = Settings(risks={**dict.fromkeys(names, grade), **others})
    return squawk.all_findings(STEPS, Sight("postgresql"), settings)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("DATA02", "DATA002"),
        ("data02", "DATA002"),
        ("drop-colum", "drop-column"),
        ("LOCK13", "LOCK013"),
    ],
)
def test_a_slip_of_the_pen_is_told_once_with_what_was_meant(name: str, meant: str) -> None:
    """It would be ignored in silence otherwise."""
    (finding,) = _found(name)
    assert (finding.rule, finding.severity, finding.revision) == ("META008", "warn", "a1")
    assert finding.sentence == (
        f"ALEMBIC_ADMIN['risks'] names {name!r}, which is no rule, so it changes nothing. "
        f"Did you mean '{meant}'?"
    )


def test_a_name_that_is_like_none_is_told_without_a_guess() -> None:
    """A guess would mislead."""
    (finding,) = _found("everything")
    assert finding.sentence.endswith("so it changes nothing.")


@pytest.mark.parametrize("name", ["DATA002", "data002", "drop-column"])
def test_names_that_rules_have_are_fine(name: str) -> None:
    """By id or slug, in any case."""
    assert _found(name) == ()


def test_a_rule_of_the_app_is_known() -> None:
    """Settings may be read before it is defined."""
    settings = Settings(risks={"SHOP007": "info"})

    @risk("SHOP007", "my-own", "warn", "Is mine")
    def mine(step: Step, sight: Sight) -> c.Iterator[Found]:
        return iter(())

    try:
        assert squawk.all_findings(STEPS, Sight("sqlite"), settings) == ()
    finally:
        del RULES["SHOP007"]


def test_what_squawk_may_know_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its names change from release to release; a slip in one of ours is still told."""
    monkeypatch.setattr(squawk, "_program", lambda: "/nowhere/squawk")
    assert _found("prefer-robust-stmts", "ban-char-field") == ()
    assert [finding.rule for finding in _found("drop-colum")] == ["META008"]
    assert [finding.rule for finding in _found("DATA02")] == ["META008"]


def test_it_can_be_ignored_and_graded_itself() -> None:
    """As any rule."""
    assert _found("DATA02", META008="ignore") == ()
    (finding,) = _found("DATA02", **{"unknown-rule": "info"})
    assert finding.severity == "info"


def test_where_nothing_is_looked_at_nothing_is_told() -> None:
    """There is no step to tell it."""
    assert squawk.all_findings([], Sight("sqlite"), Settings(risks={"DATA02": "info"})) == ()
