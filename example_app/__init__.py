"""A small shop: the demo of Flask-Alembic-Admin, and what its tests run against."""

from __future__ import annotations

import collections.abc as c
import json
import os
import typing as t

from flask import Flask

from . import auth
from . import commands
from . import panel
from . import settings
from . import views
from .models import db


def create_app(config: c.Mapping[str, t.Any] | None = None) -> Flask:
    """Make the shop.

    :param config: What to set instead of what ``settings.py`` says.
    """
    app = Flask(
        __name__,
        instance_path=os.environ.get("EXAMPLE_INSTANCE"),
        instance_relative_config=True,
    )
    os.makedirs(app.instance_path, exist_ok=True)
    app.config.from_mapping(settings.from_environment(app.instance_path))
    # What a demo has changed, also for the processes that its runs are.
    app.config.from_file("settings.json", json.load, silent=True)
    app.config.from_mapping(config or {})

    db.init_app(app)
    panel.init_app(app)
    auth.init_app(app)
    app.register_blueprint(views.shop)
    commands.init_app(app)
    return app
