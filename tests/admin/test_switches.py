from __future__ import annotations

import collections.abc as c
import typing as t

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from flask_alembic_admin import attempt_refused
from flask_alembic_admin.admin.switches import not_offered
from flask_alembic_admin.admin.switches import offered_actions
from flask_alembic_admin.admin.switches import refusal
from flask_alembic_admin.core.ledger.tables import RunStatus
from flask_alembic_admin.core.settings import ACTIONS

from ..apps import MakeSite
from .conftest import fields
from .conftest import Panel
from .test_upgrade import confirm
from .test_upgrade import plan

DATABASE = "/alembic/db/default"


class Ask(t.Protocol):
    """Asks an app with some settings whether an action is refused."""

    def __call__(self, action: str, *, debug: bool = False, **settings: t.Any) -> str | None: ...


@pytest.fixture
def ask(make_site: MakeSite) -> Ask:
    """Apps in different settings, one a call."""

    def ask(action: str, *, debug: bool = False, **settings: t.Any) -> str | None:
        site = make_site(config={"ALEMBIC_ADMIN": settings})
        site.app.debug = debug

        with site.app.app_context():
            return refusal(action, "default")

    return ask


@pytest.mark.parametrize("action", ["upgrade", "downgrade", "stamp"])
def test_what_changes_a_database_is_offered(ask: Ask, action: str) -> None:
    """Whether in debug mode or not."""
    assert ask(action) is None
    assert ask(action, debug=True) is None


@pytest.mark.parametrize("action", ["revision", "merge"])
def test_what_writes_a_file_is_offered_in_debug_mode(ask: Ask, action: str) -> None:
    """Elsewhere the sentence says how it is had."""
    assert ask(action, debug=True) is None
    said = ask(action)
    assert said is not None
    assert "in debug mode only" in said
    assert "ALEMBIC_ADMIN['actions']" in said
    assert f"flask db {action}" in said


@pytest.mark.parametrize("debug", [True, False])
def test_exactly_what_is_listed_is_offered(ask: Ask, debug: bool) -> None:
    """Debug mode neither adds nor takes away."""
    listed = ["upgrade", "merge"]
    said = {action: ask(action, debug=debug, actions=listed) for action in ACTIONS}
    assert [action for action, sentence in said.items() if sentence is None] == listed
    assert said["stamp"] == (
        "This panel does not offer “stamp”. ALEMBIC_ADMIN['actions'] lists: upgrade, merge."
    )


def test_nothing_may_be_listed(ask: Ask) -> None:
    """Then nothing is offered."""
    assert str(ask("upgrade", actions=[])).endswith("lists: nothing.")


@pytest.mark.parametrize("action", ACTIONS)
def test_a_read_only_panel_runs_nothing(ask: Ask, action: str) -> None:
    """Whatever is listed; the command that does it is named."""
    said = ask(action, debug=True, read_only=True, actions=ACTIONS)
    assert said is not None
    assert "read-only" in said
    assert said.endswith(f"“flask db {action}”.")


def test_the_command_names_one_of_several_databases(make_site: MakeSite, tmp_path: t.Any) -> None:
    """Else it would migrate all of them."""
    urls = {
        name: sa.URL.create("sqlite", database=f"{tmp_path}/{name}.sqlite")
        for name in ("default", "audit")
    }
    site = make_site(urls=urls, config={"ALEMBIC_ADMIN": {"read_only": True}})

    with site.app.app_context():
        assert "“flask db upgrade --database audit”" in str(refusal("upgrade", "audit"))
        assert "“flask db merge”" in str(refusal("merge", "audit"))


def test_looking_is_never_switched_off(ask: Ask) -> None:
    """What is no action is not offered or refused."""
    assert ask("view", actions=[]) is None
    assert ask("audit") is None


def test_a_plan_may_be_made_in_a_read_only_panel(make_site: MakeSite) -> None:
    """To be looked at: it is what a review needs."""
    site = make_site(config={"ALEMBIC_ADMIN": {"read_only": True}})

    with site.app.app_context():
        assert not_offered("upgrade") is None
        assert offered_actions() == ("upgrade", "downgrade", "stamp")


# In the panel itself.

Switch = c.Callable[..., None]


@pytest.fixture
def switch(panel: Panel) -> Switch:
    """Changes the settings of a panel, as a deploy does between two requests."""

    def switch(**settings: t.Any) -> None:
        panel.app.config["ALEMBIC_ADMIN"] = {"runner": "inline", **settings}
        panel.alembic._projects.clear()

    return switch


@pytest.fixture
def client(panel: Panel) -> FlaskClient:
    """An operator's client."""
    return panel.client("operator")


def last_refusal(panel: Panel) -> t.Any:
    """Return the newest record of a refused attempt."""
    with panel.app.app_context():
        records = panel.alembic.project.ledger.runs("default", limit=50)
        return next(record for record in records if record.status == RunStatus.REFUSED)


def test_a_confirmed_plan_is_refused_when_read_only(
    panel: Panel, client: FlaskClient, switch: Switch
) -> None:
    """Also where the page with its form was drawn before; it is recorded and told."""
    heard: list[dict[str, t.Any]] = []

    def hear(_: object, **facts: t.Any) -> None:
        heard.append(facts)

    page = plan(client)
    switch(read_only=True)

    with attempt_refused.connected_to(hear, sender=panel.app):
        answer = confirm(client, page)

    assert answer.status_code == 403
    assert "This panel is read-only" in answer.text
    assert "things" not in panel.tables()
    record = last_refusal(panel)
    assert (record.actor, record.action) == ("operator", "upgrade")
    assert "read-only" in (record.reason or "")
    assert heard[0]["run_id"] == record.id


def test_a_plan_is_made_when_read_only(client: FlaskClient, switch: Switch) -> None:
    """It runs nothing."""
    switch(read_only=True)
    assert plan(client).status_code == 200


def test_a_plan_of_what_is_not_offered_is_refused(
    panel: Panel, client: FlaskClient, switch: Switch
) -> None:
    """Whoever sends the form by hand is told what is offered."""
    token = fields(client.get(f"{DATABASE}/").text)["csrf_token"]
    switch(actions=["stamp"])
    answer = client.post(
        f"{DATABASE}/plans", data={"csrf_token": token, "action": "upgrade", "target": "heads"}
    )
    assert answer.status_code == 403
    assert "lists: stamp" in answer.text
    assert last_refusal(panel).action == "upgrade"


def test_pages_can_be_seen_when_read_only(client: FlaskClient, switch: Switch) -> None:
    """That is what it is for."""
    switch(read_only=True, actions=[])

    for page in ("/alembic/", f"{DATABASE}/", f"{DATABASE}/history", f"{DATABASE}/runs"):
        assert client.get(page, follow_redirects=True).status_code == 200


def test_who_may_not_is_told_only_that(panel: Panel, client: FlaskClient, switch: Switch) -> None:
    """The panel's settings are for those who may use it."""
    page = plan(client)
    switch(read_only=True)
    client.environ_base["HTTP_X_ROLE"] = "viewer"
    answer = confirm(client, page)
    assert answer.status_code == 403
    assert "read-only" not in answer.text
