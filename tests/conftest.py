from __future__ import annotations

import collections.abc as c
from pathlib import Path

import pytest
import sqlalchemy as sa

from .servers import own_database


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
