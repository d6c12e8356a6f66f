"""The default runner: a process of its own, which outlives the request and the server."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
import typing as t

import sqlalchemy as sa

from ..core.condition import session_lives
from ..core.ledger_tables import RunStatus
from ..core.project import Project
from ..core.redact import redact
from .app_target import app_arguments

_logger = logging.getLogger(__name__)

#: The group and the command that the child is started with.
COMMAND = ("alembic-admin", "run-job")
_MOST_OUTPUT = 4_000
#: Seconds between two looks whether the database still works for a process that has ended.
_PAUSE = 0.5


def start_process(project: Project, run_id: str) -> None:
    """Start the process that carries out a run.

    :param project: What is fixed.
    :param run_id: The run.
    :raises SetupError: It is not known how the process would load the app.
    """
    arguments = app_arguments(project.settings.app)
    # What it prints is kept until it has ended, and shown if it fails before it can speak.
    output = tempfile.TemporaryFile()  # noqa: SIM115 (closed by the thread that waits)
    process = subprocess.Popen(
        [sys.executable, "-m", "flask", *arguments, *COMMAND, run_id],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=_environment(),
        # Out of the server's process group: signals to that must not reach a migration.
        start_new_session=True,
    )
    threading.Thread(
        target=_wait, args=(project, run_id, process, output), name=f"run {run_id}", daemon=True
    ).start()


def _environment() -> dict[str, str]:
    environment = dict(os.environ)
    # The app may have been found by a path that only this process has.
    environment["PYTHONPATH"] = os.pathsep.join(path or os.getcwd() for path in sys.path)
    # The reloader's child would take its parent's socket.
    environment.pop("WERKZEUG_RUN_MAIN", None)
    environment.pop("WERKZEUG_SERVER_FD", None)
    return environment


def _wait(
    project: Project, run_id: str, process: subprocess.Popen[bytes], output: t.IO[bytes]
) -> None:
    """Reap the process, and record its last words if it ended without a verdict."""
    with output:
        status = process.wait()
        output.seek(0, os.SEEK_END)
        output.seek(max(0, output.tell() - _MOST_OUTPUT))
        said = output.read().decode(errors="replace").strip()

    try:
        _write_end(project, run_id, status, said)
    except (sa.exc.SQLAlchemyError, OSError) as error:
        # The server has other work than to die of that.
        _logger.error(
            "The process of run %s ended with status %s, which could not be recorded: %s",
            run_id,
            status,
            type(error).__name__,
        )


def _write_end(project: Project, run_id: str, status: int, said: str) -> None:
    record = project.ledger.run(run_id)

    if record is None or not record.active:
        return

    # What the process sent last may still be carried out.
    while session_lives(project, record):
        time.sleep(_PAUSE)

    urls = [database.engine.url for database in project.databases.values()]
    project.ledger.finish(
        run_id,
        RunStatus.FAILED if record.started is None else RunStatus.LOST,
        heads_after=None,
        error_class="ProcessEnded",
        error=redact(f"The run's process ended with status {status} and no verdict.\n{said}", urls),
    )
