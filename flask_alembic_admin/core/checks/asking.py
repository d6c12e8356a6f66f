"""Asking for a check, and what has become of one."""

from __future__ import annotations

from ..ledger.checks import CheckKind
from ..ledger.checks import CheckRecord
from ..ledger.liveness import is_silent
from ..ledger.liveness import process_lives
from ..ledger.tables import RunStatus
from ..project import Project
from ..settings import PATIENT_RUNNERS


def queue_check(
    project: Project, kind: CheckKind, database: str, *, subject: str = "", actor: str | None
) -> str | None:
    """Write down that a check is asked for and return its id.

    One that was lost is given its verdict first, so that it is in nobody's way.

    :param project: What is fixed.
    :param kind: What is checked.
    :param database: The database's name.
    :param subject: What of it, such as a plan's id.
    :param actor: Who asked for it.
    :return: None where one of the same kind and database is queued or running.
    """
    ledger = project.ledger
    last = ledger.last_check(kind, database)

    if last is not None and check_seen_as(last) == RunStatus.LOST and last.active:
        ledger.finish_check(last.id, RunStatus.LOST, error=lost_sentence(last))

    return ledger.queue_check(
        kind=kind,
        database=database,
        subject=subject,
        actor=actor,
        runner=project.settings.runner,
    )


def check_seen_as(record: CheckRecord) -> RunStatus:
    """Return where a check stands as far as can be seen now, which the ledger may not know yet.

    Nothing is written.

    :param record: The check.
    """
    if not record.active or not is_silent(record):
        return record.status

    # Nobody knows when a person or a worker starts it.
    if record.status == RunStatus.QUEUED and record.runner in PATIENT_RUNNERS:
        return record.status

    return record.status if process_lives(record) else RunStatus.LOST


def lost_sentence(record: CheckRecord) -> str:
    """Return what is known of a check that was lost.

    :param record: The check.
    """
    if record.heartbeat is None:
        return "Its process never began."

    return (
        f"Its process ({record.host}, {record.pid}) ended without a result. "
        f"The last sign of life was at {record.heartbeat:%Y-%m-%d %H:%M:%S} UTC."
    )
