"""Runs: all of a database, and one as it goes on."""

from __future__ import annotations

from flask import abort
from flask import make_response
from flask import render_template
from flask.typing import ResponseReturnValue

from ...core.ledger import RunStatus
from ...core.status import database_status
from ..access import current_project
from ..presenters import badge

#: Seconds after which the page of a run that goes on is asked for again, also without a script.
_REFRESH = 2


def show_runs(database: str) -> ResponseReturnValue:
    """Show the runs of a database, newest first."""
    return render_template(
        "alembic_admin/runs.html",
        database=database,
        runs=current_project().ledger.runs(database),
        badge=badge,
    )


def show_run(database: str, run_id: str) -> ResponseReturnValue:
    """Show one run: its steps, its log and, once it has ended, its verdict."""
    project = current_project()
    record = project.ledger.run(run_id)

    if record is None or record.database != database or record.status == RunStatus.PLANNED:
        abort(404)

    response = make_response(
        render_template(
            "alembic_admin/run.html",
            database=database,
            record=record,
            steps=project.ledger.steps(run_id),
            lines=project.ledger.log_lines(run_id),
            status=None if record.active else database_status(project, database),
            badge=badge,
        )
    )

    if record.active:
        response.headers["Refresh"] = str(_REFRESH)

    return response
