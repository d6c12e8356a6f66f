"""What has become of a run that nobody hears of, and whether a database is in doubt after it."""

from __future__ import annotations

import collections.abc as c
import socket

import sqlalchemy as sa

from ..errors import Interrupted
from ..errors import MigrationError
from .databases.version_table import version_place
from .ledger.ledger import Ledger
from .ledger.liveness import is_ahead
from .ledger.liveness import is_silent
from .ledger.liveness import process_lives
from .ledger.liveness import SILENCE
from .ledger.tables import RunRecord
from .ledger.tables import RunStatus
from .ledger.tables import StepRecord
from .ledger.tables import StepStatus
from .locks import lock_for
from .project import Project
from .runs.outcomes import finish_run
from .servers import server_of
from .settings import FILE_ACTIONS
from .settings import PATIENT_RUNNERS

#: Seconds that a process which was started elsewhere has to begin. Nobody here can look for it, and
#: the clocks of two hosts differ.
BEGINNING = 600.0
#: How many runs are looked at in one go for one that left its database in doubt.
PAGE = 20


def is_lost(project: Project, record: RunRecord) -> bool:
    """Return whether a run that should be going on is not: no sign of life, process or session.

    Nothing is written.

    :param project: What is fixed.
    :param record: The run.
    """
    if not record.active or not _is_unheard(record):
        return False

    # Nobody knows when a person or a worker starts it.
    if record.status == RunStatus.QUEUED and record.runner in PATIENT_RUNNERS:
        return False

    # Until it is connected only its own host can see whether it is there.
    if not record.versions and record.host not in {None, socket.gethostname()}:
        return _is_unheard(record, BEGINNING)

    return not process_lives(record) and not _works(project, record)


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
        and _is_unheard(record)
        and not process_lives(record)
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


def _is_unheard(record: RunRecord, seconds: float = SILENCE) -> bool:
    """Return whether the signs of life of a run are old, or of a clock that is ahead of this one's.

    A sign of the future would say for as long that the run is alive.
    """
    return is_silent(record, seconds) or is_ahead(record, seconds)


def _works(project: Project, record: RunRecord) -> bool:
    """Return whether the database works for a run, or is locked by it."""
    if record.session or not record.versions or record.database not in project.databases:
        return session_lives(project, record)

    # What has no sessions may have a lock that ends with its process, whatever its number is here.
    lock = lock_for(
        project.databases[record.database], *version_place(project.options(record.database))
    )

    if not lock.ends_with_holder:
        return False

    try:
        holder = lock.holder()
    except (MigrationError, sa.exc.SQLAlchemyError, OSError):
        return False

    return holder is not None and holder.run == record.id


def mark_lost(project: Project, database: str) -> None:
    """Give runs of a database their verdict that ended without one.

    :param project: What is fixed.
    :param database: The database's name.
    """
    record = project.ledger.active(database)

    if record is not None and is_lost(project, record):
        _give_up(project, record)


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
    record = run_in_doubt(project, database, heads, besides=besides)
    return record if record is not None and record.examined_at is None else None


def run_in_doubt(
    project: Project, database: str, heads: c.Iterable[str], *, besides: str | None = None
) -> RunRecord | None:
    """Return the run that left a database in doubt, whether somebody has examined it or not.

    :param project: What is fixed.
    :param database: The database's name.
    :param heads: What its version table holds now.
    :param besides: The id of a run that does not count.
    """
    if project.databases[database].rolls_back_ddl:
        return None

    for record in _runs(project.ledger, database, besides):
        steps = project.ledger.steps(record.id)

        # One that was refused before it began says nothing of those before it.
        if not _has_begun(record, steps):
            continue

        moved_since = record.heads_after is not None and set(record.heads_after) != set(heads)
        in_doubt = not moved_since and _in_doubt(project, record, steps, heads)
        return record if in_doubt else None

    return None


def step_in_doubt(project: Project, record: RunRecord, heads: c.Iterable[str]) -> StepRecord | None:
    """Return the step that a run which left its database in doubt had not come to the end of.

    :param project: What is fixed.
    :param record: The run.
    :param heads: What the version table of its database holds now.
    """
    return next(iter(_not_done(project.ledger.steps(record.id), heads)), None)


