from __future__ import annotations

import collections.abc as c
import re

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from flask_alembic_admin.admin import tickets
from flask_alembic_admin.core.ledger.tables import RUN
from flask_alembic_admin.core.ledger.tables import RunStatus

from .conftest import fields
from .conftest import Panel
from .test_upgrade import confirm
from .test_upgrade import plan
from .test_upgrade import runs

RUNS = "/alembic/db/default/runs"
PLANS = "/alembic/db/default/plans"


@pytest.fixture
def client(panel: Panel) -> FlaskClient:
    """An operator's client."""
    return panel.client("operator")


def reasons(panel: Panel) -> list[str | None]:
    """Return why attempts were refused, newest first."""
    with panel.app.app_context():
        found = panel.alembic.project.ledger.runs()

    return [run.reason for run in found if run.status == RunStatus.REFUSED]


def again(html: str) -> dict[str, str]:
    """Return what the button «Plan again» sends."""
    form = re.search(r'<form method="post" action="[^"]*/plans".*?Plan again', html, re.DOTALL)
    assert form, html
    inputs = re.findall(r"<input[^>]*>", form[0])
    pairs = [(re.search(r'name="(\w+)"', i), re.search(r'value="([^"]*)"', i)) for i in inputs]
    return {name[1]: value[1] for name, value in pairs if name and value}


