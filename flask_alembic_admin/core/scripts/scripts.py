"""The folder of revision files: where it is, how it is configured, and Alembic's view of it."""

from __future__ import annotations

import argparse
import collections.abc as c
import dataclasses
import functools
import os
import shutil
import sys
import threading
import traceback
import typing as t
from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

from ...errors import COMMAND
from ...errors import MigrationError
from ...errors import ScriptError
from .. import internals
from ..env_py.folder import EnvFolder
from ..op_guard import op_guard
from .history import History
from .history import HistoryReader
from .imported_history import imported_history
from .options import set_option
from .options import text_option
from .options import to_folder
from .options import version_locations
from .revision_files import FileStamp
from .revision_files import FolderSignature

#: Problems that Alembic itself can deal with, since it imports the files.
_READABLE_BY_IMPORT = {"computed"}


class Scripts:
    """The revision files of a project.

    :param options: The ``ALEMBIC`` mapping: keys of Alembic's own configuration. A mapping as a
        value becomes a section, such as ``post_write_hooks``.
    :param root: The folder that relative paths start from.
    :param database_names: Names of the databases; several choose the ``multidb`` template.
    :param dialect: What a file is told that asks ``op`` for it while it is imported.
    :param command: How the commands are called, for messages.
    :param holds_revisions: Whether revision files are in the script folder itself, and not in the
        version locations alone.
    :param env: The script folder with its ``env.py``, where that is run. It says where the folder
        and the revision files are; the other options hold besides those of its files.
    :param init: The command of another program that makes the script folder, where that is missing.
    :raises SetupError: An option cannot be what it is.
    """

    def __init__(
        self,
        options: c.Mapping[str, t.Any],
        root: str | Path,
        database_names: c.Sequence[str],
        dialect: sa.Dialect | None = None,
        command: str = COMMAND,
        *,
        holds_revisions: bool = True,
        env: EnvFolder | None = None,
        init: str = "",
    ) -> None:
        self.command = command
        self._init = init
        self.env = env
        self._options = options
        self._dialect = dialect
        self._root = Path(root)
        #: The names of the databases, where they are known.
        self.database_names = tuple(database_names)
        # A revision file that asks for the scripts while it is imported gets an error, no hang.
        self._lock = threading.RLock()
        self._loaded: _Loaded | None = None
        #: Folders by the name of the branch that is kept in them.
        self.branch_locations: dict[str, str] = {}

        if env is not None:
            self.location = str(env.folder)
            self.locations = env.locations
            return

        self.location = self.resolve(
            text_option(options.get("script_location", "migrations"), "script_location")
        )
        locations = [self.location] if holds_revisions else []

        for item in version_locations(options.get("version_locations", ())):
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
        """The folders that hold revision files, the one first that new ones go to."""
        return tuple(to_folder(location) for location in self.locations)

    @property
    def is_made_since(self) -> bool:
        """Whether a script folder that was to be made by another program is there now."""
        return bool(self._init) and self.folder.is_dir()

    @property
    def making(self) -> str:
        """The command that makes the folders which are missing."""
        if not self._init or self.is_made_since:
            return f"{self.command} mkdir"

        return f"{self._init} --multidb" if len(self.database_names) > 1 else self._init

    @property
    def problem(self) -> MigrationError | None:
        """Why nothing can be run though the revision files can be read; None where it can."""
        return self.env.problem if self.env is not None else None

    def config(self, x_arguments: c.Sequence[str] = ()) -> Config:
        """Return a new configuration for Alembic.

        :param x_arguments: ``key=value`` texts for ``context.get_x_argument()``.
        :raises ScriptError: What belongs to an ``env.py`` cannot be read.
        """
        if self.env is not None:
            config = self.env.config(x_arguments)
        else:
            # Without `quiet` Alembic prints what it does to standard output.
            config = Config(cmd_opts=argparse.Namespace(x=list(x_arguments), quiet=True))
            config.set_main_option("path_separator", "newline")
            config.set_main_option("script_location", self.location.replace("%", "%%"))
            locations = "\n".join(self.locations).replace("%", "%%")
            config.set_main_option("version_locations", locations)

        if self.env is None and len(self.database_names) > 1:
            # The multidb template asks for it.
            config.set_main_option("databases", ", ".join(self.database_names))

        for key, value in self._options.items():
            if key in {"script_location", "version_locations", "path_separator"}:
                continue

            if isinstance(value, c.Mapping):
                for name, inner in value.items():
                    set_option(config, key, name, inner)
            else:
                set_option(config, "alembic", key, value)

        return config

    def history(self) -> History:
        """Return the revision graph, read from the files as text; nothing is imported."""
        return self._reader.read()

    def recent_history(self) -> History:
        """Return the revision graph as the files were a moment ago, for pages that only look."""
        return self._reader.read_recent()

    def known_history(self) -> History:
        """Return the revision graph as the files are now, read as text only where it has to be."""
        loaded = self._loaded
        is_current = loaded is not None and loaded.signature == self._reader.signature()
        return self.loaded_history() if is_current else self.history()

    def stamps(self) -> frozenset[FileStamp]:
        """Return the state of each revision file; a file that is written to gets another one."""
        return frozenset(self._reader.signature().files)

    def loaded_history(self) -> History:
        """Return the revision graph of the files as ``directory`` has loaded them last.

        What was imported need not be read as text; it also says what others compute.
        """
        loaded = self._loaded
        return loaded.history if loaded is not None and loaded.history else self.history()

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
        template = "multidb" if len(self.database_names) > 1 else "generic"
        source = Path(self.config().get_template_directory(), template, "script.py.mako")
        target = self.folder / "script.py.mako"

        for folder in (self.folder, *self.folders):
            folder.mkdir(parents=True, exist_ok=True)

        if not target.exists():
            shutil.copyfile(source, target)

    @functools.cached_property
    def _reader(self) -> HistoryReader:
        return HistoryReader(self.folders, recursive=self._recursive)

    @functools.cached_property
    def _recursive(self) -> bool:
        if self.env is not None and self.env.problem is not None:
            return False

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
        signature = self._reader.signature()

        try:
            return self._load(signature).directory
        except _OpIsMissing:
            with op_guard():
                return self._load_with_op(signature).directory

    def _current(self, load: c.Callable[[FolderSignature], _Loaded]) -> ScriptDirectory:
        with self._lock:
            signature = self._reader.signature()

            if self._loaded is None or self._loaded.signature != signature:
                self._loaded = load(signature)

            return self._loaded.directory

    def _load(self, signature: FolderSignature) -> _Loaded:
        directory = self._unloaded()
        return _Loaded(signature, directory, self._import(directory, signature))

    def _load_with_op(self, signature: FolderSignature) -> _Loaded:
        assert self._dialect is not None
        directory = self._unloaded()

        with internals.op_for_import(self.config(), directory, self._dialect):
            return _Loaded(signature, directory, self._import(directory, signature))

    def _unloaded(self) -> ScriptDirectory:
        if not self.folder.is_dir():
            raise ScriptError(
                f"The script folder {self.folder} does not exist.",
                f"Make it with '{self.making}', or set ALEMBIC['script_location'] to where the "
                "revision files are.",
            )

        directory = open_directory(self.config())
        # As a list, since no separator is safe in every path.
        directory.version_locations = list(self.locations)
        return directory

    def _import(self, directory: ScriptDirectory, signature: FolderSignature) -> History | None:
        """Import the files and return the history they make, None where it has to be read."""
        try:
            # All of them by this, under our lock, and not later by two threads at once.
            scripts = internals.load_scripts(directory)
            history = imported_history(scripts, signature)

            # What is wrong is said with the line of the file, before Alembic warns of it.
            if history is None or history.problems:
                self._refuse_problems()

            _ = directory.revision_map.heads
        except ScriptError:
            raise
        except (Exception, SystemExit) as error:
            if self._dialect is not None and internals.is_missing_op(error):
                raise _OpIsMissing from error
            self._refuse_problems()
            raise self._explain(error) from error

        return None if history is None or history.problems else history

    def _refuse_problems(self) -> None:
        """Refuse files whose text shows what keeps them from being a history."""
        problems = self.history().problems

        # Where a file has to be imported to be understood, what seems missing may be in it.
        if not any(problem.kind in _READABLE_BY_IMPORT for problem in problems):
            for problem in problems:
                raise ScriptError(problem.message, problem.cure)

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


def open_directory(config: Config) -> ScriptDirectory:
    """Return Alembic's view of the files of a configuration, with nothing loaded.

    :param config: What ``Scripts.config`` gives.
    """
    before = list(sys.path)
    directory = ScriptDirectory.from_config(config)
    # It puts the folders of `prepend_sys_path` there each time.
    sys.path[:] = [*(path for path in sys.path if path not in before), *before]
    return directory


@dataclasses.dataclass(frozen=True)
class _Loaded:
    """Alembic's view of the files in one state."""

    signature: FolderSignature
    directory: ScriptDirectory
    #: None where the files have to be read as text.
    history: History | None


class _OpIsMissing(Exception):
    """A revision file asks ``op`` or ``context`` for something while it is imported."""
