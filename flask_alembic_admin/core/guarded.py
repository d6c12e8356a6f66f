"""A guarded run of one database: locked, recorded, watched, and its verdict written down.

Everything that changes a database goes through here: code, command line and panel.
"""

from __future__ import annotations

import collections.abc as c
import contextlib
import dataclasses
import logging
import os
import socket
import traceback
import typing as t
import uuid

import sqlalchemy as sa

from ..errors import Interrupted
from ..errors import LedgerUnavailable
from ..errors import Locked
from ..errors import MigrationError
from ..errors import PlanMoved
from ..errors import RunCancelled
from ..errors import RunFailed
from ..errors import SetupError
from ..errors import TargetError
from .alembic_objects import AlembicObjects
from .condition import refuse_if_interrupted
from .forks import forks_kept_off
from .ledger import RunStatus
from .ledger import Verdict
from .locks import lock_for
from .locks import Owner
from .plan import Plan
from .recording import Recording
from .redact import redact
from .results import Action
from .results import RunResult
from .results import Watcher
from .run import Run
from .servers import server_of
from .servers import Timeouts
from .signals import sigterm_asks
from .surroundings import operating_system_user
from .surroundings import versions
from .version_table import read_heads

if t.TYPE_CHECKING:
    from .internals import StepFunction
    from .locks import Holder

_logger = logging.getLogger(__name__)

#: Seconds to wait before each new try of a step that got no lock in time and was rolled back.
PAUSES = (1.0, 2.0, 4.0)


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """How a run is carried out, and for whom.

    :param actor: Who asked for it; the operating-system user at this host if None.
    :param reason: Why, for the record.
    :param wait: Seconds to wait for the lock of the database; 0 refuses at once.
    :param timeouts: How long its session waits for locks and statements; as the settings say if
        None.
    :param runner: How it was started, for the record.
    :param run_id: Its id in the ledger, where it was queued there before.
    :param plan: What it must do exactly; None where it was never shown to anybody.
    :param watcher: Told about each step.
    """

    actor: str | None = None
    reason: str | None = None
    wait: float = 60.0
    timeouts: Timeouts | None = None
    runner: str = "code"
    run_id: str | None = None
    plan: Plan | None = None
    watcher: Watcher | None = None


