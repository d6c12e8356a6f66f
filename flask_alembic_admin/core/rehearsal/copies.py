"""The copies of databases that plans are rehearsed on."""

from __future__ import annotations

import collections.abc as c
import contextlib
import functools
import os
import shutil
import sqlite3
import tempfile
import time
import typing as t
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa

from ...errors import NotRehearsable
from ..databases.database import Database
from ..databases.elsewhere import engine_elsewhere
from ..databases.engines import sqlite_file
from ..databases.one_file import keep_to_one_file
from ..own_folder import own_folder
from ..redact import mask_url
from ..scratch.base import KINDS
from ..scratch.base import ScratchKind
from ..scratch.guard import ScratchGuard
from ..sealed import Refuse
from ..servers import server_of

#: Pages that are copied in one go: nobody can write to the file meanwhile.
PAGES = 8_192
#: Seconds after which a file counts as one that is written to all the time.
LIMIT = 600.0


@contextlib.contextmanager
def own_copy(live: Database) -> c.Iterator[Database]:
    """Lend a copy of a SQLite database as it is now; it is deleted afterwards.

    :param live: The database, which is only read.
    :raises NotRehearsable: It cannot be copied.
    """
    with own_folder() as folder:
        file = folder / "copy.sqlite"
        _refuse_without_room(live, folder)

        with _read_only(live) as source, contextlib.closing(sqlite3.connect(file)) as target:
            _copy(live, source, target)

        # With all that the app has its own connections made with, such as how they begin.
        engine = engine_elsewhere(
            live.engine,
            sa.URL.create("sqlite", database=str(file)),
            "Give the engine a URL instead of a creator, so that a copy can be used as it is.",
        )

        keep_to_one_file(engine, functools.partial(_refuse_attached, live))

        with _database(live, engine, ("begin",)) as copy:
            yield copy


@contextlib.contextmanager
def kept_copy(live: Database, url: sa.URL) -> c.Iterator[Database]:
    """Lend the copy that somebody keeps of a database.

    :param live: The database, which is asked for its place.
    :param url: Where the copy is.
    :raises NotRehearsable: It is the live database itself.
    :raises UnreachableDatabase: One of the two does not answer.
    """
    engine = sa.create_engine(url, poolclass=sa.NullPool)

    with _database(live, engine, ("begin", "connect")) as copy:
        with live.connect() as here, copy.connect() as there:
            same = server_of(here).same_place(here, there)

        if same:
            raise NotRehearsable(
                f"ALEMBIC_ADMIN['rehearsal'] leads to the live database '{live.name}' itself "
                f"({mask_url(url)}).",
                "Give the URL of a restored copy. Where that was made by copying the server's "
                "files, rename its database.",
            )

        yield copy


def guard_of(live: Database, copy: Database, refuse: Refuse) -> ScratchGuard | None:
    """Return what refuses statements that would reach live data from a copy; None if none can.

    :param live: The database, which is asked for its place.
    :param copy: The copy.
    :param refuse: Called with what a statement reaches for; it raises.
    """
    if copy.dialect == "sqlite":
        return ScratchGuard(copy.dialect, refuse=refuse)

    with live.connect() as here, copy.connect() as there:
        if not server_of(here).same_server(here, there):
            return None

        kind = KINDS.get(copy.dialect, ScratchKind)(copy)
        return ScratchGuard(copy.dialect, kind.others(there), refuse, copy.engine.url.database)


def _refuse_attached(live: Database, file: str) -> t.NoReturn:
    raise NotRehearsable(
        f"The engine of '{live.name}' attaches {file} to each of its connections, and that is no "
        "copy.",
        "Copy all of its files by hand, and run the plan in an app that leads to those.",
    )


@contextlib.contextmanager
def _database(live: Database, engine: sa.Engine, events: c.Iterable[str]) -> c.Iterator[Database]:
    """Lend a database with an engine of our own, whose sessions are set up as the app's are."""
    engine.update_execution_options(**live.engine.get_execution_options())
    told = {"begin": live.engine.dispatch, "connect": live.engine.pool.dispatch}

    # Such as one that switches foreign keys on, or makes SQLite's transactions real ones.
    for name in events:
        for listener in getattr(told[name], name).listeners:
            sa.event.listen(engine, name, listener)

    try:
        yield Database(live.name, engine, live.metadata)
    finally:
        engine.dispose()


def _refuse_without_room(live: Database, folder: Path) -> None:
    file = sqlite_file(live.engine)
    size = file.stat().st_size if file and file.exists() else 0

    # A migration may copy its largest table once more.
    if shutil.disk_usage(folder).free < 2 * size:
        raise NotRehearsable(
            f"A copy of '{live.name}' needs more room than there is in {tempfile.gettempdir()}.",
            "Make room, or name another folder in the environment variable TMPDIR.",
        )


@contextlib.contextmanager
def _read_only(live: Database) -> c.Iterator[sqlite3.Connection]:
    """Lend a connection to a database that cannot write to it, where it is a plain file."""
    file = sqlite_file(live.engine)

    if file is not None and file.exists():
        address = f"file:{quote(os.fspath(file.resolve()))}?mode=ro"

        with contextlib.closing(sqlite3.connect(address, uri=True)) as connection:
            yield connection
        return

    with live.connect() as opened:
        driver = opened.connection.driver_connection

        if not isinstance(driver, sqlite3.Connection):
            raise NotRehearsable(
                f"'{live.name}' is reached by a driver that cannot copy it.",
                "Use Python's own driver, with a URL that begins with sqlite://.",
            )

        yield driver


def _copy(live: Database, source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    end = time.monotonic() + LIMIT

    def look_at_clock(*_: t.Any) -> None:
        if time.monotonic() > end:
            raise NotRehearsable(
                f"'{live.name}' is written to all the time, so it could not be copied in "
                f"{LIMIT:g} s.",
                "Ask for it again when less is written.",
            )

    try:
        source.backup(target, pages=PAGES, progress=look_at_clock, sleep=0.02)
    except sqlite3.Error as error:
        raise NotRehearsable(
            f"'{live.name}' could not be copied: {live.describe_error(error)}.",
            "Look whether the file can be read.",
        ) from error
