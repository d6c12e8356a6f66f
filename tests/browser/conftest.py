from __future__ import annotations

import collections.abc as c
import contextlib
import gc
import logging
import os
import shutil
import threading
import typing as t
from pathlib import Path
from unittest import mock

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import make_server

from example_app import create_app
from example_app import demo
from example_app.first_start import prepare
from example_app.models import db
from example_app.panel import alembic
from flask_alembic_admin.core.ledger.tables import RunRecord

from ..servers import unavailable
from .states import STATES

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from playwright.sync_api import Browser
    from playwright.sync_api import ConsoleMessage
    from playwright.sync_api import Page

#: The window in which the next step has to be seen.
VIEWPORT: t.Any = {"width": 1280, "height": 800}

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


# Not for the session: Playwright keeps an event loop in this thread for as long.
@pytest.fixture(scope="package")
def browser() -> c.Iterator[Browser]:
    """Chromium, as Debian and others ship it."""
    playwright = pytest.importorskip("playwright.sync_api")
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")

    if program is None:
        unavailable("no Chromium: install the package 'chromium' or name the program in CHROMIUM")

    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield launched
        launched.close()


class Error(t.NamedTuple):
    """What a page has said on the console.

    :param text: The words.
    :param url: What they are about.
    """

    text: str
    url: str


@pytest.fixture
def errors() -> c.Iterator[list[Error]]:
    """All errors of scripts and of the content policy, on any page; what is left fails the test."""
    found: list[Error] = []
    yield found
    assert found == []


class NewPage(t.Protocol):
    """Opens a page in a session of its own."""

    def __call__(self, **options: t.Any) -> Page: ...


@pytest.fixture
def new_page(browser: Browser, errors: list[Error]) -> c.Iterator[NewPage]:
    """Open pages, each that of somebody else."""
    contexts = []

    def open_page(**options: t.Any) -> Page:
        contexts.append(browser.new_context(viewport=VIEWPORT, **options))
        return listened_to(contexts[-1].new_page(), errors)

    yield open_page

    for context in contexts:
        context.close()


@pytest.fixture
def page(new_page: NewPage) -> Page:
    """A page on which any error of a script or of the content policy fails the test."""
    return new_page()


def listened_to(page: Page, errors: list[Error]) -> Page:
    """Write down what goes wrong on a page, and return it."""

    def hear(said: ConsoleMessage) -> None:
        if said.type == "error":
            errors.append(Error(said.text, said.location["url"]))

    page.on("console", hear)
    page.on("pageerror", lambda error: errors.append(Error(str(error), page.url)))
    return page


def forgive_refusal(errors: list[Error], page: Page, status: int) -> None:
    """Take away what Chromium says about a page that answers with a status as it should."""
    words = f"Failed to load resource: the server responded with a status of {status} "
    errors[:] = [
        error for error in errors if error.url != page.url or not error.text.startswith(words)
    ]


class ServedShop(t.NamedTuple):
    """The example app behind a real server.

    :param address: Where it is.
    :param password: The administrator's.
    :param app: The app.
    """

    address: str
    password: str
    app: Flask


class OpenedShop(t.NamedTuple):
    """A shop in a state, behind a real server.

    :param address: Where it is.
    :param made: What it was made into.
    """

    address: str
    made: demo.Made

    def url(self, path: str | None = None) -> str:
        """Return the address of a page of the panel, or of that which shows the state."""
        return f"{self.address}/alembic/{self.made.page if path is None else path}"

    def sign_in(self, page: Page, user: str = "admin") -> None:
        """Sign somebody in."""
        page.goto(f"{self.address}/sign-in")
        page.get_by_label("Name").fill(user)
        page.get_by_label("Password").fill(dict(self.made.passwords)[user])
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Sign out").wait_for()

    def last_run(self) -> RunRecord:
        """Return the newest run of its database, or the newest refusal of one."""
        with self.made.app.app_context():
            return alembic.runs(demo.USUAL)[0]

    def heads(self) -> tuple[str, ...]:
        """Return where its database is."""
        with self.made.app.app_context():
            return alembic.current_ids(demo.USUAL)


@contextlib.contextmanager
def opened_shop(
    state: str, folder: Path, *, debug: bool = False, below: str = ""
) -> c.Iterator[OpenedShop]:
    """Make a shop that is in a state, and serve it.

    :param state: One of the demo's, or of the tests' own.
    :param folder: Where to make it.
    :param debug: Whether the app is in debug mode.
    :param below: The path below which all of it is served, as a proxy does.
    """
    with mock.patch.dict(demo.DEMOS, STATES):
        made = demo.make_demo(state, folder / "instance")

    with contextlib.closing(made):
        made.app.debug = debug
        served = DispatcherMiddleware(NotFound(), {below: made.app}) if below else made.app

        with serve(served) as address:
            yield OpenedShop(address + below, made)


class OpenShop(t.Protocol):
    """Makes a shop that is in a state, and serves it."""

    def __call__(self, state: str, *, debug: bool = False, below: str = "") -> OpenedShop: ...


@pytest.fixture
def open_shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> c.Iterator[OpenShop]:
    """A shop of the test's own."""
    # Set by whoever makes one, for the process of a run.
    monkeypatch.setenv("EXAMPLE_INSTANCE", "")

    with contextlib.ExitStack() as stack:

        def open_state(state: str, *, debug: bool = False, below: str = "") -> OpenedShop:
            return stack.enter_context(opened_shop(state, tmp_path, debug=debug, below=below))

        yield open_state

    collect_garbage()


@contextlib.contextmanager
def serve(app: WSGIApplication) -> c.Iterator[str]:
    """Serve an app in a thread and give its address."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    # It ends as soon as it looks up from its work.
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()

    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def collect_garbage() -> None:
    """Find here what a server has dropped half sent, and not in the midst of another test."""
    gc.collect()


@pytest.fixture
def served_shop(
    instance: object, database_url: sa.URL, monkeypatch: pytest.MonkeyPatch
) -> c.Iterator[ServedShop]:
    """A shop after its first start, on each kind of server in turn."""
    # In the environment, since the run's own process has to find the same database.
    monkeypatch.setenv("DATABASE_URL", database_url.render_as_string(hide_password=False))
    app = create_app()
    passwords = dict(prepare(app))

    with serve(app) as address:
        yield ServedShop(address, passwords["admin"], app)

    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()
        app.extensions["alembic"].project.ledger.engine.dispose()

    collect_garbage()
