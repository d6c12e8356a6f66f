from __future__ import annotations

import collections.abc as c
import datetime as dt
import re

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from flask_alembic_admin.core.ledger import Ledger
from flask_alembic_admin.core.ledger import RunStatus
from flask_alembic_admin.core.ledger import StepFacts
from flask_alembic_admin.core.ledger import StepStatus
from flask_alembic_admin.core.ledger_report import StepReport
from flask_alembic_admin.core.ledger_tables import RUN

from .conftest import Panel
from .test_upgrade import confirm
from .test_upgrade import plan

RUNS = "/alembic/db/default/runs/"


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


def fall_silent(ledger: Ledger, run_id: str) -> None:
    """Let the last sign of life of a run be an hour ago."""
    earlier = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    values = {"heartbeat": earlier, "requested": earlier}

    with ledger.engine.begin() as connection:
        connection.execute(sa.update(RUN).where(RUN.c.id == run_id).values(values))


def post(client: FlaskClient, run_id: str, what: str, **data: str) -> TestResponse:
    """Post one of the forms on the page of a run."""
    page = client.get(RUNS + run_id).text
    form = re.search(rf'action="[^"]*/{what}">.*?</form>', page, re.DOTALL)
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
    assert run_id in page
    assert re.search(r"<button[^>]*disabled>Plan upgrade", page)


def test_the_page_of_a_run_shows_what_it_runs(client: FlaskClient, ledger: Ledger) -> None:
    """The statement of this moment is there, and the page asks for itself again."""
    answer = client.get(RUNS + going_on(ledger))
    assert "CREATE TABLE things" in answer.text
    assert answer.headers["Refresh"] == "2"


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
    assert "Refresh" not in page.headers


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


def test_a_viewer_sees_no_buttons(panel: Panel, ledger: Ledger) -> None:
    """What cannot be done is not offered on the page of a run."""
    page = panel.client("viewer").get(RUNS + going_on(ledger)).text
    assert "<form" not in page


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
