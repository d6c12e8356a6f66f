from __future__ import annotations

import collections.abc as c
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from ..servers import unavailable
from .browser import Browser
from .browser import GOES_ON
from .browser import Page
from .browser import SUCCEEDED
from .gunicorn_app import TARGET
from .gunicorn_app import WORKER
from .gunicorn_app import write_revisions

#: Seconds that the upgrade takes in all, and after which gunicorn kills a worker that is silent.
UPGRADE, TIMEOUT = (30.0, 5) if os.environ.get("LONG_TESTS") else (7.5, 3)
STEPS = 4


class Visitor:
    """Somebody who opens pages, all of which have to be there, and notes who answers.

    Whoever comes while both workers are replaced waits for one. A page that itself takes longer
    than gunicorn allows has its worker killed, and is never there.

    :param address: Where the app is.
    """

    def __init__(self, address: str) -> None:
        self._browser = Browser(address)
        #: All workers that have answered.
        self.workers: set[int] = set()

    def sign_in(self) -> None:
        """Sign in."""
        self._seen(self._browser.open("/sign-in", {}))

    def upgrade(self) -> Page:
        """Plan an upgrade, confirm it and return the page of the run."""
        return self._seen(self._browser.confirm(self._seen(self._browser.plan())))

    def open(self, path: str) -> Page:
        """Open a page."""
        return self._seen(self._browser.open(path))

    def _seen(self, page: Page) -> Page:
        assert page.status == 200, page.text
        self.workers.add(int(page.headers[WORKER]))
        return page


@pytest.fixture
def gunicorn() -> str:
    """The program, beside the Python that runs the tests."""
    program = Path(sys.executable).with_name("gunicorn")

    if not program.exists():
        unavailable(f"no {program}: install the extra 'test'")

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
        visitor = Visitor(address)
        visitor.sign_in()
        began = time.monotonic()
        page = visitor.upgrade()
        first = set(visitor.workers)
        before_reload: set[int] = set()
        seen = [_state(page)]

        while seen[-1] == "running":
            # Each worker is replaced after a few requests, that which started the run too.
            time.sleep(0.05 if any(map(_lives, first)) else 0.4)
            # A reload of the page; whatever goes wrong with it raises.
            page = visitor.open(page.path)
            seen.append(_state(page))

            if not before_reload and time.monotonic() - began > UPGRADE / 2:
                assert not any(map(_lives, first)), "those who began it were to be replaced"
                before_reload = set(visitor.workers)
                os.kill(master.pid, signal.SIGHUP)

        took = time.monotonic() - began
        assert "All revisions are applied." in visitor.open("/alembic/").text

    assert took > UPGRADE > 2 * TIMEOUT
    assert seen == ["running"] * (len(seen) - 1) + ["succeeded"]
    assert before_reload
    assert visitor.workers - before_reload, "the reload was to replace all workers"
    said = (tmp_path / "log").read_text()
    assert "Handling signal: hup" in said
    assert not [word for word in ("WORKER TIMEOUT", "Traceback", "SIGKILL") if word in said], said
    assert _tables_and_versions(database_url) == ({f"t_r{n + 1}" for n in range(STEPS)}, ["r4"])


def _state(page: Page) -> str:
    if GOES_ON in page.text:
        return "running"

    assert SUCCEEDED in page.text, page.text
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
