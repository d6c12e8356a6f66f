"""A guarded run of one database: locked, recorded, watched, and its verdict written down.

Everything that changes a database goes through here: code, command line and panel.
"""

from __future__ import annotations

import collections.abc as c
import contextlib
import functools
import typing as t
import uuid

import sqlalchemy as sa

from ...errors import MigrationError
from ...errors import PlanMoved
from ...errors import RunCancelled
from ...errors import TargetError
from ..alembic_objects import AlembicObjects
from ..condition import refuse_if_interrupted
from ..databases.version_table import look_at
from ..databases.version_table import version_place
from ..env_py.migration import beside
from ..env_py.migration import Reached
from ..ledger.entry import LedgerEntry
from ..ledger.recording import Recording
from ..ledger.tables import RunStatus
from ..locks import lock_for
from ..locks import Owner
from ..plans.plan import Plan
from ..redact import redactor
from ..results import Action
from ..results import RunResult
from ..results import Watcher
from ..servers import server_of
from ..tracebacks import traceback_of
from .announcer import Announcer
from .events import is_heard
from .events import run_started
from .forks import forks_kept_off
from .hooks import HookCalls
from .hooks import RunFacts
from .onlooker import Onlooker
from .options import RunOptions
from .retrying import Retrying
from .run import Run
from .stopping import Stopping
from .watchers import Watchers

