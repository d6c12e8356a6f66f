from __future__ import annotations

import collections.abc as c
import re

import pytest
from flask.testing import FlaskClient

from flask_alembic_admin.core.plans.plan import Plan

from .conftest import fields
from .conftest import Panel
from .test_upgrade import confirm
from .test_upgrade import plan
from .test_upgrade import runs
from .test_upgrade import words

ACTIONS = "/alembic/db/default/actions"


@pytest.fixture
def client(panel: Panel) -> FlaskClient:
    """An operator's client."""
    return panel.client("operator")


def card(html: str, action: str) -> str:
    """Return the part of the page that is about one action."""
    found = re.search(rf'<section class="card" id="{action}".*?</section>', html, re.DOTALL)
    assert found, html
    return found[0]


def at(panel: Panel, revision: str) -> None:
    """Say that the database is at a revision."""
    with panel.app.app_context():
        panel.alembic.upgrade("heads")

    with panel.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")


def kept(panel: Panel, path: str) -> Plan:
    """Return the plan whose page that is."""
    with panel.app.app_context():
        record = panel.alembic.project.ledger.run(path.rpartition("/")[2])

    assert record is not None
    return Plan.from_values(record.plan)


def test_each_action_has_its_form_and_its_command(client: FlaskClient) -> None:
    """What can be done here, and the line that does the same in a terminal."""
    page = client.get(ACTIONS).text
    assert "flask db upgrade heads" in card(page, "upgrade")
    assert "flask db downgrade -1" not in card(page, "upgrade")
    assert "flask db stamp heads" in card(page, "stamp")
    assert 'value="bbb2"' in card(page, "upgrade")
    assert page.count('class="primary"') == 1


def test_looking_at_the_actions_writes_nothing(panel: Panel, client: FlaskClient) -> None:
    """Neither to the database nor to the ledger."""
    client.get(ACTIONS)
    assert panel.tables() == set()
    assert not (panel.folder / "instance").exists()


@pytest.mark.parametrize("action", ["upgrade", "downgrade", "stamp"])
def test_a_viewer_sees_what_they_may_not_do(panel: Panel, action: str) -> None:
    """Each button is there, disabled, with the reason."""
    found = card(panel.client("viewer").get(ACTIONS).text, action)
    assert f"You need the “{action}” permission for this." in found
    assert re.search(r"<button[^>]*disabled[^>]*>See plan", found)
    assert "<form" not in found


def test_what_leads_nowhere_is_disabled(client: FlaskClient) -> None:
    """Nothing is applied, so nothing can be undone."""
    found = card(client.get(ACTIONS).text, "downgrade")
    assert "Nothing is applied." in found
    assert "<form" not in found


def test_where_nothing_is_pending_no_upgrade_is_offered(panel: Panel, client: FlaskClient) -> None:
    """It says so instead."""
    at(panel, "bbb2")
    assert "Nothing is pending." in card(client.get(ACTIONS).text, "upgrade")


def test_an_action_that_is_switched_off_says_so(make_panel: c.Callable[..., Panel]) -> None:
    """With the setting that does it."""
    panel = make_panel(ALEMBIC_ADMIN={"runner": "inline", "actions": ["upgrade"]})
    panel.open_up()
    client = panel.client("operator")
    found = card(client.get(ACTIONS).text, "stamp")
    assert "This panel does not offer “stamp”." in found
    assert plan(client, "heads", "stamp").status_code == 403


def test_when_the_database_is_down_the_page_opens(make_panel: c.Callable[..., Panel]) -> None:
    """Each action says why it cannot be planned."""
    panel = make_panel()
    panel.open_up()
    (panel.folder / "app.sqlite").mkdir()
    answer = panel.client("operator").get(ACTIONS)
    assert answer.status_code == 200
    assert "The database does not answer." in card(answer.text, "upgrade")


def test_a_read_only_panel_still_plans(make_panel: c.Callable[..., Panel]) -> None:
    """The plan is shown, and instead of the form the command that does it."""
    panel = make_panel(ALEMBIC_ADMIN={"runner": "inline", "read_only": True})
    panel.open_up()
    client = panel.client("operator")
    page = plan(client)
    assert "CREATE TABLE things" in words(page)
    assert "Read-only here" in page.text
    assert "flask db upgrade heads" in page.text
    assert 'name="ticket"' not in page.text
    assert confirm(client, page, ticket="x").status_code == 403


def test_a_written_revision_wins_over_the_chosen_one(panel: Panel, client: FlaskClient) -> None:
    """Its beginning is enough."""
    path = plan(client, "heads", revision=" bbb2 ").request.path
    assert kept(panel, path).target == "bbb2"


def test_an_unknown_revision_is_an_error_at_its_field(client: FlaskClient) -> None:
    """With near matches; what was written stays."""
    answer = plan(client, "heads", revision="bbx2")
    assert answer.status_code == 400
    found = card(answer.text, "upgrade")
    assert "names no revision, label or symbol. Did you mean bbb2?" in found
    assert 'value="bbx2"' in found
    assert 'aria-invalid="true"' in found
    assert "Did you mean" not in card(answer.text, "stamp")


