from __future__ import annotations

import collections.abc as c
import datetime
import functools
import time

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.ledger import report as report_module
from flask_alembic_admin.core.ledger.ledger import Ledger
from flask_alembic_admin.core.ledger.report import StepReport
from flask_alembic_admin.core.ledger.store import ledger_engine
from flask_alembic_admin.core.ledger.tables import Queued
from flask_alembic_admin.core.ledger.tables import RUN
from flask_alembic_admin.core.ledger.tables import RunStatus
from flask_alembic_admin.core.ledger.tables import StepFacts
from flask_alembic_admin.core.ledger.tables import StepStatus

from .ledgers import at_once
from .ledgers import claim
from .ledgers import ended
from .ledgers import planned
from .ledgers import queue
from .ledgers import refused
from .ledgers import running
from .ledgers import THREADS


@pytest.fixture
def ledger(database_url: sa.URL) -> c.Iterator[Ledger]:
    """A ledger without tables, with room for many callers, on each kind of server in turn."""
    engine = sa.create_engine(database_url, pool_size=THREADS)
    yield Ledger(engine)
    engine.dispose()


# A run from plan to verdict


def test_a_run_is_recorded_from_plan_to_verdict(ledger: Ledger) -> None:
    """Everything given on the way is read back, and times are aware and in order."""
    begun = datetime.datetime.now(datetime.UTC)
    run_id = planned(ledger, plan={"sql": ["é", 1, None]}, actor="bob")
    plan = ledger.run(run_id)
    assert plan is not None
    assert (plan.status, plan.actor, plan.plan) == ("planned", "bob", {"sql": ["é", 1, None]})
    assert (plan.heads_before, plan.heads_after, plan.versions) == (("a1",), None, {})
    assert not plan.active

    assert queue(ledger, run_id) is Queued.DONE
    assert claim(ledger, run_id)
    assert ledger.connected(run_id, session="99", versions={"server": "15.8"})
    assert ledger.finish(run_id, RunStatus.FAILED, heads_after=[], error_class="E", error="no")

    run = ledger.run(run_id)
    assert run is not None
    assert (run.database, run.action, run.target) == ("default", "upgrade", "heads")
    assert (run.status, run.heads_before, run.heads_after) == (RunStatus.FAILED, ("a1",), ())
    assert (run.actor, run.address, run.reason, run.runner) == (
        "ada",
        "::1",
        "release 7",
        "process",
    )
    assert (run.host, run.pid, run.session, run.versions) == ("here", 42, "99", {"server": "15.8"})
    assert (run.error_class, run.error, run.plan_hash) == ("E", "no", "f" * 64)
    assert run.started is not None
    assert run.heartbeat is not None
    assert run.finished is not None
    assert begun <= run.requested <= run.started <= run.heartbeat <= run.finished
    assert run.finished <= datetime.datetime.now(datetime.UTC)


def test_queueing_twice_makes_one_run(ledger: Ledger) -> None:
    """The second of two submits learns that it came too late."""
    run_id = planned(ledger)
    assert queue(ledger, run_id) is Queued.DONE
    assert queue(ledger, run_id) is Queued.NOT_A_PLAN
    assert not Queued.NOT_A_PLAN


def test_a_second_run_of_a_database_is_turned_away(ledger: Ledger) -> None:
    """While one is queued or running no other is queued; afterwards it is."""
    first, second, elsewhere = planned(ledger), planned(ledger), planned(ledger, "Default")
    assert queue(ledger, first) is Queued.DONE
    assert queue(ledger, second) is Queued.BUSY
    assert claim(ledger, first)
    assert queue(ledger, second) is Queued.BUSY
    assert queue(ledger, elsewhere) is Queued.DONE

    assert ledger.finish(first, RunStatus.LOST, heads_after=None)
    assert queue(ledger, second) is Queued.DONE


def test_of_many_that_queue_one_plan_one_succeeds(ledger: Ledger) -> None:
    """A plan that is confirmed sixteen times at once becomes one run."""
    run_id = planned(ledger)
    answers = at_once(ledger, [lambda: queue(ledger, run_id)] * THREADS)
    assert answers.count(Queued.DONE) == 1
    assert answers.count(Queued.NOT_A_PLAN) == THREADS - 1


