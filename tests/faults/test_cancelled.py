"""Runs that are asked to stop."""

from __future__ import annotations

import os
import signal
import threading
import time
import typing as t

import pytest

from flask_alembic_admin.core.ledger import recording
from flask_alembic_admin.core.runs.job import run_job
from flask_alembic_admin.errors import RunCancelled

from .app import wait_for
from .conftest import MakePlace
from .place import Place


@pytest.fixture
def inside(place: Place) -> str:
    """The id of a run, started as the panel does it, that is in the first of two steps."""
    place.add("a1", place.stop("inside"))
    place.add("b2")
    run_id = place.start()
    place.reached("inside")
    return run_id


def cancel(place: Place, run_id: str) -> None:
    """Ask a run to stop that has told the ledger of its step, and let the step end."""
    wait_for(lambda: place.steps(run_id)["a1"] == "running")
    told = time.monotonic()
    assert place.ledger.request_cancel(run_id)
    wait_for(lambda: time.monotonic() - told > recording.STALE)
    place.go_on("inside")


def terminate(place: Place, run_id: str, number: int = signal.SIGTERM) -> None:
    """Send a signal to the process of a run."""
    pid = place.record(run_id).pid
    assert pid
    os.kill(pid, number)


def check_stopped(place: Place, run_id: str) -> None:
    """Check that the run has ended before its second step."""
    record = place.ended(run_id)
    assert (record.status, record.error_class) == ("cancelled", "RunCancelled")
    assert "was cancelled after 1 step; the database is at a1." in (record.error or "")
    assert record.heads_after == place.heads() == ("a1",)
    assert place.steps(run_id) == {"a1": "done", "b2": "waiting"}
    assert place.witnesses() == ["a1"]


def test_a_run_stops_before_its_next_step(place: Place, inside: str) -> None:
    """Also where nothing was heard of the step for a while before it ends."""
    cancel(place, inside)
    check_stopped(place, inside)


def test_after_a_cancelled_run_the_next_one_goes_on(place: Place, inside: str) -> None:
    """Nothing is in doubt, and nothing is run twice."""
    cancel(place, inside)
    check_stopped(place, inside)
    assert [step.revision for step in place.upgrade().steps] == ["b2"]
    assert place.witnesses() == ["a1", "b2"]


def test_sigterm_means_the_same(place: Place, inside: str) -> None:
    """A process that is told to end ends between two steps, not in one."""
    terminate(place, inside)
    place.go_on("inside")
    check_stopped(place, inside)


def test_a_lost_terminal_kills_no_step(place: Place, inside: str) -> None:
    """Its SIGHUP asks to stop before the next one, however often it comes."""
    for _ in range(3):
        terminate(place, inside, signal.SIGHUP)

    place.go_on("inside")
    check_stopped(place, inside)


def test_sigterm_is_heard_in_an_app_with_threads(make_place: MakePlace) -> None:
    """Whichever thread the signal comes to, it kills no step."""
    place = make_place()
    (place.folder / "threads").touch()
    place.add("a1", place.stop("inside"))
    place.add("b2")
    run_id = place.start()
    place.reached("inside")
    terminate(place, run_id)
    place.go_on("inside")
    check_stopped(place, run_id)


def test_a_program_that_a_migration_starts_can_be_ended(place: Place) -> None:
    """It does not inherit that SIGTERM is put off."""
    place.add(
        "a1",
        "import subprocess\n"
        "program = subprocess.Popen(['sleep', '60'])\n"
        "program.terminate()\n"
        "assert program.wait(5) == -15",
    )
    assert place.ended(place.start()).status == "succeeded"


def test_a_child_that_a_migration_forks_can_be_ended(place: Place) -> None:
    """It ends by SIGTERM, and the run does not take that for its own."""
    place.add(
        "a1",
        "import os, signal, time\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    time.sleep(60)\n"
        "os.kill(child, signal.SIGTERM)\n"
        "assert os.waitpid(child, 0)[1] == signal.SIGTERM",
    )
    place.add("b2")
    assert place.ended(place.start()).status == "succeeded"


def test_a_child_that_a_migration_forks_does_not_hold_up_the_run(place: Place) -> None:
    """It may stay as long as it wants."""
    file = place.folder / "child"
    place.add(
        "a1",
        "import os, pathlib, time\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    time.sleep(60)\n"
        "    os._exit(0)\n"
        f"pathlib.Path({str(file)!r}).write_text(str(child))",
    )
    assert place.ended(place.start()).status == "succeeded"
    # It is there to be killed.
    os.kill(int(file.read_text()), signal.SIGKILL)


class TestStatement:
    """On servers whose statements can be cancelled."""

    @pytest.fixture(params=["postgresql", "mariadb"])
    def database_url(self, request: pytest.FixtureRequest) -> t.Any:
        """The URL of an empty database."""
        return request.getfixturevalue(f"{request.param}_url")

    def test_a_second_sigterm_cancels_the_statement(self, place: Place) -> None:
        """The step fails or has ended early; either way nothing comes after it."""
        place.add("a1")
        place.add("b2", place.sleep)
        place.add("c3")
        run_id = place.start()
        wait_for(place.is_asleep)
        terminate(place, run_id)
        wait_for(lambda: "was told to end" in place.log(run_id))
        terminate(place, run_id)
        record = place.ended(run_id)
        assert record.status in {"failed", "cancelled"}
        assert record.heads_after == place.heads()
        assert "c3" not in place.witnesses()
        assert place.steps(run_id)["c3"] == "waiting"

    def test_one_sigterm_leaves_the_statement_alone(self, place: Place) -> None:
        """Nobody has asked for exactly that."""
        place.add("a1", place.sleep.replace("20", "2"))
        run_id = place.start()
        wait_for(place.is_asleep)
        terminate(place, run_id)
        assert place.ended(run_id).status == "succeeded"


def test_sigterm_before_the_app_is_loaded_ends_it(place: Place) -> None:
    """Nothing has begun, so there is nothing to wait for."""
    place.add("a1")
    (place.folder / "slow").touch()
    run_id = place.start()
    place.reached("import")
    place.kill_child_of(run_id, signal.SIGTERM)
    record = place.ended(run_id)
    assert record.status == "failed"
    assert "ended with status -15 and no verdict" in (record.error or "")
    assert place.tables() == set()


def test_a_run_that_waits_for_the_lock_gives_signs_of_life_and_can_be_cancelled(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody takes it for lost, and it need not get the lock to end."""
    monkeypatch.setattr(recording, "HEARTBEAT", 0.0)
    monkeypatch.setattr(recording, "TICK", 0.01)
    place.add("a1", place.stop("inside"))
    failed: list[BaseException] = []

    def carry_out() -> None:
        with place.app.app_context():
            try:
                run_job(place.alembic, run_id)
            except RunCancelled as error:
                failed.append(error)

    with place.child() as child:
        child.go()
        place.reached("inside")
        run_id = place.queue(wait=60.0)
        thread = threading.Thread(target=carry_out)
        thread.start()

        try:
            claimed = wait_for(lambda: place.record(run_id).started)
            wait_for(lambda: (place.record(run_id).heartbeat or claimed) > claimed)
            assert place.ledger.request_cancel(run_id)
            assert place.ended(run_id).status == "cancelled"
        finally:
            place.go_on("inside")
            thread.join()

        assert child.answer().steps == ("a1",)

    assert failed