def test_a_chosen_target_that_cannot_be_reached_is_an_error_at_the_list(
    panel: Panel, client: FlaskClient
) -> None:
    """Such as one that came from another page, which stays chosen."""
    at(panel, "aaa1")
    answer = plan(client, "bbb2", "downgrade")
    assert answer.status_code == 400
    assert '<option selected value="bbb2">' in card(answer.text, "downgrade")


@pytest.mark.parametrize("action", ["", "view", "nonsense"])
def test_another_action_is_refused(client: FlaskClient, action: str) -> None:
    """There is no plan of it."""
    assert plan(client, "heads", action).status_code == 400


def test_an_interrupted_form_can_name_no_target(client: FlaskClient) -> None:
    """It is said at the field."""
    answer = plan(client, "")
    assert answer.status_code == 400
    assert "There is no target." in answer.text


@pytest.mark.parametrize("seconds", ["-1", "86401", "nan", "soon"])
@pytest.mark.parametrize("name", ["lock_timeout", "statement_timeout", "wait"])
def test_a_bad_option_is_an_error_at_its_field(
    client: FlaskClient, name: str, seconds: str
) -> None:
    """The folded part is open, and what was written stays."""
    answer = plan(client, **{name: seconds})
    assert answer.status_code == 400
    found = card(answer.text, "upgrade")
    assert "Give a number of seconds from 0 to 86400." in found
    assert "<details open>" in found
    assert f'value="{seconds}"' in found


def test_options_are_kept_with_the_plan_and_shown(panel: Panel, client: FlaskClient) -> None:
    """With the command line that has them too; what was left empty is as the settings say."""
    page = plan(client, lock_timeout="7.5", statement_timeout="", wait="3")
    options = kept(panel, page.request.path).options
    assert (options.lock_timeout, options.statement_timeout, options.wait) == (7.5, 3600.0, 3.0)
    assert "7.5 s" in page.text
    assert "flask db upgrade heads --lock-timeout 7.5 --wait 3" in page.text


def test_a_downgrade_says_what_is_lost(panel: Panel, client: FlaskClient) -> None:
    """By name, among the findings."""
    path = panel.folder / "migrations" / "bbb2.py"
    body = path.read_text()
    path.write_text(body.replace("    pass\n", "    op.drop_table('parts')\n"))
    confirm(client, plan(client))
    page = words(plan(client, "-1", "downgrade"))
    assert "✖ 1 danger" in page
    assert re.search(r"✖ danger Drops a table .*DATA001.*parts", page, re.DOTALL)


def test_a_downgrade_that_undoes_nothing_says_so(client: FlaskClient) -> None:
    """The version table would go back, and the schema would not."""
    confirm(client, plan(client))
    page = words(plan(client, "aaa1", "downgrade"))
    assert "Its downgrade() does nothing" in page
    assert "META001" in page


def test_a_stamp_back_says_what_it_forgets(client: FlaskClient) -> None:
    """Applied, and not noted any more."""
    confirm(client, plan(client))
    assert "Forgotten though applied: 1 revision" in plan(client, "aaa1", "stamp").text


def test_a_plan_without_a_step_cannot_be_confirmed(client: FlaskClient) -> None:
    """There is nothing to do."""
    confirm(client, plan(client))
    page = plan(client, "bbb2", "stamp").text
    assert "There is nothing to do." in page
    assert 'name="ticket"' not in page


def test_unknown_rows_can_be_purged(panel: Panel, client: FlaskClient) -> None:
    """The tick is there, the plan says what goes, and the run does it."""
    at(panel, "dead")
    assert "Purge" in card(client.get(ACTIONS).text, "stamp")
    page = plan(client, "aaa1", "stamp", purge="y")
    assert "the version table is emptied" in page.text
    assert "Removed from the version table" in page.text
    assert "flask db stamp aaa1 --purge" in page.text
    confirm(client, page)
    assert runs(panel)[0] == ("succeeded", "aaa1")

    with panel.app.app_context():
        assert panel.alembic.current_ids() == ("aaa1",)


def test_where_all_is_known_no_purge_is_offered(client: FlaskClient) -> None:
    """There is nothing that only a purge removes."""
    assert "Purge" not in card(client.get(ACTIONS).text, "stamp")


def test_a_purge_of_an_upgrade_means_nothing(panel: Panel, client: FlaskClient) -> None:
    """Only a stamp has it."""
    assert not kept(panel, plan(client, purge="y").request.path).options.purge


def test_a_plan_of_elsewhere_offers_a_new_one(panel: Panel, client: FlaskClient) -> None:
    """Where the database has moved since, its page says so at once."""
    path = plan(client).request.path

    with panel.app.app_context():
        panel.alembic.upgrade("aaa1")

    page = client.get(path).text
    assert "The database was at base when this was planned, and is at aaa1." in page
    assert "Plan again" in page
    assert 'name="ticket"' not in page


def test_a_stamp_says_what_the_last_comparison_found(client: FlaskClient) -> None:
    """What is claimed should be what is there."""
    assert "Not compared yet." in plan(client, "heads", "stamp").text
    page = client.get("/alembic/db/default/diff").text
    client.post("/alembic/db/default/diff", data=fields(page))
    assert "Models and database match." in plan(client, "heads", "stamp").text
