"""Alembic as a Flask extension: the verbs of the core on the databases of the current app."""

from __future__ import annotations

import collections.abc as c
import re
import typing as t
import weakref
from pathlib import Path
from weakref import WeakKeyDictionary
from weakref import WeakSet

import sqlalchemy as sa
from flask import current_app
from flask import Flask
from flask import g

from .core.alembic_objects import AlembicObjects
from .core.databases.by_name import bind_names
from .core.databases.by_name import bound_metadatas
from .core.databases.by_name import Engines
from .core.databases.by_name import engines_by_name
from .core.databases.by_name import Metadatas
from .core.databases.by_name import metadatas_by_name
from .core.databases.database import pair_databases
from .core.migrator import Migrator
from .core.project import Project
from .core.runs.hooks import AnyHook
from .core.runs.hooks import checked_hook
from .core.runs.hooks import Hooks
from .core.scripts.scripts import Scripts
from .core.settings import Settings
from .errors import COMMAND
from .errors import SetupError
from .flask_env import check_engines
from .flask_env import env_engines
from .flask_env import env_folder_of
from .flask_env import env_metadatas
from .flask_env import given_options
from .flask_env import has_flask_migrate
from .flask_env import init_of_migrate
from .flask_env import may_have_flask_migrate
from .flask_env import migrate_folder


