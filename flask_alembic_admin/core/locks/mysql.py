"""MySQL and MariaDB: a named lock of a session."""

from __future__ import annotations

import sqlalchemy as sa

from .holders import Holder
from .session import Key
from .session import SessionLock


class MysqlLock(SessionLock):
    """A named lock; names count for the whole server, so the schema's goes into it.

    A session cannot be named afterwards. The run is found by its session, which the ledger has.
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

        state = f"{row.command}: {row.state}" if row.state else row.command
        return Holder(
            host=row.host.rpartition(":")[0] or row.host,
            user=row.user,
            session=str(session),
            statement=self.redacted(row.info),
            state=state,
        )
