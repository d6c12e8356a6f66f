"""The one process-wide lock around Alembic's module-wide ``op`` and ``context``.

They are globals of the ``alembic`` package: with two users at once, one's statements go to
the other's database, and both report success. Reading never installs them and needs no guard.
"""

from __future__ import annotations

import collections.abc as c
import contextlib
import threading

from ..errors import Busy

_lock = threading.RLock()

#: Seconds that a run waits for another run in this process.
WAIT = 60.0


@contextlib.contextmanager
def op_guard(wait: float | None = None) -> c.Iterator[None]:
    """Hold the right to install ``alembic.op`` and ``alembic.context`` in this process.

    :param wait: Seconds to wait for another holder; ``WAIT`` if None.
    :raises Busy: Another thread holds it for longer than that.
    """
    wait = WAIT if wait is None else wait

    if not _lock.acquire(timeout=wait):
        raise Busy(
            f"Another migration or preview in this process has been at work for over {wait:g} s.",
            "Try again when it has ended; runs started from the panel have a process of their own.",
        )

    try:
        yield
    finally:
        _lock.release()
