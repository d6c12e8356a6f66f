"""Database sessions that end during a run, as when somebody ends them at the server."""

from __future__ import annotations

import typing as t

import pytest

from flask_alembic_admin.errors import Interrupted

from .app import wait_for
from .child import Answer
from .place import Place


@pytest.fixture(params=["postgresql", "mariadb"])
def database_url(request: pytest.FixtureRequest) -> t.Any:
    """The URL of an empty database on each server that has sessions."""
    return request.getfixturevalue(f"{request.param}_url")


def in_statement(place: Place) -> str:
    """Be in a statement."""
    return place.sleep


def between_statements(place: Place) -> str:
    """Be in a transaction, and in no statement."""
    return place.stop("inside")


@pytest.mark.parametrize("where", [in_statement, between_statements])
def test_a_run_whose_session_is_ended_fails(place: Place, where: t.Callable[[Place], str]) -> None:
    """All sessions are ended at once, the ledger's too.

    It says so, the lock is free, and nothing is applied twice.
    """
    place.add("a1")
    place.add("b2", where(place))

    with place.child() as child:
        child.go()
        wait_for(place.is_asleep if where is in_statement else reached(place))
        assert place.end_sessions()
        place.go_on("inside")
        answer = child.answer()

    assert answer.error == "RunFailed"
    record = place.record()
    assert record.status == "failed"
    assert record.heads_after == place.heads() == ("a1",)
    assert place.steps(record.id) == {"a1": "done", "b2": "failed"}

    if place.dialect == "mysql":
        with pytest.raises(Interrupted):
            place.upgrade()
        place.ledger.examine(record.id, actor="ann", reason="dropped what was there")
        place.execute("DROP TABLE t_b2", "DELETE FROM witness WHERE revision = 'b2'")

    (place.folder / "migrations" / "b2.py").unlink()
    place.rewind("a1")
    place.add("b2")
    assert [step.revision for step in place.upgrade().steps] == ["b2"]
    assert place.witnesses() == ["a1", "b2"]


def test_a_session_that_ends_after_the_last_step_hides_nothing(place: Place) -> None:
    """All is applied; that the lock was lost is said all the same, with where the database is."""
    place.add("a1")

    with place.child(stop_at="verified") as child:
        child.go()
        place.reached("verified")
        place.end_sessions()
        place.go_on("verified")
        assert child.answer().error == "LockLost"

    record = place.record()
    assert (record.status, record.heads_after) == ("failed", ("a1",))
    assert place.steps(record.id) == {"a1": "done"}
    assert place.upgrade().steps == ()
    assert place.witnesses() == ["a1"]


def test_a_ledger_whose_sessions_end_is_told_later(place: Place) -> None:
    """Only the run's own session is needed; what the ledger missed it is told with the rest."""
    place.add("a1", place.stop("inside"))

    with place.child() as child:
        child.go()
        place.reached("inside")
        session = (place.running().session or "").partition("@")[0]
        place.end_sessions(besides=session)
        place.go_on("inside")
        assert child.answer() == Answer(("a1",))

    assert place.record().status == "succeeded"


def reached(place: Place) -> t.Callable[[], bool]:
    return (place.folder / "inside.reached").exists


def test_a_connection_that_died_in_its_pool_is_opened_anew(place: Place) -> None:
    """After a restart of the server the first run of a process that stayed up is a good one."""
    place.add("a1")
    place.upgrade()
    place.add("b2")
    assert place.end_sessions()
    place.upgrade()
    assert place.heads() == ("b2",)
