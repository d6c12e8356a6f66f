"""A step that was left half done, in the panel."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from flask_alembic_admin.core.ledger.tables import RunRecord
from flask_alembic_admin.errors import RunFailed

from .conftest import Panel

RUNS = "/alembic/db/default/runs/"


@pytest.fixture
def client(panel: Panel) -> FlaskClient:
    """An operator's client."""
    return panel.client("operator")


def leave_half(panel: Panel, last: str = "op.create_table('c', sa.Column('a', sa.Integer))") -> str:
    """Leave a step half done that comes to its end the next time, and return the run's id."""
    mended = panel.folder / "mended"
    body = [
        "import pathlib",
        f"pathlib.Path({str(panel.folder / 'python-ran')!r}).touch()",
        "op.create_table('b', sa.Column('a', sa.Integer))",
        f"op.get_context().as_sql or pathlib.Path({str(mended)!r}).exists() or 1 / 0",
        last,
    ]
    panel.write("bbb2", "aaa1", "create parts", "\n    ".join(body))

    with panel.app.app_context():
        with pytest.raises(RunFailed):
            panel.alembic.upgrade()
        mended.touch()
        (panel.folder / "python-ran").unlink()
        return newest(panel).id


def newest(panel: Panel) -> RunRecord:
    """Return the last run."""
    with panel.app.app_context():
        return panel.alembic.project.ledger.runs(limit=1)[0]


def token(page: str) -> str:
    """Return the token of a form of a page."""
    found = re.search(r'name="csrf_token" type="hidden" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def post(client: FlaskClient, run_id: str, what: str) -> TestResponse:
    """Press a button of the page of a run."""
    page = client.get(f"{RUNS}{run_id}").text
    return client.post(f"{RUNS}{run_id}/{what}", data={"csrf_token": token(page)})


def dump(panel: Panel) -> list[str]:
    """Return all that an app has in its database; the ledger is no part of it."""
    connection = sa.create_engine(panel.engine.url, poolclass=sa.NullPool).raw_connection()

    try:
        driver = connection.driver_connection
        assert driver is not None
        return [line for line in driver.iterdump() if "alembic_admin_" not in line]
    finally:
        connection.close()


def test_to_open_the_page_runs_no_migration(panel: Panel, client: FlaskClient) -> None:
    """It offers to look, and has not."""
    run_id = leave_half(panel)
    page = client.get(f"{RUNS}{run_id}").text
    assert "Look at what is there" in page
    assert 'id="forensics"' not in page
    assert not (panel.folder / "python-ran").exists()


def test_what_is_there(panel: Panel, client: FlaskClient) -> None:
    """The sentence, each operation and the three ways on; the database is as it was."""
    run_id = leave_half(panel)
    before = dump(panel)
    page = post(client, run_id, "look").text
    assert dump(panel) == before
    assert "1 of 2 done, next would be create_table c." in page
    assert "<code>create_table b</code>" in page
    assert "Finish by hand, then stamp" in page
    assert "Undo by hand" in page
    assert '<button class="primary">Plan the rest…' in page
    # One is the likeliest way on, and the page is still one of the runs.
    assert page.count('class="primary"') == 1
    assert re.search(r'aria-current="page">Runs<', page)

    with panel.app.app_context():
        lines = panel.alembic.project.ledger.last_log_lines(run_id, 1)

    assert lines[0].message == "operator looked: 1 of 2 done, next would be create_table c."


def test_the_run_that_left_it_so_leads_to_its_own_examination(
    panel: Panel, client: FlaskClient
) -> None:
    """Why nothing can be planned is on the same page."""
    page = client.get(f"{RUNS}{leave_half(panel)}").text
    assert 'Look at the run that left it so. <a href="#examine">It is this one' in page
    assert '<button class="primary">Mark as examined' in page


@pytest.mark.parametrize("what", ["look", "rest"])
def test_only_who_may_do_what_the_run_did(panel: Panel, what: str) -> None:
    """To look runs the Python of the step."""
    run_id = leave_half(panel)
    assert panel.client("viewer").post(f"{RUNS}{run_id}/{what}").status_code == 403
    assert "Look at what is there" not in panel.client("viewer").get(f"{RUNS}{run_id}").text


@pytest.mark.parametrize("what", ["look", "rest"])
def test_no_other_site_can_ask(panel: Panel, client: FlaskClient, what: str) -> None:
    """Each form has its token."""
    run_id = leave_half(panel)
    assert client.post(f"{RUNS}{run_id}/{what}").status_code == 400
    assert not (panel.folder / "python-ran").exists()


def test_the_rest_is_planned_confirmed_and_run(panel: Panel, client: FlaskClient) -> None:
    """What it leaves out is shown, and a reason is asked for, which is that of the examination."""
    run_id = leave_half(panel)
    response = post(client, run_id, "rest")
    assert response.status_code == 303
    page = client.get(response.location).text
    assert "Left out of the first step: 1 operation" in page
    assert f"plan --rest-of {run_id} --json" in page.replace("&gt;", ">")
    ticket = re.search(r'name="ticket" type="hidden" value="([^"]+)"', page)
    assert ticket is not None
    said = {"csrf_token": token(page), "ticket": ticket[1]}
    refused = client.post("/alembic/db/default/runs", data={**said, "understood": "y"})
    assert refused.status_code == 400
    said |= {"phrase": "default", "reason": "disk was full"}
    assert client.post("/alembic/db/default/runs", data=said).status_code == 303
    assert newest(panel).status == "succeeded"
    assert {"b", "c"} <= panel.tables()

    with panel.app.app_context():
        examined = panel.alembic.project.ledger.run(run_id)

    assert examined is not None
    assert (examined.examined_by, examined.examined_reason) == ("operator", "disk was full")


def test_a_rest_that_moved_is_planned_again_as_a_rest(panel: Panel, client: FlaskClient) -> None:
    """Not as a run of the whole step."""
    run_id = leave_half(panel)
    response = post(client, run_id, "rest")

    with panel.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM alembic_version")

    page = client.get(response.location).text
    assert f'action="{RUNS}{run_id}/rest"' in page


def test_the_stamp_is_planned(panel: Panel, client: FlaskClient) -> None:
    """Where the step is finished by hand."""
    page = post(client, leave_half(panel), "look").text
    assert 'name="action" value="stamp"><input type="hidden" name="target" value="bbb2"' in page
    data = {"csrf_token": token(page), "action": "stamp", "target": "bbb2"}
    assert client.post("/alembic/db/default/plans", data=data).status_code == 303


def test_why_the_rest_cannot_be_run(panel: Panel, client: FlaskClient) -> None:
    """The button is there, disabled, with the reason."""
    page = post(client, leave_half(panel, "op.execute('DELETE FROM things')"), "look").text
    assert re.search(r"<button[^>]* disabled>Plan the rest…</button>", page)
    assert "It cannot be told whether delete things is done" in page


def test_there_is_nothing_to_look_at(panel: Panel, client: FlaskClient) -> None:
    """A run that left nothing in doubt says so."""
    with panel.app.app_context():
        panel.alembic.upgrade()

    run_id = newest(panel).id
    page = client.get("/alembic/db/default/actions").text
    response = client.post(f"{RUNS}{run_id}/look", data={"csrf_token": token(page)})
    assert response.status_code == 409
    assert "leaves no step of database" in response.text
