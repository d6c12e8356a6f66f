"""Rules of an app, and of packages that bring some along."""

from __future__ import annotations

import collections.abc as c
import importlib.metadata
import sys
import types

import pytest

import flask_alembic_admin
from flask_alembic_admin import alembic_admin
from flask_alembic_admin import Found
from flask_alembic_admin import risk
from flask_alembic_admin import Sight
from flask_alembic_admin import Step
from flask_alembic_admin.core.risks import findings_of
from flask_alembic_admin.core.risks import RULES
from flask_alembic_admin.core.risks.base import RULE_FAILED
from flask_alembic_admin.core.risks.installed import GROUP
from flask_alembic_admin.core.risks.installed import load_custom_rules

from .harness import findings_in
from .harness import rules_of
from .harness import step_of

DROP = 'op.drop_table("orders")'


@pytest.fixture(autouse=True)
def _as_before() -> c.Iterator[None]:
    """Forget the rules that a test has made."""
    before = dict(RULES)
    yield
    RULES.clear()
    RULES.update(before)
    load_custom_rules.cache_clear()


def drops(step: Step, sight: Sight) -> c.Iterator[Found]:
    """Find what is dropped."""
    for operation in step.operations:
        if operation.kind == "drop_table":
            yield Found(operation, f"{operation.table} goes on {sight.dialect}.")


def test_an_app_has_rules_of_its_own() -> None:
    """They are looked at like all others."""
    assert risk("SHOP001", "no-drops", "info", "Drops", instead="Ask first.")(drops) is drops
    (found,) = [one for one in findings_in(DROP, "sqlite") if one.rule == "SHOP001"]
    assert (found.severity, found.sentence) == ("info", "orders goes on sqlite.")
    assert (found.title, found.instead, found.table) == ("Drops", "Ask first.", "orders")


def test_the_panel_has_the_same_decorator() -> None:
    """Beside its rule about permissions."""
    assert alembic_admin.risk is risk is flask_alembic_admin.risk


def test_a_rule_may_concern_some_servers_only() -> None:
    """Others never hear of it."""
    risk("SHOP001", "no-drops", "info", "Drops", dialects=["postgresql"])(drops)
    assert "SHOP001" in rules_of(DROP, "postgresql")
    assert "SHOP001" not in rules_of(DROP, "sqlite")


def test_an_app_that_is_made_twice_has_its_rules_once() -> None:
    """The function is another one, from the same place."""

    def make(sentence: str) -> None:
        @risk("SHOP001", "no-drops", "info", "Drops")
        def no_drops(step: Step, sight: Sight) -> c.Iterator[Found]:
            yield Found(None, sentence)

    make("first")
    make("second")
    found = [one.sentence for one in findings_in(DROP, "sqlite") if one.rule == "SHOP001"]
    assert found == ["second"]


def test_a_rule_takes_nobody_elses_place() -> None:
    """Neither by its id nor by its slug."""
    for id, slug in [("DATA001", "no-drops"), ("SHOP001", "drop-table")]:
        with pytest.raises(ValueError, match="exists"):
            risk(id, slug, "info", "Drops")(drops)


def test_a_rule_that_fails_breaks_no_plan() -> None:
    """All others are looked at, and it is named."""

    @risk("SHOP001", "no-drops", "info", "Drops")
    def no_drops(step: Step, sight: Sight) -> c.Iterator[Found]:
        for operation in step.operations:
            yield Found(operation, operation.details["secret"])

    found = {one.rule: one for one in findings_of([step_of(DROP, "sqlite")], Sight("sqlite"))}
    assert {"DATA001", RULE_FAILED} <= set(found)
    assert "SHOP001" in found[RULE_FAILED].sentence
    assert "secret" not in found[RULE_FAILED].sentence


def test_a_package_brings_rules_along(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """By its entry points, loaded once; one that cannot be loaded is logged and breaks nothing."""
    module = types.ModuleType("shop_risks")
    module.checked = drops  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "shop_risks", module)
    entries = [
        importlib.metadata.EntryPoint("missing", "no_such_module_anywhere", GROUP),
        importlib.metadata.EntryPoint("shop", "shop_risks:checked", GROUP),
    ]
    asked: list[str] = []

    def entry_points(*, group: str) -> list[importlib.metadata.EntryPoint]:
        asked.append(group)
        risk("SHOP001", "no-drops", "info", "Drops")(drops)
        return entries

    load_custom_rules.cache_clear()
    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)

    assert "SHOP001" in rules_of(DROP, "sqlite")
    assert "SHOP001" in rules_of(DROP, "mariadb")
    assert asked == [GROUP]
    assert "The rules of no_such_module_anywhere cannot be loaded." in caplog.text
