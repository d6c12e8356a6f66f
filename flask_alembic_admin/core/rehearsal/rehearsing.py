"""Running a plan for real where it cannot hurt, and measuring its steps."""

from __future__ import annotations

import collections.abc as c
import contextlib
import dataclasses
import time
import typing as t
import uuid

import sqlalchemy as sa

from ...errors import LockLost
from ...errors import MigrationError
from ...errors import NotRehearsable
from ...errors import RunFailed
from .. import internals
from ..alembic_objects import AlembicObjects
from ..databases.database import Database
from ..databases.engines import engine_beside
from ..databases.version_table import read_heads
from ..databases.version_table import version_place
from ..locks import DatabaseLock
from ..locks import lock_for
from ..locks import Owner
from ..op_guard import op_guard
from ..plans.plan import Plan
from ..plans.plan import plan_of
from ..project import Project
from ..redact import redactor
from ..runs.forks import forks_kept_off
from ..runs.run import Run
from ..runs.signals import EndedBySignal
from ..scratch.guard import ScratchGuard
from ..sealed import sealed_but_for
from ..sealed import sealed_but_for_one
from ..servers import server_of
from ..surroundings import operating_system_user
from .copies import guard_of
from .copies import kept_copy
from .copies import own_copy
from .guard import bounded
from .guard import RolledBack
from .measures import Measures
from .places import rehearsal_place
from .places import RehearsalPlace
from .result import Rehearsal

if t.TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext
    from alembic.runtime.migration import RevisionStep

    from ..migrator import Migrator


def rehearse(migrator: Migrator, plan: Plan) -> Rehearsal:
    """Run a plan where it cannot hurt, and return what was measured.

    A copy that is made for it is deleted afterwards. One that somebody keeps stays migrated. On the
    live database, which has to be allowed, all of it is rolled back. Neither hooks nor signals
    hear of it, and nothing is recorded.

    :param migrator: The verbs.
    :param plan: What ``plan()`` returned.
    :raises NotRehearsable: There is nowhere to, or what there is does not fit.
    :raises PlanMoved: The plan does not fit any more.
    :raises Locked: Another run or rehearsal is at work there.
    """
    project = migrator.project
    place = rehearsal_place(project, plan)
    place.refuse_if_nowhere()

    if place.kind == "live":
        _refuse_own_way(migrator)

    with migrator.in_use(plan.database) as use:
        arguments = use.x_arguments, use.tag
        # What an env.py says is needed, and it is not run after this.
        project.learn_options(use.x_arguments)

    with (
        _database(project, plan, place) as database,
        # The steps are found and run as ever; only what the name leads to is another database.
        migrator.use(
            plan.database, *arguments, project=project.with_database(database)
        ) as rehearsing,
    ):
        live = project.databases[plan.database]
        rehearsed = _Rehearsed(migrator, rehearsing.project, plan, place, database, live)
        on_place = rehearsed.on_live if place.kind == "live" else rehearsed.on_copy
        result = on_place(rehearsing)

    if place.kind == "live":
        return _looked_after(project, plan, result)

    return result


