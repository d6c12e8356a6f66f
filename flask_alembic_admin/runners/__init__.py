"""Ways to start a run or a check."""

from __future__ import annotations

import contextlib
import typing as t

from ..core.checks.job import run_check
from ..core.migrator import Migrator
from ..core.runs.job import run_job
from ..core.runs.outcomes import tell_requested
from ..errors import MigrationError
from ..errors import SetupError
from .failing import failing_check
from .failing import failing_run
from .process import start_check_process
from .process import start_process

if t.TYPE_CHECKING:
    from types import ModuleType


def start_run(migrator: Migrator, run_id: str) -> None:
    """Start a queued run in the way that the settings say.

    :param migrator: The verbs.
    :param run_id: The run.
    :raises SetupError: It is not known how its process would load the app, or who starts one.
    """
    project = migrator.project
    tell_requested(project, run_id)

    with failing_run(project, run_id):
        _RUNNERS[project.settings.runner](migrator, run_id)


def start_check(migrator: Migrator, check_id: str) -> None:
    """Start a queued check in the way that the settings say.

    :param migrator: The verbs.
    :param check_id: The check.
    :raises SetupError: It is not known how its process would load the app, or who starts one.
    """
    with failing_check(migrator.project, check_id):
        _CHECK_RUNNERS[migrator.project.settings.runner](migrator, check_id)


def celery_runner() -> ModuleType:
    """Return the module with the tasks of the runner ``celery``, which its workers import too.

    :raises SetupError: Celery is not installed.
    """
    try:
        from . import celery
    except ModuleNotFoundError as error:
        if error.name != "celery":
            raise

        raise SetupError(
            "ALEMBIC_ADMIN['runner'] is 'celery', and Celery is not installed.",
            "Run 'pip install Flask-Alembic-Admin[celery]', or use the runner 'process'.",
        ) from error

    return celery


def _start_inline(migrator: Migrator, run_id: str) -> None:
    # How it went is in the ledger, where the run's page reads it.
    with contextlib.suppress(MigrationError):
        run_job(migrator, run_id)


def _start_process(migrator: Migrator, run_id: str) -> None:
    start_process(migrator.project, run_id)


def _send_run(migrator: Migrator, run_id: str) -> None:
    runner = celery_runner()
    runner.send(runner.RUN_TASK, run_id)


def _check_inline(migrator: Migrator, check_id: str) -> None:
    # Why it could not be carried out is in the ledger.
    with contextlib.suppress(MigrationError):
        run_check(migrator, check_id)


def _check_in_process(migrator: Migrator, check_id: str) -> None:
    start_check_process(migrator.project, check_id)


def _send_check(migrator: Migrator, check_id: str) -> None:
    runner = celery_runner()
    runner.send(runner.CHECK_TASK, check_id)


def _start_by_hand(migrator: Migrator, id_: str) -> None:
    """Do nothing: a page shows the command that somebody starts elsewhere."""


_RUNNERS: dict[str, t.Callable[[Migrator, str], None]] = {
    "celery": _send_run,
    "inline": _start_inline,
    "manual": _start_by_hand,
    "process": _start_process,
}
_CHECK_RUNNERS: dict[str, t.Callable[[Migrator, str], None]] = {
    "celery": _send_check,
    "inline": _check_inline,
    "manual": _start_by_hand,
    "process": _check_in_process,
}
