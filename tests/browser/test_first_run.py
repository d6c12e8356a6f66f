from __future__ import annotations

import pytest
from playwright.sync_api import expect

from .conftest import NewPage
from .conftest import ServedShop

pytestmark = [
    pytest.mark.browser,
    # A page that is left before its icon has come makes the server drop a file half sent.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_without_a_script_an_upgrade_is_planned_confirmed_and_seen_to_succeed(
    served_shop: ServedShop, new_page: NewPage
) -> None:
    """Sign in, see what is pending, read the plan, run it and see its end, on each server."""
    page = new_page(java_script_enabled=False)
    page.goto(f"{served_shop.address}/alembic/")
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill(served_shop.password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="default", exact=True).first.click()
    expect(page.get_by_text("6 revisions are not applied.")).to_be_visible()

    page.get_by_role("button", name="Plan upgrade to heads…").click()
    expect(page.get_by_text("ALTER TABLE customers DROP COLUMN fax")).to_be_visible()
    page.get_by_label("Reason").fill("release 5")
    page.get_by_label("Type default to confirm").fill("default")
    page.get_by_role("button", name="Run 6 migrations").click()
    # The page asks for itself again until the run's own process has ended.
    page.get_by_role("heading", name="Succeeded").wait_for(timeout=60_000)
    expect(page.locator("meta[http-equiv=refresh]")).to_have_count(0)

    page.get_by_role("link", name="Status of default").click()
    expect(page.get_by_text("All revisions are applied.")).to_be_visible()

    with served_shop.app.app_context():
        alembic = served_shop.app.extensions["alembic"]
        run, *_ = alembic.runs("default")
        assert not alembic.needs_upgrade("default")

    assert (run.status, run.runner, run.reason) == ("succeeded", "process", "release 5")
