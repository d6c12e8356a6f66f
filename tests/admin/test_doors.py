"""The doors of the panel: what has to be there before anybody gets in."""

from __future__ import annotations

import collections.abc as c

from .conftest import Panel
from .test_closed import statuses


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


def test_a_refused_attempt_is_recorded(panel: Panel) -> None:
    """Who tried to change something without permission can be seen later."""
    panel.client("viewer").post("/alembic/db/default/plans")

    with panel.app.app_context():
        (attempt,) = panel.alembic.project.ledger.runs()

    assert (attempt.status, attempt.actor, attempt.reason) == ("refused", "viewer", "no permission")


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