class GuardedRun:
    """One run of one database with all that stands around its steps.

    :param objects: Alembic's objects for this use.
    :param name: The database's name.
    :param action: What it does.
    :param target: Where it goes, for the record.
    :param options: How it is carried out.
    """

    def __init__(
        self,
        objects: AlembicObjects,
        name: str,
        action: Action,
        target: str,
        options: RunOptions,
    ) -> None:
        self._objects = objects
        self._action = action
        self._target = target
        self._project = objects.project
        self._database = objects.project.databases[name]
        self._ledger = objects.project.ledger
        self._options = options
        self._server = server_of(self._database.engine)
        self.id = options.run_id or uuid.uuid4().hex
        self._session: str | None = None
        #: What tells the place of the database, known once the lock is held.
        self.fingerprint = ""
        urls = [database.engine.url for database in self._project.databases.values()]
        self._recording = Recording(self._ledger, self.id, urls, self._blockers)
        #: What is undone when the run has ended: the recording, once it has begun.
        self._around = contextlib.ExitStack()
        self._begun = False
        self._waited = False
        #: Whether it is written down what became of it.
        self._told = False

    @property
    def watcher(self) -> Watcher:
        """Whoever wants to know how the run goes on, the ledger first."""
        return _Both(self._recording, self._options.watcher)

    def should_stop(self) -> bool:
        """Return whether somebody asked the run to stop before its next step."""
        return self._recording.should_stop()

    def begin(self, plan: Plan, connection: sa.Connection) -> None:
        """Refuse what must not be run, or write down that it begins.

        :param plan: What would be run, found out under the lock.
        :param connection: The one that migrates.
        :raises PlanMoved: What was planned is not what would be run now.
        :raises Interrupted: An earlier run left the database in doubt.
        :raises LedgerUnavailable: The run cannot be recorded, so it does not begin.
        """
        if self._options.plan is not None:
            self._options.plan.refuse_if_moved(plan)

        refuse_if_interrupted(self._project, plan.database, plan.heads, besides=self.id)
        self._write_beginning(plan, connection)
        self._begun = True
        self._around.enter_context(self._recording)

    def carry_out(self, run: Run, run_migrations: c.Callable[[StepFunction], object]) -> RunResult:
        """Take the lock, run, and write down what became of it.

        :param run: The steps; it calls ``begin`` when it knows them.
        :param run_migrations: Runs the steps that a function gives.
        :raises Locked: Another run holds the lock.
        :raises RunFailed: A step failed, or its work is not in the database.
        :raises RunCancelled: Somebody asked it to stop, and it did before a step.
        """
        # Whatever it was, it is written down before it goes on its way.
        try:
            connection = self._connection()
            lock = lock_for(self._database, *self._version_table())
            owner = Owner(self._actor, socket.gethostname(), os.getpid(), self.id)

            with lock.hold(connection, owner, self._options.wait, self._waits):
                # And before the lock is free: who comes next has to know of it.
                try:
                    result = self._watched(connection, run, run_migrations)
                    lock.assert_held(connection)
                except TargetError as error:
                    if self._options.plan is None:
                        raise
                    moved = PlanMoved([f"Its target is not there any more: {error.message}"])
                    self._write_failure(moved)
                    raise moved from error
                except BaseException as error:
                    self._write_failure(error)
                    raise

                self._write_success(result)
                return result
        except BaseException as error:
            self._write_failure(error)
            raise

    def _watched(
        self,
        connection: sa.Connection,
        run: Run,
        run_migrations: c.Callable[[StepFunction], object],
    ) -> RunResult:
        timeouts = self._options.timeouts or self._project.settings.timeouts

        with self._around:
            self._session = self._server.session_id(connection)
            self.fingerprint = self._database.fingerprint(connection)
            self._server.set_timeouts(connection, timeouts)

            try:
                with (
                    self._signals(),
                    forks_kept_off(connection),
                    self._recording.listening(connection),
                ):
                    return self._try(run, run_migrations)
            except BaseException as error:
                self._recording.failed(str(error))
                raise
            finally:
                self._server.restore_timeouts(connection)

    @property
    def _actor(self) -> str:
        return self._options.actor or operating_system_user()

    def _connection(self) -> sa.Connection:
        # Else what its own migration has open would be committed.
        self._objects.refuse_at_work(self._database.name)
        connection = self._objects.context(self._database.name).connection
        assert connection is not None

        # What is open there is somebody's own work, which the first step would commit anyway.
        if connection.in_transaction():
            connection.commit()

        return connection

    def _version_table(self) -> tuple[str, str | None]:
        options = self._project.context_options
        return (
            options.get("version_table", "alembic_version"),
            options.get("version_table_schema"),
        )

    def _waits(self, holder: Holder | None) -> None:
        if self._options.run_id is not None and not self._waited:
            self._waited = True
            who = f"run {holder.run}" if holder and holder.run else "another run"
            with contextlib.suppress(sa.exc.SQLAlchemyError):
                self._ledger.log(self.id, "info", "lock", f"waits for {who} to end")

    def _write_beginning(self, plan: Plan, connection: sa.Connection) -> None:
        known_versions = versions(connection)

        try:
            if self._options.run_id is not None:
                self._write_connected(known_versions)
                return

            self._ledger.begin(
                run_id=self.id,
                database=plan.database,
                action=plan.action,
                target=plan.target,
                heads_before=plan.heads,
                plan=plan.to_values(),
                plan_hash=plan.digest,
                steps=plan.steps,
                actor=self._actor,
                reason=self._options.reason,
                runner=self._options.runner,
                host=socket.gethostname(),
                pid=os.getpid(),
                session=self._session,
                versions=known_versions,
            )
        except (sa.exc.SQLAlchemyError, SetupError, OSError) as error:
            described = f"{self._database.describe_error(error)}."
            reason = error.message if isinstance(error, SetupError) else described
            raise LedgerUnavailable(
                f"The run of database '{plan.database}' cannot be recorded, so nothing was run: "
                f"{reason}",
                "See that the database of the ledger works, or name another one in "
                "ALEMBIC_ADMIN['ledger'].",
            ) from error

    def _write_connected(self, known_versions: dict[str, str]) -> None:
        if not self._ledger.connected(self.id, session=self._session, versions=known_versions):
            raise LedgerUnavailable(
                f"Run {self.id} is not running any more in the record, so nothing was run: "
                "somebody has given it up, or the record was deleted.",
                "Plan again.",
            )

    def _try(self, run: Run, run_migrations: c.Callable[[StepFunction], object]) -> RunResult:
        """Run, and try a step again that got no lock in time and left no trace."""
        for pause in PAUSES:
            try:
                return run.carry_out(run_migrations)
            except RunFailed as error:
                cause = error.__cause__
                got_no_lock = cause is not None and self._server.is_lock_timeout(cause)

                # Half of a CREATE INDEX CONCURRENTLY stays; trying that again would fail for good.
                stays = self._recording.leaves_traces or not self._database.rolls_back_ddl

                if not got_no_lock or stays:
                    raise

                self._recording.log("warning", "lock", f"{error} It is tried again in {pause:g} s.")

                if self._recording.cancel_requested.wait(pause):
                    raise

        return run.carry_out(run_migrations)

    def _write_success(self, result: RunResult) -> None:
        self._told = True

        if self._begun:
            self._write_verdict(RunStatus.SUCCEEDED, result.after)

    def _write_failure(self, error: BaseException) -> None:
        if self._told:
            return

        self._told = True

        if self._begun or self._options.run_id is not None:
            heads = error.heads if isinstance(error, RunFailed | RunCancelled) else self._heads()
            if isinstance(error, RunCancelled):
                self._write_verdict(RunStatus.CANCELLED, heads, error)
            else:
                self._write_verdict(RunStatus.FAILED, heads, error)
        elif isinstance(error, Locked | PlanMoved | Interrupted):
            self._write_refusal(error)

    def _heads(self) -> tuple[str, ...] | None:
        """Return what the version table holds, or None where nobody can read it."""
        with contextlib.suppress(MigrationError, sa.exc.SQLAlchemyError):
            return read_heads(self._database, self._project.context_options)

        return None

    def _write_refusal(self, error: MigrationError) -> None:
        # Nothing was run, and a ledger that does not answer is no reason to say anything else.
        with contextlib.suppress(MigrationError, sa.exc.SQLAlchemyError, OSError):
            self._ledger.refuse(
                database=self._database.name,
                action=self._action,
                target=self._target,
                actor=self._actor,
                address=None,
                reason=self._text(error) or "",
            )

    def _write_verdict(
        self,
        status: Verdict,
        heads: tuple[str, ...] | None,
        error: BaseException | None = None,
    ) -> None:
        try:
            self._ledger.finish(
                self.id,
                status,
                heads_after=heads,
                error_class=_class_name(error),
                error=self._text(error),
            )
        except sa.exc.SQLAlchemyError as failure:
            # What happened to the database is true whether it can be written down or not.
            _logger.error(
                "Run %s has %s, which could not be recorded: %s",
                self.id,
                status,
                self._database.describe_error(failure),
            )

    def _text(self, error: BaseException | None) -> str | None:
        if error is None:
            return None

        known = isinstance(error, MigrationError)
        text = str(error) if known else "".join(traceback.format_exception(error))
        return redact(text, [database.engine.url for database in self._project.databases.values()])

    def _blockers(self) -> list[str]:
        if self._session is None:
            return []

        with self._database.connect() as other:
            return [
                f"waits for session {blocker.session} of {blocker.user or 'somebody'}"
                f"{f' ({blocker.application})' if blocker.application else ''}"
                f"{'' if blocker.certain else ', perhaps'}: {blocker.statement or blocker.state}"
                for blocker in self._server.blockers(other, self._session)
            ]

    @contextlib.contextmanager
    def _signals(self) -> c.Iterator[None]:
        """In a process of its own: SIGTERM asks the run to stop, twice cancels its statement."""
        if self._options.runner != "process":
            yield
            return

        with sigterm_asks(self._stop, self._cancel_statement):
            yield

    def _stop(self) -> None:
        self._recording.log("warning", "signal", "It was told to end: it stops before a step.")
        self._recording.cancel_requested.set()

    def _cancel_statement(self) -> None:
        self._recording.log("warning", "signal", "It was told again: its statement is cancelled.")

        if self._session is not None:
            with (
                contextlib.suppress(MigrationError, sa.exc.SQLAlchemyError),
                self._database.connect() as other,
            ):
                self._server.cancel_statement(other, self._session)


class _Both:
    """Passes on to two watchers what one is told."""

    def __init__(self, first: Watcher, second: Watcher | None) -> None:
        self._watchers = [first, *([second] if second else [])]

    def run_started(self, database: str, steps: t.Any) -> None:
        for watcher in self._watchers:
            watcher.run_started(database, steps)

    def step_started(self, database: str, position: int, step: t.Any) -> None:
        for watcher in self._watchers:
            watcher.step_started(database, position, step)

    def step_done(self, database: str, position: int, step: t.Any) -> None:
        for watcher in self._watchers:
            watcher.step_done(database, position, step)


def _class_name(error: BaseException | None) -> str | None:
    if error is None:
        return None

    cause = error.__cause__ if isinstance(error, RunFailed) else None
    original = getattr(cause, "orig", None) or cause or error
    return type(original).__name__
