"""Running steps through an ``env.py``, on the connection and in the transactions that it has."""

from __future__ import annotations

import collections.abc as c
import contextlib
import dataclasses
import typing as t

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext

from ...errors import EnvPyError
from .. import internals
from ..databases.database import Database
from ..redact import mask_url
from .borrowed import borrowed
from .folder import EnvFolder
from .run import Environment
from .run import refuse_missing

if t.TYPE_CHECKING:
    from ..alembic_objects import AlembicObjects
    from ..internals import StepFunction

#: Pools whose only connection is the database.
ONE_CONNECTION = (sa.pool.StaticPool, sa.pool.SingletonThreadPool)


@dataclasses.dataclass(eq=False)
class Reached:
    """The connection that an ``env.py`` migrates a database on, from its ``configure()`` on.

    :param name: The database's name.
    :param connection: What it gave to ``configure()``.
    :param options: The other options.
    """

    name: str
    connection: sa.Connection
    options: c.Mapping[str, t.Any]
    #: Where PostgreSQL looks for tables, once that was asked for the last time.
    _search_path: str | None = None
    _is_over: bool = False

    def __post_init__(self) -> None:
        #: The same for statements of our own, which leave open what is open.
        self.borrowed = borrowed(self.connection)

    @property
    def is_async(self) -> bool:
        """Whether the connection works in its event loop only, which ends with ``env.py``."""
        return self.connection.dialect.is_async

    def search_path(self) -> str | None:
        """Return where PostgreSQL looks for tables; None for other servers."""
        if self.connection.dialect.name == "postgresql" and not self._is_over:
            self._search_path = self.borrowed.scalar(sa.text("SHOW search_path"))
            self.borrowed.rollback()

        return self._search_path

    def roll_back(self) -> None:
        """Undo what is open, once ``env.py`` has closed the connection or has ended."""
        if not self._is_over:
            self.connection.rollback()

    def keep_open(self, ending: c.Callable[[], object]) -> None:
        """Keep the connection when ``env.py`` closes it, so that the lock on it lives on.

        :param ending: Called instead where it cannot be kept, just before it is closed.
        """

        def closed() -> None:
            # As closing does.
            if self.connection.in_transaction():
                self.connection.rollback()

            if self.is_async:
                ending()
                self.close()

        vars(self.connection)["close"] = closed

    def close(self) -> None:
        """Close the connection for good; no pool lends it again with what was set on it."""
        if self._is_over:
            return

        self._is_over = True
        vars(self.connection).pop("close", None)

        if not isinstance(self.connection.engine.pool, ONE_CONNECTION):
            self.connection.invalidate()

        self.connection.close()


@contextlib.contextmanager
def beside(
    reached: Reached, database: Database, fingerprint: str, env: EnvFolder
) -> c.Iterator[sa.Connection]:
    """Lend a connection that sees what is committed, and begins nothing where steps are run.

    :param reached: The connection that steps are run on.
    :param database: The one that is read and recorded.
    :param fingerprint: Of the place where that connection leads.
    :param env: Whose ``env.py`` has opened it.
    :raises EnvPyError: It leads to another database than the app does.
    """
    connection = reached.connection

    if not isinstance(connection.engine.pool, ONE_CONNECTION):
        with database.connect() as other:
            if fingerprint != database.fingerprint(other):
                raise EnvPyError(
                    f"{env.env_py} connects database '{database.name}' to "
                    f"{mask_url(connection.engine.url)}, and this app has it at "
                    f"{database.masked_url}.",
                    "Let both lead to one place, so that what is shown is what is migrated.",
                )

            yield other
        return

    within = connection.in_transaction()

    try:
        yield connection
    finally:
        if not within:
            connection.rollback()


class EnvMigration(Environment):
    """Has some databases migrated or looked at by an ``env.py``, and the others left alone.

    :param objects: Alembic's objects for this use.
    :param steps: Gets the heads of a database and its context and gives steps.
    :param arguments: Added to what ``env.py`` passes on to each revision.
    """

    def __init__(
        self, objects: AlembicObjects, steps: StepFunction, arguments: c.Mapping[str, t.Any]
    ) -> None:
        super().__init__(objects.config, objects.script_directory, objects.project, objects.tag)
        self._objects = objects
        self._steps = steps
        self._arguments = arguments

    def carry_out(self) -> None:
        """Run ``env.py``, and make sure that it came to each database that was meant.

        :raises EnvPyError: It cannot be run, or left one out.
        """
        self.run()
        refuse_missing(self, self._objects.selected)

    @property
    def is_meant(self) -> bool:
        """Whether the last ``configure()`` was about a database that the verb works on."""
        return self.name in self._objects.selected

    def before_configure(self, connection: sa.Connection | None, options: dict[str, t.Any]) -> None:
        if not self.is_meant or self.name is None:
            return

        if connection is None:
            raise EnvPyError(
                f"{self._env_py} gives configure() no connection for database '{self.name}'.",
                "Connect there and pass 'connection'; a URL alone only renders SQL.",
            )

        name = self.name
        given = options.pop("on_version_apply", None) or ()
        options["on_version_apply"] = (
            *(given if isinstance(given, c.Iterable) else (given,)),
            lambda *, heads, **_: self._objects.expected_heads.update({name: frozenset(heads)}),
        )

        if self._objects.guard is not None:
            if [found for found, _ in self.configured].count(name) > 1:
                raise EnvPyError(
                    f"{self._env_py} configures database '{name}' more than once, such as for "
                    "several tenants, and a guarded run is about one version table.",
                    "Let it take the one that is meant from an x argument or the environment.",
                )

            self._objects.guard(Reached(name, connection, options))

    def after_configure(self, options: c.Mapping[str, t.Any]) -> None:
        context = self.get_context()
        steps: StepFunction = self._steps if self.is_meant else _no_steps

        if self.is_meant and self.name is not None:
            self._objects.names[context] = self.name

        internals.give_steps(context, steps, purge=self.is_meant and self._objects.is_purging)

    def run_migrations(self, **arguments: t.Any) -> None:
        with self._noted():
            if not self.is_meant or self.name is None:
                super().run_migrations(**arguments)
                return

            with self._objects.at_work(self.name):
                super().run_migrations(**{**arguments, **self._arguments})

    def failed(self, error: BaseException) -> None:
        self._objects.error = error

    @property
    def _env_py(self) -> str:
        env = self.project.env
        return str(env.env_py) if env is not None else "env.py"


def _no_steps(heads: tuple[str, ...], context: MigrationContext) -> list[t.Any]:
    return []
