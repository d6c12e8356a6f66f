"""Tiny apps with an Alembic extension, and revision files for them."""

from __future__ import annotations

import collections.abc as c
import contextlib
import dataclasses
import typing as t
from pathlib import Path

import alembic.context
import alembic.op
import sqlalchemy as sa
from flask import Flask

from flask_alembic_admin import Alembic as Alembic
from flask_alembic_admin.core.ledger.tables import TABLE_NAMES
from flask_alembic_admin.core.migrator import Migrator
from flask_alembic_admin.core.results import RunResult
from flask_alembic_admin.errors import MigrationError

#: A revision file whose columns `create()` gives.
_FILE = '''"""{message}

Revision ID: {revision}
"""
import sqlalchemy as sa
from alembic import context
from alembic import op

revision = {revision!r}
down_revision = {parent!r}
branch_labels = {labels!r}
depends_on = {depends_on!r}


def upgrade(**arguments):
    {up}


def downgrade(**arguments):
    {down}
'''


def create(table: str) -> str:
    """Return the code that creates a table of one column."""
    return f"op.create_table({table!r}, sa.Column('id', sa.Integer, primary_key=True))"


def drop(table: str) -> str:
    """Return the code that drops a table."""
    return f"op.drop_table({table!r})"


def add_revision(
    folder: Path,
    revision: str,
    parent: str | tuple[str, ...] | None = None,
    *,
    up: str = "pass",
    down: str = "pass",
    labels: str | tuple[str, ...] | None = None,
    depends_on: str | tuple[str, ...] | None = None,
    message: str = "",
) -> Path:
    """Write a revision file.

    :param folder: Where to write it.
    :param revision: Its id.
    :param parent: What it comes after.
    :param up: The body of ``upgrade()``.
    :param down: The body of ``downgrade()``.
    :param labels: Its branch labels.
    :param depends_on: What it depends on.
    :param message: What it does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{revision}.py"
    text = _FILE.format(
        message=message or f"make {revision}",
        revision=revision,
        parent=parent,
        labels=labels,
        depends_on=depends_on,
        up=up.replace("\n", "\n    "),
        down=down.replace("\n", "\n    "),
    )
    path.write_text(text)
    return path


def add_line(folder: Path, *revisions: str) -> None:
    """Write revisions that follow each other, each creating a table named ``t_`` and its id."""
    parent = None

    for revision in revisions:
        table = f"t_{revision}"
        add_revision(folder, revision, parent, up=create(table), down=drop(table))
        parent = revision


@dataclasses.dataclass
class Site:
    """An app with an Alembic extension and everything around it."""

    app: Flask
    alembic: Alembic
    folder: Path
    engines: dict[str, sa.Engine]
    metadatas: dict[str, sa.MetaData]

    @property
    def engine(self) -> sa.Engine:
        """The engine of the only database, or of the first."""
        return next(iter(self.engines.values()))

    @property
    def metadata(self) -> sa.MetaData:
        """The metadata of the only database, or of the first."""
        return next(iter(self.metadatas.values()))

    def tables(self, database: str | None = None) -> set[str]:
        """Return the names of the tables in a database, without Alembic's and our own."""
        engine = self.engine if database is None else self.engines[database]
        return set(sa.inspect(engine).get_table_names()) - {"alembic_version", *TABLE_NAMES}

    def versions(self, database: str | None = None) -> set[str]:
        """Return what the version table of a database holds."""
        engine = self.engine if database is None else self.engines[database]

        with engine.connect() as connection:
            return set(connection.scalars(sa.text("SELECT version_num FROM alembic_version")))

    def execute(self, statement: str, database: str | None = None) -> None:
        """Execute and commit a statement."""
        engine = self.engine if database is None else self.engines[database]

        with engine.begin() as connection:
            connection.execute(sa.text(statement))

    def upgrade(self, **arguments: t.Any) -> tuple[RunResult, ...]:
        """Upgrade in an app context of its own."""
        with self.app.app_context():
            return self.alembic.upgrade(**arguments)


class MakeSite(t.Protocol):
    """Makes an app with one database or several; the engines are disposed of after the test."""

    def __call__(
        self,
        url: sa.URL | None = None,
        *,
        urls: c.Mapping[str, sa.URL] | None = None,
        extension: type[Alembic] | None = None,
        config: c.Mapping[str, t.Any] | None = None,
        name: str = "site",
        **arguments: t.Any,
    ) -> Site: ...


@contextlib.contextmanager
def site_maker(tmp_path: Path) -> c.Iterator[MakeSite]:
    """Lend a function that makes sites in a folder.

    :param tmp_path: Gets a folder for each app. Databases without a URL are SQLite files in it.
    """
    engines: list[sa.Engine] = []
    apps: list[Flask] = []

    def make_site(
        url: sa.URL | None = None,
        *,
        urls: c.Mapping[str, sa.URL] | None = None,
        extension: type[Alembic] | None = None,
        config: c.Mapping[str, t.Any] | None = None,
        name: str = "site",
        **arguments: t.Any,
    ) -> Site:
        root = tmp_path / name
        root.mkdir(exist_ok=True)

        if urls is None:
            urls = {"default": url or sa.URL.create("sqlite", database=str(root / "db.sqlite"))}

        own = {key: sa.create_engine(value) for key, value in urls.items()}
        engines.extend(own.values())
        metadatas = {key: sa.MetaData() for key in urls}
        app = Flask(name, root_path=str(root), instance_path=str(root / "instance"))
        app.config.update(config or {})
        arguments.setdefault("metadatas", metadatas)
        arguments.setdefault("engines", own)
        # Looked up here, so that the same tests can be run with another class by hand.
        alembic = (extension or Alembic)(app, **arguments)
        apps.append(app)
        return Site(app, alembic, root / "migrations", own, metadatas)

    try:
        yield make_site
    finally:
        for app in apps:
            alembic = app.extensions["alembic"]

            # One whose config cannot work has nothing open; neither has another's class.
            if isinstance(alembic, Migrator):
                with contextlib.suppress(MigrationError), app.app_context():
                    dispose(alembic)

        for engine in engines:
            engine.dispose()


def dispose(alembic: Migrator) -> None:
    """Dispose of the engines of the current app's databases and of its ledger."""
    for database in alembic.project.databases.values():
        database.engine.dispose()

    if ledger := vars(alembic.project).get("ledger"):
        ledger.engine.dispose()


@contextlib.contextmanager
def kept_proxies() -> c.Iterator[None]:
    """Put ``alembic.op`` and ``alembic.context`` back as they are now, whatever is left in them."""
    modules = (vars(alembic.op), vars(alembic.context))
    before = [dict(module) for module in modules]

    try:
        yield
    finally:
        for module, kept in zip(modules, before, strict=True):
            module.clear()
            module.update(kept)
