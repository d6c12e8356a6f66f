from __future__ import annotations

import collections.abc as c

import pytest
from flask.testing import FlaskClient

from flask_alembic_admin.admin.confirmation import Confirmation
from flask_alembic_admin.admin.confirmation import confirmation_of
from flask_alembic_admin.core.plans.plan import Plan

from . import plans
from .conftest import Panel
from .test_upgrade import confirm
from .test_upgrade import plan
from .test_upgrade import runs
from .test_upgrade import words

DROP = "op.drop_table('things')"


@pytest.mark.parametrize(
    ("made", "production", "confirmation"),
    [
        (plans.plan(), False, Confirmation((), None, False)),
        (plans.plan(), True, Confirmation(("production",), "shop", False)),
        (
            plans.plan(findings=(plans.finding("danger"),)),
            False,
            Confirmation(("danger",), "shop", False),
        ),
        (
            plans.plan(findings=(plans.finding("danger", "nobody has it"),)),
            False,
            Confirmation((), None, False),
        ),
        (plans.plan(findings=(plans.finding("warn"),)), False, Confirmation((), None, False)),
        (
            plans.plan(incomplete="reads the database"),
            False,
            Confirmation(("incomplete",), "shop", False),
        ),
        (
            plans.plan("downgrade", "base", sql=""),
            False,
            Confirmation(("backwards",), "downgrade shop to base", True),
        ),
        (
            plans.plan("stamp", "aaa1"),
            True,
            Confirmation(("claim", "production"), "stamp shop to aaa1", True),
        ),
    ],
)
def test_what_can_break_more_weighs_more(
    made: Plan, production: bool, confirmation: Confirmation
) -> None:
    """From a tick to a phrase of several words and a fresh sign-in."""
    assert confirmation_of(made, production=production) == confirmation


def test_only_what_loses_something_is_red() -> None:
    """Production alone is no loss."""
    red = [
        confirmation_of(made, production=True).is_destructive
        for made in (
            plans.plan(),
            plans.plan(findings=(plans.finding("danger"),)),
            plans.plan("stamp"),
        )
    ]
    assert red == [False, True, True]


@pytest.mark.parametrize("typed", ["shop", " shop\n"])
def test_the_phrase_may_be_pasted(typed: str) -> None:
    """With what a clipboard brings along."""
    assert confirmation_of(plans.plan(), production=True).is_said(typed, False)


@pytest.mark.parametrize("typed", [None, "", "Shop", "shop shop"])
def test_another_phrase_says_nothing(typed: str | None) -> None:
    """Nor does a tick that was not asked for."""
    assert not confirmation_of(plans.plan(), production=True).is_said(typed, True)


@pytest.fixture
def client(panel: Panel) -> FlaskClient:
    """An operator's client."""
    return panel.client("operator")


@pytest.fixture
def dropping(panel: Panel) -> Panel:
    """A panel whose next revision drops a table that is there."""
    with panel.app.app_context():
        panel.alembic.upgrade("aaa1")

    panel.write("bbb2", "aaa1", "drop things", DROP)
    return panel


def test_a_plan_that_drops_needs_the_name_and_a_reason(
    dropping: Panel, client: FlaskClient
) -> None:
    """A tick is not enough: nothing runs, the plan stays, and each field says what it lacks."""
    page = plan(client)
    assert 'data-aa-phrase="default"' in page.text
    answer = confirm(client, page, phrase="", reason="")
    assert answer.status_code == 400
    assert "This has to be exactly “default”." in answer.text
    assert "Say why, for the record." in answer.text
    assert "DROP TABLE things" in words(answer)
    assert "things" in dropping.tables()


def test_the_page_that_refused_can_be_confirmed(dropping: Panel, client: FlaskClient) -> None:
    """It has a ticket of its own."""
    refused = confirm(client, plan(client), phrase="nope")
    confirm(client, refused)
    assert runs(dropping)[:2] == [("succeeded", "heads"), ("refused", "heads")]


