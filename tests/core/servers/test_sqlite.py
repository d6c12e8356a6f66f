"""SQLite: a file, a busy timeout, and nothing else to ask."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.servers import server_of
from flask_alembic_admin.core.servers import Timeouts

from .helpers import Sessions


def busy_timeout(connection: sa.Connection) -> object:
    """Return how long the connection waits for the file, in milliseconds."""
    value = connection.exec_driver_sql("PRAGMA busy_timeout").scalar()
    connection.rollback()
    return value


def test_a_wait_for_the_file_ends(sqlite: Sessions) -> None:
    """A statement that gets no lock in time fails, and is told from other failures."""
    sqlite.run("CREATE TABLE users (id INTEGER)")
    sqlite.connect().exec_driver_sql("INSERT INTO users VALUES (1)")
    runner = sqlite.connect(connect_args={"timeout": 60})
    sqlite.server.set_timeouts(runner, Timeouts(lock=0.2))

    with pytest.raises(sa.exc.OperationalError) as caught:
        runner.exec_driver_sql("CREATE TABLE orders (id INTEGER)")

    assert sqlite.server.is_lock_timeout(caught.value)


def test_a_snapshot_that_is_too_old_counts_as_locked(sqlite: Sessions) -> None:
    """A busy file has kinds, each with a code of its own."""
    sqlite.run("PRAGMA journal_mode = WAL", "CREATE TABLE users (id INTEGER)")
    reader = sqlite.connect()
    reader.exec_driver_sql("BEGIN")
    reader.exec_driver_sql("SELECT * FROM users").all()
    sqlite.run("INSERT INTO users VALUES (1)")

    with pytest.raises(sa.exc.OperationalError) as caught:
        reader.exec_driver_sql("INSERT INTO users VALUES (2)")

    assert sqlite.server.is_lock_timeout(caught.value)


def test_an_ordinary_error_is_no_lock_timeout(sqlite: Sessions) -> None:
    """An error of the statement itself is no reason to try again."""
    with pytest.raises(sa.exc.OperationalError) as caught:
        sqlite.connect().exec_driver_sql("SELECT * FROM nowhere")

    assert not sqlite.server.is_lock_timeout(caught.value)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("database is locked", True),
        ("database table is locked: users", True),
        ("no such table: locks", False),
    ],
)
def test_a_driver_without_error_codes_is_understood(message: str, expected: bool) -> None:
    """Drivers beside Python's own have the words only."""
    server = server_of(sa.create_engine("sqlite://"))
    error = sa.exc.DBAPIError("SELECT 1", None, ValueError(message))

    assert server.is_lock_timeout(error) is expected


def test_restore_brings_the_old_value_back(sqlite: Sessions) -> None:
    """Also after a statement that failed."""
    runner = sqlite.connect(connect_args={"timeout": 42})
    sqlite.server.set_timeouts(runner, Timeouts(lock=7))
    changed = busy_timeout(runner)
    with pytest.raises(sa.exc.OperationalError):
        runner.exec_driver_sql("SELECT * FROM nowhere")

    sqlite.server.restore_timeouts(runner)

    assert (changed, busy_timeout(runner)) == (7000, 42000)
    assert not runner.in_transaction()


def test_it_tells_nothing_of_sessions(sqlite: Sessions) -> None:
    """There are none."""
    connection = sqlite.connect()

    assert not sqlite.server.tells_sessions
    assert not sqlite.server.rolls_back_ddl
    assert sqlite.server.session_id(connection) is None


def test_one_file_has_one_place(sqlite: Sessions, tmp_path: Path) -> None:
    """A link to a file is no other database."""
    sqlite.run("CREATE TABLE users (id INTEGER)")
    link = tmp_path / "link.sqlite"
    link.symlink_to(str(sqlite.url.database))

    place = sqlite.server.place(sqlite.connect())

    assert place == sqlite.server.place(sqlite.connect(sqlite.url.set(database=str(link))))


def test_two_files_have_two_places(sqlite: Sessions, tmp_path: Path) -> None:
    """Two files are two databases."""
    other = sqlite.url.set(database=str(tmp_path / "other.sqlite"))

    place = sqlite.server.place(sqlite.connect())

    assert place != sqlite.server.place(sqlite.connect(other))


def test_a_file_that_was_replaced_is_another_place(sqlite: Sessions, tmp_path: Path) -> None:
    """A backup moved over the file is another database behind the same name."""
    sqlite.run("CREATE TABLE users (id INTEGER)")
    place = sqlite.server.place(sqlite.connect())
    backup = tmp_path / "backup.sqlite"
    backup.write_bytes(Path(str(sqlite.url.database)).read_bytes())
    backup.replace(str(sqlite.url.database))

    assert place != sqlite.server.place(sqlite.connect())


def test_each_memory_has_a_place_of_its_own(sqlite: Sessions) -> None:
    """Two databases in memory share nothing; one has one place for its life."""
    memory = sa.make_url("sqlite://")
    first, second = sqlite.connect(memory), sqlite.connect(memory)

    assert sqlite.server.place(first) == sqlite.server.place(first)
    assert sqlite.server.place(first) != sqlite.server.place(second)
