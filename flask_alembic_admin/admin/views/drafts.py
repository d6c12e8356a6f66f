"""A file to be written: drafted, shown, confirmed, written exactly so."""

from __future__ import annotations

import datetime
import os
import socket
import traceback
import typing as t
from pathlib import Path

import sqlalchemy as sa
from flask import abort
from flask import current_app
from flask import redirect
from flask import request
from flask import url_for
from flask.typing import ResponseReturnValue

from ...core.drafts.draft import Draft
from ...core.drafts.drafting import draft_merge
from ...core.drafts.drafting import draft_revision
from ...core.drafts.writing import write_draft
from ...core.ledger.report import LineReport
from ...core.ledger.tables import RunRecord
from ...core.ledger.tables import RunStatus
from ...core.migrator import Migrator
from ...core.op_guard import op_guard
from ...core.redact import redactor
from ...core.scripts.file_digests import file_digest
from ...core.scripts.history import History
from ...core.settings import FILE_ACTIONS
from ...errors import Busy
from ...errors import MigrationError
from ...errors import PlanMoved
from ..access import actor
from ..access import current_project
from ..access import record_refusal
from ..draft_choices import FIRST
from ..draft_choices import parents
from ..draft_pages import draft_page
from ..forms import ConfirmForm
from ..forms import MergeForm
from ..forms import RevisionForm
from ..tickets import BadTicket
from ..tickets import issue_ticket
from ..tickets import plan_of_ticket
from ..tickets import read_ticket
from ..translation import gettext as _
from .actions import actions_page

#: Seconds to wait for a run or a preview of this process.
WAIT = 3.0
#: What the ledger says that such a run was started by.
RUNNER = "panel"


def create_draft(database: str) -> ResponseReturnValue:
    """Draft a file, which is written nowhere, and go to its page."""
    project = current_project()
    history = project.scripts.history()
    form: RevisionForm | MergeForm

    if request.form.get("action") == "merge":
        form = MergeForm().on_page((head, head) for head in history.heads)
    else:
        form = RevisionForm().on_page(parents(history))

    is_valid = form.validate_on_submit()

    if form.action.errors:
        abort(400)

    if not is_valid:
        return actions_page(database, sent_draft=form), 400

    try:
        with op_guard(WAIT):
            draft = _drafted(form, history)
    except Busy:
        raise
    except Exception as error:
        # Models, filters, types and hooks are the app's; none may take the page down.
        said = str(error) if isinstance(error, MigrationError) else _described(error)
        control = form.message
        control.errors = [*control.errors, _redact(said)]
        return actions_page(database, sent_draft=form), 400

    plan_id = project.ledger.plan(
        database=database,
        action=form.action.data,
        target=draft.revision,
        heads_before=draft.heads,
        plan=draft.to_values(),
        plan_hash=draft.digest,
        actor=actor(),
    )
    return redirect(url_for(".draft", database=database, plan_id=plan_id), 303)


def show_draft(database: str, plan_id: str) -> ResponseReturnValue:
    """Show the text of a file and the form that has it written."""
    record = _record(database, plan_id)

    if record is None:
        abort(404)

    if record.status != RunStatus.PLANNED:
        return _result_of(record)

    draft = Draft.from_values(record.plan)
    form = ConfirmForm(formdata=None, ticket=issue_ticket(plan_id, draft.digest))
    return draft_page(record, draft, form)


def write_file(database: str) -> ResponseReturnValue:
    """Confirm a draft: write exactly that, record it and go to the new revision."""
    form = ConfirmForm()
    is_valid = form.validate_on_submit()

    if form.ticket.errors:
        abort(400)

    record = _record(database, plan_of_ticket(form.ticket.data))

    if record is None and form.csrf_token.errors:
        abort(400)

    if record is None:
        said = _("This draft was not made here.")
        record_refusal(database, "revision", said)
        abort(409, said)

    draft = Draft.from_values(record.plan)

    if form.csrf_token.errors:
        return draft_page(record, draft, None, [_("The protection of this form has expired.")]), 400

    try:
        if read_ticket(form.ticket.data) != (record.id, draft.digest):
            raise BadTicket("This draft is not the one that was shown.", "Draft again.")
        if record.status != RunStatus.PLANNED:
            return _result_of_used(record)
        if not _is_confirmed(form) or not is_valid:
            form.ticket.data = issue_ticket(record.id, draft.digest)
            return draft_page(record, draft, form), 400
        draft.refuse_if_moved(current_project().scripts.history())
    except MigrationError as error:
        return _refuse(record, draft, error)

    started = current_project().ledger.start(
        record.id,
        actor=actor(),
        address=request.remote_addr,
        reason=form.reason.data or None,
        runner=RUNNER,
        host=socket.gethostname(),
        pid=os.getpid(),
    )

    if not started:
        # Somebody was faster, perhaps with the other half of a double click.
        return _result_of_used(_record(database, record.id) or record)

    return _write(record, draft)


