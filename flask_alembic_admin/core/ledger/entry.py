"""What stands in the ledger of a run that goes through: its beginning and what became of it."""

from __future__ import annotations

import collections.abc as c
import contextlib
import dataclasses
import logging
import os
import socket
import time
import traceback

import sqlalchemy as sa

from ...errors import Interrupted
from ...errors import LedgerUnavailable
from ...errors import Locked
from ...errors import MigrationError
from ...errors import PlanMoved
from ...errors import RunCancelled
from ...errors import RunFailed
from ...errors import SetupError
from ..databases.version_table import read_heads
from ..locks import Holder
from ..plans.plan import Plan
from ..project import Project
from ..redact import redact
from ..results import Action
from ..results import RunResult
from ..runs.announcer import Announcer
from ..runs.options import RunOptions
from ..surroundings import versions
from . import patience
from .patience import insist
from .tables import RunStatus
from .tables import Verdict

_logger = logging.getLogger(__name__)


class LedgerEntry:
    """Writes down that a run begins, and once what became of it.

    :param project: What is fixed.
    :param run_id: The run.
    :param database: The database's name.
    :param action: What it does.
    :param target: Where it goes, for the record.
    :param options: How it is carried out.
    :param announcer: Told what became of it, to tell others.
    """

    def __init__(
        self,
        project: Project,
        run_id: str,
        database: str,
        action: Action,
        target: str,
        options: RunOptions,
        announcer: Announcer,
    ) -> None:
        self._project = project
        self._ledger = project.ledger
        self._id = run_id
        self._database = project.databases[database]
        self._action = action
        self._target = target
        self._options = options
        self._announcer = announcer
        #: Whether the run stood in the ledger before it was carried out.
        self._was_queued = options.run_id is not None
        #: Tells the ledger what it has missed of the run.
        self.tell_rest: c.Callable[[], object] = lambda: None
        self._begun = False
        #: Whether it is written down what became of it.
        self._told = False

    def begin(self, plan: Plan, connection: sa.Connection, session: str | None) -> None:
        """Write down that the run begins.

        :param plan: What will be run.
        :param connection: The one that migrates.
        :param session: The id of its session.
        :raises LedgerUnavailable: It cannot be recorded.
        """
        known_versions = versions(connection)

        with self.needed():
            if self._was_queued:
                self._connect(session, known_versions)
            else:
                self._insert(plan, session, known_versions)

        self._begun = True
        self._announcer.begun(plan, connection)

    @contextlib.contextmanager
    def needed(self) -> c.Iterator[None]:
        """Begin no run where the ledger cannot be read or written.

        :raises LedgerUnavailable: It cannot.
        """
        try:
            yield
        except (sa.exc.SQLAlchemyError, SetupError, OSError) as error:
            described = f"{self._database.describe_error(error)}."
            reason = error.message if isinstance(error, SetupError) else described
            raise LedgerUnavailable(
                f"The run of database '{self._database.name}' cannot be recorded, so nothing was "
                f"run: {reason}",
                "See that the database of the ledger works, or name another one in "
                "ALEMBIC_ADMIN['ledger'].",
            ) from error

    def described(self, holder: Holder) -> Holder:
        """Return whoever holds the lock of the database with what the ledger knows of them.

        :param holder: As the lock knows them; a server knows a session and nobody behind it.
        """
        with contextlib.suppress(sa.exc.SQLAlchemyError):
            active = None if holder.actor else self._ledger.active(self._database.name)

            if active and (active.id == holder.run or _is_session(active.session, holder.session)):
                return dataclasses.replace(
                    holder,
                    actor=active.actor,
                    host=active.host,
                    pid=active.pid,
                    run=active.id,
                    since=active.started,
                )

        return holder

    def succeed(self, result: RunResult) -> None:
        """Write down that the run has succeeded.

        :param result: What it did.
        """
        if self._told:
            return

        self._told = True

        if self._begun:
            self._write_verdict(RunStatus.SUCCEEDED, result.after)

    def fail(self, error: BaseException) -> None:
        """Write down why the run was refused or has ended early, unless that is written already.

        :param error: What ended it.
        """
        if self._told:
            return

        self._told = True
        is_refusal = isinstance(error, Locked | PlanMoved | Interrupted)

        if self._begun or self._was_queued:
            if is_refusal:
                self._announcer.refused(self._id, self._text(error) or "", _class_name(error))

            heads = error.heads if isinstance(error, RunFailed | RunCancelled) else None
            if isinstance(error, RunCancelled):
                self._write_verdict(RunStatus.CANCELLED, heads, error)
            else:
                self._write_verdict(RunStatus.FAILED, heads, error)
        elif is_refusal:
            self._write_refusal(error)

    def _insert(self, plan: Plan, session: str | None, known_versions: dict[str, str]) -> None:
        self._ledger.begin(
            run_id=self._id,
            database=plan.database,
            action=plan.action,
            target=plan.target,
            heads_before=plan.heads,
            plan=plan.to_values(),
            plan_hash=plan.digest,
            steps=plan.steps,
            actor=self._options.asked_by,
            reason=self._options.reason,
            runner=self._options.runner,
            host=socket.gethostname(),
            pid=os.getpid(),
            session=session,
            versions=known_versions,
        )

    def _connect(self, session: str | None, known_versions: dict[str, str]) -> None:
        if not self._ledger.connected(self._id, session=session, versions=known_versions):
            raise LedgerUnavailable(
                f"Run {self._id} is not running any more in the record, so nothing was run: "
                "somebody has given it up, or the record was deleted.",
                "Plan again.",
            )

    def _heads(self) -> tuple[str, ...] | None:
        """Return what the version table holds, or None where nobody can read it."""
        with contextlib.suppress(MigrationError, sa.exc.SQLAlchemyError):
            return read_heads(self._database, self._project.options(self._database.name))

        return None

    def _write_refusal(self, error: BaseException) -> None:
        reason = self._text(error) or ""
        run_id = None

        # Nothing was run, and a ledger that does not answer is no reason to say anything else.
        with contextlib.suppress(MigrationError, sa.exc.SQLAlchemyError, OSError):
            run_id = self._ledger.refuse(
                database=self._database.name,
                action=self._action,
                target=self._target,
                actor=self._options.asked_by,
                address=None,
                reason=reason,
            )

        self._announcer.refused(run_id, reason, _class_name(error))

    def _write_verdict(
        self,
        status: Verdict,
        heads: tuple[str, ...] | None,
        error: BaseException | None = None,
    ) -> None:
        error_class, text = _class_name(error), self._text(error)
        end = time.monotonic() + patience.PATIENCE

        # What the ledger has missed says which step is in doubt, so it comes before the verdict.
        with contextlib.suppress(Exception):
            insist(self.tell_rest, self._ledger.engine, end)

        heads = self._heads() if heads is None else heads

        try:
            if not insist(
                lambda: self._ledger.finish(
                    self._id, status, heads_after=heads, error_class=error_class, error=text
                ),
                self._ledger.engine,
                end,
            ):
                # Somebody has given it up before, and has told so.
                return
        except Exception as failure:
            # What happened to the database is true whether it can be written down or not.
            _logger.error(
                "Run %s has %s, which could not be recorded: %s",
                self._id,
                status,
                self._database.describe_error(failure),
            )

        self._announcer.finished(status, heads, error_class, text)

    def _text(self, error: BaseException | None) -> str | None:
        if error is None:
            return None

        known = isinstance(error, MigrationError)
        return self._redacted(str(error) if known else "".join(traceback.format_exception(error)))

    def _redacted(self, text: str) -> str:
        return redact(text, self._project.urls)


def _is_session(recorded: str | None, seen: str | None) -> bool:
    """Return whether a session of the record is one that a lock names by its number alone."""
    return bool(recorded and seen) and str(recorded).partition("@")[0] == seen


def _class_name(error: BaseException | None) -> str | None:
    if error is None:
        return None

    cause = error.__cause__ if isinstance(error, RunFailed) else None
    original = getattr(cause, "orig", None) or cause or error
    return type(original).__name__
