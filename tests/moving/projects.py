"""Flask projects in a folder, made by the commands of whatever extension they have."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import logging.config
import subprocess
import sys
import typing as t

import pytest
from alembic import util
from alembic.config import Config
from alembic.config import main as command_line
from click.testing import CliRunner
from click.testing import Result
from flask import Flask
from flask.cli import FlaskGroup

from flask_alembic_admin import Alembic
from flask_alembic_admin.core.ledger.tables import TABLE_NAMES

from ..apps import dispose
from ..projects import columns_of
from ..projects import heads_of
from ..projects import ProjectFolder

#: The extensions that shall be imported anew: ours has the name `db` where they are not.
_IMPORTED_ANEW = ("app", "flask_migrate")


class FlaskProject(ProjectFolder):
    """A folder with an ``app.py``, and ``flask`` called in it, each time as if in a new process."""

    def edit(self, path: str, old: str, new: str) -> None:
        """Change a piece of a file."""
        text = (self.folder / path).read_text()
        assert old in text
        (self.folder / path).write_text(text.replace(old, new))

    @contextlib.contextmanager
    def app(self) -> t.Iterator[Flask]:
        """Lend the app of ``app.py``; its connections are closed afterwards."""
        before = set(sys.modules)
        spec = importlib.util.spec_from_file_location("app", self.folder / "app.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["app"] = module

        try:
            spec.loader.exec_module(module)
            app = module.app if hasattr(module, "app") else module.create_app()
            yield app
            _close(app)
        finally:
            for name in {*(set(sys.modules) - before), "app"}:
                if name.partition(".")[0] in _IMPORTED_ANEW:
                    del sys.modules[name]

    def flask(self, *arguments: str, **environment: str) -> Result:
        """Call ``flask`` with that app."""
        with self.app() as app:
            program = FlaskGroup(create_app=lambda: app, load_dotenv=False, set_debug_flag=False)
            return CliRunner().invoke(program, arguments, env=environment, prog_name="flask")

    def lines(self, *arguments: str, **environment: str) -> list[str]:
        """Call a command that succeeds, and return what it printed."""
        result = self.flask(*arguments, **environment)
        assert result.exit_code == 0, (arguments, result.output, result.exc_info)
        return result.stdout.splitlines()

    def alembic(self, *arguments: str) -> list[str]:
        """Call ``alembic``, and return what it printed."""
        printed, path = io.StringIO(), list(sys.path)
        importlib.invalidate_caches()

        try:
            with contextlib.redirect_stdout(printed):
                command_line(arguments, prog="alembic")
        finally:
            sys.path[:] = path

            if module := sys.modules.pop("app", None):
                _close(module.app)

        return printed.getvalue().splitlines()

    def shell(self, line: str) -> None:
        """Call another command."""
        subprocess.run(line, cwd=self.folder, shell=True, check=True)

    def revisions(self, folder: str = "migrations/versions") -> list[str]:
        """Return the names of the revision files, the oldest first."""
        return [path.name for path in self.revision_files(folder)]

    def schema(self, database: str = "app.db") -> dict[str, list[str]]:
        """Return the columns of each table of a SQLite file, but for ours."""
        columns = columns_of(self.folder / "instance" / database)
        return {name: found for name, found in columns.items() if name not in TABLE_NAMES}

    def heads(self, database: str = "app.db", table: str = "alembic_version") -> list[str]:
        """Return what a version table of such a file holds."""
        return heads_of(self.folder / "instance" / database, table)


def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what is around the tests from what is called in them, and the other way round."""
    for variable in ("FLASK_APP", "FLASK_DB_DIRECTORY"):
        monkeypatch.delenv(variable, raising=False)

    monkeypatch.setenv("EDITOR", "true")
    # Set by the program `flask`.
    monkeypatch.setenv("FLASK_RUN_FROM_CLI", "true")
    # What `flask db` does to the logging of its process would last for the tests after it.
    monkeypatch.setattr(logging.config, "fileConfig", lambda *arguments, **options: None)
    # It writes to what standard output was when Alembic was imported.
    monkeypatch.setattr(Config, "print_stdout", _print)


def _print(config: Config, text: str, *arguments: object) -> None:
    util.write_outstream(sys.stdout, text % arguments, "\n", **config.messaging_opts)


def _close(app: Flask) -> None:
    with app.app_context():
        if isinstance(alembic := app.extensions.get("alembic"), Alembic):
            dispose(alembic)

        for engine in app.extensions["sqlalchemy"].engines.values():
            engine.dispose()
