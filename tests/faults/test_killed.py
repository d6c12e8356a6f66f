"""Runs whose process is killed: what is true afterwards, and how it goes on."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

import pytest

from flask_alembic_admin.core import condition
from flask_alembic_admin.core.condition import is_lost
from flask_alembic_admin.core.condition import mark_lost
from flask_alembic_admin.core.ledger.tables import RunRecord
from flask_alembic_admin.core.project import Project
from flask_alembic_admin.errors import Interrupted
from flask_alembic_admin.errors import Locked

from .app import wait_for
from .child import Answer
from .place import Place


@pytest.fixture
def project(place: Place) -> Project:
    """What is fixed for the place."""
    with place.app.app_context():
        return place.alembic.project


def kill_at(place: Place, name: str, **order: t.Any) -> RunRecord:
    """Start an upgrade, kill its process when that is at a place, and return the run."""
    with place.child(**order) as child:
        child.go()
        place.reached(name)
        child.kill()

    place.go_on(name)
    return place.record()


def look(place: Place, project: Project, record: RunRecord) -> RunRecord:
    """Look for a run once it has been silent for long, and return what has become of it."""
    place.age(record.id)
    wait_for(lambda: is_lost(project, place.record(record.id)), 0.05)
    mark_lost(project, "default")
    return place.record(record.id)


def goes_on(place: Place, record: RunRecord, doubtful: str = "b2") -> tuple[str, ...]:
    """Upgrade again, after somebody has looked where that is needed, and return the steps."""
    if place.dialect != "postgresql":
        with pytest.raises(Interrupted, match=f"run {record.id} ended in {doubtful}, which may"):
            wait_for(lambda: upgraded(place))

        assert place.ledger.examine(record.id, actor="ann", reason="looked, and cleaned up")

    # The server may need a moment to see that its client is gone.
    return wait_for(lambda: upgraded(place))


def upgraded(place: Place) -> tuple[str, ...] | None:
    """Upgrade, and return the steps; None where somebody has the lock."""
    try:
        return tuple(step.revision for step in place.upgrade().steps)
    except Locked:
        return None


def test_killed_before_its_app_is_loaded(place: Place) -> None:
    """Who started it writes the verdict; nothing was done, and nothing is in the way."""
    place.add("a1")
    (place.folder / "slow").touch()
    run_id = place.start()
    place.reached("import")
    place.kill_child_of(run_id)
    record = place.ended(run_id)
    assert (record.status, record.started) == ("failed", None)
    assert "ended with status -9 and no verdict" in (record.error or "")
    assert (place.heads(), place.witnesses()) == ((), [])
    assert upgraded(place) == ("a1",)


def test_killed_before_its_app_is_loaded_and_nobody_is_left_to_say_so(
    place: Place, project: Project
) -> None:
    """A run that stays queued is lost after a while, and the next one is carried out."""
    place.add("a1")
    record = look(place, project, place.record(place.queue()))
    assert (record.status, record.error) == ("lost", "Its process never began.")
    assert place.ended(place.start()).status == "succeeded"
    assert place.witnesses() == ["a1"]


def test_a_run_that_begins_while_it_is_given_up_goes_on(
    place: Place, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at it and the verdict its process has claimed it."""
    place.add("a1")
    run_id = place.queue()
    place.age(run_id)

    def claim_first(*_: object) -> bool:
        return not place.ledger.claim(run_id, host="there", pid=1, versions={})

    monkeypatch.setattr(condition, "process_lives", claim_first)
    mark_lost(project, "default")
    assert place.record(run_id).status == "running"


def test_a_run_whose_process_takes_long_to_begin_is_not_lost(
    place: Place, project: Project
) -> None:
    """The app that it has to load may be large."""
    place.add("a1")
    (place.folder / "slow").touch()
    run_id = place.start()
    place.reached("import")
    place.age(run_id, 31)
    mark_lost(project, "default")
    assert place.record(run_id).status == "queued"
    place.go_on("import")
    assert place.ended(run_id).status == "succeeded"


def test_a_run_whose_process_was_started_elsewhere_has_more_time(
    place: Place, project: Project
) -> None:
    """Nobody here can see whether it loads its app, and the other host may have another clock."""
    place.add("a1")
    run_id = place.queue()
    assert place.ledger.expect(run_id, host="elsewhere", pid=1)
    place.age(run_id, 120)
    assert not is_lost(project, place.record(run_id))
    place.age(run_id)
    assert is_lost(project, place.record(run_id))


def test_a_run_from_a_host_whose_clock_is_ahead_is_found(place: Place, project: Project) -> None:
    """Its last sign of life is of tomorrow, and nobody waits for that."""
    place.add("a1", place.stop("inside"))
    record = kill_at(place, "inside")
    place.age(record.id, -86400)
    wait_for(lambda: is_lost(project, place.record(record.id)), 0.05)


def test_a_run_that_was_claimed_elsewhere_has_more_time(place: Place, project: Project) -> None:
    """Until it is connected nobody here can see whether it is there."""
    place.add("a1")
    run_id = place.queue()
    assert place.ledger.claim(run_id, host="elsewhere", pid=1, versions={})
    place.age(run_id, 120)
    assert not is_lost(project, place.record(run_id))
    place.age(run_id)
    assert is_lost(project, place.record(run_id))


