"""Whether the process that is at work on something in the ledger is still there."""

from __future__ import annotations

import datetime
import os
import socket
import typing as t

#: Seconds without a sign of life after which somebody looks whether a process is still there.
SILENCE = 30.0


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


def is_silent(record: Undertaking) -> bool:
    """Return whether nothing was heard of an undertaking for some time.

    :param record: A run or a check.
    """
    last = record.heartbeat or record.requested
    return (datetime.datetime.now(datetime.UTC) - last).total_seconds() > SILENCE


def process_lives(record: Undertaking) -> bool:
    """Return whether the process of an undertaking is there, as far as this host can know.

    :param record: A run or a check.
    """
    if record.host != socket.gethostname() or record.pid is None:
        return False

    try:
        os.kill(record.pid, 0)
        began = os.stat(f"/proc/{record.pid}").st_ctime
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    except FileNotFoundError:
        # No /proc on this system: the number alone has to do.
        return True

    # A process that is younger than the undertaking has got its number since.
    return record.started is None or began <= record.started.timestamp() + 2
