"""Runs: all of a database, one as it goes on, and what can be asked of it."""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

import sqlalchemy as sa
from flask import abort
from flask import redirect
from flask import render_template
from flask import url_for
from flask.typing import ResponseReturnValue

from ...core.condition import is_orphaned
from ...core.condition import mark_lost
from ...core.condition import seen_as
from ...core.forensics.forensics import Forensics
from ...core.ledger.tables import RunRecord
from ...core.ledger.tables import RunStatus
from ...core.plans.options import PlanOptions
from ...core.quantities import duration
from ...core.runs.outcomes import withdraw_run
from ...core.servers import server_of
from ...core.settings import ACTIONS
from ...core.settings import RUNNERS
from ...core.status import database_status
from ...core.status import DatabaseStatus
from ...errors import MigrationError
from ...runners.process import COMMAND
from ..access import actor
from ..access import current_project
from ..access import may
from ..command_lines import job_line
from ..forms import CancelStatementForm
from ..forms import ExaminedForm
from ..forms import ProtectedForm
from ..forms import StopForm
from ..ledger import argument
from ..ledger import Filter
from ..ledger import needed_ledger
from ..ledger import RUN_RESULTS
from ..moves import reason_against
from ..moves import without_doubt
from ..presenters import badge
from ..run_page import error_texts
from ..run_page import log_text
from ..run_page import RunView
from ..run_page import step_rows
from ..run_words import kept_of
from ..run_words import sentence_of
from ..run_words import title_of
from ..run_words import verdict_of
from ..translation import gettext as _

#: How many runs are on a page, and how many lines of a log.
SHOWN_RUNS = 50
SHOWN_LINES = 500


def show_runs(database: str) -> ResponseReturnValue:
    """Show the runs of a database, newest first."""
    result, action = argument("state"), argument("action")
    wanted = Filter(
        [database],
        result=RunStatus(result) if result in RUN_RESULTS else None,
        action=action if action in ACTIONS else None,
        include_refused=False,
    )

    with needed_ledger():
        rows, older = wanted.page(SHOWN_RUNS, argument("before") or None)
        doubtful = _doubtful(database, rows)

    return render_template(
        "alembic_admin/runs.html",
        database=database,
        rows=rows,
        older=older,
        wanted=wanted,
        results=RUN_RESULTS,
        actions=ACTIONS,
        doubtful=doubtful,
        badge=badge,
        took=lambda record, seen: RunView(record, seen, 0, ()).elapsed,
    )


def show_run(database: str, run_id: str) -> ResponseReturnValue:
    """Show one run: its steps, its log and, once it has ended, its verdict."""
    return run_page(run_record(database, run_id))


def run_page(record: RunRecord, found: Forensics | None = None) -> ResponseReturnValue:
    """Return the page of a run.

    :param record: The run.
    :param found: What is in place of the step that it left half done, where somebody has looked.
    """
    database, run_id = record.database, record.id
    project = current_project()

    with needed_ledger():
        steps = project.ledger.steps(run_id)
        view = RunView(
            record, seen_as(project, record), len(steps), steps, is_orphaned(project, record)
        )
        lines = project.ledger.last_log_lines(run_id, SHOWN_LINES)

    rolls_back = project.databases[database].rolls_back_ddl
    history = project.scripts.recent_history()
    status = database_status(project, database, history) if view.ended else None

    if status is not None and status.state != "unreachable":
        view = dataclasses.replace(view, heads_now=status.current)

    error, traceback = error_texts(view)
    moves = _moves(view, status) if status is not None else []
    return render_template(
        "alembic_admin/run.html",
        database=database,
        view=view,
        record=record,
        title=title_of(view),
        verdict=verdict_of(view),
        sentence=sentence_of(view),
        kept=kept_of(view, rolls_back),
        error=error,
        traceback=traceback,
        rows=step_rows(steps, view.seen),
        lines=lines,
        log_text=log_text,
        status=status,
        rolls_back=rolls_back,
        in_doubt=status is not None and _is_in_doubt(status, record),
        invalid_indexes=_invalid_indexes(database, view),
        command=_command(record),
        moves=moves,
        reasons=list(dict.fromkeys(move.reason for move in moves if move.reason)),
        why_not=_why_not(record),
        found=found,
        badge=badge,
        # What stands in the way is examined first, which the page of the plan says.
        why_no_stamp=(
            reason_against("stamp", without_doubt(status, run_id)) if found and status else None
        ),
        options=_options(record),
        known=history.revisions,
        instead_of=_instead_of(database, argument("instead_of")),
        plan_form=ProtectedForm(formdata=None),
        stop_form=StopForm(formdata=None),
        statement_form=CancelStatementForm(formdata=None),
        examined_form=ExaminedForm(formdata=None),
    )


def cancel_run(database: str, run_id: str) -> ResponseReturnValue:
    """Ask a run to stop before its next step; one that has not begun ends at once."""
    if not StopForm().validate_on_submit():
        abort(400)

    record = run_record(database, run_id)
    project = current_project()

    if withdraw_run(project, record.id):
        project.ledger.log(record.id, "warning", "panel", f"{actor()} cancelled it")
    elif project.ledger.request_cancel(record.id):
        project.ledger.log(record.id, "warning", "panel", f"{actor()} asked it to stop")

    return _back_to(record)


