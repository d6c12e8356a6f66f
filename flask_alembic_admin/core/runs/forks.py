"""Children that a migration forks: they have no part in the run."""

from __future__ import annotations

import collections.abc as c
import contextlib
import os
import sys
import traceback

import sqlalchemy as sa

_EVENTS = ("before_cursor_execute", "begin", "commit", "rollback", "savepoint")


@contextlib.contextmanager
def forks_kept_off(connection: sa.Connection) -> c.Iterator[None]:
    """End a forked child at the first thing that it does with its parent's connection.

    It would carry out the rest of the run once more, or roll back what its parent has open. One
    that raises or exits comes here too, since its step is in a transaction.

    :param connection: The one that migrates.
    """
    parent = os.getpid()

    def end_child(*_: object) -> None:
        if os.getpid() != parent:
            end_process(sys.exc_info()[1])

    for event in _EVENTS:
        sa.event.listen(connection, event, end_child)

    try:
        yield
    finally:
        for event in _EVENTS:
            sa.event.remove(connection, event, end_child)


def end_process(error: BaseException | None) -> None:
    """End a forked child, without anything that its parent has to do at its own end.

    :param error: What it ends with; its status is 1 unless it exits with another one.
    """
    code = error.code if isinstance(error, SystemExit) else 1

    if error is not None and not isinstance(error, SystemExit):
        traceback.print_exception(error)

    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()

    # Nothing that its parent has to do at its end is done here.
    os._exit(code if isinstance(code, int) else int(code is not None))