class _Rehearsed:
    """One rehearsal.

    :param migrator: The verbs, at work on the place where it is rehearsed.
    :param project: What is fixed there.
    :param plan: The plan.
    :param place: Where that is.
    :param database: The same as a database.
    :param live: The one that the plan is for.
    """

    def __init__(
        self,
        migrator: Migrator,
        project: Project,
        plan: Plan,
        place: RehearsalPlace,
        database: Database,
        live: Database,
    ) -> None:
        self._migrator = migrator
        self._live = live
        self._project = project
        self._plan = plan
        self._place = place
        self._database = database
        self._redact = redactor((*self._project.urls, database.engine.url))
        self._measures = Measures(database, self._project.scripts, self._redact)
        self._find_steps = migrator.step_finder(plan.action, plan.targets)
        self._timeouts = plan.options.timeouts(self._project.settings.timeouts)
        self._began = time.monotonic()

    def on_copy(self, use: AlembicObjects) -> Rehearsal:
        """Rehearse it as a run would do it."""
        guard = guard_of(self._live, self._database, self._refuse_beyond)

        with sealed_but_for(self._database.engine, self._refuse):
            connection = use.context(self._plan.database).connection
            assert connection is not None

            with (
                self._lock.hold(connection, _owner(), 0.0),
                forks_kept_off(connection),
            ):
                server_of(connection).set_timeouts(connection, self._timeouts)

                with self._measures.listening(connection), self._guarded(guard):
                    return self._run(use)

    def on_live(self, use: AlembicObjects) -> Rehearsal:
        """Rehearse it in one transaction that is rolled back."""
        result: Rehearsal | None = None

        try:
            with (
                contextlib.closing(self._database.open()) as connection,
                self._lock.hold(connection, _owner(), 0.0),
            ):
                result = self._rolled_back(use, connection)
        except LockLost:
            # It died with its session, and with that all that was rehearsed, which says why.
            if result is None or result.succeeded:
                raise

        return result

    def _rolled_back(self, use: AlembicObjects, connection: sa.Connection) -> Rehearsal:
        # Before anything is locked, so that it waits no longer even for that.
        server_of(connection).set_timeouts(connection, bounded(self._timeouts))

        with (
            self._measures.listening(connection),
            forks_kept_off(connection),
            sealed_but_for_one(connection, self._refuse),
            RolledBack(connection, self._timeouts, self._measures.refusals) as guard,
        ):
            context = use.adopt(self._plan.database, connection)

            with guard.without_autocommit(context):
                return self._in_transaction(use, context)

    def _refuse(self, wanted: str) -> t.NoReturn:
        error = NotRehearsable(
            f"It reaches for {wanted} by another connection than that of 'op', where live data may "
            "be.",
            "Use op.get_bind() in migrations, not the app's session or an engine of its own.",
        )
        self._measures.refusals.append(error)
        raise error

    def _refuse_beyond(self, wanted: str) -> t.NoReturn:
        elsewhere = (
            ", or rehearse on a copy that has a server of its own"
            if self._place.kind == "kept copy"
            else ""
        )
        error = NotRehearsable(
            f"It reaches for {wanted}, where live data may be.",
            f"Name nothing in migrations but what is in the database itself{elsewhere}.",
        )
        self._measures.refusals.append(error)
        raise error

    @contextlib.contextmanager
    def _guarded(self, guard: ScratchGuard | None) -> c.Iterator[None]:
        """Refuse statements that would reach beyond the copy, by whatever connection to it."""
        if guard is None:
            yield
            return

        def check(connection: sa.Connection, cursor: object, sql: str, *_: object) -> None:
            guard.check(connection, sql)

        engine = self._database.engine
        sa.event.listen(engine, "before_cursor_execute", check)

        try:
            yield
        finally:
            sa.event.remove(engine, "before_cursor_execute", check)

    @property
    def _lock(self) -> DatabaseLock:
        options = self._project.options(self._plan.database)
        return lock_for(self._database, *version_place(options))

    def _run(self, use: AlembicObjects) -> Rehearsal:
        run = Run(
            self._plan.action,
            self._plan.target,
            use,
            self._find_steps,
            self._measures,
            ready=self._refuse_if_moved,
            should_stop=lambda: False,
        )

        try:
            result = run.carry_out(self._migrator.run_migrations)
        except RunFailed as error:
            told = error.__cause__ or error

            # That is no failure of the step.
            if isinstance(told, EndedBySignal):
                raise told from error

            failed = self._measures.failed(told)
            return self._result(error.heads, "" if failed else str(error))

        return self._result(result.after)

    def _in_transaction(self, use: AlembicObjects, context: MigrationContext) -> Rehearsal:
        name, error, after = self._plan.database, "", None

        def steps(heads: tuple[str, ...], _: object) -> c.Iterator[RevisionStep]:
            found = self._find_steps(name, tuple(heads))
            self._refuse_if_moved(tuple(heads), found)
            internals.make_version_table(context)

            for position, step in enumerate(found, 1):
                self._measures.step_started(name, position, step)
                yield step
                self._measures.step_done(name, position, step)

        try:
            with op_guard(), use.at_work(name):
                internals.run_steps(
                    context, use.environment(name), steps, self._project.arguments(name)
                )
            after = tuple(context.get_current_heads())
        except EndedBySignal:
            raise
        # A migration that calls sys.exit() has failed like any other.
        except (Exception, SystemExit) as problem:
            begun = self._measures.failed(problem) or bool(self._measures.steps)
            if isinstance(problem, MigrationError) and not begun:
                raise
            if not any(step.error for step in self._measures.steps):
                error = self._database.describe_error(problem)

        return self._result(after, error)

    def _refuse_if_moved(self, heads: tuple[str, ...], steps: c.Sequence[RevisionStep]) -> None:
        """Refuse to rehearse anything else than the plan.

        :raises NotRehearsable: The copy is elsewhere than where the plan begins.
        :raises PlanMoved: The files have changed since.
        """
        plan = self._plan

        if set(heads) != set(plan.heads) and self._place.kind == "kept copy":
            raise NotRehearsable(
                f"The copy is at {_listed(heads)}, and the plan begins at {_listed(plan.heads)}.",
                "Restore it from the live database again, or migrate it to where the plan begins.",
            )

        plan.refuse_if_moved(
            plan_of(
                self._project,
                plan.action,
                plan.targets,
                plan.database,
                heads,
                steps,
                plan.fingerprint,
                options=plan.options,
            )
        )

    def _result(self, after: tuple[str, ...] | None, error: str = "") -> Rehearsal:
        plan = self._plan
        return Rehearsal(
            database=plan.database,
            action=plan.action,
            target=plan.target,
            kind=self._place.kind or "own copy",
            where=self._place.where,
            heads=plan.heads,
            heads_after=after,
            steps=tuple(self._measures.steps),
            seconds=time.monotonic() - self._began,
            error=self._redact(error),
            notes=self._place.notes,
        )


