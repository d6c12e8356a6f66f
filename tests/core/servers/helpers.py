"""Sessions on real servers, and statements that run in the background."""

from __future__ import annotations

import collections.abc as c
import contextlib
import threading
import time
import typing as t

import sqlalchemy as sa

from flask_alembic_admin.core.servers import Blocker
from flask_alembic_admin.core.servers import Server
from flask_alembic_admin.core.servers import server_of
from flask_alembic_admin.core.servers import SessionState

#: After how many seconds a test stops waiting for what it expects.
DEADLINE = 15.0


class Sessions:
    """Connections to one database, each with a session of its own.

    :param url: The database.
    """

    def __init__(self, url: sa.URL) -> None:
        self.url = url
        self.server: Server = server_of(self._engine(url))
        self._open: list[sa.Connection] = []

    def connect(self, url: sa.URL | None = None, **options: t.Any) -> sa.Connection:
        """Return a new connection, closed after the test.

        :param url: Another URL than the database's own.
        :param options: For the engine.
        """
        connection = self._engine(url or self.url, **options).connect()
        self._open.append(connection)
        return connection

    def id_of(self, connection: sa.Connection) -> str:
        """Return the id of a connection's session."""
        session_id = self.server.session_id(connection)
        assert session_id
        return session_id

    def run(self, *statements: str) -> None:
        """Execute statements, each committed, in a session that ends with them."""
        with self._engine(self.url, isolation_level="AUTOCOMMIT").connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def close(self) -> None:
        """Close every connection."""
        for connection in self._open:
            if not connection.closed:
                connection.invalidate()
                connection.close()

    @staticmethod
    def _engine(url: sa.URL, **options: t.Any) -> sa.Engine:
        return sa.create_engine(url, **{"poolclass": sa.NullPool, **options})


class Statement:
    """A statement in the background.

    :param sessions: Where.
    :param runner: The connection it runs on.
    :param sql: The statement.
    """

    def __init__(self, sessions: Sessions, runner: sa.Connection, sql: str) -> None:
        self.session_id = sessions.id_of(runner)
        self.watcher = sessions.connect()
        self.error: BaseException | None = None
        self._server = sessions.server
        self._runner = runner
        self._sql = sql
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def seen(self) -> SessionState:
        """Return what the watcher sees of its session, once the statement runs."""
        return eventually(self._seen)

    def blockers(self) -> tuple[Blocker, ...]:
        """Return who keeps it waiting, once somebody does."""
        return eventually(lambda: self._server.blockers(self.watcher, self.session_id), pause=0.3)

    def join(self) -> None:
        """Wait until it has ended."""
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive(), f"{self._sql} is still running"

    def _seen(self) -> SessionState | None:
        state = self._server.session(self.watcher, self.session_id)
        runs = state is not None and (state.statement or "")[:12] == self._sql[:12]
        return state if runs else None

    def _run(self) -> None:
        try:
            self._runner.exec_driver_sql(self._sql)
        except sa.exc.DBAPIError as error:
            self.error = error
        finally:
            # Whoever ends the session may do so just now.
            with contextlib.suppress(sa.exc.DBAPIError):
                self._runner.rollback()


@contextlib.contextmanager
def running(
    sessions: Sessions, sql: str, runner: sa.Connection | None = None
) -> c.Iterator[Statement]:
    """Run a statement in the background, and end its session afterwards if it still runs.

    :param sessions: Where.
    :param sql: The statement.
    :param runner: The connection it runs on; otherwise one of its own.
    """
    statement = Statement(sessions, runner or sessions.connect(), sql)

    try:
        yield statement
    finally:
        with contextlib.suppress(sa.exc.DBAPIError):
            sessions.run(kill_sql(sessions, statement.session_id))
        statement.join()


def kill_sql(sessions: Sessions, session_id: str) -> str:
    """Return what ends a session on its server."""
    number = session_id.partition("@")[0]
    return by_server(sessions, f"SELECT pg_terminate_backend({number})", f"KILL {number}")


def sleep_sql(sessions: Sessions, seconds: float = 30) -> str:
    """Return what works for a while and does nothing."""
    return by_server(sessions, f"SELECT pg_sleep({seconds})", f"SELECT SLEEP({seconds})")


def by_server(sessions: Sessions, postgresql: str, mariadb: str) -> str:
    """Return the one of two texts that fits the server."""
    return postgresql if "postgresql" in sessions.server.dialects else mariadb


Answer = t.TypeVar("Answer")


def eventually(question: c.Callable[[], Answer | None], *, pause: float = 0.02) -> Answer:
    """Return the first answer that is true.

    :param question: Asked again until then.
    :param pause: Between two times. What InnoDB tells of its transactions stays as it is while
        it is asked more often than every 0.1 s.
    """
    end = time.monotonic() + DEADLINE

    while not (answer := question()):
        assert time.monotonic() < end, f"{question} stayed {answer!r}"
        time.sleep(pause)
    return answer


def in_use(sessions: Sessions) -> sa.Connection:
    """Make a table, and return the connection that keeps reading it in a transaction."""
    sessions.run("CREATE TABLE users (id INTEGER PRIMARY KEY)", "INSERT INTO users VALUES (1)")
    connection = sessions.connect()
    connection.exec_driver_sql("SELECT * FROM users").all()
    return connection
