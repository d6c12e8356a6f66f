from __future__ import annotations

import collections.abc as c
import datetime as dt
import re
import uuid

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from flask_alembic_admin.admin.views import runs as runs_view
from flask_alembic_admin.core.ledger.ledger import Ledger
from flask_alembic_admin.core.ledger.reader import LedgerReader
from flask_alembic_admin.core.ledger.report import LineReport
from flask_alembic_admin.core.ledger.report import StepReport
from flask_alembic_admin.core.ledger.tables import RUN
from flask_alembic_admin.core.ledger.tables import RunStatus
from flask_alembic_admin.core.ledger.tables import StepFacts
from flask_alembic_admin.core.ledger.tables import StepStatus
from flask_alembic_admin.core.status import database_status
from flask_alembic_admin.errors import RunFailed

from .conftest import Panel
from .test_upgrade import confirm
from .test_upgrade import plan

RUNS = "/alembic/db/default/runs/"
TWO_STEPS = [
    StepFacts("aaa1", "upgrade", None, None, "create things"),
    StepFacts("bbb2", "upgrade", None, None, "create parts"),
]


@pytest.fixture
def client(panel: Panel) -> FlaskClient:
    """An operator's client."""
    return panel.client("operator")


@pytest.fixture
def ledger(panel: Panel) -> Ledger:
    """The panel's ledger."""
    with panel.app.app_context():
        ledger: Ledger = panel.alembic.project.ledger
        return ledger


def going_on(ledger: Ledger, host: str = "elsewhere") -> str:
    """Record a run that is in its first step, in a process that cannot be seen from here."""
    run_id = "f" * 32
    ledger.begin(
        run_id=run_id, database="default", action="upgrade", target="heads", heads_before=[],
        plan={}, plan_hash="", steps=[StepFacts("aaa1", "upgrade", None, None, "create things")],
        actor="ops", reason=None, runner="code", host=host, pid=1, session=None, versions={},
    )  # fmt: skip
    step = StepReport(1, StepStatus.RUNNING, dt.datetime.now(dt.UTC), statements=1)
    ledger.report(run_id, steps=[step], statement="CREATE TABLE things")
    return run_id


def queued(ledger: Ledger, *, confirm: bool = True) -> str:
    """Record a plan of two steps that waits for its runner, or for somebody to confirm it."""
    run_id = ledger.plan(
        database="default", action="upgrade", target="heads", heads_before=[],
        plan={}, plan_hash="", steps=TWO_STEPS, actor="ops",
    )  # fmt: skip
    if confirm:
        ledger.queue(run_id, actor="ops", address=None, reason=None, runner="manual")
    return run_id


def failed(ledger: Ledger, target: str = "heads") -> str:
    """Record a run that failed in its second step."""
    run_id = uuid.uuid4().hex
    ledger.begin(
        run_id=run_id, database="default", action="upgrade", target=target, heads_before=[],
        plan={}, plan_hash="", steps=TWO_STEPS, actor="ops", reason=None, runner="code",
        host="elsewhere", pid=1, session=None, versions={},
    )  # fmt: skip
    now = dt.datetime.now(dt.UTC)
    error = "Traceback (most recent call last):\n  …\nValueError: no parts today"
    done = StepReport(1, StepStatus.DONE, now, now, statements=1)
    stopped = StepReport(2, StepStatus.FAILED, now, now, error=error)
    ledger.report(run_id, steps=[done, stopped])
    ledger.finish(
        run_id, RunStatus.FAILED, heads_after=["aaa1"], error_class="ValueError",
        error="no parts today",
    )  # fmt: skip
    return run_id


def fall_silent(ledger: Ledger, run_id: str) -> None:
    """Let the last sign of life of a run be an hour ago."""
    earlier = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    values = {"heartbeat": earlier, "requested": earlier}

    with ledger.engine.begin() as connection:
        connection.execute(sa.update(RUN).where(RUN.c.id == run_id).values(values))