if t.TYPE_CHECKING:
    from ..internals import StepFunction
    from ..locks import DatabaseLock
    from ..locks import Holder


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
        self._project = objects.project
        self._name = name
        self._database = objects.project.databases[name]
        self._options = options
        self._server = server_of(self._database.engine)
        self.id = options.run_id or uuid.uuid4().hex
        #: What is closed when all is written down. To connect may take longer than all it writes.
        self._kept = contextlib.ExitStack()
        ledger = self._kept.enter_context(self._project.ledger.kept_open())
        #: The project with one connection to its ledger.
        self._recorded = self._project.with_ledger(ledger)
        self._announcer = Announcer(self._project, self.id, name, action, target, options)
        self._entry = LedgerEntry(
            self._recorded, self.id, name, action, target, options, self._announcer
        )
        self._session: str | None = None
        #: What tells the place of the database, known once the lock is held.
        self.fingerprint = ""
        #: The run and the session that were last seen to hold the lock that this one waits for.
        self._holder: tuple[str | None, str | None] | None = None
        self._redact = redactor(self._project.urls)
        self._recording = Recording(ledger, self.id, self._redact, self._notice)
        self._entry.tell_rest = self._recording.tell_rest
        #: Whoever wants to know how the run goes on, the ledger first.
        self.watcher: Watcher = Watchers(self._recording, options.watcher, self._announcer)
        self._hooks = HookCalls(
            self._project.hooks, self._recording.log, self._notice, self._redact
        )
        #: What is run and on which connection, once that is written down.
        self._begun: tuple[Plan, sa.Connection] | None = None
        self._onlooker: Onlooker | None = None
        self._is_recorded = False
        self._stopping = Stopping(self._database, self._recording, options.watcher, options.signals)
        self._retrying = Retrying(self._database, self._recording, self._notice, self._assert_held)
        #: What is undone when the run has ended: what was set up on the connection, then the
        #: recording, once it has begun, and last of all the lock.
        self._set_up = contextlib.ExitStack()
        self._around = contextlib.ExitStack()
        self._locked = contextlib.ExitStack()
        #: The lock, and the connection that holds it.
        self._held: tuple[DatabaseLock, sa.Connection] | None = None
        #: The same connection, as steps use it.
        self._migrating: sa.Connection | None = None
        #: Whether it was all written down while ``env.py`` had not ended yet, and what it was.
        self._has_ended = False
        self._ended_by: MigrationError | None = None

    def should_stop(self) -> bool:
        """Return whether somebody asked the run to stop before its next step."""
        return self._recording.should_stop()

    def has_sent(self) -> bool:
        """Return whether a statement of the step at work was carried out."""
        return self._recording.has_sent

    def begin(self, plan: Plan) -> None:
        """Refuse what must not be run, or write down that it begins.

        :param plan: What would be run, found out under the lock.
        :raises PlanMoved: What was planned is not what would be run now.
        :raises Interrupted: An earlier run left the database in doubt.
        :raises LedgerUnavailable: The run cannot be recorded, so it does not begin.
        """
        if self._options.plan is not None:
            self._options.plan.refuse_if_moved(plan)

        assert self._held is not None
        _, connection = self._held

        with self._entry.needed():
            refuse_if_interrupted(
                self._recorded,
                plan.database,
                plan.heads,
                besides=self.id,
                rest_of=plan.options.rest_of,
            )

        self._entry.begin(plan, self._migrating or connection, self._session)
        self._begun = plan, connection
        self._onlooker = Onlooker(self._database, self._session)
        self._recording.look = self._onlooker.look
        self._record()

    def prepare(self, check: c.Callable[[], None] | None) -> c.Callable[[], None] | None:
        """Return what is called once the run has begun, before its first step; None if nothing is.

        :param check: What is looked at first; what it raises ends the run.
        """
        is_told = self._hooks or is_heard(run_started)

        if check is None:
            return self._prepare if is_told else None

        def prepare() -> None:
            check()

            if is_told:
                self._prepare()

        return prepare

    def examine(self, run_id: str) -> None:
        """Note that whoever asked for this run has examined another one, whose rest it is.

        :param run_id: The other run.
        """
        self._recorded.ledger.examine(
            run_id,
            actor=self._options.asked_by,
            reason=self._options.reason or f"Run {self.id} carries out the rest of it.",
        )

    def carry_out(self, run: Run, run_migrations: c.Callable[[StepFunction], object]) -> RunResult:
        """Take the lock, run, and write down what became of it.

        :param run: The steps; it calls ``begin`` when it knows them.
        :param run_migrations: Runs the steps that a function gives.
        :raises Locked: Another run holds the lock.
        :raises RunFailed: A step failed, or its work is not in the database.
        :raises RunCancelled: Somebody asked it to stop, and it did before a step.
        """
        guard_before = self._objects.guard

        # Whatever it was, it is written down before it goes on its way.
        try:
            if self._options.run_id is not None:
                # It counts as running by now, and may have to wait before it can begin.
                self._record()

            self._announcer.requested()
            # Else what its own migration has open would be committed.
            self._objects.refuse_at_work(self._database.name)

            if self._project.env is None:
                return self._end(
                    lambda: self._retrying.carry_out(run, run_migrations), self._own_connection
                )

            # Not while env.py has things open, and this process can run nothing else.
            self._wait_for_lock()
            self._objects.guard = functools.partial(self._reach, run)
            return self._end(lambda: run.carry_out(run_migrations))
        except BaseException as error:
            self._around.close()
            self._entry.fail(error)
            raise
        finally:
            self._objects.guard = guard_before

            if self._name in self._objects.reached:
                self._objects.reached[self._name].close()

            self._kept.close()
            self._announcer.send()

    def _end(
        self,
        find_result: c.Callable[[], RunResult],
        connect: c.Callable[[], sa.Connection] | None = None,
    ) -> RunResult:
        """Write down what becomes of the run, and then free the lock.

        :param find_result: Runs the steps, or tells what they have done.
        :param connect: Gives the connection that migrates, where it is there before.
        """
        with self._locked:
            # Before the lock is free: who comes next has to know of it.
            try:
                with self._around, self._set_up:
                    if connect is not None:
                        connection = connect()
                        self._take(connection, connection, self._project.options(self._name))

                    result = self._between_hooks(find_result)
            except TargetError as error:
                if self._options.plan is None:
                    raise
                moved = PlanMoved([f"Its target is not there any more: {error.message}"])
                self._entry.fail(moved)
                raise moved from error
            except BaseException as error:
                self._entry.fail(error)
                raise

            self._entry.succeed(result)
            return result

    def _reach(self, run: Run, reached: Reached) -> None:
        """Come in where an ``env.py`` has the connection that it migrates on.

        Lock, look, refuse: what is open on that connection stays open, whoever has begun it.
        """
        reached.keep_open(lambda: self._end_early(run))
        self._objects.reached[self._name] = reached
        self._take(reached.borrowed, reached.connection, reached.options)

        assert self._project.env is not None

        with beside(reached, self._database, self.fingerprint, self._project.env) as other:
            run.look(*look_at(other, reached.options, reached.search_path()))

        run.prepare()

    def _end_early(self, run: Run) -> None:
        """End the run while its connection works, which one of an event loop soon does not."""
        if self._has_ended:
            return

        environment_error = self._objects.error

        try:
            self._end(lambda: run.settle(environment_error))
        except MigrationError as error:
            # It is raised when env.py has ended.
            self._ended_by = error

        self._has_ended = True

    def _take(
        self,
        connection: sa.Connection,
        listened: sa.Connection,
        options: c.Mapping[str, t.Any],
    ) -> None:
        """Take the lock on the connection that migrates, and set up what belongs to a run.

        :param connection: It, for statements of our own.
        :param listened: The same, as it sends what the steps send.
        :param options: They name the version table.
        """
        lock = lock_for(self._database, *version_place(options))
        self._locked.enter_context(
            lock.hold(connection, self._owner, self._options.wait, self._waits)
        )
        self._held, self._migrating = (lock, connection), listened
        self._session = self._server.session_id(connection)
        self.fingerprint = self._database.fingerprint(connection)
        settings = self._project.settings.timeouts
        timeouts = self._options.timeouts or settings
        # What an env.py has set by itself holds, unless somebody wants another one.
        gives_way = connection is not listened and timeouts == settings
        self._set_up.callback(self._server.restore_timeouts, connection)
        self._server.set_timeouts(connection, timeouts, gives_way=gives_way)
        self._set_up.enter_context(self._stopping.heard(listened, self._session))
        self._set_up.enter_context(forks_kept_off(listened))
        self._set_up.enter_context(self._recording.listening(listened))

    def _between_hooks(self, find_result: c.Callable[[], RunResult]) -> RunResult:
        try:
            result = find_result()

            if self._ended_by is not None:
                raise self._ended_by

            if not self._has_ended:
                self._assert_held()
        except BaseException as error:
            if not self._has_ended:
                self._recording.failed(traceback_of(error))
                cancelled = isinstance(error, RunCancelled)
                status = RunStatus.CANCELLED if cancelled else RunStatus.FAILED
                self._hooks.after(status, self._redact(str(error)))
            raise

        if not self._has_ended:
            self._hooks.after(RunStatus.SUCCEEDED, None)
        return result

    def _assert_held(self) -> None:
        if self._held is not None:
            lock, connection = self._held
            lock.assert_held(connection)

    def _record(self) -> None:
        """Tell the ledger from here on, by a thread, that the run is alive and what it does."""
        if self._is_recorded:
            return

        self._is_recorded = True
        self._around.callback(self._look_no_more)
        self._around.enter_context(self._recording)

    def _look_no_more(self) -> None:
        if self._onlooker is not None:
            self._onlooker.close()

    def _prepare(self) -> None:
        """Call hooks and subscribers, who may take their time."""
        if self._begun is None:
            return

        plan, connection = self._begun

        # Nothing but the heads was read in it. Nobody shall wait for this session meanwhile.
        if connection.in_transaction():
            connection.commit()

        self._hooks.before(
            RunFacts(
                id=self.id,
                database=plan.database,
                action=plan.action,
                target=plan.target,
                actor=self._options.asked_by,
                reason=self._options.reason,
                steps=plan.steps,
            ),
            plan.heads,
        )
        self._announcer.started()

    def _own_connection(self) -> sa.Connection:
        connection = self._objects.context(self._name).connection
        assert connection is not None

        # What is open there is somebody's own work, which the first step would commit anyway.
        if connection.in_transaction():
            connection.commit()

        return connection

    @property
    def _owner(self) -> Owner:
        return Owner.here(self._options.asked_by, self.id)

    def _wait_for_lock(self) -> None:
        """Wait until nobody seems to hold the lock; it is taken when there is a connection.

        :raises Locked: Somebody holds it for longer than the run may wait.
        """
        lock = lock_for(self._database, *version_place(self._project.options(self._name)))
        lock.wait_until_free(self._options.wait, self._waits, self.id)

    def _waits(self, holder: Holder | None) -> None:
        """Say who has the lock that this run waits for, again when somebody else has got it."""
        self._stopping.refuse_to_wait(
            self._objects.options(self._name), is_recorded=self._is_recorded
        )

        if holder is None or (holder.run, holder.session) == self._holder:
            return

        self._holder = holder.run, holder.session
        self._notice(f"waits up to {self._options.wait:g} s for {self._entry.described(holder)}")

        # One that was queued stands in the ledger by now, and people look at it there.
        if self._options.run_id is not None:
            self._recording.tell()

    def _notice(self, message: str) -> None:
        self.watcher.noticed(self._redact(message))
