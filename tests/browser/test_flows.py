"""Each guarded action in a real browser, from the page where it is chosen to its result."""

from __future__ import annotations

import re
import typing as t

import pytest
from playwright.sync_api import expect

from .conftest import OpenedShop
from .conftest import OpenShop
from .flows import ACTIONS
from .flows import ask_for_plan
from .flows import ask_for_upgrade
from .flows import REASON
from .flows import STATUS
from .flows import tick_and_run
from .flows import wait_for_result

if t.TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.browser,
    # A page that is left before its icon has come makes the server drop a file half sent.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

HEAD = "7be8142fa36c"
BEFORE_HEAD = "d053e7b94c16"

#: Counts the clicks of a mouse, over all pages of a visit.
COUNT_CLICKS = """addEventListener("click", (event) => {
    if (event.detail) localStorage.clicks = Number(localStorage.clicks || 0) + 1;
}, true);"""


def clicks(page: Page) -> int:
    """Return how often somebody has clicked."""
    return int(page.evaluate("localStorage.clicks"))


def run_of(shop: OpenedShop) -> tuple[str, str, str | None]:
    """Return what the newest run did, how it ended and why it was begun."""
    run = shop.last_run()
    return run.action, run.status, run.reason


def test_an_upgrade_takes_four_clicks_and_the_word_that_it_asks_for(
    open_shop: OpenShop, page: Page
) -> None:
    """From the status page to the result, of a plan that drops data."""
    shop = open_shop("pending")
    shop.sign_in(page)
    page.add_init_script(COUNT_CLICKS)
    ask_for_upgrade(page, shop)
    expect(page.get_by_text("ALTER TABLE customers DROP COLUMN fax")).to_be_visible()
    page.get_by_label("Reason").click()
    page.keyboard.type(REASON)
    page.get_by_label("Type default to confirm").click()
    page.keyboard.type("default")
    page.get_by_role("button", name="Run 6 migrations").click()
    wait_for_result(page, "Succeeded")
    assert clicks(page) == 4
    expect(page).to_have_title(re.compile("^✓ Succeeded"))
    page.get_by_role("link", name="Status of default: up to date").click()
    expect(page.get_by_text("All revisions are applied.")).to_be_visible()
    assert shop.heads() == (HEAD,)
    assert run_of(shop) == ("upgrade", "succeeded", REASON)


def test_an_upgrade_that_drops_nothing_takes_three_clicks_and_no_word(
    open_shop: OpenShop, page: Page
) -> None:
    """A plan, a tick, and the run."""
    shop = open_shop("harmless")
    shop.sign_in(page)
    page.add_init_script(COUNT_CLICKS)
    ask_for_upgrade(page, shop)
    expect(page.get_by_role("button", name="Run 1 migration")).to_be_disabled()
    tick_and_run(page)
    wait_for_result(page, "Succeeded")
    assert clicks(page) == 3


def test_a_downgrade_asks_for_its_phrase(open_shop: OpenShop, page: Page) -> None:
    """The button and the Enter key do nothing before phrase and reason are there."""
    phrase = f"downgrade default to {BEFORE_HEAD}"
    shop = open_shop("up-to-date")
    shop.sign_in(page)
    ask_for_plan(page, shop, "downgrade", BEFORE_HEAD)
    button = page.get_by_role("button", name="Undo 1 migration")
    typed = page.get_by_label(f"Type {phrase} to confirm")
    expect(button).to_be_disabled()
    # Nothing that can be lost by one key too many has the focus.
    assert page.evaluate("document.activeElement === document.body")

    typed.fill(phrase)
    expect(button).to_be_disabled()
    page.get_by_label("Reason").fill(REASON)
    expect(button).to_be_enabled()
    typed.fill(phrase[:-1])
    expect(button).to_be_disabled()
    plan = page.url
    typed.press("Enter")
    assert page.url == plan
    assert shop.heads() == (HEAD,)

    typed.press_sequentially(phrase[-1])
    expect(button).to_be_enabled()
    typed.press("Enter")
    wait_for_result(page, "Succeeded")
    assert shop.heads() == (BEFORE_HEAD,)
    assert run_of(shop) == ("downgrade", "succeeded", REASON)


