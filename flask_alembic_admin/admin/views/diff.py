"""What differs between models and database: the last comparison, and a new one when asked for."""

from __future__ import annotations

import contextlib
import shlex
import typing as t

import sqlalchemy as sa
from flask import abort
from flask import current_app
from flask import redirect
from flask import render_template
from flask import url_for
from flask.typing import ResponseReturnValue

from ...core.comparison import compare as compare_models
from ...core.comparison import Comparison
from ...core.migrator import Migrator
from ...core.status import database_status
from ...errors import SetupError
from ..access import current_project
from ..comparisons import change_badge
from ..comparisons import comparison_badge
from ..comparisons import comparison_notices
from ..comparisons import last_comparison
from ..draft_choices import why_no_revision
from ..forms import ProtectedForm


def show_diff(database: str) -> ResponseReturnValue:
    """Show the last comparison of a database with its models; nothing is compared."""
    return _page(database, last_comparison(current_project(), database))


def compare(database: str) -> ResponseReturnValue:
    """Compare a database with its models, keep what is found and go to it."""
    if not ProtectedForm().validate_on_submit():
        abort(400)

    migrator = t.cast(Migrator, current_app.extensions["alembic"])
    found = compare_models(migrator, database)

    with contextlib.suppress(sa.exc.SQLAlchemyError, SetupError, OSError):
        current_project().ledger.keep_comparison(found.to_record())
        return redirect(url_for(".diff", database=database), 303)

    # A ledger that does not answer is no reason not to say what was found.
    return _page(database, found, is_kept=False)


def _page(
    database: str, comparison: Comparison | None, *, is_kept: bool = True
) -> ResponseReturnValue:
    project = current_project()
    status = database_status(project, database)
    badge, _ = comparison_badge(comparison, status)
    option = ["--database", database] if len(project.databases) > 1 else []
    return render_template(
        "alembic_admin/diff.html",
        database=database,
        status=status,
        comparison=comparison,
        is_kept=is_kept,
        shown=badge,
        notices=list(comparison_notices(comparison, status)),
        change_badge=change_badge,
        no_revision=why_no_revision(project, status),
        command=shlex.join([*project.command.split(), "check", *option]),
        form=ProtectedForm(formdata=None),
    )
