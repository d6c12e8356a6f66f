"""Telling a ledger something while its server may be away, such as one that is restarted."""

from __future__ import annotations

import collections.abc as c
import time
import typing as t

import sqlalchemy as sa

#: Seconds for which a verdict waits for the server of its ledger, and between two tries.
PATIENCE, PAUSE = 30.0, 0.5

_Answer = t.TypeVar("_Answer")


def insist(tell: c.Callable[[], _Answer], ledger: sa.Engine, end: float) -> _Answer:
    """Tell a ledger something, again and again while its server is away, and return its answer.

    :param tell: Tells it.
    :param ledger: Where the ledger is. A file has been waited for already.
    :param end: When to give up, by the monotonic clock; it is told once in any case.
    :raises sqlalchemy.exc.SQLAlchemyError: What is in the way in the end.
    """
    while True:
        try:
            return tell()
        except (sa.exc.OperationalError, sa.exc.InterfaceError):
            if ledger.dialect.name == "sqlite" or time.monotonic() > end:
                raise

        time.sleep(PAUSE)