class Alembic(Migrator):
    """Migrations for a Flask app, in code and as ``flask db``.

    Everything in it works on the current app and needs an app context.

    :param app: Call ``init_app`` with it.
    :param run_mkdir: Make the script folder at start where it is missing.
    :param command_name: The name of the group of commands; none is added if empty. If None it is
        ``db``, or ``migrations`` where the app has Flask-Migrate.
    :param metadatas: What the models say: a ``MetaData``, a list of them, or a mapping from
        database names to one or a list, such as Flask-SQLAlchemy's ``db.metadatas``. Its
        ``db.metadata`` if None.
    :param engines: An engine, or a mapping from the same names to engines. Those of
        Flask-SQLAlchemy or Flask-SQLAlchemy-Lite if None. For an async one migrations use an
        engine of their own to the same database.
    :param binds: Take every bind of Flask-SQLAlchemy as a database, not the default one alone.
    :raises SetupError: Both ``metadatas`` and ``binds`` say which databases there are.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        run_mkdir: bool = True,
        command_name: str | None = None,
        metadatas: Metadatas | None = None,
        engines: Engines | None = None,
        binds: bool = False,
    ) -> None:
        if binds and metadatas is not None:
            raise SetupError(
                "Alembic() got both 'metadatas' and 'binds'.",
                "Leave 'binds' out to migrate what 'metadatas' names, or 'metadatas' out to "
                "migrate every bind.",
            )

        # No project is given to the core: it is the current app's.
        self.run_mkdir = run_mkdir
        self.command_name = command_name
        self.binds = binds
        self.metadatas = metadatas
        self.engines = engines_by_name(engines, self.metadatas)
        # What is fixed for an app. What is open belongs to an app context and is in `g`.
        self._projects: WeakKeyDictionary[Flask, Project] = WeakKeyDictionary()
        #: Apps that say themselves where their script folder is.
        self._located: WeakSet[Flask] = WeakSet()
        self._hooks = Hooks()

        if app is not None:
            self.init_app(app)

    def init_app(
        self, app: Flask, run_mkdir: bool | None = None, command_name: str | None = None
    ) -> None:
        """Register this extension on an app.

        :param app: The app.
        :param run_mkdir: Overrides what the constructor got.
        :param command_name: Overrides what the constructor got.
        :raises SetupError: The app has another ``Alembic`` already, or its config cannot work.
        """
        if app.extensions.get("alembic") not in {None, self}:
            raise SetupError(
                "This app has an 'Alembic' extension already.",
                "Import and use that one, or take the second init_app(app) away.",
            )

        if _mapping(app, "ALEMBIC").get("script_location") is not None:
            self._located.add(app)

        _mapping(app, "ALEMBIC").setdefault("script_location", "migrations")
        _mapping(app, "ALEMBIC").setdefault("version_locations", [])
        _mapping(app, "ALEMBIC_CONTEXT").setdefault("compare_server_default", True)
        Settings.from_mapping(app.config.get("ALEMBIC_ADMIN", {}))
        self._scripts(app)  # Refuses paths that cannot work now, not on the first click.
        app.extensions["alembic"] = self
        app.teardown_appcontext(self._close)

        # The folder of Flask-Migrate, which may come to the app only later, is made by its `init`.
        wanted = self.run_mkdir if run_mkdir is None else run_mkdir

        if wanted and not may_have_flask_migrate():
            self._mkdir_at_start(app)

        for name in self._command_names(app, command_name):
            from .flask_db import cli

            app.cli.add_command(cli, name)

    def before_run(self, hook: AnyHook) -> AnyHook:
        """Call a function before the first step of each run; a decorator.

        It is called under the lock of the database. What it raises stops the run.

        :param hook: Gets a ``RunFacts``.
        :raises SetupError: It is a coroutine or generator function.
        """
        self._hooks.before.append(checked_hook("before_run", hook))
        return hook

    def after_run(self, hook: AnyHook) -> AnyHook:
        """Call a function at the end of each run that called those of ``before_run``; a decorator.

        It is called under the lock of the database, whatever became of the run. What it raises
        is logged and changes nothing.

        :param hook: Gets a ``RunFacts`` with the status and the error of the run.
        :raises SetupError: It is a coroutine or generator function.
        """
        self._hooks.after.append(checked_hook("after_run", hook))
        return hook

    @property
    def metadatas(self) -> dict[str, list[sa.MetaData]]:
        """What the models say, by the name of the database; what Flask-SQLAlchemy says is not here.

        A mapping that was passed is read each time: models may be added to it until they are used.
        """
        return metadatas_by_name(self._metadatas)

    @metadatas.setter
    def metadatas(self, metadatas: Metadatas | None) -> None:
        self._metadatas = (
            metadatas if isinstance(metadatas, c.Mapping) else metadatas_by_name(metadatas)
        )

    def in_own_words(self, message: str) -> str:
        """Return a message with commands called as they are on the current app.

        :param message: One in which they are called as they usually are.
        """
        # `init` is said of Flask-Migrate alone: ours is called `mkdir` in messages.
        return re.sub(rf"\b{COMMAND}\b(?! init)", _command(current_app), message)

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders of revision files, the script folder first."""
        return self._scripts(current_app).folders

    def mkdir(self) -> None:
        """Create the script folder, its template and the version folders where missing.

        Needs no database, and no engine to be configured yet.

        :raises OSError: The file system does not allow it.
        """
        self._scripts(current_app).make_folders()

    def _project(self) -> Project:
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        project = self._projects.get(app)

        # Until Flask-Migrate has made its folder nobody knows how it is used.
        if project is None or project.scripts.is_made_since:
            project = self._projects[app] = self._make_project(app)

        return project

    def _held(self) -> AlembicObjects | None:
        return t.cast("AlembicObjects | None", g.get(self._key))

    def _hold(self, objects: AlembicObjects | None) -> None:
        setattr(g, self._key, objects)

    @property
    def _key(self) -> str:
        return f"_alembic_{id(self)}"

    def _close(self, error: BaseException | None) -> None:
        objects = self._held()

        if objects is not None:
            self._hold(None)
            objects.close()

    def _command_names(self, app: Flask, command_name: str | None) -> tuple[str, ...]:
        name = self.command_name if command_name is None else command_name

        if name is not None:
            return (name,) if name else ()

        if has_flask_migrate(app):
            # Unless that is what Flask-Migrate was told to call its own.
            theirs = getattr(app.extensions["migrate"], "migrate", None)
            return ("db",) if getattr(theirs, "command", "") == "migrations" else ("migrations",)

        # Where Flask-Migrate comes later it takes the name `db`, and the other one stays.
        return ("db", "migrations") if may_have_flask_migrate() else ("db",)

    def _scripts(self, app: Flask) -> Scripts:
        names = tuple(self.metadatas)

        # Flask-SQLAlchemy knows its binds no sooner than its own init_app() is called.
        if self.binds or (isinstance(self._metadatas, c.Mapping) and None in self._metadatas):
            names = tuple(dict.fromkeys((*names, *bind_names(app.config))))

        return self._scripts_for(app, names)

    def _scripts_for(
        self, app: Flask, names: tuple[str, ...], dialect: sa.Dialect | None = None
    ) -> Scripts:
        options = app.config["ALEMBIC"]
        env = env_folder_of(app, options["script_location"] if app in self._located else None)

        runs_env = Settings.from_mapping(app.config.get("ALEMBIC_ADMIN", {})).run_env_py

        if env is None:
            init = ""
            folder = migrate_folder(app) if app not in self._located else None

            if folder is not None:
                # Where `flask db init` makes it, which refuses one that we have made.
                options = {**options, "script_location": str(folder)}
                init = init_of_migrate(app) if runs_env and not folder.is_dir() else ""

            return Scripts(options, app.root_path, names, dialect, _command(app), init=init)

        if runs_env:
            return Scripts(options, app.root_path, names, dialect, _command(app), env=env)

        # Its folders are used as if they were ours.
        given = options.get("version_locations") or ()
        given = [given] if isinstance(given, str) else list(given)
        options = {
            **options,
            "script_location": str(env.folder),
            "version_locations": [*env.locations, *given],
        }
        return Scripts(options, app.root_path, names, dialect, _command(app), holds_revisions=False)

    def _make_project(self, app: Flask) -> Project:
        flask_sqlalchemy = app.extensions.get("sqlalchemy")
        metadatas = self.metadatas
        engines = self.engines

        # Flask-SQLAlchemy-Lite knows engines and no metadata.
        metadata = getattr(flask_sqlalchemy, "metadata", None)

        if self.binds:
            metadatas = bound_metadatas(app.config, flask_sqlalchemy)

        if not engines and flask_sqlalchemy is not None:
            # Flask-SQLAlchemy-Lite has async ones beside the others.
            found = {**getattr(flask_sqlalchemy, "async_engines", {}), **flask_sqlalchemy.engines}
            engines = engines_by_name(found, metadatas)

        env = self._scripts(app).env

        if not metadatas and env is not None:
            engines = engines or engines_by_name(env_engines(env), metadatas)
            check_engines(env, engines)
            known = getattr(flask_sqlalchemy, "metadatas", None) or {None: metadata}
            metadatas = env_metadatas(env, engines, known)
        elif not metadatas and metadata is not None:
            metadatas = {"default": [metadata]}

        databases = pair_databases(metadatas, engines)
        default = databases.get("default") or next(iter(databases.values()))
        return Project(
            scripts=self._scripts_for(app, tuple(databases), default.engine.dialect),
            databases=databases,
            context_options=app.config["ALEMBIC_CONTEXT"] if env is None else given_options(app),
            settings=Settings.from_mapping(app.config.get("ALEMBIC_ADMIN", {})),
            folder=Path(app.instance_path),
            hooks=self._hooks,
            find_sender=weakref.ref(app),
        )

    def _mkdir_at_start(self, app: Flask) -> None:
        try:
            with app.app_context():
                self.mkdir()
        except OSError as error:
            app.logger.warning(
                "The script folder %s cannot be written to (%s). Revisions that are there can be "
                "run, new ones cannot be made; pass run_mkdir=False to Alembic() to say that this "
                "is meant.",
                self._scripts(app).folder,
                error.strerror or error,
            )


def _command(app: Flask) -> str:
    """Return how the commands are called, also where the app has added them itself."""
    from .flask_db import cli

    names = [name for name, command in app.cli.commands.items() if command is cli]
    return f"flask {names[0] if names else cli.name}"


def _mapping(app: Flask, key: str) -> dict[str, t.Any]:
    value = app.config.setdefault(key, {})

    if not isinstance(value, dict):
        raise SetupError(
            f"app.config['{key}'] is {value!r}.", "Give a dict of options, or leave it out."
        )

    return value
