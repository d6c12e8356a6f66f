"""Moving to here and back works exactly as the pages about it say."""

from __future__ import annotations

import contextlib
import logging
from importlib.util import find_spec

import pytest

from .pages import follow
from .projects import FlaskProject


def test_from_flask_migrate_and_back(project: FlaskProject) -> None:
    """Two lines, then without Flask-Migrate, then with it alone."""
    printed, shown = follow("from-flask-migrate.md", project)
    assert printed == shown
    assert project.schema("shop.db") == {"order": ["id", "paid", "sent"]}


def test_with_and_without_env_py(project: FlaskProject) -> None:
    """To a folder that `alembic` itself can use, and back."""
    printed, shown = follow("env-py.md", project, "With and without")
    assert printed == shown
    assert project.schema("shop.db") == {}


@pytest.mark.skipif(find_spec("flask_alembic") is None, reason="Flask-Alembic is not installed")
def test_from_flask_alembic_and_back(project: FlaskProject) -> None:
    """One import and back, with a revision made by each."""
    with contextlib.ExitStack() as stack:
        # It sets levels and adds handlers, which would last for the tests after it.
        for name in ("alembic", "sqlalchemy"):
            logger = logging.getLogger(name)
            stack.callback(logger.setLevel, logger.level)
            stack.callback(setattr, logger, "handlers", list(logger.handlers))

        printed, shown = follow("from-flask-alembic.md", project, "An example")

    assert printed == shown
    assert project.schema("blog.db") == {"post": ["id", "title"]}
