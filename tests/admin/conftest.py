from __future__ import annotations

import collections.abc as c
import re
import typing as t
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask import request
from flask.testing import FlaskClient
from flask_login import LoginManager
from flask_login import UserMixin

from flask_alembic_admin import Alembic
from flask_alembic_admin import AlembicAdmin

#: What each kind of user may do.
ROLES: dict[str, set[str]] = {
    "nobody": set(),
    "viewer": {"view"},
    "operator": {"view", "upgrade", "downgrade", "stamp", "revision", "merge"},
    "auditor": {"view", "audit"},
}

REVISION = '''"""{message}

Revision ID: {revision}
Create Date: 2026-11-01 10:00:00
"""
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {parent!r}


def upgrade():
    {body}


def downgrade():
    pass
'''


class User(UserMixin):  # type: ignore[misc]
    """Somebody who is known by the name of their role."""

    def __init__(self, role: str) -> None:
        self.id = role


class Panel:
    """An app with a panel of its own, on one SQLite file, and two revisions to run.

    :param folder: Where all of its files go.
    :param url: Of another database than that file.
    :param config: What the app is configured with.
    """

    def __init__(self, folder: Path, url: sa.URL | None = None, **config: t.Any) -> None:
        self.folder = folder
        self.app = Flask(__name__, root_path=str(folder), instance_path=str(folder / "instance"))
        self.app.config.from_mapping(
            {"SECRET_KEY": "secret", "ALEMBIC_ADMIN": {"runner": "inline"}, **config}
        )
        self.engine = sa.create_engine(url or f"sqlite:///{folder}/app.sqlite")
        self.metadata = sa.MetaData()
        self.alembic = Alembic(self.app, metadatas=self.metadata, engines=self.engine)
        self.blueprint = AlembicAdmin()
        self.app.register_blueprint(self.blueprint)
        self.write(
            "aaa1", None, "create things", "op.create_table('things', sa.Column('a', sa.Integer))"
        )
        self.write(
            "bbb2", "aaa1", "create parts", "op.create_table('parts', sa.Column('a', sa.Integer))"
        )

    def write(self, revision: str, parent: str | None, message: str, body: str) -> Path:
        """Write a revision file."""
        path = self.folder / "migrations" / f"{revision}.py"
        path.write_text(
            REVISION.format(revision=revision, parent=parent, message=message, body=body)
        )
        return path

    def open_up(self) -> None:
        """Let people in by role, as an app would do it."""
        manager = LoginManager(self.app)

        @manager.request_loader  # type: ignore[untyped-decorator]  # it publishes no types
        def load(_: object) -> User | None:
            role = request.headers.get("X-Role")
            return User(role) if role in ROLES else None

        @self.blueprint.permission
        def may(user: User, action: str, database: str) -> bool:
            return action in ROLES[user.id]

    def client(self, role: str | None) -> FlaskClient:
        """Return a client that is signed in, or not."""
        client = self.app.test_client()

        if role is not None:
            client.environ_base["HTTP_X_ROLE"] = role

        return client

    def tables(self) -> set[str]:
        """Return the names of the tables there are."""
        return set(sa.inspect(self.engine).get_table_names())


@pytest.fixture
def make_panel(tmp_path: Path) -> c.Iterator[c.Callable[..., Panel]]:
    """Make panels whose connections are closed after the test."""
    panels: list[Panel] = []

    def make(**config: t.Any) -> Panel:
        panels.append(Panel(tmp_path, **config))
        return panels[-1]

    yield make

    for panel in panels:
        panel.engine.dispose()
        with panel.app.app_context():
            panel.alembic.project.ledger.engine.dispose()


@pytest.fixture
def panel(make_panel: c.Callable[..., Panel]) -> Panel:
    """A panel that lets people in by role."""
    panel = make_panel()
    panel.open_up()
    return panel


def fields(html: str) -> dict[str, str]:
    """Return the hidden fields of the first form on a page."""
    return dict(re.findall(r'<input id="\w+" name="(\w+)" type="hidden" value="([^"]*)"', html))
