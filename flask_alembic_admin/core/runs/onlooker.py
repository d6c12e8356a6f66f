"""What another session sees of the session that migrates: its statement, and who is in its way."""

from __future__ import annotations

import dataclasses

import sqlalchemy as sa

from ..databases.database import Database
from ..databases.engines import engine_beside
from ..databases.engines import engine_that_keeps_open
from ..servers import Blocker
from ..servers import server_of


@dataclasses.dataclass(frozen=True)
class Sight:
    """What was seen of a session.

    :param statement: What it runs; None where it runs nothing or the server does not tell.
    :param blockers: A sentence for each session that keeps it waiting.
    """

    statement: str | None = None
    blockers: tuple[str, ...] = ()


class Onlooker:
    """Looks at a session from a connection of its own, which it opens when it first has to.

    The connection comes from no pool of the app: one that is exhausted would hold up whoever looks.

    :param database: Where the session is.
    :param session: Its id; None where the server has no such thing, and then nothing is seen.
    """

    def __init__(self, database: Database, session: str | None) -> None:
        self._database = database
        self._session = session
        self._server = server_of(database.engine)
        self._engine: sa.Engine | None = None

    def look(self) -> Sight:
        """Return what is to be seen now.

        :raises SQLAlchemyError: The server takes no more connections, or does not answer.
        """
        if self._session is None:
            return Sight()

        if self._engine is None:
            self._engine = engine_that_keeps_open(engine_beside(self._database.engine))

        with self._engine.connect() as connection:
            seen = self._server.session(connection, self._session)
            blockers = self._server.blockers(connection, self._session)

        return Sight(seen.running if seen else None, tuple(map(_sentence, blockers)))

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._engine is not None:
            self._engine.dispose()


def _sentence(blocker: Blocker) -> str:
    application = f" ({blocker.application})" if blocker.application else ""
    perhaps = "" if blocker.certain else ", perhaps"
    who = f"session {blocker.session} of {blocker.user or 'somebody'}{application}{perhaps}"
    return f"waits for {who}: {blocker.statement or blocker.state}"
