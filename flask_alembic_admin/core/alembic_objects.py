"""Alembic's own objects for one use: made when asked for, closed together."""

from __future__ import annotations

import collections.abc as c
import contextlib
import functools
import typing as t

import sqlalchemy as sa
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from ..errors import Busy

# Imported for its effect: it hides our tables from autogenerate, also where nothing is installed.
from .env_py.migration import ONE_CONNECTION
from .env_py.migration import Reached

# Not used here: it hides the ledger's tables, also where the package is not installed.
from .ledger import autogenerate as autogenerate
from .project import Project


class AlembicObjects:
    """Alembic's objects for one use of a project; never shared by threads.

    :param project: What is fixed.
    :param x_arguments: ``key=value`` texts for ``context.get_x_argument()`` in migrations.
    :param tag: What ``context.get_tag_argument()`` returns in migrations.
    """

    def __init__(
        self, project: Project, x_arguments: c.Sequence[str] = (), tag: str | None = None
    ) -> None:
        self.project = project
        self.tag = tag
        self.x_arguments = tuple(x_arguments)
        #: Whether the version table is to be emptied first.
        self.is_purging = False
        #: What the version table of each database should hold after the last step run on it.
        self.expected_heads: dict[str, frozenset[str]] = {}
        self._selected: tuple[str, ...] | None = None
        #: Told where an ``env.py`` migrates, before it is configured; it may refuse.
        self.guard: c.Callable[[Reached], None] | None = None
        #: Where an ``env.py`` migrates or has migrated, by database.
        self.reached: dict[str, Reached] = {}
        #: What has gone wrong in a step that an ``env.py`` runs, while it is at it.
        self.error: BaseException | None = None
        #: The databases by the contexts that an ``env.py`` has configured for them.
        self.names: dict[MigrationContext, str] = {}
        self._at_work: set[str] = set()
        self._worked_on: set[str] = set()
        self._environments: dict[str, EnvironmentContext] = {}
        self._contexts: dict[str, MigrationContext] = {}

    @property
    def selected(self) -> tuple[str, ...]:
        """Names of the databases that a verb is at work on.

        Asked for late: whoever reads files alone need not have a database.
        """
        return tuple(self.project.databases) if self._selected is None else self._selected

    @functools.cached_property
    def config(self) -> Config:
        """Alembic's configuration for this use.

        :raises ScriptError: What belongs to an ``env.py`` cannot be read.
        """
        return self.project.scripts.config(self.x_arguments)

    @property
    def script_directory(self) -> ScriptDirectory:
        """The revision files as they are now."""
        return self.project.scripts.directory()

    def environment(self, name: str) -> EnvironmentContext:
        """Return the environment of one database; it has a context only when one was opened."""
        if name not in self._environments:
            self._environments[name] = EnvironmentContext(
                self.config, self.script_directory, tag=self.tag
            )

        return self._environments[name]

    def context(self, name: str) -> MigrationContext:
        """Return the migration context of one database, opening a connection when there is none.

        :param name: The database's name.
        :raises UnreachableDatabase: No connection could be opened.
        """
        if name not in self._contexts:
            self._contexts[name] = self._configure(name)

        return self._contexts[name]

    def contexts(self) -> dict[str, MigrationContext]:
        """Return the contexts of the selected databases, opening those that are not open."""
        return {name: self.context(name) for name in self.selected}

    def operations(self) -> dict[str, Operations]:
        """Return an ``Operations`` for each selected database, bound to that database."""
        return {name: Operations(context) for name, context in self.contexts().items()}

    @contextlib.contextmanager
    def only(self, names: tuple[str, ...] | None) -> c.Iterator[AlembicObjects]:
        """Work on some databases, and close afterwards what was opened meanwhile.

        :param names: The databases; those that were worked on before if None.
        """
        before, opened_before = self._selected, set(self._contexts)
        self._selected = self._selected if names is None else names

        try:
            yield self
        finally:
            self._selected = before
            self._close(set(self._contexts) - opened_before)

    @contextlib.contextmanager
    def purging(self, purge: bool) -> c.Iterator[None]:
        """Empty the version table, or not, when migrations are run inside the block."""
        before, self.is_purging = self.is_purging, purge

        try:
            yield
        finally:
            self.is_purging = before

    def name_of(self, context: MigrationContext) -> str:
        """Return the name of the database that a context belongs to."""
        if context in self.names:
            return self.names[context]

        return next(name for name, opened in self._contexts.items() if opened is context)

    def refuse_at_work(self, name: str) -> None:
        """Refuse to migrate a database from inside one of its own migrations.

        :param name: The database's name.
        :raises Busy: It is being migrated.
        """
        if name in self._at_work:
            raise Busy(
                f"Database '{name}' is being migrated by the very migration that asks for this.",
                "Let a migration change its own database through 'op' alone.",
            )

    @contextlib.contextmanager
    def at_work(self, name: str) -> c.Iterator[None]:
        """Note that a database is being migrated.

        :param name: The database's name.
        :raises Busy: It is already.
        """
        self.refuse_at_work(name)
        self._at_work.add(name)
        self._worked_on.add(name)

        try:
            yield
        finally:
            self._at_work.discard(name)

    def options(self, name: str) -> c.Mapping[str, t.Any]:
        """Return the options that a database was configured with, as far as they are known."""
        reached = self.reached.get(name)
        return reached.options if reached is not None else self.project.options(name)

    def search_path(self, name: str) -> str | None:
        """Return where PostgreSQL looks for tables on the connection of a database.

        A migration, or who overrides ``run_migrations``, may have set it.
        """
        if name in self.reached:
            with contextlib.suppress(sa.exc.SQLAlchemyError):
                return self.reached[name].search_path()
            return None

        context = self._contexts.get(name)

        if context is None or context.connection is None or context.dialect.name != "postgresql":
            return None

        # A connection that died says nothing.
        with contextlib.suppress(sa.exc.SQLAlchemyError):
            return t.cast("str", context.connection.scalar(sa.text("SHOW search_path")))

        return None

    def roll_back(self, name: str) -> None:
        """Undo what is open on the connection of a database, if there is one."""
        if name in self.reached:
            with contextlib.suppress(sa.exc.SQLAlchemyError):
                self.reached[name].roll_back()
            return

        context = self._contexts.get(name)

        if context is not None and context.connection is not None:
            # A connection that died has nothing left to undo.
            with contextlib.suppress(sa.exc.SQLAlchemyError):
                context.connection.rollback()

    def close(self) -> None:
        """Close every connection that was opened."""
        self._close(set(self._contexts))

        for reached in self.reached.values():
            reached.close()

    def adopt(self, name: str, connection: sa.Connection) -> MigrationContext:
        """Use an open connection for a database; in a transaction of its own Alembic takes part.

        :param name: The database's name.
        :param connection: Closed with the others, or at once where it cannot be used.
        """
        context = self._contexts[name] = self._configured(name, connection)
        return context

    def _configure(self, name: str) -> MigrationContext:
        # Where the files do not load nothing is opened, which would make a SQLite file.
        self.environment(name)
        return self._configured(name, self.project.databases[name].open())

    def _configured(self, name: str, connection: sa.Connection) -> MigrationContext:
        database = self.project.databases[name]
        options: dict[str, t.Any] = {"transaction_per_migration": True}

        if len(self.project.databases) > 1:
            # The names that the multidb template uses.
            options.update(upgrade_token=f"{name}_upgrades", downgrade_token=f"{name}_downgrades")

        options.update(self.project.options(name))
        callbacks = options.pop("on_version_apply", ()) or ()
        options["on_version_apply"] = (
            *(callbacks if isinstance(callbacks, c.Iterable) else (callbacks,)),
            lambda *, heads, **_: self.expected_heads.update({name: frozenset(heads)}),
        )
        metadata = database.metadata
        # An env.py compares with models of its own choice.
        options.setdefault("target_metadata", metadata[0] if len(metadata) == 1 else list(metadata))
        environment = self.environment(name)

        try:
            environment.configure(connection=connection, **options)
        except BaseException:
            connection.close()
            raise

        return environment.get_context()

    def _close(self, names: set[str]) -> None:
        for name in names:
            del self._environments[name]
            connection = self._contexts.pop(name).connection

            if connection is None or connection.closed:
                continue

            # The app shall not get a connection from its pool on which a migration has set things,
            # such as a search path. Some pools have one connection only, which is the database.
            if name in self._worked_on and not isinstance(connection.engine.pool, ONE_CONNECTION):
                connection.invalidate()

            connection.close()

        self._worked_on.difference_update(names)
