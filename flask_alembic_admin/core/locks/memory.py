"""The lock of a database in memory: only this process can reach that, through its engine."""

from __future__ import annotations

import datetime
import os
import threading
import weakref

import sqlalchemy as sa

from .base import Grip
from .base import Place
from .holders import Holder
from .holders import Owner

_guard = threading.Lock()
_holders: weakref.WeakKeyDictionary[sa.Engine, dict[Place, Holder]] = weakref.WeakKeyDictionary()


def take(engine: sa.Engine, place: Place, owner: Owner) -> Grip | None:
    """Take the lock without waiting, or return None where another connection has it.

    :param engine: The engine, whose database is in memory.
    :param place: The version table.
    :param owner: Who takes it.
    """
    with _guard:
        if holder(engine, place):
            return None

        mine = Holder(
            actor=owner.actor,
            host=owner.host,
            pid=os.getpid(),
            run=owner.run,
            since=datetime.datetime.now(datetime.UTC),
        )
        _holders.setdefault(engine, {})[place] = mine
        return _MemoryGrip(engine, place, mine)


def holder(engine: sa.Engine, place: Place) -> Holder | None:
    """Return which connection of this process has the lock, or None.

    :param engine: The engine, whose database is in memory.
    :param place: The version table.
    """
    found = _holders.get(engine, {}).get(place)
    # A forked child has a copy of the database, and of its parent's note.
    return found if found and found.pid == os.getpid() else None


class _MemoryGrip(Grip):
    def __init__(self, engine: sa.Engine, place: Place, mine: Holder) -> None:
        self._engine = engine
        self._place = place
        self._mine = mine

    def is_held(self, connection: sa.Connection) -> bool:
        return _holders.get(self._engine, {}).get(self._place) is self._mine

    def let_go(self, connection: sa.Connection) -> str | None:
        with _guard:
            if not self.is_held(connection):
                return "its note in this process is gone"

            del _holders[self._engine][self._place]

        return None
