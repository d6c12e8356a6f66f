"""SQLite: a file in a temporary folder."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import typing as t
from pathlib import Path

import sqlalchemy as sa
from filelock import FileLock

from ...errors import SetupError
from ..databases.elsewhere import engine_elsewhere
from ..databases.one_file import keep_to_one_file
from ..own_folder import claim_of
from ..own_folder import delete_left
from ..own_folder import PREFIX
from .base import ScratchKind
from .base import Thing

_THINGS = "SELECT upper(type), name FROM sqlite_master WHERE name NOT LIKE 'sqlite!_%' ESCAPE '!'"


class SqliteScratch(ScratchKind):
    """A file that is deleted with its folder."""

    dialects = ("sqlite",)

    #: Held as long as the folder is there.
    _claim: FileLock | None = None

    def new_name(self) -> str:
        return str(Path(tempfile.gettempdir(), f"{PREFIX}scratch-{secrets.token_hex(6)}"))

    def create(self, name: str) -> sa.Engine:
        delete_left()
        Path(name).mkdir(mode=0o700)
        self._claim = claim_of(Path(name))
        self._claim.acquire()
        file = Path(name, "scratch.sqlite")
        # What the query of the URL says is of the app's own file, such as that it is in memory.
        url = self.database.engine.url.set(database=str(file), query={})
        engine = engine_elsewhere(self.database.engine, url)
        self.enclose(engine)

        with engine.connect() as connection:
            (_, _, opened), *_ = connection.exec_driver_sql("PRAGMA database_list").fetchall()

        if not opened or Path(opened).resolve() != file.resolve():
            raise SetupError(
                f"The engine of database '{self.database.name}' opens its own file, whatever it is "
                "told.",
                self.cure("Name an empty file"),
            )

        return engine

    def enclose(self, engine: sa.Engine) -> None:
        def refuse(file: str) -> t.NoReturn:
            raise SetupError(
                f"The engine of database '{self.database.name}' attaches {file} to each of its "
                "connections, which would be changed.",
                self.cure("Name an empty file"),
            )

        keep_to_one_file(engine, refuse)

    def drop(self, name: str) -> None:
        if Path(name).exists():
            shutil.rmtree(name)

        if self._claim is not None:
            self._claim.release()

    def contents(self, connection: sa.Connection) -> frozenset[Thing]:
        quote = connection.dialect.identifier_preparer.quote_identifier
        rows = connection.exec_driver_sql(_THINGS)
        return frozenset(Thing(kind, quote(name)) for kind, name in rows)

    def empty(self, connection: sa.Connection, kept: frozenset[Thing]) -> None:
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")

        # Indexes and triggers go with their tables.
        for thing in self.contents(connection) - kept:
            if thing.kind in {"VIEW", "TABLE"}:
                connection.exec_driver_sql(f"DROP {thing.kind} IF EXISTS {thing.name}")
