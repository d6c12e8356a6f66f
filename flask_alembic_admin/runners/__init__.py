"""Ways to start a run or a check."""

from __future__ import annotations

import contextlib
import typing as t

from ..core.checks.job import run_check
from ..core.ledger.tables import RunStatus
from ..core.migrator import Migrator
from ..core.runs.job import run_job
from ..core.runs.outcomes import finish_run
from ..core.runs.outcomes import tell_requested
from ..errors import MigrationError
from .process import start_check_process
from .process import start_process


def start_run(migrator: Migrator, run_id: str) -> None:
    """Start a queued run in the way that the settings say.

    :param migrator: The verbs.
    :param run_id: The run.
    :raises SetupError: It is not known how its process would load the app.
    """
    project = migrator.project
    tell_requested(project, run_id)

    try:
        _RUNNERS[project.settings.runner](migrator, run_id)
    except MigrationError as error:
        finish_run(
            project,
            run_id,
            RunStatus.FAILED,
            heads_after=None,
            error_class=type(error).__name__,
            error=str(error),
        )
        raise


def start_check(migrator: Migrator, check_id: str) -> None:
    """Start a queued check in the way that the settings say.

    :param migrator: The verbs.
    :param check_id: The check.
    :raises SetupError: It is not known how its process would load the app.
    """
    project = migrator.project

    try:
        _CHECK_RUNNERS[project.settings.runner](migrator, check_id)
    except MigrationError as error:
        project.ledger.finish_check(check_id, RunStatus.FAILED, error=str(error))
        raise


def _start_inline(migrator: Migrator, run_id: str) -> None:
    # How it went is in the ledger, where the run's page reads it.
    with contextlib.suppress(MigrationError):
        run_job(migrator, run_id)


def _start_process(migrator: Migrator, run_id: str) -> None:
    start_process(migrator.project, run_id)


def _check_inline(migrator: Migrator, check_id: str) -> None:
    # Why it could not be carried out is in the ledger.
    with contextlib.suppress(MigrationError):
        run_check(migrator, check_id)


def _check_in_process(migrator: Migrator, check_id: str) -> None:
    start_check_process(migrator.project, check_id)


def _start_by_hand(migrator: Migrator, id_: str) -> None:
    """Do nothing: a page shows the command that somebody starts elsewhere."""


_RUNNERS: dict[str, t.Callable[[Migrator, str], None]] = {
    "inline": _start_inline,
    "manual": _start_by_hand,
    "process": _start_process,
}
_CHECK_RUNNERS: dict[str, t.Callable[[Migrator, str], None]] = {
    "inline": _check_inline,
    "manual": _start_by_hand,
    "process": _check_in_process,
}
