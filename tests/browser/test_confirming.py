"""Who may confirm a plan, and what it takes, in a real browser."""

from __future__ import annotations

import typing as t

import pytest
from playwright.sync_api import expect

from .conftest import Error
from .conftest import forgive_refusal
from .conftest import OpenShop
from .flows import ask_for_upgrade
from .flows import REASON
from .flows import tick_and_run
from .flows import wait_for_result
from .looking import faults_of

if t.TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.browser,
    # A page that is left before its icon has come makes the server drop a file half sent.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_a_session_that_has_ended_runs_nothing(open_shop: OpenShop, page: Page) -> None:
    """Who confirms is asked to sign in, and comes back to the plan."""
    shop = open_shop("harmless")
    before = shop.heads()
    shop.sign_in(page)
    ask_for_upgrade(page, shop)
    plan = page.url
    page.get_by_label("I have read what will run").check()
    page.context.clear_cookies()
    page.get_by_role("button", name="Run 1 migration").click()
    page.get_by_label("Password").wait_for()
    assert shop.heads() == before
    assert shop.last_run().status == "succeeded"

    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill(dict(shop.made.passwords)["admin"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(plan)
    tick_and_run(page)
    wait_for_result(page, "Succeeded")


def test_production_asks_for_its_name_and_a_reason(open_shop: OpenShop, page: Page) -> None:
    """Also where nothing is dropped."""
    shop = open_shop("production")
    shop.sign_in(page)
    page.goto(shop.url())
    expect(page.locator(".environment")).to_have_text("production")
    expect(page.get_by_text("This is production.")).to_be_visible()
    button = page.get_by_role("button", name="Run 6 migrations")
    expect(button).to_be_disabled()
    page.get_by_label("Type default to confirm").fill("default")
    expect(button).to_be_disabled()
    page.get_by_label("Reason").fill(REASON)
    expect(button).to_be_enabled()
    button.click()
    wait_for_result(page, "Succeeded")
    assert shop.last_run().reason == REASON


def test_a_read_only_panel_plans_and_does_not_run(open_shop: OpenShop, page: Page) -> None:
    """A plan is shown, with the command that does it instead of the form that confirms it."""
    shop = open_shop("read-only")
    shop.sign_in(page)
    page.goto(shop.url("db/default/actions"))
    page.locator("#upgrade").get_by_role("button", name="See plan").click()
    page.get_by_role("heading", name="Read-only here").wait_for()
    expect(page.get_by_text("ALTER TABLE customers DROP COLUMN fax")).to_be_visible()
    expect(
        page.get_by_text("flask db upgrade heads --database default", exact=True)
    ).to_be_visible()
    expect(page.get_by_role("button", name="Run ")).to_have_count(0)
    expect(page.locator("form[action$='/runs']")).to_have_count(0)


def test_a_plan_that_was_overtaken_is_not_run(
    open_shop: OpenShop, page: Page, errors: list[Error]
) -> None:
    """What has moved is said, and the same can be planned again with one click."""
    shop = open_shop("harmless")
    shop.sign_in(page)
    ask_for_upgrade(page, shop)
    (file,) = shop.made.shop.revisions.glob("c3d9a1e4f702_*.py")
    file.write_text(file.read_text().replace("'a'", "'b'"))
    page.get_by_label("I have read what will run").check()
    page.get_by_role("button", name="Run 1 migration").click()
    page.get_by_text("The file of revision c3d9a1e4f702 was changed.").wait_for()
    expect(page.get_by_text("Nothing was run.")).to_be_visible()
    forgive_refusal(errors, page, 409)
    assert faults_of(page) == {}
    page.get_by_role("button", name="Plan again").click()
    page.get_by_role("heading", name="Plan: upgrade default").wait_for()
