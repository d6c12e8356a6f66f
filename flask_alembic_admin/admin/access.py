"""Who may do what: closed until a rule opens it."""

from __future__ import annotations

import contextlib
import typing as t

from flask import abort
from flask import current_app
from flask import g
from flask import request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.exceptions import Forbidden

from ..core.project import Project
from ..core.runs.outcomes import refuse_attempt
from ..core.settings import ACTIONS
from .sign_in import sign_in
from .switches import not_offered
from .switches import read_only_refusal
from .tickets import plan_of_ticket

#: Stands for the permission of the action of the plan or run that a request is about.
OF_RUN = "the run's action"
#: Stands for the permission of the action that a form asks for.
OF_FORM = "the form's action"
#: Stands for the permission of the action of the plan that a ticket is for.
OF_TICKET = "the ticket's action"
#: Stands for what nobody has to be let in for.
NONE = "none"

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


class SwitchedOff(Forbidden):
    """Nobody may do something in this panel, as its settings say."""


def check(
    permission: str | None, changes: bool = False, command: str = ""
) -> ResponseReturnValue | None:
    """Refuse a request unless everything that it needs is there.

    :param permission: What the route needs; a route that says nothing is closed.
    :param changes: Whether it begins or ends something.
    :param command: What does the same on a command line; called as the permission if empty.
    """
    for name, there in (
        ("login", hasattr(current_app, "login_manager")),
        ("rule", _rule() is not None),
        ("extension", "alembic" in current_app.extensions),
        ("secret", bool(current_app.secret_key)),
    ):
        if not there:
            raise Refused(setup=name)

    if not current_user.is_authenticated:
        return sign_in()

    project = current_project()
    database = (request.view_args or {}).get("database")

    if database is not None and database not in project.databases:
        # Only those who see something are told what is not there.
        names = visible_databases()
        if names:
            abort(404, f"There is no database named “{database}”. There is: {', '.join(names)}.")
        raise Refused("view")

    names = [database] if database is not None else list(project.databases)
    begins = permission in {OF_FORM, OF_TICKET}
    permission = _named(permission)

    if permission is None or not any(may(permission, name) for name in names):
        if request.method == "POST":
            record_refusal(database or project.default_name, permission or "?", "no permission")
        raise Refused(permission)

    refusal = None

    # A plan may be made to be looked at, and what goes on may be ended whatever is offered here.
    if changes:
        refusal = read_only_refusal(command or permission, database or project.default_name)
    if refusal is None and begins and request.method == "POST":
        refusal = not_offered(permission)

    if refusal is not None:
        record_refusal(database or project.default_name, permission, refusal)
        raise SwitchedOff(refusal)

    return None


def may(action: str, database: str) -> bool:
    """Return whether the current user may do something; only a plain True of the rule counts.

    :param action: Such as ``view`` or ``upgrade``.
    :param database: The database's name.
    """
    rule = _rule()
    return rule is not None and rule(current_user, action, database) is True


def visible_databases(action: str = "view") -> list[str]:
    """Return the names of the databases that the current user may look at.

    :param action: The permission that counts.
    """
    return [name for name in current_project().databases if may(action, name)]


def current_project() -> Project:
    """Return what is fixed for the current app, with its ledger open until the request ends."""
    opened: Project | None = g.get("_alembic_admin_project")

    if opened is None:
        project = t.cast(Project, current_app.extensions["alembic"].project)
        g._alembic_admin_open = stack = contextlib.ExitStack()
        ledger = stack.enter_context(project.ledger.kept_open())
        g._alembic_admin_project = opened = project.with_ledger(ledger)

    return opened


def close(error: BaseException | None = None) -> None:
    """Close what the request has opened.

    :param error: What ended the request, if anything did.
    """
    g.pop("_alembic_admin_project", None)
    stack: contextlib.ExitStack | None = g.pop("_alembic_admin_open", None)

    if stack is not None:
        stack.close()


def actor() -> str:
    """Return what the ledger calls the current user."""
    for attribute in ("username", "name", "email"):
        value = getattr(current_user, attribute, None)

        if isinstance(value, str) and value:
            return value

    return str(current_user.get_id())


def record_refusal(database: str, action: str, reason: str, target: str = "") -> None:
    """Write a refused attempt to the ledger.

    :param database: The database's name.
    :param action: What was to be done.
    :param reason: Why it was refused.
    :param target: Where it should have gone.
    """
    refuse_attempt(
        current_project(),
        database=database,
        action=action,
        target=target,
        actor=actor(),
        address=request.remote_addr,
        reason=reason,
    )


def _rule() -> t.Callable[..., t.Any] | None:
    """Return the permission rule of the panel that answers this request."""
    panel = current_app.blueprints[request.blueprint or ""]
    return t.cast("t.Callable[..., t.Any] | None", getattr(panel, "permission_rule", None))


def _named(permission: str | None) -> str | None:
    """Return the name of the permission that this very request needs."""
    found: str | None

    if permission == OF_FORM:
        found = request.form.get("action")
    elif permission == OF_TICKET:
        found = _action_of(plan_of_ticket(request.form.get("ticket", "")))
    elif permission == OF_RUN:
        arguments = request.view_args or {}
        found = _action_of(arguments.get("run_id") or arguments.get("plan_id"))
    else:
        return permission

    # What is not known is refused by the view, and only those who may do something get there.
    return found if found in ACTIONS else "upgrade"


def _action_of(run_id: str | None) -> str | None:
    record = current_project().ledger.run(run_id, with_plan=False) if run_id else None
    return record.action if record is not None else None
