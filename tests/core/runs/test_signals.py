"""What a process does with its signals while it is there for runs."""

from __future__ import annotations

import collections.abc as c
import os
import signal
import threading

import pytest

from flask_alembic_admin.core.runs.signals import Signals

from ..servers.helpers import eventually

NUMBERS = (signal.SIGTERM, signal.SIGINT)


def handlers() -> list[object]:
    """Return what the process does with the signals that are heard."""
    return [signal.getsignal(number) for number in NUMBERS]


@pytest.fixture(autouse=True)
def _as_before() -> c.Iterator[None]:
    """Nothing of it stays."""
    before = handlers()
    yield
    assert handlers() == before
    descriptor = signal.set_wakeup_fd(-1)
    assert descriptor == -1


class Run:
    """Answers signals, and counts them."""

    def __init__(self) -> None:
        self.answers: list[str] = []

    def stop(self) -> None:
        """Note that it was asked to stop."""
        self.answers.append("stop")

    def cancel(self) -> None:
        """Note that it was asked to cancel its statement."""
        self.answers.append("cancel")

    def hears(self, number: int) -> None:
        """Send a signal and wait for the answer."""
        count = len(self.answers)
        os.kill(os.getpid(), number)
        eventually(lambda: len(self.answers) > count)


@pytest.mark.parametrize("number", NUMBERS)
def test_the_first_asks_to_stop_and_the_second_to_cancel(number: int) -> None:
    """Whichever of the two it is."""
    run = Run()

    with Signals() as signals, signals.answered(run.stop, run.cancel):
        run.hears(number)
        run.hears(number)

    assert run.answers == ["stop", "cancel"]


def test_the_third_control_c_is_pythons_own() -> None:
    """However the first two were sent."""
    run = Run()

    with Signals() as signals, signals.answered(run.stop, run.cancel):
        run.hears(signal.SIGTERM)
        run.hears(signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            run.hears(signal.SIGINT)


def test_sigterm_never_interrupts() -> None:
    """An orchestrator may send it as often as it likes."""
    run = Run()

    with Signals() as signals, signals.answered(run.stop, run.cancel):
        for _ in range(4):
            run.hears(signal.SIGTERM)

    assert run.answers == ["stop", "cancel", "cancel", "cancel"]


def test_a_run_that_begins_later_is_asked_too() -> None:
    """What was asked of the process counts for all that it would do."""
    run = Run()

    with Signals() as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        eventually(lambda: signals.asked)

        with signals.answered(run.stop, run.cancel):
            assert run.answers == ["stop"]


def test_what_is_ignored_stays_ignored() -> None:
    """A program in the background of a shell does not hear Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)

    try:
        with Signals() as signals:
            assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
            eventually(lambda: signals.asked)
    finally:
        signal.signal(signal.SIGINT, before)


def test_only_the_main_thread_hears() -> None:
    """In any other nothing is changed."""
    before, inside = handlers(), []

    def use() -> None:
        with Signals():
            inside.extend(handlers())

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert inside == before
