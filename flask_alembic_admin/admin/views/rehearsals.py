"""A rehearsal of a plan, asked for on its page."""

from __future__ import annotations

import contextlib
import typing as t

from flask import abort
from flask import current_app
from flask import redirect
from flask import url_for
from flask.typing import ResponseReturnValue

from ...core.checks.asking import queue_check
from ...core.ledger.tables import RunStatus
from ...core.migrator import Migrator
from ...core.plans.plan import Plan
from ...core.settings import FILE_ACTIONS
from ...errors import MigrationError
from ...runners import start_check
from ..access import actor
from ..access import current_project
from ..forms import ConfirmForm
from ..forms import RehearsalForm
from ..ledger import needed_ledger
from ..plan_pages import plan_page
from ..rehearsals import shown_rehearsal
from ..tickets import issue_ticket
from ..translation import gettext as _

#: What the query of a page says that shows how a rehearsal goes on.
WATCH = "rehearsal"


def create_rehearsal(database: str, plan_id: str) -> ResponseReturnValue:
    """Have a plan rehearsed, and go to where that is shown."""
    form = RehearsalForm()

    if not form.validate_on_submit():
        abort(400)

    project = current_project()

    with needed_ledger():
        record = project.ledger.run(plan_id)

    if record is None or record.database != database:
        abort(404)

    if record.action in FILE_ACTIONS:
        abort(409, _("It writes a file and runs nothing that could be rehearsed."))

    if record.status != RunStatus.PLANNED:
        return redirect(url_for(".run", database=database, run_id=plan_id), 303)

    plan = Plan.from_values(record.plan)
    shown = shown_rehearsal(plan_id, plan)

    if shown.why_not:
        abort(409, shown.why_not)

    if shown.phrase is not None and (form.phrase.data or "").strip() != shown.phrase:
        sentence = _(
            "This has to be exactly “%(phrase)s”. Nothing was rehearsed.", phrase=shown.phrase
        )
        form.phrase.errors = [*form.phrase.errors, sentence]
        confirm = ConfirmForm(formdata=None, ticket=issue_ticket(plan_id, plan.digest))
        return plan_page(record, plan, confirm, form), 400

    with needed_ledger():
        check_id = queue_check(project, "rehearsal", database, subject=plan_id, actor=actor())

    # A double click has begun it already; another plan is in the way.
    if check_id is None and not shown.is_active:
        last = project.ledger.last_check("rehearsal", database)

        if last is not None and last.active and last.subject != plan_id:
            abort(409, _("Another plan of this database is rehearsed. Wait until that is done."))

    if check_id is not None:
        # Why it could not be started is its verdict, which the page shows.
        with contextlib.suppress(MigrationError):
            start_check(t.cast(Migrator, current_app.extensions["alembic"]), check_id)

    where = url_for(".plan", database=database, plan_id=plan_id, watch=WATCH, _anchor="rehearsal")
    return redirect(where, 303)
