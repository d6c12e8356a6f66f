from __future__ import annotations

import collections.abc as c
import datetime as dt
import re

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from .conftest import fields
from .conftest import Panel

HOME = "/alembic/"


def plan(
    client: FlaskClient, target: str = "heads", action: str = "upgrade", **chosen: str
) -> TestResponse:
    """Ask for a plan as the page does, and return the page it leads to."""
    data = {**fields(client.get(HOME).text), "action": action, "target": target, **chosen}
    return client.post("/alembic/db/default/plans", data=data, follow_redirects=True)


def words(page: TestResponse) -> str:
    """Return what can be read on a page, without its markup."""
    return re.sub(r"<[^>]+>", "", page.text)


def asked_phrase(html: str) -> str:
    """Return what a page asks to be typed; empty where it asks for nothing."""
    found = re.search(r'data-aa-phrase="([^"]*)"', html)
    return found[1] if found else ""


def confirm(client: FlaskClient, page: TestResponse, **changes: str) -> TestResponse:
    """Confirm the plan on a page, and return the page it leads to."""
    data = {**fields(page.text), "understood": "y", "reason": "release 5"}
    data |= {"phrase": asked_phrase(page.text), **changes}
    return client.post("/alembic/db/default/runs", data=data, follow_redirects=True)


@pytest.fixture
def client(panel: Panel) -> FlaskClient:
    """An operator's client."""
    return panel.client("operator")


def runs(panel: Panel) -> list[tuple[str, str]]:
    """Return status and target of all that the ledger has, newest first."""
    with panel.app.app_context():
        return [(run.status, run.target) for run in panel.alembic.project.ledger.runs()]


def test_a_plan_shows_steps_and_sql(client: FlaskClient) -> None:
    """All that would run can be read before anything does."""
    page = words(plan(client))
    assert page.index("create things") < page.index("create parts")
    assert "CREATE TABLE things" in page
    assert "CREATE TABLE parts" in page


def test_a_plan_runs_nothing(panel: Panel, client: FlaskClient) -> None:
    """Planning leaves the database as it is."""
    plan(client)
    assert panel.tables() == set()


def test_a_confirmed_plan_is_run(panel: Panel, client: FlaskClient) -> None:
    """Planned, confirmed and run: the tables are there and the page says so."""
    page = confirm(client, plan(client))
    assert "Succeeded: the database went from" in page.text
    assert panel.tables() == {"things", "parts", "alembic_version"}


def test_a_run_goes_to_its_target_only(panel: Panel, client: FlaskClient) -> None:
    """A plan up to one revision leaves those after it pending."""
    confirm(client, plan(client, "aaa1"))
    assert panel.tables() == {"things", "alembic_version"}
    assert "1 pending" in client.get(HOME).text


def test_a_run_is_recorded_with_who_and_why(panel: Panel, client: FlaskClient) -> None:
    """The ledger says who ran what, from where to where, and for what reason."""
    confirm(client, plan(client))

    with panel.app.app_context():
        (run,) = panel.alembic.project.ledger.runs()
        steps = panel.alembic.project.ledger.steps(run.id)

    assert (run.status, run.actor, run.reason) == ("succeeded", "operator", "release 5")
    assert (run.heads_before, run.heads_after) == ((), ("bbb2",))
    assert [(step.revision, step.status) for step in steps] == [("aaa1", "done"), ("bbb2", "done")]


def test_a_plan_that_was_run_leads_to_its_run(client: FlaskClient) -> None:
    """An old plan's page cannot be confirmed again."""
    page = plan(client)
    confirm(client, page)
    again = client.get(page.request.path)
    assert again.status_code == 303
    assert "/runs/" in again.headers["Location"]


def test_a_changed_file_stops_the_run(panel: Panel, client: FlaskClient) -> None:
    """What was read is not what would run: nothing runs, and the page says what moved."""
    page = plan(client)
    panel.write("bbb2", "aaa1", "create parts", "op.drop_table('things')")
    answer = confirm(client, page)
    assert answer.status_code == 409
    assert "The file of revision bbb2 was changed." in answer.text
    assert panel.tables() == set()
    assert runs(panel) == [("refused", "heads")]


