"""A transaction on a live database that is rolled back, whatever is done in it."""

from __future__ import annotations

import collections.abc as c
import contextlib
import math
import time
import typing as t

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext

from ...errors import NotRehearsable
from ..servers import Timeouts
from .limits import needs_commit

#: The most seconds that are waited for a lock: all who come after wait as well.
LOCK = 1.0
#: The most seconds that one statement may take, and all of them together: locks are held so long.
STATEMENT, LIMIT = 30.0, 60.0

#: Breaks a rule that is looked at when a transaction is committed: however that is asked for, the
#: server rolls it back. A pool, a driver or a function of the server are no way around it.
_NEVER_COMMITS = (
    "CREATE TEMPORARY TABLE alembic_admin_rehearsal (rehearsed integer "
    "CONSTRAINT this_is_a_rehearsal_that_never_commits UNIQUE DEFERRABLE INITIALLY DEFERRED) "
    "ON COMMIT DROP",
    "INSERT INTO alembic_admin_rehearsal VALUES (1), (1)",
)


def bounded(timeouts: Timeouts) -> Timeouts:
    """Return how long the session of a rehearsal waits on a live database.

    :param timeouts: How long that of a run would.
    """
    return Timeouts(
        lock=min(timeouts.lock or LOCK, LOCK),
        statement=min(timeouts.statement or STATEMENT, STATEMENT),
    )


class RolledBack:
    """Lends a transaction of PostgreSQL that never is committed.

    Whatever would commit it is refused before it is sent. What goes past SQLAlchemy, such as by
    the driver itself, is refused by the server.

    :param connection: In no transaction; it is not to be used for anything else afterwards.
    :param timeouts: How long it waits.
    :param refused: Gets what is refused; whoever is refused may not say so.
    """

    def __init__(
        self, connection: sa.Connection, timeouts: Timeouts, refused: list[NotRehearsable]
    ) -> None:
        self._connection = connection
        self._timeouts = bounded(timeouts)
        self._deadline = 0.0
        self._refused = refused

    def __enter__(self) -> t.Self:
        connection = self._connection
        # Whatever comes after the transaction, by whatever way, cannot write.
        connection.exec_driver_sql("SET SESSION default_transaction_read_only = on")
        connection.commit()
        connection.begin()
        connection.exec_driver_sql("SET TRANSACTION READ WRITE")

        try:
            for statement in _NEVER_COMMITS:
                connection.exec_driver_sql(statement)
        except sa.exc.ProgrammingError as error:
            raise NotRehearsable(
                "The user of the live database may not make a temporary table, by which the server "
                "is kept from committing what is rehearsed.",
                "Grant it TEMPORARY on the database, or rehearse on a copy.",
            ) from error

        self._set_timeouts()
        self._deadline = time.monotonic() + LIMIT

        for name, listener in self._listeners.items():
            sa.event.listen(connection, name, listener)

        return self

    def __exit__(self, *_: object) -> None:
        connection = self._connection

        for name, listener in self._listeners.items():
            sa.event.remove(connection, name, listener)

        if connection.closed or connection.invalidated:
            return

        try:
            # Also where it is in no transaction as far as it knows, since a commit was refused.
            connection.rollback()
            connection.connection.rollback()
        except Exception:
            # Of the driver too. With its session ends the transaction.
            connection.invalidate()

    @contextlib.contextmanager
    def without_autocommit(self, context: MigrationContext) -> c.Iterator[None]:
        """Refuse ``autocommit_block`` in the block.

        :param context: What the migrations use.
        """

        def refuse() -> t.NoReturn:
            self._refuse("autocommit_block")

        vars(context)["autocommit_block"] = refuse

        try:
            yield
        finally:
            del vars(context)["autocommit_block"]

    @property
    def _listeners(self) -> dict[str, c.Callable[..., None]]:
        return {
            "commit": self._commit,
            "rollback": self._rollback,
            "before_cursor_execute": self._before,
            "after_cursor_execute": self._after,
            "set_connection_execution_options": self._options,
        }

    def _commit(self, *_: object) -> None:
        self._refuse("a commit")

    def _rollback(self, *_: object) -> None:
        self._refuse("a rollback of the whole transaction")

    def _before(self, *arguments: t.Any) -> None:
        if statement := needs_commit(arguments[2]):
            self._refuse(f"“{statement}”")

        if time.monotonic() > self._deadline:
            self._raise(
                NotRehearsable(
                    f"It takes more than {LIMIT:g} s, for which others would wait.",
                    "Rehearse it on a copy: ALEMBIC_ADMIN['rehearsal'].",
                )
            )

    def _after(self, *arguments: t.Any) -> None:
        sent = f"{arguments[2]} {arguments[3]}".lower()

        # Migrations set their own, or all of them back, and others would wait as long as that says.
        if "timeout" in sent or "reset" in sent:
            self._set_timeouts()

    def _options(self, connection: sa.Connection, options: c.Mapping[str, t.Any]) -> None:
        if "isolation_level" in options:
            self._refuse("another isolation level")

    def _set_timeouts(self) -> None:
        settings = {
            "lock_timeout": self._timeouts.lock or LOCK,
            "statement_timeout": self._timeouts.statement or STATEMENT,
            # Python between two statements may take any time, and nothing else would end it.
            "idle_in_transaction_session_timeout": LIMIT,
        }
        cursor = self._connection.connection.cursor()

        try:
            for name, seconds in settings.items():
                cursor.execute(f"SET LOCAL {name} = {math.ceil(seconds * 1000)}")
        finally:
            cursor.close()

    def _refuse(self, what: str) -> t.NoReturn:
        self._raise(
            NotRehearsable(
                f"It needs {what}, which cannot be taken back on the live database.",
                "Rehearse it on a copy: ALEMBIC_ADMIN['rehearsal'].",
            )
        )

    def _raise(self, error: NotRehearsable) -> t.NoReturn:
        self._refused.append(error)
        raise error