def post(client: FlaskClient, run_id: str, what: str, **data: str) -> TestResponse:
    """Post one of the forms on the page of a run."""
    page = client.get(RUNS + run_id).text
    form = re.search(rf'action="[^"]*/{what}"[^>]*>.*?</form>', page, re.DOTALL)
    assert form, page
    token = re.search(r'name="csrf_token" type="hidden" value="([^"]+)"', form[0])
    assert token
    data = {"csrf_token": token[1], **data}
    return client.post(f"{RUNS}{run_id}/{what}", data=data, follow_redirects=True)


def test_a_run_that_goes_on_is_the_state_of_its_database(
    client: FlaskClient, ledger: Ledger
) -> None:
    """Whoever comes second is told who is at work, and led there."""
    run_id = going_on(ledger)
    page = client.get("/alembic/").text
    assert "A run is at work: upgrade to heads, started by ops." in page
    assert re.search(rf'<a class="button primary" href="[^"]*{run_id}">Watch the run', page)


def test_the_page_of_a_run_shows_what_it_runs(client: FlaskClient, ledger: Ledger) -> None:
    """The statement of this moment, the step in words, and how to see what comes next."""
    answer = client.get(RUNS + going_on(ledger))
    assert "CREATE TABLE things" in answer.text
    assert "Step 1 of 1 is at work: create things." in answer.text
    assert "<title>Step 1 of 1 · upgrade default" in answer.text
    assert "You can leave this page." in answer.text
    # Without a script the page asks for itself again.
    assert '<noscript><meta http-equiv="refresh" content="2; url=/alembic/' in answer.text
    assert "Refresh" not in answer.headers


def test_a_second_run_is_led_to_the_first(make_panel: c.Callable[..., Panel]) -> None:
    """A plan that is confirmed while another run waits leads there instead of beginning."""
    panel = make_panel(ALEMBIC_ADMIN={"runner": "manual"})
    panel.open_up()
    client = panel.client("operator")
    first, second = plan(client), plan(client)
    one = confirm(client, first)
    other = confirm(client, second)
    assert one.request.path == other.request.path


def test_a_run_can_be_asked_to_stop(client: FlaskClient, ledger: Ledger) -> None:
    """The wish is written down, with who has it, and the page says so."""
    run_id = going_on(ledger)
    page = post(client, run_id, "cancel")
    assert "Asked to stop before its next step." in page.text
    assert "operator asked it to stop" in page.text
    record = ledger.run(run_id)
    assert record is not None
    assert record.cancel_requested is not None


def test_a_silent_run_is_shown_as_lost(client: FlaskClient, ledger: Ledger) -> None:
    """No sign of life, no process and no session: nobody waits for it any more."""
    run_id = going_on(ledger)
    fall_silent(ledger, run_id)
    page = client.get(RUNS + run_id)
    assert "Lost: its process ended without a verdict" in page.text
    assert "Lost at step 1 of 1" in page.text
    assert 'http-equiv="refresh"' not in page.text


def test_how_far_a_lost_run_came_is_what_the_database_says(
    panel: Panel, client: FlaskClient, ledger: Ledger
) -> None:
    """What it did last before it was killed is missing in the ledger."""
    with panel.app.app_context():
        panel.alembic.upgrade("aaa1")

    run_id = going_on(ledger)
    fall_silent(ledger, run_id)
    page = client.get(RUNS + run_id).text
    assert "Lost at step" not in page
    assert "1 step stays committed: the first." in page


def test_looking_at_a_lost_run_writes_nothing(client: FlaskClient, ledger: Ledger) -> None:
    """Its verdict is written by the next one who changes something, not by a page."""
    run_id = going_on(ledger)
    fall_silent(ledger, run_id)
    client.get(RUNS + run_id)
    client.get("/alembic/")
    record = ledger.run(run_id)
    assert record is not None
    assert record.status == RunStatus.RUNNING


