"""What is in place of a step that a run left half done, and the plan of the rest."""

from __future__ import annotations

import typing as t

from flask import abort
from flask import current_app
from flask import redirect
from flask import url_for
from flask.typing import ResponseReturnValue

from ...core.forensics.rest import look_at
from ...core.forensics.rest import plan_rest
from ...core.migrator import Migrator
from ...core.plans.plan import keep_plan
from ..access import actor
from ..access import current_project
from ..forms import ProtectedForm
from .runs import run_page
from .runs import run_record


def look_at_run(database: str, run_id: str) -> ResponseReturnValue:
    """Hold the step that a run left half done against the database, and show what is in place."""
    if not ProtectedForm().validate_on_submit():
        abort(400)

    record = run_record(database, run_id)
    found = look_at(_migrator(), record)
    ledger = current_project().ledger
    ledger.log(record.id, "info", "panel", f"{actor()} looked: {found.sentence}")
    return run_page(record, found)


def plan_the_rest(database: str, run_id: str) -> ResponseReturnValue:
    """Make the plan that finishes the step a run left half done, and go to its page."""
    if not ProtectedForm().validate_on_submit():
        abort(400)

    record = run_record(database, run_id)
    plan, _ = plan_rest(_migrator(), record)
    plan_id = keep_plan(plan, current_project().ledger, actor())
    return redirect(url_for(".plan", database=database, plan_id=plan_id), 303)


def _migrator() -> Migrator:
    return t.cast(Migrator, current_app.extensions["alembic"])
