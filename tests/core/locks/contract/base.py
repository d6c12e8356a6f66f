"""What the tests of every lock start from."""

from __future__ import annotations

import typing as t

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.locks import DatabaseLock
from flask_alembic_admin.core.locks import Holder

from .. import child

#: Seconds after which something that should happen counts as not happening.
PATIENCE = 30.0


class ContractBase:
    """A subclass gives ``url`` and ``other_url``, two databases of one server."""

    #: Whether the lock is a row, whatever the server.
    lease = False

    #: Which facts about the holder every other session can read.
    shown: t.ClassVar[frozenset[str]]

    @pytest.fixture
    def engine(self, url: sa.URL) -> t.Iterator[sa.Engine]:
        """An engine for the database that is locked."""
        engine = self.make_engine(url)
        yield engine
        engine.dispose()

    @pytest.fixture
    def lock(self, engine: sa.Engine) -> DatabaseLock:
        """The lock of that database."""
        return self.make_lock(engine)

    @pytest.fixture
    def mine(self, engine: sa.Engine) -> t.Iterator[sa.Connection]:
        """A connection that migrates."""
        with engine.connect() as connection:
            yield connection

    @pytest.fixture
    def theirs(self, engine: sa.Engine) -> t.Iterator[sa.Connection]:
        """A second connection of the same process."""
        with engine.connect() as connection:
            yield connection

    def make_engine(self, url: sa.URL) -> sa.Engine:
        """Return an engine whose connections any thread may use."""
        return sa.create_engine(url)

    def make_lock(self, engine: sa.Engine, version_table: str = "alembic_version") -> DatabaseLock:
        """Return another object for the lock of a database."""
        return child.make_lock(engine, lease=self.lease, version_table=version_table)

    def take_away(self, lock: DatabaseLock, connection: sa.Connection) -> None:
        """Make a connection lose the lock behind its back."""
        raise NotImplementedError

    def open_transactions(self, engine: sa.Engine) -> int:
        """Return how many transactions of this database the server knows."""
        raise NotImplementedError

    def traces(self, engine: sa.Engine) -> object:
        """Return what a look could have written."""
        with engine.connect() as connection:
            return sorted(sa.inspect(connection).get_table_names())

    def check_shown(self, holder: Holder | None, run: str = "one") -> None:
        """Make sure that a holder shows all that this lock can tell, and names it."""
        assert holder is not None
        shown = {name for name, value in vars(holder).items() if value is not None}
        assert self.shown <= shown
        # Where it need not be shown it may be: MariaDB tells it with performance_schema on.
        assert holder.run == run or (holder.run is None and "run" not in self.shown)
        assert holder.actor == ("ann" if "actor" in self.shown else None)
