"""Closed until opened: every route of the URL map, for everybody, with and without a token."""

from __future__ import annotations

import collections.abc as c
import contextlib
import hashlib
import re
import sqlite3
import typing as t
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from flask_alembic_admin.admin.access import NONE
from flask_alembic_admin.admin.access import OF_FORM
from flask_alembic_admin.admin.access import OF_RUN
from flask_alembic_admin.admin.access import OF_TICKET
from flask_alembic_admin.admin.views import Route
from flask_alembic_admin.admin.views import ROUTES
from flask_alembic_admin.core.settings import ACTIONS

from .conftest import fields
from .conftest import Panel
from .conftest import ROLES
from .test_drafts import confirm as confirm_draft
from .test_drafts import draft
from .test_upgrade import confirm
from .test_upgrade import plan

CLOSED = tuple(route for route in ROUTES if route.permission != NONE)
GETS = tuple(route for route in CLOSED if route.method == "GET")
POSTS = tuple(route for route in CLOSED if route.method == "POST")

#: Whoever has one permission and no other, beside the usual roles.
USERS = {**ROLES, **{f"only {name}": {name} for name in ("view", "audit", *ACTIONS)}}

#: What nobody sends who means well.
NONSENSE = {
    "action": "nonsense",
    "target": "nonsense",
    "revision": "'; DROP TABLE things",
    "ticket": "a.b.c",
    "understood": "y",
    "phrase": "yes",
    "reason": "x",
    "purge": "y",
    "lock_timeout": "soon",
    "theme": "x",
    "back": "//elsewhere",
    "message": "../../nonsense",
    "heads": "nonsense",
}


class About(t.NamedTuple):
    """What a URL is about.

    :param action: What its plan and its run do; what is not there counts as an upgrade.
    :param plan_id: A plan that waits.
    :param run_id: A run that has ended.
    """

    action: str = "upgrade"
    plan_id: str = "0" * 32
    run_id: str = "0" * 32

    def path(self, panel: Panel, route: Route) -> str:
        """Return where a route is."""
        values = {**self._asdict(), "database": "default", "revision": "aaa1"}
        names = re.findall(r"<(?:\w+:)?(\w+)>", route.rule)
        urls = panel.app.url_map.bind("localhost")
        wanted = {name: values[name] for name in names}
        return urls.build(f"alembic_admin.{route.endpoint}", wanted, method=route.method)

    def opens(self, user: str, route: Route, action: str = "upgrade") -> bool:
        """Return whether a user may come to a route, and with a form that names an action."""
        permission = {
            OF_FORM: action if action in ACTIONS else "upgrade",
            OF_RUN: self.action,
            # No ticket here is good for anything.
            OF_TICKET: "upgrade",
        }.get(route.permission, route.permission)
        return permission in USERS[user]


NOTHING = About()


