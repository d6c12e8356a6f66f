"""Runs in a real browser: watched, failing, stopped, and met by a second person."""

from __future__ import annotations

import datetime as dt
import re
import typing as t

import pytest
from playwright.sync_api import expect

from example_app.demo import HEAD
from flask_alembic_admin.core.ledger.recording import STALE
from flask_alembic_admin.core.ledger.recording import TICK

from ..faults.app import wait_for
from .conftest import NewPage
from .conftest import OpenedShop
from .conftest import OpenShop
from .conftest import VIEWPORT
from .flows import ask_for_upgrade
from .flows import STATUS
from .flows import tick_and_run
from .flows import wait_for_result
from .states import FIRST
from .states import let_go
from .states import SECOND

if t.TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.browser,
    # A page that is left before its icon has come makes the server drop a file half sent.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

BUSY = "A run is at work on default: upgrade to heads, by admin."


def begin(page: Page, shop: OpenedShop) -> None:
    """Begin a run that waits in its first step, and see it there."""
    shop.sign_in(page)
    ask_for_upgrade(page, shop)
    tick_and_run(page)
    wait_for_step(page, 1, "◌ running")


def wait_for_step(page: Page, position: int, state: str) -> None:
    """Wait until a step is seen in a state."""
    page.locator(f'[data-aa-step="{position}"]').get_by_text(state).wait_for()


def test_the_way_back_from_a_result_leads_to_where_one_came_from(
    open_shop: OpenShop, page: Page
) -> None:
    """The page of the run that is watched is not left behind by that of its result."""
    shop = open_shop("waits")
    begin(page, shop)
    page.goto(shop.url(STATUS))
    page.get_by_role("region", name="Notices").get_by_role("link", name="Watch the run").click()
    wait_for_step(page, 1, "◌ running")
    let_go(shop, FIRST)
    let_go(shop, SECOND)
    wait_for_result(page, "Succeeded")
    page.go_back()
    page.get_by_role("heading", name="Status · default").wait_for()


def test_times_are_told_in_the_zone_of_whoever_looks(
    open_shop: OpenShop, new_page: NewPage
) -> None:
    """The zone is named beside them, and UTC in their title; a log says that it is in UTC."""
    shop = open_shop("pending")
    page = new_page(timezone_id="Asia/Tokyo", locale="en-US")
    shop.sign_in(page)
    page.goto(shop.url(f"db/default/runs/{shop.last_run().id}"))
    time = page.get_by_role("main").locator("time").first
    expect(time).to_have_text(re.compile(r" GMT\+9$"))
    expect(time).to_have_attribute("title", re.compile(r" UTC$"))
    expect(page.get_by_text("times in UTC")).to_be_visible()


def test_a_run_is_watched_without_loading_its_page_again(open_shop: OpenShop, page: Page) -> None:
    """Steps tick off and the log grows; then the page is loaded once more, for the result."""
    shop = open_shop("waits")
    begin(page, shop)
    page.evaluate("window.isStillTheSame = true")
    before = page.get_by_role("log").inner_text()
    let_go(shop, FIRST)
    wait_for_step(page, 1, "✓ done")
    wait_for_step(page, 2, "◌ running")
    page.get_by_text("It was let go.").wait_for()
    assert page.get_by_role("log").inner_text().startswith(before)
    expect(page).to_have_title(re.compile("^Step 2 of 2"))
    assert page.evaluate("window.isStillTheSame")

    let_go(shop, SECOND)
    wait_for_result(page, "Succeeded")
    assert not page.evaluate("window.isStillTheSame")
    expect(page.get_by_text("◌")).to_have_count(0)


def test_a_run_that_fails_says_where_and_what_can_be_done(open_shop: OpenShop, page: Page) -> None:
    """The result has the focus and names the step; the ways on are there without scrolling."""
    shop = open_shop("fails")
    shop.sign_in(page)
    ask_for_upgrade(page, shop)
    tick_and_run(page)
    wait_for_result(page, f"Failed at step 2 of 3: {SECOND} charge gift cards")
    expect(page).to_have_title(re.compile("^✖ Failed"))
    result = page.locator("#result")
    expect(result).to_contain_text("no such table: no_such_table")
    expect(result).to_contain_text("1 step stays committed")
    expect(page.locator("#result dd").last).to_have_text(FIRST)
    assert shop.heads() == (FIRST,)

    for name in ("Plan the rest again…", f"Plan downgrade to {HEAD}…", "Open the revision"):
        box = page.get_by_role("button", name=name).or_(page.get_by_role("link", name=name))
        place = box.bounding_box()
        assert place is not None, name
        assert place["y"] + place["height"] <= VIEWPORT["height"], name

    page.get_by_role("button", name="Plan the rest again…").click()
    page.get_by_role("heading", name="Plan: upgrade default").wait_for()
    expect(page.get_by_role("article")).to_have_count(2)


def test_a_run_is_stopped_before_its_next_step(open_shop: OpenShop, page: Page) -> None:
    """The step that is at work ends, and what comes after it is not begun."""
    shop = open_shop("waits")
    begin(page, shop)
    page.get_by_role("button", name="Stop before the next step").click()
    page.get_by_text("It was asked to stop at").wait_for()
    asked = shop.last_run().cancel_requested
    assert asked is not None
    # What was heard a moment ago is not asked for again.
    until = asked + dt.timedelta(seconds=STALE + TICK)
    wait_for(lambda: dt.datetime.now(dt.UTC) > until)
    let_go(shop, FIRST)
    wait_for_result(page, "Cancelled before step 2 of 2")
    expect(page).to_have_title(re.compile("^▲ Cancelled"))
    expect(page.get_by_role("button", name="Plan the rest again…")).to_be_visible()
    assert shop.heads() == (FIRST,)


def test_a_second_person_meets_the_run(open_shop: OpenShop, page: Page, new_page: NewPage) -> None:
    """Every page tells of it, nothing else can be confirmed, and who tries is led to it."""
    shop = open_shop("waits")
    second = new_page()
    shop.sign_in(second, "dev")
    ask_for_upgrade(second, shop)
    plan = second.url
    begin(page, shop)

    second.get_by_label("I have read what will run").check()
    second.get_by_role("button", name="Run 2 migrations").click()
    second.get_by_text("Your plan was not started: this run was first.").wait_for()
    run = page.url.split("#")[0]
    second.wait_for_url(lambda url: url.split("?")[0] == run)
    wait_for_step(second, 1, "◌ running")
    expect(second.locator("dl.facts")).to_contain_text("admin")
    second.get_by_role("link", name="Back to your plan").click()
    second.wait_for_url(plan)
    expect(second.get_by_role("button", name="Run 2 migrations")).to_be_disabled()
    expect(second.get_by_text("Wait for the run that is at work.")).to_be_visible()

    for path in ("", "history", f"revisions/{HEAD}", "heads", "diff", "actions", "runs"):
        second.goto(shop.url(STATUS + path))
        notices = second.get_by_role("region", name="Notices")
        expect(notices).to_contain_text(BUSY)

    notices.get_by_role("link", name="Watch the run").click()
    second.wait_for_url(lambda url: url.split("#")[0] == run)
    let_go(shop, FIRST)
    let_go(shop, SECOND)
    wait_for_result(second, "Succeeded")
    wait_for_result(page, "Succeeded")
    assert shop.last_run().actor == "admin"
