"""A guarded action: make a plan, show it, confirm it."""

from __future__ import annotations

import contextlib
import typing as t

from flask import abort
from flask import current_app
from flask import redirect
from flask import request
from flask import url_for
from flask.typing import ResponseReturnValue

from ...core.condition import interrupted_run
from ...core.condition import mark_lost
from ...core.ledger.tables import Queued
from ...core.ledger.tables import RunRecord
from ...core.ledger.tables import RunStatus
from ...core.migrator import Migrator
from ...core.plans.plan import keep_plan
from ...core.plans.plan import make_plan
from ...core.plans.plan import Plan
from ...core.plans.plan import replan
from ...core.results import Action
from ...core.settings import FILE_ACTIONS
from ...errors import MigrationError
from ...errors import PlanMoved
from ...errors import TargetError
from ...errors import UnreachableDatabase
from ...runners import start_run
from ..access import actor
from ..access import current_project
from ..access import record_refusal
from ..choices import resolved
from ..confirmation import Confirmation
from ..confirmation import confirmation_of
from ..forms import ConfirmForm
from ..forms import PlanForm
from ..plan_pages import plan_page
from ..plan_pages import refused_page
from ..sign_in import sign_in_again
from ..tickets import BadTicket
from ..tickets import issue_ticket
from ..tickets import plan_of_ticket
from ..tickets import read_ticket
from ..translation import gettext as _
from .actions import actions_page


def create_plan(database: str) -> ResponseReturnValue:
    """Make a plan and go to its page."""
    project = current_project()
    form = PlanForm.sent(project.settings)

    if not form.validate_on_submit():
        if form.action.errors:
            abort(400)
        return actions_page(database, form), 400

    action: Action = form.action.data

    try:
        wanted = resolved(form.wanted, action, project.scripts.known_history())
        plan = make_plan(_migrator(), action, wanted, database, form.options)
    except TargetError as error:
        form.refuse_target(str(error))
        return actions_page(database, form), 400

    plan_id = keep_plan(plan, project.ledger, actor())
    return redirect(url_for(".plan", database=database, plan_id=plan_id), 303)


def show_plan(database: str, plan_id: str) -> ResponseReturnValue:
    """Show a plan and the form that confirms it."""
    record = _record(database, plan_id)

    if record.status != RunStatus.PLANNED:
        return redirect(url_for(".run", database=database, run_id=plan_id), 303)

    plan = Plan.from_values(record.plan)
    form = ConfirmForm(formdata=None, ticket=issue_ticket(plan_id, plan.digest))
    return plan_page(record, plan, form)


def create_run(database: str) -> ResponseReturnValue:
    """Confirm a plan: queue exactly that as a run, start it and go to its page."""
    form = ConfirmForm()
    is_valid = form.validate_on_submit()

    if form.ticket.errors:
        abort(400)

    record = _record_of_ticket(database, form.ticket.data)

    if form.csrf_token.errors:
        expired = BadTicket("The protection of this form has expired.", "Open the plan again.")
        return refused_page(database, record, expired), 400

    try:
        plan_id, digest = read_ticket(form.ticket.data)
        record = _record(database, plan_id)
        plan = Plan.from_values(record.plan)
        if digest != plan.digest:
            raise BadTicket("This plan is not the one that was shown.", "Plan again.")
        if record.status != RunStatus.PLANNED:
            return _run_of_used(record)
    except BadTicket as error:
        return _refuse(database, record, error)

    confirmation = confirmation_of(plan, production=current_project().settings.is_production)

    if not _is_confirmed(form, confirmation, record) or not is_valid:
        form.ticket.data = issue_ticket(plan_id, plan.digest)
        return plan_page(record, plan, form), 400

    if confirmation.fresh and (answer := sign_in_again()) is not None:
        return answer

    project = current_project()

    try:
        mark_lost(project, database)
        _refuse_if_in_doubt(plan)
        _refuse_if_moved(plan)
    except UnreachableDatabase as error:
        return _refuse(database, record, error, status=503)
    except MigrationError as error:
        return _refuse(database, record, error)

    queued = project.ledger.queue(
        plan_id,
        actor=actor(),
        address=request.remote_addr,
        reason=form.reason.data or None,
        runner=project.settings.runner,
    )

    if queued is Queued.BUSY:
        return _run_of_others(record)

    if queued:
        # Why it could not be started is its verdict, which its page shows.
        with contextlib.suppress(MigrationError):
            start_run(_migrator(), plan_id)

    # A run that has ended by then is read from its result on; before that there is none.
    return redirect(url_for(".run", database=database, run_id=plan_id, _anchor="result"), 303)