def refuse_if_interrupted(
    project: Project,
    database: str,
    heads: c.Iterable[str],
    *,
    besides: str | None = None,
    rest_of: str | None = None,
) -> None:
    """Refuse to run on a database that an earlier run left in doubt.

    Whoever calls it holds the lock of the database.

    :param project: What is fixed.
    :param database: The database's name.
    :param heads: What its version table holds now.
    :param besides: The id of the run that asks.
    :param rest_of: The id of the run that it brings to its end, which is no reason to refuse.
    :raises Interrupted: With the run and the step in doubt.
    :raises SQLAlchemyError: The ledger cannot be read, so that nobody knows.
    """
    # Those before it were looked at when it began.
    other = next(_runs(project.ledger, database, besides), None)

    # One that is not connected yet left nothing behind, and may be waiting for this lock.
    if other and other.versions and _has_ended(project, other) and not process_lives(other):
        _give_up(project, other)

    record = interrupted_run(project, database, heads, besides=besides)

    if record is not None and record.id != rest_of:
        doubtful = _not_done(project.ledger.steps(record.id), heads)[0]
        raise Interrupted(database, record.id, doubtful.revision, project.command)


def _give_up(project: Project, record: RunRecord) -> None:
    finish_run(
        project,
        record.id,
        RunStatus.LOST,
        heads_after=None,
        error_class="Lost",
        error=f"Its process ({record.host}, {record.pid}) ended without a verdict. "
        "The last sign of life was at "
        f"{record.heartbeat:%Y-%m-%d %H:%M:%S} UTC."
        if record.heartbeat
        else "Its process never began.",
        seen=record,
    )


def _runs(ledger: Ledger, database: str, besides: str | None) -> c.Iterator[RunRecord]:
    """Give the runs of a database, newest first, that are more than plans or wait for nothing."""
    before = None

    while found := ledger.runs(database, limit=PAGE, before=before):
        before = found[-1].id
        yield from (
            record
            for record in found
            if record.id != besides
            # One that writes a file says nothing of the database.
            and record.action not in FILE_ACTIONS
            and record.status not in {RunStatus.REFUSED, RunStatus.PLANNED, RunStatus.QUEUED}
        )


def _has_begun(record: RunRecord, steps: c.Iterable[StepRecord]) -> bool:
    """Return whether a run came as far as to its first step."""
    if record.status == RunStatus.SUCCEEDED:
        return True

    # The last fraction of a second before a kill is not in the ledger: what it is told when it is
    # connected has to do where no verdict was written.
    connected = record.status in {RunStatus.RUNNING, RunStatus.LOST} and bool(record.versions)
    return connected or any(step.status != StepStatus.WAITING for step in steps)


def _in_doubt(
    project: Project, record: RunRecord, steps: c.Sequence[StepRecord], heads: c.Iterable[str]
) -> bool:
    """Return whether a step of a run that has begun may be half done."""
    if record.status == RunStatus.FAILED:
        return any(
            step.status == StepStatus.RUNNING
            or (step.status == StepStatus.FAILED and step.statements)
            for step in steps
        ) or _leaves_a_rest(project, record, steps, heads)

    ended_without_verdict = record.status == RunStatus.LOST or (
        record.active and (is_lost(project, record) or _has_ended(project, record))
    )
    return ended_without_verdict and bool(_not_done(steps, heads))


def _leaves_a_rest(
    project: Project, record: RunRecord, steps: c.Sequence[StepRecord], heads: c.Iterable[str]
) -> bool:
    """Return whether a run was to finish what another had left half done, and has not."""
    not_done = _not_done(steps, heads)

    if not steps or not_done[:1] != [steps[0]]:
        return False

    whole = project.ledger.run(record.id)
    options = (whole.plan if whole else None) or {}
    return bool(options.get("options", {}).get("rest_of"))


def _not_done(steps: c.Sequence[StepRecord], heads: c.Iterable[str]) -> list[StepRecord]:
    """Return the steps that a run had not come to the end of.

    What it did last before it was killed may be missing in the ledger; the heads know better.
    """
    heads = set(heads)
    last = max(
        (
            step.position
            for step in steps
            if step.status == StepStatus.DONE
            or (step.direction != "downgrade" and step.revision in heads)
        ),
        default=0,
    )
    return [step for step in steps if step.position > last]


def _has_ended(project: Project, record: RunRecord) -> bool:
    """Return whether a running run can do nothing any more, silent or not."""
    if record.status != RunStatus.RUNNING:
        return False

    if record.session:
        return not session_lives(project, record)

    gone = record.host == socket.gethostname() and not process_lives(record)
    return gone and not _works(project, record)
