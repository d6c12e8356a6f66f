from __future__ import annotations

import collections.abc as c
import datetime
import re

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from flask_alembic_admin.core.checks.asking import queue_check
from flask_alembic_admin.core.ledger.tables import CHECK

from .conftest import Panel
from .test_diff import _text as text_of
from .test_diff import _token as token_of
from .test_upgrade import plan

PAGE = "/alembic/db/default/verification"


@pytest.fixture
def verified_panel(panel: Panel) -> Panel:
    """An upgraded panel whose second revision has a downgrade that was proven."""
    path = panel.folder / "migrations" / "bbb2.py"
    head, _, _ = path.read_text().partition("def downgrade")
    path.write_text(f"{head}def downgrade():\n    op.drop_table('parts')\n")

    with panel.app.app_context():
        panel.alembic.upgrade()

    verify(panel.client("operator"))
    return panel


def verify(client: FlaskClient) -> None:
    """Press the button."""
    answer = client.post(PAGE, data={"csrf_token": token_of(client.get(PAGE).text)})
    assert (answer.status_code, answer.location) == (303, PAGE)


def age(panel: Panel, **values: object) -> None:
    """Let a minute pass since the last sign of life of all checks."""
    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=60)

    with panel.app.app_context(), panel.alembic.project.ledger.engine.begin() as connection:
        connection.execute(sa.update(CHECK).values(requested=past, heartbeat=past, **values))


def ask(panel: Panel) -> str:
    """Ask for a verification that nobody begins, and return its id."""
    with panel.app.app_context():
        check_id = queue_check(panel.alembic.project, "verification", "default", actor="ada")

    assert check_id is not None
    return check_id


def test_it_says_that_nobody_has_verified(panel: Panel) -> None:
    """And what it is; to look verifies nothing."""
    client = panel.client("operator")
    client.get(PAGE)
    html = client.get(PAGE).text
    assert "○ not verified" in text_of(html)
    assert "Nobody has verified these revisions yet." in text_of(html)
    assert '<button class="primary">Verify now</button>' in html
    assert "flask db verify" in html


def test_what_was_found_is_shown(verified_panel: Panel) -> None:
    """What is not proven stands first, with why; the models are told of too."""
    text = text_of(verified_panel.client("viewer").get(PAGE).text)
    assert "▲ verified, with faults" in text
    assert "aaa1 create things □ unproven Its downgrade does nothing" in text
    assert "bbb2 create parts ✓ proven —" in text
    assert "2 differences between what the revisions make and what the models say" in text
    assert "1 proven □ 1 unproven" in text
    assert text.index("aaa1") < text.index("bbb2")


def test_the_proof_stands_beside_the_downgrade(verified_panel: Panel) -> None:
    """On the page of actions, on the plan of the downgrade, on the revision and on the status."""
    client = verified_panel.client("operator")
    actions = text_of(client.get("/alembic/db/default/actions").text)
    assert "Undoing bbb2 : ✓ proven Verification" in actions
    planned = text_of(plan(client, "base", "downgrade").text)
    assert re.search(r"1\. bbb2 create parts .* ✓ proven .* 2\. aaa1", planned)
    assert re.search(r"2\. aaa1 create things .* □ unproven Its downgrade does nothing", planned)
    revision = text_of(client.get("/alembic/db/default/revisions/bbb2").text)
    assert "Downgrade ✓ proven Verification" in revision
    status = text_of(client.get("/alembic/db/default/").text)
    assert "Downgrades ▲ verified, with faults ✓ 1 proven □ 1 unproven" in status


def test_an_upgrade_has_no_proof(verified_panel: Panel) -> None:
    """It is about downgrades alone."""
    client = verified_panel.client("operator")
    plan(client, "-1", "downgrade")
    assert "proven" not in text_of(plan(client, "heads", "upgrade").text)


def test_a_revision_that_was_changed_since_is_unproven(verified_panel: Panel) -> None:
    """Until it is verified again."""
    path = verified_panel.folder / "migrations" / "bbb2.py"
    path.write_text(path.read_text() + "\n# changed\n")
    client = verified_panel.client("operator")
    said = "□ unproven Its file has changed since it was verified."
    assert f"bbb2 create parts {said}" in text_of(client.get(PAGE).text)
    assert said in text_of(client.get("/alembic/db/default/actions").text)
    assert said in text_of(plan(client, "-1", "downgrade").text)
    verify(client)
    assert said not in text_of(client.get(PAGE).text)


