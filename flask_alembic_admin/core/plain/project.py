"""A project without Flask: where its databases are declared, and where its revision files are."""

from __future__ import annotations

import collections.abc as c
import re
import typing as t
from pathlib import Path

from alembic.script import Script

from ...errors import SetupError
from ..alembic_objects import AlembicObjects
from ..databases.database import Database
from ..databases.engines import sqlite_file
from ..env_py.alembic_ini import read_ini
from ..ledger.store import LEDGER_FILE
from ..migrator import Migrator
from ..project import Project
from ..scripts.options import to_folder
from ..scripts.scripts import Scripts
from .databases import find_databases
from .databases import Given
from .pyproject import read_pyproject
from .pyproject import TABLE
from .pyproject import ToolTable

COMMAND = "alembic-db"
#: How options and commands of an app are called here.
_NAMES = {
    r"\bflask db\b": COMMAND,
    r"\bin ALEMBIC is\b": f"in {TABLE} is",
    r"([Pp])ass 'engines' to Alembic\(\) with an engine": r"\1ass an 'engine'",
    r"ALEMBIC_ADMIN = \{['\"](\w+)['\"]: (\w+)\}": rf"\1 = \2  # in {TABLE}",
    r"ALEMBIC_CONTEXT = \{['\"](\w+)['\"]: True\}": r"\1 = true  # in [tool.alembic_db.context]",
    r"ALEMBIC\['script_location'\]": f"'directory' of {TABLE}",
    r"ALEMBIC_ADMIN\['(\w+)'\]": rf"'\1' of {TABLE}",
    r"ALEMBIC_CONTEXT\['(\w+)'\]": r"'\1' of [tool.alembic_db.context]",
    r"ALEMBIC\['(\w+)'\]": r"'\1' of [tool.alembic_db.alembic]",
}


class PlainMigrator(Migrator):
    """The verbs on a project without Flask.

    Nothing is read before it is needed, and what needs the revision files alone works without a
    database.

    :param root: The folder of the project; where it is called if None.
    :param given: What is said on the command line; it may be filled in until something is read.
    """

    def __init__(self, root: Path | None = None, given: Given | None = None) -> None:
        self.root = Path.cwd() if root is None else root
        self.given = Given() if given is None else given
        self._own_objects: AlembicObjects | None = None
        self._made: Project | None = None

    def mkdir(self) -> None:
        """Create the script folder, its template and the folder of versions where missing.

        :raises SetupError: It is not known how many databases they are for.
        :raises OSError: The file system does not allow it.
        """
        _ = self.project.default_name
        super().mkdir()

    def revision(self, *arguments: t.Any, **options: t.Any) -> list[Script | None]:
        """Write a new revision; see ``Migrator.revision``.

        :raises SetupError: It is not known for how many databases.
        """
        _ = self.project.default_name
        return super().revision(*arguments, **options)

    def merge(self, *arguments: t.Any, **options: t.Any) -> Script | None:
        """Write a revision that joins several into one; see ``Migrator.merge``.

        :raises SetupError: It is not known for how many databases.
        """
        _ = self.project.default_name
        return super().merge(*arguments, **options)

    def in_own_words(self, message: str) -> str:
        """Return a message with options called as they are in ``pyproject.toml``.

        :param message: One in which they are called as in the config of an app.
        """
        for pattern, name in _NAMES.items():
            message = re.sub(pattern, name, message)

        return message

    def _project(self) -> Project:
        if self._made is None:
            self._made = make_project(self.root, self.given)

        return self._made


def make_project(root: Path, given: Given) -> Project:
    """Return the project in a folder; where its databases are not known, that is told when asked.

    :param root: The folder.
    :param given: What is said on the command line.
    :raises SetupError: ``pyproject.toml`` or ``alembic.ini`` cannot be read.
    """
    table = read_pyproject(root)
    databases: c.Mapping[str, Database]
    context: dict[str, t.Any] = {"compare_server_default": True, **table.context}

    try:
        databases, declared = find_databases(root, table, given)
        context.update(declared)
    except SetupError as error:
        databases = _Unknown(error)

    known = {} if isinstance(databases, _Unknown) else databases
    default = known.get("default") or next(iter(known.values()), None)
    file = sqlite_file(default.engine) if default is not None else None
    return Project(
        scripts=_scripts(root, table, given, default, tuple(known)),
        databases=databases,
        context_options=context,
        settings=table.settings,
        # The record is beside the database, wherever it is called for. A folder may hold several
        # databases that are all called `default` in their turn.
        folder=root if file is None else root.joinpath(file).parent,
        ledger_file=LEDGER_FILE if file is None else f"{file.name}.alembic-admin.sqlite",
    )


def _scripts(
    root: Path, table: ToolTable, given: Given, default: Database | None, names: tuple[str, ...]
) -> Scripts:
    """Return the revision files; an ``env.py`` beside them is neither run nor taken for one."""
    location = given.directory or table.directory or "migrations"
    # Others may keep it in a package.
    folder = to_folder(location if ":" in location else str(root / location))
    options = {**read_ini(folder / "alembic.ini"), **table.alembic, "script_location": location}
    holds_revisions = False

    if not options.get("version_locations"):
        # A folder that Flask-Alembic or `flask db` has made has its revisions in itself.
        holds_revisions = not (folder / "env.py").exists() and not (folder / "versions").exists()
        holds_revisions = holds_revisions and any(folder.glob("*.py"))
        options["version_locations"] = [] if holds_revisions else [str(folder / "versions")]

    dialect = default.engine.dialect if default is not None else None
    return Scripts(options, root, names, dialect, COMMAND, holds_revisions=holds_revisions)


class _Unknown(c.Mapping[str, Database]):
    """Databases that are not known, for a reason that whoever asks for one is told."""

    def __init__(self, error: SetupError) -> None:
        self._error = error

    def __getitem__(self, name: str) -> Database:
        raise self._error

    def __iter__(self) -> c.Iterator[str]:
        raise self._error

    def __len__(self) -> int:
        raise self._error