def test_an_expired_ticket_is_refused(
    panel: Panel, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its time it is good for nothing; the page keeps the target and offers a new plan."""
    page = plan(client, "aaa1")

    with monkeypatch.context() as patched:
        patched.setattr(tickets, "LIFETIME", -1)
        answer = confirm(client, page)

    assert answer.status_code == 409
    assert "more than 15 minutes ago" in answer.text
    assert "upgrade default to aaa1" in answer.text
    assert panel.tables() == set()
    assert "15 minutes" in (reasons(panel)[0] or "")
    data = again(answer.text)
    assert (data["action"], data["target"]) == ("upgrade", "aaa1")
    new = client.post(PLANS, data=data, follow_redirects=True)
    assert new.status_code == 200
    confirm(client, new)
    assert panel.tables() == {"things", "alembic_version"}


def test_the_plan_of_an_expired_ticket_can_be_opened_again(
    panel: Panel, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its page has a new ticket."""
    page = plan(client)

    with monkeypatch.context() as patched:
        patched.setattr(tickets, "LIFETIME", -1)
        assert page.request.path in confirm(client, page).text

    confirm(client, client.get(page.request.path))
    assert runs(panel)[0] == ("succeeded", "heads")


def test_somebody_elses_ticket_is_refused(panel: Panel, client: FlaskClient) -> None:
    """Even with their own token."""
    page = plan(client)
    ticket = fields(page.text)["ticket"]
    other = panel.client("viewer")
    panel.blueprint.permission_rule = lambda user, action, database: True
    answer = confirm(other, plan(other), ticket=ticket)
    assert answer.status_code == 409
    assert "This plan was shown to somebody else." in answer.text
    assert panel.tables() == set()


def test_somebody_elses_plan_can_be_confirmed_by_whoever_may(
    panel: Panel, client: FlaskClient
) -> None:
    """They open its page and get a ticket of their own."""
    page = plan(client)
    panel.blueprint.permission_rule = lambda user, action, database: True
    other = panel.client("viewer")
    confirm(other, other.get(page.request.path))

    with panel.app.app_context():
        (run,) = panel.alembic.project.ledger.runs()

    assert (run.status, run.actor) == ("succeeded", "viewer")


def test_a_plan_is_shown_to_those_who_may_carry_it_out(panel: Panel, client: FlaskClient) -> None:
    """Seeing its SQL needs the permission of its action."""
    path = plan(client, "base", "downgrade").request.path
    panel.blueprint.permission_rule = lambda user, action, database: action != "downgrade"
    assert client.get(path).status_code == 403


def test_a_forged_ticket_is_refused(panel: Panel, client: FlaskClient) -> None:
    """One that was not signed here."""
    page = plan(client)
    forged = fields(page.text)["ticket"][:-2] + "xx"
    assert "was not made here" in confirm(client, page, ticket=forged).text
    assert panel.tables() == set()


@pytest.mark.parametrize("ticket", ["", "x", "W10.x.y", "e30.x.y", "WzFd.x.y"])
def test_what_is_no_ticket_is_refused(panel: Panel, client: FlaskClient, ticket: str) -> None:
    """Whatever it looks like: nothing at all, an empty list, a mapping, a number."""
    answer = confirm(client, plan(client), ticket=ticket)
    assert answer.status_code in {400, 409}
    assert panel.tables() == set()


def test_a_ticket_is_for_its_options(panel: Panel, client: FlaskClient) -> None:
    """A plan whose options were changed since is not what was shown."""
    page = plan(client, lock_timeout="7")

    with panel.app.app_context():
        ledger = panel.alembic.project.ledger
        record = ledger.run(page.request.path.rpartition("/")[2])
        assert record is not None
        changed = {**record.plan, "options": {**record.plan["options"], "lock_timeout": 0.0}}

        with ledger.engine.begin() as connection:
            connection.execute(sa.update(RUN).values(plan=changed))

    answer = confirm(client, page)
    assert answer.status_code == 409
    assert "not the one that was shown" in answer.text
    assert panel.tables() == set()


def test_a_form_that_is_sent_twice_leads_to_its_run(panel: Panel, client: FlaskClient) -> None:
    """The second click changes nothing and is no refusal."""
    page = plan(client)
    first, second = confirm(client, page), confirm(client, page)
    assert first.request.path == second.request.path
    assert runs(panel) == [("succeeded", "heads")]


def test_a_plan_that_somebody_else_has_run_is_used(panel: Panel, client: FlaskClient) -> None:
    """Whoever had it open too is told, and nothing is run."""
    page = plan(client)
    panel.blueprint.permission_rule = lambda user, action, database: True
    other = panel.client("viewer")
    others_page = other.get(page.request.path)
    confirm(client, page)
    answer = confirm(other, others_page)
    assert answer.status_code == 409
    assert "This plan was run already, by operator." in answer.text
    assert runs(panel) == [("refused", "heads"), ("succeeded", "heads")]


def test_a_form_whose_protection_has_expired_leads_back_to_its_plan(
    panel: Panel, client: FlaskClient
) -> None:
    """In plain words, with nothing run."""
    page = plan(client)
    answer = confirm(client, page, csrf_token="old")
    assert answer.status_code == 400
    assert "The protection of this form has expired." in answer.text
    assert page.request.path in answer.text
    assert panel.tables() == set()


def test_a_form_of_a_plan_whose_protection_has_expired_can_be_sent_again(
    client: FlaskClient,
) -> None:
    """It keeps what was chosen, and has a new token."""
    answer = plan(client, "aaa1", csrf_token="old")
    assert answer.status_code == 400
    assert "This form has expired." in answer.text
    assert '<option selected value="aaa1">' in answer.text


def test_whoever_signs_in_again_comes_back_to_the_plan(panel: Panel, client: FlaskClient) -> None:
    """A session that ended before the confirmation costs no plan."""
    panel.app.add_url_rule("/sign-in", "sign_in", lambda: "")
    panel.app.login_manager.login_view = "sign_in"  # type: ignore[attr-defined]
    page = plan(client)
    client.environ_base.pop("HTTP_X_ROLE")
    answer = confirm(client, page)
    assert answer.request.path == "/sign-in"
    assert answer.request.args["next"] == page.request.path


def test_of_a_busy_database_the_run_says_what_was_not_begun(
    make_panel: c.Callable[..., Panel],
) -> None:
    """Whoever comes second is led to the first run, with the plan that was turned away."""
    panel = make_panel(ALEMBIC_ADMIN={"runner": "manual"})
    panel.open_up()
    client = panel.client("operator")
    first, second = plan(client), plan(client)
    running = confirm(client, first).request.path
    answer = confirm(client, second)
    assert answer.request.path == running
    assert answer.request.args["instead_of"] == second.request.path.rpartition("/")[2]
