"""What each kind of server can tell, and do, about the database session of a run."""

from __future__ import annotations

import sqlalchemy as sa

from .base import Blocker as Blocker
from .base import Server as Server
from .base import SERVERS as SERVERS
from .base import SessionState as SessionState
from .base import TableKey as TableKey
from .base import TableSize as TableSize
from .base import Timeouts as Timeouts
from .mysql import MysqlServer as MysqlServer
from .other import OtherServer as OtherServer
from .postgresql import PostgresqlServer as PostgresqlServer
from .sqlite import SqliteServer as SqliteServer


def server_of(database: sa.Engine | sa.Connection) -> Server:
    """Return what is known of the kind of server that an engine or a connection talks to.

    :param database: Its dialect's name decides; it is not connected to.
    """
    return SERVERS.get(database.dialect.name, OtherServer)()
