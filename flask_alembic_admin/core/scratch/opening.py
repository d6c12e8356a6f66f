"""Opening a scratch database, and leaving nothing of it behind."""

from __future__ import annotations

import collections.abc as c
import contextlib
import dataclasses
import uuid

import sqlalchemy as sa

from ...errors import SetupError
from ..databases.database import Database
from ..databases.database import server_family
from ..locks import DatabaseLock
from ..locks import lock_for
from ..locks import Owner
from ..project import Project
from ..runs.signals import undisturbed
from ..sealed import unsealed
from ..servers import server_of
from ..surroundings import operating_system_user
from .base import KINDS
from .base import ScratchKind
from .guard import ScratchGuard


@dataclasses.dataclass
class Scratch:
    """An empty database that takes the place of another one.

    :param database: It, under the name of the other one.
    :param place: Where it is, in words.
    :param guard: Refuses what would reach beyond it.
    :param renew: Makes it empty again; nobody is connected to it.
    :param notes: What people should know, such as what an earlier one has left behind.
    """

    database: Database
    place: str
    guard: ScratchGuard
    renew: c.Callable[[], None]
    notes: list[str]


@contextlib.contextmanager
def open_scratch(project: Project, name: str) -> c.Iterator[Scratch]:
    """Lend an empty database like one of a project's; afterwards nothing of it is left.

    :param project: What is fixed.
    :param name: The name of the database that it is like.
    :raises SetupError: There can be none, or the one that was given is live or not empty.
    :raises UnreachableDatabase: Its server cannot be reached.
    :raises Locked: Somebody else is at work in the one that was given.
    """
    database = project.databases[name]
    kind = KINDS.get(database.dialect, ScratchKind)(database)
    url = project.settings.scratch_url(name, project.default_name)
    notes: list[str] = []

    with _created(project, kind, notes) if url is None else _given(project, kind, url) as scratch:
        yield scratch


@contextlib.contextmanager
def _created(project: Project, kind: ScratchKind, notes: list[str]) -> c.Iterator[Scratch]:
    database = kind.database

    if database.dialect != "sqlite":
        # Says why where there is no way, and lets its dialect know the server.
        with database.connect():
            notes += [f"An earlier check has left something behind: {sql}" for sql in _left(kind)]

    name = kind.new_name()

    def renew() -> None:
        with unsealed():
            kind.drop(name)
            kind.create(name)

    try:
        engine = kind.create(name)
        scratch = Database(database.name, engine, database.metadata)

        if database.dialect != "sqlite":
            _refuse_live(project, scratch, "The scratch database that was created")

        place = "a temporary file" if database.dialect == "sqlite" else f"database {name}"
        yield Scratch(scratch, place, _guard(kind, scratch), renew, notes)
    finally:
        # Also after a signal, and where it is not known whether it was created.
        try:
            with undisturbed():
                kind.drop(name)
        except (sa.exc.SQLAlchemyError, OSError) as error:
            notes.append(
                f"The scratch database {name} could not be dropped "
                f"({database.describe_error(error)}). Drop it by hand."
            )


@contextlib.contextmanager
def _given(project: Project, kind: ScratchKind, text: str) -> c.Iterator[Scratch]:
    database = kind.database
    key = "ALEMBIC_ADMIN['scratch']"

    try:
        engine = sa.create_engine(text, poolclass=sa.NullPool)
    except (sa.exc.ArgumentError, ImportError) as error:
        raise SetupError(
            f"{key} for database '{database.name}' is no URL of a database that can be used: "
            f"{type(error).__name__}.",
            "Give one such as 'postgresql+psycopg://shop@db/scratch'.",
        ) from None

    scratch = Database(database.name, engine, database.metadata)

    if scratch.dialect != database.dialect:
        raise SetupError(
            f"{key} leads to {scratch.dialect}, and database '{database.name}' is "
            f"{database.dialect}.",
            "Name a database on the same kind of server.",
        )

    kind.enclose(engine)
    _refuse_live(project, scratch, f"{key} for database '{database.name}'")

    # Two at once would take each other's tables for a difference, and drop them.
    with scratch.connect() as connection, _lock(scratch).hold(connection, _owner(), 0):
        yield from _emptied(kind, scratch)


def _emptied(kind: ScratchKind, scratch: Database) -> c.Iterator[Scratch]:
    engine = scratch.engine

    with engine.connect() as connection:
        kept = kind.contents(connection)

    if not kind.is_empty(kept):
        some = ", ".join(sorted(thing.name for thing in kept)[:3])
        raise SetupError(
            "ALEMBIC_ADMIN['scratch'] leads to a database that is not empty, "
            f"{scratch.masked_url}: it has {some}.",
            "Name an empty one; all that is made there is dropped afterwards.",
        )

    def empty() -> None:
        with (
            unsealed(),
            engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection,
        ):
            kind.empty(connection, kept)

    notes: list[str] = []

    try:
        yield Scratch(scratch, scratch.masked_url, _guard(kind, scratch), empty, notes)
    finally:
        try:
            with undisturbed():
                empty()
        except sa.exc.SQLAlchemyError as error:
            notes.append(
                f"The scratch database {scratch.masked_url} could not be emptied "
                f"({scratch.describe_error(error)}). Empty it by hand."
            )


def _lock(scratch: Database) -> DatabaseLock:
    name = f"{scratch.name} (scratch)"
    return lock_for(Database(name, scratch.engine, scratch.metadata))


def _owner() -> Owner:
    return Owner.here(operating_system_user(), uuid.uuid4().hex)


def _guard(kind: ScratchKind, scratch: Database) -> ScratchGuard:
    with scratch.connect() as connection:
        own = scratch.engine.url.database
        return ScratchGuard(scratch.dialect, kind.others(connection), own=own)


def _left(kind: ScratchKind) -> tuple[str, ...]:
    try:
        return kind.leftovers()
    except sa.exc.DBAPIError:
        # Who may not look may still create one.
        return ()


def _refuse_live(project: Project, scratch: Database, what: str) -> None:
    """Refuse to use a database that is one of a project's own.

    :raises UnreachableDatabase: One of the two cannot be asked where it is.
    """
    with scratch.connect() as there:
        for database in project.databases.values():
            if server_family(database.dialect) != server_family(scratch.dialect):
                continue

            with database.connect() as here:
                is_live = server_of(here).same_place(here, there)

            if is_live:
                raise SetupError(
                    f"{what} is the live database '{database.name}'.",
                    "Name another one in ALEMBIC_ADMIN['scratch'], an empty one: all in it is "
                    "dropped.",
                )
