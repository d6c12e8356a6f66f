"""Headers of every answer, and the pages of those that refuse."""

from __future__ import annotations

import sqlalchemy as sa
from flask import current_app
from flask import render_template
from flask import request
from flask import Response
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from ..core.redact import redact
from ..errors import Busy
from ..errors import MigrationError
from ..errors import PlanMoved
from ..errors import SetupError
from ..errors import UnreachableDatabase
from .access import actor
from .access import current_project
from .access import may
from .access import Refused
from .access import SwitchedOff
from .access import visible_databases
from .translation import gettext as _

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


def _words(status: int, error: HTTPException) -> tuple[str, str]:
    """Return a title and a sentence that say what is wrong and what to do."""
    known = {
        400: (
            _("This form cannot be used"),
            _(
                "It is incomplete, or its protection has expired. Go back, load the page again and "
                "send the form anew; nothing was changed."
            ),
        ),
        401: (_("Sign in first"), _("The migrations panel is for signed-in users.")),
        403: (
            _("You cannot use the migrations panel"),
            _("Ask an administrator of this app for access."),
        ),
        404: (_("Nothing is here"), _("The page, revision, plan or run does not exist.")),
        405: (_("This page cannot be asked for in that way"), _("Go back and use the form.")),
        409: (_("This cannot be done now"), _("Something has changed since the page was made.")),
        429: (
            _("Too many requests"),
            _(
                "The app asks for a pause. Wait a little and load the page again; a run that is at "
                "work goes on."
            ),
        ),
        500: (
            _("The panel has failed"),
            _(
                "This is an error of the panel or of the app; its log says which. A run that is at "
                "work goes on: it needs no page."
            ),
        ),
    }
    return known.get(status, (error.name, error.description or ""))


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
    title, sentence = _words(status, error)
    setup = None

    inside = False

    if isinstance(error, Refused):
        setup = error.setup
        if error.permission:
            needed = _("It needs the “%(permission)s” permission.", permission=error.permission)
            known = _("You are signed in as %(user)s.", user=actor())
            sentence = f"{needed} {sentence} {known}"
        if error.permission not in {None, "view"} and visible_databases():
            title, inside = _("You may not do this"), True
    elif isinstance(error, SwitchedOff):
        title, sentence, inside = _("This is switched off here"), error.description or "", True
    elif status in {404, 409} and error.description not in {None, type(error).description}:
        sentence = error.description or ""

    return _page(status, title, sentence, setup=setup, inside=inside)


def migration_error_page(error: MigrationError) -> ResponseReturnValue:
    """Answer an error of the engine with a page in words."""
    if isinstance(error, PlanMoved):
        return _page(409, "Things moved since this was planned", " ".join(error.changes))

    if isinstance(error, SetupError) and not _is_set_up():
        return _not_set_up(error)

    status = 503 if isinstance(error, UnreachableDatabase | Busy) else 409
    return _page(status, "This cannot be done now", str(error))


def _is_set_up() -> bool:
    try:
        current_project()
    except SetupError:
        return False

    return True


def _not_set_up(error: SetupError) -> ResponseReturnValue:
    """Say that the app's databases are not known, so that nobody can be asked what they may do."""
    current_app.logger.error("The migrations panel cannot open: %s", error)
    sentence = (
        str(error)
        if current_app.debug
        else _("The configuration of its databases cannot work; the log of the app says why.")
    )
    return _page(503, _("The migrations panel is not set up"), sentence, bare=True)


def database_error_page(error: sa.exc.SQLAlchemyError) -> ResponseReturnValue:
    """Answer a database or a ledger that fails with a page in words, which tells no secret."""
    said = redact(str(error), current_project().urls)
    current_app.logger.error("%s %s: %s", request.method, request.path, said)
    sentence = _(
        "A database or the record of runs does not answer as it should (%(error)s). If you have "
        "just confirmed something, look at the runs before you do it again; the log of the app "
        "says more.",
        error=type(error).__name__,
    )
    return _page(503, _("This cannot be done now"), sentence, bare=True)


def _page(
    status: int,
    title: str,
    sentence: str,
    setup: tuple[str, str] | None = None,
    *,
    inside: bool = False,
    bare: bool = False,
) -> ResponseReturnValue:
    # Whoever is not let in is not told what there is.
    bare = bare or (status in {401, 403, 500} and not inside)
    html = render_template(
        "alembic_admin/message.html",
        title=title,
        sentence=sentence,
        setup=setup,
        bare=bare,
        inside=inside,
        database=None if bare else _seen_database(),
        home=current_app.config.get("APPLICATION_ROOT", "/"),
        status=status,
    )
    return html, status


def _seen_database() -> str | None:
    """Return the database that a request is about, where whoever asks may look at it."""
    database = (request.view_args or {}).get("database")

    if database is None or not _is_set_up() or database not in current_project().databases:
        return None

    return database if may("view", database) else None


def _policy(of_host: str) -> str:
    """Return the content policy: the host's directives, and ours where it left one open."""
    directives = dict(_POLICY)

    for directive in filter(None, (part.strip() for part in of_host.split(";"))):
        name, _, value = directive.partition(" ")
        directives[name] = value

    return "; ".join(f"{name} {value}".strip() for name, value in directives.items())
