"""All that an app has to write for Flask-Alembic-Admin."""

from __future__ import annotations

import typing as t

from flask import Flask

from flask_alembic_admin import Alembic
from flask_alembic_admin import alembic_admin

from .models import db

alembic = Alembic(metadatas={"default": db.metadatas[None], "audit": db.metadatas["audit"]})


@alembic_admin.permission
def may(user: t.Any, action: str, database: str) -> bool:
    """Let an administrator do everything, and whoever else is signed in only look."""
    return bool(user.is_authenticated and (user.is_admin or action == "view"))


def init_app(app: Flask) -> None:
    """Give the app ``flask db`` and the panel."""
    # A run is a process of its own, which loads the app by this name.
    app.config.setdefault("ALEMBIC_ADMIN", {}).setdefault("app", "example_app")
    alembic.init_app(app)
    app.register_blueprint(alembic_admin)
