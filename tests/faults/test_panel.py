"""The panel together with others, and without the server that it was served by."""

from __future__ import annotations

import collections.abc as c
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from .app import wait_for
from .browser import Browser
from .browser import GOES_ON
from .browser import SUCCEEDED
from .child import Answer
from .place import Place


@pytest.fixture
def browser(place: Place) -> Browser:
    """A browser at the panel of the place."""
    return Browser(place.app.test_client())


@pytest.fixture(autouse=True)
def _revisions(place: Place) -> None:
    place.add("a1", place.stop("inside"))
    place.add("b2")


def done(place: Place, run_id: str) -> None:
    """Let the run go on, and check that it alone has applied everything, once."""
    place.go_on("inside")
    record = place.ended(run_id)
    assert record.status == "succeeded", record.error
    assert record.heads_after == place.heads() == ("b2",)
    assert place.witnesses() == ["a1", "b2"]


def test_a_form_that_is_sent_twice_is_one_run(place: Place, browser: Browser) -> None:
    """Both answers lead to it."""
    plan = browser.plan()
    first = browser.confirm(plan)
    place.watch(first.run_id)
    place.reached("inside")
    second = browser.confirm(plan)
    assert (first.status, second.status) == (200, 200)
    assert first.run_id == second.run_id
    done(place, first.run_id)
    assert place.statuses() == ["succeeded"]


def test_a_form_that_is_sent_eight_times_at_once_is_one_run(place: Place) -> None:
    """As by a key that sticks, through as many threads."""
    browsers = [Browser(place.app.test_client()) for _ in range(8)]
    plan = browsers[0].plan()
    session = browsers[0].cookies()
    barrier = threading.Barrier(8)
    paths: list[str] = []

    def send(browser: Browser) -> None:
        browser.take(session)
        barrier.wait(30)
        paths.append(browser.confirm(plan).run_id)

    threads = [threading.Thread(target=send, args=(browser,)) for browser in browsers]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    (run_id,) = set(paths)
    assert len(paths) == 8
    place.watch(run_id)
    done(place, run_id)
    assert place.statuses() == ["succeeded"]


def test_of_two_browsers_the_second_is_led_to_the_run_of_the_first(
    place: Place, browser: Browser
) -> None:
    """Each has a plan of its own; one of them is carried out."""
    other = Browser(place.app.test_client())
    plan, other_plan = browser.plan(), other.plan()
    first = browser.confirm(plan)
    place.watch(first.run_id)
    second = other.confirm(other_plan)
    assert second.run_id == first.run_id
    done(place, first.run_id)
    assert place.statuses() == ["succeeded"]


def test_a_plan_that_was_overtaken_is_refused(place: Place, browser: Browser) -> None:
    """After the run of the first the second plan fits no more."""
    other = Browser(place.app.test_client())
    other_plan = other.plan()
    first = browser.confirm(browser.plan())
    place.watch(first.run_id)
    done(place, first.run_id)
    second = other.confirm(other_plan)
    assert second.status == 409
    assert "The database was at base and is at b2." in second.text
    assert place.witnesses() == ["a1", "b2"]


def test_a_plan_whose_file_was_deleted_is_refused(place: Place, browser: Browser) -> None:
    """It says which is gone, and nothing is run."""
    plan = browser.plan()
    (place.folder / "migrations" / "b2.py").unlink()
    page = browser.confirm(plan)
    assert page.status == 409
    assert "Revision b2 is gone." in page.text
    assert place.tables() == set()


def test_the_command_line_is_refused_while_the_panel_runs(place: Place, browser: Browser) -> None:
    """It says who runs, and changes nothing."""
    page = browser.confirm(browser.plan())
    place.watch(page.run_id)
    place.reached("inside")
    told = place.command("db", "upgrade", "--wait", "0")
    assert told.returncode != 0
    assert "The lock of database 'default' is held by" in told.stderr + told.stdout
    done(place, page.run_id)
    assert place.statuses() == ["refused", "succeeded"]


def test_the_panel_is_refused_while_the_command_line_runs(place: Place, browser: Browser) -> None:
    """Its run ends at once and says who runs; or it leads there, and there is none of its own."""
    plan = browser.plan()

    with place.child() as child:
        child.go()
        place.reached("inside")
        running = place.running()
        page = browser.confirm(plan)

        if page.run_id != running.id:
            place.watch(page.run_id)
            record = place.ended(page.run_id)
            assert (record.status, record.error_class) == ("failed", "Locked")
            assert "The lock of database 'default' is held by" in (record.error or "")

        place.go_on("inside")
        assert child.answer() == Answer(("a1", "b2"))

    assert place.record(running.id).status == "succeeded"
    assert place.witnesses() == ["a1", "b2"]


@contextlib.contextmanager
def served(place: Place) -> c.Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Serve the app in a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    app = place.app.config["ALEMBIC_ADMIN"]["app"]
    command = ["-m", "flask", "--app", app, "run", f"--port={port}"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    # Its own group is what a supervisor kills.
    process = subprocess.Popen(
        [sys.executable, *command],
        env=environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def answers() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    try:
        wait_for(answers, 0.05)
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.kill()
        process.wait()


def test_a_run_outlives_the_server_that_started_it(place: Place) -> None:
    """The whole group of the server's processes is killed; the next server shows the run."""
    with served(place) as (address, server):
        browser = Browser(address)
        page = browser.confirm(browser.plan())
        place.reached("inside")
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()

    place.watch(page.run_id)

    with served(place) as (address, _):
        browser = Browser(address)
        assert GOES_ON in browser.open(page.path).text
        done(place, page.run_id)
        assert SUCCEEDED in browser.open(page.path).text


def test_the_process_of_a_run_is_reaped(place: Place, browser: Browser) -> None:
    """No zombie is left, and no file that took what it said."""
    before = temporary_files()
    page = browser.confirm(browser.plan())
    place.watch(page.run_id)
    place.reached("inside")
    pid = place.record(page.run_id).pid
    assert Path(f"/proc/{pid}").exists()
    assert temporary_files() > before
    done(place, page.run_id)
    assert not Path(f"/proc/{pid}").exists()
    assert temporary_files() == before


def temporary_files() -> int:
    """Return how many files without a name this process has open in the folder for them."""
    count = 0

    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            target = os.readlink(link)
            count += target.startswith(tempfile.gettempdir()) and target.endswith("(deleted)")

    return count
