from __future__ import annotations

import collections.abc as c
import uuid

import pytest
import sqlalchemy as sa

from .helpers import Sessions


@pytest.fixture
def postgresql(postgresql_url: sa.URL) -> c.Iterator[Sessions]:
    """Sessions on an empty PostgreSQL database."""
    sessions = Sessions(postgresql_url)
    yield sessions
    sessions.close()


@pytest.fixture
def mariadb(mariadb_url: sa.URL) -> c.Iterator[Sessions]:
    """Sessions on an empty MariaDB database."""
    sessions = Sessions(mariadb_url)
    yield sessions
    sessions.close()


@pytest.fixture
def sqlite(sqlite_url: sa.URL) -> c.Iterator[Sessions]:
    """Sessions on an empty SQLite file."""
    sessions = Sessions(sqlite_url)
    yield sessions
    sessions.close()


@pytest.fixture(params=["postgresql", "mariadb"])
def sessions(request: pytest.FixtureRequest) -> Sessions:
    """Sessions on each kind of server that has them, in turn."""
    found: Sessions = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def postgresql_user(postgresql: Sessions) -> c.Iterator[sa.URL]:
    """The URL of the same database for a user without any privilege."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    postgresql.run(f"CREATE ROLE {name} LOGIN")
    yield postgresql.url.set(username=name)
    postgresql.close()
    postgresql.run(f"DROP OWNED BY {name}", f"DROP ROLE {name}")


@pytest.fixture
def mariadb_user(mariadb: Sessions) -> c.Iterator[sa.URL]:
    """The URL of the same database for a user who may do everything in it, and nothing else."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    mariadb.run(f"CREATE USER {name}@'%%'", f"GRANT ALL ON {mariadb.url.database}.* TO {name}@'%%'")
    yield mariadb.url.set(username=name)
    mariadb.close()
    mariadb.run(f"DROP USER {name}@'%%'")


@pytest.fixture
def metadata_lock_info(mariadb: Sessions) -> c.Iterator[None]:
    """Loads the plugin that lists metadata locks, where it is not loaded already."""
    active = "SELECT 1 FROM information_schema.plugins WHERE plugin_name = 'METADATA_LOCK_INFO'"
    connection = mariadb.connect()
    # Tests that run at the same time must not unload it for each other.
    connection.exec_driver_sql("SELECT GET_LOCK('test_metadata_lock_info', 60)")

    if connection.exec_driver_sql(active).scalar():
        yield
        return

    try:
        mariadb.run("INSTALL SONAME 'metadata_lock_info'")
    except sa.exc.DBAPIError as error:
        pytest.skip(f"the server has no plugin metadata_lock_info: {error.orig}")

    yield
    mariadb.run("UNINSTALL SONAME 'metadata_lock_info'")