def cancel_statement(database: str, run_id: str) -> ResponseReturnValue:
    """Cancel the statement that a run of ours is at, and stop the run."""
    if not CancelStatementForm().validate_on_submit():
        abort(400)

    record = run_record(database, run_id)
    project = current_project()

    if not record.active or record.session is None:
        abort(409, _("This run has no statement that could be cancelled."))

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

    record = run_record(database, run_id)
    project = current_project()
    mark_lost(project, database)

    if not project.ledger.examine(record.id, actor=actor(), reason=form.reason.data):
        abort(409, _("This run is not in doubt, or somebody has examined it already."))

    return _back_to(record)


def run_record(database: str, run_id: str) -> RunRecord:
    """Return a run of a database.

    :param database: The database's name.
    :param run_id: The run.
    :raises NotFound: There is none, or it is a plan that nobody has confirmed.
    """
    with needed_ledger():
        record = current_project().ledger.run(run_id, with_plan=False)

    if record is None or record.database != database:
        abort(404, _("There is no such run of %(database)s.", database=database))

    if record.status == RunStatus.PLANNED:
        abort(404, _("This is a plan that nobody has confirmed, and no run yet."))

    return record


class _PlanMove(t.NamedTuple):
    """A plan that leads on from a run that has ended.

    :param word: What its button says.
    :param action: What it would do.
    :param target: Where it would go.
    :param reason: Why it cannot be made; None where it can.
    """

    word: str
    action: str
    target: str
    reason: str | None


def _moves(view: RunView, status: DatabaseStatus) -> list[_PlanMove]:
    """Return the plans that can follow a run which ended early."""
    if view.seen in {RunStatus.SUCCEEDED, RunStatus.REFUSED}:
        return []

    moves = []
    action, rest, back = view.record.action, view.rest(), view.way_back()

    if rest is not None and action in ACTIONS:
        word = _("Plan the rest again…") if view.staying else _("Plan it again…")
        moves.append(_PlanMove(word, action, rest, reason_against(action, status)))

    if back is not None:
        reverse = "downgrade" if action == "upgrade" else "upgrade"
        word = (
            _("Plan downgrade to %(target)s…", target=back)
            if reverse == "downgrade"
            else _("Plan upgrade to %(target)s…", target=back)
        )
        moves.append(_PlanMove(word, reverse, back, reason_against(reverse, status)))

    return moves


def _why_not(record: RunRecord) -> str | None:
    """Return why this user cannot stop or examine a run here, or None."""
    project = current_project()

    if project.settings.read_only:
        return _("This panel is read-only. Use “%(command)s runs”.", command=project.command)

    if not may(record.action, record.database):
        return _("You need the “%(permission)s” permission for this.", permission=record.action)

    return None


def _options(record: RunRecord) -> list[tuple[str, str]]:
    """Return how a run of this panel is carried out while it is at work; settings may change."""
    project = current_project()

    if not record.active or record.runner not in RUNNERS:
        return []

    with needed_ledger():
        whole = project.ledger.run(record.id)

    plan = (whole.plan if whole else None) or {}
    timeouts = PlanOptions.from_values(plan.get("options", {})).timeouts(project.settings.timeouts)
    each = project.options(record.database).get("transaction_per_migration", True)
    as_server = _("as the server says")
    return [
        (_("Transaction"), _("one for each step") if each else _("one for all steps")),
        (_("Lock wait"), duration(timeouts.lock) if timeouts.lock else as_server),
        (_("Statement limit"), duration(timeouts.statement) if timeouts.statement else as_server),
    ]


def _instead_of(database: str, plan_id: str) -> RunRecord | None:
    """Return the plan that was not started since a run was first."""
    with contextlib.suppress(sa.exc.SQLAlchemyError):
        plan = current_project().ledger.run(plan_id, with_plan=False) if plan_id else None

        if plan and plan.database == database and plan.status == RunStatus.PLANNED:
            return plan

    return None


def _back_to(record: RunRecord) -> ResponseReturnValue:
    return redirect(url_for(".run", database=record.database, run_id=record.id), 303)


def _doubtful(database: str, rows: list[tuple[RunRecord, RunStatus]]) -> str | None:
    """Return the id of the run among these that left its database in doubt."""
    in_question = {RunStatus.LOST, RunStatus.FAILED}

    if not any(seen in in_question and record.examined_at is None for record, seen in rows):
        return None

    status = database_status(current_project(), database)
    return status.run.id if status.state == "interrupted" and status.run else None


def _is_in_doubt(status: DatabaseStatus, record: RunRecord) -> bool:
    return status.state == "interrupted" and status.run is not None and status.run.id == record.id


def _invalid_indexes(database: str, view: RunView) -> tuple[str, ...]:
    if view.seen not in {RunStatus.LOST, RunStatus.FAILED}:
        return ()

    with (
        contextlib.suppress(MigrationError, sa.exc.SQLAlchemyError),
        current_project().databases[database].connect() as connection,
    ):
        return server_of(connection).invalid_indexes(connection)

    return ()


def _command(record: RunRecord) -> str | None:
    """Return what somebody has to start elsewhere, where a run waits for that."""
    if record.status != RunStatus.QUEUED or record.runner != "manual":
        return None

    return job_line(current_project(), COMMAND, record.id)
