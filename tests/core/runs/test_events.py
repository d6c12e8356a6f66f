from __future__ import annotations

import collections.abc as c
import contextlib
import typing as t
from pathlib import Path

import pytest
import sqlalchemy as sa
from blinker import NamedSignal

import flask_alembic_admin
from flask_alembic_admin import attempt_refused
from flask_alembic_admin import run_finished
from flask_alembic_admin import run_requested
from flask_alembic_admin import run_started
from flask_alembic_admin import RunOptions
from flask_alembic_admin import step_finished
from flask_alembic_admin.core.ledger.tables import RunStatus
from flask_alembic_admin.core.locks import lock_for
from flask_alembic_admin.core.locks import Owner
from flask_alembic_admin.core.results import RunResult
from flask_alembic_admin.core.runs.events import tell
from flask_alembic_admin.core.runs.job import run_job
from flask_alembic_admin.core.runs.outcomes import finish_run
from flask_alembic_admin.errors import Locked
from flask_alembic_admin.errors import PlanMoved
from flask_alembic_admin.errors import RunFailed

from ...apps import add_line
from ...apps import add_revision
from ...apps import create
from ...apps import MakeSite
from ...apps import Site
from ...cli.workplaces import USERS
from ...cli.workplaces import Workplace
from ..ledger.ledgers import planned
from ..ledger.ledgers import queue

ALL = (run_requested, run_started, step_finished, run_finished, attempt_refused)
Heard: t.TypeAlias = list[tuple[str, dict[str, t.Any]]]


@contextlib.contextmanager
def listening(sender: object, *signals: NamedSignal) -> c.Iterator[Heard]:
    """Collect what a sender tells, with the name of each signal."""
    heard: Heard = []

    with contextlib.ExitStack() as stack:
        for signal in signals or ALL:

            def hear(_: object, name: str = signal.name, **facts: t.Any) -> None:
                heard.append((name, facts))

            stack.enter_context(signal.connected_to(hear, sender=sender))

        yield heard


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    """An app with two revisions to run."""
    site = make_site()
    add_line(site.folder, "a1", "b2")
    return site


def test_the_signals_are_at_the_front_door() -> None:
    """Where whoever uses them looks for them."""
    assert {signal.name.replace("-", "_") for signal in ALL} <= set(flask_alembic_admin.__all__)


def test_a_run_is_told_in_order(site: Site) -> None:
    """Asked for, started, each step, finished; the sender is the app."""
    with listening(site.app) as heard:
        site.upgrade(options=RunOptions(actor="ada", reason="release 7"))

    assert [name for name, _ in heard] == [
        "run-requested",
        "run-started",
        "step-finished",
        "step-finished",
        "run-finished",
    ]
    assert len({facts["run_id"] for _, facts in heard}) == 1


def test_what_is_told_is_plain(site: Site) -> None:
    """Texts, numbers and tuples, that a subscriber can send on."""
    with listening(site.app) as heard:
        site.upgrade(options=RunOptions(actor="ada", reason="release 7"))

    _requested, (_, started), (_, step), _, (_, finished) = heard
    run_id, seconds = started["run_id"], step["seconds"]
    run = {
        "run_id": run_id,
        "database": "default",
        "action": "upgrade",
        "target": "heads",
        "actor": "ada",
        "reason": "release 7",
        "runner": "code",
    }
    assert started == {**run, "heads_before": (), "revisions": ("a1", "b2")}
    expected = {"revision": "a1", "message": "make a1", "position": 1, "seconds": seconds}
    assert step == {**run, **expected}
    assert finished == {
        **run,
        "status": "succeeded",
        "heads_before": (),
        "heads_after": ("b2",),
        "error_class": None,
        "error": None,
    }


def test_only_a_request_is_told_of_a_run_with_nothing_to_do(site: Site) -> None:
    """There is no such run in the ledger either."""
    site.upgrade()

    with listening(site.app) as heard:
        site.upgrade()

    assert [name for name, _ in heard] == ["run-requested"]


