"""Headers of every answer, and the pages of those that refuse."""

from __future__ import annotations

from flask import current_app
from flask import render_template
from flask import request
from flask import Response
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from ..errors import Busy
from ..errors import MigrationError
from ..errors import PlanMoved
from ..errors import UnreachableDatabase
from .access import Refused

_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
_WORDS = {
    400: ("This form cannot be used", "It is incomplete, or its protection has expired."),
    401: ("Sign in first", "The migrations panel is for signed-in users."),
    403: ("You cannot use the migrations panel", "Ask an administrator of this app for access."),
    404: ("Nothing is here", "The page, revision, plan or run does not exist."),
    405: ("This page cannot be asked for in that way", "Go back and use the form."),
}


def add_headers(response: Response) -> Response:
    """Set what keeps pages out of caches and other sites' frames, and scripts out of pages."""
    headers = response.headers
    headers["X-Content-Type-Options"] = "nosniff"
    # Not `no-referrer`: CSRFProtect over HTTPS refuses a POST without Referer.
    headers["Referrer-Policy"] = "same-origin"
    headers["Content-Security-Policy"] = _policy(headers.get("Content-Security-Policy", ""))

    if (request.endpoint or "").rpartition(".")[2] != "static":
        headers["Cache-Control"] = "no-store"

    return response


def http_error_page(error: HTTPException) -> ResponseReturnValue:
    """Answer a refusal with a page in words."""
    if error.response is not None:
        return error.response

    status = error.code or 500
    title, sentence = _WORDS.get(status, (error.name, error.description or ""))
    setup = None

    if isinstance(error, Refused):
        setup = error.setup
        if error.permission:
            sentence = f"It needs the “{error.permission}” permission. {sentence}"
    elif status in {404, 409} and error.description:
        sentence = error.description

    return _page(status, title, sentence, setup=setup)


def migration_error_page(error: MigrationError) -> ResponseReturnValue:
    """Answer an error of the engine with a page in words."""
    if isinstance(error, PlanMoved):
        return _page(409, "Things moved since this was planned", " ".join(error.changes))

    status = 503 if isinstance(error, UnreachableDatabase | Busy) else 409
    return _page(status, "This cannot be done now", str(error))


def _page(
    status: int, title: str, sentence: str, setup: tuple[str, str] | None = None
) -> ResponseReturnValue:
    html = render_template(
        "alembic_admin/message.html",
        title=title,
        sentence=sentence,
        setup=setup,
        home=current_app.config.get("APPLICATION_ROOT", "/"),
        status=status,
    )
    return html, status


def _policy(of_host: str) -> str:
    """Return the content policy: the host's directives, and ours where it left one open."""
    directives = dict(_POLICY)

    for directive in filter(None, (part.strip() for part in of_host.split(";"))):
        name, _, value = directive.partition(" ")
        directives[name] = value

    return "; ".join(f"{name} {value}".strip() for name, value in directives.items())
