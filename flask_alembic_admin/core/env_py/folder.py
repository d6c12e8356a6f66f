"""A script folder with an ``env.py``, and what its configuration files say."""

from __future__ import annotations

import argparse
import collections.abc as c
import configparser
import dataclasses
import functools
import os
import tomllib
import warnings
from pathlib import Path

from alembic import util
from alembic.config import Config
from alembic.util import CommandError

from ...errors import MigrationError
from ...errors import ScriptError
from .alembic_ini import bare_percent
from .alembic_ini import parse_ini
from .text import EnvText
from .text import read_env_text

#: What Alembic itself takes from its configuration while revision files are read or written.
_READ_BY_ALEMBIC = (
    "script_location",
    "file_template",
    "truncate_slug_length",
    "version_locations",
    "recursive_version_locations",
    "path_separator",
    "version_path_separator",
    "prepend_sys_path",
    "output_encoding",
    "timezone",
    "sourceless",
    "revision_environment",
    "databases",
)


@dataclasses.dataclass(frozen=True)
class Stamp:
    """One state of the files that decide what an ``env.py`` does."""

    files: tuple[tuple[str, int, int], ...]


@dataclasses.dataclass(frozen=True)
class _Read:
    """What was read of the files in one state."""

    stamp: Stamp
    #: None where it cannot be used.
    config: Config | None
    problem: MigrationError | None
    text: EnvText
    locations: tuple[str, ...]


class EnvFolder:
    """A script folder whose ``env.py`` is run, with its configuration files.

    :param folder: The folder.
    :param roots: The folders that relative paths may start from, the most likely one first.
    :param adjust: Changes a configuration before it is used, as the callbacks of
        ``Migrate.configure`` do.
    :param found: How the folder was found, for people.
    """

    def __init__(
        self,
        folder: Path,
        roots: c.Sequence[Path],
        adjust: c.Callable[[Config], Config] | None = None,
        found: str = "",
    ) -> None:
        self.folder = folder
        self.found = found
        self._roots = tuple(roots)
        self._adjust = adjust
        self._kept: _Read | None = None

    @property
    def env_py(self) -> Path:
        """The ``env.py`` that is run."""
        return self.folder / "env.py"

    @functools.cached_property
    def ini_file(self) -> Path | None:
        """The ``alembic.ini`` that belongs to the folder: in it, or above it and naming it."""
        return next(
            (path for path in self._candidates("alembic.ini") if self._is_ours(Config(str(path)))),
            None,
        )

    @functools.cached_property
    def toml_file(self) -> Path | None:
        """The ``pyproject.toml`` whose ``[tool.alembic]`` belongs to the folder."""
        return next(
            (
                path
                for path in self._candidates("pyproject.toml")
                if self._is_ours(Config(toml_file=str(path)))
            ),
            None,
        )

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that decide what is run, those that there are."""
        every = (self.env_py, self.ini_file, self.toml_file)
        return tuple(path for path in every if path is not None)

    def stamp(self) -> Stamp:
        """Return the present state of these files."""
        stamps = []

        for path in self.files:
            try:
                status = path.stat()
                stamps.append((str(path), status.st_size, status.st_mtime_ns))
            except OSError:
                stamps.append((str(path), -1, -1))

        return Stamp(tuple(stamps))

    @property
    def problem(self) -> MigrationError | None:
        """Why the configuration cannot be used; None where it can."""
        return self._read.problem

    @property
    def text(self) -> EnvText:
        """What the text of ``env.py`` says without being run."""
        return self._read.text

    @property
    def locations(self) -> tuple[str, ...]:
        """The folders of revision files, absolute or as ``package:folder``."""
        return self._read.locations

    @property
    def recursive(self) -> bool:
        """Whether revision files are also looked for in folders below these."""
        config = self._read.config
        return config is not None and config.get_alembic_boolean_option(
            "recursive_version_locations"
        )

    @property
    def urls(self) -> dict[str, str]:
        """The URLs of databases that ``alembic.ini`` gives, by name."""
        config = self._read.config

        if config is None:
            return {}

        names = [name.strip() for name in (config.get_main_option("databases") or "").split(",")]
        sections = {name: name for name in names if name}
        sections = sections or {"default": config.config_ini_section}

        try:
            found = {
                name: config.get_section_option(section, "sqlalchemy.url")
                for name, section in sections.items()
            }
        except configparser.InterpolationError as error:
            raise bare_percent(self.source, "sqlalchemy.url", error.section) from error

        return {name: url for name, url in found.items() if url and not _is_sample(url)}

    def config(self, x_arguments: c.Sequence[str] = ()) -> Config:
        """Return a new configuration for Alembic, as the files and the app say.

        :param x_arguments: ``key=value`` texts for ``context.get_x_argument()``.
        :raises ScriptError: A file is missing, or cannot be read.
        """
        config = self._load(x_arguments)

        if self._adjust is not None:
            config = self._adjust(config) or config

        _set_main(config, "path_separator", "newline")
        _set_main(config, "script_location", str(self.folder))
        _set_main(config, "version_locations", "\n".join(self._locations_of(config)))
        return config

    # Reading.

    @property
    def _read(self) -> _Read:
        stamp = self.stamp()

        if self._kept is None or self._kept.stamp != stamp:
            self._kept = self._read_now(stamp)

        return self._kept

    def _read_now(self, stamp: Stamp) -> _Read:
        config, problem = None, None
        locations: tuple[str, ...] = (str(self.folder / "versions"),)

        try:
            config = self._load(())
            locations = self._locations_of(config)
        except MigrationError as error:
            problem = error

        text = read_env_text(self.env_py, config)
        return _Read(stamp, config, problem, text, locations)

    def _load(self, x_arguments: c.Sequence[str]) -> Config:
        ini, toml = self.ini_file, self.toml_file

        if ini is None and toml is None:
            raise ScriptError(
                f"There is no alembic.ini for {self.env_py}.",
                f"Put it into {self.folder}, as Flask-Migrate does, or beside that folder.",
            )

        options = argparse.Namespace(x=list(x_arguments), quiet=True)
        config = Config(
            str(ini) if ini else None, toml_file=str(toml) if toml else None, cmd_opts=options
        )

        if ini is not None:
            _read_ini(config, ini)

        _check(config, ini, toml)
        return config

    def _locations_of(self, config: Config) -> tuple[str, ...]:
        try:
            # It warns where the separator is left to tradition, which works.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                given = config.get_version_locations_list()
                # Read here, with the separator that the file means.
                paths = config.get_prepend_sys_paths_list()
        except (CommandError, ValueError) as error:
            raise ScriptError(
                f"{self.source}: {str(error).rstrip('.')}.", "Correct that file."
            ) from error

        if paths:
            _set_main(config, "prepend_sys_path", "\n".join(self._absolute(one) for one in paths))

        if not given:
            return (str(self.folder / "versions"),)

        return tuple(dict.fromkeys(self._absolute(one) for one in given))

    def _absolute(self, location: str) -> str:
        if os.path.isabs(location) or ":" in location:
            return location

        found = (root / location for root in self._roots if (root / location).is_dir())
        return str(next(found, self._roots[0] / location))

    def _candidates(self, name: str) -> c.Iterator[Path]:
        folders = (self.folder, self.folder.parent, *self._roots)
        return (folder / name for folder in dict.fromkeys(folders) if (folder / name).is_file())

    def _is_ours(self, config: Config) -> bool:
        """Tell whether a configuration is that of this folder."""
        path = Path(config.config_file_name or config.toml_file_name or "")

        if path.parent == self.folder:
            return config.config_file_name is not None

        # One that cannot be read is told of where it is the only one.
        try:
            if config.config_file_name is not None:
                _read_ini(config, path)
            location = config.get_alembic_option("script_location")

            # Of the two files that `alembic init -t pyproject` makes only one names the folder.
            if location is None and config.config_file_name is not None:
                beside = Config(toml_file=str(path.with_name("pyproject.toml")))
                location = beside.get_alembic_option("script_location")

            return location is not None and self._is_this(location)
        except (MigrationError, CommandError, ValueError, configparser.Error, OSError):
            return config.config_file_name is not None and path.parent == self.folder.parent

    def _is_this(self, location: str) -> bool:
        try:
            path = Path(util.coerce_resource_to_filename(location))
        except ImportError:
            return False

        places = [path] if path.is_absolute() else [root / path for root in self._roots]
        return any(os.path.realpath(place) == os.path.realpath(self.folder) for place in places)

    @property
    def source(self) -> str:
        return str(self.ini_file or self.toml_file)


def _read_ini(config: Config, path: Path) -> None:
    """Read an ``alembic.ini`` as UTF-8, whatever the locale is."""
    config.config_args["here"] = path.absolute().parent.as_posix()
    parser = parse_ini(path, config.config_args)

    if not parser.has_section(config.config_ini_section):
        parser.add_section(config.config_ini_section)

    vars(config)["file_config"] = parser


def _check(config: Config, ini: Path | None, toml: Path | None) -> None:
    """Refuse a configuration that Alembic could not read."""
    parser, section = config.file_config, config.config_ini_section
    asked = [(section, name) for name in _READ_BY_ALEMBIC if parser.has_option(section, name)]

    if parser.has_section("post_write_hooks"):
        asked += [("post_write_hooks", name) for name in parser.options("post_write_hooks")]

    for place, name in asked:
        try:
            parser.get(place, name)
        except configparser.InterpolationError as error:
            raise bare_percent(str(ini), name, place) from error

    try:
        _ = config.toml_alembic_config
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, CommandError) as error:
        raise ScriptError(f"{toml} cannot be read: {error}.", "Correct that file.") from error


def _is_sample(url: str) -> bool:
    """Tell whether a URL is the one of Alembic's template, which leads nowhere."""
    return url.startswith("driver://")


