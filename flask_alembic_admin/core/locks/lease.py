"""Any other server: a row that stays until it is taken away."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime

import sqlalchemy as sa

from .base import DatabaseLock
from .base import Grip
from .holders import Holder
from .holders import Owner

TABLE_NAME = "alembic_admin_lock"

_TABLE = sa.Table(
    TABLE_NAME,
    sa.MetaData(),
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("run", sa.String(64), nullable=False),
    sa.Column("actor", sa.String(255), nullable=False),
    sa.Column("host", sa.String(255), nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    # In UTC, without a zone: not every server has one.
    sa.Column("acquired", sa.DateTime, nullable=False),
    sa.Column("heartbeat", sa.DateTime, nullable=False),
)


class LeaseLock(DatabaseLock):
    """A row in a table of ours, for servers whose own locks this project does not know.

    It is written on connections of its own, one for each act. The server cannot know that a
    holder has died: such a row stays until somebody deletes it. Each `assert_held` renews its
    heartbeat.
    """

    ends_with_holder = False
    cure = (
        "Wait until that run has ended. If it is gone for good, and only then, delete its row "
        f"from the table {TABLE_NAME}."
    )

    @property
    def name(self) -> str:
        """What this lock's row is called."""
        return ".".join(part for part in self._place if part)

    def _take(self, connection: sa.Connection, owner: Owner) -> Grip | None:
        self._make_table()
        now = _now()
        row = {"name": self.name, **dataclasses.asdict(owner), "acquired": now, "heartbeat": now}

        try:
            with self.database.engine.begin() as own:
                own.execute(sa.insert(_TABLE), row)
        except sa.exc.IntegrityError:
            return None

        return _Lease(self.database.engine, self.name, owner)

    def _look(self, connection: sa.Connection) -> Holder | None:
        if not sa.inspect(connection).has_table(TABLE_NAME):
            return None

        return _read(connection, self.name)

    def _has_table(self) -> bool:
        with self.database.connect() as connection:
            return sa.inspect(connection).has_table(TABLE_NAME)

    def _make_table(self) -> None:
        if self._has_table():
            return

        try:
            _TABLE.create(self.database.engine)
        except sa.exc.DatabaseError:
            # Somebody else made it in between, or else there is another reason.
            if not self._has_table():
                raise


class _Lease(Grip):
    def __init__(self, engine: sa.Engine, name: str, owner: Owner) -> None:
        self._engine = engine
        self._mine = sa.and_(
            _TABLE.c.name == name,
            _TABLE.c.run == owner.run,
            _TABLE.c.host == owner.host,
            _TABLE.c.pid == owner.pid,
        )

    def is_held(self, connection: sa.Connection) -> bool:
        # Not on the connection that migrates, whose transaction may show an older state.
        with self._engine.connect() as own:
            held = own.scalar(sa.select(sa.exists().where(self._mine)))

        # A migration on SQLite lets nobody else write.
        with contextlib.suppress(sa.exc.OperationalError), self._engine.begin() as own:
            own.execute(sa.update(_TABLE).where(self._mine).values(heartbeat=_now()))

        return bool(held)

    def let_go(self, connection: sa.Connection) -> str | None:
        with self._engine.begin() as own:
            freed = own.execute(sa.delete(_TABLE).where(self._mine)).rowcount

        return None if freed else "its lease was broken by hand"


def _read(connection: sa.Connection, name: str) -> Holder | None:
    row = connection.execute(sa.select(_TABLE).where(_TABLE.c.name == name)).first()

    if row is None:
        return None

    return Holder(
        actor=row.actor,
        host=row.host,
        pid=row.pid,
        run=row.run,
        since=row.acquired.replace(tzinfo=datetime.UTC),
        state=f"last seen {row.heartbeat:%Y-%m-%d %H:%M:%S} UTC",
    )


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
