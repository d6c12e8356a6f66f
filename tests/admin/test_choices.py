from __future__ import annotations

import collections.abc as c

import pytest

from flask_alembic_admin.admin import choices as module
from flask_alembic_admin.admin.choices import choices
from flask_alembic_admin.admin.choices import resolved
from flask_alembic_admin.core.results import Action
from flask_alembic_admin.core.scripts.history import History
from flask_alembic_admin.errors import TargetError

from .conftest import Panel
from .plans import history
from .plans import status

LINE = history("aaaa1", "bbbb2 < aaaa1", "cccc3 < bbbb2")
FORKED = history("aaaa1", "bbbb2 < aaaa1 @shop", "cccc3 < aaaa1 @parts")


@pytest.fixture(autouse=True)
def _words(panel: Panel) -> c.Iterator[None]:
    """Words are in the language of a request."""
    with panel.app.test_request_context():
        yield


def targets(action: Action, of: History, *current: str) -> list[str]:
    """Return the targets that are offered."""
    return [choice.target for choice in choices(action, of, status(of, *current))]


def test_an_upgrade_offers_what_is_pending() -> None:
    """All of it first, then the next one and each by itself."""
    found = targets("upgrade", LINE, "aaaa1")
    assert found == ["heads", "head", "+1", "bbbb2", "cccc3"]


def test_with_several_heads_no_head_is_offered() -> None:
    """What would be ambiguous cannot be chosen; each branch can, by its label."""
    found = targets("upgrade", FORKED, "aaaa1")
    assert found == ["heads", "shop@head", "parts@head", "bbbb2", "cccc3"]


def test_where_nothing_is_pending_nothing_is_offered() -> None:
    """There is no upgrade to choose."""
    assert targets("upgrade", LINE, "cccc3") == []


def test_a_downgrade_offers_what_is_applied() -> None:
    """The one before first, the base last, and not where it is already."""
    assert targets("downgrade", LINE, "cccc3") == ["-1", "bbbb2", "aaaa1", "base"]


def test_a_downgrade_of_the_first_one_leads_to_base() -> None:
    """There is nothing else before it."""
    assert targets("downgrade", LINE, "aaaa1") == ["-1", "base"]


def test_from_several_revisions_one_step_back_is_not_offered() -> None:
    """Nobody could tell which."""
    assert targets("downgrade", FORKED, "bbbb2", "cccc3") == ["aaaa1", "base"]


@pytest.mark.parametrize("current", [(), ("dead",)])
def test_without_anything_known_there_is_no_way_down(current: tuple[str, ...]) -> None:
    """Neither from base nor from a revision that no file has."""
    assert targets("downgrade", LINE, *current) == []


def test_a_stamp_offers_everything() -> None:
    """Each revision, newest first, between all and none."""
    assert targets("stamp", LINE) == ["heads", "cccc3", "bbbb2", "aaaa1", "base"]


def test_a_long_list_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those beyond can be written."""
    monkeypatch.setattr(module, "OFFERED", 1)
    assert targets("stamp", LINE) == ["heads", "cccc3", "base"]


def test_without_files_nothing_is_offered() -> None:
    """There is nowhere to go."""
    assert targets("stamp", history()) == []


@pytest.mark.parametrize(
    ("action", "text", "found"),
    [
        ("upgrade", " bbbb ", ["bbbb2"]),
        ("upgrade", "2", ["+2"]),
        ("downgrade", "1", ["-1"]),
        ("upgrade", "shop@head", ["shop@head"]),
        ("stamp", "bbbb2, cccc", ["bbbb2", "cccc3"]),
        ("stamp", "shop", ["shop"]),
        ("upgrade", "heads", ["heads"]),
    ],
)
def test_what_is_written_is_resolved(action: Action, text: str, found: list[str]) -> None:
    """Ids are completed, numbers get their sign, and several can be named."""
    assert resolved(text, action, FORKED) == found


def test_a_symbol_is_no_beginning_of_an_id() -> None:
    """Whatever the revisions are called."""
    assert resolved("head", "upgrade", history("header1")) == ["head"]


@pytest.mark.parametrize(
    ("action", "text", "words"),
    [
        ("upgrade", "bbbx2", "Did you mean bbbb2"),
        ("upgrade", "", "There is no target."),
        ("upgrade", "head", "needs one head, and there are 2"),
        ("upgrade", "base", "An upgrade does not go to 'base'."),
        ("upgrade", "-1", "An upgrade does not go to '-1'."),
        ("downgrade", "aaaa1 bbbb2", "A downgrade has one target"),
        ("stamp", "-1", "Write its id."),
    ],
)
def test_what_leads_nowhere_is_refused(action: Action, text: str, words: str) -> None:
    """With what is wrong, and near matches where there are some."""
    with pytest.raises(TargetError, match=words):
        resolved(text, action, FORKED)