def test_a_failure_is_told_with_its_class(site: Site) -> None:
    """Steps that stay done were told before."""
    add_revision(site.folder, "c3", "b2", up="raise ZeroDivisionError('nothing left')")

    with listening(site.app, step_finished, run_finished) as heard, pytest.raises(RunFailed):
        site.upgrade()

    assert [facts.get("revision") for _, facts in heard] == ["a1", "b2", None]
    facts = heard[-1][1]
    assert (facts["status"], facts["error_class"]) == ("failed", "ZeroDivisionError")
    assert facts["heads_after"] == ("b2",)
    assert "nothing left" in facts["error"]


def test_a_held_lock_is_a_refused_attempt(site: Site) -> None:
    """It is told with the id that it has in the ledger."""
    with site.app.app_context():
        database = site.alembic.project.databases["default"]

        with (
            database.connect() as other,
            lock_for(database).hold(other, Owner("eve", "there", 1, "r"), 0),
            listening(site.app, attempt_refused, run_finished) as heard,
            pytest.raises(Locked),
        ):
            site.alembic.upgrade(options=RunOptions(actor="ada", wait=0))

        ((name, facts),) = heard
        assert name == "attempt-refused"
        record = site.alembic.project.ledger.run(facts["run_id"])

    assert record is not None
    assert record.status == RunStatus.REFUSED
    assert facts["error_class"] == "Locked"
    assert facts["reason"] == record.reason


def test_a_plan_that_does_not_fit_is_a_refused_attempt(site: Site) -> None:
    """Nothing was run, so no run is finished."""
    with site.app.app_context():
        plan = site.alembic.plan()
        site.alembic.upgrade("a1")

        with listening(site.app) as heard, pytest.raises(PlanMoved):
            site.alembic.run(plan)

    assert [name for name, _ in heard] == ["run-requested", "attempt-refused"]


def test_a_queued_run_is_not_asked_for_again(site: Site) -> None:
    """Whoever queued it has told that."""
    with site.app.app_context():
        ledger = site.alembic.project.ledger
        plan = site.alembic.plan()
        run_id = planned(ledger, plan=plan.to_values())
        queue(ledger, run_id)

        with listening(site.app) as heard:
            assert run_job(site.alembic, run_id)

    assert [name for name, _ in heard][:1] == ["run-started"]
    assert {facts["run_id"] for _, facts in heard} == {run_id}
    assert heard[-1][1]["status"] == "succeeded"


def test_a_queued_run_that_is_refused_is_finished_too(site: Site) -> None:
    """It stands in the ledger, where it has failed."""
    with site.app.app_context():
        ledger = site.alembic.project.ledger
        run_id = planned(ledger, plan=site.alembic.plan().to_values())
        queue(ledger, run_id)
        site.alembic.upgrade("a1")

        with listening(site.app) as heard, pytest.raises(PlanMoved):
            run_job(site.alembic, run_id)

    assert [name for name, _ in heard] == ["attempt-refused", "run-finished"]
    assert heard[1][1]["error_class"] == "PlanMoved"