@pytest.fixture(autouse=True)
def _users(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let whoever has one permission only sign in too."""
    for name, permissions in USERS.items():
        monkeypatch.setitem(ROLES, name, permissions)


@pytest.fixture
def usual(make_panel: c.Callable[..., Panel]) -> Panel:
    """A panel that offers every action."""
    return offering(make_panel)


def offering(make_panel: c.Callable[..., Panel], **settings: t.Any) -> Panel:
    """Return a panel that offers every action, with further settings."""
    panel = make_panel(ALEMBIC_ADMIN={"runner": "inline", "actions": ACTIONS, **settings})
    panel.open_up()
    return panel


def about(panel: Panel, action: str) -> About:
    """Return a plan that waits and a run that has ended, of a database half migrated."""
    client = panel.client("operator")

    with panel.app.app_context():
        panel.alembic.upgrade("bbb2" if action == "downgrade" else "aaa1")

    if action == "revision":
        waits = draft(client)
        confirm_draft(client, draft(client))
    else:
        if action == "downgrade":
            confirm(client, plan(client, "-1", "downgrade"))
        waits = plan(client, "base" if action == "downgrade" else "heads", action)

    with panel.app.app_context():
        run = panel.alembic.project.ledger.last("default")

    assert run is not None
    assert run.action == action
    return About(action, waits.request.path.rpartition("/")[2], run.id)


def contents(panel: Panel) -> tuple[list[str], dict[str, str]]:
    """Return all that the database holds, and all files beside it and the ledger."""
    files = {
        str(path.relative_to(panel.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in panel.folder.rglob("*")
        if path.is_file()
        and path.suffix not in {".sqlite", ".pyc"}
        and not path.is_relative_to(panel.folder / "instance")
    }
    assert "migrations/aaa1.py" in files
    return dumped(panel.folder / "app.sqlite"), files


def recorded(panel: Panel) -> list[str]:
    """Return all that the ledger holds."""
    return dumped(panel.folder / "instance" / "alembic_admin.sqlite")


def dumped(file: Path) -> list[str]:
    """Return all that is in a SQLite file."""
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return list(connection.iterdump())


def with_token(panel: Panel, user: str) -> tuple[FlaskClient, str]:
    """Return the client of a user with a token that is good, and the token."""
    client = panel.client("operator")
    token = fields(client.get("/alembic/").text)["csrf_token"]
    # Not everybody sees a page with a form.
    client.environ_base["HTTP_X_ROLE"] = user
    return client, token


def forms(route: Route) -> list[dict[str, str]]:
    """Return what is sent to a route: nothing, and nonsense about each action."""
    actions = ACTIONS if route.permission == OF_FORM else ()
    return [{}, NONSENSE, *({**NONSENSE, "action": action} for action in actions)]


def statuses(panel: Panel, role: str | None) -> set[int]:
    """Return all that the routes answer which are closed to somebody."""
    client = panel.client(role)
    return {
        client.open(NOTHING.path(panel, route), method=route.method).status_code for route in CLOSED
    }


def test_the_list_holds_every_route_of_the_map(usual: Panel) -> None:
    """The loops below see all that there is, and what writes is among it."""
    prefix = "alembic_admin."
    rules = {
        (rule.endpoint.removeprefix(prefix), method)
        for rule in usual.app.url_map.iter_rules()
        if rule.endpoint.startswith(prefix) and rule.endpoint != f"{prefix}static"
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert rules == {(route.endpoint, route.method) for route in ROUTES}
    assert {"status", "ledger_csv"} <= {route.endpoint for route in GETS}
    assert {"create_run", "cancel_run"} <= {route.endpoint for route in POSTS}


def test_each_route_needs_something_that_is_known() -> None:
    """No permission is misspelt, and only what tells one word is open."""
    known = {"view", "audit", "downgrade", OF_FORM, OF_RUN, OF_TICKET}
    assert {route.permission for route in CLOSED} <= known
    assert {route.endpoint for route in ROUTES if route not in CLOSED} == {"health"}


def test_a_route_needs_what_it_is_about() -> None:
    """The list itself is not wrong where that can be seen from outside."""
    assert all((route.permission == "audit") == ("/ledger" in route.rule) for route in CLOSED)
    assert all(route.permission == OF_RUN for route in POSTS if "<run_id>" in route.rule)
    assert all(route.changes for route in POSTS if route.permission == OF_TICKET)
    # Whoever may only look can send nothing else.
    assert {route.endpoint for route in POSTS if route.permission == "view"} == {"compare", "theme"}


def test_no_link_may_begin_anything() -> None:
    """What is followed by a robot changes nothing, so it is not refused in a read-only panel."""
    assert not [route.endpoint for route in GETS if route.changes]


@pytest.mark.parametrize("action", ["upgrade", "downgrade", "revision"])
def test_a_page_opens_to_whoever_has_its_permission(usual: Panel, action: str) -> None:
    """Everybody else is refused, and whatever is asked for, nothing is changed."""
    found = about(usual, action)
    before, records = contents(usual), recorded(usual)

    for user in USERS:
        client = usual.client(user)

        for route in GETS:
            path = found.path(usual, route)
            status = client.get(path).status_code
            # A plan has no page as a draft, nor a draft as a plan.
            other = route.endpoint == ("plan" if action == "revision" else "draft")

            if found.opens(user, route):
                assert status in ({303, 404} if other else {200}), (user, path, status)
            else:
                assert status == 403, (user, path, status)
                assert client.head(path).status_code == 403, (user, path)

    assert contents(usual) == before
    assert recorded(usual) == records


def test_a_page_that_only_looks_makes_no_ledger(usual: Panel) -> None:
    """Nor a version table, whoever asks for it."""
    for user in (None, "nobody", "operator", "auditor"):
        for route in GETS:
            usual.client(user).get(NOTHING.path(usual, route))

    assert usual.tables() == set()
    assert not (usual.folder / "instance").exists()


@pytest.mark.parametrize(
    ("action", "host_protects"),
    [("upgrade", True), ("upgrade", False), ("downgrade", False), ("revision", False)],
)
def test_without_a_token_nobody_changes_anything(
    usual: Panel, action: str, host_protects: bool
) -> None:
    """Also where the host has switched its own check off."""
    usual.app.config["WTF_CSRF_ENABLED"] = host_protects
    found = about(usual, action)
    before = contents(usual)

    for user in USERS:
        client = usual.client(user)

        for route in POSTS:
            path = found.path(usual, route)

            for form in forms(route):
                status = client.post(path, data=form).status_code
                wanted = 400 if found.opens(user, route, form.get("action", "")) else 403
                assert status == wanted, (user, path, form)

    assert contents(usual) == before


@pytest.mark.parametrize("action", ["upgrade", "downgrade", "revision"])
def test_a_good_token_alone_changes_nothing(usual: Panel, action: str) -> None:
    """Whoever may not is refused; whoever may is answered in words, and nothing is half done."""
    found = about(usual, action)
    before = contents(usual)

    for user in USERS:
        client, token = with_token(usual, user)

        for route in POSTS:
            for form in forms(route):
                path = found.path(usual, route)
                status = client.post(path, data={**form, "csrf_token": token}).status_code

                if found.opens(user, route, form.get("action", "")):
                    assert status in {303, 400, 409}, (user, path, form, status)
                else:
                    assert status == 403, (user, path, form, status)

    assert contents(usual) == before


def test_ids_that_lead_nowhere_are_answered_in_words(usual: Panel) -> None:
    """Whatever is sent with them."""
    client, token = with_token(usual, "operator")

    for route in CLOSED:
        for form in forms(route):
            path = NOTHING.path(usual, route)
            data = {**form, "csrf_token": token} if route.method == "POST" else None
            status = client.open(path, method=route.method, data=data).status_code
            assert status in {200, 303, 400, 403, 404, 409}, (path, form, status)


def test_a_read_only_panel_refuses_what_changes_something(
    make_panel: c.Callable[..., Panel],
) -> None:
    """Whoever may do everything is refused too, and what is left to them changes nothing."""
    panel = offering(make_panel, read_only=True)
    found = about(panel, "upgrade")
    client, token = with_token(panel, "operator")
    before = contents(panel)
    assert any(route.changes for route in POSTS)

    for route in POSTS:
        for form in forms(route):
            path = found.path(panel, route)
            status = client.post(path, data={**form, "csrf_token": token}).status_code
            assert (status == 403) == route.changes, (path, form, status)

    assert contents(panel) == before


def test_a_route_that_names_no_permission_is_closed(usual: Panel) -> None:
    """Each route in turn, forgotten in the list of permissions, is refused to everybody."""
    client = usual.client("operator")

    for route in ROUTES:
        forgotten = usual.blueprint._routes.pop(route.endpoint)
        answer = client.open(NOTHING.path(usual, route), method=route.method)
        assert answer.status_code == 403, route.endpoint
        usual.blueprint._routes[route.endpoint] = forgotten


def test_health_is_told_only_where_it_is_switched_on(make_panel: c.Callable[..., Panel]) -> None:
    """Then to everybody, in one word; else there is no such page."""
    panel = offering(make_panel)

    for user in (None, *USERS):
        assert panel.client(user).get("/alembic/health").status_code == 404

    panel.app.config["ALEMBIC_ADMIN"]["health"] = True

    for user in (None, "nobody"):
        answer = panel.client(user).get("/alembic/health")
        assert (answer.status_code, answer.text) == (503, "pending")
