"""What has become of a run that nobody hears of, and whether a database is in doubt after it."""

from __future__ import annotations

import collections.abc as c
import contextlib
import datetime
import os
import socket

import sqlalchemy as sa

from ..errors import Interrupted
from ..errors import MigrationError
from .ledger import Ledger
from .ledger import RunRecord
from .ledger import RunStatus
from .ledger import StepStatus
from .project import Project
from .servers import server_of

#: Seconds without a sign of life after which somebody looks whether a run is still there.
SILENCE = 30.0


def is_lost(project: Project, record: RunRecord) -> bool:
    """Return whether a run that should be going on is not: no sign of life, process or session.

    Nothing is written.

    :param project: What is fixed.
    :param record: The run.
    """
    if not record.active or not _is_silent(record):
        return False

    # Nobody starts it but a person.
    if record.status == RunStatus.QUEUED and record.runner == "manual":
        return False

    return not _process_lives(record) and not session_lives(project, record)


def seen_as(project: Project, record: RunRecord) -> RunStatus:
    """Return where a run stands as far as can be seen now, which the ledger may not know yet.

    Nothing is written.

    :param project: What is fixed.
    :param record: The run.
    """
    return RunStatus.LOST if is_lost(project, record) else record.status


def is_orphaned(project: Project, record: RunRecord) -> bool:
    """Return whether the process of a run is gone while the database still works for it.

    :param project: What is fixed.
    :param record: The run.
    """
    return (
        record.active
        and _is_silent(record)
        and not _process_lives(record)
        and session_lives(project, record)
    )


def session_lives(project: Project, record: RunRecord) -> bool:
    """Return whether the database still works for a run, whatever has become of its process.

    :param project: What is fixed.
    :param record: The run.
    """
    database = project.databases.get(record.database)

    if database is None or not record.session:
        return False

    try:
        with database.connect() as connection:
            return server_of(connection).session(connection, record.session) is not None
    except (MigrationError, sa.exc.SQLAlchemyError):
        # A server that does not answer may still be at work.
        return True


def mark_lost(project: Project, database: str) -> None:
    """Give runs of a database their verdict that ended without one.

    :param project: What is fixed.
    :param database: The database's name.
    """
    record = project.ledger.active(database)

    if record is not None and is_lost(project, record):
        project.ledger.finish(
            record.id,
            RunStatus.LOST,
            heads_after=None,
            error_class="Lost",
            error=f"Its process ({record.host}, {record.pid}) ended without a verdict. "
            "The last sign of life was at "
            f"{record.heartbeat:%Y-%m-%d %H:%M:%S} UTC."
            if record.heartbeat
            else "Its process never began.",
        )


def interrupted_run(
    project: Project, database: str, heads: c.Iterable[str], *, besides: str | None = None
) -> RunRecord | None:
    """Return the run that left a database in doubt, if there is one that nobody has examined.

    A server that rolls schema changes back leaves no doubt. Where somebody has moved the version
    on since, they have looked.

    :param project: What is fixed.
    :param database: The database's name.
    :param heads: What its version table holds now.
    :param besides: The id of a run that does not count.
    """
    if project.databases[database].rolls_back_ddl:
        return None

    record = _last_run(project.ledger, database, besides)

    if record is None or record.examined_at is not None:
        return None

    ended_badly = record.status in {RunStatus.FAILED, RunStatus.LOST} or is_lost(project, record)

    if not ended_badly or not _in_doubt(project.ledger, record):
        return None

    moved_since = record.heads_after is not None and set(record.heads_after) != set(heads)
    return None if moved_since else record


def refuse_if_interrupted(
    project: Project, database: str, heads: c.Iterable[str], *, besides: str | None = None
) -> None:
    """Refuse to run on a database that an earlier run left in doubt.

    Whoever calls it holds the lock of the database.

    :param project: What is fixed.
    :param database: The database's name.
    :param heads: What its version table holds now.
    :param besides: The id of the run that asks.
    :raises Interrupted: With the run and the step in doubt.
    """
    # A ledger that cannot be read is found out when the run is to be recorded.
    with contextlib.suppress(sa.exc.SQLAlchemyError):
        record = interrupted_run(project, database, heads, besides=besides)

        if record is not None:
            doubtful = [
                step
                for step in project.ledger.steps(record.id)
                if step.status in {StepStatus.RUNNING, StepStatus.FAILED}
            ]
            raise Interrupted(
                database, record.id, ", ".join(step.revision for step in doubtful) or "its step"
            )


def _last_run(ledger: Ledger, database: str, besides: str | None) -> RunRecord | None:
    return next(
        (
            record
            for record in ledger.runs(database, limit=10)
            if record.id != besides
            and record.status not in {RunStatus.REFUSED, RunStatus.PLANNED, RunStatus.QUEUED}
        ),
        None,
    )


def _in_doubt(ledger: Ledger, record: RunRecord) -> bool:
    """Return whether a step was begun and may be half done."""
    return any(
        step.status == StepStatus.RUNNING or (step.status == StepStatus.FAILED and step.statements)
        for step in ledger.steps(record.id)
    )


def _is_silent(record: RunRecord) -> bool:
    last = record.heartbeat or record.requested
    return (datetime.datetime.now(datetime.UTC) - last).total_seconds() > SILENCE


def _process_lives(record: RunRecord) -> bool:
    """Return whether the process of a run is there, as far as this host can know."""
    if record.host != socket.gethostname() or record.pid is None:
        return False

    try:
        os.kill(record.pid, 0)
        began = os.stat(f"/proc/{record.pid}").st_ctime
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    except FileNotFoundError:
        # No /proc on this system: the number alone has to do.
        return True

    # A process that is younger than the run has got its number since.
    return record.started is None or began <= record.started.timestamp() + 2
