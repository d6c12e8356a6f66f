"""One writer at a time in a folder of revision files; it leaves nothing behind there."""

from __future__ import annotations

import collections.abc as c
import contextlib
import os
import time
import types
from pathlib import Path

from ...errors import Busy

fcntl: types.ModuleType | None

try:
    import fcntl
except ImportError:
    # Without it two writers at once may both be told to try again, and never both succeed.
    fcntl = None

#: Seconds to wait for another writer, who writes one file.
WAIT = 10.0


@contextlib.contextmanager
def only_writer(folder: Path) -> c.Iterator[None]:
    """Let nobody else write a revision while the block lasts, in this process or another.

    A lock of the folder itself needs no file, and the kernel frees it when its holder dies.

    :param folder: The script folder.
    :raises Busy: Somebody else has it for too long.
    """
    if fcntl is None:
        yield
        return

    handle = os.open(folder, os.O_RDONLY)

    try:
        _take(fcntl, handle, folder)
        yield
    finally:
        os.close(handle)


def _take(fcntl: types.ModuleType, handle: int, folder: Path) -> None:
    end = time.monotonic() + WAIT

    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > end:
                raise Busy(
                    f"Somebody else has been writing to {folder} for over {WAIT:g} s.",
                    "Try again when they have ended.",
                ) from None
            time.sleep(0.02)
        except OSError:
            # Some network file systems have no locks.
            return
