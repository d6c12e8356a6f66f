"""A run: its steps watched one by one, its verdict read back on a new connection."""

from __future__ import annotations

import collections.abc as c
import contextlib
import time
import typing as t

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext

from ..errors import MigrationError
from ..errors import RunCancelled
from ..errors import RunFailed
from . import internals
from .alembic_objects import AlembicObjects
from .results import Action
from .results import RunResult
from .results import step_message
from .results import step_revision
from .results import StepResult
from .results import Watcher
from .targets import explained
from .version_table import check_id_length
from .version_table import read_heads

if t.TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep

    from .internals import StepFunction

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
    :param earlier: What was done to other databases before.
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
        earlier: c.Sequence[RunResult] = (),
    ) -> None:
        self._action = action
        self._target = target
        self._objects = objects
        self._find_steps = find_steps
        self._watcher = watcher
        self._purge = purge
        self._ready = ready
        self._should_stop = should_stop
        self._earlier = earlier
        (self._name,) = objects.selected
        self._trace = _Trace(self._name)

    def carry_out(self, run_migrations: c.Callable[[StepFunction], object]) -> RunResult:
        """Run the steps and return what is true afterwards.

        Called again after a failure it goes on where that had come to.

        :param run_migrations: Runs the steps that a function gives.
        :raises RunFailed: A step failed, or its work is not in the database.
        :raises MigrationError: It could not begin.
        """
        self._objects.expected_heads.pop(self._name, None)

        try:
            if self._purge:
                # Alembic would empty the table before anybody can refuse.
                run_migrations(self._look)

            with self._objects.purging(self._purge):
                run_migrations(self._steps)
        except _Stopped:
            raise self._cancelled() from None
        # A migration that calls sys.exit() has failed like any other.
        except (Exception, SystemExit) as error:
            begun = self._trace.has_begun or any(other.steps for other in self._earlier)
            if isinstance(error, MigrationError) and not begun:
                raise
            raise self._failure(error) from error

        return self._verified()

    def _look(self, heads: tuple[str, ...], context: MigrationContext) -> list[RevisionStep]:
        """Find out what will be run, tell it, and run nothing."""
        self._find(heads, context)
        return []

    def _find(self, heads: tuple[str, ...], context: MigrationContext) -> c.Sequence[RevisionStep]:
        """Return the steps; the first time somebody is told of them, who may refuse."""
        trace = self._trace
        trace.come_to(tuple(heads))

        with explained(self._target, heads):
            steps = self._find_steps(self._name, () if self._purge else tuple(heads))

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
        steps = self._find(heads, context)

        if steps:
            internals.make_version_table(context)

        # A second try goes on where the first one had come to.
        for position, step in enumerate(steps, len(trace.steps) + 1):
            if self._should_stop():
                raise _Stopped
            trace.begin(step)
            if self._watcher:
                self._watcher.step_started(self._name, position, step)
            yield step
            # Alembic asks for the next step only after it has committed this one.
            self._refuse_open_transaction(context)
            trace.done()
            if self._watcher:
                self._watcher.step_done(self._name, position, step)

        trace.end()

    def _refuse_open_transaction(self, context: MigrationContext) -> None:
        """Refuse to go on when a step has taken its transaction out of Alembic's hands.

        :raises MigrationError: What the step did since then has not been committed.
        """
        shared = not self._objects.project.context_options.get("transaction_per_migration", True)

        if shared and context.impl.transactional_ddl:
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
                cure="Look for a migration or a listener that handles transactions itself, and "
                "run it again.",
            )

        return RunResult(
            database=self._name,
            action=self._action,
            before=trace.before,
            after=after,
            steps=tuple(trace.steps),
            seconds=trace.seconds,
        )

    def _failure(self, error: BaseException) -> RunFailed:
        trace = self._trace
        database = self._objects.project.databases[self._name]
        heads: tuple[str, ...] = ()
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
        if step is not None and not database.rolls_back_ddl:
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
        return read_heads(project.databases[self._name], project.context_options, search_path)


class _Stopped(Exception):
    """The run was asked to stop, and is between two steps."""


class _Trace:
    """What is known so far about the run."""

    def __init__(self, database: str) -> None:
        self.database = database
        self.before: tuple[str, ...] = ()
        #: Whether somebody was told what will be run.
        self.known = False
        self.step: RevisionStep | None = None
        self.steps: list[StepResult] = []
        self.seconds = 0.0
        self._began = self._step_began = time.monotonic()

    @property
    def has_begun(self) -> bool:
        """Whether a step was begun."""
        return self.step is not None or bool(self.steps)

    def come_to(self, heads: tuple[str, ...]) -> None:
        """Note where the database is before the first step that is run now."""
        self.step = None

        if not self.known:
            self.before = heads

    def begin(self, step: RevisionStep) -> None:
        self.step = step
        self._step_began = time.monotonic()

    def done(self) -> None:
        assert self.step is not None
        seconds = time.monotonic() - self._step_began
        self.steps.append(StepResult(step_revision(self.step), step_message(self.step), seconds))
        self.step = None

    def end(self) -> None:
        self.seconds = time.monotonic() - self._began


def _listed(revisions: c.Iterable[str]) -> str:
    return ", ".join(revisions) or "base"