def test_of_many_plans_queued_at_once_one_becomes_a_run(ledger: Ledger) -> None:
    """Sixteen different plans for one database do not get past each other."""
    plans = [planned(ledger) for _ in range(THREADS)]
    answers = at_once(ledger, [functools.partial(queue, ledger, plan) for plan in plans])
    assert answers.count(Queued.DONE) == 1
    assert answers.count(Queued.BUSY) == THREADS - 1
    assert [run.status for run in ledger.runs()] == ["queued"]


def test_of_many_that_claim_a_run_one_succeeds(ledger: Ledger) -> None:
    """A run that was delivered sixteen times has one runner."""
    run_id = planned(ledger)
    queue(ledger, run_id)
    assert at_once(ledger, [lambda: claim(ledger, run_id)] * THREADS).count(True) == 1


def test_of_many_verdicts_the_first_stands(ledger: Ledger) -> None:
    """A run that has ended does not end again."""
    run_id = running(ledger)
    finish = [lambda: ledger.finish(run_id, RunStatus.CANCELLED, heads_after=["a1"])] * THREADS
    assert at_once(ledger, finish).count(True) == 1
    assert not ledger.finish(run_id, RunStatus.SUCCEEDED, heads_after=["b2"])
    run = ledger.run(run_id)
    assert run is not None
    assert (run.status, run.heads_after) == ("cancelled", ("a1",))


def test_only_a_queued_run_can_be_claimed(ledger: Ledger) -> None:
    """Neither a plan nor a run that has begun is anybody's to carry out."""
    run_id = planned(ledger)
    assert not claim(ledger, run_id)
    assert not ledger.finish(run_id, RunStatus.FAILED, heads_after=None)
    queue(ledger, run_id)
    assert claim(ledger, run_id)
    assert not claim(ledger, run_id)


def test_a_run_can_end_while_it_is_queued(ledger: Ledger) -> None:
    """A run whose runner never came can be cancelled."""
    run_id = planned(ledger)
    queue(ledger, run_id)
    assert ledger.finish(run_id, RunStatus.CANCELLED, heads_after=None)
    assert not claim(ledger, run_id)


def test_what_is_no_verdict_is_refused(ledger: Ledger) -> None:
    """A run cannot be finished as if it went on."""
    run_id = running(ledger)

    with pytest.raises(ValueError, match="no verdict"):
        ledger.finish(run_id, RunStatus.RUNNING, heads_after=None)  # type: ignore[arg-type]


def test_a_heartbeat_moves_and_stops_with_the_run(ledger: Ledger) -> None:
    """A runner whose run was given up learns it from its next heartbeat."""
    run_id = running(ledger)
    before = ledger.run(run_id)
    time.sleep(0.01)
    assert ledger.report(run_id).running
    after = ledger.run(run_id)
    assert before is not None
    assert after is not None
    assert before.heartbeat is not None
    assert after.heartbeat is not None
    assert before.heartbeat < after.heartbeat

    ledger.finish(run_id, RunStatus.LOST, heads_after=None)
    assert not ledger.report(run_id).running


def test_a_cancel_is_asked_of_an_active_run(ledger: Ledger) -> None:
    """The request is seen in the record; a run that has ended takes none."""
    run_id = running(ledger)
    assert ledger.request_cancel(run_id)
    run = ledger.run(run_id)
    assert run is not None
    assert run.cancel_requested is not None
    assert run.status == "running"

    ledger.finish(run_id, RunStatus.CANCELLED, heads_after=["a1"])
    assert not ledger.request_cancel(run_id)


