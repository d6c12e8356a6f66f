"""MySQL and MariaDB: a named lock of a session."""

from __future__ import annotations

import sqlalchemy as sa

from .holders import Holder
from .holders import Owner
from .session import APPLICATION_PREFIX
from .session import Key
from .session import run_of
from .session import SessionLock

#: The variable by which a session names its run.
RUN_VARIABLE = "alembic_admin_run"

_NAME_SQL = f"""
    SELECT CAST(variable_value AS CHAR) FROM performance_schema.user_variables_by_thread
    JOIN performance_schema.threads USING (thread_id)
    WHERE processlist_id = :session AND variable_name = '{RUN_VARIABLE}'
"""


class MysqlLock(SessionLock):
    """A named lock; names count for the whole server, so the schema's goes into it.

    What a connection says of itself cannot be changed once it is open, and it may come from a
    pool: its session names the run in a variable. Others read that where performance_schema is
    switched on and open to them; elsewhere the run is found by its session, which the ledger has.
    """

    dialects = ("mysql", "mariadb")
    place_sql = "SELECT '', coalesce(DATABASE(), '')"
    take_sql = "SELECT GET_LOCK(:name, 0)"
    release_sql = "SELECT RELEASE_LOCK(:name)"
    held_sql = "SELECT IS_USED_LOCK(:name) = CONNECTION_ID()"

    def make_key(self, digest: str) -> Key:
        # At most 64 characters.
        return {"name": f"alembic-admin:{digest[:32]}"}

    def read_timeouts(self, connection: sa.Connection) -> dict[str, str]:
        # Its own name and unit in each.
        mariadb = getattr(connection.dialect, "is_mariadb", False)
        name = "max_statement_time" if mariadb else "max_execution_time"
        value = connection.scalar(sa.text(f"SELECT @@SESSION.{name}"))
        return {name: str(value)} if value else {}

    def set_timeout(self, connection: sa.Connection, name: str, value: str) -> None:
        # Both come from the server; as a parameter, in quotes, it would be of the wrong type.
        connection.execute(sa.text(f"SET SESSION {name} = {value}"))

    def show_owner(self, connection: sa.Connection, owner: Owner) -> str | None:
        name = f"{APPLICATION_PREFIX}{owner.run}"
        connection.execute(sa.text(f"SET @{RUN_VARIABLE} = :name"), {"name": name})
        return ""

    def hide_owner(self, connection: sa.Connection, before: str) -> None:
        connection.execute(sa.text(f"SET @{RUN_VARIABLE} = NULL"))

    def _look(self, connection: sa.Connection) -> Holder | None:
        session = connection.scalar(sa.text("SELECT IS_USED_LOCK(:name)"), self.key(connection))

        if session is None:
            return None

        row = connection.execute(
            # Without the PROCESS privilege a user sees the sessions of that user alone.
            sa.text(
                "SELECT user, host, command, state, info FROM information_schema.processlist "
                "WHERE id = :session"
            ),
            {"session": session},
        ).first()

        if row is None:
            return Holder(session=str(session))

        name = _name_of(connection, session)
        state = f"{row.command}: {row.state}" if row.state else row.command
        return Holder(
            host=row.host.rpartition(":")[0] or row.host,
            run=run_of(name),
            user=row.user,
            session=str(session),
            statement=self.redacted(row.info),
            state=state,
        )


def _name_of(connection: sa.Connection, session: int) -> str | None:
    """Return how a session names itself, or None where that cannot be read."""
    try:
        name = connection.scalar(sa.text(_NAME_SQL), {"session": session})
    except sa.exc.DBAPIError as error:
        # A connection that died says nothing about the question.
        if error.connection_invalidated:
            raise
        return None

    return None if name is None else str(name)
