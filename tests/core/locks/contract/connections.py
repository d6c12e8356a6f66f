"""What every lock does with the connection it is taken on."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.locks import DatabaseLock
from flask_alembic_admin.errors import Locked

from .. import child
from .base import ContractBase


class Connections(ContractBase):
    """What the lock bears, and how it leaves a connection."""

    def test_losing_it_does_not_hide_an_error(
        self, lock: DatabaseLock, mine: sa.Connection
    ) -> None:
        """What went wrong first is what is raised; the loss is a note on it."""

        def lose_it_and_fail() -> None:
            with lock.hold(mine, child.owner("one"), 0):
                self.take_away(lock, mine)
                raise KeyError("the migration's own")

        with pytest.raises(KeyError, match="the migration's own") as caught:
            lose_it_and_fail()

        assert "does not hold the lock" in caught.value.__notes__[0]

    @pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt])
    def test_an_error_inside_frees_it(
        self, lock: DatabaseLock, mine: sa.Connection, error: type[BaseException]
    ) -> None:
        """However the run ends, the lock ends with it, and the error goes on without a note."""
        with (
            pytest.raises(error) as caught,
            lock.hold(mine, child.owner("one"), 0),
        ):
            raise error

        assert not hasattr(caught.value, "__notes__")
        assert lock.holder() is None

    def test_it_survives_what_migrations_do_to_a_connection(
        self, lock: DatabaseLock, mine: sa.Connection, theirs: sa.Connection
    ) -> None:
        """Commits, rollbacks, errors and autocommit change nothing about it."""
        with lock.hold(mine, child.owner("one"), 0):
            assert not mine.in_transaction()
            mine.execute(sa.text("CREATE TABLE made (id INTEGER)"))
            mine.commit()
            lock.assert_held(mine)
            mine.execute(sa.text("INSERT INTO made VALUES (1)"))
            mine.rollback()
            lock.assert_held(mine)

            with pytest.raises(sa.exc.DBAPIError):
                mine.execute(sa.text("SELECT nothing FROM nowhere"))
            mine.rollback()
            lock.assert_held(mine)

            level = mine.get_isolation_level()
            mine.execution_options(isolation_level="AUTOCOMMIT")
            mine.execute(sa.text("INSERT INTO made VALUES (2)"))
            mine.commit()
            lock.assert_held(mine)
            mine.execution_options(isolation_level=level)

            with pytest.raises(Locked), lock.hold(theirs, child.owner("two"), 0):
                pytest.fail("two hold it")

        assert lock.holder() is None

    def test_asking_leaves_a_transaction_as_it_is(
        self, lock: DatabaseLock, mine: sa.Connection
    ) -> None:
        """In a transaction it stays one, and outside none is begun."""
        with lock.hold(mine, child.owner("one"), 0):
            lock.assert_held(mine)
            assert not mine.in_transaction()
            mine.execute(sa.text("CREATE TABLE made (id INTEGER)"))
            lock.assert_held(mine)
            assert mine.in_transaction()
            mine.commit()

        assert sa.inspect(mine).has_table("made")

    def test_a_transaction_left_open_is_rolled_back(
        self, lock: DatabaseLock, mine: sa.Connection, theirs: sa.Connection
    ) -> None:
        """What was open before is committed, what is left open inside is not."""
        mine.execute(sa.text("CREATE TABLE made (id INTEGER)"))

        with lock.hold(mine, child.owner("one"), 0):
            mine.execute(sa.text("INSERT INTO made VALUES (1)"))

        assert not mine.in_transaction()
        assert theirs.scalar(sa.text("SELECT count(*) FROM made")) == 0

    def test_it_works_on_a_connection_in_autocommit(
        self, lock: DatabaseLock, mine: sa.Connection
    ) -> None:
        """Nothing of it needs a transaction."""
        mine.execution_options(isolation_level="AUTOCOMMIT")

        with lock.hold(mine, child.owner("one"), 0):
            lock.assert_held(mine)
            self.check_shown(lock.holder())

        assert lock.holder() is None

    def test_a_look_at_an_idle_database_writes_nothing(
        self, engine: sa.Engine, lock: DatabaseLock
    ) -> None:
        """Nobody holds it, and nothing is made to find that out."""
        before = self.traces(engine)
        assert lock.holder() is None
        assert self.traces(engine) == before

    def test_no_transaction_is_left_open(
        self, engine: sa.Engine, lock: DatabaseLock, mine: sa.Connection, theirs: sa.Connection
    ) -> None:
        """Not while it is held, nor by one who was refused, nor by a look, nor afterwards."""
        with lock.hold(mine, child.owner("one"), 0):
            with pytest.raises(Locked), lock.hold(theirs, child.owner("two"), 0):
                pytest.fail("two hold it")

            lock.holder()
            lock.assert_held(mine)
            assert self.open_transactions(engine) == 0

        assert self.open_transactions(engine) == 0