def test_a_failed_run_is_examined_once(ledger: Ledger) -> None:
    """The first person to examine it is the one on record; a success needs none."""
    run_id = running(ledger)
    assert not ledger.examine(run_id, actor="ada", reason="too early")
    ledger.finish(run_id, RunStatus.FAILED, heads_after=["a1"])
    assert ledger.examine(run_id, actor="ada", reason="dropped the half table")
    assert not ledger.examine(run_id, actor="bob", reason="me too")
    assert not ledger.examine(ended(ledger), actor="ada", reason="all is well")

    run = ledger.run(run_id)
    assert run is not None
    assert (run.examined_by, run.examined_reason) == ("ada", "dropped the half table")
    assert run.examined_at is not None


@pytest.mark.parametrize("server", ["postgresql", "mariadb"])
def test_a_write_survives_what_the_app_rolls_back(
    server: str, request: pytest.FixtureRequest
) -> None:
    """A line written during a transaction of the app's own engine stays when that one fails."""
    engine = ledger_engine(request.getfixturevalue(f"{server}_url"))
    ledger = Ledger(engine)
    run_id = running(ledger)
    users = sa.Table("users", sa.MetaData(), sa.Column("id", sa.Integer))
    users.create(engine)

    with engine.connect() as connection:
        connection.execute(sa.insert(users).values(id=1))
        ledger.log(run_id, "info", "runner", "step 1 begins")
        connection.rollback()
        assert connection.execute(sa.select(users)).all() == []

    assert len(ledger.log_lines(run_id)) == 1
    engine.dispose()


def test_a_stricter_isolation_of_the_app_fails_no_write(postgresql_url: sa.URL) -> None:
    """With a serializable engine concurrent lines wait for each other instead of failing."""
    engine = sa.create_engine(postgresql_url, isolation_level="SERIALIZABLE", pool_size=THREADS)
    ledger = Ledger(engine)
    run_id = running(ledger)
    at_once(ledger, [lambda: ledger.log(run_id, "info", "runner", "hello")] * THREADS)
    assert len(ledger.log_lines(run_id)) == THREADS
    engine.dispose()


# Steps


def test_steps_are_followed_one_by_one(ledger: Ledger) -> None:
    """Each step says what it did, when, and how it ended."""
    steps = [
        StepFacts("b2", "upgrade", "versions/b2.py", "0" * 64, "Add users"),
        StepFacts("c3", "upgrade", None, None, None),
        StepFacts("d4", "upgrade", "versions/d4.py", "1" * 64, "Add orders"),
    ]
    run_id = planned(ledger, steps=steps)
    assert [step.status for step in ledger.steps(run_id)] == [StepStatus.WAITING] * 3

    now = datetime.datetime.now(datetime.UTC)
    ledger.report(
        run_id,
        steps=[
            StepReport(1, StepStatus.DONE, now, now, statements=3, rows=5_000_000_000),
            StepReport(2, StepStatus.FAILED, now, now, error="no such column"),
        ],
    )

    first, second, third = ledger.steps(run_id)
    assert (first.position, first.revision, first.direction) == (1, "b2", "upgrade")
    assert (first.file, first.sha256, first.message) == ("versions/b2.py", "0" * 64, "Add users")
    assert (first.status, first.statements, first.rows) == ("done", 3, 5_000_000_000)
    assert first.started is not None
    assert first.finished is not None
    assert first.started <= first.finished
    assert (second.status, second.error) == ("failed", "no such column")
    assert (third.status, third.started, third.position) == ("waiting", None, 3)


def test_a_plan_and_its_steps_are_kept_together_or_not_at_all(ledger: Ledger) -> None:
    """When a step cannot be written, its plan is not there either."""
    no_revision = StepFacts(None, "upgrade", None, None, None)  # type: ignore[arg-type]
    planned(ledger)

    with pytest.raises(sa.exc.DBAPIError):
        planned(ledger, steps=[no_revision])

    assert len(ledger.runs(include_plans=True)) == 1


# The log


