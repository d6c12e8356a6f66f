"""Carrying out a plan that is kept in the ledger, with a line there before and after each step."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import socket
import traceback
import typing as t

from ..errors import MigrationError
from ..errors import RunFailed
from .ledger import Ledger
from .ledger import RunStatus
from .migrator import Migrator
from .plan import Plan
from .plan import replan
from .recording import Recording
from .redact import redact

if t.TYPE_CHECKING:
    pass


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
    urls = [database.engine.url for database in migrator.project.databases.values()]

    failure: BaseException | None = None

    with Recording(ledger, run_id, urls) as recording:
        try:
            plan.refuse_if_moved(replan(migrator, plan))
            verb = migrator.upgrade if plan.action == "upgrade" else migrator.downgrade
            results = verb(plan.target, database=plan.database, watcher=recording)
        except (Exception, SystemExit) as error:
            failure = error
            recording.failed(str(error))

    if failure is None:
        ledger.finish(run_id, RunStatus.SUCCEEDED, heads_after=results[0].after)
        return True

    known = isinstance(failure, MigrationError)
    text = str(failure) if known else "".join(traceback.format_exception(failure))
    cause = failure.__cause__ if isinstance(failure, RunFailed) and failure.__cause__ else failure
    ledger.finish(
        run_id,
        RunStatus.FAILED,
        heads_after=failure.heads if isinstance(failure, RunFailed) else None,
        error_class=type(cause).__name__,
        error=redact(text, urls),
    )
    return False


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
