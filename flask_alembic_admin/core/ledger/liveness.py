"""Whether the process that is at work on something in the ledger is still there."""

from __future__ import annotations

import datetime
import os
import socket
import time
import typing as t
from pathlib import Path

#: Seconds without a sign of life after which somebody looks whether a process is still there.
SILENCE = 30.0
#: Seconds by which a process may have begun after it says so: clocks are read one after the other.
_TOLERANCE = 2.0
#: Seconds by which it may have begun after somebody asked for it: others are told of that first.
_DELAY = 60.0


class Undertaking(t.Protocol):
    """What a process is at work on, as the ledger has it: a run or a check."""

    @property
    def host(self) -> str | None: ...
    @property
    def pid(self) -> int | None: ...
    @property
    def requested(self) -> datetime.datetime: ...
    @property
    def started(self) -> datetime.datetime | None: ...
    @property
    def heartbeat(self) -> datetime.datetime | None: ...


def is_silent(record: Undertaking, seconds: float = SILENCE) -> bool:
    """Return whether nothing was heard of an undertaking for some time.

    :param record: A run or a check.
    :param seconds: For how long.
    """
    return _seconds_since(record.heartbeat or record.requested) > seconds


def is_ahead(record: Undertaking, seconds: float) -> bool:
    """Return whether the last sign of life of an undertaking is of the future.

    :param record: A run or a check.
    :param seconds: How far at least.
    """
    return _seconds_since(record.heartbeat or record.requested) < -seconds


def process_lives(record: Undertaking) -> bool:
    """Return whether the process of an undertaking is there, as far as this host can know.

    :param record: A run or a check.
    """
    if record.host != socket.gethostname() or record.pid is None:
        return False

    try:
        os.kill(record.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        # Somebody else's, but there.
        pass

    state, age = _process(record.pid)

    # One that nobody has reaped does nothing any more.
    if state in {"Z", "X"}:
        return False

    # Only where the system tells nothing the number alone has to do.
    if age is None:
        return True

    # A process that is younger than the undertaking has got its number since.
    if record.started is not None:
        return age + _TOLERANCE >= _seconds_since(record.started)

    return age + _DELAY >= _seconds_since(record.requested)


def _seconds_since(then: datetime.datetime) -> float:
    return (datetime.datetime.now(datetime.UTC) - then).total_seconds()


def _process(pid: int) -> tuple[str | None, float | None]:
    """Return the state of a process and its age in seconds, None where nobody can tell.

    The times of its folder are those of whoever looked there first, or first again.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None, None

    # The name before it may hold anything.
    state, *others = text.rpartition(")")[2].split()
    began = int(others[18]) / os.sysconf("SC_CLK_TCK")
    return state, time.clock_gettime(time.CLOCK_BOOTTIME) - began
