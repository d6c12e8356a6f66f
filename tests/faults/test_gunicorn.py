from __future__ import annotations

import collections.abc as c
import contextlib
import http.cookiejar
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
import sqlalchemy as sa

from .gunicorn_app import TARGET
from .gunicorn_app import WORKER
from .gunicorn_app import write_revisions

#: Seconds that the upgrade takes in all, and after which gunicorn kills a worker that is silent.
UPGRADE, TIMEOUT = (30.0, 5) if os.environ.get("LONG_TESTS") else (12.0, 3)
STEPS = 4

#: What the page of a run says while it goes on, and when it has ended well.
GOES_ON = "The run goes on in a process of its own."
SUCCEEDED = "Succeeded: the database went from"


class Browser:
    """Somebody who keeps a session and sends forms.

    :param address: Where the app is.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(cookies)
        #: The page that was opened last: where it is, and what it says.
        self.place = self.page = ""
        #: All workers that have answered.
        self.workers: set[int] = set()

    def open(self, path: str, data: dict[str, str] | None = None) -> str:
        """Open a page, or send a form and open the page that it leads to.

        Every answer but 200 raises.
        """
        sent = None if data is None else urllib.parse.urlencode(data).encode()
        url = urllib.parse.urljoin(self._address, path)

        with self._opener.open(url, sent, timeout=TIMEOUT) as answer:
            assert answer.status == 200
            self.place, self.page = answer.url, answer.read().decode()
            self.workers.add(int(answer.headers[WORKER]))

        return self.page

    def send(self, **fields: str) -> str:
        """Send the first form of the page to where it says."""
        form = re.search(r'<form method="post" action="([^"]+)">(.*?)</form>', self.page, re.DOTALL)
        assert form is not None, self.page
        hidden = re.findall(r'name="(\w+)" type="hidden" value="([^"]*)"', form[2])
        return self.open(form[1], {**dict(hidden), **fields})


@pytest.fixture
def gunicorn() -> str:
    """The program, beside the Python that runs the tests."""
    program = Path(sys.executable).with_name("gunicorn")

    if not program.exists():
        reason = f"no {program}: install the extra 'test'"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)

    return str(program)


@contextlib.contextmanager
def served(
    program: str, folder: Path, url: sa.URL
) -> c.Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Serve the app with two workers that are replaced after a few requests each."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    environment = {
        **os.environ,
        "GUNICORN_FOLDER": str(folder),
        "DATABASE_URL": url.render_as_string(hide_password=False),
    }
    # So that nothing but its command line tells how the app is loaded.
    environment.pop("FLASK_APP", None)
    command = [program, TARGET, "--worker-class=sync", "--workers=2", f"--timeout={TIMEOUT}"]
    options = ["--max-requests=4", f"--bind=127.0.0.1:{port}", f"--chdir={Path.cwd()}"]

    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, *options], env=environment, stderr=log)

    try:
        _wait_for_port(port, process)
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_an_upgrade_outlives_the_workers_that_started_and_watched_it(
    gunicorn: str, tmp_path: Path, database_url: sa.URL
) -> None:
    """Longer than the timeout, with workers replaced and a reload: seen running, then done."""
    write_revisions(tmp_path, database_url.get_backend_name(), STEPS, UPGRADE / STEPS)

    with served(gunicorn, tmp_path, database_url) as (address, master):
        browser = Browser(address)
        browser.open("/sign-in", {})
        browser.open("/alembic/")
        browser.send(target="heads")
        began = time.monotonic()
        browser.send(understood="y", reason="release 5")
        page, first = browser.place, set(browser.workers)
        before_reload: set[int] = set()
        seen = [_state(browser)]

        while seen[-1] == "running":
            # Each worker is replaced after a few requests, that which started the run too.
            time.sleep(0.05 if any(map(_lives, first)) else 0.4)
            # A reload of the page; whatever goes wrong with it raises.
            browser.open(page)
            seen.append(_state(browser))

            if not before_reload and time.monotonic() - began > UPGRADE / 2:
                assert not any(map(_lives, first)), "those who began it were to be replaced"
                before_reload = set(browser.workers)
                os.kill(master.pid, signal.SIGHUP)

        took = time.monotonic() - began
        browser.open("/alembic/")
        assert "All revisions are applied." in browser.page

    assert took > UPGRADE > 2 * TIMEOUT
    assert seen == ["running"] * (len(seen) - 1) + ["succeeded"]
    assert before_reload
    assert browser.workers - before_reload, "the reload was to replace all workers"
    said = (tmp_path / "log").read_text()
    assert "Handling signal: hup" in said
    assert not [word for word in ("WORKER TIMEOUT", "Traceback", "SIGKILL") if word in said], said
    assert _tables_and_versions(database_url) == ({f"t_r{n + 1}" for n in range(STEPS)}, ["r4"])


def _state(browser: Browser) -> str:
    if GOES_ON in browser.page:
        return "running"

    assert SUCCEEDED in browser.page, browser.page
    return "succeeded"


def _tables_and_versions(url: sa.URL) -> tuple[set[str], list[str]]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)

    with engine.connect() as connection:
        tables = {name for name in sa.inspect(connection).get_table_names() if name[:2] == "t_"}
        statement = sa.text("SELECT version_num FROM alembic_version")
        return tables, list(connection.scalars(statement))


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False

    return True


def _wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30

    while True:
        assert process.poll() is None, "gunicorn has ended"
        assert time.monotonic() < end, "gunicorn does not answer"

        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return

        time.sleep(0.05)
