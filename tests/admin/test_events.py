from __future__ import annotations

import collections.abc as c
import datetime as dt
import typing as t

import pytest
import sqlalchemy as sa

from flask_alembic_admin.admin.views import run_feed
from flask_alembic_admin.core.ledger.ledger import Ledger
from flask_alembic_admin.core.ledger.report import LineReport
from flask_alembic_admin.core.ledger.report import StepReport
from flask_alembic_admin.core.ledger.tables import RUN
from flask_alembic_admin.core.ledger.tables import RunStatus
from flask_alembic_admin.core.ledger.tables import StepStatus

from .conftest import Panel
from .test_runs import fall_silent
from .test_runs import going_on
from .test_runs import queued
from .test_runs import RUNS


@pytest.fixture
def ledger(panel: Panel) -> Ledger:
    """The panel's ledger."""
    with panel.app.app_context():
        ledger: Ledger = panel.alembic.project.ledger
        return ledger


def events(panel: Panel, run_id: str, query: str = "") -> dict[str, t.Any]:
    """Return what the events of a run are for a viewer."""
    answer = panel.client("viewer").get(f"{RUNS}{run_id}/events{query}")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    return t.cast("dict[str, t.Any]", answer.json)


def say(ledger: Ledger, run_id: str, count: int) -> None:
    """Add lines to the log of a run."""
    now = dt.datetime(2026, 11, 20, 10, 44, 1, tzinfo=dt.UTC)
    ledger.report(run_id, lines=[LineReport(now, "info", "run", f"{n}") for n in range(count)])


def test_events_say_how_a_run_stands(panel: Panel, ledger: Ledger) -> None:
    """All that its page shows and that changes, as text."""
    run_id = going_on(ledger)
    say(ledger, run_id, 1)
    ledger.report(run_id, statement="CREATE TABLE things")
    news = events(panel, run_id)
    (step,) = news["steps"]
    assert news["ended"] is False
    assert news["lines"] == [{"sequence": 1, "text": "10:44:01 0"}]
    assert news["texts"]["title"] == "Step 1 of 1 · upgrade default · Migrations"
    assert news["texts"]["state"] == "running"
    assert news["texts"]["sentence"] == "Step 1 of 1 is at work: create things."
    assert news["texts"]["statement"] == "CREATE TABLE things"
    assert (step["position"], step["word"], step["shape"], step["tone"]) == (
        1,
        "running",
        "◌",
        "busy",
    )
    assert step["texts"]["statements"] == "1"


def test_only_what_is_new_is_told(panel: Panel, ledger: Ledger) -> None:
    """Lines after the last one that is known, and steps from the last one that had begun."""
    run_id = queued(ledger)
    ledger.claim(run_id, host="elsewhere", pid=1, versions={})
    now = dt.datetime.now(dt.UTC)
    ledger.report(run_id, steps=[StepReport(1, StepStatus.DONE, now, now)])
    ledger.report(run_id, steps=[StepReport(2, StepStatus.RUNNING, now)])
    say(ledger, run_id, 3)
    news = events(panel, run_id, "?after=2&step=2")
    assert [line["sequence"] for line in news["lines"]] == [3]
    assert [step["position"] for step in news["steps"]] == [2]


def test_one_answer_is_never_long(
    panel: Panel, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has missed much is told the rest at the next look."""
    monkeypatch.setattr(run_feed, "MOST_LINES", 2)
    run_id = going_on(ledger)
    say(ledger, run_id, 3)
    assert [line["sequence"] for line in events(panel, run_id)["lines"]] == [1, 2]
    assert [line["sequence"] for line in events(panel, run_id, "?after=2")["lines"]] == [3]


def test_the_end_of_a_run_is_told(panel: Panel, ledger: Ledger) -> None:
    """With a verdict, and also where nobody has written one."""
    run_id = going_on(ledger)
    fall_silent(ledger, run_id)
    assert events(panel, run_id)["ended"] is True
    ledger.finish(run_id, RunStatus.FAILED, heads_after=[])
    assert events(panel, run_id)["ended"] is True


def test_what_is_no_number_is_refused(panel: Panel, ledger: Ledger) -> None:
    """In JSON, as a script expects it."""
    url = f"{RUNS}{going_on(ledger)}/events"

    for query in ("after=x", "after=-1", "after=", "after=9999999999", "step=1.5", "after=%C2%B2"):
        answer = panel.client("viewer").get(f"{url}?{query}")
        assert answer.status_code == 400, query
        assert answer.json == {"error": "“after” and “step” are numbers of at most nine digits."}


def test_an_unknown_run_has_no_events(panel: Panel, ledger: Ledger) -> None:
    """Neither has a plan; both are said in JSON."""
    for run_id in ("0" * 32, queued(ledger, confirm=False)):
        answer = panel.client("viewer").get(f"{RUNS}{run_id}/events")
        assert answer.status_code == 404
        assert answer.json == {"error": "There is no such run."}


def test_events_are_told_while_the_ledger_is_written_to(
    make_panel: c.Callable[..., Panel], database_url: sa.URL
) -> None:
    """On each kind of server: a writer that has not committed yet holds up nobody who looks."""
    url = database_url.render_as_string(hide_password=False)
    panel = make_panel(ALEMBIC_ADMIN={"runner": "inline", "ledger": url})
    panel.open_up()

    with panel.app.app_context():
        ledger = panel.alembic.project.ledger

    run_id = going_on(ledger)

    with ledger.engine.begin() as writer:
        writer.execute(sa.update(RUN).where(RUN.c.id == run_id).values(statement="SELECT 2"))
        assert events(panel, run_id)["texts"]["statement"] == "CREATE TABLE things"

    assert events(panel, run_id)["texts"]["statement"] == "SELECT 2"