def test_a_database_in_doubt_is_interrupted(client: FlaskClient, ledger: Ledger) -> None:
    """The status page says so and leads to the run."""
    run_id = going_on(ledger)
    fall_silent(ledger, run_id)
    page = client.get("/alembic/").text
    assert "interrupted" in page
    assert run_id in page


def test_no_page_says_that_a_lost_run_is_at_work(client: FlaskClient, ledger: Ledger) -> None:
    """Neither the notice on every page nor what the status says of it takes it for running."""
    run_id = going_on(ledger)
    fall_silent(ledger, run_id)

    for page in (client.get("/alembic/").text, client.get("/alembic/db/default/heads").text):
        assert "A run is at work" not in page
        assert "A run on default has ended without a verdict: upgrade to heads, by ops." in page
        assert "running</span>" not in page


def test_a_database_in_doubt_is_not_migrated(
    panel: Panel, client: FlaskClient, ledger: Ledger
) -> None:
    """A plan made before is refused when it is confirmed."""
    page = plan(client)
    fall_silent(ledger, going_on(ledger))
    answer = confirm(client, page)
    assert "is in doubt" in answer.text
    assert panel.tables() == set()


def test_after_somebody_has_looked_runs_go_on(
    panel: Panel, client: FlaskClient, ledger: Ledger
) -> None:
    """What they found is kept, and the next run is carried out."""
    run_id = going_on(ledger)
    fall_silent(ledger, run_id)
    page = post(client, run_id, "examined", reason="nothing was there")
    assert "Examined by operator" in page.text
    assert "nothing was there" in page.text
    assert "Succeeded" in confirm(client, plan(client)).text
    assert "things" in panel.tables()


def test_a_reason_is_needed(client: FlaskClient, ledger: Ledger) -> None:
    """Nobody says «looked» without saying what they saw."""
    run_id = going_on(ledger)
    fall_silent(ledger, run_id)
    assert post(client, run_id, "examined", reason="").status_code == 400


def test_a_viewer_is_told_why_nothing_can_be_stopped(panel: Panel, ledger: Ledger) -> None:
    """The button is there, disabled, with what is missing."""
    page = panel.client("viewer").get(RUNS + going_on(ledger)).text
    assert re.search(r"<button[^>]* disabled>Stop before the next step", page)
    assert "You need the “upgrade” permission for this." in page
    assert "/cancel" not in page


def test_a_read_only_panel_stops_no_run(
    make_panel: c.Callable[..., Panel],
) -> None:
    """It says so, and what to use instead."""
    panel = make_panel(ALEMBIC_ADMIN={"read_only": True})
    panel.open_up()
    with panel.app.app_context():
        run_id = going_on(panel.alembic.project.ledger)
    page = panel.client("operator").get(RUNS + run_id).text
    assert re.search(r"<button[^>]* disabled>Stop before the next step", page)
    assert "This panel is read-only." in page


def test_a_run_that_waits_is_cancelled_at_once(make_panel: c.Callable[..., Panel]) -> None:
    """Nobody has to start it first so that it can stop."""
    panel = make_panel(ALEMBIC_ADMIN={"runner": "manual"})
    panel.open_up()
    client = panel.client("operator")
    with panel.app.app_context():
        run_id = queued(panel.alembic.project.ledger)
    page = post(client, run_id, "cancel").text
    assert "Cancelled before it began" in page
    assert "operator cancelled it" in page


