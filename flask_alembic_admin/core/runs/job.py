"""Carrying out a run that waits in the ledger."""

from __future__ import annotations

import contextlib
import os
import socket

import sqlalchemy as sa

from ..ledger.tables import RunStatus
from ..migrator import Migrator
from ..plans.plan import Plan
from ..project import Project
from ..redact import redact
from ..surroundings import operating_system_user
from .options import RunOptions
from .outcomes import finish_run
from .signals import Signals


def run_job(migrator: Migrator, run_id: str, *, signals: Signals | None = None) -> bool:
    """Carry out a queued run, which writes its own verdict to the ledger.

    :param migrator: The verbs.
    :param run_id: The run.
    :param signals: What asks it to end, in a process that is there for it alone.
    :return: Whether this caller was the one to carry it out.
    :raises MigrationError: It was refused, it failed or it was cancelled.
    """
    ledger = migrator.project.ledger
    record = ledger.run(run_id)

    if record is None or not ledger.claim(
        run_id, host=socket.gethostname(), pid=os.getpid(), versions={}, session=None
    ):
        return False

    try:
        plan = Plan.from_values(record.plan)
        migrator.run(
            plan,
            options=RunOptions(
                actor=record.actor or operating_system_user(),
                reason=record.reason,
                # Whoever waits in a browser is told at once who runs already.
                wait=plan.options.wait or 0.0,
                runner=record.runner or "code",
                run_id=run_id,
                signals=signals,
            ),
        )
    except BaseException as error:
        _write_failure(migrator.project, run_id, error)
        raise

    return True


def _write_failure(project: Project, run_id: str, error: BaseException) -> None:
    """Give a run that failed before it could begin its verdict; others have theirs."""
    with contextlib.suppress(sa.exc.SQLAlchemyError):
        finish_run(
            project,
            run_id,
            RunStatus.FAILED,
            heads_after=None,
            error_class=type(error).__name__,
            error=redact(str(error), project.urls),
        )
