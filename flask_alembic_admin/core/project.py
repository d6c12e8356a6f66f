"""What is fixed for one app or one command: scripts, databases, options, the ledger."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import functools
import typing as t
from pathlib import Path

import sqlalchemy as sa

from ..errors import SetupError
from .databases.database import Database
from .databases.engines import engine_beside
from .databases.version_table import version_place
from .env_py.folder import EnvFolder
from .env_py.options import EnvOptions
from .ledger.ledger import Ledger
from .ledger.store import default_ledger_url
from .ledger.store import ledger_engine
from .ledger.store import LEDGER_FILE
from .runs.hooks import Hooks
from .scripts.scripts import Scripts
from .settings import Settings


@dataclasses.dataclass(frozen=True, eq=False)
class Project:
    """What is fixed for one app or one command. It holds nothing that is open.

    :param scripts: The revision files.
    :param databases: The databases by name, in the order in which they are worked on.
    :param context_options: Options for ``EnvironmentContext.configure()``. Where an ``env.py`` is
        run, those that it is given from outside; it decides.
    :param settings: The options of the panel and of its runs.
    :param folder: Where files of our own go, such as the instance folder.
    :param ledger_file: What the ledger's file is called in it, where it has one of its own.
    :param hooks: What is called before and after each run.
    :param find_sender: Returns the sender of signals, such as the Flask app. It is not kept here,
        so that an app can go away that nobody needs any more.
    :param runs_env: Whether an ``env.py`` in the script folder is run; it knows the live databases
        alone.
    """

    scripts: Scripts
    databases: c.Mapping[str, Database]
    context_options: c.Mapping[str, t.Any]
    settings: Settings
    folder: Path
    hooks: Hooks = dataclasses.field(default_factory=Hooks)
    find_sender: c.Callable[[], object | None] | None = None
    ledger_file: str = LEDGER_FILE
    runs_env: bool = True

    @property
    def sender(self) -> object:
        """Who sends the signals of its runs: the Flask app where there is one, else itself."""
        found = self.find_sender() if self.find_sender is not None else None
        return self if found is None else found

    @property
    def command(self) -> str:
        """How the commands are called, such as ``flask db``."""
        return self.scripts.command

    @property
    def urls(self) -> tuple[sa.URL, ...]:
        """Every URL that may hold something secret."""
        own = (database.engine.url for database in self.databases.values())
        return (*own, *self.settings.urls)

    def version_table(self, database: str) -> str:
        """Return the name of a version table, with that of its schema where it has one.

        :param database: The name of its database.
        """
        name, schema = version_place(self.options(database))
        return f"{schema}.{name}" if schema else name

    def unknown_place(self, database: str) -> tuple[str, ...]:
        """Return the options that say where a version is kept, where only running ``env.py`` tells.

        :param database: The name of its database.
        """
        return self.env_options.unknown_place(database) if self.env_options else ()

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
            return Ledger(
                ledger_engine(default_ledger_url(engine.url, self.folder, self.ledger_file))
            )

        # It connects as the app's engine does, but is not in the way of its pool or listeners.
        return Ledger(engine_beside(engine))

    @property
    def env(self) -> EnvFolder | None:
        """The script folder whose ``env.py`` is run to migrate and to compare; None if none is."""
        return self.scripts.env if self.runs_env else None

    @functools.cached_property
    def env_options(self) -> EnvOptions | None:
        """What is known of the options that an ``env.py`` gives; None where there is none."""
        env = self.scripts.env
        return EnvOptions(env, self.context_options) if env is not None else None

    def options(self, database: str) -> c.Mapping[str, t.Any]:
        """Return the options of ``configure()`` for a database, as far as they are known.

        Nothing is run for it.

        :param database: A name.
        """
        if self.env_options is None:
            return self.context_options

        return self.env_options.known(database)

    def arguments(self, database: str) -> dict[str, t.Any]:
        """Return what each ``upgrade()`` and ``downgrade()`` of a database is called with.

        :param database: A name.
        """
        if self.env_options is not None:
            learned = self.env_options.learned(database)
            return dict(learned.arguments) if learned is not None else {}

        return {"engine_name": database} if len(self.databases) > 1 else {}

    def learn_options(self, x_arguments: c.Sequence[str] = ()) -> None:
        """Find out what an ``env.py`` gives to ``configure()``, where there is one.

        It is run, with nothing to migrate, unless that was done since it was changed.

        :param x_arguments: What ``context.get_x_argument()`` gives in it.
        :raises EnvPyError: It cannot be run.
        :raises ScriptError: Its configuration, or a revision file, cannot be read.
        """
        if self.env_options is not None and self.env is not None:
            self.env_options.learn(self, self.scripts.directory(), x_arguments)

    def with_ledger(self, ledger: Ledger) -> Project:
        """Return the same project with another way to its ledger, such as one kept open.

        :param ledger: What reads and writes there.
        """
        other = self._replaced()
        other.__dict__["ledger"] = ledger
        return other

    def _replaced(self, **changes: t.Any) -> Project:
        """Return the same project with some changes and with what was learned already."""
        other = dataclasses.replace(self, **changes)
        other.__dict__["env_options"] = self.env_options
        return other

    def with_database(self, database: Database) -> Project:
        """Return the same project with another database behind a name, such as an empty one.

        What the app wants to be told of its own databases it is not told of that one.

        :param database: The other one; it has the name of the one whose place it takes.
        """
        options = {key: v for key, v in self.context_options.items() if key != "on_version_apply"}
        databases = {**self.databases, database.name: database}
        # An env.py would lead to the live one.
        return self._replaced(databases=databases, context_options=options, runs_env=False)

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
