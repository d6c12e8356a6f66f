"""Verifications in the ledger: asked for in the panel, or kept by whoever has carried one out."""

from __future__ import annotations

import os
import socket
import typing as t

from ..checks.asking import queue_check
from ..checks.kinds import carries_out
from ..ledger.checks import CheckRecord
from ..ledger.tables import RunStatus
from ..migrator import Migrator
from ..project import Project
from .result import Verification
from .verifying import verify_revisions


@carries_out("verification")
def verify_database(migrator: Migrator, record: CheckRecord) -> t.Any:
    """Verify the revisions of the database that a check is about.

    :param migrator: The verbs.
    :param record: The check.
    """
    return verify_revisions(migrator, record.database).to_values()


def keep_verification(project: Project, found: Verification, actor: str) -> bool:
    """Keep in the ledger what a verification has found, for the panel to show.

    :param project: What is fixed.
    :param found: What was found.
    :param actor: Who had it carried out.
    :return: Whether it is kept; it is not while another one of the database goes on.
    """
    check_id = queue_check(project, "verification", found.database, actor=actor)

    if check_id is None:
        return False

    ledger = project.ledger
    ledger.claim_check(check_id, host=socket.gethostname(), pid=os.getpid())
    return ledger.finish_check(check_id, RunStatus.SUCCEEDED, content=found.to_values())
