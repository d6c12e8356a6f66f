"""The folder of revision files: where it is, how it is configured, and Alembic's view of it."""

from __future__ import annotations

import argparse
import collections.abc as c
import configparser
import functools
import os
import shutil
import threading
import traceback
import typing as t
from pathlib import Path

import sqlalchemy as sa
from alembic import util
from alembic.config import Config
from alembic.script import ScriptDirectory

from ..errors import ScriptError
from ..errors import SetupError
from . import internals
from .history import History
from .history import HistoryReader
from .op_guard import op_guard

#: Problems that Alembic itself can deal with, since it imports the files.
_READABLE_BY_IMPORT = {"computed"}


class Scripts:
    """The revision files of a project.

    :param options: The ``ALEMBIC`` mapping: keys of Alembic's own configuration. A mapping as a
        value becomes a section, such as ``post_write_hooks``.
    :param root: The folder that relative paths start from.
    :param database_names: Names of the databases; several choose the ``multidb`` template.
    :param dialect: What a file is told that asks ``op`` for it while it is imported.
    :raises SetupError: An option cannot be what it is.
    """

    def __init__(
        self,
        options: c.Mapping[str, t.Any],
        root: str | Path,
        database_names: c.Sequence[str],
        dialect: sa.Dialect | None = None,
    ) -> None:
        self._options = options
        self._dialect = dialect
        self._root = Path(root)
        self._database_names = tuple(database_names)
        # A revision file that asks for the scripts while it is imported gets an error, no hang.
        self._lock = threading.RLock()
        self._loaded: tuple[t.Hashable, ScriptDirectory] | None = None
        self.location = self.resolve(
            _text_option(options.get("script_location", "migrations"), "script_location")
        )
        locations = [self.location]
        #: Folders by the name of the branch that is kept in them.
        self.branch_locations: dict[str, str] = {}

        for item in _version_locations(options.get("version_locations", ())):
            path = self.resolve(item if isinstance(item, str) else item[1])
            locations.append(path)

            if not isinstance(item, str):
                self.branch_locations[item[0]] = path

        self.locations = tuple(dict.fromkeys(locations))

    @functools.cached_property
    def folder(self) -> Path:
        """The script folder on disk."""
        return to_folder(self.location)

    @functools.cached_property
    def folders(self) -> tuple[Path, ...]:
        """The folders that hold revision files, the script folder first."""
        return tuple(to_folder(location) for location in self.locations)

    def config(self, x_arguments: c.Sequence[str] = ()) -> Config:
        """Return a new configuration for Alembic.

        :param x_arguments: ``key=value`` texts for ``context.get_x_argument()``.
        """
        # Without `quiet` Alembic prints what it does to standard output.
        config = Config(cmd_opts=argparse.Namespace(x=list(x_arguments), quiet=True))
        config.set_main_option("path_separator", "newline")
        config.set_main_option("script_location", self.location.replace("%", "%%"))
        config.set_main_option("version_locations", "\n".join(self.locations).replace("%", "%%"))

        if len(self._database_names) > 1:
            # The multidb template asks for it.
            config.set_main_option("databases", ", ".join(self._database_names))

        for key, value in self._options.items():
            if key in {"script_location", "version_locations", "path_separator"}:
                continue

            if isinstance(value, c.Mapping):
                for name, inner in value.items():
                    _set_option(config, key, name, inner)
            else:
                _set_option(config, "alembic", key, value)

        return config

    def history(self) -> History:
        """Return the revision graph, read from the files as text; nothing is imported."""
        return self._reader.read()

    def directory(self) -> ScriptDirectory:
        """Return Alembic's view of the files, which imports each of them.

        It is loaded again only when a file was added, removed or changed.

        :raises ScriptError: A folder is missing, a file cannot be imported, or the files are
            no history: two have one id, a parent is missing, there is a cycle.
        :raises Busy: A file asks for ``op`` while it is imported, and a run has it for too long.
        """
        try:
            return self._current(self._load)
        except _OpIsMissing:
            # Not within our lock, which a run that has the guard may wait for.
            with op_guard():
                return self._current(self._load_with_op)

    def make_folders(self) -> None:
        """Create the script folder, its template and the version folders where they are missing.

        :raises OSError: The file system does not allow it.
        """
        template = "multidb" if len(self._database_names) > 1 else "generic"
        source = Path(self.config().get_template_directory(), template, "script.py.mako")
        target = self.folder / "script.py.mako"

        for folder in self.folders:
            folder.mkdir(parents=True, exist_ok=True)

        if not target.exists():
            shutil.copyfile(source, target)

    @functools.cached_property
    def _reader(self) -> HistoryReader:
        return HistoryReader(self.folders, recursive=self._recursive)

    @functools.cached_property
    def _recursive(self) -> bool:
        return self.config().get_alembic_boolean_option("recursive_version_locations")

    def resolve(self, location: str) -> str:
        """Return a folder as Alembic takes it: absolute, or as ``package:folder``."""
        if os.path.isabs(location) or ":" in location:
            return location

        return str(self._root / location)

    def load(self) -> ScriptDirectory:
        """Return a view of the files that nobody else has, to write new ones with.

        :raises ScriptError: As ``directory``.
        """
        try:
            return self._load()
        except _OpIsMissing:
            with op_guard():
                return self._load_with_op()

    def _current(self, load: c.Callable[[], ScriptDirectory]) -> ScriptDirectory:
        with self._lock:
            signature = self._reader.signature()

            if self._loaded is None or self._loaded[0] != signature:
                self._loaded = (signature, load())

            return self._loaded[1]

    def _load(self) -> ScriptDirectory:
        directory = self._unloaded()
        self._import(directory)
        return directory

    def _load_with_op(self) -> ScriptDirectory:
        assert self._dialect is not None
        directory = self._unloaded()

        with internals.op_for_import(self.config(), directory, self._dialect):
            self._import(directory)

        return directory

    def _unloaded(self) -> ScriptDirectory:
        if not self.folder.is_dir():
            raise ScriptError(
                f"The script folder {self.folder} does not exist.",
                "Make it with 'flask db mkdir', or set ALEMBIC['script_location'] to where the "
                "revision files are.",
            )

        problems = self.history().problems

        # Where a file has to be imported to be understood, what seems missing may be in it.
        if not any(problem.kind in _READABLE_BY_IMPORT for problem in problems):
            for problem in problems:
                raise ScriptError(problem.message, problem.cure)

        directory = ScriptDirectory.from_config(self.config())
        # As a list, since no separator is safe in every path.
        directory.version_locations = list(self.locations)
        return directory

    def _import(self, directory: ScriptDirectory) -> None:
        try:
            # Everything is imported by this, under our lock, and not later by two threads at once.
            _ = directory.revision_map.heads
        except (Exception, SystemExit) as error:
            if self._dialect is not None and internals.is_missing_op(error):
                raise _OpIsMissing from error
            raise self._explain(error) from error

    def _explain(self, error: BaseException) -> ScriptError:
        place = ""

        if isinstance(error, SyntaxError):
            place = f" in {error.filename}, line {error.lineno}"
        else:
            for frame in traceback.extract_tb(error.__traceback__):
                if Path(frame.filename).parent in self.folders:
                    place = f" in {frame.filename}, line {frame.lineno}"

        return ScriptError(
            f"The revision files cannot be loaded: {type(error).__name__}{place}: {error}.",
            "Correct that file; nothing can be migrated before all of them load.",
        )


