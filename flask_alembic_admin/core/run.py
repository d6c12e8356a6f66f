"""A run: its steps watched one by one, its verdict read back on a new connection."""

from __future__ import annotations

import collections.abc as c
import contextlib
import time
import typing as t

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext

from ..errors import MigrationError
from ..errors import RunFailed
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
    """One upgrade, downgrade or stamp of one database after the other.

    :param action: What it does.
    :param target: Where it goes, for messages.
    :param objects: Alembic's objects for this use.
    :param find_steps: Gives the steps of a database from its heads to the target.
    :param watcher: Told about each step.
    :param purge: Empty the version table first.
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
    ) -> None:
        self._action = action
        self._target = target
        self._objects = objects
        self._find_steps = find_steps
        self._watcher = watcher
        self._purge = purge
        self._traces: list[_Trace] = []

    def carry_out(
        self, run_migrations: c.Callable[[StepFunction], object]
    ) -> tuple[RunResult, ...]:
        """Run the steps and return what is true afterwards.

        :param run_migrations: Runs the steps that a function gives on each selected database.
        :raises RunFailed: A step failed, or its work is not in the database.
        :raises MigrationError: It could not begin.
        """
        self._objects.expected_heads.clear()
        self._objects.purging = self._purge

        try:
            run_migrations(self._steps)
        # A migration that calls sys.exit() has failed like any other.
        except (Exception, SystemExit) as error:
            if isinstance(error, MigrationError) and not self._in_step:
                raise
            raise self._failure(error) from error
        finally:
            self._objects.purging = False

        return tuple(self._verified(trace) for trace in self._traces)

    @property
    def _in_step(self) -> bool:
        return bool(self._traces) and self._traces[-1].step is not None

    def _steps(self, heads: tuple[str, ...], context: MigrationContext) -> c.Iterator[RevisionStep]:
        name = self._objects.name_of(context)

        if self._traces:
            self._traces[-1].end()

        trace = _Trace(name, () if self._purge else tuple(heads))
        self._traces.append(trace)

        with explained(self._target, heads):
            steps = self._find_steps(name, tuple(heads))

        check_id_length(context, (id_ for step in steps for id_ in step.info.up_revision_ids))

        if self._watcher:
            self._watcher.run_started(name, steps)

        for position, step in enumerate(steps, 1):
            trace.begin(step)
            if self._watcher:
                self._watcher.step_started(name, position, step)
            yield step
            # Alembic asks for the next step only after it has committed this one.
            trace.done()
            if self._watcher:
                self._watcher.step_done(name, position, step)

        trace.end()

    def _verified(self, trace: _Trace) -> RunResult:
        after = self._read_heads(trace.database)
        expected = self._objects.expected_heads.get(trace.database, frozenset(trace.before))

        if set(after) != expected:
            raise RunFailed(
                f"Every step of the {self._action} of database '{trace.database}' ended without "
                f"an error, and yet the database is at {_listed(after)} instead of "
                f"{_listed(sorted(expected))}: the work was rolled back.",
                database=trace.database,
                heads=after,
                cure="Look for a migration or a listener that handles transactions itself, and "
                "run it again.",
            )

        return RunResult(
            database=trace.database,
            action=self._action,
            before=trace.before,
            after=after,
            steps=tuple(trace.steps),
            seconds=trace.seconds,
        )

    def _failure(self, error: BaseException) -> RunFailed:
        if not self._traces:
            name = self._objects.selected[0]
            trace = _Trace(name, ())
        else:
            trace = self._traces[-1]

        database = self._objects.project.databases[trace.database]
        self._objects.roll_back(trace.database)
        heads: tuple[str, ...] = ()
        where = "it could not be read where the database is"

        with contextlib.suppress(MigrationError, sa.exc.SQLAlchemyError):
            heads = self._read_heads(trace.database)
            where = f"the database is at {_listed(heads)}"

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

        return RunFailed(
            f"{self._action} of database '{trace.database}' failed {at}: "
            f"{database.describe_error(error)}. {len(trace.steps)} "
            f"{'step' if len(trace.steps) == 1 else 'steps'} before it stay done; {where}.",
            database=trace.database,
            applied=tuple(done.revision for done in trace.steps),
            failed=step_revision(step) if step is not None else None,
            heads=heads,
            cure=cure,
        )

    def _read_heads(self, name: str) -> tuple[str, ...]:
        project = self._objects.project
        return read_heads(project.databases[name], project.context_options)


class _Trace:
    """What is known so far about the run on one database."""

    def __init__(self, database: str, before: tuple[str, ...]) -> None:
        self.database = database
        self.before = before
        self.step: RevisionStep | None = None
        self.steps: list[StepResult] = []
        self.seconds = 0.0
        self._began = self._step_began = time.monotonic()

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
