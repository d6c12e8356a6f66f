"""What is said of a run that has not come to its end."""

from __future__ import annotations

import sqlalchemy as sa

from ..core.migrator import Migrator
from ..errors import Interrupted
from ..errors import LedgerUnavailable
from ..errors import Locked
from ..errors import MigrationError
from ..errors import PlanMoved
from ..errors import PooledConnection
from ..errors import RunCancelled
from ..errors import RunFailed
from .output import count
from .output import listed
from .progress import Progress

#: Errors of a run that was not even begun.
_REFUSALS = (Interrupted, LedgerUnavailable, Locked, PlanMoved, PooledConnection)


def stopped(migrator: Migrator, name: str, progress: Progress, error: BaseException) -> str:
    """Return what is true of a database whose run has not come to its end.

    :param migrator: Knows where the database is.
    :param name: The database's name.
    :param progress: How far the run has come.
    :param error: What ended it.
    """
    database = migrator.project.databases[name]
    what = f"{_word(error)} at {progress.revision}" if progress.revision else _word(error)
    cure = ""

    if was_interrupted(error):
        if progress.revision and not database.rolls_back_ddl:
            cure = f"A part of {progress.revision} may be in place: look before you run it again."
    elif isinstance(error, MigrationError) and not isinstance(error, RunCancelled):
        cause = error.__cause__ if isinstance(error, RunFailed) else None
        reason = database.describe_error(cause) if cause else error.message
        what = f"{what}: {reason.rstrip('.')}"
        cure = error.cure

    try:
        where = f"now at {listed(migrator.current_ids(name))}"
    except (MigrationError, sa.exc.SQLAlchemyError):
        where = "where the database is now could not be read"

    done = f", {progress.done} of {count(range(progress.total))} done" if progress.total else ""
    return migrator.in_own_words(f"{what}; {where}{done}. {cure}".rstrip())


def was_interrupted(error: BaseException) -> bool:
    """Return whether somebody pressed Ctrl-C, however that came out in the end."""
    chain: BaseException | None = error

    while chain is not None and not isinstance(chain, KeyboardInterrupt):
        chain = chain.__cause__ or chain.__context__

    return chain is not None


def _word(error: BaseException) -> str:
    if was_interrupted(error):
        return "interrupted"
    if isinstance(error, RunCancelled):
        return "cancelled"

    return "refused" if isinstance(error, _REFUSALS) else "failed"
