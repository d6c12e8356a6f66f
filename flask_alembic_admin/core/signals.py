"""SIGTERM in a run's own process: it asks the run to stop, and never kills it in a step."""

from __future__ import annotations

import collections.abc as c
import contextlib
import os
import signal
import threading


@contextlib.contextmanager
def sigterm_asks(stop: c.Callable[[], None], cancel: c.Callable[[], None]) -> c.Iterator[None]:
    """Take SIGTERM as a question for as long as the block lasts.

    Only the main thread can do that; in any other nothing is changed. A thread is told of each
    signal, since the main one may be deep in a driver that lets no handler run.

    :param stop: Called for the first one: stop before the next step.
    :param cancel: Called for each further one: cancel the statement that runs.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    hear, tell = os.pipe()
    # Python writes there itself, whichever thread the system has interrupted.
    os.set_blocking(tell, False)
    thread = threading.Thread(
        target=_listen, args=(hear, stop, cancel), name="sigterm", daemon=True
    )
    thread.start()
    # A mask would be inherited by each program that a migration starts; a handler is not.
    handler = signal.signal(signal.SIGTERM, lambda *_: None)
    descriptor = signal.set_wakeup_fd(tell, warn_on_full_buffer=False)

    def undo() -> None:
        signal.set_wakeup_fd(descriptor)
        signal.signal(signal.SIGTERM, handler)

    _undo.append(undo)

    try:
        yield
    finally:
        _undo.remove(undo)
        undo()
        os.write(tell, _END)
        thread.join()
        os.close(tell)
        os.close(hear)


def _listen(hear: int, stop: c.Callable[[], None], cancel: c.Callable[[], None]) -> None:
    act = stop

    # One number of a signal after the other. A forked child may keep the other end open.
    while (number := os.read(hear, 1)) != _END:
        if number[0] == signal.SIGTERM:
            act()
            act = cancel


#: No signal has this number.
_END = b"\0"
_undo: list[c.Callable[[], None]] = []
_before_fork = threading.local()


def _hold_back() -> None:
    """Let no SIGTERM reach a forked child before it can be ended by that."""
    _before_fork.mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def _go_on() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _before_fork.mask)


def _undo_in_child() -> None:
    """Let a forked child be ended by SIGTERM, and its parent not hear of that."""
    for undo in _undo:
        undo()

    _go_on()


# Windows has no fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_hold_back, after_in_parent=_go_on, after_in_child=_undo_in_child)
