"""The page of a plan, and the one that says why it cannot be run any more."""

from __future__ import annotations

from pathlib import Path

from flask import render_template
from flask import request

from ..core.drift import Difference
from ..core.ledger.tables import RunRecord
from ..core.ledger.tables import RunStatus
from ..core.plans.plan import Plan
from ..core.scripts.file_digests import file_digest
from ..core.scripts.history import History
from ..core.status import database_status
from ..core.status import DatabaseStatus
from ..errors import MigrationError
from ..errors import PlanMoved
from .access import current_project
from .claims import claims
from .command_lines import command_line
from .comparisons import comparison_badge
from .comparisons import last_comparison
from .confirmation import confirmation_of
from .estimates import plan_estimate
from .findings import severity_badges
from .findings import shown_findings
from .forms import ConfirmForm
from .forms import ProtectedForm
from .forms import RehearsalForm
from .moves import reason_against
from .moves import without_doubt
from .presenters import Badge
from .presenters import badge
from .rehearsals import shown_rehearsal
from .sign_in import is_only_remembered
from .switches import read_only_refusal
from .tickets import valid_until
from .translation import gettext as _
from .verifications import last_verification
from .verifications import ShownProof

#: How many revisions are named one by one in what a stamp claims.
NAMED = 50


def plan_page(
    record: RunRecord, plan: Plan, form: ConfirmForm, rehearsal_form: RehearsalForm | None = None
) -> str:
    """Return the page of a plan with the form that confirms it, or why it cannot be confirmed.

    :param record: The plan in the ledger.
    :param plan: The same.
    :param form: What confirms it, with its errors.
    :param rehearsal_form: What asked for a rehearsal, with its errors.
    """
    project = current_project()
    history = project.scripts.history()
    status = database_status(project, plan.database, history)
    findings = shown_findings(plan)
    confirmation = confirmation_of(plan, production=project.settings.is_production)
    return render_template(
        "alembic_admin/plan.html",
        database=plan.database,
        record=record,
        plan=plan,
        status=status,
        files=history.revisions,
        form=form,
        confirmation=confirmation,
        findings=findings,
        severities=severity_badges(findings),
        total=plan_estimate(plan, project.settings),
        incomplete=sum(bool(step.incomplete) for step in plan.steps),
        claims=claims(plan, history) if plan.action == "stamp" else None,
        compared=_compared(status) if plan.action == "stamp" else None,
        named=NAMED,
        proofs=_proofs(plan),
        rehearsal=shown_rehearsal(record.id, plan),
        rehearsal_form=rehearsal_form or RehearsalForm(formdata=None),
        watched=request.args.get("watch") == "rehearsal",
        step_badges=(badge("failed"), badge("done")),
        read_only=read_only_refusal(plan.action, plan.database),
        reason=reason_against(plan.action, without_doubt(status, plan.options.rest_of)),
        moved=_moved(plan, status, history),
        timeouts=plan.options.timeouts(project.settings.timeouts),
        asks_to_sign_in=confirmation.fresh and is_only_remembered(),
        valid_until=valid_until(),
        environment=project.settings.environment,
        command_line=command_line(project, plan.action, plan.targets, plan.database, plan.options),
    )


def refused_page(database: str, record: RunRecord | None, error: MigrationError) -> str:
    """Return the page that says why a plan was not run, with the way to the next one.

    :param database: The database's name.
    :param record: The plan, where it is known.
    :param error: Why it was refused.
    """
    moved = isinstance(error, PlanMoved)
    return render_template(
        "alembic_admin/plan_refused.html",
        database=database,
        title=_("Things moved since this was planned") if moved else _("This was not run"),
        sentences=error.changes if isinstance(error, PlanMoved) else [error.message],
        plan=Plan.from_values(record.plan) if record else None,
        still_planned=(
            record.id if record and not moved and record.status == RunStatus.PLANNED else None
        ),
        form=ProtectedForm(formdata=None),
    )


def _compared(status: DatabaseStatus) -> tuple[Badge, str, tuple[Difference, ...]]:
    """Return how the last comparison is shown, what it means now, and what it has found."""
    comparison = last_comparison(current_project(), status.name)
    found = comparison.differences if comparison else ()
    return *comparison_badge(comparison, status), found


def _proofs(plan: Plan) -> dict[str, ShownProof]:
    """Return what is known of each step of a downgrade, by its revision."""
    if plan.action != "downgrade":
        return {}

    last = last_verification(current_project(), plan.database)
    return {step.revision: last.proof(step.revision, step.sha256) for step in plan.steps}


def _moved(plan: Plan, status: DatabaseStatus, history: History) -> str | None:
    """Return what can be seen at a glance to have moved since the plan was made."""
    if status.state != "unreachable" and set(status.current) != set(plan.heads):
        return _(
            "The database was at %(before)s when this was planned, and is at %(now)s.",
            before=", ".join(plan.heads) or "base",
            now=", ".join(status.current) or "base",
        )

    for step in plan.steps:
        file = history.revisions.get(step.revision)

        if file is not None and _digest(file.path) != step.sha256:
            return _(
                "The file of revision %(revision)s is not the one whose SQL is shown here.",
                revision=step.revision,
            )

    return None


def _digest(path: Path) -> str | None:
    try:
        return file_digest(path.read_bytes())
    except OSError:
        return None
