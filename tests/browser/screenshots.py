"""A picture of each page in both themes, for ``docs/``: ``python -m tests.browser.screenshots``."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import shutil
import sys
import tempfile
import typing as t
from pathlib import Path

from example_app import demo

from .conftest import ARGUMENTS
from .conftest import serve

if t.TYPE_CHECKING:
    from playwright.sync_api import Browser
    from playwright.sync_api import Page

FOLDER = Path(__file__).parents[2] / "docs" / "images" / "panel"
THEMES: tuple[t.Literal["light", "dark"], ...] = ("light", "dark")


@dataclasses.dataclass(frozen=True)
class Picture:
    """One picture.

    :param name: The name of its files.
    :param state: The demo that it is taken in.
    :param path: The page below the panel; that of the demo if None.
    :param compare: Whether models and database are compared before.
    """

    name: str
    state: str
    path: str | None = None
    compare: bool = False


PICTURES = (
    Picture("overview", "several-databases"),
    Picture("status", "several-databases", "db/default/"),
    Picture("history", "several-databases", "db/default/history"),
    Picture("revision", "several-databases", "db/default/revisions/f81e2c6754ab"),
    Picture("diff", "several-databases", "db/default/diff", compare=True),
    Picture("actions", "several-databases", "db/default/actions"),
    Picture("ledger", "several-databases", "ledger"),
    Picture("heads", "several-heads"),
    Picture("plan", "production"),
    Picture("run", "run-active"),
    Picture("failed", "failed"),
    Picture("runs", "failed", "db/default/runs"),
    Picture("in-doubt", "died"),
    Picture("half-done", "half-applied"),
    Picture("refused", "several-databases", "db/nothing/"),
)


def main() -> int:
    """Take the pictures, or those that are named."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.browser.screenshots", description=__doc__
    )
    parser.add_argument("names", nargs="*", help="only these, such as 'status'")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where they go")
    arguments = parser.parse_args()
    wanted = [item for item in PICTURES if not arguments.names or item.name in arguments.names]

    from playwright.sync_api import sync_playwright

    program = os.environ.get("CHROMIUM") or shutil.which("chromium")

    if program is None:
        print("There is no Chromium: install it, or name the program in CHROMIUM.", file=sys.stderr)
        return 1

    arguments.folder.mkdir(parents=True, exist_ok=True)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))

        for state in dict.fromkeys(item.state for item in wanted):
            take(browser, state, [item for item in wanted if item.state == state], arguments.folder)

        browser.close()

    return 0


def take(browser: Browser, state: str, pictures: list[Picture], folder: Path) -> None:
    """Bring a shop into a state and take pictures of its panel."""
    with (
        tempfile.TemporaryDirectory(prefix="shop-") as temporary,
        contextlib.closing(demo.make_demo(state, Path(temporary) / "instance")) as made,
        serve(made.app) as address,
    ):
        for theme in THEMES:
            context = browser.new_context(
                viewport={"width": 1280, "height": 800}, color_scheme=theme, timezone_id="UTC"
            )
            page = context.new_page()
            sign_in(page, address, dict(made.passwords)["admin"])

            for picture in pictures:
                path = made.page if picture.path is None else picture.path
                page.goto(f"{address}/alembic/{path}")

                if picture.compare:
                    button = page.get_by_role("button", name="ompare").or_(
                        page.get_by_role("button", name="Check again")
                    )

                    with page.expect_navigation():
                        button.first.click()

                page.screenshot(path=folder / f"{picture.name}-{theme}.png")

            context.close()


def sign_in(page: Page, address: str, password: str) -> None:
    """Sign in as the administrator."""
    page.goto(f"{address}/sign-in")
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Sign out").wait_for()


if __name__ == "__main__":
    sys.exit(main())
