from __future__ import annotations

import collections.abc as c
import datetime
import re

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from flask_alembic_admin.admin import rehearsals
from flask_alembic_admin.core.ledger.ledger import Ledger
from flask_alembic_admin.core.ledger.tables import CHECK
from flask_alembic_admin.core.ledger.tables import RunStatus
from flask_alembic_admin.core.rehearsal.places import RehearsalPlace

from .conftest import fields
from .conftest import Panel
from .test_upgrade import plan


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


def rehearse(client: FlaskClient, path: str) -> str:
    """Press the button on the page of a plan and return the page that it leads to."""
    token = token_of(client.get(path).text)
    answer = client.post(f"{path}/rehearsals", data={"csrf_token": token}, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    return section(answer.text)


def token_of(page: str) -> str:
    """Return the token of the forms on a page."""
    return fields(page)["csrf_token"]


def section(page: str) -> str:
    """Return the part of a page that is about the rehearsal."""
    found = re.search(r'<section[^>]*id="rehearsal".*?</section>', page, re.DOTALL)
    assert found is not None
    return found[0]


def words(html: str) -> str:
    """Return a part of a page without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def asked_for(ledger: Ledger, path: str, runner: str = "process") -> str:
    """Queue a rehearsal of a plan that nobody begins, and return its id."""
    plan_id = path.rpartition("/")[2]
    check_id = ledger.queue_check(
        kind="rehearsal", database="default", subject=plan_id, actor="operator", runner=runner
    )
    assert check_id is not None
    return check_id


def test_a_plan_is_rehearsed_on_its_page(panel: Panel, client: FlaskClient) -> None:
    """Each step with what it took; the database is as it was."""
    path = plan(client).request.path
    shown = words(section(client.get(path).text))
    assert "not rehearsed" in shown
    assert "run for real on a copy of the file" in shown

    shown = words(rehearse(client, path))
    assert "✓ succeeded Every step ended well on a copy of the file" in shown
    assert re.search(r"1 aaa1 ✓ done \S+ m?s 2 0 2 bbb2 ✓ done", shown), shown
    assert "Rehearse again" in shown
    assert not sa.inspect(panel.engine).has_table("things")
    assert "The rehearsal of this plan failed." not in client.get(path).text


def test_on_the_live_database_its_name_has_to_be_typed(
    panel: Panel, client: FlaskClient, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the locks of a real run, which others notice."""
    live = RehearsalPlace("live", "the live database")
    monkeypatch.setattr(rehearsals, "rehearsal_place", lambda *_: live)
    path = plan(client).request.path
    page = client.get(path).text
    assert 'data-aa-phrase="default"' in section(page)
    data = {"csrf_token": token_of(page)}

    for typed in ({}, {"phrase": "other"}):
        answer = client.post(f"{path}/rehearsals", data=data | typed)
        assert (answer.status_code, "Nothing was rehearsed." in answer.text) == (400, True)
        assert ledger.last_check("rehearsal", "default") is None

    assert client.post(f"{path}/rehearsals", data=data | {"phrase": "default"}).status_code == 303
    assert ledger.last_check("rehearsal", "default") is not None


def test_a_name_that_is_mistyped_is_told_at_its_field(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the page of the plan, with what was typed; the plan can still be confirmed there."""
    live = RehearsalPlace("live", "the live database")
    monkeypatch.setattr(rehearsals, "rehearsal_place", lambda *_: live)
    path = plan(client).request.path
    data = {"csrf_token": token_of(client.get(path).text), "phrase": "defualt"}
    page = client.post(f"{path}/rehearsals", data=data).text
    assert re.search(r'<input id="rehearsal_phrase"[^>]* aria-invalid="true"', section(page))
    assert 'value="defualt"' in section(page)
    assert "This has to be exactly “default”." in section(page)
    assert 'name="ticket"' in page


def test_a_step_that_fails_is_a_warning_beside_the_form(panel: Panel, client: FlaskClient) -> None:
    """And no more: the plan can be confirmed all the same."""
    panel.write("ccc3", "bbb2", "go wrong", "op.execute('DROP TABLE missing')")
    path = plan(client).request.path
    shown = words(rehearse(client, path))
    assert "✖ failed" in shown
    assert "Step 3 (ccc3) failed on a copy of the file" in shown
    assert "no such table: missing" in shown
    assert re.search(r"ccc3\w*\.py ?:\d+", shown)
    page = client.get(path).text
    assert "The rehearsal of this plan failed." in page
    assert 'name="ticket"' in page


def test_the_page_watches_one_that_goes_on(client: FlaskClient, ledger: Ledger) -> None:
    """Without JavaScript too, for who asked for it; a form that others fill in stays as it is."""
    path = plan(client).request.path
    asked_for(ledger, path)
    page = client.get(f"{path}?watch=rehearsal").text
    # To go to a part of the same page is not to load it.
    assert not re.search(r'(href|url)="?[^"]*watch=rehearsal#', page)
    assert re.search(r'<noscript><meta http-equiv="refresh" content="5; url=[^"]*rehearsal"', page)
    assert "◌ queued" in words(section(page))
    assert "<button" not in section(page)
    assert "http-equiv" not in client.get(path).text


def test_one_that_waits_for_somebody_shows_the_command(client: FlaskClient, ledger: Ledger) -> None:
    """Which carries it out elsewhere."""
    path = plan(client).request.path
    check_id = asked_for(ledger, path, "manual")
    assert f"alembic-admin run-check {check_id}" in words(section(client.get(path).text))


def test_one_that_was_lost_is_said_to_be(client: FlaskClient, ledger: Ledger) -> None:
    """Another one can be begun in its place."""
    path = plan(client).request.path
    check_id = asked_for(ledger, path)
    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=60)

    with ledger.engine.begin() as connection:
        connection.execute(sa.update(CHECK).values(requested=past))

    assert "▲ lost It has found nothing: Its process never began." in words(
        section(client.get(path).text)
    )
    assert "succeeded" in words(rehearse(client, path))
    record = ledger.check(check_id)
    assert record is not None
    assert record.status == RunStatus.LOST


def test_one_that_could_not_be_carried_out_says_why(client: FlaskClient, ledger: Ledger) -> None:
    """Such as a copy that does not answer."""
    path = plan(client).request.path
    check_id = asked_for(ledger, path)
    assert ledger.finish_check(check_id, RunStatus.FAILED, error="The copy <is> away.")
    shown = section(client.get(path).text)
    assert "It has found nothing: The copy &lt;is&gt; away." in shown


def test_one_at_a_time_for_each_database(client: FlaskClient, ledger: Ledger) -> None:
    """Of one plan it is the same one; that of another is in the way."""
    path, other = plan(client).request.path, plan(client).request.path
    token = token_of(client.get(path).text)
    check_id = asked_for(ledger, path)
    answer = client.post(f"{path}/rehearsals", data={"csrf_token": token})
    assert answer.status_code == 303
    record = ledger.last_check("rehearsal", "default")
    assert record is not None
    assert record.id == check_id
    answer = client.post(f"{other}/rehearsals", data={"csrf_token": token})
    assert answer.status_code == 409
    assert "Another plan of this database is rehearsed" in answer.text


def test_it_needs_a_token_and_the_permission_of_the_action(
    panel: Panel, client: FlaskClient, ledger: Ledger
) -> None:
    """It runs code, if not on live data."""
    path = plan(client).request.path
    assert client.post(f"{path}/rehearsals").status_code == 400
    viewer = panel.client("viewer")
    assert viewer.post(f"{path}/rehearsals").status_code == 403
    assert ledger.last_check("rehearsal", "default") is None


def test_another_database_has_no_such_plan(client: FlaskClient) -> None:
    """Nor has this one a plan that was never made."""
    path = plan(client).request.path
    token = token_of(client.get(path).text)
    unknown = f"{path.rpartition('/')[0]}/{'0' * 32}/rehearsals"
    assert client.post(unknown, data={"csrf_token": token}).status_code == 404


def test_a_panel_that_is_read_only_rehearses_nothing(make_panel: c.Callable[..., Panel]) -> None:
    """It says which command does."""
    panel = make_panel(ALEMBIC_ADMIN={"runner": "inline", "read_only": True})
    panel.open_up()
    client = panel.client("operator")
    path = plan(client).request.path
    page = client.get(path).text
    assert "Use “flask db rehearse”." in words(section(page))
    answer = client.post(f"{path}/rehearsals", data={"csrf_token": token_of(page)})
    assert answer.status_code == 403


def test_nowhere_to_rehearse_is_said_at_the_button(
    make_panel: c.Callable[..., Panel], mariadb_url: sa.URL
) -> None:
    """With what to write; who sends the form all the same is told the same."""
    panel = make_panel(url=mariadb_url)
    panel.open_up()
    client = panel.client("operator")
    path = plan(client).request.path
    page = client.get(path).text
    assert re.search(r"<button[^>]*disabled[^>]*>Rehearse it", section(page))
    assert "There is no copy of 'default' to rehearse on." in words(
        section(page).replace("&#39;", "'")
    )
    answer = client.post(f"{path}/rehearsals", data={"csrf_token": token_of(page)})
    assert answer.status_code == 409


def test_looking_at_a_plan_connects_to_no_copy(
    make_panel: c.Callable[..., Panel], postgresql_url: sa.URL
) -> None:
    """Nor does it show the password of one."""
    copy = "postgresql+psycopg://app:pw-secret@nowhere.invalid/copy"
    panel = make_panel(url=postgresql_url, ALEMBIC_ADMIN={"runner": "inline", "rehearsal": copy})
    panel.open_up()
    client = panel.client("operator")
    page = plan(client).text
    assert "nowhere.invalid" in section(page)
    assert "pw-secret" not in page
    path = re.search(r'action="([^"]*/plans/[0-9a-f]{32})/rehearsals#rehearsal"', page)
    assert path is not None
    shown = rehearse(client, path[1])
    assert "✖ failed" in words(shown)
    assert "cannot be reached" in words(shown)
    assert "pw-secret" not in shown
