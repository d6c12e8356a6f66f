"""Projects in a folder of their own, whatever calls commands in them."""

from __future__ import annotations

import contextlib
import sqlite3
import sys
import textwrap
from pathlib import Path

import pytest


class ProjectFolder:
    """A folder with a project, which is the working directory.

    :param folder: The folder.
    :param monkeypatch: Changes into it.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(self, path: str, text: str) -> Path:
        """Write a file of the project."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text).lstrip("\n"))
        return file

    def revision_files(self, folder: str) -> list[Path]:
        """Return the revision files, the oldest first."""
        return sorted((self.folder / folder).glob("*.py"), key=lambda path: path.stat().st_mtime_ns)


def columns_of(path: Path) -> dict[str, list[str]]:
    """Return the columns of each table of a SQLite file, without the version table."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {
            name: [row[1] for row in connection.execute(f"PRAGMA table_info('{name}')")]
            for (name,) in names.fetchall()
            if name != "alembic_version"
        }


def heads_of(path: Path, table: str = "alembic_version") -> list[str]:
    """Return what a version table of a SQLite file holds."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        found = connection.execute(f"SELECT version_num FROM {table} ORDER BY 1")
        return [row[0] for row in found]
