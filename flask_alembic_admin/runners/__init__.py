"""Ways to start a run."""

from __future__ import annotations

import typing as t

from ..core.job import run_job
from ..core.migrator import Migrator
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
    run_job(migrator, migrator.project.ledger, run_id)


def _start_process(migrator: Migrator, run_id: str) -> None:
    start_process(migrator.project, run_id)


_RUNNERS: dict[str, t.Callable[[Migrator, str], None]] = {
    "inline": _start_inline,
    "process": _start_process,
}