def _drafted(form: RevisionForm | MergeForm, history: History) -> Draft:
    if isinstance(form, MergeForm):
        return draft_merge(_migrator(), form.revisions.data, form.message.data or None)

    arguments: dict[str, t.Any] = {
        "empty": form.how.data == "empty",
        "label": form.wanted_labels,
    }
    parent = form.parent.data

    if parent != FIRST:
        arguments |= {"branch": "", "parent": parent}
        after = history.revisions.get(parent)

        # The line of a branch goes on in its own folder.
        if after is not None and after.path.parent in current_project().scripts.folders:
            arguments["path"] = str(after.path.parent)

    return draft_revision(_migrator(), form.message.data, **arguments)


def _write(record: RunRecord, draft: Draft) -> ResponseReturnValue:
    """Write a file, and write down what became of it."""
    said: list[str] = []

    try:
        script = write_draft(_migrator(), draft, said=said.append)
    except Exception as error:
        is_ours = isinstance(error, MigrationError)
        text = str(error) if is_ours else "".join(traceback.format_exception(error))
        _finish(record, said, type(error).__name__, _redact(text))

        if isinstance(error, PlanMoved):
            return _refuse(record, draft, error)

        return redirect(url_for(".run", database=record.database, run_id=record.id), 303)

    digest = file_digest(Path(script.path).read_bytes())

    _finish(record, [f"wrote {script.path}", *said, f"sha256 {digest}"])
    return _revision(record)


def _finish(
    record: RunRecord, said: list[str], error_class: str | None = None, error: str | None = None
) -> None:
    ledger = current_project().ledger
    now = datetime.datetime.now(datetime.UTC)
    lines = [LineReport(now, "info", RUNNER, _redact(line)) for line in said]

    # What was written is there, whether that can be written down or not.
    try:
        ledger.report(record.id, lines=lines)
        ledger.finish(
            record.id,
            RunStatus.FAILED if error else RunStatus.SUCCEEDED,
            heads_after=current_project().scripts.history().heads,
            error_class=error_class,
            error=error,
        )
    except sa.exc.SQLAlchemyError as failure:
        current_app.logger.error(
            "Run %s has ended, which could not be recorded: %s", record.id, _described(failure)
        )


def _is_confirmed(form: ConfirmForm) -> bool:
    """Return whether all is said that has to be; what is missing is said at its field."""
    missing = []

    if not form.understood.data:
        missing.append((form.understood, _("Tick this once you have read it.")))

    if current_project().settings.is_production and not (form.reason.data or "").strip():
        missing.append((form.reason, _("Say why, for the record.")))

    for control, sentence in missing:
        control.errors = [*control.errors, sentence]

    return not missing


def _refuse(record: RunRecord, draft: Draft, error: MigrationError) -> ResponseReturnValue:
    """Write down that a confirmation was refused, and say why and how to go on."""
    record_refusal(record.database, record.action, str(error), record.target)
    sentences = error.changes if isinstance(error, PlanMoved) else [error.message]
    return draft_page(record, draft, None, sentences), 409


def _result_of_used(record: RunRecord) -> ResponseReturnValue:
    """Lead to what has become of a draft.

    :raises BadTicket: Somebody else has confirmed it, so this form was used for nothing.
    """
    if record.actor != actor():
        raise BadTicket(
            f"This draft was confirmed already, by {record.actor or 'somebody'}.", "Draft again."
        )

    return _result_of(record)


def _result_of(record: RunRecord) -> ResponseReturnValue:
    known = current_project().scripts.history().revisions

    if record.status == RunStatus.SUCCEEDED and record.target in known:
        return _revision(record)

    return redirect(url_for(".run", database=record.database, run_id=record.id), 303)


def _revision(record: RunRecord) -> ResponseReturnValue:
    return redirect(
        url_for(".revision", database=record.database, revision=record.target, written=1), 303
    )


def _record(database: str, plan_id: str | None) -> RunRecord | None:
    """Return the draft of that id in the ledger, or what it has become."""
    record = current_project().ledger.run(plan_id) if plan_id else None

    if record is None or record.database != database or record.action not in FILE_ACTIONS:
        return None

    return record if record.plan else None


def _redact(text: str) -> str:
    return redactor(current_project().urls)(text)


def _described(error: Exception) -> str:
    """Return what somebody else's code has raised, in a line with nothing secret in it."""
    project = current_project()
    return project.databases[project.default_name].describe_error(error)


def _migrator() -> Migrator:
    return t.cast(Migrator, current_app.extensions["alembic"])