def test_a_run_that_holds_its_lock_is_not_lost(place: Place, project: Project) -> None:
    """However long it was silent, and where nobody can see its process: in another container."""
    place.add("a1", place.stop("inside"))

    with place.child() as child:
        child.go()
        place.reached("inside")
        record = dataclasses.replace(
            place.record(),
            host="elsewhere",
            heartbeat=datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1),
        )
        assert not is_lost(project, record)
        place.go_on("inside")
        assert child.answer() == Answer(("a1",))


def test_the_end_of_a_process_that_came_second_is_no_verdict(place: Place) -> None:
    """Somebody has started another one for the same run, which was first and goes on."""
    place.add("a1")
    (place.folder / "slow").touch()
    run_id = place.start()
    place.reached("import")
    assert place.ledger.claim(run_id, host="elsewhere", pid=1, versions={})
    place.go_on("import")
    place.reaped(run_id)
    assert place.record(run_id).status == "running"


def test_killed_while_it_waits_for_the_lock(place: Place) -> None:
    """It has changed nothing, and who has the lock goes on."""
    place.add("a1", place.stop("inside"))

    with place.child() as first, place.child(wait=60) as second:
        first.go()
        place.reached("inside")
        second.go()
        second.kill()
        place.go_on("inside")
        assert first.answer() == Answer(("a1",))

    assert place.witnesses() == ["a1"]
    assert place.statuses() == ["succeeded"]


def test_killed_before_the_first_step(place: Place, project: Project) -> None:
    """Nothing was done, but only its process could have said so."""
    place.add("a1")
    record = kill_at(place, "first", stop_at="first")
    assert (place.heads(), place.witnesses()) == ((), [])
    assert look(place, project, record).status == "lost"
    assert goes_on(place, record, "a1") == ("a1",)
    assert place.witnesses() == ["a1"]


def test_killed_between_two_steps(place: Place, project: Project) -> None:
    """The first stays done, and the heads say so; nobody can know that the second had not begun."""
    place.add("a1")
    place.add("b2")
    record = kill_at(place, "second", stop_at="second")
    assert (place.heads(), place.witnesses()) == (("a1",), ["a1"])
    assert look(place, project, record).status == "lost"
    assert goes_on(place, record) == ("b2",)
    assert place.witnesses() == ["a1", "b2"]


def test_killed_inside_a_step(place: Place, project: Project) -> None:
    """What a server can roll back is rolled back; elsewhere somebody has to look first."""
    place.add("a1")
    place.add("b2", place.stop("inside"))
    record = kill_at(place, "inside")
    assert (place.heads(), place.record().status) == (("a1",), "running")
    lost = look(place, project, record)
    assert lost.status == "lost"
    assert "ended without a verdict" in (lost.error or "")

    if place.dialect == "postgresql":
        assert place.tables() == {"alembic_version", "t_a1"}
    else:
        place.execute("DROP TABLE t_b2")

    assert goes_on(place, record) == ("b2",)
    assert place.witnesses() == ["a1", "b2"]


def test_a_run_right_after_a_kill_knows_that_the_first_is_gone(place: Place) -> None:
    """Whoever holds the lock need not wait for the silence: the other one cannot be at work."""
    place.add("a1")
    place.add("b2", place.stop("inside"))
    record = kill_at(place, "inside")

    if place.dialect != "postgresql":
        with pytest.raises(Interrupted):
            wait_for(lambda: upgraded(place))

        place.execute("DROP TABLE t_b2")
        assert place.record(record.id).status == "lost"

    assert goes_on(place, record) == ("b2",)
    assert place.record(record.id).status == "lost"
    assert place.witnesses() == ["a1", "b2"]


def test_a_refused_attempt_does_not_hide_the_doubt(
    place: Place, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often somebody tries, in the panel too, the run in doubt is the one to examine."""
    place.add("a1")
    place.add("b2", place.stop("inside"))
    record = kill_at(place, "inside")
    look(place, project, record)
    monkeypatch.setattr(condition, "PAGE", 1)

    if place.dialect == "postgresql":
        assert goes_on(place, record) == ("b2",)
        return

    place.execute("DROP TABLE t_b2")

    for _ in range(2):
        refused = place.ended(place.start())
        assert (refused.status, refused.error_class) == ("failed", "Interrupted")

    assert goes_on(place, record) == ("b2",)
    assert place.witnesses() == ["a1", "b2"]


def test_the_child_of_the_panel_killed_inside_a_step(place: Place) -> None:
    """The server that started it reaps it, keeps its last words, and calls it lost."""
    place.add("a1")
    place.add("b2", f"print('last words', flush=True)\n{place.stop('inside')}")
    run_id = place.start()
    place.reached("inside")
    place.kill(place.record(run_id))
    place.go_on("inside")
    record = place.ended(run_id)
    assert record.status == "lost"
    assert "ended with status -9 and no verdict" in (record.error or "")
    assert "last words" in (record.error or "")
    assert place.heads() == ("a1",)

    if place.dialect != "postgresql":
        place.execute("DROP TABLE t_b2")

    assert goes_on(place, record) == ("b2",)