def test_a_verdict_is_told_once(site: Site) -> None:
    """Whoever gives a lost run up tells so, and nobody after them."""
    with site.app.app_context():
        project = site.alembic.project
        run_id = planned(project.ledger)
        queue(project.ledger, run_id)
        verdict: dict[str, t.Any] = {"heads_after": None, "error_class": "Lost", "error": "gone"}

        with listening(site.app, run_finished) as heard:
            assert finish_run(project, run_id, RunStatus.LOST, **verdict)
            assert not finish_run(project, run_id, RunStatus.LOST, **verdict)

    ((_, facts),) = heard
    assert (facts["run_id"], facts["status"], facts["actor"]) == (run_id, "lost", "ada")


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(1)])
def test_a_subscriber_that_raises_harms_nobody(
    site: Site, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """The run goes on, the other subscriber hears of it, and the log has the error."""
    heard = []

    def one(_: object, **facts: t.Any) -> None:
        heard.append("one")
        raise error

    def other(_: object, **facts: t.Any) -> None:
        heard.append("other")
        raise error

    with contextlib.ExitStack() as stack:
        for signal in ALL:
            stack.enter_context(signal.connected_to(one, sender=site.app))
            stack.enter_context(signal.connected_to(other, sender=site.app))
        (result,) = site.upgrade()

    assert result.after == ("b2",)
    assert sorted(heard) == ["one"] * 5 + ["other"] * 5
    failures = [r for r in caplog.records if r.name == "flask_alembic_admin.core.runs.events"]
    assert len(failures) == 10
    assert "step-finished" in caplog.text


def test_a_coroutine_function_is_not_called(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Its call would do nothing, and nobody would know."""

    async def hear(_: object, **facts: t.Any) -> None: ...

    with site.app.app_context(), run_started.connected_to(hear, sender=site.app):
        tell(run_started, site.alembic.project)

    assert "write a plain function" in caplog.text


def test_another_app_is_not_told(site: Site, make_site: MakeSite) -> None:
    """A subscriber may choose its app."""
    other = make_site(name="other")

    with listening(other.app) as heard:
        site.upgrade()

    assert heard == []


def test_a_muted_signal_is_not_sent(site: Site) -> None:
    """As blinker has it for tests."""
    with listening(site.app, run_finished) as heard, run_finished.muted():
        site.upgrade()

    assert heard == []


def test_the_lock_is_free_when_a_verdict_is_told(site: Site) -> None:
    """A subscriber may begin the next run."""
    results: list[RunResult] = []

    def go_on(_: object, **facts: t.Any) -> None:
        if facts["heads_after"] == ("a1",):
            results.extend(site.alembic.upgrade(options=RunOptions(wait=0)))

    with run_finished.connected_to(go_on, sender=site.app):
        site.upgrade(target="a1")

    assert [result.after for result in results] == [("b2",)]


def test_a_step_is_told_when_others_can_see_it(make_site: MakeSite, postgresql_url: sa.URL) -> None:
    """Where all steps share a transaction it is after that, or a subscriber would wait for ever."""
    site = make_site(postgresql_url, config={"ALEMBIC_CONTEXT": {"transaction_per_migration": 0}})
    add_line(site.folder, "a1", "b2")
    seen = []

    def look(_: object, **facts: t.Any) -> None:
        site.execute("SET lock_timeout = '2s'; SELECT count(*) FROM t_a1, t_b2")
        seen.append(facts["revision"])

    with step_finished.connected_to(look, sender=site.app):
        site.upgrade()

    assert seen == ["a1", "b2"]


def test_steps_that_were_rolled_back_are_not_told(
    make_site: MakeSite, postgresql_url: sa.URL
) -> None:
    """They share a transaction with the one that failed."""
    site = make_site(postgresql_url, config={"ALEMBIC_CONTEXT": {"transaction_per_migration": 0}})
    add_revision(site.folder, "a1", up=create("t_a1"))
    add_revision(site.folder, "b2", "a1", up="raise ValueError")

    with listening(site.app, step_finished, run_finished) as heard, pytest.raises(RunFailed):
        site.upgrade()

    assert [name for name, _ in heard] == ["run-finished"]


def test_nothing_is_open_when_a_run_is_started(make_site: MakeSite, postgresql_url: sa.URL) -> None:
    """A subscriber may change even the version table's own definition."""
    site = make_site(postgresql_url, config={"ALEMBIC_CONTEXT": {"transaction_per_migration": 0}})
    add_line(site.folder, "a1")
    site.upgrade()
    add_revision(site.folder, "b2", "a1", up=create("t_b2"))
    changed = []

    def change(_: object, **facts: t.Any) -> None:
        site.execute("SET lock_timeout = '2s'; ALTER TABLE alembic_version ADD note text")
        changed.append(facts["run_id"])

    with run_started.connected_to(change, sender=site.app):
        site.upgrade()

    assert len(changed) == 1


def test_a_project_without_an_app_sends_itself(tmp_path: Path) -> None:
    """As a command line without Flask does."""
    work = Workplace(tmp_path, {"default": sa.URL.create("sqlite", database=f"{tmp_path}/a.db")})
    work.write(USERS, None)

    with listening(work.migrator.project, run_finished) as heard:
        work.lines("upgrade")

    assert [facts["status"] for _, facts in heard] == ["succeeded"]


def test_an_app_is_not_kept_alive(site: Site) -> None:
    """The project of an app does not hold it, or its extension would for ever."""

    with site.app.app_context():
        assert site.app not in vars(site.alembic.project).values()
        assert site.alembic.project.sender is site.app
