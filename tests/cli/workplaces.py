"""Revision files and databases, and the commands on them, with no Flask app anywhere."""

from __future__ import annotations

import collections.abc as c
import json
import typing as t
from pathlib import Path

import click
import sqlalchemy as sa
from click.testing import CliRunner
from click.testing import Result

from flask_alembic_admin.cli import COMMANDS
from flask_alembic_admin.core.databases.database import pair_databases
from flask_alembic_admin.core.migrator import Migrator
from flask_alembic_admin.core.project import Project
from flask_alembic_admin.core.scripts.scripts import Scripts
from flask_alembic_admin.core.settings import Settings

from ..apps import add_revision
from ..apps import create
from ..apps import drop

#: Every command by what is written for it; ``runs`` alone is ``runs list``.
EVERY: dict[str, click.Command] = {
    f"{command.name} {name}" if name else str(command.name): sub
    for command in COMMANDS
    for name, sub in (
        command.commands.items() if isinstance(command, click.Group) else [("", command)]
    )
}

#: The revisions that a workplace begins with, and the tables that they create.
USERS, ORDERS, NOTES = "users01", "orders02", "notes03"


class Workplace:
    """A plain ``Migrator`` on some databases, and its command line.

    :param folder: Where the files go.
    :param urls: The databases by name.
    :param options: More of the ``ALEMBIC`` mapping.
    """

    def __init__(
        self, folder: Path, urls: c.Mapping[str, sa.URL], options: c.Mapping[str, t.Any] = {}
    ) -> None:
        self.folder = folder / "migrations"
        self.folder.mkdir(exist_ok=True)
        self.metadata = {name: _models() for name in urls}
        self.engines = {
            name: sa.create_engine(url, poolclass=sa.NullPool) for name, url in urls.items()
        }
        scripts = Scripts(
            {"script_location": str(self.folder), **options}, folder, tuple(self.metadata)
        )
        metadatas = {name: [metadata] for name, metadata in self.metadata.items()}
        self.migrator = Migrator(
            Project(
                scripts=scripts,
                databases=pair_databases(metadatas, self.engines),
                context_options={"compare_server_default": True},
                settings=Settings(),
                folder=folder,
            )
        )

    def db(self, *arguments: str, input: str | None = None) -> Result:
        """Run a command, as if it stood after ``db`` on a command line."""
        group = click.Group("db", list(COMMANDS))
        return CliRunner().invoke(group, arguments, input, obj=self.migrator)

    def lines(self, *arguments: str) -> list[str]:
        """Run a command that succeeds, and return the lines that it printed."""
        result = self.db(*arguments)
        assert result.exit_code == 0, result.output
        assert not result.stderr
        return result.stdout.splitlines()

    def json(self, *arguments: str, status: int = 0) -> t.Any:
        """Run a command with ``--json`` and return what all of its standard output means."""
        result = self.db(*arguments, "--json")
        assert result.exit_code == status, result.output
        return json.loads(result.stdout)

    def write(
        self,
        revision: str,
        parent: str | tuple[str, ...] | None,
        up: str = "pass",
        down: str = "pass",
        *,
        message: str = "",
        labels: tuple[str, ...] = (),
    ) -> Path:
        """Write a revision file."""
        return add_revision(
            self.folder,
            revision,
            parent,
            up=up,
            down=down,
            message=message or f"do {revision}",
            labels=labels or None,
        )

    def write_three(self) -> t.Self:
        """Write three revisions, each of which creates a table that the models have."""
        parent = None

        for revision in (USERS, ORDERS, NOTES):
            table = revision[:-2]
            self.write(revision, parent, create(table), drop(table), message=f"create {table}")
            parent = revision

        return self

    def heads(self, name: str = "default") -> set[str]:
        """Return what the version table of a database holds, asked without Alembic."""
        if "alembic_version" not in self.tables(name):
            return set()

        with self.engines[name].connect() as connection:
            return set(connection.scalars(sa.text("SELECT version_num FROM alembic_version")))

    def tables(self, name: str = "default") -> set[str]:
        """Return the names of the tables of a database, without those of the ledger."""
        names = sa.inspect(self.engines[name]).get_table_names()
        return {table for table in names if not table.startswith("alembic_admin_")}

    def execute(self, *statements: str, name: str = "default") -> None:
        """Execute SQL behind the back of the migrations."""
        with self.engines[name].begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)


_APP = """\
import sqlalchemy as sa
from flask import Flask
from flask_alembic_admin import Alembic

app = Flask(__name__, instance_path={folder!r})
engines = {{name: sa.create_engine(url) for name, url in {urls!r}.items()}}
Alembic(app, metadatas={{name: sa.MetaData() for name in engines}}, engines=engines)
"""


def flask_db(work: Workplace) -> list[str]:
    """Return arguments that make Python run ``flask db`` on a workplace, with its ledger."""
    folder = work.folder.parent
    urls = {
        name: engine.url.render_as_string(hide_password=False)
        for name, engine in work.engines.items()
    }
    (folder / "app.py").write_text(_APP.format(folder=str(folder), urls=urls))
    return ["-m", "flask", "--app", str(folder / "app.py"), "db"]


def wait_for(path: Path) -> str:
    """Return the body of a migration that goes on when a file is there."""
    return f"import pathlib, time\nwhile not pathlib.Path({str(path)!r}).exists(): time.sleep(0.01)"


def _models() -> sa.MetaData:
    metadata = sa.MetaData()

    for name in ("users", "orders", "notes"):
        sa.Table(name, metadata, sa.Column("id", sa.Integer, primary_key=True))

    return metadata
