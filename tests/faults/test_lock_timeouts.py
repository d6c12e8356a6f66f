"""Steps that wait for a table which another session holds."""

from __future__ import annotations

import collections.abc as c
import contextlib
import threading
import typing as t

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.alembic_objects import AlembicObjects
from flask_alembic_admin.core.ledger import recording
from flask_alembic_admin.core.runs import onlooker
from flask_alembic_admin.core.runs import retrying
from flask_alembic_admin.core.servers import server_of
from flask_alembic_admin.core.servers import Timeouts
from flask_alembic_admin.errors import LockLost
from flask_alembic_admin.errors import RunFailed
from flask_alembic_admin.errors import UnreachableDatabase

from .app import wait_for
from .place import Place

TIMEOUTS = Timeouts(lock=0.3, statement=60)
ADD = "op.add_column('t_a1', sa.Column('b', sa.Integer))"


@pytest.fixture(params=["postgresql", "mariadb"])
def database_url(request: pytest.FixtureRequest) -> t.Any:
    """The URL of an empty database, on each server that has locks on tables."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
def held(place: Place, monkeypatch: pytest.MonkeyPatch) -> c.Iterator[contextlib.ExitStack]:
    """A stack whose closing frees a table that the next revision wants to change."""
    monkeypatch.setattr(retrying, "PAUSES", (0.1, 0.1, 0.1))
    monkeypatch.setattr(recording, "SLOW", 0.1)
    monkeypatch.setattr(recording, "TICK", 0.05)
    place.add("a1")
    place.upgrade()

    with contextlib.ExitStack() as stack:
        blocker = stack.enter_context(place.engine.connect())
        blocker.exec_driver_sql("SELECT * FROM t_a1").all()
        yield stack


def tries(place: Place) -> int:
    """Return how often a step was announced to be tried again."""
    return place.log(place.record().id).count("It is tried again in")


@pytest.mark.usefixtures("held")
def test_a_step_that_got_no_lock_is_tried_three_times_where_it_was_rolled_back(
    place: Place,
) -> None:
    """On a server that keeps a part of it, it fails at once."""
    place.add("b2", ADD)

    with pytest.raises(RunFailed) as caught:
        place.upgrade(timeouts=TIMEOUTS)

    record = place.record()
    assert (record.status, record.heads_after) == ("failed", ("a1",))
    assert tries(place) == (3 if place.dialect == "postgresql" else 0)
    assert caught.value.failed == "b2"
    assert place.steps(record.id) == {"b2": "failed"}


def test_who_blocks_a_step_is_named(place: Place, held: contextlib.ExitStack) -> None:
    """In the log of the run, while it waits."""
    place.add("b2", ADD)
    record = {}

    def look() -> None:
        record["log"] = wait_for(lambda: waits(place), 0.05)
        held.close()

    looking = threading.Thread(target=look)
    looking.start()
    place.upgrade(timeouts=Timeouts(lock=20, statement=60))
    looking.join()
    assert "waits for session" in record["log"]
    assert f"of {place.url.username}" in record["log"]


def waits(place: Place) -> str | None:
    """Return the log of the run as soon as it says whom it waits for."""
    log = place.log(place.record().id)
    return log if "waits for session" in log else None


def test_nobody_to_ask_about_blockers_does_no_harm(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that takes no more connections is asked in vain, and the run goes on reporting."""
    monkeypatch.setattr(recording, "SLOW", 0.1)
    monkeypatch.setattr(recording, "TICK", 0.05)
    place.add("a1", place.sleep.replace("20", "1"))
    place.add("b2", "import logging\nlogging.getLogger('shop').error('still heard')")
    asked = []

    def refuse(self: onlooker.Onlooker) -> t.NoReturn:
        asked.append(threading.current_thread().name)
        raise UnreachableDatabase("default", "url", "too many connections")

    monkeypatch.setattr(onlooker.Onlooker, "look", refuse)
    place.upgrade()
    assert len(asked) > 1
    assert "still heard" in place.log(place.record().id)


def is_building(place: Place) -> bool:
    """Return whether the building of an index waits for others, which is when the index is there.

    Other databases of the server may have indexes built too.
    """
    question = (
        "SELECT count(*) FROM pg_stat_progress_create_index "
        "WHERE datname = current_database() AND phase LIKE 'waiting for%'"
    )

    with place.engine.connect() as connection:
        return bool(connection.scalar(sa.text(question)))


