"""One revision: what its file says, what became of it here, and where one can go from it."""

from __future__ import annotations

import contextlib

import sqlalchemy as sa
from flask import abort
from flask import redirect
from flask import render_template
from flask import url_for
from flask.typing import ResponseReturnValue

from ...core.ledger.tables import Touch
from ...core.scripts.file_digests import applied_digest
from ...core.scripts.file_digests import file_digest
from ...core.status import database_status
from ..access import current_project
from ..forms import ProtectedForm
from ..moves import moves_from
from ..presenters import badge
from ..revision_state import revision_badge
from ..revision_state import state_of
from ..verifications import last_verification


def show_revision(database: str, revision: str) -> ResponseReturnValue:
    """Show one revision; an id that is cut short leads to the page of the whole one."""
    project = current_project()
    history = project.scripts.recent_history()

    if revision not in history.revisions:
        # It may have been written just now.
        history = project.scripts.history()

    if revision not in history.revisions:
        found = history.find(revision)

        if len(found) == 1:
            return redirect(url_for(".revision", database=database, revision=found[0]), 302)

        near = ", ".join(found[:5] or history.near(revision))
        abort(
            404, f"No file here has revision {revision}." + (f" Near it: {near}." if near else "")
        )

    status = database_status(project, database, history)
    file = history.revisions[revision]
    source, digest = None, None

    # It may have gone since the history was read.
    with contextlib.suppress(OSError):
        content = file.path.read_bytes()
        source, digest = content.decode("utf-8", "replace"), file_digest(content)

    touches = _touches(database, revision)
    return render_template(
        "alembic_admin/revision.html",
        database=database,
        status=status,
        file=file,
        state=revision_badge(state_of(revision, history, status)),
        head=revision in history.heads,
        children=history.children(revision),
        dependencies=history.resolved_dependencies(revision),
        labels=history.labels_of(revision),
        folder=project.scripts.folders[0],
        source=source,
        digest=digest,
        applied_digest=applied_digest(touches),
        touches=touches,
        moves=moves_from(revision, history, status),
        badge=badge,
        proof=last_verification(project, database).proof(revision, digest),
        form=ProtectedForm(formdata=None),
    )


def _touches(database: str, revision: str) -> tuple[Touch, ...]:
    """Return what runs did with a revision, or nothing where the ledger cannot be read."""
    try:
        return current_project().ledger.touches(database, revision)
    except sa.exc.SQLAlchemyError:
        return ()
