"""Where databases stand: the overview of all, and the status of one. These pages only look."""

from __future__ import annotations

import sqlalchemy as sa
from flask import render_template
from flask.typing import ResponseReturnValue

from ...core.condition import seen_as
from ...core.ledger.tables import RunRecord
from ...core.ledger.tables import RunStatus
from ...core.status import database_status
from ..access import current_project
from ..access import visible_databases
from ..attention import notices
from ..attention import tables_there
from ..comparisons import comparison_badge
from ..comparisons import last_comparison
from ..draft_choices import why_no_revision
from ..forms import ProtectedForm
from ..ledger import last_run
from ..moves import reason_against
from ..presenters import Badge
from ..presenters import badge
from ..presenters import status_badge
from ..verifications import count_badges
from ..verifications import last_verification
from ..verifications import verification_badge

#: How many of the next steps and of the last runs are shown.
SHOWN_STEPS = 10
SHOWN_RUNS = 5


def index() -> ResponseReturnValue:
    """Show all databases, or the status of the only one."""
    project, names = current_project(), visible_databases()

    if len(project.databases) == 1:
        return show_status(names[0])

    history = project.scripts.recent_history()
    rows = []

    for name in names:
        status = database_status(project, name, history)
        last = last_run(name)
        rows.append((status, status_badge(status), last, _run_badge(last) if last else None))

    settled = {"up to date", "running"}
    return render_template(
        "alembic_admin/overview.html",
        rows=rows,
        needing=sum(status.state not in settled for status, *_ in rows),
    )


def show_status(database: str) -> ResponseReturnValue:
    """Show where one database stands and what comes next."""
    project = current_project()
    history = project.scripts.recent_history()
    status = database_status(project, database, history)
    comparison = last_comparison(project, database)
    last = last_verification(project, database)
    return render_template(
        "alembic_admin/status.html",
        database=database,
        status=status,
        shown=status_badge(status),
        files=history.revisions,
        notices=notices(project, status),
        tables=tables_there(project, status),
        comparison=comparison,
        compared=comparison_badge(comparison, status),
        why_not=reason_against("upgrade", status),
        no_revision=why_no_revision(project, status),
        runs=_recent_runs(database),
        shown_steps=SHOWN_STEPS,
        verified=verification_badge(last),
        proofs=count_badges(last.found) if last.found else [],
        folder=project.scripts.folder,
        version_table=project.version_table(database),
        unknown_place=project.unknown_place(database),
        form=ProtectedForm(formdata=None),
    )


def _recent_runs(database: str) -> list[tuple[RunRecord, Badge]]:
    """Return the newest runs and how each is shown, or none where the ledger cannot be read."""
    try:
        records = current_project().ledger.runs(database, limit=4 * SHOWN_RUNS)
    except sa.exc.SQLAlchemyError:
        return []

    shown = [record for record in records if record.status != RunStatus.REFUSED][:SHOWN_RUNS]
    return [(record, _run_badge(record)) for record in shown]


def _run_badge(record: RunRecord) -> Badge:
    # Nobody may have written down yet that it is lost.
    return badge(seen_as(current_project(), record))
