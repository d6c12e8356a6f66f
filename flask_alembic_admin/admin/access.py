"""Who may do what: closed until a rule opens it."""

from __future__ import annotations

import typing as t

from flask import abort
from flask import current_app
from flask import request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.exceptions import Forbidden

from ..core.project import Project

#: Stands for the permission of the action of the run that a request is about.
OF_RUN = "the run's action"

_SETUP = {
    "login": (
        "Flask-Login is not set up on this app, so nobody can be known.",
        "login_manager = LoginManager(app)",
    ),
    "rule": (
        "No permission rule is set, so nobody gets in.",
        "@alembic_admin.permission\ndef may(user, action, database):\n    return user.is_admin",
    ),
    "extension": (
        "The app has no Alembic extension for the panel to work with.",
        "alembic = Alembic(app)",
    ),
    "secret": (
        "The app has no SECRET_KEY, so no form can be protected.",
        'app.config["SECRET_KEY"] = ...',
    ),
}


class Refused(Forbidden):
    """Somebody may not do something.

    :param permission: What they lack; None where the app is not set up.
    :param setup: A key of what is missing in the app's set-up.
    """

    def __init__(self, permission: str | None = None, setup: str | None = None) -> None:
        super().__init__()
        self.permission = permission
        # What an app lacks is for its developer, not for whoever knocks.
        self.setup = _SETUP[setup] if setup and current_app.debug else None


def check(
    rule: t.Callable[..., t.Any] | None, permission: str | None
) -> ResponseReturnValue | None:
    """Refuse a request unless everything that it needs is there.

    :param rule: The permission rule.
    :param permission: What the route needs; a route that says nothing is closed.
    """
    for name, there in (
        ("login", hasattr(current_app, "login_manager")),
        ("rule", rule is not None),
        ("extension", "alembic" in current_app.extensions),
        ("secret", bool(current_app.secret_key)),
    ):
        if not there:
            raise Refused(setup=name)

    if not current_user.is_authenticated:
        return t.cast(
            ResponseReturnValue,
            current_app.login_manager.unauthorized(),  # type: ignore[attr-defined]
        )

    project = current_project()
    database = (request.view_args or {}).get("database")

    if database is not None and database not in project.databases:
        # Only those who see something are told what is not there.
        names = list(project.databases)
        if any(may(rule, "view", name) for name in names):
            abort(404, f"There is no database named “{database}”. There is: {', '.join(names)}.")
        raise Refused("view")

    names = [database] if database is not None else list(project.databases)

    if permission == OF_RUN:
        permission = permission_for_run()

    if permission is None or not any(may(rule, permission, name) for name in names):
        if request.method == "POST":
            record_refusal(database or project.default_name, permission or "?", "no permission")
        raise Refused(permission)

    return None


def permission_for_run() -> str:
    """Return the permission that the run of this request needs: that of its own action."""
    view_args = request.view_args or {}
    record = current_project().ledger.run(view_args.get("run_id", ""))
    return record.action if record is not None else "upgrade"


def may(rule: t.Callable[..., t.Any] | None, action: str, database: str) -> bool:
    """Return whether the current user may do something; only a plain True of the rule counts.

    :param rule: The permission rule.
    :param action: Such as ``view`` or ``upgrade``.
    :param database: The database's name.
    """
    return rule is not None and rule(current_user, action, database) is True


def current_project() -> Project:
    """Return what is fixed for the current app."""
    return t.cast(Project, current_app.extensions["alembic"].project)


def actor() -> str:
    """Return what the ledger calls the current user."""
    for attribute in ("username", "name", "email"):
        value = getattr(current_user, attribute, None)

        if isinstance(value, str) and value:
            return value

    return str(current_user.get_id())


def record_refusal(database: str, action: str, reason: str) -> None:
    """Write a refused attempt to the ledger."""
    current_project().ledger.refuse(
        database=database,
        action=action,
        target="",
        actor=actor(),
        address=request.remote_addr,
        reason=reason,
    )
