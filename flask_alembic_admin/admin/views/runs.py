"""Runs: all of a database, one as it goes on, and what can be asked of it."""

from __future__ import annotations

import shlex

from flask import abort
from flask import make_response
from flask import redirect
from flask import render_template
from flask import url_for
from flask.typing import ResponseReturnValue

from ...core.condition import is_orphaned
from ...core.condition import mark_lost
from ...core.condition import seen_as
from ...core.ledger import RunRecord
from ...core.ledger import RunStatus
from ...core.servers import server_of
from ...core.status import database_status
from ...core.status import DatabaseStatus
from ...errors import SetupError
from ...runners.app_target import app_arguments
from ...runners.process import COMMAND
from ..access import actor
from ..access import current_project
from ..forms import CancelStatementForm
from ..forms import ExaminedForm
from ..forms import StopForm
from ..presenters import badge

#: Seconds after which the page of a run that goes on is asked for again, also without a script.
_REFRESH = 2


def show_runs(database: str) -> ResponseReturnValue:
    """Show the runs of a database, newest first."""
    project = current_project()
    records = project.ledger.runs(database)
    return render_template(
        "alembic_admin/runs.html",
        database=database,
        runs=[(record, badge(seen_as(project, record))) for record in records],
    )


def show_run(database: str, run_id: str) -> ResponseReturnValue:
    """Show one run: its steps, its log and, once it has ended, its verdict."""
    project = current_project()
    record = _run(database, run_id)
    seen = seen_as(project, record)
    status = None if seen == record.status and record.active else database_status(project, database)
    response = make_response(
        render_template(
            "alembic_admin/run.html",
            database=database,
            record=record,
            seen=seen,
            orphaned=is_orphaned(project, record),
            steps=project.ledger.steps(run_id),
            lines=project.ledger.log_lines(run_id),
            status=status,
            rolls_back=project.databases[database].rolls_back_ddl,
            in_doubt=status is not None and _is_in_doubt(status, record),
            invalid_indexes=_invalid_indexes(database) if seen == RunStatus.LOST else (),
            command=_command(record),
            badge=badge,
            stop_form=StopForm(formdata=None),
            statement_form=CancelStatementForm(formdata=None),
            examined_form=ExaminedForm(formdata=None),
        )
    )

    if status is None:
        response.headers["Refresh"] = str(_REFRESH)

    return response


def cancel_run(database: str, run_id: str) -> ResponseReturnValue:
    """Ask a run to stop before its next step."""
    if not StopForm().validate_on_submit():
        abort(400)

    record = _run(database, run_id)

    ledger = current_project().ledger

    if ledger.request_cancel(record.id):
        ledger.log(record.id, "warning", "panel", f"{actor()} asked it to stop")

    return _back_to(record)


def cancel_statement(database: str, run_id: str) -> ResponseReturnValue:
    """Cancel the statement that a run of ours is at, and stop the run."""
    if not CancelStatementForm().validate_on_submit():
        abort(400)

    record = _run(database, run_id)

    project = current_project()

    if not record.active or record.session is None:
        abort(409, "This run has no statement that could be cancelled.")

    project.ledger.request_cancel(record.id)

    with project.databases[database].connect() as connection:
        asked = server_of(connection).cancel_statement(connection, record.session)

    word = "cancelled its statement" if asked else "could not cancel its statement"
    project.ledger.log(record.id, "warning", "panel", f"{actor()} {word}")
    return _back_to(record)


def examine_run(database: str, run_id: str) -> ResponseReturnValue:
    """Note that somebody has looked at the database that a run left in doubt."""
    form = ExaminedForm()

    if not form.validate_on_submit():
        abort(400)

    record = _run(database, run_id)
    project = current_project()
    mark_lost(project, database)

    if not project.ledger.examine(record.id, actor=actor(), reason=form.reason.data):
        abort(409, "This run is not in doubt, or somebody has examined it already.")

    return _back_to(record)


def _run(database: str, run_id: str) -> RunRecord:
    record = current_project().ledger.run(run_id)

    if record is None or record.database != database or record.status == RunStatus.PLANNED:
        abort(404)

    return record


def _back_to(record: RunRecord) -> ResponseReturnValue:
    return redirect(url_for(".run", database=record.database, run_id=record.id), 303)


def _is_in_doubt(status: DatabaseStatus, record: RunRecord) -> bool:
    return status.state == "interrupted" and status.run is not None and status.run.id == record.id


def _invalid_indexes(database: str) -> tuple[str, ...]:
    with current_project().databases[database].connect() as connection:
        return server_of(connection).invalid_indexes(connection)


def _command(record: RunRecord) -> str | None:
    """Return what somebody has to start elsewhere, where a run waits for that."""
    if record.status != RunStatus.QUEUED or record.runner != "manual":
        return None

    try:
        arguments = app_arguments(current_project().settings.app)
    except SetupError:
        arguments = []

    return shlex.join(["flask", *arguments, *COMMAND, record.id])