def _set_main(config: Config, name: str, value: str) -> None:
    config.set_main_option(name, value.replace("%", "%%"))


def find_env_folder(
    folder: Path,
    roots: c.Sequence[Path],
    adjust: c.Callable[[Config], Config] | None = None,
    found: str = "",
) -> EnvFolder | None:
    """Return a script folder whose ``env.py`` can be run; None for one that has none.

    :param folder: The folder.
    :param roots: The folders that relative paths may start from, the most likely one first.
    :param adjust: Changes a configuration before it is used.
    :param found: How the folder was found, for people.
    """
    env_py = folder / "env.py"
    return EnvFolder(folder, roots, adjust, found) if env_py.is_file() else None


def named_folder(file: Path, roots: c.Sequence[Path]) -> Path | None:
    """Return the script folder that a configuration file names; None if it names none.

    :param file: An ``alembic.ini`` or a ``pyproject.toml``, which need not be there.
    :param roots: The folders that relative paths may start from, the most likely one first.
    """
    if not file.is_file():
        return None

    config = Config(str(file)) if file.suffix == ".ini" else Config(toml_file=str(file))

    try:
        if file.suffix == ".ini":
            _read_ini(config, file)
        location = config.get_alembic_option("script_location")
        path = Path(util.coerce_resource_to_filename(location)) if location else None
    # Whoever meant it for somebody else shall not be told of it.
    except (MigrationError, CommandError, ValueError, configparser.Error, OSError, ImportError):
        return None

    if path is None or path.is_absolute():
        return path

    places = (root / path for root in (file.parent, *roots))
    return next((place for place in places if place.is_dir()), None)
