"""Running an ``env.py``, with our side coming in where it calls ``configure()``."""

from __future__ import annotations

import collections.abc as c
import contextlib
import logging
import logging.config
import os
import sys
import threading
import traceback
import typing as t
from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory

from ...errors import EnvPyError
from ...errors import MigrationError
from .. import internals
from ..op_guard import op_guard
from ..redact import mask_url
from ..redact import redact

if t.TYPE_CHECKING:
    from ..project import Project

_IMPORTED_FOR_LOGGING = ("fileConfig", "dictConfig")


class Environment(EnvironmentContext):
    """What an ``env.py`` knows as ``alembic.context``.

    :param config: What ``context.config`` is.
    :param directory: The revision files.
    :param project: Knows the databases.
    :param tag: What ``context.get_tag_argument()`` returns.
    """

    def __init__(
        self,
        config: Config,
        directory: ScriptDirectory,
        project: Project,
        tag: str | None = None,
    ) -> None:
        super().__init__(config, directory, tag=tag)
        self.project = project
        #: The database of the last ``configure()``; None for one that nobody here knows.
        self.name: str | None = None
        #: Every database that was configured, in order, with where it is.
        self.configured: list[tuple[str | None, str]] = []
        #: What went wrong in our own part, or in a step, whatever becomes of it in ``env.py``.
        self.error: BaseException | None = None

    def run(self) -> None:
        """Run ``env.py``.

        :raises EnvPyError: It raised or exited before anything of ours did.
        :raises Busy: Another migration or preview in this process takes too long.
        """
        env = self.project.env
        assert env is not None

        with op_guard(), internals.environment_bound(self), _contained():
            try:
                self.script.run_env()
            except (Exception, SystemExit) as error:
                if self.error is None:
                    raise self._explained(error, env.env_py) from error

        # One that catches everything does not make it good.
        if self.error is not None:
            raise self.error

    def configure(
        self, connection: sa.Connection | None = None, *arguments: t.Any, **options: t.Any
    ) -> None:
        """Take what ``env.py`` gives to ``context.configure()``."""
        with self._noted():
            self.name = self._name(connection, options)
            place = mask_url(connection.engine.url) if connection is not None else "no connection"
            self.configured.append((self.name, place))
            self.before_configure(connection, options)

        # What it takes amiss is env.py's own mistake.
        super().configure(connection, *arguments, **options)

        with self._noted():
            self.after_configure(options)

    def before_configure(self, connection: sa.Connection | None, options: dict[str, t.Any]) -> None:
        """Do what comes before the connection is Alembic's; the options may be changed."""
        return

    def after_configure(self, options: c.Mapping[str, t.Any]) -> None:
        """Do what comes when there is a migration context."""
        return

    def failed(self, error: BaseException) -> None:
        """Hear what went wrong, while ``env.py`` is still at it."""
        return

    @contextlib.contextmanager
    def _noted(self) -> c.Iterator[None]:
        try:
            yield
        except BaseException as error:
            self.error = self.error or error
            self.failed(self.error)
            raise

    def _name(self, connection: sa.Connection | None, options: c.Mapping[str, t.Any]) -> str | None:
        """Return the name of the database that a ``configure()`` is about."""
        databases = self.project.databases

        for name, database in databases.items():
            if connection is not None and connection.engine is database.engine:
                return name

        if len(databases) > 1 and connection is not None:
            url = connection.engine.url
            same = [name for name in databases if _is_same(databases[name].engine.url, url)]

            if len(same) == 1:
                return same[0]

        token = str(options.get("upgrade_token", "")).removesuffix("_upgrades")

        if len(databases) > 1 or token not in {"", "upgrades"}:
            meant = token or self.project.default_name
            return meant if meant in databases else None

        return self.project.default_name

    def _explained(self, error: BaseException, env_py: Path) -> EnvPyError:
        lines = [
            frame.lineno
            for frame in traceback.extract_tb(error.__traceback__)
            if os.path.realpath(frame.filename) == os.path.realpath(env_py)
        ]
        place = f"{env_py}, line {lines[-1]}" if lines else str(env_py)

        if isinstance(error, SyntaxError) and error.filename == str(env_py):
            place = f"{env_py}, line {error.lineno}"

        text = redact(" ".join(str(error).split()), self.project.urls)
        said = f"{type(error).__name__}: {text}" if text else type(error).__name__

        if isinstance(error, SystemExit):
            return EnvPyError(
                f"{place} ends the process by sys.exit({error.code!r}).",
                "Let it raise an error that says what is missing, or give it what it asks for.",
            )

        if isinstance(error, TypeError) and "multiple values for keyword argument" in str(error):
            option = str(error).rpartition("'")[0].rpartition("'")[2]
            return EnvPyError(
                f"{place} gives '{option}' to configure() twice: by name, and among other options.",
                f"Take '{option}' out of that call, or out of the arguments of Migrate().",
            )

        if isinstance(error, MigrationError):
            return EnvPyError(f"{place} failed: {error.message}", error.cure)

        return EnvPyError(
            f"{place} raised {said.rstrip('.')}.",
            "Correct that file, or give it what it needs, such as an environment variable.",
        )


def _is_same(one: sa.URL, other: sa.URL) -> bool:
    """Tell whether two URLs lead to one place, whatever the driver and the user are."""
    places = [(url.get_backend_name(), url.host, url.port, url.database) for url in (one, other)]
    return places[0] == places[1]


def refuse_missing(environment: Environment, names: c.Iterable[str]) -> None:
    """Refuse an ``env.py`` that has left a database out.

    :param environment: It has run.
    :param names: The databases that were meant.
    :raises EnvPyError: One of them was not configured.
    """
    env = environment.project.env
    assert env is not None
    done = {name for name, _ in environment.configured}

    for name in names:
        if name in done:
            continue

        seen = ", ".join(
            f"'{found}'" if found else place for found, place in environment.configured
        )
        raise EnvPyError(
            f"{env.env_py} has not called context.configure() and context.run_migrations() for "
            f"database '{name}' (it did for: {seen or 'none'}).",
            "Let it do so when it is run, as those do that Flask-Migrate and Alembic make.",
        )


@contextlib.contextmanager
def _contained() -> c.Iterator[None]:
    """Keep what an ``env.py`` does to its process within the block."""
    thread = threading.get_ident()
    path, folder = list(sys.path), _folder()
    before = {name: getattr(logging.config, name) for name in _IMPORTED_FOR_LOGGING}

    def kept_off(name: str) -> c.Callable[..., t.Any]:
        def configure_logging(*arguments: t.Any, **options: t.Any) -> t.Any:
            # The app's loggers would be disabled, and its handlers replaced.
            if threading.get_ident() == thread:
                return None

            return before[name](*arguments, **options)

        return configure_logging

    vars(logging.config).update({name: kept_off(name) for name in before})

    try:
        yield
    finally:
        vars(logging.config).update(before)
        sys.path[:] = path

        if folder is not None and _folder() != folder:
            os.chdir(folder)


def _folder() -> str | None:
    # The working directory may have been removed.
    with contextlib.suppress(OSError):
        return os.getcwd()

    return None