def test_a_deleted_file_stops_the_run(panel: Panel, client: FlaskClient) -> None:
    """A revision that is gone is named."""
    page = plan(client)
    (panel.folder / "migrations" / "bbb2.py").unlink()
    answer = confirm(client, page)
    assert answer.status_code == 409
    assert "Revision bbb2 is gone." in answer.text


def test_moved_heads_stop_the_run(panel: Panel, client: FlaskClient) -> None:
    """Somebody migrated meanwhile: nothing runs."""
    page = plan(client)

    with panel.app.app_context():
        panel.alembic.upgrade("aaa1")

    answer = confirm(client, page)
    assert answer.status_code == 409
    assert "The database was at base and is at aaa1." in answer.text


def test_a_failed_run_says_where_and_why(panel: Panel, client: FlaskClient) -> None:
    """A migration that raises: the step is named, the steps before it stay done."""
    panel.write("bbb2", "aaa1", "create parts", "raise ValueError('no parts today')")
    page = confirm(client, plan(client)).text
    assert "failed at bbb2 (create parts): ValueError: no parts today" in page
    assert "the database is at aaa1" in page
    assert runs(panel) == [("failed", "heads")]


def test_a_migration_that_exits_is_a_failed_run(panel: Panel, client: FlaskClient) -> None:
    """sys.exit() in a migration ends the run, not the server, and is no success."""
    panel.write("bbb2", "aaa1", "create parts", "raise SystemExit(0)")
    confirm(client, plan(client))
    assert runs(panel) == [("failed", "heads")]


def test_a_step_that_reads_is_shown_as_incomplete(panel: Panel, client: FlaskClient) -> None:
    """Where the SQL depends on data the page says so, and still shows the next step."""
    body = "op.get_bind().execute(sa.text('select 1')).scalar()"
    panel.write("aaa1", None, "read things", body)
    page = words(plan(client))
    assert re.search(r"Incomplete: this step reads the database at aaa1\.py, line \d+", page)
    assert "CREATE TABLE parts" in page


def test_a_plan_of_a_broken_folder_is_a_page(panel: Panel, client: FlaskClient) -> None:
    """A file that cannot be read is named on the status page, which opens all the same."""
    (panel.folder / "migrations" / "ccc3.py").write_text("revision = 'ccc3'\ndef (:\n")
    page = client.get(HOME)
    assert page.status_code == 200
    assert "ccc3.py" in page.text
    assert "broken scripts" in page.text


def test_an_unknown_revision_is_a_state(panel: Panel, client: FlaskClient) -> None:
    """A database that is ahead of the files is said to be so, on status and history."""
    confirm(client, plan(client))

    with panel.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'deadbeef'")

    assert "□" in client.get(HOME).text
    assert "deadbeef" in client.get("/alembic/db/default/history").text


def test_a_run_is_shown_with_its_time(client: FlaskClient) -> None:
    """Times are elements that programs read, in UTC."""
    page = confirm(client, plan(client)).text
    moments = re.findall(r'<time datetime="([^"]+)">', page)
    assert moments
    assert {dt.datetime.fromisoformat(moment).tzinfo for moment in moments} == {dt.UTC}


def test_a_run_of_another_database_is_not_found(panel: Panel, client: FlaskClient) -> None:
    """Ids that lead nowhere are pages in words."""
    answer = client.get("/alembic/db/default/runs/" + "0" * 32)
    assert answer.status_code == 404
    assert "Nothing is here" in answer.text


def test_what_a_migration_is_called_cannot_be_markup(panel: Panel, client: FlaskClient) -> None:
    """A message is text, whatever it holds."""
    panel.write("bbb2", "aaa1", "<script>alert(1)</script>", "pass")
    for page in (client.get(HOME), client.get("/alembic/db/default/history"), plan(client)):
        assert "<script>" not in page.text
        assert "&lt;script&gt;" in page.text


@pytest.fixture
def unreachable(make_panel: c.Callable[..., Panel]) -> Panel:
    """A panel whose database is a folder, which SQLite cannot open."""
    panel = make_panel()
    panel.open_up()
    (panel.folder / "app.sqlite").mkdir()
    return panel


def test_pages_open_when_the_database_is_down(unreachable: Panel) -> None:
    """Status and history are there, and say that the database is not."""
    client = unreachable.client("operator")
    status = client.get(HOME)
    assert status.status_code == 200
    assert "unreachable" in status.text
    assert "create things" in client.get("/alembic/db/default/history").text
