from __future__ import annotations

import datetime as dt
import re
import typing as t

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from flask_alembic_admin.core.ledger.ledger import Ledger
from flask_alembic_admin.core.ledger.report import LineReport
from flask_alembic_admin.core.ledger.report import StepReport
from flask_alembic_admin.core.ledger.tables import RunStatus
from flask_alembic_admin.core.ledger.tables import StepFacts
from flask_alembic_admin.core.ledger.tables import StepStatus

from .conftest import ServedShop

if t.TYPE_CHECKING:
    from playwright.sync_api import Browser
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.browser,
    # A page that is left before its icon has come makes the server drop a file half sent.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

RUN = "f" * 32
STEPS = [
    StepFacts("a7c35e1f9042", "upgrade", None, None, "add status to orders"),
    StepFacts("460bd92ce8f7", "upgrade", None, None, "fill status of past orders"),
]


@pytest.fixture
def database_url(sqlite_url: sa.URL) -> sa.URL:
    """The URL of an empty file: a page that is watched asks the ledger only."""
    return sqlite_url


@pytest.fixture
def ledger(served_shop: ServedShop) -> Ledger:
    """Its ledger, with a run that is in its first step."""
    with served_shop.app.app_context():
        ledger: Ledger = served_shop.app.extensions["alembic"].project.ledger
    ledger.begin(
        run_id=RUN, database="default", action="upgrade", target="heads", heads_before=[],
        plan={}, plan_hash="", steps=STEPS, actor="ops", reason=None, runner="process",
        host="elsewhere", pid=1, session=None, versions={},
    )  # fmt: skip
    ledger.report(RUN, steps=[StepReport(1, StepStatus.RUNNING, now())], statement="SELECT 1")
    return ledger


def now() -> dt.datetime:
    """Return the time."""
    return dt.datetime.now(dt.UTC)


def open_run(page: Page, served_shop: ServedShop) -> None:
    """Sign in and open the page of the run."""
    page.goto(f"{served_shop.address}/alembic/db/default/runs/{RUN}")
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill(served_shop.password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Run upgrade default").wait_for()


def test_a_run_is_watched_to_its_end(served_shop: ServedShop, ledger: Ledger, page: Page) -> None:
    """Steps tick off, the log follows, and the result gets the focus."""
    open_run(page, served_shop)
    steps = [
        StepReport(1, StepStatus.DONE, now(), now(), statements=3),
        StepReport(2, StepStatus.RUNNING, now(), statements=1),
    ]
    line = LineReport(now(), "info", "run", "a new line")
    ledger.report(RUN, steps=steps, lines=[line], statement="SELECT 2")
    page.get_by_text("a new line").wait_for()
    expect(page).to_have_title(re.compile("^Step 2 of 2"))
    expect(page.locator('[data-aa-step="1"]')).to_contain_text("✓ done")
    expect(page.locator('[data-aa-step="2"]')).to_contain_text("◌ running")
    expect(page.get_by_role("status")).to_contain_text("Step 2 of 2 is at work")
    expect(page.get_by_role("region", name="Running statement")).to_have_text("SELECT 2")

    ledger.finish(RUN, RunStatus.SUCCEEDED, heads_after=["460bd92ce8f7"])
    page.locator("#result:focus").wait_for()
    expect(page).to_have_title(re.compile("^✓ Succeeded"))


def test_whose_session_has_ended_is_led_to_sign_in(
    served_shop: ServedShop, ledger: Ledger, page: Page
) -> None:
    """The page does not go on showing what it knew last."""
    open_run(page, served_shop)
    page.context.clear_cookies()
    page.get_by_label("Password").wait_for()


def test_without_a_script_the_page_asks_for_itself_again(
    served_shop: ServedShop, ledger: Ledger, browser: Browser
) -> None:
    """Until the run has ended."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    open_run(page, served_shop)
    ledger.finish(RUN, RunStatus.FAILED, heads_after=[], error_class="ValueError", error="no")
    page.get_by_role("heading", name="Failed at step 1 of 2").wait_for()
    expect(page.locator("meta[http-equiv=refresh]")).to_have_count(0)
    context.close()
