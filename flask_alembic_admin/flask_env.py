"""Where a Flask app keeps a script folder with an ``env.py``, and which databases that is about."""

from __future__ import annotations

import collections.abc as c
import os
import sys
import typing as t
from pathlib import Path

import sqlalchemy as sa
from flask import Flask

from .core.databases.by_name import AnyEngine
from .core.env_py.folder import EnvFolder
from .core.env_py.folder import find_env_folder
from .core.env_py.folder import named_folder
from .core.redact import redact
from .errors import SetupError


def env_folder_of(app: Flask, given: object) -> EnvFolder | None:
    """Return the script folder of an app that has an ``env.py`` in it; None if there is none.

    A folder that was given comes first, then what ``Migrate()`` was given, then ``migrations``, and
    then what an ``alembic.ini`` or ``pyproject.toml`` names.

    :param app: The app.
    :param given: ``ALEMBIC["script_location"]``, where the app has set it.
    """
    directory, whose_directory = _migrate_directory(app)
    here, root = Path(os.getcwd()), Path(app.root_path)
    names = {root.parent: "the folder of the app", root: "the app", here: "the working directory"}

    if isinstance(given, str | os.PathLike):
        location, whose, roots = (
            os.fspath(given),
            "ALEMBIC['script_location']",
            (root, here, root.parent),
        )
    elif directory:
        location, whose = directory, whose_directory
        roots = (here, root, root.parent)
    else:
        location, whose, roots = "migrations", "the usual folder", (root, here, root.parent)

    adjust = getattr(_migrate(app), "call_configure_callbacks", None)

    # A package's folder, which only its import would find.
    if ":" in location[2:]:
        return None

    for place in dict.fromkeys(roots):
        folder = place / location
        found = f"{whose} '{location}', relative to {names[place]}"
        env = find_env_folder(folder, roots, adjust, found)

        # The first that is there is the one, as for everybody else.
        if env is not None or folder.is_dir():
            return env

    if given is not None or directory:
        return None

    for place in dict.fromkeys((here, root, root.parent)):
        for file in (place / "alembic.ini", place / "pyproject.toml"):
            named = named_folder(file, roots)
            found = f"script_location of {file}"
            env = find_env_folder(named, roots, adjust, found) if named else None

            if env is not None:
                return env

    return None


def migrate_folder(app: Flask) -> Path | None:
    """Return the folder that Flask-Migrate uses, or would make; None where it is not used.

    :param app: The app.
    """
    directory, _ = _migrate_directory(app)

    if not directory:
        return None

    here, root = Path(os.getcwd()), Path(app.root_path)
    places = [place / directory for place in (here, root, root.parent)]
    return next((place for place in places if place.is_dir()), places[0])


def init_of_migrate(app: Flask) -> str:
    """Return the command of Flask-Migrate that makes its folder.

    :param app: The app.
    """
    return f"flask {_migrate_command(app)} init"


def given_options(app: Flask) -> c.Mapping[str, t.Any]:
    """Return the options that Flask-Migrate gives to an ``env.py``.

    :param app: The app.
    """
    return getattr(app.extensions.get("migrate"), "configure_args", None) or {}


def has_flask_migrate(app: Flask) -> bool:
    """Return whether Flask-Migrate is initialised on an app.

    :param app: The app.
    """
    return "migrate" in app.extensions


def may_have_flask_migrate() -> bool:
    """Return whether something in this process has imported Flask-Migrate."""
    return "flask_migrate" in sys.modules


def env_metadatas(
    env: EnvFolder,
    engines: c.Mapping[str, AnyEngine],
    metadatas: c.Mapping[t.Any, sa.MetaData | None],
) -> dict[str, list[sa.MetaData]]:
    """Return the databases that an ``env.py`` migrates, with the models that are known.

    It compares with models of its own choice; these are for what is shown.

    :param env: The folder.
    :param engines: The engines of the app by name.
    :param metadatas: The metadata of its models, None for the default one.
    """
    names = sorted(engines, key=lambda name: name != "default")

    if not env.text.several:
        names = names[:1]

    known = {name or "default": one for name, one in metadatas.items() if one is not None}
    return {name: [known[name]] if name in known else [] for name in names}


def env_engines(env: EnvFolder) -> dict[str, AnyEngine]:
    """Return engines for the URLs that the ``alembic.ini`` of a folder gives.

    :param env: The folder.
    :raises SetupError: A URL cannot be used here.
    """
    return {name: _engine(env, url) for name, url in env.urls.items()}


def check_engines(env: EnvFolder, engines: c.Mapping[str, AnyEngine]) -> None:
    """Refuse a folder of which nobody says where its databases are.

    :param env: The folder.
    :param engines: The engines that were found.
    :raises SetupError: There is none.
    :raises ScriptError: The configuration of the folder cannot be read.
    """
    if engines:
        return

    if env.problem is not None:
        raise env.problem

    raise SetupError(
        f"{env.source} gives no sqlalchemy.url, and the app no engine.",
        "Write one there, such as sqlite:///shop.db, or pass engines= to Alembic(): what "
        f"{env.env_py} connects to.",
    )


def _engine(env: EnvFolder, text: str) -> AnyEngine:
    try:
        url = sa.make_url(text)

        if url.get_dialect().is_async:
            # It needs greenlet, which only those have who have async engines.
            from sqlalchemy.ext.asyncio import create_async_engine

            return create_async_engine(url, poolclass=sa.pool.NullPool)

        return sa.create_engine(url, poolclass=sa.pool.NullPool)
    except (sa.exc.NoSuchModuleError, ImportError) as error:
        reason = redact(f"{type(error).__name__}: {error}").rstrip(".")
        raise SetupError(
            f"The sqlalchemy.url of {env.source} cannot be used: {reason}.",
            "Install the driver that it names, correct it, or pass engines= to Alembic().",
        ) from None
    except (sa.exc.ArgumentError, ValueError):
        # What it is may hold a password.
        raise SetupError(
            f"The sqlalchemy.url of {env.source} cannot be used: it is no URL that SQLAlchemy can "
            "read.",
            "Correct it, or pass engines= to Alembic().",
        ) from None


def _migrate_directory(app: Flask) -> tuple[str, str]:
    """Return where Flask-Migrate has its folder, and what says so; nothing where it is not used."""
    directory = getattr(app.extensions.get("migrate"), "directory", None)

    if not directory:
        return "", ""

    # An option of its group of commands, which is called as `Migrate()` was told.
    variable = f"FLASK_{_migrate_command(app).upper().replace('-', '_')}_DIRECTORY"

    if os.environ.get(variable):
        return os.environ[variable], variable

    return str(directory), "the directory of Migrate()"


def _migrate_command(app: Flask) -> str:
    return str(getattr(_migrate(app), "command", None) or "db")


def _migrate(app: Flask) -> object:
    return getattr(app.extensions.get("migrate"), "migrate", None)
