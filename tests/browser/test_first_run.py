from __future__ import annotations

import typing as t

import pytest

from .conftest import ServedShop

if t.TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.browser,
    # A page that is left before its icon has come makes the server drop a file half sent.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def sign_in(page: Page, shop: ServedShop) -> None:
    """Open the panel as an administrator."""
    page.goto(f"{shop.address}/alembic/")
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill(shop.password)
    page.get_by_role("button", name="Sign in").click()


def test_a_pending_upgrade_is_seen_planned_confirmed_and_done(
    served_shop: ServedShop, page: Page
) -> None:
    """Sign in, see what is pending, read the plan, run it, and see it succeed."""
    sign_in(page, served_shop)
    page.get_by_role("link", name="default").click()
    assert page.get_by_text("6 revisions are not applied.").is_visible()

    page.get_by_role("button", name="Plan upgrade…").click()
    assert page.get_by_text("ALTER TABLE customers DROP COLUMN fax").is_visible()

    page.get_by_label("Reason").fill("release 5")
    page.get_by_label("I have read what will run").check()
    page.get_by_role("button", name="Run 6 migrations").click()
    # The page asks for itself again until the run's own process has ended.
    page.get_by_text("Succeeded: the database went from").wait_for(timeout=60_000)

    page.get_by_role("link", name="Status of default").click()
    assert page.get_by_text("All revisions are applied.").is_visible()

    with served_shop.app.app_context():
        alembic = served_shop.app.extensions["alembic"]
        run, *_ = alembic.runs("default")
        assert not alembic.needs_upgrade("default")

    assert (run.status, run.runner, run.reason) == ("succeeded", "process", "release 5")


def test_every_page_fits_a_narrow_screen(served_shop: ServedShop, page: Page) -> None:
    """At 320 pixels nothing has to be scrolled sideways."""
    sign_in(page, served_shop)
    page.set_viewport_size({"width": 320, "height": 640})

    for path in ("", "db/default/", "db/default/history", "db/default/runs"):
        page.goto(f"{served_shop.address}/alembic/{path}")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0


def test_the_panel_works_without_javascript(served_shop: ServedShop, page: Page) -> None:
    """No page loads a script."""
    sign_in(page, served_shop)

    for path in ("", "db/default/", "db/default/history", "db/default/runs"):
        page.goto(f"{served_shop.address}/alembic/{path}")
        assert page.locator("script").count() == 0
