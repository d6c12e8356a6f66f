"""Ways to start a run."""

from __future__ import annotations

import contextlib
import typing as t

from ..core.job import run_job
from ..core.migrator import Migrator
from ..errors import MigrationError
from .process import start_process


def start_run(migrator: Migrator, run_id: str) -> None:
    """Start a queued run in the way that the settings say.

    :param migrator: The verbs.
    :param run_id: The run.
    :raises SetupError: It is not known how its process would load the app.
    """
    project = migrator.project
    _RUNNERS[project.settings.runner](migrator, run_id)


def _start_inline(migrator: Migrator, run_id: str) -> None:
    # How it went is in the ledger, where the run's page reads it.
    with contextlib.suppress(MigrationError):
        run_job(migrator, run_id)


def _start_process(migrator: Migrator, run_id: str) -> None:
    start_process(migrator.project, run_id)


def _start_by_hand(migrator: Migrator, run_id: str) -> None:
    """Do nothing: the run's page shows the command that somebody starts elsewhere."""


_RUNNERS: dict[str, t.Callable[[Migrator, str], None]] = {
    "inline": _start_inline,
    "manual": _start_by_hand,
    "process": _start_process,
}
