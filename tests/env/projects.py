"""Projects as Flask-Migrate's own ``init`` makes them, with two lines more."""

from __future__ import annotations

import collections.abc as c
import contextlib
import dataclasses
import re
import sys
import typing as t
from pathlib import Path

import sqlalchemy as sa
from flask import Flask
from flask_login import LoginManager
from flask_login import UserMixin
from flask_sqlalchemy import SQLAlchemy

from flask_alembic_admin import Alembic
from flask_alembic_admin import AlembicAdmin
from flask_alembic_admin.core.ledger.tables import TABLE_NAMES
from flask_alembic_admin.core.results import RunResult

from ..apps import dispose

#: A revision file as Flask-Migrate writes it, for one database and for several.
_FILE = '''"""{message}

Revision ID: {revision}
Revises: {parent}
"""
from alembic import context
from alembic import op
import sqlalchemy as sa

revision = {revision!r}
down_revision = {parent!r}
branch_labels = None
depends_on = None


def upgrade():
    {up}


def downgrade():
    {down}
'''


@dataclasses.dataclass
class Project:
    """An app with Flask-Migrate and this extension, in a folder of its own."""

    app: Flask
    db: SQLAlchemy
    alembic: Alembic
    folder: Path

    @property
    def env_py(self) -> Path:
        """Its ``env.py``."""
        return self.folder / "env.py"

    @property
    def ini(self) -> Path:
        """Its ``alembic.ini``."""
        return self.folder / "alembic.ini"

    def edit_env(self, old: str, new: str) -> None:
        """Change a piece of ``env.py``, every time that it is there."""
        text = self.env_py.read_text()
        assert old in text
        self.env_py.write_text(text.replace(old, new))

    def add(
        self,
        revision: str,
        parent: str | tuple[str, ...] | None = None,
        *,
        up: str | None = None,
        down: str | None = None,
        folder: Path | None = None,
    ) -> Path:
        """Write a revision that creates a table ``t_`` and its id, or does what is given."""
        path = (folder or self.folder / "versions") / f"{revision}_made.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        create = f"op.create_table('t_{revision}', sa.Column('id', sa.Integer, primary_key=True))"
        path.write_text(
            _FILE.format(
                message=f"make {revision}",
                revision=revision,
                parent=parent,
                up=(create if up is None else up).replace("\n", "\n    "),
                down=(f"op.drop_table('t_{revision}')" if down is None else down).replace(
                    "\n", "\n    "
                ),
            )
        )
        return path

    def tables(self, bind: str | None = None) -> set[str]:
        """Return the names of the tables in a database, without Alembic's and our own."""
        with self.app.app_context(), self.db.engines[bind].connect() as connection:
            names = sa.inspect(connection).get_table_names()
            return set(names) - {"alembic_version", *TABLE_NAMES}

    def versions(self, bind: str | None = None, table: str = "alembic_version") -> set[str]:
        """Return what the version table of a database holds."""
        with self.app.app_context(), self.db.engines[bind].connect() as connection:
            return set(connection.scalars(sa.text(f"SELECT version_num FROM {table}")))

    def execute(self, statement: str, bind: str | None = None) -> None:
        """Execute and commit a statement."""
        with self.app.app_context(), self.db.engines[bind].begin() as connection:
            connection.execute(sa.text(statement))

    def upgrade(self, **arguments: t.Any) -> tuple[RunResult, ...]:
        """Upgrade in an app context of its own."""
        with self.app.app_context():
            return self.alembic.upgrade(**arguments)


class MakeProject(t.Protocol):
    """Makes a project; its engines are disposed of after the test."""

    def __call__(
        self,
        url: sa.URL | str | None = None,
        *,
        binds: c.Mapping[str, sa.URL | str] | None = None,
        multidb: bool = False,
        init: bool = True,
        directory: str = "migrations",
        config: c.Mapping[str, t.Any] | None = None,
        extension: c.Mapping[str, t.Any] | None = None,
        **migrate: t.Any,
    ) -> Project: ...


@contextlib.contextmanager
def project_maker(place: Path) -> c.Iterator[MakeProject]:
    """Lend a function that makes projects in a folder, which is the working directory.

    :param place: The folder.
    """
    made: list[Project] = []
    before = set(sys.modules)

    def make(
        url: sa.URL | str | None = None,
        *,
        binds: c.Mapping[str, sa.URL | str] | None = None,
        multidb: bool = False,
        init: bool = True,
        directory: str = "migrations",
        config: c.Mapping[str, t.Any] | None = None,
        extension: c.Mapping[str, t.Any] | None = None,
        **migrate: t.Any,
    ) -> Project:
        import flask_migrate

        app = Flask("shop", root_path=str(place), instance_path=str(place / "instance"))
        app.config.update(
            SECRET_KEY="secret",
            SQLALCHEMY_DATABASE_URI=url or f"sqlite:///{place / 'shop.sqlite'}",
            SQLALCHEMY_BINDS=dict(binds or {}),
            **(config or {}),
        )
        db = SQLAlchemy()

        class User(db.Model):  # type: ignore[name-defined,misc]
            id = sa.Column(sa.Integer, primary_key=True)
            name = sa.Column(sa.String(50))

        for bind in binds or {}:
            sa.Table(
                f"of_{bind}", _metadata(db, bind), sa.Column("id", sa.Integer, primary_key=True)
            )

        db.init_app(app)
        flask_migrate.Migrate(app, db, directory=directory, **migrate)

        if init and not (place / directory).exists():
            with app.app_context():
                flask_migrate.init(multidb=multidb)

        # The two lines.
        alembic = Alembic(app, **(extension or {}))
        panel = AlembicAdmin()
        app.register_blueprint(panel)
        _let_everybody_in(app, panel)
        made.append(Project(app, db, alembic, place / directory))
        return made[-1]

    try:
        yield make
    finally:
        for project in made:
            with contextlib.suppress(Exception), project.app.app_context():
                dispose(project.alembic)

            with project.app.app_context():
                for engine in project.db.engines.values():
                    engine.dispose()

        # Others shall not be taken for apps that use it.
        for name in set(sys.modules) - before:
            if name.partition(".")[0] == "flask_migrate":
                del sys.modules[name]


def _let_everybody_in(app: Flask, panel: AlembicAdmin) -> None:
    manager = LoginManager(app)

    @manager.request_loader  # type: ignore[untyped-decorator]  # it publishes no types
    def load(_: object) -> UserMixin:
        user = UserMixin()
        user.id = "ops"
        return user

    @panel.permission
    def may(user: object, action: str, database: str) -> bool:
        return True


def _metadata(db: SQLAlchemy, bind: str) -> sa.MetaData:
    if bind not in db.metadatas:
        db.metadatas[bind] = sa.MetaData(info={"bind_key": bind})

    return db.metadatas[bind]


def without_spaces(text: str) -> str:
    """Return a text on one line, to find sentences in it."""
    return re.sub(r"\s+", " ", text)