#: What keeps a part of a step, although the server could roll it back.
KEPT = {
    "by a commit": "op.get_bind().commit()",
    "by an autocommit block": "with op.get_context().autocommit_block():\n"
    "    op.execute('CREATE INDEX CONCURRENTLY ix ON t_a1 (id)')",
}


class TestPostgresql:
    """What only a server that rolls schema changes back can do."""

    @pytest.fixture
    def database_url(self, postgresql_url: sa.URL) -> sa.URL:
        """The URL of an empty database."""
        return postgresql_url

    def test_a_step_succeeds_when_the_table_is_free_meanwhile(
        self, place: Place, held: contextlib.ExitStack
    ) -> None:
        """It is carried out once, and the log says that it was tried before."""
        place.add("b2", ADD)

        def free() -> None:
            wait_for(lambda: tries(place))
            held.close()

        freeing = threading.Thread(target=free)
        freeing.start()
        assert place.upgrade(timeouts=TIMEOUTS).after == ("b2",)
        freeing.join()
        assert place.witnesses() == ["a1", "b2"]
        assert place.record().status == "succeeded"

    def test_a_step_is_not_tried_again_without_the_lock_of_the_database(
        self, place: Place, held: contextlib.ExitStack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its session ended with the lock as the heads were to be read; another takes its place."""
        place.add("b2", ADD)
        ask = AlembicObjects.search_path

        def end_session_and_ask(objects: AlembicObjects, name: str) -> str | None:
            held.close()
            wait_for(lambda: place.end_sessions() == 0)
            return ask(objects, name)

        monkeypatch.setattr(AlembicObjects, "search_path", end_session_and_ask)

        with pytest.raises(LockLost):
            place.upgrade(timeouts=TIMEOUTS)

        assert place.witnesses() == ["a1"]
        assert place.record().status == "failed"

    def test_steps_of_one_transaction_are_counted_once(
        self, place: Place, held: contextlib.ExitStack
    ) -> None:
        """What was rolled back with the step that got no lock is run again, and told once."""
        place.app.config["ALEMBIC_CONTEXT"]["transaction_per_migration"] = False
        place.add("b2")
        place.add("c3", ADD)

        def free() -> None:
            wait_for(lambda: tries(place))
            held.close()

        freeing = threading.Thread(target=free)
        freeing.start()
        result = place.upgrade(timeouts=TIMEOUTS)
        freeing.join()
        assert [step.revision for step in result.steps] == ["b2", "c3"]
        assert place.steps(place.record().id) == {"b2": "done", "c3": "done"}

    @pytest.mark.usefixtures("held")
    @pytest.mark.parametrize("kept", KEPT.values(), ids=KEPT)
    def test_a_step_of_which_a_part_stays_is_not_tried_again(self, place: Place, kept: str) -> None:
        """What it has committed would be done twice."""
        place.add("b2", f"{kept}\n{ADD}")

        with pytest.raises(RunFailed):
            place.upgrade(timeouts=TIMEOUTS)

        assert tries(place) == 0
        assert place.witnesses() == ["a1", "b2"]
        assert place.heads() == ("a1",)

    def test_an_invalid_index_of_a_killed_run_is_listed(self, place: Place) -> None:
        """An index that was being built concurrently stays behind, unusable."""
        place.add("a1")
        place.upgrade()
        place.add(
            "b2",
            "with op.get_context().autocommit_block():\n"
            "    op.execute('CREATE INDEX CONCURRENTLY ix_b2 ON t_a1 (id)')",
        )

        # Longer than the test may take: it shall be ended, and not end by itself.
        timeouts = Timeouts(lock=60, statement=60)

        with place.engine.connect() as reader, place.child(timeouts=timeouts) as child:
            # A snapshot that the build has to wait for.
            reader.exec_driver_sql("BEGIN ISOLATION LEVEL REPEATABLE READ")
            reader.exec_driver_sql("INSERT INTO t_a1 VALUES (1)")
            child.go()
            wait_for(lambda: is_building(place))
            child.kill()
            # It may have ended by itself, since its client is gone.
            place.end_sessions("CREATE INDEX")
            wait_for(lambda: not is_building(place))
            reader.rollback()

        with place.engine.connect() as connection:
            found = server_of(connection).invalid_indexes(connection)

        assert found == ("public.ix_b2 on public.t_a1",)
        assert place.heads() == ("a1",)
