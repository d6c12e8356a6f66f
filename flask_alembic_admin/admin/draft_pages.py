"""The page of a draft: the file as it would be written, and the form that has it written."""

from __future__ import annotations

import collections.abc as c

from flask import render_template
from flask import url_for

from ..core.drafts.draft import Draft
from ..core.ledger.tables import RunRecord
from ..core.status import database_status
from .access import current_project
from .draft_choices import asked_labels
from .draft_choices import draft_command
from .draft_choices import why_unwritable
from .forms import ConfirmForm
from .moves import reason_against
from .switches import read_only_refusal
from .tickets import valid_until


def draft_page(
    record: RunRecord, draft: Draft, form: ConfirmForm | None, refused: c.Sequence[str] = ()
) -> str:
    """Return the page of a draft with the form that has it written, or why it cannot be.

    :param record: The draft in the ledger.
    :param draft: The same.
    :param form: What confirms it, with its errors; None where it cannot be confirmed any more.
    :param refused: Why it was not written just now, in sentences.
    """
    project = current_project()
    history = project.scripts.history()
    status = database_status(project, record.database, history)
    return render_template(
        "alembic_admin/draft.html",
        database=record.database,
        record=record,
        draft=draft,
        form=form,
        refused=refused,
        files=history.revisions,
        moved=draft.moved(history),
        read_only=read_only_refusal(record.action, record.database),
        reason=reason_against(record.action, status) or why_unwritable(project),
        is_production=project.settings.is_production,
        environment=project.settings.environment,
        valid_until=valid_until(),
        again=draft_again(record, draft),
        command_line=draft_command(project, draft),
    )


def draft_again(record: RunRecord, draft: Draft) -> str:
    """Return the address that asks for the same anew, with the files as they are by then.

    :param record: The draft in the ledger.
    :param draft: The same.
    """
    if record.action == "merge":
        return url_for(".actions", database=record.database, _anchor="merge")

    return url_for(
        ".actions",
        database=record.database,
        # A word of Python's own.
        **{"from": "diff" if draft.compared else "empty"},  # type: ignore[arg-type]
        message=draft.message,
        labels=" ".join(asked_labels(draft)) or None,
        _anchor="revision",
    )
