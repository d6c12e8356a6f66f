"""Indexes that an interrupted build left unusable."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from .helpers import eventually
from .helpers import running
from .helpers import Sessions


def test_an_invalid_index_is_listed_with_its_table(postgresql: Sessions) -> None:
    """A concurrent build that failed leaves an index that costs and does not serve."""
    postgresql.run("CREATE TABLE users (age INTEGER)", "INSERT INTO users VALUES (1), (1)")
    with pytest.raises(sa.exc.IntegrityError):
        postgresql.run("CREATE UNIQUE INDEX CONCURRENTLY ix_age ON users (age)")

    found = postgresql.server.invalid_indexes(postgresql.connect())

    assert found == ("public.ix_age on public.users",)


def test_an_index_that_is_being_built_is_not_listed(postgresql: Sessions) -> None:
    """Not yet valid is not broken."""
    postgresql.run("CREATE TABLE users (age INTEGER)")
    postgresql.connect().exec_driver_sql("INSERT INTO users VALUES (1)")
    builder = postgresql.connect(isolation_level="AUTOCOMMIT")
    watcher = postgresql.connect(isolation_level="AUTOCOMMIT")
    invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"

    with running(postgresql, "CREATE INDEX CONCURRENTLY ix_age ON users (age)", builder):
        eventually(lambda: watcher.exec_driver_sql(invalid).scalar())
        found = postgresql.server.invalid_indexes(watcher)

    assert found == ()


def test_valid_indexes_are_not_listed(postgresql: Sessions) -> None:
    """An ordinary database has none."""
    postgresql.run("CREATE TABLE users (id INTEGER PRIMARY KEY)")

    assert postgresql.server.invalid_indexes(postgresql.connect()) == ()


def test_mariadb_has_no_invalid_indexes(mariadb: Sessions) -> None:
    """An index is there or not."""
    assert mariadb.server.invalid_indexes(mariadb.connect()) == ()
