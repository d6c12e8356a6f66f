"""What becomes of a run or of an attempt: written to the ledger, then told to subscribers."""

from __future__ import annotations

import collections.abc as c
import contextlib
import typing as t

import sqlalchemy as sa

from ..ledger.tables import RunRecord
from ..ledger.tables import Verdict
from ..project import Project
from .events import attempt_refused
from .events import is_heard
from .events import run_finished
from .events import run_requested
from .events import tell


def tell_requested(project: Project, run_id: str) -> None:
    """Tell subscribers that a run was queued.

    :param project: What is fixed.
    :param run_id: The run.
    """
    record = _record(project, run_id) if is_heard(run_requested) else None

    if record is not None:
        tell(run_requested, project, **_facts(record))


def finish_run(
    project: Project,
    run_id: str,
    status: Verdict,
    *,
    heads_after: c.Sequence[str] | None,
    error_class: str,
    error: str,
    seen: RunRecord | None = None,
) -> bool:
    """Give a run its verdict that cannot do so itself; return False if it has one already.

    :param project: What is fixed.
    :param run_id: The run.
    :param status: The verdict.
    :param heads_after: What the version table holds, or None where nobody can read it.
    :param error_class: The class of what went wrong.
    :param error: What went wrong, redacted.
    :param seen: The run as it was seen; one that has gone on since gets no verdict.
    """
    if not project.ledger.finish(
        run_id, status, heads_after=heads_after, error_class=error_class, error=error, seen=seen
    ):
        return False

    _tell_finished(project, run_id)
    return True


def withdraw_run(project: Project, run_id: str) -> bool:
    """End a queued run before it begins; return False if its runner has begun, or it has ended.

    :param project: What is fixed.
    :param run_id: The run.
    """
    withdrawn = project.ledger.withdraw(run_id)

    if withdrawn:
        _tell_finished(project, run_id)

    return withdrawn


def refuse_attempt(
    project: Project,
    *,
    database: str,
    action: str,
    target: str,
    actor: str | None,
    address: str | None,
    reason: str,
    error_class: str | None = None,
) -> None:
    """Write down an attempt that was refused.

    :param project: What is fixed.
    :param database: The database's name.
    :param action: What was tried.
    :param target: Where it would have gone, where that is known.
    :param actor: Who tried.
    :param address: From where.
    :param reason: Why it was refused, redacted.
    :param error_class: The class of the error, where there is one.
    """
    attempt = {
        "database": database,
        "action": action,
        "target": target,
        "actor": actor,
        "address": address,
        "reason": reason,
    }
    run_id = None

    # Those who listen are told also where the ledger cannot be.
    try:
        run_id = project.ledger.refuse(**attempt)  # type: ignore[arg-type]
    finally:
        tell(attempt_refused, project, run_id=run_id, **attempt, error_class=error_class)


def _tell_finished(project: Project, run_id: str) -> None:
    record = _record(project, run_id) if is_heard(run_finished) else None

    if record is not None:
        tell(
            run_finished,
            project,
            **_facts(record),
            status=str(record.status),
            heads_before=record.heads_before,
            heads_after=record.heads_after,
            error_class=record.error_class,
            error=record.error,
        )


def _record(project: Project, run_id: str) -> RunRecord | None:
    with contextlib.suppress(sa.exc.SQLAlchemyError):
        return project.ledger.run(run_id)

    return None


def _facts(record: RunRecord) -> dict[str, t.Any]:
    return {
        "run_id": record.id,
        "database": record.database,
        "action": record.action,
        "target": record.target,
        "actor": record.actor,
        "reason": record.reason,
        "runner": record.runner,
    }