def test_a_stamp_says_what_it_claims(open_shop: OpenShop, page: Page) -> None:
    """It leaves the tables alone and moves the version table."""
    shop = open_shop("pending")
    shop.sign_in(page)
    ask_for_plan(page, shop, "stamp", HEAD)
    page.get_by_role("heading", name="Noted as applied without being run: 6 revisions").wait_for()
    page.get_by_label("Reason").fill(REASON)
    page.get_by_label("to confirm").fill(f"stamp default to {HEAD}")
    page.get_by_role("button", name="Write the version table").click()
    wait_for_result(page, "Succeeded")
    assert shop.heads() == (HEAD,)
    page.goto(shop.url("db/default/diff"))
    page.get_by_role("button", name="Compare now").click()
    # No revision has run.
    page.get_by_text("fax").first.wait_for()


def test_a_revision_is_written_from_the_diff(open_shop: OpenShop, page: Page) -> None:
    """Compared, drafted, read, confirmed; then it is pending."""
    shop = open_shop("own-files", debug=True)
    files = set(shop.made.shop.revisions.glob("*.py"))
    shop.sign_in(page)
    page.goto(shop.url("db/default/diff"))
    page.get_by_role("button", name="Compare now").click()
    page.get_by_role("link", name="New revision from this diff…").click()
    page.get_by_label("What it does").fill("weigh products")
    page.locator("#revision").get_by_role("button", name="See the file").click()
    page.get_by_role("heading", name="Draft of a revision").wait_for()
    text = page.get_by_role("region", name="Text of the file").inner_text()
    assert "weight_grams" in text
    assert set(shop.made.shop.revisions.glob("*.py")) == files

    expect(page.get_by_role("button", name="Write the file")).to_be_disabled()
    page.get_by_label("I have read what will be written").check()
    page.get_by_role("button", name="Write the file").click()
    page.get_by_role("heading", name="weigh products").wait_for()
    (written,) = set(shop.made.shop.revisions.glob("*.py")) - files
    assert written.read_text().strip() == text.strip()
    page.goto(shop.url(STATUS))
    expect(page.get_by_text("1 revision is not applied.")).to_be_visible()


def test_two_heads_are_merged(open_shop: OpenShop, page: Page) -> None:
    """The page of heads leads to the form, and the file is there."""
    shop = open_shop("several-heads", debug=True)
    shop.sign_in(page)
    page.goto(shop.url("db/default/heads"))
    page.get_by_role("link", name="Plan merge…").click()
    page.locator("#merge").get_by_role("button", name="See the file").click()
    page.get_by_role("heading", name="Draft of a merge").wait_for()
    page.get_by_label("I have read what will be written").check()
    page.get_by_role("button", name="Write the file").click()
    page.get_by_role("heading", name="merge").wait_for()
    page.goto(shop.url("db/default/heads"))
    page.get_by_text("joins").or_(page.get_by_text("1 head")).first.wait_for()
    expect(page.get_by_role("link", name="Plan merge…")).to_have_count(0)


def test_behind_a_script_name_an_upgrade_is_done_too(open_shop: OpenShop, page: Page) -> None:
    """Everything that pages load and send stays below the path of the app."""
    shop = open_shop("harmless", below="/shop")
    outside: list[str] = []
    page.on(
        "request",
        lambda request: (
            outside.append(request.url) if not request.url.startswith(shop.address) else None
        ),
    )
    shop.sign_in(page)
    ask_for_upgrade(page, shop)
    tick_and_run(page)
    wait_for_result(page, "Succeeded")
    page.get_by_role("button", name="Change the theme").click()
    page.wait_for_selector("html[data-theme=light]")
    page.goto(shop.url(ACTIONS))
    assert page.locator("html").get_attribute("data-theme") == "light"
    assert outside == []