def test_a_failed_run_says_what_stays_and_where_to_go(
    panel: Panel, client: FlaskClient, ledger: Ledger
) -> None:
    """Which step, what stays committed, the traceback, the plans that lead on, the revision."""
    run_id = failed(ledger)
    page = client.get(RUNS + run_id).text
    assert 'id="result" tabindex="-1"' in page
    assert "Failed at step 2 of 2" in page
    assert "1 step stays committed: the first." in page
    assert "<strong>ValueError</strong>: no parts today" in page
    assert "Traceback (most recent call last)" in page
    assert re.search(r'name="target" value="heads"><button class="primary">Plan the rest', page)
    assert "Plan downgrade to base…" in page
    assert "/alembic/db/default/revisions/bbb2" in page


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("raise ValueError('no')", "Nothing that step 2 has sent was carried out."),
        ("op.execute('SELECT 1 FROM nowhere')", "Nothing that step 2 has sent was carried out."),
        ("op.execute('CREATE TABLE b (a INT)')\n    1 / 0", "Step 2 may be half done"),
    ],
)
def test_a_failed_step_is_in_doubt_where_something_of_it_went_through(
    panel: Panel, client: FlaskClient, body: str, sentence: str
) -> None:
    """The page says what the engine goes by, which else lets the next run begin."""
    panel.write("bbb2", "aaa1", "create parts", body)

    with panel.app.app_context():
        with pytest.raises(RunFailed):
            panel.alembic.upgrade()

        record = panel.alembic.project.ledger.runs()[0]
        in_doubt = database_status(panel.alembic.project, "default").state == "interrupted"

    assert sentence in client.get(RUNS + record.id).text
    assert in_doubt == sentence.endswith("half done")


def test_the_traceback_of_a_step_is_kept(panel: Panel, client: FlaskClient) -> None:
    """It is on the page of its run, folded."""
    panel.write("bbb2", "aaa1", "create parts", "raise ValueError('no parts today')")

    with panel.app.app_context(), pytest.raises(RunFailed):
        panel.alembic.upgrade()

    with panel.app.app_context():
        run_id = panel.alembic.project.ledger.runs()[0].id

    page = client.get(RUNS + run_id).text
    details = re.search(r"<details><summary>Traceback</summary>.*?</details>", page, re.DOTALL)
    assert details
    assert "raise ValueError(&#39;no parts today&#39;)" in details[0]


def test_what_a_count_leaves_to_do_is_counted_again(
    panel: Panel, client: FlaskClient, ledger: Ledger
) -> None:
    """Of ``+2`` one step is done, so that the rest is ``+1``."""
    page = client.get(RUNS + failed(ledger, target="+2")).text
    assert re.search(r'name="target" value="\+1"><button class="primary">Plan the rest', page)


def test_who_may_not_plan_is_told_so(panel: Panel, ledger: Ledger) -> None:
    """The moves are there, disabled, with what is missing."""
    page = panel.client("viewer").get(RUNS + failed(ledger)).text
    assert re.search(r"<button[^>]* disabled[^>]*>Plan the rest again", page)
    assert "You need the “upgrade” permission for this." in page


def test_an_auditor_is_led_to_the_ledger(panel: Panel, ledger: Ledger) -> None:
    """Nobody else sees that link."""
    run_id = failed(ledger)
    link = f"/alembic/ledger?run={run_id}"
    assert link in panel.client("auditor").get(RUNS + run_id).text
    assert link not in panel.client("viewer").get(RUNS + run_id).text


def test_whoever_came_second_is_told_of_their_plan(client: FlaskClient, ledger: Ledger) -> None:
    """It was not started, and there is a way back to it."""
    plan_id = queued(ledger, confirm=False)
    page = client.get(f"{RUNS}{going_on(ledger)}?instead_of={plan_id}").text
    assert "Your plan was not started: this run was first." in page
    assert f"/alembic/db/default/plans/{plan_id}" in page


def test_a_plan_is_no_run(client: FlaskClient, ledger: Ledger) -> None:
    """Its address as a run says that nobody has confirmed it."""
    answer = client.get(RUNS + queued(ledger, confirm=False))
    assert answer.status_code == 404
    assert "nobody has confirmed" in answer.text


def test_the_whole_log_can_be_had_as_text(client: FlaskClient, ledger: Ledger) -> None:
    """Each line with its time, level and source, also those that the page leaves out."""
    run_id = going_on(ledger)
    now = dt.datetime.now(dt.UTC)
    lines = [LineReport(now, "info", "alembic", f"line {number}") for number in range(600)]
    ledger.report(run_id, lines=lines)
    assert "Only its last lines are here" in client.get(RUNS + run_id).text
    answer = client.get(f"{RUNS}{run_id}/log.txt")
    assert answer.mimetype == "text/plain"
    assert len(answer.text.splitlines()) == 600
    assert answer.text.splitlines()[-1].endswith("Z info alembic: line 599")


