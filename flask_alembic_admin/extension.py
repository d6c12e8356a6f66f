"""Alembic as a Flask extension: the verbs of the core on the databases of the current app."""

from __future__ import annotations

import collections.abc as c
import typing as t
from pathlib import Path
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from flask import current_app
from flask import Flask
from flask import g

from .core.alembic_objects import AlembicObjects
from .core.database import pair_databases
from .core.migrator import Migrator
from .core.project import Project
from .core.scripts import Scripts
from .core.settings import Settings
from .errors import SetupError

#: One metadata or several, alone or by the name of the database they belong to.
Metadatas: t.TypeAlias = (
    sa.MetaData | c.Sequence[sa.MetaData] | c.Mapping[str, sa.MetaData | c.Sequence[sa.MetaData]]
)
#: One engine, or engines by the name of the database.
Engines: t.TypeAlias = sa.Engine | c.Mapping[str, sa.Engine]


class Alembic(Migrator):
    """Migrations for a Flask app, in code and as ``flask db``.

    Everything in it works on the current app and needs an app context.

    :param app: Call ``init_app`` with it.
    :param run_mkdir: Make the script folder at start where it is missing.
    :param command_name: The name of the group of commands; none is added if empty.
    :param metadatas: What the models say: a ``MetaData``, a list of them, or a mapping from
        database names to one or a list. Flask-SQLAlchemy's ``db.metadata`` if None.
    :param engines: An engine, or a mapping from the same names to engines. Those of
        Flask-SQLAlchemy or Flask-SQLAlchemy-Lite if None.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        run_mkdir: bool = True,
        command_name: str = "db",
        metadatas: Metadatas | None = None,
        engines: Engines | None = None,
    ) -> None:
        # No project is given to the core: it is the current app's.
        self.run_mkdir = run_mkdir
        self.command_name = command_name
        self.metadatas = _by_name(metadatas)
        self.engines = _engines_by_name(engines, self.metadatas)
        # What is fixed for an app. What is open belongs to an app context and is in `g`.
        self._projects: WeakKeyDictionary[Flask, Project] = WeakKeyDictionary()

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

        _mapping(app, "ALEMBIC").setdefault("script_location", "migrations")
        _mapping(app, "ALEMBIC").setdefault("version_locations", [])
        _mapping(app, "ALEMBIC_CONTEXT").setdefault("compare_server_default", True)
        Settings.from_mapping(app.config.get("ALEMBIC_ADMIN", {}))
        self._scripts(app)  # Refuses paths that cannot work now, not on the first click.
        app.extensions["alembic"] = self
        app.teardown_appcontext(self._close)

        if self.run_mkdir if run_mkdir is None else run_mkdir:
            self._mkdir_at_start(app)

        name = self.command_name if command_name is None else command_name

        if name:
            from .flask_db import cli

            app.cli.add_command(cli, name)

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

        if project is None:
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

    def _scripts(self, app: Flask, dialect: sa.Dialect | None = None) -> Scripts:
        return Scripts(app.config["ALEMBIC"], app.root_path, tuple(self.metadatas), dialect)

    def _make_project(self, app: Flask) -> Project:
        flask_sqlalchemy = app.extensions.get("sqlalchemy")
        metadatas = _by_name(self.metadatas)  # Somebody may have set it after the constructor.
        engines: c.Mapping[str, sa.Engine] = self.engines

        # Flask-SQLAlchemy-Lite knows engines and no metadata.
        metadata = getattr(flask_sqlalchemy, "metadata", None)

        if not metadatas and metadata is not None:
            metadatas = {"default": [metadata]}

        if not engines and flask_sqlalchemy is not None:
            # Flask-SQLAlchemy keeps its default engine under None.
            engines = {name or "default": e for name, e in flask_sqlalchemy.engines.items()}

        databases = pair_databases(metadatas, engines)
        default = databases.get("default") or next(iter(databases.values()))
        return Project(
            scripts=self._scripts(app, default.engine.dialect),
            databases=databases,
            context_options=app.config["ALEMBIC_CONTEXT"],
            settings=Settings.from_mapping(app.config.get("ALEMBIC_ADMIN", {})),
            folder=Path(app.instance_path),
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


def _by_name(metadatas: Metadatas | None) -> dict[str, list[sa.MetaData]]:
    if metadatas is None:
        return {}

    if isinstance(metadatas, c.Mapping):
        return {
            name: [value] if isinstance(value, sa.MetaData) else list(value)
            for name, value in metadatas.items()
        }

    return {"default": [metadatas] if isinstance(metadatas, sa.MetaData) else list(metadatas)}


def _engines_by_name(
    engines: Engines | None, metadatas: c.Mapping[str, object]
) -> dict[str, sa.Engine]:
    if engines is None:
        return {}

    if isinstance(engines, sa.Engine):
        # An engine without a name belongs to the only metadata, whatever that is called.
        return {next(iter(metadatas)) if len(metadatas) == 1 else "default": engines}

    return dict(engines)


def _mapping(app: Flask, key: str) -> dict[str, t.Any]:
    value = app.config.setdefault(key, {})

    if not isinstance(value, dict):
        raise SetupError(
            f"app.config['{key}'] is {value!r}.", "Give a dict of options, or leave it out."
        )

    return value
