"""SIGTERM in a run's own process: it asks the run to stop, and never kills it in a step."""

from __future__ import annotations

import collections.abc as c
import contextlib
import signal
import threading


@contextlib.contextmanager
def sigterm_asks(stop: c.Callable[[], None], cancel: c.Callable[[], None]) -> c.Iterator[None]:
    """Take SIGTERM as a question for as long as the block lasts.

    A thread waits for it, since the main one may be deep in a driver that lets no handler run.

    :param stop: Called for the first one: stop before the next step.
    :param cancel: Called for each further one: cancel the statement that runs.
    """
    ended = threading.Event()

    def wait() -> None:
        asked = False

        while not ended.is_set():
            if signal.sigtimedwait({signal.SIGTERM}, 0.2) is None:
                continue

            if asked:
                cancel()
            asked = True
            stop()

    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    thread = threading.Thread(target=wait, name="sigterm", daemon=True)
    thread.start()

    try:
        yield
    finally:
        ended.set()
        thread.join()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
