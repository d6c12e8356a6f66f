from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from flask_alembic_admin.core.ledger.ledger import Ledger

from .conftest import Panel
from .test_runs import fall_silent
from .test_runs import going_on
from .test_upgrade import confirm
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


def is_closed(html: str) -> bool:
    """Return whether the button that runs the plan is there and cannot be pressed."""
    disabled = re.search(r"<button[^>]*disabled[^>]*>Run 2 migrations", html)
    return disabled is not None and 'name="ticket"' not in html


def test_while_a_run_is_at_work_no_plan_can_be_confirmed(
    client: FlaskClient, ledger: Ledger
) -> None:
    """It says so and leads to the run."""
    path = plan(client).request.path
    run_id = going_on(ledger)
    page = client.get(path).text
    assert is_closed(page)
    assert "Wait for the run that is at work." in page
    assert run_id in page


def test_in_doubt_no_plan_can_be_confirmed(client: FlaskClient, ledger: Ledger) -> None:
    """It leads to the run that somebody has to examine."""
    path = plan(client).request.path
    run_id = going_on(ledger)
    fall_silent(ledger, run_id)
    page = client.get(path).text
    assert is_closed(page)
    assert f"/runs/{run_id}" in page


def test_the_plan_of_a_database_that_is_down_can_be_read(panel: Panel, client: FlaskClient) -> None:
    """And not confirmed, also not by a form that was open before."""
    page = plan(client)
    panel.engine.dispose()
    (panel.folder / "app.sqlite").unlink()
    (panel.folder / "app.sqlite").mkdir()
    again = client.get(page.request.path).text
    assert is_closed(again)
    assert "create things" in again
    answer = confirm(client, page)
    assert answer.status_code == 503
    assert "cannot be reached" in answer.text
    assert "Nothing was run." in answer.text


def test_a_plan_cannot_be_markup(panel: Panel, client: FlaskClient) -> None:
    """Messages and SQL are text, whatever they hold."""
    panel.write("bbb2", "aaa1", "<b>x</b>", "op.execute(\"SELECT '<script>alert(1)</script>'\")")
    page = plan(client).text
    assert "<script>alert" not in page
    assert "<b>x</b>" not in page
