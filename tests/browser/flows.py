"""What somebody does on page after page to have something done."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from playwright.sync_api import Page

    from .conftest import OpenedShop

ACTIONS = "db/default/actions"
STATUS = "db/default/"

#: What each plan of a run is confirmed with.
REASON = "release 5"


def ask_for_plan(page: Page, shop: OpenedShop, action: str, target: str) -> None:
    """Choose an action and a target, and go to the plan."""
    page.goto(shop.url(ACTIONS))
    card = page.locator(f"#{action}")
    card.get_by_label("To", exact=True).select_option(target)
    card.get_by_role("button", name="See plan").click()
    page.get_by_role("heading", name=f"Plan: {action} default").wait_for()


def ask_for_upgrade(page: Page, shop: OpenedShop) -> None:
    """Go from the status page to the plan of what is pending."""
    page.goto(shop.url(STATUS))
    page.get_by_role("button", name="Plan upgrade to heads…").click()
    page.get_by_role("heading", name="Plan: upgrade default").wait_for()


def tick_and_run(page: Page) -> None:
    """Confirm the plan of an upgrade that drops nothing, and see its run."""
    page.get_by_label("I have read what will run").check()
    page.get_by_role("button", name="Run ").click()
    page.get_by_role("heading", name="Run upgrade default").wait_for()


def wait_for_result(page: Page, words: str) -> None:
    """Wait until a run has ended in a way, and its page has led there."""
    page.locator("#result:focus").wait_for(timeout=30_000)
    page.get_by_role("heading", name=words).wait_for()