class _OpIsMissing(Exception):
    """A revision file asks ``op`` or ``context`` for something while it is imported."""


def to_folder(location: str) -> Path:
    """Return the folder on disk that a location means, wherever its package is.

    :raises SetupError: It is ``package:folder``, and there is no such package.
    """
    try:
        return Path(util.coerce_resource_to_filename(location)).absolute()
    except ImportError as error:
        raise SetupError(
            f"Location '{location}' in ALEMBIC is read as 'package:folder', and the package "
            f"cannot be imported: {error}.",
            "Correct the name, or give an absolute path if the folder has a colon in its name.",
        ) from error


def _text_option(value: object, key: str) -> str:
    if isinstance(value, str | os.PathLike):
        return os.fspath(value) if isinstance(value, os.PathLike) else value

    raise SetupError(
        f"ALEMBIC['{key}'] is {value!r}, which is no path.",
        "Give a folder as text, absolute or relative to the app's root path.",
    )


def _version_locations(value: object) -> list[str | tuple[str, str]]:
    items = [value] if isinstance(value, str) else value
    checked: list[str | tuple[str, str]] = []

    for item in items if isinstance(items, c.Iterable) else [items]:
        match item:
            case str() | os.PathLike():
                checked.append(_text_option(item, "version_locations"))
            case (str() as branch, (str() | os.PathLike()) as path):
                checked.append((branch, _text_option(path, "version_locations")))
            case _:
                raise SetupError(
                    f"ALEMBIC['version_locations'] holds {item!r}.",
                    "Give a list of folders, or of pairs (branch name, folder).",
                )

    return checked


def _set_option(config: Config, section: str, name: str, value: object) -> None:
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, list | tuple):
        # What separates items in the main section; in others there are lists of words.
        text = ("\n" if section == "alembic" else ", ").join(str(item) for item in value)
    else:
        text = str(value)

    # ConfigParser reads `%` as the start of a reference. Whoever wrote `%%` gets what they
    # meant, and so does whoever wrote a plain one.
    try:
        config.set_section_option(section, name, text)
        config.file_config.get(section, name)
    except (ValueError, configparser.InterpolationError):
        config.set_section_option(section, name, text.replace("%", "%%"))
