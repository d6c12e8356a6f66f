"""What is fixed for one app or one command: scripts, databases, options, the ledger."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import functools
import typing as t
from pathlib import Path

import sqlalchemy as sa

from ..errors import SetupError
from .database import Database
from .ledger import Ledger
from .ledger_store import default_ledger_url
from .ledger_store import engine_beside
from .ledger_store import ledger_engine
from .scripts import Scripts
from .settings import Settings


@dataclasses.dataclass(frozen=True, eq=False)
class Project:
    """What is fixed for one app or one command. It holds nothing that is open.

    :param scripts: The revision files.
    :param databases: The databases by name, in the order in which they are worked on.
    :param context_options: Options for ``EnvironmentContext.configure()``.
    :param settings: The options of the panel and of its runs.
    :param folder: Where files of our own go, such as the instance folder.
    """

    scripts: Scripts
    databases: c.Mapping[str, Database]
    context_options: c.Mapping[str, t.Any]
    settings: Settings
    folder: Path

    @property
    def default_name(self) -> str:
        """The name of the database that is meant where none is named."""
        return "default" if "default" in self.databases else next(iter(self.databases))

    @functools.cached_property
    def ledger(self) -> Ledger:
        """The record of runs. It is written to only by runs and by refused attempts."""
        engine = self.databases[self.default_name].engine
        configured = self.settings.ledger

        if configured:
            return Ledger(ledger_engine(sa.make_url(configured)))

        if engine.dialect.name == "sqlite":
            return Ledger(ledger_engine(default_ledger_url(engine.url, self.folder)))

        # It connects as the app's engine does, but is not in the way of its pool or listeners.
        return Ledger(engine_beside(engine))

    def names(self, database: str | None) -> tuple[str, ...]:
        """Return the names of one database, or of all for None.

        :param database: A name.
        :raises SetupError: There is no database of that name.
        """
        if database is None:
            return tuple(self.databases)

        if database not in self.databases:
            raise SetupError(
                f"There is no database named '{database}'.",
                f"Write one of: {', '.join(self.databases)}.",
            )

        return (database,)
