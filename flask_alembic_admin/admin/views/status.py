"""Where databases stand: overview, status, history. These pages only look."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from ...core.status import database_status
from ...core.status import DatabaseStatus
from ..access import current_project
from ..forms import PlanForm
from ..ledger import last_run
from ..presenters import Badge
from ..presenters import badge
from ..presenters import history_rows
from ..presenters import status_badge


def index() -> ResponseReturnValue:
    """Show all databases, or the status of the only one."""
    names = list(current_project().databases)

    if len(names) == 1:
        return show_status(names[0])

    rows = [(*_look(name), last_run(name)) for name in names]
    return render_template("alembic_admin/overview.html", rows=rows, badge=badge)


def show_status(database: str) -> ResponseReturnValue:
    """Show where one database stands and what comes next."""
    status, shown = _look(database)
    files = current_project().scripts.history().revisions
    return render_template(
        "alembic_admin/status.html",
        database=database,
        status=status,
        shown=shown,
        files=files,
        last=last_run(database),
        badge=badge,
        form=PlanForm(formdata=None).offer(targets(status)),
    )


def show_history(database: str) -> ResponseReturnValue:
    """Show all revisions, newest first."""
    status, shown = _look(database)
    rows = history_rows(current_project().scripts.history(), status)
    return render_template(
        "alembic_admin/history.html", database=database, status=status, shown=shown, rows=rows
    )


def targets(status: DatabaseStatus) -> list[tuple[str, str]]:
    """Return what can be chosen to upgrade to, with words for each."""
    if not status.pending:
        return []

    files = current_project().scripts.history().revisions
    return [
        ("heads", f"heads: all {len(status.pending)} pending"),
        *((item, f"{item} {files[item].message}") for item in status.pending),
    ]


def _look(database: str) -> tuple[DatabaseStatus, Badge]:
    status = database_status(current_project(), database)
    return status, status_badge(status)
