"""Projects without Flask, and ``alembic-db`` called in them."""

from __future__ import annotations

import json
import sys
import typing as t
from pathlib import Path

from click.testing import CliRunner
from click.testing import Result

from flask_alembic_admin.cli.alembic_db import cli

from ..projects import columns_of
from ..projects import heads_of
from ..projects import ProjectFolder

BASE = """
from sqlalchemy.orm import declarative_base

Base = declarative_base()

def get_base():
    return {'base': Base, 'sqlalchemy_url': 'sqlite:///demo.db'}
"""

BOOK = """
from .base import Base
from sqlalchemy import Integer, String, Column

class Book(Base):
    __tablename__ = 'books'
    name = Column(String, primary_key=True)
    year = Column(Integer)
"""


class PlainProject(ProjectFolder):
    """A folder with models, and ``alembic-db`` called in it, each time as if in a new process."""

    def db(self, *arguments: str) -> Result:
        """Call ``alembic-db``."""
        path, modules = list(sys.path), set(sys.modules)

        try:
            return CliRunner().invoke(cli, arguments, prog_name="alembic-db")
        finally:
            sys.path[:] = path
            for name in set(sys.modules) - modules:
                module = sys.modules[name]
                # A package without `__init__.py` has a path alone.
                paths = (getattr(module, "__file__", None), *getattr(module, "__path__", ()))
                if any(path and path.startswith(str(self.folder)) for path in paths):
                    del sys.modules[name]

    def lines(self, *arguments: str) -> list[str]:
        """Call a command that succeeds, and return what it printed."""
        result = self.db(*arguments)
        assert result.exit_code == 0, result.output
        return result.stdout.splitlines()

    def json(self, *arguments: str) -> t.Any:
        """Call a command with ``--json`` and return what all of its standard output means."""
        return json.loads("\n".join(self.lines(*arguments, "--json")))

    def refusal(self, *arguments: str, status: int = 2) -> str:
        """Call a command that is refused and writes nothing, and return what it says."""
        before = self.files()
        result = self.db(*arguments)
        assert result.exit_code == status, (result.output, result.exc_info)
        assert result.stdout == ""
        assert "Traceback" not in result.stderr
        assert self.files() == before
        return result.stderr

    def files(self) -> set[str]:
        """Return the paths of all files."""
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)) for path in found}

    def revisions(self, folder: str = "migrations/versions") -> list[Path]:
        """Return the revision files, the oldest first."""
        return self.revision_files(folder)

    def schema(self, database: str = "demo.db") -> dict[str, list[str]]:
        """Return the columns of each table of a SQLite file, without the version table."""
        return columns_of(self.folder / database)

    def heads(self, database: str = "demo.db") -> list[str]:
        """Return what the version table of a SQLite file holds."""
        return heads_of(self.folder / database)
