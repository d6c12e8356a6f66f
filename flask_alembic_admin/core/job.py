"""Carrying out a plan that is kept in the ledger, with a line there before and after each step."""

from __future__ import annotations

import collections.abc as c
import contextlib
import importlib.metadata
import os
import platform
import socket
import threading
import traceback
import typing as t

import sqlalchemy as sa

from ..errors import MigrationError
from ..errors import RunFailed
from .ledger import Ledger
from .ledger import RunStatus
from .migrator import Migrator
from .plan import Plan
from .plan import replan
from .redact import redact
from .results import step_message
from .results import step_revision

if t.TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep

#: Seconds between two signs of life of a run.
HEARTBEAT = 5.0


def run_job(migrator: Migrator, ledger: Ledger, run_id: str) -> bool:
    """Carry out a queued run and record how it went.

    Nothing is run unless the plan still fits. The verdict is what the database holds afterwards.

    :param migrator: The verbs.
    :param ledger: Where the run is recorded.
    :param run_id: The run.
    :return: Whether it succeeded.
    """
    record = ledger.run(run_id)

    if record is None or not ledger.claim(
        run_id, host=socket.gethostname(), pid=os.getpid(), versions=_versions(), session=None
    ):
        return False

    plan = Plan.from_values(record.plan)
    watcher = _LedgerWatcher(ledger, run_id)

    try:
        with _heartbeat(ledger, run_id):
            plan.refuse_if_moved(replan(migrator, plan))
            verb = migrator.upgrade if plan.action == "upgrade" else migrator.downgrade
            results = verb(plan.target, database=plan.database, watcher=watcher)
    except (Exception, SystemExit) as error:
        urls = [database.engine.url for database in migrator.project.databases.values()]
        cause = error.__cause__ if isinstance(error, RunFailed) and error.__cause__ else error
        text = str(error) if isinstance(error, MigrationError) else traceback.format_exc()
        text = redact(text, urls)
        watcher.failed(text)
        ledger.finish(
            run_id,
            RunStatus.FAILED,
            heads_after=error.heads if isinstance(error, RunFailed) else None,
            error_class=type(cause).__name__,
            error=text,
        )
        return False

    ledger.finish(run_id, RunStatus.SUCCEEDED, heads_after=results[0].after)
    return True


@contextlib.contextmanager
def _heartbeat(ledger: Ledger, run_id: str) -> c.Iterator[None]:
    """Note every few seconds that a run is alive, on a connection of its own."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(HEARTBEAT):
            # One that is missed is no reason to stop a migration.
            with contextlib.suppress(sa.exc.SQLAlchemyError):
                ledger.heartbeat(run_id)

    thread = threading.Thread(target=beat, name=f"heartbeat {run_id}", daemon=True)
    thread.start()

    try:
        yield
    finally:
        ended.set()
        thread.join()


class _LedgerWatcher:
    """Writes to the ledger what happens in a run."""

    def __init__(self, ledger: Ledger, run_id: str) -> None:
        self._ledger = ledger
        self._run_id = run_id
        self._position = 0
        self._in_step = False

    def run_started(self, database: str, steps: c.Sequence[RevisionStep]) -> None:
        self._ledger.log(self._run_id, "info", "run", f"{len(steps)} steps on {database}")

    def step_started(self, database: str, position: int, step: RevisionStep) -> None:
        self._position = position
        self._in_step = True
        self._ledger.step_started(self._run_id, position)
        line = f"step {position}: {step_revision(step)} {step_message(step)}"
        self._ledger.log(self._run_id, "info", "run", line)

    def step_done(self, database: str, position: int, step: RevisionStep) -> None:
        self._in_step = False
        self._ledger.step_done(self._run_id, position)

    def failed(self, error: str) -> None:
        """Note that the step at work, if there is one, has failed."""
        if self._in_step:
            self._ledger.step_failed(self._run_id, self._position, error)


def _versions() -> dict[str, str]:
    names = ("alembic", "SQLAlchemy", "Flask-Alembic-Admin")
    versions = {"python": platform.python_version()}

    for name in names:
        # A source tree on the path is not installed and has no version.
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "unknown"

    return versions
