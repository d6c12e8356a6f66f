"""Database servers that are restarted, or stay away, during a run; the ledger is in them too."""

from __future__ import annotations

import collections.abc as c

import pytest
import sqlalchemy as sa

from flask_alembic_admin.errors import Interrupted

from .app import wait_for
from .child import Child
from .own_servers import OwnMariadb
from .own_servers import OwnPostgresql
from .own_servers import OwnServer
from .own_servers import running
from .place import Place


@pytest.fixture(scope="module")
def own_postgresql() -> c.Iterator[OwnServer]:
    """A PostgreSQL server of this file's own."""
    with running(OwnPostgresql) as server:
        yield server


@pytest.fixture(scope="module")
def own_mariadb() -> c.Iterator[OwnServer]:
    """A MariaDB server of this file's own."""
    with running(OwnMariadb) as server:
        yield server


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> OwnServer:
    """A server that may be stopped, of each kind in turn."""
    found: OwnServer = request.getfixturevalue(f"own_{request.param}")
    return found


@pytest.fixture
def database_url(server: OwnServer) -> c.Iterator[sa.URL]:
    """The URL of an empty database of the server, which runs before and after the test."""
    with server.database() as url:
        yield url
        server.start()


@pytest.fixture(params=[False, True], ids=["stopped", "crashed"])
def crash(request: pytest.FixtureRequest) -> bool:
    """Whether the server ends at once, or as it does when it is told to."""
    return bool(request.param)


def first_done(place: Place) -> None:
    """Wait until the ledger knows that the first step is done."""
    wait_for(lambda: place.steps(place.record().id)["a1"] == "done")


def restart(server: OwnServer, *, crash: bool = False) -> None:
    server.stop(crash=crash)
    server.start()


def failed(child: Child) -> None:
    """Check that the run has not claimed to have worked."""
    assert child.answer().error == "RunFailed"


def finishes(place: Place, *, in_doubt: bool) -> None:
    """Check that the next upgrade does what is left, after somebody has looked where it has to be.

    The second revision is there anew, since what was in its way is gone.
    """
    place.forget_connections()
    record = place.record()

    if in_doubt and place.dialect == "mysql":
        with pytest.raises(Interrupted, match=f"run {record.id} ended in b2"):
            place.upgrade()

        place.execute("DROP TABLE IF EXISTS t_b2", "DELETE FROM witness WHERE revision = 'b2'")
        assert place.ledger.examine(record.id, actor="ann", reason="looked, and cleaned up")

    place.rewind("a1")
    place.add("b2")
    assert [step.revision for step in place.upgrade().steps] == ["b2"]
    assert place.witnesses() == ["a1", "b2"]


def test_restarted_in_a_statement(place: Place, server: OwnServer, crash: bool) -> None:
    """The verdict waits for the server: what was committed stays, and the rest is in doubt."""
    place.add("a1")
    place.add("b2", place.sleep)

    with place.child() as child:
        child.go()
        wait_for(place.is_asleep)
        first_done(place)
        restart(server, crash=crash)
        failed(child)

    record = place.record()
    assert (record.status, record.heads_after) == ("failed", ("a1",))
    assert place.steps(record.id) == {"a1": "done", "b2": "failed"}
    finishes(place, in_doubt=True)


def test_restarted_inside_a_step(place: Place, server: OwnServer) -> None:
    """The run finds out with its next statement."""
    place.add("a1")
    place.add("b2", place.stop("inside"))

    with place.child() as child:
        child.go()
        place.reached("inside")
        restart(server)
        place.go_on("inside")
        failed(child)

    record = place.record()
    assert (record.status, record.heads_after) == ("failed", ("a1",))
    assert place.steps(record.id) == {"a1": "done", "b2": "failed"}
    finishes(place, in_doubt=True)


def test_restarted_between_two_steps(place: Place, server: OwnServer, crash: bool) -> None:
    """The second is not begun without the lock that went with the server, and is in no doubt."""
    place.add("a1")
    place.add("b2")

    with place.child(stop_at="second") as child:
        child.go()
        place.reached("second")
        restart(server, crash=crash)
        place.go_on("second")
        failed(child)

    record = place.record()
    assert (record.status, record.heads_after) == ("failed", ("a1",))
    assert place.steps(record.id) == {"a1": "done", "b2": "failed"}
    finishes(place, in_doubt=False)


def test_stopped_as_soon_as_a_step_has_begun(place: Place, server: OwnServer) -> None:
    """The ledger had not even heard that it began, and yet knows afterwards that it is in doubt."""
    place.add("a1")
    place.add("b2", place.stop("inside"))

    with place.child(tick=60.0, stop_at="recorded") as child:
        child.go()
        place.reached("inside")
        server.stop(crash=True)
        place.go_on("inside")
        place.reached("recorded")
        server.start()
        place.go_on("recorded")
        failed(child)

    finishes(place, in_doubt=True)


def test_away_when_the_heads_are_to_be_read(place: Place, server: OwnServer) -> None:
    """All is applied, but nobody can see it: no success is claimed, and nothing is done twice."""
    place.add("a1")

    with place.child(stop_at="reading") as child:
        child.go()
        place.reached("reading")
        server.stop(crash=True)
        place.go_on("reading")
        server.start()
        assert child.answer().error

    record = place.record()
    assert (record.status, record.heads_after) == ("failed", ("a1",))
    assert place.steps(record.id) == {"a1": "done"}
    assert place.upgrade().steps == ()
    assert place.witnesses() == ["a1"]


def test_away_for_too_long(place: Place, server: OwnServer) -> None:
    """Nobody can write the verdict; once the server is back the next run sees what it was."""
    place.add("a1")
    place.add("b2", place.stop("inside"))

    with place.child(patience=0.0) as child:
        child.go()
        place.reached("inside")
        first_done(place)
        server.stop(crash=True)
        place.go_on("inside")
        answer = child.answer()

    assert answer.error == "RunFailed"
    assert "it could not be read where the database is" in answer.text
    server.start()
    record = place.record()
    assert record.status == "running"
    finishes(place, in_doubt=True)
    assert place.record(record.id).status == "lost"


def test_away_when_the_process_of_a_run_is_killed(place: Place, server: OwnServer) -> None:
    """Whoever started it waits for the server to write down what became of it."""
    place.add("a1")
    place.add("b2", f"print('last words', flush=True)\n{place.stop('inside')}")
    run_id = place.start()
    place.reached("inside")
    first_done(place)
    record = place.record(run_id)
    server.stop(crash=True)
    place.kill(record)
    server.start()
    record = place.ended(run_id)
    assert record.status == "lost"
    assert "last words" in (record.error or "")
    finishes(place, in_doubt=True)


def test_restarted_under_a_run_of_the_panel(place: Place, server: OwnServer) -> None:
    """It gets its verdict as soon as the server is back, and the panel has it."""
    place.add("a1")
    place.add("b2", place.sleep)
    run_id = place.start()
    wait_for(place.is_asleep)
    first_done(place)
    restart(server, crash=True)
    record = place.ended(run_id)
    assert (record.status, record.heads_after) == ("failed", ("a1",))
    assert place.steps(run_id) == {"a1": "done", "b2": "failed"}
    finishes(place, in_doubt=True)
