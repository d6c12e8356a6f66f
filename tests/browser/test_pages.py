"""Every page in a real browser: readable by all, at any width, by keyboard, in both themes."""

from __future__ import annotations

import collections.abc as c
import contextlib
import typing as t

import pytest

from example_app import demo

from .conftest import collect_garbage
from .conftest import Error
from .conftest import forgive_refusal
from .conftest import listened_to
from .conftest import opened_shop
from .conftest import OpenedShop
from .conftest import VIEWPORT
from .looking import faults_of
from .states import STATES

if t.TYPE_CHECKING:
    from playwright.sync_api import Browser
    from playwright.sync_api import BrowserContext
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.browser,
    # A page that is left before its icon has come makes the server drop a file half sent.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


# Ways on from a page that was opened.


def compare(page: Page) -> None:
    """Have models and database compared."""
    page.get_by_role("button", name="Compare now").click()
    page.get_by_role("button", name="Check again").wait_for()


def plan(action: str) -> c.Callable[[Page], None]:
    """Return what asks for a plan of an action."""

    def ask(page: Page) -> None:
        page.locator(f"#{action}").get_by_role("button", name="See plan").click()
        page.get_by_role("heading", name=f"Plan: {action}").wait_for()

    return ask


def draft(action: str) -> c.Callable[[Page], None]:
    """Return what asks for a draft of a file."""

    def ask(page: Page) -> None:
        card = page.locator(f"#{action}")
        if action == "revision":
            card.get_by_label("What it does").fill("weigh products")
        card.get_by_role("button", name="See the file").click()
        page.get_by_role("heading", name=f"Draft of a {action}").wait_for()

    return ask


def look(page: Page) -> None:
    """Look at what is in place of a step that was left half done."""
    page.get_by_role("button", name="Look at what is there").click()
    page.get_by_role("heading", name="Run the rest").wait_for()


def plan_rest(page: Page) -> None:
    """Look, and plan the rest."""
    look(page)
    page.get_by_role("button", name="Plan the rest…").click()
    page.get_by_role("heading", name="Left out of the first step").wait_for()


def misspell(page: Page) -> None:
    """Ask for a plan to a revision that is not there."""
    card = page.locator("#upgrade")
    card.get_by_label("or revision").fill("nonsense")
    card.get_by_role("button", name="See plan").click()
    page.locator("[aria-invalid=true]").wait_for()


class Shown(t.NamedTuple):
    """A page of a shop in a state.

    :param state: The state.
    :param path: The page below the panel; that of the state if None.
    :param way: What leads on from there to what is looked at.
    :param status: What that answers.
    """

    state: str
    path: str | None = None
    way: c.Callable[[Page], None] | None = None
    status: int = 200


#: States in which files may be written from the panel.
DEBUGGED = {"up-to-date", "several-heads"}
ACTIONS = "db/default/actions"

#: The pages of each kind, and then each state on its own page.
PAGES: dict[str, Shown] = {
    "overview": Shown("several-databases", ""),
    "status": Shown("several-databases", "db/default/"),
    "history": Shown("several-databases", "db/default/history"),
    "history filtered": Shown("several-databases", "db/default/history?q=orders&state=pending"),
    "history of nothing": Shown("several-databases", "db/default/history?q=nothing"),
    "revision": Shown("several-databases", "db/default/revisions/f81e2c6754ab"),
    "heads": Shown("several-databases", "db/default/heads"),
    "diff": Shown("several-databases", "db/default/diff"),
    "actions": Shown("several-databases", ACTIONS),
    "actions with an error": Shown("several-databases", ACTIONS, misspell, 400),
    "verification": Shown("several-databases", "db/default/verification"),
    "verification that was done": Shown("verified", "db/default/verification"),
    "actions after a verification": Shown("verified", ACTIONS),
    "runs": Shown("several-databases", "db/default/runs"),
    "ledger": Shown("several-databases", "ledger"),
    "no such database": Shown("several-databases", "db/nothing/", status=404),
    "no such run": Shown("several-databases", f"db/default/runs/{'0' * 32}", status=404),
    "no such log": Shown("several-databases", f"db/default/runs/{'0' * 32}/log.txt", status=404),
    "not let in": Shown("no-permission", "ledger", status=403),
    "diff with differences": Shown("up-to-date", "db/default/diff", compare),
    "actions in debug mode": Shown("up-to-date", ACTIONS),
    "draft of a revision": Shown("up-to-date", ACTIONS, draft("revision")),
    "draft of a merge": Shown("several-heads", ACTIONS, draft("merge")),
    "plan of a downgrade": Shown("up-to-date", ACTIONS, plan("downgrade")),
    "plan of a stamp": Shown("tables-there", ACTIONS, plan("stamp")),
    "runs, one failed": Shown("failed", "db/default/runs"),
    "status while one runs": Shown("run-active", "db/default/"),
    "actions while one runs": Shown("run-active", ACTIONS),
    "what is half applied": Shown("half-applied", None, look),
    "plan of a rest": Shown("half-applied", None, plan_rest),
    "status in doubt": Shown("died", "db/default/"),
    "history unreachable": Shown("unreachable", "db/audit/history"),
    "actions unreachable": Shown("unreachable", "db/audit/actions"),
    "heads unknown": Shown("unknown-revision", "db/default/heads"),
    **{f"state {state}": Shown(state) for state in demo.DEMOS},
}


