from __future__ import annotations

import collections.abc as c
import contextlib
import gc
import logging
import os
import shutil
import threading
import typing as t

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.serving import make_server

from example_app import create_app
from example_app.first_start import prepare
from example_app.models import db

if t.TYPE_CHECKING:
    from playwright.sync_api import Browser
    from playwright.sync_api import Page

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def missing(reason: str) -> t.NoReturn:
    """Skip, or fail where everything has to be there."""
    if os.environ.get("CI"):
        pytest.fail(reason)

    pytest.skip(reason)


# Not for the session: Playwright keeps an event loop in this thread for as long.
@pytest.fixture(scope="package")
def browser() -> c.Iterator[Browser]:
    """Chromium, as Debian and others ship it."""
    playwright = pytest.importorskip("playwright.sync_api")
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")

    if program is None:
        missing("no Chromium: install the package 'chromium' or name the program in CHROMIUM")

    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> c.Iterator[Page]:
    """A page on which any error of a script or of the content policy fails the test."""
    errors: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    opened = context.new_page()
    opened.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert errors == []


class ServedShop(t.NamedTuple):
    """The example app behind a real server.

    :param address: Where it is.
    :param password: The administrator's.
    :param app: The app.
    """

    address: str
    password: str
    app: Flask

    def tables(self) -> set[str]:
        """Return the names of the tables of the default database."""
        with self.app.app_context():
            return set(sa.inspect(db.engine).get_table_names())


@contextlib.contextmanager
def serve(app: Flask) -> c.Iterator[str]:
    """Serve an app in a thread and give its address."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        # What was dropped half sent is to be found here, and not in the midst of another test.
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
