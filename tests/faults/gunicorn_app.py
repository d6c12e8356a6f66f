"""An app with a panel, made by each worker of gunicorn and by the process of a run."""

from __future__ import annotations

import os
import time
from pathlib import Path

import sqlalchemy as sa
from flask import Flask
from flask import Response
from flask_login import login_user
from flask_login import LoginManager
from flask_login import UserMixin

from flask_alembic_admin import Alembic
from flask_alembic_admin import AlembicAdmin

from ..apps import add_revision
from ..apps import create

#: The name of this module's app for gunicorn. Nothing else tells a run how to load the app.
TARGET = f"{__name__}:create_app()"

#: Names the worker that has answered.
WORKER = "X-Worker"

_WAIT = {"postgresql": "pg_sleep", "mysql": "SLEEP", "sqlite": "sleep"}


class User(UserMixin):  # type: ignore[misc]
    """Whoever has signed in."""

    id = "ann"


def write_revisions(folder: Path, dialect: str, count: int, seconds: float) -> None:
    """Write revisions that each create a table and let the server work for a while.

    :param folder: The folder of the app.
    :param dialect: Which server works.
    :param count: How many revisions there are.
    :param seconds: How long each takes.
    """
    parent = None

    for number in range(1, count + 1):
        revision = f"r{number}"
        work = f"op.execute('SELECT {_WAIT[dialect]}({seconds})')"
        add_revision(
            folder / "migrations", revision, parent, up=f"{create(f't_{revision}')}\n{work}"
        )
        parent = revision


def create_app() -> Flask:
    """Return the app of the folder and the database that the environment names."""
    folder = os.environ["GUNICORN_FOLDER"]
    app = Flask("served", root_path=folder, instance_path=f"{folder}/instance")
    app.config["SECRET_KEY"] = "secret"
    engine = sa.create_engine(os.environ["DATABASE_URL"])

    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _teach_to_sleep)

    Alembic(app, metadatas=sa.MetaData(), engines=engine)
    panel = AlembicAdmin()
    panel.permission(lambda user, action, database: True)
    app.register_blueprint(panel)
    manager = LoginManager(app)
    manager.user_loader(lambda identity: User())

    @app.post("/sign-in")
    def sign_in() -> str:
        login_user(User())
        return "Signed in."

    @app.after_request
    def name_worker(response: Response) -> Response:
        response.headers[WORKER] = str(os.getpid())
        return response

    return app


def _teach_to_sleep(connection: object, _: object) -> None:
    connection.create_function("sleep", 1, time.sleep)  # type: ignore[attr-defined]
