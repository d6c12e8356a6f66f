"""Where a ledger is kept, and the making of its tables."""

from __future__ import annotations

import math
from pathlib import Path

import sqlalchemy as sa

from ...errors import SetupError
from ..databases.engines import is_in_memory
from ..databases.engines import sqlite_file
from ..redact import mask_url
from .tables import METADATA
from .tables import TABLE_NAMES

#: Seconds that SQLite waits for another process to end its write.
BUSY_TIMEOUT = 5.0
#: Seconds that other servers wait for another session to let go of the ledger's tables. It may be
#: one that never does before it has heard from here: that of the run itself.
LOCK_TIMEOUT = 5.0

_MYSQL_LIMITS = "SET SESSION lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds}"
_LIMITS = {
    # Until the end of the transaction, since a pooler may lend the session to others.
    "postgresql": "SET LOCAL lock_timeout = {milliseconds}",
    "mysql": _MYSQL_LIMITS,
    "mariadb": _MYSQL_LIMITS,
}

#: What the file is called where the ledger has one of its own.
LEDGER_FILE = "alembic_admin.sqlite"


def default_ledger_url(url: sa.URL, folder: Path, file: str = LEDGER_FILE) -> sa.URL:
    """Return where the ledger of a database is kept: beside SQLite, in any other itself.

    During a migration SQLite lets no second connection write, so it gets a file of its own. What
    is recorded of a database in memory goes with it.

    :param url: The URL of the database's engine.
    :param folder: Where the file goes, such as the instance folder.
    :param file: What it is called.
    """
    if url.get_backend_name() != "sqlite" or is_in_memory(url):
        return url

    return sa.URL.create("sqlite", database=str(folder / file))


def ledger_engine(url: sa.URL) -> sa.Engine:
    """Return an engine for a ledger at a URL; whoever asks disposes of it.

    :param url: Where the ledger is kept.
    """
    if is_in_memory(url):
        return sa.create_engine(
            "sqlite://", poolclass=sa.StaticPool, connect_args={"check_same_thread": False}
        )

    if url.get_backend_name() == "sqlite":
        return sa.create_engine(url, connect_args={"timeout": BUSY_TIMEOUT})

    # Between two lines of one run may lie hours.
    return sa.create_engine(url, pool_pre_ping=True)


def limit_waits(engine: sa.Engine) -> None:
    """Let no statement of an engine wait long for what other sessions have locked.

    :param engine: One that nobody else uses, or an option engine of it.
    """
    if engine.dialect.name in _LIMITS:
        sa.event.listen(engine, "begin", _limit_waits)


def make_tables(engine: sa.Engine) -> None:
    """Make the tables that are missing, also while another process makes them.

    :param engine: To where the ledger is kept.
    :raises SetupError: They cannot be made.
    """
    if file := sqlite_file(engine):
        file.parent.mkdir(parents=True, exist_ok=True)

    missing = _missing_tables(engine)

    while missing:
        try:
            METADATA.create_all(engine, checkfirst=True)
        except sa.exc.DatabaseError as error:
            before, missing = missing, _missing_tables(engine)

            # Somebody else made one in between, or else there is another reason.
            if missing == before:
                raise SetupError(
                    f"The ledger's tables cannot be made at {mask_url(engine.url)}: "
                    f"{type(error.orig).__name__}.",
                    "Let this user create tables, or name another place in "
                    "ALEMBIC_ADMIN['ledger'].",
                ) from error
        else:
            return


def _missing_tables(engine: sa.Engine) -> set[str]:
    with engine.connect() as connection:
        inspector = sa.inspect(connection)
        return {name for name in TABLE_NAMES if not inspector.has_table(name)}


def _limit_waits(connection: sa.Connection) -> None:
    statement = _LIMITS[connection.dialect.name]
    seconds, milliseconds = max(1, math.ceil(LOCK_TIMEOUT)), math.ceil(LOCK_TIMEOUT * 1000)
    connection.exec_driver_sql(statement.format(seconds=seconds, milliseconds=milliseconds))