def _is_confirmed(form: ConfirmForm, confirmation: Confirmation, record: RunRecord) -> bool:
    """Return whether all is said that has to be; what is missing is said at its field."""
    missing = []

    if not confirmation.is_said(form.phrase.data, form.understood.data):
        if confirmation.phrase is None:
            missing.append((form.understood, _("Tick this once you have read it.")))
        else:
            sentence = _("This has to be exactly “%(phrase)s”.", phrase=confirmation.phrase)
            missing.append((form.phrase, sentence))
            record_refusal(record.database, record.action, "wrong phrase", record.target)

    if confirmation.needs_reason and not (form.reason.data or "").strip():
        missing.append((form.reason, _("Say why, for the record.")))

    for control, sentence in missing:
        control.errors = [*control.errors, sentence]

    return not missing


def _run_of_used(record: RunRecord) -> ResponseReturnValue:
    """Lead to the run that a plan has become.

    :raises BadTicket: Somebody else has run it, so this form was used for nothing.
    """
    if record.actor != actor():
        raise BadTicket(
            f"This plan was run already, by {record.actor or 'somebody'}.", "Plan again."
        )

    return redirect(url_for(".run", database=record.database, run_id=record.id), 303)


def _run_of_others(record: RunRecord) -> ResponseReturnValue:
    """Lead to the run that is in the way, which says that the plan was not begun."""
    running = current_project().ledger.active(record.database)

    # It may have ended just now.
    if running is None:
        return redirect(url_for(".plan", database=record.database, plan_id=record.id), 303)

    where = url_for(".run", database=record.database, run_id=running.id, instead_of=record.id)
    return redirect(where, 303)


def _refuse_if_in_doubt(plan: Plan) -> None:
    doubtful = interrupted_run(current_project(), plan.database, plan.heads)

    if doubtful is not None and doubtful.id != plan.options.rest_of:
        raise MigrationError(
            f"Database '{plan.database}' is in doubt after run {doubtful.id}.",
            "Look at it and mark that run as examined first.",
        )


def _refuse_if_moved(plan: Plan) -> None:
    try:
        plan.refuse_if_moved(replan(_migrator(), plan))
    except TargetError as error:
        # It could be reached when it was planned.
        raise PlanMoved([error.message]) from error


def _refuse(
    database: str, record: RunRecord | None, error: MigrationError, *, status: int = 409
) -> ResponseReturnValue:
    """Write down that a confirmation was refused, and say why and how to go on."""
    action, target = (record.action, record.target) if record else ("upgrade", "")
    record_refusal(database, action, str(error), target)
    return refused_page(database, record, error), status


def _record_of_ticket(database: str, ticket: str) -> RunRecord | None:
    """Return the plan that a ticket says it is for, whether it is good or not."""
    plan_id = plan_of_ticket(ticket)
    record = current_project().ledger.run(plan_id) if plan_id else None

    if record is None or record.database != database or record.action in FILE_ACTIONS:
        return None

    return record if record.plan else None


def _record(database: str, run_id: str) -> RunRecord:
    record = current_project().ledger.run(run_id)

    if record is None or record.database != database or record.action in FILE_ACTIONS:
        abort(404)

    return record


def _migrator() -> Migrator:
    return t.cast(Migrator, current_app.extensions["alembic"])
