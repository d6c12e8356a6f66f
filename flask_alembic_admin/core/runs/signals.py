"""SIGTERM, Ctrl-C and a lost terminal in a process that is there for runs: none kills a step.

A check, which migrates nothing that is live, is ended by them.
"""

from __future__ import annotations

import _thread
import collections.abc as c
import contextlib
import os
import signal
import socket
import threading
import typing as t

_Answer: t.TypeAlias = "c.Callable[[], object]"

#: What a terminal sends that is closed, or whose connection is lost; Windows has none.
_HANGUP = getattr(signal, "SIGHUP", None)
#: What is heard. Elsewhere SIGINT is what the keys Ctrl-C send.
_HEARD = (signal.SIGTERM, signal.SIGINT, *([] if _HANGUP is None else [_HANGUP]))
#: What is sent from outside to end a process.
_ENDING = tuple(number for number in _HEARD if number != signal.SIGINT)

#: How many ask for something; each Ctrl-C after them is Python's own again.
_ASKING = 2


class Signals:
    """Takes SIGTERM, Ctrl-C and SIGHUP as questions for as long as the block lasts.

    The first asks the run at work to stop before its next step, and runs that come after it to
    stop before their first. Each further one asks to cancel the statement that runs, except that
    from the third on Ctrl-C raises ``KeyboardInterrupt`` as it does everywhere. SIGHUP, which a
    shell and a terminal may both send, is never more than the first.

    Only the main thread can hear; in any other nothing is changed. What the process was told to
    ignore stays ignored. A thread is told of each signal, since the main one may be deep in a
    driver that lets no handler run.
    """

    def __init__(self) -> None:
        #: Whether somebody asked to stop.
        self.asked = False
        #: Held while a run is asked, so that it does not end meanwhile.
        self._lock = threading.Lock()
        self._stop: _Answer = _nobody
        self._cancel: _Answer = _nobody
        #: How many signals were heard.
        self._count = 0
        #: How many that were not heard yet are our own.
        self._own = 0
        #: Whether the main thread shall be interrupted.
        self._interrupts = False
        self._around = contextlib.ExitStack()

    def __enter__(self) -> t.Self:
        if threading.current_thread() is threading.main_thread():
            self._around.enter_context(self._hearing())

        return self

    def __exit__(self, *_: object) -> None:
        self._around.close()

    @contextlib.contextmanager
    def answered(self, stop: _Answer, cancel: _Answer) -> c.Iterator[None]:
        """Let a run answer while it is at work.

        :param stop: Called for the first signal, which may have come before.
        :param cancel: Called for each further one.
        """
        with self._lock:
            before = self._stop, self._cancel
            self._stop, self._cancel = stop, cancel
            if self.asked:
                stop()

        try:
            yield
        finally:
            with self._lock:
                self._stop, self._cancel = before

    @contextlib.contextmanager
    def _hearing(self) -> c.Iterator[None]:
        process = os.getpid()
        handlers = {number: signal.getsignal(number) for number in _HEARD}
        # What was not set from Python, or is ignored, is not ours to change.
        heard = {number: old for number, old in handlers.items() if old not in (None, _IGNORED)}
        # A pipe would do, but not on Windows.
        hear, tell = socket.socketpair()
        tell.setblocking(False)
        thread = threading.Thread(
            target=self._listen, args=(hear, set(heard)), name="signals", daemon=True
        )
        thread.start()
        # Python writes there itself, whichever thread the system has interrupted.
        descriptor = signal.set_wakeup_fd(tell.fileno(), warn_on_full_buffer=False)

        # A mask would be inherited by each program that a migration starts; a handler is not.
        for number in heard:
            signal.signal(number, self._came)

        def undo() -> None:
            for number, old in heard.items():
                signal.signal(number, old)
            signal.set_wakeup_fd(descriptor)

        _undo.append(undo)

        try:
            yield
        finally:
            _undo.remove(undo)
            undo()
            # A forked child that leaves through here has no such thread, and its parent needs it.
            if os.getpid() == process:
                tell.setblocking(True)
                tell.send(_END)
                thread.join()
            tell.close()
            hear.close()

    def _came(self, number: int, _: object) -> None:
        """Interrupt the main thread, which runs this, once the other one has said so."""
        if self._interrupts:
            self._interrupts = False
            raise KeyboardInterrupt

    def _listen(self, hear: socket.socket, heard: set[int]) -> None:
        # One number of a signal after the other. A forked child may keep the other end open.
        while (number := hear.recv(1)) != _END:
            if number[0] == signal.SIGINT and self._own:
                self._own -= 1
            elif number[0] == _HANGUP and number[0] in heard:
                self._ask_to_stop()
            elif number[0] in heard:
                self._count += 1
                self._take(number[0])

    def _take(self, number: int) -> None:
        if self._count == 1:
            self._ask_to_stop()
        elif self._count <= _ASKING or number != signal.SIGINT:
            # Whoever waits long for an answer of the server can still press Ctrl-C.
            threading.Thread(target=self._ask_to_cancel, name="cancel", daemon=True).start()
        else:
            self._interrupt()

    def _ask_to_stop(self) -> None:
        with self._lock:
            if not self.asked:
                self.asked = True
                self._stop()

    def _ask_to_cancel(self) -> None:
        with self._lock:
            self._cancel()

    def _interrupt(self) -> None:
        # Counted here alone: in the main thread several that come at once are one.
        self._interrupts = True
        self._own += 1

        if hasattr(signal, "pthread_kill"):
            # It wakes the main thread, whichever has got the first one.
            signal.pthread_kill(t.cast("int", threading.main_thread().ident), signal.SIGINT)
        else:
            _thread.interrupt_main(signal.SIGINT)


class EndedBySignal(SystemExit):
    """The process was told to end; no ``sys.exit()`` of a migration."""


@contextlib.contextmanager
def undisturbed() -> c.Iterator[None]:
    """Let no signal end what is in the block, which shall take no long time."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    before = {number: signal.getsignal(number) for number in _HEARD}

    for number in before:
        signal.signal(number, signal.SIG_IGN)

    try:
        yield
    finally:
        for number, handler in before.items():
            # What was not set from Python cannot be set again.
            signal.signal(number, handler or signal.SIG_DFL)


@contextlib.contextmanager
def ended_by_signal() -> c.Iterator[None]:
    """Let what ends a process end the block as Ctrl-C does, so that it cleans up behind itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _: object) -> None:
        raise EndedBySignal(128 + number)

    before = {number: signal.getsignal(number) for number in _ENDING}

    # What the process was told to ignore, as by nohup, stays ignored.
    for number in (number for number, old in before.items() if old != _IGNORED):
        signal.signal(number, end)

    try:
        yield
    finally:
        for number, old in before.items():
            # What was not set from Python cannot be set again.
            signal.signal(number, old or signal.SIG_DFL)


def _nobody() -> None:
    """Answer while no run is at work."""


_IGNORED = signal.SIG_IGN
#: No signal has this number.
_END = b"\0"
_undo: list[c.Callable[[], None]] = []
_before_fork = threading.local()


def _hold_back() -> None:
    """Let no signal reach a forked child before it can be ended by that."""
    _before_fork.mask = signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)


def _go_on() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _before_fork.mask)


def _undo_in_child() -> None:
    """Let a forked child be ended by a signal, and its parent not hear of that."""
    for undo in _undo:
        undo()

    _go_on()


# Windows has no fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_hold_back, after_in_parent=_go_on, after_in_child=_undo_in_child)