@contextlib.contextmanager
def _database(project: Project, plan: Plan, place: RehearsalPlace) -> c.Iterator[Database]:
    live = project.databases[plan.database]

    if place.kind == "own copy":
        with own_copy(live) as copy:
            yield copy
    elif place.url is not None:
        with kept_copy(live, place.url) as copy:
            yield copy
    else:
        engine = engine_beside(live.engine)

        try:
            yield Database(live.name, engine, live.metadata)
        finally:
            engine.dispose()


def _refuse_own_way(migrator: Migrator) -> None:
    from ..migrator import Migrator

    if type(migrator).run_migrations is not Migrator.run_migrations:
        raise NotRehearsable(
            f"{type(migrator).__name__} has a run_migrations() of its own, which may commit.",
            "Rehearse on a copy: ALEMBIC_ADMIN['rehearsal'].",
        )


def _looked_after(project: Project, plan: Plan, result: Rehearsal) -> Rehearsal:
    """Return a result once it is known that nothing has stayed of what was rolled back."""
    after = read_heads(project.databases[plan.database], project.options(plan.database))

    if set(after) == set(plan.heads):
        return result

    return dataclasses.replace(
        result,
        error=f"The database was at {_listed(plan.heads)} and is at {_listed(after)} now: somebody "
        "else has migrated it meanwhile, or the rehearsal was not rolled back. Look at it.",
    )


def _owner() -> Owner:
    return Owner.here(operating_system_user(), uuid.uuid4().hex)


def _listed(revisions: c.Iterable[str]) -> str:
    return ", ".join(revisions) or "base"