class Visit(t.NamedTuple):
    """A shop in a state, and the session of whoever should look at it.

    :param shop: The shop.
    :param context: The session.
    """

    shop: OpenedShop
    context: BrowserContext


@pytest.fixture(scope="module")
def visit(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> c.Iterator[c.Callable[[str], Visit]]:
    """Open a shop in a state and sign in; each is made once."""
    visits: dict[str, Visit] = {}

    with pytest.MonkeyPatch.context() as environment, contextlib.ExitStack() as stack:
        environment.setenv("EXAMPLE_INSTANCE", "")

        def open_state(state: str) -> Visit:
            if state not in visits:
                folder = tmp_path_factory.mktemp("demo")
                shop = stack.enter_context(opened_shop(state, folder, debug=state in DEBUGGED))
                context = stack.enter_context(browser.new_context())
                shop.sign_in(context.new_page(), {**demo.DEMOS, **STATES}[state].user)
                visits[state] = Visit(shop, context)

            return visits[state]

        yield open_state

    collect_garbage()


@pytest.fixture
def show(visit: c.Callable[[str], Visit], errors: list[Error]) -> c.Iterator[c.Callable[..., Page]]:
    """Show a page of a shop in a state."""
    with contextlib.ExitStack() as stack:

        def show_page(state: str, path: str | None = None) -> Page:
            shop, context = visit(state)
            page = stack.enter_context(context.new_page())
            page.set_viewport_size(VIEWPORT)
            listened_to(page, errors).goto(shop.url(path))
            return page

        yield show_page


@pytest.mark.parametrize("name", PAGES)
def test_nothing_keeps_people_from_using_a_page(
    show: c.Callable[..., Page], errors: list[Error], name: str
) -> None:
    """Neither what axe finds in both themes, nor the keyboard, nor a screen of 320 pixels."""
    state, path, way, status = PAGES[name]
    page = show(state, path)

    if way is not None:
        way(page)

    if status != 200:
        forgive_refusal(errors, page, status)

    assert faults_of(page) == {}


def test_the_theme_changes_without_loading_the_page_again(
    show: c.Callable[..., Page],
) -> None:
    """The button tints the page at once, and the next page is sent in that theme."""
    page = show("several-databases", "db/default/")
    page.get_by_role("button", name="Change the theme").click()
    page.wait_for_selector("html[data-theme=light]")
    page.get_by_role("button", name="Change the theme").click()
    page.wait_for_selector("html[data-theme=dark]")
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_the_picker_keeps_the_page(show: c.Callable[..., Page]) -> None:
    """Another database is shown on the same page."""
    page = show("several-databases", "db/default/history")
    page.get_by_text("Database: default").click()
    page.get_by_role("link", name="audit").click()
    page.wait_for_url("**/db/audit/history")


def test_slash_leads_to_the_search_and_j_to_the_rows(
    show: c.Callable[..., Page],
) -> None:
    """The history is walked by keyboard."""
    page = show("several-databases", "db/default/history")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.matches('[data-aa-search]')")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/revisions/d053e7b94c16")


@pytest.mark.parametrize(
    ("state", "path", "role", "name"),
    [
        ("several-databases", "db/default/", "button", "Plan upgrade to heads…"),
        ("several-databases", "db/default/history", "link", "Plan upgrade…"),
        ("several-databases", "db/default/actions", "button", "See plan"),
        ("production", None, "button", "Run 6 migrations"),
        ("died", None, "button", "Mark as examined"),
        ("failed", None, "button", "Plan the rest again…"),
    ],
)
def test_the_next_step_is_seen_without_scrolling(
    show: c.Callable[..., Page], state: str, path: str | None, role: t.Any, name: str
) -> None:
    """At 1280 x 800 the way on is on the screen."""
    page = show(state, path)
    box = page.get_by_role(role, name=name).first.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 800
