"""SQLite: a lock file beside the database, or a note in the process for one in memory."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import os
import stat
import typing as t
import urllib.parse
import uuid
from pathlib import Path

import sqlalchemy as sa
from filelock import FileLock
from filelock import Timeout

from ...errors import SetupError
from . import memory
from .base import DatabaseLock
from .base import end_transaction
from .base import Grip
from .holders import Holder
from .holders import Owner


class SqliteLock(DatabaseLock):
    """A lock on a file beside the database, which the kernel frees when its holder dies.

    Beside it lies a card that says who holds it, itself locked as long as its writer lives. To
    look is to try the card's lock, shared, and never the real one: nobody who wants the lock can
    be refused because somebody looks, and what a dead holder left is never believed.
    Forked children have no part in it. Only for local disks.
    """

    dialects = ("sqlite",)

    def holder(self) -> Holder | None:
        held = memory.holder(self.database.engine, self._place)

        # Connecting would make the file.
        if held or not self._may_exist():
            return held

        return super().holder()

    def _take(self, connection: sa.Connection, owner: Owner) -> Grip | None:
        file = _file_of(connection)

        if file is None:
            return memory.take(self.database.engine, self._place, owner)

        path = self._lock_file(file)

        try:
            return _take_file(path, owner, stat.S_IMODE(file.stat().st_mode) & 0o666)
        except OSError as error:
            raise SetupError(
                f"The lock file '{path}' cannot be used: {error.strerror or error}.",
                "Let the user of this process write there, as it writes the database itself.",
            ) from error

    def _look(self, connection: sa.Connection) -> Holder | None:
        file = _file_of(connection)

        if file is None:
            return memory.holder(self.database.engine, self._place)

        return _read_card(_card_of(self._lock_file(file)))

    def _lock_file(self, file: Path) -> Path:
        """Return the lock file: `x.alembic-admin.lock`, and one more for each other table."""
        table = ".".join(part for part in self._place if part)
        name = "" if table == "alembic_version" else "." + urllib.parse.quote(table, safe="")
        return file.with_name(f"{file.name}.alembic-admin{name}.lock")

    def _may_exist(self) -> bool:
        name = self.database.engine.url.database or ""

        # In memory, a URI, or what a `creator` opens instead: SQLite itself knows.
        if not name or name.startswith((":", "file:")):
            return True

        return Path(name).exists()


@dataclasses.dataclass
class _FileGrip(Grip):
    path: Path
    lock: FileLock
    card: FileLock

    def __post_init__(self) -> None:
        self._inode = self.path.stat().st_ino

    def is_held(self, connection: sa.Connection) -> bool:
        # Whoever finds the file gone makes another, and locks that.
        try:
            return self.lock.is_locked and self.path.stat().st_ino == self._inode
        except FileNotFoundError:
            return False

    def let_go(self, connection: sa.Connection) -> str | None:
        held = self.is_held(connection)

        # The card of whoever came after is left alone.
        if held:
            _card_of(self.path).unlink(missing_ok=True)

        self.card.release()
        self.lock.release()
        return None if held else f"'{self.path}' was removed or replaced"


def _take_file(path: Path, owner: Owner, mode: int) -> Grip | None:
    # Whoever may write the database may take its lock; any thread may free it.
    lock = FileLock(str(path), mode=mode, thread_local=False)

    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None

    try:
        return _FileGrip(path, lock, _write_card(_card_of(path), owner, mode))
    except BaseException:
        lock.release()
        raise


def _card_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _write_card(card: Path, owner: Owner, mode: int) -> FileLock:
    """Write who holds the lock, and return the lock on that: it is seen locked or not at all."""
    draft = card.with_name(f"{card.name}.{uuid.uuid4().hex}")
    lock = FileLock(str(draft), mode=mode, thread_local=False)
    lock.acquire(timeout=0)
    facts = {**dataclasses.asdict(owner), "since": datetime.datetime.now(datetime.UTC).isoformat()}

    try:
        draft.write_text(json.dumps(facts), encoding="utf-8")
        draft.replace(card)
    except BaseException:
        lock.release()
        draft.unlink(missing_ok=True)
        raise

    return lock


def _read_card(card: Path) -> Holder | None:
    """Return what a card says, or None where there is none or its writer is dead."""
    # Here, since Windows has none and needs the other locks.
    import fcntl

    with contextlib.suppress(FileNotFoundError), card.open(encoding="utf-8") as file:
        try:
            # Shared, so that two who look at once do not take each other for the holder.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            facts: dict[str, t.Any] = json.load(file)
            facts["since"] = datetime.datetime.fromisoformat(facts["since"])
            return Holder(**facts)

    return None


def _file_of(connection: sa.Connection) -> Path | None:
    """Return the real path of the file that a connection is at, or None for one in memory."""
    rows = connection.exec_driver_sql("PRAGMA database_list").all()
    end_transaction(connection)
    name = next(row[2] for row in rows if row[1] == "main")
    # SQLite before 3.39 leaves links to folders in it.
    return Path(os.path.realpath(name)) if name else None
