"""A step whose process was killed: how far it came, and its rest."""

from __future__ import annotations

import pytest

from flask_alembic_admin.core.forensics.forensics import Forensics
from flask_alembic_admin.core.forensics.rest import look_at
from flask_alembic_admin.core.forensics.rest import plan_rest
from flask_alembic_admin.core.ledger.tables import RunRecord
from flask_alembic_admin.core.plans.plan import keep_plan

from ..apps import create
from .place import Place

MARIADB = pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def killed(place: Place, name: str, record: RunRecord) -> RunRecord:
    """Kill a run that is at a place, and return it once it is known to be lost."""
    place.reached(name)
    place.kill(place.record(record.id))
    place.go_on(name)
    lost = place.ended(record.id)
    assert lost.status == "lost"
    return lost


def look(place: Place, record: RunRecord) -> Forensics:
    """Look at what is in place of a step."""
    with place.app.app_context():
        return look_at(place.alembic, record)


def begin_rest(place: Place, record: RunRecord) -> RunRecord:
    """Confirm the plan of the rest and start its process, as the panel does it."""
    with place.app.app_context():
        plan, _ = plan_rest(place.alembic, record)
        run_id = keep_plan(plan, place.ledger, "ann")

    assert place.ledger.queue(
        run_id, actor="ann", address=None, reason="was killed", runner="process"
    )
    place.begin(run_id)
    return place.record(run_id)


@MARIADB
def test_a_rest_that_is_killed_leaves_a_smaller_rest(place: Place) -> None:
    """Nothing is sent twice: there is one row of the step in the end."""
    place.add("a1")
    body = [create("two"), place.stop("first"), create("three"), place.stop("second"), create("d")]
    place.add("b2", "\n".join(body))
    first = killed(place, "first", place.record(place.start()))
    found = look(place, first)
    assert found.sentence == "3 of 5 done, next would be create_table three."
    second = killed(place, "second", begin_rest(place, first))
    assert place.record(first.id).examined_reason == "was killed"
    assert look(place, second).sentence == "4 of 5 done, next would be create_table d."
    third = place.ended(begin_rest(place, second).id)
    assert (third.status, place.heads()) == ("succeeded", ("b2",))
    assert place.witnesses() == ["a1", "b2"]


@SQLITE
def test_what_a_killed_step_had_in_its_transaction_is_gone(place: Place) -> None:
    """SQLite rolls back from the first row on, which is not known for certain afterwards."""
    place.add("a1")
    place.add("b2", "\n".join([create("two"), place.stop("first")]))
    record = killed(place, "first", place.record(place.start()))
    found = look(place, record)
    states = [one.state for one in found.operations]
    assert states == ["done", "cannot be told", "not done"]
    assert "It cannot be told whether insert witness is done" in found.no_rest
