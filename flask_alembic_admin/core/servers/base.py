"""What may be asked of a server, with the answers of one that tells nothing."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t
from datetime import datetime

import sqlalchemy as sa

from ..redact import mask_url

#: A table's schema, None for the usual one, and its name.
TableKey: t.TypeAlias = tuple[str | None, str]

#: Rows of a table that are counted where the server keeps no number.
COUNTED = 100_000

#: The server classes by the names of their dialects.
SERVERS: dict[str, type[Server]] = {}

#: Where a connection keeps what its settings were before ``set_timeouts``.
_BEFORE = "alembic_admin_settings_before"


@dataclasses.dataclass(frozen=True)
class Timeouts:
    """How long a run's session waits, in seconds; None or 0 leaves the server's own.

    :param lock: For a lock that another session holds.
    :param statement: For one statement to end.
    """

    lock: float | None = 5.0
    statement: float | None = 3600.0


@dataclasses.dataclass(frozen=True)
class SessionState:
    """One database session, as another one sees it.

    :param id: As ``session_id`` gave it.
    :param state: In the server's own words; None where it may not be seen.
    :param statement: What it runs, or ran last; redacted and cut.
    :param since: When it came into this state.
    """

    id: str
    state: str | None
    statement: str | None
    since: datetime | None

    @property
    def running(self) -> str | None:
        """The statement that it runs at this moment; None where it waits for its client."""
        # Of a session that is idle PostgreSQL shows what it ran last; MariaDB shows nothing.
        return None if self.state and self.state.startswith("idle") else self.statement


@dataclasses.dataclass(frozen=True)
class Blocker:
    """A session that keeps another one waiting.

    :param session: Its id; for a transaction that no session owns, what the server calls it.
    :param user: The database user.
    :param application: What the session calls itself.
    :param address: Where it is connected from.
    :param state: In the server's own words.
    :param statement: What it runs, or ran last; redacted and cut.
    :param since: When it came into this state.
    :param certain: False where the server does not say who blocks, and this one only may.
    """

    session: str
    user: str | None
    application: str | None
    address: str | None
    state: str | None
    statement: str | None
    since: datetime | None
    certain: bool = True


@dataclasses.dataclass(frozen=True)
class TableSize:
    """About how large a table is; None is not known.

    :param rows: How many rows it has.
    :param bytes: How many it takes, with its indexes.
    :param at_least: Whether nobody counted further than ``rows``.
    """

    rows: int | None = None
    bytes: int | None = None
    at_least: bool = False


class Server:
    """A kind of server; to add one, define a subclass that names its dialects.

    Every connection given to it is in no transaction, and is in none afterwards.
    What the server refuses to tell is None or empty; a connection that died raises.
    """

    dialects: t.ClassVar[tuple[str, ...]] = ()
    """The names of the SQLAlchemy dialects that talk to it."""

    rolls_back_ddl: t.ClassVar[bool] = False
    """Whether a failed step leaves no trace."""

    tells_sessions: t.ClassVar[bool] = False
    """Whether sessions have ids and can be looked at from another one."""

    blockers_need: t.ClassVar[str | None] = None
    """What its user must be granted before ``blockers`` can name and describe everybody."""

    optional_settings: t.ClassVar[frozenset[str]] = frozenset()
    """Settings that a server may know and refuse, without harm."""

    def __init_subclass__(cls) -> None:
        for dialect in cls.dialects:
            if dialect in SERVERS:
                raise TypeError(f"Two servers for {dialect!r}: {SERVERS[dialect]} and {cls}.")
            SERVERS[dialect] = cls

    def session_id(self, connection: sa.Connection) -> str | None:
        """Return the id of a connection's session, which never names another one later.

        :param connection: Whose session is meant.
        """
        return None

    def set_timeouts(
        self, connection: sa.Connection, timeouts: Timeouts, *, gives_way: bool = False
    ) -> None:
        """Bound what the connection's session waits for, until ``restore_timeouts``.

        :param connection: The one that will migrate.
        :param timeouts: How long; rounded up to what the server can count.
        :param gives_way: Leave alone what was set for this session before.
        """
        for name, value in self.settings(timeouts).items():
            if value is not None and not (gives_way and self.is_set(connection, name)):
                self._set(connection, name, value)

    def restore_timeouts(self, connection: sa.Connection) -> None:
        """Give the session its own settings back; a transaction left open is rolled back.

        A connection that cannot be restored is closed, so that no pool lends it again.

        :param connection: The one given to ``set_timeouts``; it may be dead.
        """
        if connection.closed or connection.invalidated:
            return

        try:
            connection.rollback()
            for name, value in connection.info.pop(_BEFORE, {}).items():
                self.write_setting(connection, name, value)
            connection.commit()
        except sa.exc.SQLAlchemyError:
            connection.invalidate()

    def is_lock_timeout(self, error: BaseException) -> bool:
        """Return whether a statement failed since it got no lock in time, or in a deadlock.

        :param error: Whatever a step raised.
        """
        return isinstance(error, sa.exc.DBAPIError) and self.means_no_lock(error.orig)

    def session(self, connection: sa.Connection, session_id: str) -> SessionState | None:
        """Return what a session is doing; None when there is no such session any more.

        :param connection: Another one than the session's.
        :param session_id: As ``session_id`` gave it.
        """
        return None

    def blockers(self, connection: sa.Connection, session_id: str) -> tuple[Blocker, ...]:
        """Return the sessions that a session is waiting for.

        :param connection: Another one than the session's.
        :param session_id: As ``session_id`` gave it.
        """
        return ()

    def cancel_statement(
        self, connection: sa.Connection, session_id: str, *, application: str = "alembic-admin:"
    ) -> bool:
        """Cancel what a session of our own runs, and return whether that was asked of the server.

        :param connection: Another one than the session's.
        :param session_id: As ``session_id`` gave it.
        :param application: What the name that the session gave itself must begin with, where the
            server knows such names.
        """
        return False

    def interrupt(self, driver: t.Any) -> bool:
        """Cancel what a connection of this very process runs, and return whether that can be done.

        For what has no sessions that could be seen from another one. Any thread may ask for it.

        :param driver: The driver's own connection.
        """
        return False

    def place(self, connection: sa.Connection) -> str:
        """Return what tells this very database from any other, whatever its URL says.

        :param connection: To the database that is meant.
        """
        return mask_url(connection.engine.url)

    def invalid_indexes(self, connection: sa.Connection) -> tuple[str, ...]:
        """Return the indexes that an interrupted build left unusable, each with its table.

        :param connection: To the database that is meant.
        """
        return ()

    def table_sizes(
        self,
        connection: sa.Connection,
        tables: c.Collection[TableKey],
        count_to: int = COUNTED,
    ) -> dict[TableKey, TableSize]:
        """Return about how large some tables are.

        It is cheap, and waits for no lock. A table that is not there is of no known size.

        :param connection: To the database that is meant.
        :param tables: The schema of each, None for the usual one, and its name.
        :param count_to: How many rows are counted at most, where the server keeps no number.
        """
        return dict.fromkeys(tables, TableSize())

    def file_bytes(self, connection: sa.Connection) -> int | None:
        """Return how large the file is that holds all tables; None where it is not one file.

        :param connection: To the database that is meant.
        """
        return None

    def same_place(self, connection: sa.Connection, other: sa.Connection) -> bool:
        """Return whether two connections lead to one database, whatever their URLs say.

        Where that is not certain the answer is yes.

        :param connection: To a database of this kind of server.
        :param other: To another one, or the same.
        """
        return self.place(connection) == self.place(other)

    def same_server(self, connection: sa.Connection, other: sa.Connection) -> bool:
        """Return whether two connections lead to one server, whatever their URLs say.

        Where that is not certain the answer is yes.

        :param connection: To a database of this kind of server.
        :param other: To another one, or the same.
        """
        return True

    def tables(self, connection: sa.Connection) -> c.Mapping[int, str]:
        """Return the names of the tables that are there, by the numbers that the server gives them.

        :param connection: To the database that is meant.
        """
        return {}

    def table_locks(self, connection: sa.Connection, tables: c.Mapping[int, str]) -> dict[str, str]:
        """Return the strongest lock that a transaction holds on each table, strongest first.

        It is asked past SQLAlchemy, so that whoever listens to the connection does not hear it.

        :param connection: In the transaction that is meant.
        :param tables: Those that matter, as ``tables`` gave them; what has been renamed since goes
            by its new name.
        """
        return {}

    def means_no_lock(self, error: t.Any) -> bool:
        """Return whether a driver says that a lock was not to be had.

        :param error: The driver's own.
        """
        return False

    def settings(self, timeouts: Timeouts) -> c.Mapping[str, t.Any]:
        """Return the server's settings by name, None for those to leave alone.

        :param timeouts: What they shall bound.
        """
        return {}

    def read_setting(self, connection: sa.Connection, name: str) -> t.Any:
        """Return what ``write_setting`` must be given to restore it; None: no such setting.

        :param connection: Whose session is meant.
        :param name: One of ``settings``.
        """
        raise NotImplementedError(f"{type(self).__name__} has settings and cannot read them.")

    def write_setting(self, connection: sa.Connection, name: str, value: t.Any) -> None:
        """Change a setting for the rest of the session.

        :param connection: Whose session is meant.
        :param name: One of ``settings``.
        :param value: In the server's own form.
        """
        raise NotImplementedError(f"{type(self).__name__} has settings and cannot write them.")

    def is_set(self, connection: sa.Connection, name: str) -> bool:
        """Return whether somebody has changed a setting for this session alone.

        :param connection: Whose session is meant.
        :param name: One of ``settings``.
        """
        return False

    def _set(self, connection: sa.Connection, name: str, value: t.Any) -> None:
        before = self.read_setting(connection, name)

        try:
            if before is not None:
                self.write_setting(connection, name, value)
                connection.info.setdefault(_BEFORE, {}).setdefault(name, before)
            connection.commit()
        except sa.exc.DBAPIError:
            if connection.invalidated or name not in self.optional_settings:
                raise
            connection.rollback()
