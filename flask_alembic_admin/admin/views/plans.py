"""A guarded action: make a plan, show it, confirm it."""

from __future__ import annotations

import typing as t

from flask import abort
from flask import current_app
from flask import redirect
from flask import render_template
from flask import request
from flask import url_for
from flask.typing import ResponseReturnValue

from ...core.condition import mark_lost
from ...core.ledger import Queued
from ...core.ledger import RunRecord
from ...core.ledger import RunStatus
from ...core.migrator import Migrator
from ...core.plan import make_plan
from ...core.plan import Plan
from ...core.plan import replan
from ...core.status import database_status
from ...errors import MigrationError
from ...runners import start_run
from ..access import actor
from ..access import current_project
from ..access import record_refusal
from ..forms import ConfirmForm
from ..forms import PlanForm
from ..tickets import issue_ticket
from ..tickets import read_ticket
from .status import targets


def create_plan(database: str) -> ResponseReturnValue:
    """Make a plan and go to its page."""
    project = current_project()
    form = PlanForm().offer(targets(database_status(project, database)))

    if not form.validate_on_submit():
        abort(400)

    plan = make_plan(_migrator(), "upgrade", form.target.data, database)
    plan_id = project.ledger.plan(
        database=database,
        action=plan.action,
        target=plan.target,
        heads_before=plan.heads,
        plan=plan.to_values(),
        plan_hash=plan.digest,
        steps=plan.steps,
        actor=actor(),
    )
    return redirect(url_for(".plan", database=database, plan_id=plan_id), 303)


def show_plan(database: str, plan_id: str) -> ResponseReturnValue:
    """Show a plan and the form that confirms it."""
    record = _record(database, plan_id)

    if record.status != RunStatus.PLANNED:
        return redirect(url_for(".run", database=database, run_id=plan_id), 303)

    plan = Plan.from_values(record.plan)
    form = ConfirmForm(formdata=None, ticket=issue_ticket(plan_id, plan.digest))
    return render_template(
        "alembic_admin/plan.html", database=database, plan=plan, record=record, form=form
    )


def create_run(database: str) -> ResponseReturnValue:
    """Confirm a plan: queue exactly that as a run, start it and go to its page."""
    form = ConfirmForm()

    if not form.validate_on_submit():
        abort(400)

    project = current_project()

    try:
        plan_id, digest = read_ticket(form.ticket.data)
        record = _record(database, plan_id)

        if record.status == RunStatus.PLANNED:
            plan = Plan.from_values(record.plan)
            plan.refuse_if_moved(replan(_migrator(), plan))
            assert digest == plan.digest
    except MigrationError as error:
        record_refusal(database, "upgrade", str(error))
        raise

    mark_lost(project, database)
    queued = project.ledger.queue(
        plan_id,
        actor=actor(),
        address=request.remote_addr,
        reason=form.reason.data or None,
        runner=project.settings.runner,
    )

    if queued is Queued.BUSY:
        # Whoever comes second is shown the run that was first.
        running = project.ledger.active(database)
        return redirect(
            url_for(".run", database=database, run_id=running.id if running else plan_id), 303
        )

    if queued:
        _start(plan_id)

    return redirect(url_for(".run", database=database, run_id=plan_id), 303)


def _start(run_id: str) -> None:
    try:
        start_run(_migrator(), run_id)
    except MigrationError as error:
        current_project().ledger.finish(
            run_id,
            RunStatus.FAILED,
            heads_after=None,
            error_class=type(error).__name__,
            error=str(error),
        )


def _record(database: str, run_id: str) -> RunRecord:
    record = current_project().ledger.run(run_id)

    if record is None or record.database != database:
        abort(404)

    return record


def _migrator() -> Migrator:
    return t.cast(Migrator, current_app.extensions["alembic"])