def test_a_wrong_phrase_is_recorded(dropping: Panel, client: FlaskClient) -> None:
    """With what was tried and where it would have gone, and without what was typed."""
    confirm(client, plan(client), phrase="hunter2")

    with dropping.app.app_context():
        attempt, *_ = dropping.alembic.project.ledger.runs()

    assert (attempt.status, attempt.action, attempt.target) == ("refused", "upgrade", "heads")
    assert attempt.reason == "wrong phrase"


def test_production_asks_for_the_name(make_panel: c.Callable[..., Panel]) -> None:
    """Also where nothing is dropped."""
    panel = make_panel(ALEMBIC_ADMIN={"runner": "inline", "environment": "Production"})
    panel.open_up()
    client = panel.client("operator")
    page = plan(client)
    assert "This is production." in page.text
    assert confirm(client, page, phrase="").status_code == 400
    confirm(client, page)
    assert "things" in panel.tables()


def test_a_missing_tick_is_said_at_its_field(client: FlaskClient) -> None:
    """And nothing is lost of the page."""
    answer = confirm(client, plan(client), understood="")
    assert answer.status_code == 400
    assert "Tick this once you have read it." in answer.text


def test_a_step_back_is_confirmed_by_where_it_leads(panel: Panel, client: FlaskClient) -> None:
    """What a count of steps means depends on where it begins."""
    confirm(client, plan(client))
    page = plan(client, "-1", "downgrade")
    assert 'data-aa-phrase="downgrade default to aaa1"' in page.text
    assert confirm(client, page, phrase="downgrade default to -1").status_code == 400
    confirm(client, page)
    assert runs(panel)[0] == ("succeeded", "-1")


def test_a_reason_that_is_too_long_runs_nothing(panel: Panel, client: FlaskClient) -> None:
    """It is said at its field."""
    answer = confirm(client, plan(client), reason="x" * 501)
    assert answer.status_code == 400
    assert "Field cannot be longer than 500 characters." in answer.text
    assert panel.tables() == set()


def test_a_downgrade_asks_for_its_phrase(panel: Panel, client: FlaskClient) -> None:
    """What it does, to what, and where to."""
    confirm(client, plan(client))
    page = plan(client, "aaa1", "downgrade")
    assert 'data-aa-phrase="downgrade default to aaa1"' in page.text
    assert confirm(client, page, phrase="default").status_code == 400
    confirm(client, page)
    assert runs(panel)[0] == ("succeeded", "aaa1")


def test_a_stamp_asks_for_its_phrase(panel: Panel, client: FlaskClient) -> None:
    """It makes no table and is believed all the same."""
    page = plan(client, "bbb2", "stamp")
    assert "Noted as applied without being run: 2 revisions" in page.text
    confirm(client, page)
    assert runs(panel) == [("succeeded", "bbb2")]
    assert panel.tables() == {"alembic_version"}


def remembered(panel: Panel, client: FlaskClient) -> None:
    """Let the client be known by a cookie of an earlier visit, on an app that asks again."""
    panel.app.add_url_rule("/again", "again", lambda: "")
    panel.app.login_manager.refresh_view = "again"  # type: ignore[attr-defined]

    with client.session_transaction() as session:
        session["_fresh"] = False


def test_whoever_was_only_remembered_signs_in_again(panel: Panel, client: FlaskClient) -> None:
    """Before a downgrade or a stamp, and comes back to the plan."""
    remembered(panel, client)
    page = plan(client, "bbb2", "stamp")
    assert "you will be asked to sign in again first" in page.text
    answer = confirm(client, page)
    assert answer.request.path == "/again"
    assert answer.request.args["next"] == page.request.path
    assert panel.tables() == set()


def test_a_safe_upgrade_needs_no_fresh_sign_in(panel: Panel, client: FlaskClient) -> None:
    """Being remembered is enough for it."""
    remembered(panel, client)
    confirm(client, plan(client))
    assert "things" in panel.tables()
