"""A run: its steps watched one by one, its verdict read back on a new connection."""

from __future__ import annotations

import collections.abc as c
import contextlib
import typing as t

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext

from ...errors import MigrationError
from ...errors import PlanMoved
from ...errors import RunCancelled
from ...errors import RunFailed
from .. import internals
from ..alembic_objects import AlembicObjects
from ..databases.version_table import check_id_length
from ..databases.version_table import check_schema
from ..databases.version_table import read_heads
from ..results import Action
from ..results import RunResult
from ..results import step_message
from ..results import step_revision
from ..results import Watcher
from ..scripts.targets import explained
from .trace import RunTrace

if t.TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep

    from ..internals import StepFunction

#: The name of a database and its heads, to the steps that lead to the target.
FindSteps: t.TypeAlias = "c.Callable[[str, tuple[str, ...]], c.Sequence[RevisionStep]]"


class Run:
    """One upgrade, downgrade or stamp of one database.

    :param action: What it does.
    :param target: Where it goes, for messages.
    :param objects: Alembic's objects for this use.
    :param find_steps: Gives the steps of a database from its heads to the target.
    :param watcher: Told about each step.
    :param purge: Empty the version table first.
    :param ready: Told where the database is and what will be run, before anything is; what it
        raises ends the run.
    :param should_stop: Asked before each step.
    :param prepare: Called once that is known, before the first step, while nothing is open on the
        connection; what it raises ends the run.
    :param earlier: What was done to other databases before.
    :param shorten: Makes the first step leave out what is in place of it.
    :param has_sent: Tells whether a statement of the step at work was carried out; None where
        nobody counts them.
    """

    def __init__(
        self,
        action: Action,
        target: object,
        objects: AlembicObjects,
        find_steps: FindSteps,
        watcher: Watcher | None,
        *,
        purge: bool = False,
        ready: c.Callable[[tuple[str, ...], c.Sequence[RevisionStep]], None],
        should_stop: c.Callable[[], bool],
        prepare: c.Callable[[], None] | None = None,
        earlier: c.Sequence[RunResult] = (),
        shorten: c.Callable[[RevisionStep, MigrationContext], None] | None = None,
        has_sent: c.Callable[[], bool] | None = None,
    ) -> None:
        self._action = action
        self._target = target
        self._objects = objects
        self._find_steps = find_steps
        self._watcher = watcher
        self._purge = purge
        self._ready = ready
        self._should_stop = should_stop
        self._prepare = prepare
        self._earlier = earlier
        self._shorten = shorten
        self._has_sent = has_sent
        (self._name,) = objects.selected
        self._trace = RunTrace()
        #: The verdict, where it had to be found before ``env.py`` has ended.
        self._settled: RunResult | MigrationError | None = None

    def carry_out(self, run_migrations: c.Callable[[StepFunction], object]) -> RunResult:
        """Run the steps and return what is true afterwards.

        Called again after a failure it goes on where that had come to.

        :param run_migrations: Runs the steps that a function gives.
        :raises RunFailed: A step failed, or its work is not in the database.
        :raises MigrationError: It could not begin.
        """
        self._objects.expected_heads.pop(self._name, None)
        error: BaseException | None = None

        try:
            # An env.py looks itself, when it has a connection.
            if self._objects.guard is None and (self._purge or self._prepare is not None):
                # Alembic would empty the table before anybody can refuse, or keep a transaction
                # open while the run is prepared.
                run_migrations(self._look)
                self.prepare()

            with self._objects.purging(self._purge):
                run_migrations(self._steps)
        # A migration that calls sys.exit() has failed like any other.
        except (Exception, SystemExit) as raised:
            error = raised

        if self._settled is not None:
            return self._as_settled(error)

        return self._verdict(error)

    def look(self, heads: tuple[str, ...], context: MigrationContext) -> None:
        """Find out what will be run and tell it, before Alembic has the connection.

        :param heads: Where the database is.
        :param context: A context of that database, connected.
        :raises MigrationError: Somebody refuses.
        """
        self._find(heads, context)

    def settle(self, error: BaseException | None) -> RunResult:
        """Return what is true after the steps, while whoever runs them has not ended yet.

        ``carry_out`` returns or raises the same.

        :param error: What the steps have raised; None if nothing.
        :raises MigrationError: As ``carry_out``.
        """
        try:
            result = self._verdict(error)
        except MigrationError as failure:
            self._settled = failure
            raise

        self._settled = result
        return result

    def _as_settled(self, error: BaseException | None) -> RunResult:
        settled, self._settled = self._settled, None

        if isinstance(settled, MigrationError):
            raise settled

        if error is not None and self._watcher is not None:
            self._watcher.noticed(f"After the run had ended: {error}")

        assert settled is not None
        return settled

    def _verdict(self, error: BaseException | None) -> RunResult:
        if error is None:
            return self._verified()

        if isinstance(error, _Stopped):
            raise self._cancelled() from None

        begun = self._trace.has_begun or any(other.steps for other in self._earlier)

        if isinstance(error, MigrationError) and not begun:
            raise error

        raise self._failure(error) from error

    def prepare(self) -> None:
        """Do what comes once between that and the first step.

        :raises MigrationError: Somebody refuses.
        """
        prepare, self._prepare = self._prepare, None

        if prepare is not None:
            if self._should_stop():
                raise _Stopped
            prepare()

    def _look(self, heads: tuple[str, ...], context: MigrationContext) -> list[RevisionStep]:
        """Find out what will be run, tell it, and run nothing."""
        self._find(heads, context)
        return []

    def _find(self, heads: tuple[str, ...], context: MigrationContext) -> c.Sequence[RevisionStep]:
        """Return the steps; the first time somebody is told of them, who may refuse."""
        trace = self._trace
        trace.come_to(tuple(heads))

        with explained(self._target, heads, command=self._objects.project.command):
            steps = self._find_steps(self._name, () if self._purge else tuple(heads))

        if steps:
            check_schema(context, self._name)

        check_id_length(context, (id_ for step in steps for id_ in step.info.up_revision_ids))

        if not trace.known:
            trace.known = True
            self._ready(trace.before, steps)
            if self._watcher:
                self._watcher.run_started(self._name, steps)

        return steps

    def _steps(self, heads: tuple[str, ...], context: MigrationContext) -> c.Iterator[RevisionStep]:
        trace = self._trace
        self._objects.expected_heads[self._name] = frozenset(heads)
        self._refuse_if_moved(tuple(heads))
        steps = self._find(heads, context)

        if steps:
            internals.make_version_table(context)

        # A second try goes on where the first one had come to.
        for position, step in enumerate(steps, len(trace.steps) + 1):
            if self._should_stop():
                raise _Stopped
            trace.begin(step)
            if self._shorten and position == 1:
                self._shorten(step, context)
            if self._watcher:
                self._watcher.step_started(self._name, position, step)
            yield step
            # Alembic asks for the next step only after it has committed this one.
            self._refuse_open_transaction(context)
            trace.done()
            if self._watcher:
                self._watcher.step_done(self._name, position, step)

        trace.end()

    def _refuse_if_moved(self, heads: tuple[str, ...]) -> None:
        """Refuse to begin elsewhere than where the steps were told to begin.

        :raises PlanMoved: Somebody who takes no lock has moved the database meanwhile.
        """
        trace = self._trace
        begins = trace.known and not trace.has_begun and not self._purge

        if begins and set(heads) != set(trace.before):
            raise PlanMoved(
                [f"The database was at {_listed(trace.before)} and is at {_listed(heads)}."]
            )

    def _refuse_open_transaction(self, context: MigrationContext) -> None:
        """Refuse to go on when a step has taken its transaction out of Alembic's hands.

        :raises MigrationError: What the step did since then has not been committed.
        """
        if internals.shares_transaction(context):
            return

        if context.connection is not None and context.connection.in_transaction():
            raise MigrationError(
                "it ended its transaction itself, and what it did after that was not committed"
            )

    def _cancelled(self) -> RunCancelled:
        done = tuple(step.revision for step in self._trace.steps)
        return RunCancelled(self._name, done, self._read_heads())

    def _verified(self) -> RunResult:
        trace, after = self._trace, self._read_heads()
        # Nothing was run where whoever overrides run_migrations() saw to that.
        expected = self._objects.expected_heads.get(self._name, frozenset(after))

        if set(after) != expected:
            raise RunFailed(
                f"Every step of the {self._action} of database '{self._name}' ended without "
                f"an error, and yet the database is at {_listed(after)} instead of "
                f"{_listed(sorted(expected))}: the work was rolled back.",
                database=self._name,
                heads=after,
                cure=self._cure_of_rollback(),
            )

        return RunResult(
            database=self._name,
            action=self._action,
            before=trace.before,
            after=after,
            steps=tuple(trace.steps),
            seconds=trace.seconds,
        )

    def _cure_of_rollback(self) -> str:
        env = self._objects.project.env

        if env is not None:
            return (
                f"Look for a statement before configure() in {env.env_py}, which begins a "
                "transaction that nobody commits, or for a migration that handles transactions "
                "itself, and run it again."
            )

        return (
            "Look for a migration or a listener that handles transactions itself, and run it again."
        )

    def _failure(self, error: BaseException) -> RunFailed:
        trace = self._trace
        database = self._objects.project.databases[self._name]
        heads: tuple[str, ...] | None = None
        done = tuple(step.revision for step in trace.steps)
        where = "it could not be read where the database is"

        with contextlib.suppress(MigrationError, sa.exc.SQLAlchemyError):
            heads = self._read_heads()
            where = f"the database is at {_listed(heads)}"

            # Where all steps share one transaction, none of them stays.
            if set(heads) == set(trace.before):
                done = ()

        step = trace.step
        at = "before its first step"
        if step is not None:
            at = f"at {step_revision(step)} ({step_message(step)})"
        elif trace.steps:
            at = f"after {trace.steps[-1].revision}"

        cure = ""
        may_stay = self._has_sent is None or self._has_sent()
        if step is not None and not database.rolls_back_ddl and may_stay:
            cure = (
                f"{database.dialect} cannot roll back schema changes: a part of that revision may "
                "be in place. Look before you run it again."
            )

        earlier = "".join(
            f" Database '{other.database}' was done before it: "
            f"{_listed(step.revision for step in other.steps)}."
            for other in self._earlier
            if other.steps
        )
        stays = {0: "No step before it stays done", 1: "1 step before it stays done"}.get(
            len(done), f"{len(done)} steps before it stay done"
        )
        return RunFailed(
            f"{self._action} of database '{self._name}' failed {at}: "
            f"{database.describe_error(error).rstrip('.')}. {stays}; {where}.{earlier}",
            database=self._name,
            applied=done,
            failed=step_revision(step) if step is not None else None,
            heads=heads,
            cure=cure,
        )

    def _read_heads(self) -> tuple[str, ...]:
        project = self._objects.project
        self._objects.roll_back(self._name)  # What is not committed by now never will be.
        search_path = self._objects.search_path(self._name)
        self._objects.roll_back(self._name)
        options = self._objects.options(self._name)
        return read_heads(project.databases[self._name], options, search_path)


class _Stopped(Exception):
    """The run was asked to stop, and is between two steps."""


def _listed(revisions: c.Iterable[str]) -> str:
    return ", ".join(revisions) or "base"
