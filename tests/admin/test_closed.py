from __future__ import annotations

import collections.abc as c

import pytest
from flask import Flask
from flask import Response
from werkzeug.routing import Rule

from flask_alembic_admin import AlembicAdmin
from flask_alembic_admin.admin.responses import add_headers

from .conftest import fields
from .conftest import Panel
from .conftest import ROLES

VALUES = {"database": "default", "plan_id": "0" * 32, "run_id": "0" * 32}


def rules(app: Flask) -> list[tuple[str, str, str]]:
    """Return endpoint, method and path of every rule of the panel except its static files."""
    return [
        (rule.endpoint, method, path_of(app, rule))
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("alembic_admin.") and not rule.endpoint.endswith(".static")
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def path_of(app: Flask, rule: Rule) -> str:
    values = {name: VALUES[name] for name in rule.arguments}
    return app.url_map.bind("localhost").build(rule.endpoint, values)


def statuses(panel: Panel, role: str | None) -> set[int]:
    client = panel.client(role)
    return {client.open(path, method=method).status_code for _, method, path in rules(panel.app)}


def test_there_are_rules_to_check(panel: Panel) -> None:
    """The loop over the URL map sees the panel's routes, those that write among them."""
    assert {method for _, method, _ in rules(panel.app)} == {"GET", "POST"}


def test_without_a_permission_rule_nobody_gets_in(make_panel: c.Callable[..., Panel]) -> None:
    """Every page is refused before the app says who may see it."""
    panel = make_panel()
    panel.open_up()
    panel.blueprint.permission_rule = None
    assert statuses(panel, "operator") == {403}


def test_without_a_login_manager_nobody_gets_in(make_panel: c.Callable[..., Panel]) -> None:
    """An app that never set up Flask-Login answers 403 everywhere, not 500."""
    panel = make_panel()
    panel.blueprint.permission(lambda user, action, database: True)
    assert statuses(panel, None) == {403}


def test_without_a_secret_key_nobody_gets_in(make_panel: c.Callable[..., Panel]) -> None:
    """Where no form can be protected no page opens."""
    panel = make_panel(SECRET_KEY=None)
    panel.open_up()
    assert statuses(panel, "operator") == {403}


def test_whoever_is_not_signed_in_is_refused(panel: Panel) -> None:
    """Every page answers 401 where the app has no page to sign in."""
    assert statuses(panel, None) == {401}


def test_whoever_is_not_signed_in_is_led_to_sign_in(panel: Panel) -> None:
    """Where the app has a page to sign in, every page leads there."""
    panel.app.add_url_rule("/sign-in", "sign_in", lambda: "")
    panel.app.login_manager.login_view = "sign_in"  # type: ignore[attr-defined]
    assert statuses(panel, None) == {302}


def test_a_user_without_permission_is_refused(panel: Panel) -> None:
    """Being signed in opens nothing."""
    assert statuses(panel, "nobody") == {403}


def test_a_viewer_cannot_change_anything(panel: Panel) -> None:
    """All that is posted needs the permission of its action."""
    client = panel.client("viewer")
    posts = {
        client.post(path).status_code for _, method, path in rules(panel.app) if method == "POST"
    }
    assert posts == {403}


@pytest.mark.parametrize("role", sorted(ROLES))
@pytest.mark.parametrize("host_protects", [True, False])
def test_without_a_token_nothing_is_changed(
    make_panel: c.Callable[..., Panel], role: str, host_protects: bool
) -> None:
    """No role can post without a token, also where the host has switched its own check off."""
    panel = make_panel(WTF_CSRF_ENABLED=host_protects)
    panel.open_up()
    client = panel.client(role)

    for _, method, path in rules(panel.app):
        if method == "POST":
            data = {"target": "heads", "understood": "y", "ticket": "x"}
            assert client.post(path, data=data).status_code in {400, 403}

    assert panel.tables() == set()


def test_only_a_plain_true_lets_in(panel: Panel) -> None:
    """A rule that forgets to answer, or answers with something truthy, lets nobody in."""
    panel.blueprint.permission_rule = lambda user, action, database: "yes"  # type: ignore[assignment,return-value]
    assert statuses(panel, "operator") == {403}


def test_a_rule_that_raises_lets_nobody_in(panel: Panel) -> None:
    """A bug in the rule is an error, never an open door."""

    def broken(user: object, action: str, database: str) -> bool:
        raise ValueError

    panel.blueprint.permission(broken)
    assert statuses(panel, "operator") == {500}


def test_a_route_that_names_no_permission_is_closed(panel: Panel) -> None:
    """A route that was forgotten in the list of permissions is refused to everybody."""
    panel.blueprint._needed.pop("history")
    assert panel.client("operator").get("/alembic/db/default/history").status_code == 403


def test_a_refused_attempt_is_recorded(panel: Panel) -> None:
    """Who tried to change something without permission can be seen later."""
    panel.client("viewer").post("/alembic/db/default/plans")

    with panel.app.app_context():
        (attempt,) = panel.alembic.project.ledger.runs()

    assert (attempt.status, attempt.actor, attempt.reason) == ("refused", "viewer", "no permission")


def test_a_page_that_only_looks_records_nothing(panel: Panel) -> None:
    """A GET writes nothing, also when it is refused."""
    for role in (None, "nobody", "operator"):
        statuses_of_gets = [
            panel.client(role).get(path).status_code
            for _, method, path in rules(panel.app)
            if method == "GET"
        ]
        assert statuses_of_gets

    assert panel.tables() == set()
    assert not (panel.folder / "instance").exists()


def test_static_files_are_for_everybody(panel: Panel) -> None:
    """A page that refuses is readable too."""
    with panel.client(None).get("/alembic/static/alembic_admin.css") as response:
        assert response.status_code == 200


def test_the_missing_set_up_is_told_in_debug_only(make_panel: c.Callable[..., Panel]) -> None:
    """What the app lacks is shown to its developer, not to whoever knocks."""
    panel = make_panel()
    panel.open_up()
    panel.blueprint.permission_rule = None
    words = "@alembic_admin.permission"
    assert words not in panel.client("operator").get("/alembic/").text
    panel.app.debug = True
    assert words in panel.client("operator").get("/alembic/").text


def test_another_database_is_named_only_to_those_who_may_look(panel: Panel) -> None:
    """Whoever sees nothing is not told which names exist."""
    assert panel.client("viewer").get("/alembic/db/nope/").status_code == 404
    assert panel.client("nobody").get("/alembic/db/nope/").status_code == 403


def test_every_answer_carries_the_headers(panel: Panel) -> None:
    """Pages are kept out of caches, frames and other sites' scripts, also those that refuse."""
    for role in ("operator", "nobody"):
        headers = panel.client(role).get("/alembic/").headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]


