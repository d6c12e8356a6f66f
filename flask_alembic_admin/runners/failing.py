"""What cannot be started fails at once and says why, so that nobody waits for it."""

from __future__ import annotations

import collections.abc as c
import contextlib

from ..core.ledger.tables import RunStatus
from ..core.project import Project
from ..core.runs.outcomes import finish_run
from ..errors import MigrationError


@contextlib.contextmanager
def failing_run(project: Project, run_id: str) -> c.Iterator[None]:
    """Give a run the verdict *failed* where the block raises, if it still waits to be begun.

    :param project: What is fixed.
    :param run_id: The run.
    """
    try:
        yield
    except MigrationError as error:
        record = project.ledger.run(run_id)

        # It may be at work already, where it was started twice.
        if record is not None and record.status == RunStatus.QUEUED:
            finish_run(
                project,
                run_id,
                RunStatus.FAILED,
                heads_after=None,
                error_class=type(error).__name__,
                error=str(error),
                seen=record,
            )
        raise


@contextlib.contextmanager
def failing_check(project: Project, check_id: str) -> c.Iterator[None]:
    """Give a check the verdict *failed* where the block raises, if it has none.

    :param project: What is fixed.
    :param check_id: The check.
    """
    try:
        yield
    except MigrationError as error:
        project.ledger.finish_check(check_id, RunStatus.FAILED, error=str(error))
        raise
