"""Databases of their own for tests, on real servers."""

from __future__ import annotations

import collections.abc as c
import contextlib
import os
import typing as t
import uuid

import pytest
import sqlalchemy as sa

#: Where each server is looked for when its variable is not set.
DEFAULT_URLS = {
    "TEST_POSTGRESQL_URL": "postgresql+psycopg://postgres@127.0.0.1:5432/postgres",
    "TEST_MARIADB_URL": "mysql+pymysql://root@127.0.0.1:3306/mysql",
}


def server_url(variable: str) -> sa.URL:
    """Return the URL of a server, taken from the environment or the standard port."""
    return sa.make_url(os.environ.get(variable) or DEFAULT_URLS[variable])


def unavailable(reason: str) -> t.NoReturn:
    """Skip a test that lacks something; where ``CI`` is set it fails.

    :param reason: What is not there.
    """
    if os.environ.get("CI"):
        pytest.fail(reason)

    pytest.skip(reason)


@contextlib.contextmanager
def own_database(variable: str) -> c.Iterator[sa.URL]:
    """Make an empty database on the server that a variable names, and drop it afterwards.

    Without a server the test is skipped; where ``CI`` is set it fails.
    """
    url = server_url(variable)
    name = f"test_{uuid.uuid4().hex[:16]}"
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)

    try:
        with engine.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
    except sa.exc.OperationalError as error:
        unavailable(f"no server at {variable} ({url.render_as_string()}): {error.orig}")

    try:
        yield url.set(database=name)
    finally:
        force = " WITH (FORCE)" if engine.dialect.name == "postgresql" else ""
        with engine.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name}{force}"))
        engine.dispose()
