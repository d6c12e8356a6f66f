"""Many who want to migrate one database at the same time."""

from __future__ import annotations

import collections.abc as c
import contextlib

import pytest

from .child import Answer
from .child import Child
from .place import Place


@contextlib.contextmanager
def ready(place: Place, count: int, wait: float) -> c.Iterator[list[Child]]:
    """Start processes that are ready to upgrade."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(place.child(wait=wait)) for _ in range(count)]


def answers(children: c.Sequence[Child]) -> list[Answer]:
    """Let all of them begin at once, and return what came of each, the busiest first."""
    for child in children:
        child.go()

    return sorted((child.answer() for child in children), reverse=True)


def test_of_eight_processes_one_applies_each_revision_once(place: Place) -> None:
    """The others wait for it and find nothing to do."""
    for revision in ("a1", "b2", "c3"):
        place.add(revision)

    with ready(place, 8, wait=60) as children:
        found = answers(children)

    assert found == [Answer(("a1", "b2", "c3"))] + [Answer()] * 7
    assert place.witnesses() == ["a1", "b2", "c3"]
    assert place.heads() == ("c3",)
    assert place.statuses() == ["succeeded"]


def test_those_who_do_not_wait_are_told_who_runs_it(place: Place) -> None:
    """With the run, the host and the process, as far as the server knows them."""
    place.add("a1", place.stop("inside"))

    with place.child() as first, ready(place, 3, wait=0) as others:
        first.go()
        place.reached("inside")
        record = place.running()
        refused = answers(others)
        place.go_on("inside")
        assert first.answer() == Answer(("a1",))

    session = (record.session or "").partition("@")[0]
    known = {
        "postgresql": [f"run {record.id}", f"session {session}"],
        "mysql": [f"session {session}"],
        "sqlite": [f"run {record.id}", f"at {record.host}", f"(process {record.pid})"],
    }[place.dialect]
    assert [answer.error for answer in refused] == ["Locked"] * 3
    assert all(fact in answer.text for answer in refused for fact in known)
    assert place.witnesses() == ["a1"]
    assert place.statuses() == ["refused"] * 3 + ["succeeded"]


@pytest.mark.parametrize("verb", ["stamp", "downgrade"])
def test_every_verb_that_changes_a_database_takes_the_lock(place: Place, verb: str) -> None:
    """Neither a stamp nor a downgrade comes between the steps of an upgrade."""
    place.add("a1")
    place.upgrade()
    place.add("b2", place.stop("inside"))

    with place.child() as first, place.child(verb, target="base", wait=0) as other:
        first.go()
        place.reached("inside")
        other.go()
        refused = other.answer()
        place.go_on("inside")
        assert first.answer() == Answer(("b2",))

    assert refused.error == "Locked"
    assert place.heads() == ("b2",)
    assert place.witnesses() == ["a1", "b2"]


@pytest.mark.parametrize("verb", ["stamp", "downgrade"])
def test_every_verb_that_changes_a_database_is_recorded(place: Place, verb: str) -> None:
    """With its action, its steps, where it began and where it ended."""
    place.add("a1")
    place.upgrade()

    with place.app.app_context():
        getattr(place.alembic, verb)("base")

    record = place.record()
    assert (record.action, record.target, record.status) == (verb, "base", "succeeded")
    assert (record.heads_before, record.heads_after) == (("a1",), ())
    assert set(place.steps(record.id).values()) == {"done"}