def test_the_hosts_content_policy_is_only_filled_in(panel: Panel) -> None:
    """What the host says stays; what it left open is closed."""
    with panel.app.test_request_context("/alembic/"):
        response = Response()
        response.headers["Content-Security-Policy"] = "img-src data:; script-src 'none'"
        policy = add_headers(response).headers["Content-Security-Policy"]

    assert "img-src data:" in policy
    assert "script-src 'none'" in policy
    assert "default-src 'none'" in policy


def test_one_panel_serves_two_apps(make_panel: c.Callable[..., Panel]) -> None:
    """The same blueprint can be registered on a second app after the first has served."""
    panel = make_panel()
    panel.open_up()
    assert panel.client("viewer").get("/alembic/").status_code == 200
    other = Flask("other")
    other.config["SECRET_KEY"] = "other"
    other.register_blueprint(panel.blueprint, url_prefix="/elsewhere", name="second")
    assert other.test_client().get("/elsewhere/").status_code == 403


def test_the_panel_works_under_another_prefix_and_name(make_panel: c.Callable[..., Panel]) -> None:
    """Links lead to its own pages wherever it is."""
    panel = make_panel()
    panel.open_up()
    second = AlembicAdmin("migrations", url_prefix="/ops/migrations")
    second.permission_rule = panel.blueprint.permission_rule
    panel.app.register_blueprint(second)
    page = panel.client("operator").get("/ops/migrations/").text
    assert "/ops/migrations/db/default/history" in page
    assert "/alembic/" not in page


def test_a_form_has_its_token(panel: Panel) -> None:
    """The page that offers a plan protects its form."""
    assert "csrf_token" in fields(panel.client("operator").get("/alembic/").text)
