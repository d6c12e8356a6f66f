"""Ways to the app's own page to sign in, and back to where somebody can go on."""

from __future__ import annotations

import typing as t
import urllib.parse

from flask import current_app
from flask import request
from flask import session
from flask import url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from .tickets import plan_of_ticket


def sign_in() -> ResponseReturnValue:
    """Answer whoever is not signed in as the app does, with a way back that can be gone.

    A form that was sent without a session comes back to the page it was on.
    """
    answer = current_app.login_manager.unauthorized()  # type: ignore[attr-defined]
    return lead_back(answer)


def sign_in_again() -> ResponseReturnValue | None:
    """Answer whoever was only remembered as the app does; None where that is nothing.

    An app that has no page to sign in again does not ask for it.
    """
    if not is_only_remembered():
        return None

    return lead_back(current_app.login_manager.needs_refresh())  # type: ignore[attr-defined]


def is_only_remembered() -> bool:
    """Return whether somebody was remembered by a cookie, and the app has a page to sign in again.

    Who comes without a session, such as with a key, has nothing to sign in to.
    """
    manager = current_app.login_manager  # type: ignore[attr-defined]
    can_be_asked = manager.refresh_view or manager.needs_refresh_callback
    return session.get("_fresh") is False and bool(can_be_asked)


def lead_back(answer: t.Any) -> ResponseReturnValue:
    """Return a way to sign in that comes back to a page, where a form was sent.

    :param answer: What the app answers; what is no redirect of Flask-Login stays as it is.
    """
    if request.method == "GET" or not isinstance(answer, Response) or not answer.location:
        return t.cast(ResponseReturnValue, answer)

    back = _page_of_form()

    if "next" in session:
        session["next"] = back

    parts = urllib.parse.urlsplit(answer.location)
    query = urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
    query = [(name, back if name == "next" else value) for name, value in query]
    answer.location = parts._replace(query=urllib.parse.urlencode(query)).geturl()
    return t.cast(ResponseReturnValue, answer)


def _page_of_form() -> str:
    """Return the page that the form of this request stood on."""
    database = (request.view_args or {}).get("database")
    plan_id = plan_of_ticket(request.form.get("ticket", ""))

    if database is None:
        return url_for(".index")

    if plan_id is not None:
        return url_for(".plan", database=database, plan_id=plan_id)

    if run_id := (request.view_args or {}).get("run_id"):
        return url_for(".run", database=database, run_id=run_id)

    return url_for(".actions", database=database)