def test_a_revision_that_was_not_there_is_unproven(verified_panel: Panel) -> None:
    """Nobody can know."""
    verified_panel.write("ccc3", "bbb2", "create nothing", "pass")
    text = text_of(verified_panel.client("viewer").get("/alembic/db/default/revisions/ccc3").text)
    assert "Downgrade □ unproven It was not there then." in text


def test_one_that_goes_on_is_said_to(verified_panel: Panel) -> None:
    """With what an earlier one has found, and nothing to press but to look again."""
    ask(verified_panel)
    html = verified_panel.client("operator").get(PAGE).text
    assert "◌ running" in text_of(html)
    assert "You can leave this page." in text_of(html)
    assert "Below is what an earlier one has found:" in text_of(html)
    assert ">Look again</a>" in html
    assert 'http-equiv="refresh"' in html
    assert "Verify again" not in html


def test_a_second_one_leads_to_the_first(panel: Panel) -> None:
    """One of a database goes on at a time."""
    client = panel.client("operator")
    token = token_of(client.get(PAGE).text)
    ask(panel)
    answer = client.post(PAGE, data={"csrf_token": token})
    assert (answer.status_code, answer.location) == (303, PAGE)
    assert "◌ running" in text_of(client.get(PAGE).text)


def test_one_that_was_lost_is_said_to_be(panel: Panel) -> None:
    """And another one can be begun."""
    ask(panel)
    age(panel)
    client = panel.client("operator")
    text = text_of(client.get(PAGE).text)
    assert "▲ lost" in text
    assert "The last verification has found nothing: Its process" in text
    verify(client)
    assert "verified, with faults" in text_of(client.get(PAGE).text)


def test_one_that_could_not_be_done_says_why(make_panel: c.Callable[..., Panel]) -> None:
    """Without the password of the place that was named."""
    url = "postgresql+psycopg://app:pw-secret@127.0.0.1:1/nothing"
    panel = make_panel(ALEMBIC_ADMIN={"runner": "inline", "scratch": url})
    panel.open_up()
    client = panel.client("operator")
    verify(client)
    text = text_of(client.get(PAGE).text)
    assert "✖ could not be done" in text
    assert "leads to postgresql, and database 'default' is sqlite" in text
    assert "pw-secret" not in text


def test_one_that_somebody_has_to_start_shows_the_command(
    make_panel: c.Callable[..., Panel],
) -> None:
    """Where the runner is 'manual'."""
    panel = make_panel(ALEMBIC_ADMIN={"runner": "manual"})
    panel.open_up()
    client = panel.client("operator")
    verify(client)
    text = text_of(client.get(PAGE).text)
    assert "It waits for somebody to start it:" in text
    assert re.search(r"alembic-admin run-check [0-9a-f]{32}", text)


def test_who_may_only_look_cannot_begin_one(panel: Panel) -> None:
    """The button is there, and why it does nothing."""
    html = panel.client("viewer").get(PAGE).text
    assert 'class="primary" disabled aria-describedby="why-not">Verify now</button>' in html
    assert "that needs the permission to downgrade" in html


def test_a_read_only_panel_begins_none(make_panel: c.Callable[..., Panel]) -> None:
    """Neither by the button nor by what is sent there anyway; it names the command."""
    panel = make_panel(ALEMBIC_ADMIN={"runner": "inline", "read_only": True})
    panel.open_up()
    client = panel.client("operator")
    html = client.get(PAGE).text
    assert "flask db verify" in html
    assert "disabled" in html
    answer = client.post(PAGE, data={"csrf_token": token_of(html)})
    assert answer.status_code == 403
    assert "Use “flask db verify”." in text_of(answer.text)


def test_the_page_opens_where_the_ledger_does_not_answer(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it would tell is not known; to begin one is refused in words."""
    client = panel.client("operator")
    token = token_of(client.get(PAGE).text)
    url = "postgresql+psycopg://app@127.0.0.1:1/nothing"
    ledger = sa.create_engine(url, poolclass=sa.NullPool)

    with panel.app.app_context():
        monkeypatch.setattr(panel.alembic.project.ledger, "engine", ledger)

    assert "not verified" in text_of(client.get(PAGE).text)
    answer = client.post(PAGE, data={"csrf_token": token})
    assert answer.status_code == 503
