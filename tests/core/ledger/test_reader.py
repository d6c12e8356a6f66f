from __future__ import annotations

import collections.abc as c
import datetime
import typing as t

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.ledger.ledger import Ledger
from flask_alembic_admin.core.ledger.store import ledger_engine
from flask_alembic_admin.core.ledger.tables import Queued
from flask_alembic_admin.core.ledger.tables import RUN
from flask_alembic_admin.core.ledger.tables import RunStatus

from .ledgers import claim
from .ledgers import ended
from .ledgers import planned
from .ledgers import queue
from .ledgers import refused


@pytest.fixture
def ledger(database_url: sa.URL) -> c.Iterator[Ledger]:
    """A ledger without tables, on each kind of server in turn."""
    engine = ledger_engine(database_url)
    yield Ledger(engine)
    engine.dispose()


def test_runs_are_listed_newest_first_and_by_page(ledger: Ledger) -> None:
    """Plans stay out unless asked for; refused attempts are in; a page follows the last one."""
    plan = planned(ledger)
    first, second = ended(ledger), ended(ledger, "other")
    refusal = refused(ledger)
    third = ended(ledger)

    def ids(*args: t.Any, **options: t.Any) -> list[str]:
        return [run.id for run in ledger.runs(*args, **options)]

    assert ids() == [third, refusal, second, first]
    assert ids("default") == [third, refusal, first]
    assert ids(include_plans=True) == [third, refusal, second, first, plan]
    assert ids(limit=2) == [third, refusal]
    assert ids(limit=2, before=refusal) == [second, first]
    assert ids("default", before=third) == [refusal, first]
    assert ids(before=first) == []


def test_pages_lose_no_run_of_the_same_moment(ledger: Ledger) -> None:
    """Runs that were asked for at the same time are told apart by their ids."""
    made = {refused(ledger) for _ in range(7)}

    with ledger.engine.begin() as connection:
        connection.execute(sa.update(RUN).values(requested=datetime.datetime.now(datetime.UTC)))

    seen: list[str] = []
    before = None

    while page := ledger.runs(limit=2, before=before):
        seen += [run.id for run in page]
        before = page[-1].id

    assert len(seen) == 7
    assert set(seen) == made


def test_a_list_leaves_plans_unread(ledger: Ledger) -> None:
    """The SQL of fifty runs is not read to show their names."""
    run_id = ended(ledger)
    assert [run.plan for run in ledger.runs()] == [None]
    run = ledger.run(run_id)
    assert run is not None
    assert run.plan is not None


def test_a_refused_attempt_is_on_record_and_no_run(ledger: Ledger) -> None:
    """It says who was refused what, and why; it stands in nobody's way."""
    refusal = ledger.run(refused(ledger))
    assert refusal is not None
    assert (refusal.status, refusal.actor, refusal.address) == ("refused", "eve", "10.0.0.9")
    assert (refusal.action, refusal.target, refusal.reason) == (
        "downgrade",
        "base",
        "no permission",
    )
    assert refusal.heads_before == ()
    assert ledger.active("default") is None
    assert ledger.last("default") is None
    assert queue(ledger, refusal.id) is Queued.NOT_A_PLAN


def test_the_active_run_is_the_queued_or_running_one(ledger: Ledger) -> None:
    """There is one a database at most, and none after the verdict."""
    run_id = planned(ledger)
    assert ledger.active("default") is None

    queue(ledger, run_id)
    active = ledger.active("default")
    assert active is not None
    assert (active.id, active.active) == (run_id, True)
    assert ledger.active("other") is None

    claim(ledger, run_id)
    assert ledger.active("default") is not None
    ledger.finish(run_id, RunStatus.SUCCEEDED, heads_after=["b2"])
    assert ledger.active("default") is None


def test_the_last_run_is_the_newest_that_was_queued(ledger: Ledger) -> None:
    """A plan made since, or a refusal, is not the last run."""
    ended(ledger)
    run_id = ended(ledger)
    planned(ledger)
    refused(ledger)
    last = ledger.last("default")
    assert last is not None
    assert last.id == run_id
