from __future__ import annotations

import collections.abc as c
import typing as t
from pathlib import Path
from unittest import mock

import pytest
import sqlalchemy as sa
from flask import Flask
from jinja2 import FileSystemBytecodeCache

import example_app
from example_app.models import db

from .apps import MakeSite
from .apps import site_maker
from .servers import own_database


@pytest.fixture(scope="session", autouse=True)
def _compile_templates_once(tmp_path_factory: pytest.TempPathFactory) -> c.Iterator[None]:
    """Keep what templates compile to: each test makes an app, which would compile them anew."""
    cache = FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))

    with mock.patch.object(Flask, "jinja_options", {"bytecode_cache": cache}):
        yield


@pytest.fixture
def sqlite_url(tmp_path: Path) -> sa.URL:
    """The URL of an empty SQLite file."""
    return sa.URL.create("sqlite", database=str(tmp_path / "test.sqlite"))


@pytest.fixture
def postgresql_url() -> c.Iterator[sa.URL]:
    """The URL of an empty PostgreSQL database."""
    with own_database("TEST_POSTGRESQL_URL") as url:
        yield url


@pytest.fixture
def mariadb_url() -> c.Iterator[sa.URL]:
    """The URL of an empty MariaDB database."""
    with own_database("TEST_MARIADB_URL") as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def database_url(request: pytest.FixtureRequest) -> sa.URL:
    """The URL of an empty database, on each kind of server in turn."""
    url: sa.URL = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An instance folder of the test's own, and nothing else from the environment."""
    for variable in ("DATABASE_URL", "AUDIT_DATABASE_URL", "SECRET_KEY", "PORT"):
        monkeypatch.delenv(variable, raising=False)

    folder = tmp_path / "instance"
    monkeypatch.setenv("EXAMPLE_INSTANCE", str(folder))
    return folder


@pytest.fixture
def make_shop(instance: Path) -> c.Iterator[c.Callable[..., Flask]]:
    """Make shops whose connections are closed after the test."""
    shops: list[Flask] = []

    def make(**config: t.Any) -> Flask:
        shops.append(example_app.create_app({"TESTING": True, **config}))
        return shops[-1]

    yield make

    for shop in shops:
        with shop.app_context():
            for engine in db.engines.values():
                engine.dispose()


@pytest.fixture
def shop(make_shop: c.Callable[..., Flask]) -> Flask:
    """A shop on empty SQLite files."""
    return make_shop()


@pytest.fixture
def server_shop(make_shop: c.Callable[..., Flask], database_url: sa.URL) -> Flask:
    """A shop on an empty database, on each kind of server in turn."""
    return make_shop(SQLALCHEMY_DATABASE_URI=database_url)


@pytest.fixture
def make_site(tmp_path: Path) -> c.Iterator[MakeSite]:
    """Makes tiny apps with an Alembic extension and a SQLite file each, unless told otherwise."""
    with site_maker(tmp_path) as maker:
        yield maker