def test_log_lines_are_read_on_from_the_last_one_known(ledger: Ledger) -> None:
    """Sequences count from 1, and each run has its own."""
    run_id = running(ledger)
    other = running(ledger, "other")

    for number in range(1, 6):
        ledger.log(run_id, "info", "runner", f"line {number}")

    ledger.log(other, "warning", "alembic", "elsewhere")
    lines = ledger.log_lines(run_id)
    assert [(line.sequence, line.message) for line in lines] == [
        (number, f"line {number}") for number in range(1, 6)
    ]
    assert lines[0].time.tzinfo is datetime.UTC
    assert [line.sequence for line in ledger.log_lines(run_id, after=2, limit=2)] == [3, 4]
    assert ledger.log_lines(run_id, after=5) == ()
    (line,) = ledger.log_lines(other)
    assert (line.run_id, line.sequence, line.level, line.source) == (other, 1, "warning", "alembic")


def test_lines_written_at_once_are_all_kept(ledger: Ledger) -> None:
    """No two get the same sequence, and none is left out."""
    run_id = running(ledger)

    def write(number: int) -> None:
        for part in range(4):
            ledger.log(run_id, "info", "runner", f"{number}.{part}")

    at_once(ledger, [functools.partial(write, number) for number in range(THREADS)])
    lines = ledger.log_lines(run_id)
    assert [line.sequence for line in lines] == list(range(1, THREADS * 4 + 1))
    assert {line.message for line in lines} == {
        f"{number}.{part}" for number in range(THREADS) for part in range(4)
    }


def test_the_last_line_says_that_the_rest_was_left_out(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that never stops talking does not fill the database."""
    monkeypatch.setattr(report_module, "MOST_LOG_LINES", 3)
    run_id = running(ledger)

    for number in range(6):
        ledger.log(run_id, "info", "runner", f"line {number}")

    assert [line.message for line in ledger.log_lines(run_id)] == [
        "line 0",
        "line 1",
        report_module.LEFT_OUT,
    ]


def test_the_limit_of_log_lines_is_named_in_the_last_one() -> None:
    """Whoever reads the last line knows how many there are."""
    assert report_module.MOST_LOG_LINES == 5_000
    assert "5,000" in report_module.LEFT_OUT


# Clean-up


def test_prune_deletes_what_is_old_with_its_steps_and_lines(ledger: Ledger) -> None:
    """Active runs and the last run of each database stay, however old."""
    step = StepFacts("b2", "upgrade", None, None, None)
    plan = planned(ledger, steps=[step])
    ledger.log(plan, "info", "panel", "shown")
    refusal, old = refused(ledger), ended(ledger)
    last, other = ended(ledger), running(ledger, "other")
    age(ledger, days=31)
    fresh = planned(ledger, steps=[step])

    assert ledger.prune(32) == 0
    assert ledger.prune(30) == 3
    assert {run.id for run in ledger.runs(include_plans=True)} == {last, other, fresh}
    assert ledger.run(refusal) is ledger.run(old) is None
    assert ledger.steps(plan) == ()
    assert ledger.log_lines(plan) == ()
    assert len(ledger.steps(fresh)) == 1


def test_prune_keeps_a_run_that_may_be_in_doubt(ledger: Ledger) -> None:
    """Runs after it that never came to a step say nothing of it, however often they were tried."""
    doubtful = planned(ledger, steps=[StepFacts("b2", "upgrade", None, None, None)])
    assert queue(ledger, doubtful)
    assert claim(ledger, doubtful)
    now = datetime.datetime.now(datetime.UTC)
    ledger.report(doubtful, steps=[StepReport(1, StepStatus.RUNNING, now)])
    ledger.finish(doubtful, RunStatus.LOST, heads_after=None)
    ledger.finish(running(ledger), RunStatus.FAILED, heads_after=None)
    last = running(ledger)
    ledger.finish(last, RunStatus.FAILED, heads_after=None)
    age(ledger, days=31)

    assert ledger.prune(30) == 1
    assert {run.id for run in ledger.runs("default")} == {doubtful, last}
    ended(ledger)
    assert ledger.prune(30) == 2


def age(ledger: Ledger, days: int) -> None:
    """Make everything older, in the order it has."""
    with ledger.engine.begin() as connection:
        for run in ledger.runs(include_plans=True):
            earlier = run.requested - datetime.timedelta(days=days)
            connection.execute(sa.update(RUN).where(RUN.c.id == run.id).values(requested=earlier))