# The list


def test_the_list_of_runs_is_paged_and_filtered(
    client: FlaskClient, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By state and action, page by page; refused attempts are not runs."""
    monkeypatch.setattr(runs_view, "SHOWN_RUNS", 2)
    for _ in range(3):
        failed(ledger)

    ledger.refuse(
        database="default", action="upgrade", target="", actor="eve", address=None, reason="no"
    )
    url = "/alembic/db/default/runs"
    page = client.get(url).text
    assert page.count('<th scope="row">') == 2
    assert "eve" not in page
    older = re.search(r'href="([^"]+before=[^"]+)"', page)
    assert older
    assert client.get(older[1].replace("&amp;", "&")).text.count('<th scope="row">') == 1
    assert "No run is like that." in client.get(f"{url}?state=succeeded").text
    assert "No run is like that." in client.get(f"{url}?action=stamp").text
    assert client.get(f"{url}?state=failed&action=upgrade").text.count('<th scope="row">') == 2


def test_a_senseless_query_is_no_error(client: FlaskClient, ledger: Ledger) -> None:
    """What cannot be meant is left out, or shows nothing."""
    failed(ledger)

    for query in ("state=nonsense", "action=%00", "before=x", "state=planned", "state=refused"):
        assert client.get(f"/alembic/db/default/runs?{query}").status_code == 200, query


def test_a_run_in_doubt_can_be_examined_from_the_list(client: FlaskClient, ledger: Ledger) -> None:
    """It is shown as interrupted, with the way to the form."""
    run_id = going_on(ledger)
    fall_silent(ledger, run_id)
    page = client.get("/alembic/db/default/runs").text
    assert f"{run_id}#examine" in page
    assert "interrupted" in page


def test_a_ledger_that_is_gone_is_said_in_words(
    panel: Panel, client: FlaskClient, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pages that need it answer 503 and not 500."""
    run_id = going_on(ledger)

    def broken(*_: object, **__: object) -> None:
        raise sa.exc.OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(LedgerReader, "_rows", broken)

    for path in (RUNS + run_id, RUNS[:-1], f"{RUNS}{run_id}/events"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert "The record of runs cannot be read: Exception." in answer.text


def test_a_run_by_hand_shows_its_command(
    make_panel: c.Callable[..., Panel],
) -> None:
    """With the manual runner the page says what to start, and nothing starts by itself."""
    panel = make_panel(ALEMBIC_ADMIN={"runner": "manual", "app": "shop:create_app"})
    panel.open_up()
    client = panel.client("operator")
    page = confirm(client, plan(client)).text
    assert re.search(r"flask --app shop:create_app alembic-admin run-job [0-9a-f]{32}", page)
    assert panel.tables() == set()


def test_the_form_of_a_run_needs_its_token(client: FlaskClient, ledger: Ledger) -> None:
    """Without it nothing is asked of the run."""
    run_id = going_on(ledger)
    assert client.post(f"{RUNS}{run_id}/cancel").status_code == 400
    record = ledger.run(run_id)
    assert record is not None
    assert record.cancel_requested is None


def test_a_run_without_a_session_has_no_statement_to_cancel(
    client: FlaskClient, ledger: Ledger
) -> None:
    """It is not offered, and refused in words."""
    run_id = going_on(ledger)
    page = client.get(RUNS + run_id).text
    assert "Cancel the statement" not in page
    token = re.search(r'name="csrf_token" type="hidden" value="([^"]+)"', page)
    assert token
    data = {"csrf_token": token[1], "understood": "y"}
    assert client.post(f"{RUNS}{run_id}/cancel-statement", data=data).status_code == 409
