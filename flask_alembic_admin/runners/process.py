"""The default runner: a process of its own, which outlives the request and the server."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import typing as t

import sqlalchemy as sa

from ..core.condition import session_lives
from ..core.ledger.liveness import Undertaking
from ..core.ledger.patience import insist
from ..core.ledger.tables import RunStatus
from ..core.project import Project
from ..core.redact import redact
from ..core.runs.outcomes import finish_run
from ..errors import SetupError
from .app_target import app_arguments
from .app_target import interpreter

_logger = logging.getLogger(__name__)

#: The group and the command that the child is started with, for a run and for a check.
COMMAND = ("alembic-admin", "run-job")
CHECK_COMMAND = ("alembic-admin", "run-check")
_MOST_OUTPUT = 4_000
#: Seconds between two looks whether the database still works for a process that has ended.
_PAUSE = 0.5
#: Seconds for which the end of a process waits for a ledger whose server is away.
_PATIENCE = 60.0

#: Gets the project, what the process was there for, its number, its status and its last words.
_WriteEnd: t.TypeAlias = t.Callable[[Project, str, int, int, str], None]


def start_process(project: Project, run_id: str) -> None:
    """Start the process that carries out a run.

    :param project: What is fixed.
    :param run_id: The run.
    :raises SetupError: It is not known how the process would load the app.
    """
    wait, pid = _start(project, COMMAND, run_id, f"run {run_id}", _write_end)
    threading.Thread(target=wait, name=f"run {run_id}", daemon=True).start()

    # Nobody shall take it for lost while it loads an app that takes its time. Who waits for it
    # sees to its end in any case.
    with contextlib.suppress(sa.exc.SQLAlchemyError):
        project.ledger.expect(run_id, host=socket.gethostname(), pid=pid)


def start_check_process(project: Project, check_id: str) -> None:
    """Start the process that carries out a check.

    :param project: What is fixed.
    :param check_id: The check.
    :raises SetupError: It is not known how the process would load the app.
    """
    wait, _ = _start(project, CHECK_COMMAND, check_id, f"check {check_id}", _write_end_of_check)
    threading.Thread(target=wait, name=f"check {check_id}", daemon=True).start()


def wait_for_process(project: Project, run_id: str) -> None:
    """Carry out a run in a process of its own, and wait for its end.

    :param project: What is fixed.
    :param run_id: The run.
    :raises SetupError: It is not known how the process would load the app.
    """
    wait, _ = _start(project, COMMAND, run_id, f"run {run_id}", _write_end)
    wait()


def wait_for_check_process(project: Project, check_id: str) -> None:
    """Carry out a check in a process of its own, and wait for its end.

    :param project: What is fixed.
    :param check_id: The check.
    :raises SetupError: It is not known how the process would load the app.
    """
    wait, _ = _start(project, CHECK_COMMAND, check_id, f"check {check_id}", _write_end_of_check)
    wait()


def _start(
    project: Project, command: tuple[str, str], id_: str, name: str, write_end: _WriteEnd
) -> tuple[t.Callable[[], None], int]:
    """Start a process; return what waits for its end and records that, and its number."""
    arguments = app_arguments(project.settings.app)

    try:
        with contextlib.ExitStack() as unless_started:
            # What it prints is kept until it has ended, and shown if it fails before it can speak.
            output = unless_started.enter_context(tempfile.TemporaryFile())
            process = subprocess.Popen(
                [interpreter(), "-m", "flask", *arguments, *command, id_],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=_environment(),
                # Out of the server's process group: signals to that must not reach a migration.
                start_new_session=True,
            )
            # Whoever waits closes it.
            unless_started.pop_all()
    except OSError as error:
        raise SetupError(
            f"The process of {name} could not be started: {type(error).__name__}: {error}.",
            "See what this system lacks, such as memory, processes or a temporary folder, and "
            "plan again. The runner 'manual' needs none of it here.",
        ) from error

    def wait() -> None:
        status, said = _end_of(process, output)

        try:
            insist(
                lambda: write_end(project, id_, process.pid, status, said),
                project.ledger.engine,
                time.monotonic() + _PATIENCE,
            )
        except (sa.exc.SQLAlchemyError, OSError) as error:
            # The server has other work than to die of that.
            _logger.error(
                "The process of %s ended with status %s, which could not be recorded: %s",
                name,
                status,
                type(error).__name__,
            )

    return wait, process.pid


def _environment() -> dict[str, str]:
    environment = dict(os.environ)
    # The app may have been found by a path that only this process has.
    environment["PYTHONPATH"] = os.pathsep.join(path or os.getcwd() for path in sys.path)
    # The reloader's child would take its parent's socket.
    environment.pop("WERKZEUG_RUN_MAIN", None)
    environment.pop("WERKZEUG_SERVER_FD", None)
    return environment


def _end_of(process: subprocess.Popen[bytes], output: t.IO[bytes]) -> tuple[int, str]:
    """Reap a process, and return its status and its last words."""
    with output:
        status = process.wait()
        output.seek(0, os.SEEK_END)
        output.seek(max(0, output.tell() - _MOST_OUTPUT))
        return status, output.read().decode(errors="replace").strip()


def _write_end(project: Project, run_id: str, pid: int, status: int, said: str) -> None:
    """Record the end of a run's process, if it left no verdict."""
    record = project.ledger.run(run_id)

    if record is None or not record.active:
        return

    if _is_anothers(record, pid):
        return

    # What the process sent last may still be carried out.
    while session_lives(project, record):
        time.sleep(_PAUSE)

    finish_run(
        project,
        run_id,
        RunStatus.FAILED if record.started is None else RunStatus.LOST,
        heads_after=None,
        error_class="ProcessEnded",
        error=redact(
            f"The run's process ended with status {status} and no verdict.\n{said}", project.urls
        ),
        # Another process may be about to claim it.
        seen=record if record.started is None else None,
    )


def _is_anothers(record: Undertaking, pid: int) -> bool:
    """Return whether another process is at it, which somebody has started and which was first."""
    return record.started is not None and (record.host, record.pid) != (socket.gethostname(), pid)


def _write_end_of_check(project: Project, check_id: str, pid: int, status: int, said: str) -> None:
    """Record the end of a check's process, if it left no result."""
    record = project.ledger.check(check_id)

    if record is not None and record.active and not _is_anothers(record, pid):
        text = f"The process of the check ended with status {status} and no result.\n{said}"
        project.ledger.finish_check(
            check_id,
            RunStatus.FAILED if record.started is None else RunStatus.LOST,
            error=redact(text, project.urls),
        )
