"""Each action in a real browser on a project that Flask-Migrate's own ``init`` has made."""

from __future__ import annotations

import collections.abc as c
import typing as t
from pathlib import Path

import pytest
from playwright.sync_api import expect

from ..env.projects import MakeProject
from ..env.projects import Project
from ..env.projects import project_maker
from .conftest import collect_garbage
from .conftest import serve
from .flows import REASON
from .flows import tick_and_run
from .flows import wait_for_result

if t.TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.browser,
    # A page that is left before its icon has come makes the server drop a file half sent.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class Served(t.NamedTuple):
    """A project behind a real server.

    :param project: The project.
    :param address: Where its panel is.
    """

    project: Project
    address: str

    def heads(self) -> tuple[str, ...]:
        """Return where its database is."""
        with self.project.app.app_context():
            return self.project.alembic.current_ids()

    def plan(self, page: Page, action: str, target: str) -> None:
        """Choose an action and a target, and go to the plan."""
        page.goto(f"{self.address}/db/default/actions")
        card = page.locator(f"#{action}")
        card.get_by_label("To", exact=True).select_option(target)
        card.get_by_role("button", name="See plan").click()
        page.get_by_role("heading", name=f"Plan: {action} default").wait_for()


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> c.Iterator[Served]:
    """A project with two revisions that nobody has run, in its own folder."""
    place = tmp_path / "project"
    place.mkdir()
    monkeypatch.chdir(place)
    actions = ["upgrade", "downgrade", "stamp", "revision", "merge"]

    with project_maker(place) as make:
        made = _made(make, actions)

        with serve(made.app) as address:
            yield Served(made, f"{address}/alembic")

    collect_garbage()


def _made(make: MakeProject, actions: list[str]) -> Project:
    project = make(config={"ALEMBIC_ADMIN": {"runner": "inline", "actions": actions}})
    project.add("a1")
    project.add("b2", "a1")
    return project


def test_up_down_and_stamp(served: Served, page: Page) -> None:
    """Through env.py, with the plan, the run and its verdict as ever."""
    served.plan(page, "upgrade", "heads")
    expect(page.get_by_text("CREATE TABLE t_b2")).to_be_visible()
    tick_and_run(page)
    wait_for_result(page, "Succeeded")
    assert served.heads() == ("b2",)

    served.plan(page, "downgrade", "a1")
    page.get_by_label("Reason").fill(REASON)
    page.get_by_label("to confirm").fill("downgrade default to a1")
    page.get_by_role("button", name="Undo 1 migration").click()
    wait_for_result(page, "Succeeded")
    assert served.heads() == ("a1",)
    assert served.project.tables() == {"t_a1"}

    served.plan(page, "stamp", "b2")
    page.get_by_label("Reason").fill(REASON)
    page.get_by_label("to confirm").fill("stamp default to b2")
    page.get_by_role("button", name="Write the version table").click()
    wait_for_result(page, "Succeeded")
    assert served.heads() == ("b2",)
    assert served.project.tables() == {"t_a1"}


def test_compare_and_write_a_revision(served: Served, page: Page) -> None:
    """With the models that env.py has; the file goes where Flask-Migrate writes it."""
    served.project.upgrade()
    page.goto(f"{served.address}/db/default/diff")
    page.get_by_role("button", name="Compare now").click()
    page.get_by_role("link", name="New revision from this diff…").click()
    page.get_by_label("What it does").fill("make users")
    page.locator("#revision").get_by_role("button", name="See the file").click()
    page.get_by_role("heading", name="Draft of a revision").wait_for()
    page.get_by_label("I have read what will be written").check()
    page.get_by_role("button", name="Write the file").click()
    page.get_by_role("heading", name="make users").wait_for()
    (written,) = (served.project.folder / "versions").glob("*_make_users.py")
    assert "create_table('user'" in written.read_text()


def test_heads_are_merged(served: Served, page: Page) -> None:
    """And the merge is written beside the others."""
    served.project.add("c3", "a1")
    page.goto(f"{served.address}/db/default/heads")
    page.get_by_role("link", name="Plan merge…").click()
    page.locator("#merge").get_by_role("button", name="See the file").click()
    page.get_by_role("heading", name="Draft of a merge").wait_for()
    page.get_by_label("I have read what will be written").check()
    page.get_by_role("button", name="Write the file").click()
    page.get_by_role("heading", name="merge").wait_for()
    assert len(list((served.project.folder / "versions").glob("*.py"))) == 4
