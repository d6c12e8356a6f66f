"""Carrying out a check that waits in the ledger."""

from __future__ import annotations

import collections.abc as c
import contextlib
import os
import socket
import threading

import sqlalchemy as sa

from ..ledger.ledger import Ledger
from ..ledger.tables import RunStatus
from ..migrator import Migrator
from ..redact import redact

# Imported for their effect: each carries out a kind of check.
from ..rehearsal.check import rehearse_kept_plan as rehearse_kept_plan
from ..verification.check import verify_database as verify_database
from .kinds import WORK

#: Seconds between two signs of life.
HEARTBEAT = 5.0


def run_check(migrator: Migrator, check_id: str) -> bool:
    """Carry out a queued check, and write down what it has found or why it could not.

    :param migrator: The verbs.
    :param check_id: The check.
    :return: Whether this caller was the one to carry it out.
    :raises MigrationError: It could not be carried out.
    """
    ledger = migrator.project.ledger
    claimed = ledger.claim_check(check_id, host=socket.gethostname(), pid=os.getpid())
    record = ledger.check(check_id) if claimed else None

    if record is None:
        return False

    try:
        with _beating(ledger, check_id):
            content = WORK[record.kind](migrator, record)
    except BaseException as error:
        told_to_end = isinstance(error, SystemExit | KeyboardInterrupt)
        text = "Its process was told to end." if told_to_end else str(error) or repr(error)

        # The error goes on its way in any case.
        with contextlib.suppress(sa.exc.SQLAlchemyError):
            ledger.finish_check(
                check_id, RunStatus.FAILED, error=redact(text, migrator.project.urls)
            )
        raise

    ledger.finish_check(check_id, RunStatus.SUCCEEDED, content=content)
    return True


@contextlib.contextmanager
def _beating(ledger: Ledger, check_id: str) -> c.Iterator[None]:
    """Give signs of life while the block lasts."""
    ended, process = threading.Event(), os.getpid()

    def beat() -> None:
        while not ended.wait(HEARTBEAT):
            # One that is missed is no reason to give up.
            with contextlib.suppress(sa.exc.SQLAlchemyError):
                ledger.beat_check(check_id)

    thread = threading.Thread(target=beat, name=f"check {check_id}", daemon=True)
    thread.start()

    try:
        yield
    finally:
        # A child that a migration forked has no such thread.
        if os.getpid() == process:
            ended.set()
            thread.join()
