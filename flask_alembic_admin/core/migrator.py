"""The verbs: what can be asked of the migrations of a project, and what comes back."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t
from pathlib import Path

from alembic import util
from alembic.script import Script

from ..errors import TargetError
from . import internals
from .drafts.writing import write_merge
from .drafts.writing import write_revision
from .env_py.migration import EnvMigration
from .forensics.rest import Rest
from .op_guard import op_guard
from .plans.options import PlanOptions
from .plans.plan import make_plan
from .plans.plan import Plan
from .plans.plan import plan_of
from .reading import Reader
from .rehearsal.rehearsing import rehearse
from .rehearsal.result import Rehearsal
from .results import Action
from .results import RunResult
from .results import Watcher
from .runs.guarded import GuardedRun
from .runs.options import RunOptions
from .runs.run import Run
from .scripts.targets import as_texts
from .scripts.targets import Target
from .verification.result import Verification
from .verification.verifying import verify_revisions

if t.TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep


class Migrator(Reader):
    """All verbs of Alembic on the databases of one project.

    Verbs return values and never print.

    :param project: What is fixed. A subclass may find its project in another way.
    """

    # What may be overridden.

    def rev_id(self) -> str:
        """Return an id for a new revision: twelve hexadecimal digits, one of them a letter.

        An id of digits alone could be taken for a number of steps.
        """
        return next(
            text for text in iter(util.rev_id, None) if not text.isdigit() and len(text) <= 32
        )

    def in_own_words(self, message: str) -> str:
        """Return a message with options called as they are where they are set.

        :param message: One in which they are called as in the config of an app.
        """
        return message

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders of revision files, the one first that new ones go to."""
        return self._project().scripts.folders

    def mkdir(self) -> None:
        """Create the script folder, its template and the version folders where missing.

        :raises OSError: The file system does not allow it.
        """
        self._project().scripts.make_folders()

    def run_migrations(self, fn: internals.StepFunction, **kwargs: t.Any) -> None:
        """Run the steps that a function gives, on each database that the verb works on.

        It takes the place of ``run_migrations_online`` in Alembic's ``env.py``, or runs that file
        where there is one. Every verb that changes a database, and ``revision``, goes through it.

        :param fn: Gets the heads of a database and its migration context and gives steps.
        :param kwargs: Passed on to ``upgrade()`` or ``downgrade()`` in each revision.
        """
        with self.in_use() as use:
            if use.project.env is not None:
                EnvMigration(use, fn, kwargs).carry_out()
                return

            for name, context in use.contexts().items():
                arguments = {**kwargs, **use.project.arguments(name)}

                if context.connection is not None and context.connection.in_transaction():
                    # Alembic would join it and commit nothing in the end.
                    context.connection.commit()

                with op_guard(), use.at_work(name):
                    internals.run_steps(
                        context, use.environment(name), fn, arguments, purge=use.is_purging
                    )

    # Changing a database.

    def upgrade(
        self,
        target: Target = "heads",
        *,
        database: str | None = None,
        watcher: Watcher | None = None,
        options: RunOptions | None = None,
    ) -> tuple[RunResult, ...]:
        """Run migrations up to a target.

        :param target: ``heads``, ``head``, an id, a label, a number of steps, or a list of ids.
        :param database: A database's name; each of them in turn if None.
        :param watcher: Told about each step.
        :param options: Who asks for it and why, how long it waits for the lock, its timeouts.
        :return: What was done to each database.
        :raises TargetError: The target cannot be reached.
        :raises Locked: Another run holds the lock of the database.
        :raises RunFailed: A step failed; the error says what stays applied.
        """
        return self._run("upgrade", self.checked(target), database, _watched(options, watcher))

    def downgrade(
        self,
        target: int | str | Script = -1,
        *,
        database: str | None = None,
        watcher: Watcher | None = None,
        options: RunOptions | None = None,
    ) -> tuple[RunResult, ...]:
        """Undo migrations down to a target.

        :param target: ``base``, an id, a label, or a number of steps, with or without a sign.
        :param database: A database's name; each of them in turn if None.
        :param watcher: Told about each step.
        :param options: Who asks for it and why, how long it waits for the lock, its timeouts.
        :return: What was done to each database.
        :raises TargetError: The target cannot be reached.
        :raises Locked: Another run holds the lock of the database.
        :raises RunFailed: A step failed; the error says what stays undone.
        """
        wanted = self.checked(target, downwards=True)

        if len(wanted) != 1:
            raise TargetError(
                f"Target '{', '.join(wanted)}' of a downgrade names {len(wanted)} revisions.",
                "Go down to one at a time, or to 'base'.",
            )

        return self._run("downgrade", wanted, database, _watched(options, watcher))

    def stamp(
        self,
        target: Target = "heads",
        purge: bool = False,
        *,
        database: str | None = None,
        watcher: Watcher | None = None,
        options: RunOptions | None = None,
    ) -> tuple[RunResult, ...]:
        """Write a target into the version table without running any migration.

        Rows that no file knows are left alone unless they are purged.

        :param target: ``heads``, ``base``, an id, a label, or a list of ids.
        :param purge: Empty the version table first.
        :param database: A database's name; each of them in turn if None.
        :param watcher: Told about each step.
        :param options: Who asks for it and why, how long it waits for the lock, its timeouts.
        :return: What was done to each database.
        :raises TargetError: The target names no revision.
        """
        return self._run(
            "stamp", self.checked(target), database, _watched(options, watcher), purge=purge
        )

    def plan(
        self, action: Action = "upgrade", target: Target = "heads", *, database: str | None = None
    ) -> Plan:
        """Return what a run would do, with its SQL; the database is only read.

        The Python of each step is run, against a connection that sends nothing.

        :param action: ``upgrade``, ``downgrade`` or ``stamp``.
        :param target: Where to go.
        :param database: A database's name; the default one if None.
        :raises TargetError: The target cannot be reached.
        """
        return make_plan(self, action, target, database or self._project().default_name)

    def run(
        self,
        plan: Plan,
        *,
        actor: str | None = None,
        reason: str | None = None,
        options: RunOptions | None = None,
    ) -> RunResult:
        """Carry out exactly a plan that was made before, or nothing.

        :param plan: What ``plan()`` returned, perhaps on another machine.
        :param actor: Who asks for it; the operating-system user at this host if None.
        :param reason: Why, for the record.
        :param options: How long it waits for the lock, its timeouts, and more. Timeouts that were
            chosen with the plan hold where these name none.
        :return: What was done.
        :raises PlanMoved: The plan does not fit any more.
        :raises Locked: Another run holds the lock of the database.
        :raises RunFailed: A step failed; the error says what stays applied.
        """
        options = options or RunOptions()
        options = dataclasses.replace(
            options,
            plan=plan,
            actor=actor or options.actor,
            reason=reason or options.reason,
            timeouts=options.timeouts or plan.options.timeouts(self.project.settings.timeouts),
        )
        purge = plan.options.purge
        return self._run_one(plan.action, plan.targets, plan.database, options, purge=purge)

    def verify(self, *, database: str | None = None) -> Verification:
        """Run all revisions up, down and up again on a scratch database, and say what was found.

        The database itself is not changed.

        :param database: A database's name; the default one if None.
        :return: What is known of the downgrade of each revision, and how the outcome differs from
            the models.
        :raises SetupError: There can be no scratch database.
        :raises UnreachableDatabase: Its server cannot be reached.
        """
        return verify_revisions(self, database or self._project().default_name)

    def rehearse(self, plan: Plan) -> Rehearsal:
        """Run a plan for real where it cannot hurt, and return what was measured.

        :param plan: What ``plan()`` returned.
        :raises NotRehearsable: There is nowhere to, or what there is does not fit.
        :raises PlanMoved: The plan does not fit any more.
        :raises Locked: Another run or rehearsal is at work there.
        """
        return rehearse(self, plan)

    # Writing files.

    def revision(
        self,
        message: str,
        empty: bool = False,
        branch: str = "default",
        parent: Target = "head",
        splice: bool = False,
        depend: Target | None = None,
        label: str | c.Sequence[str] | None = None,
        path: str | None = None,
        *,
        rev_id: str | None = None,
    ) -> list[Script | None]:
        """Write a new revision, by default from the differences between models and databases.

        :param message: What it does, in a few words.
        :param empty: Leave its functions empty.
        :param branch: The independent branch it belongs to.
        :param parent: The revision or revisions it comes after.
        :param splice: Allow a parent that is no head.
        :param depend: Revisions that must have run before it.
        :param label: Labels to give to it.
        :param path: The folder to write it to.
        :param rev_id: Its id; what ``rev_id()`` gives if None.
        :return: The new revisions.
        :raises TargetError: A parent or dependency names no revision, or the id is taken.
        """
        return write_revision(
            self,
            message=message,
            empty=empty,
            branch=branch,
            parent=as_texts(parent),
            splice=splice,
            depend=None if depend is None else as_texts(depend),
            labels=[label] if isinstance(label, str) else list(label or ()),
            path=path,
            rev_id=rev_id,
        )

    def merge(
        self,
        revisions: Target = "heads",
        message: str | None = None,
        label: str | c.Sequence[str] | None = None,
        *,
        rev_id: str | None = None,
    ) -> Script | None:
        """Write a revision that joins several into one.

        :param revisions: What to join.
        :param message: What it does; names the joined revisions if None.
        :param label: Labels to give to it.
        :param rev_id: Its id; what ``rev_id()`` gives if None.
        :return: The new revision.
        :raises TargetError: There is nothing to join.
        """
        labels = [label] if isinstance(label, str) else list(label or ())
        return write_merge(self, as_texts(revisions), message, labels, rev_id)

    def _run(
        self,
        action: Action,
        target: list[str],
        database: str | None,
        options: RunOptions,
        *,
        purge: bool = False,
    ) -> tuple[RunResult, ...]:
        with self.in_use(database) as use:
            names = use.selected

        results: list[RunResult] = []

        for name in names:
            results.append(self._run_one(action, target, name, options, results, purge=purge))

        return tuple(results)

    def _run_one(
        self,
        action: Action,
        target: list[str],
        name: str,
        options: RunOptions,
        earlier: c.Sequence[RunResult] = (),
        *,
        purge: bool = False,
    ) -> RunResult:
        with self.in_use(name) as use:
            guarded = GuardedRun(use, name, action, " ".join(target), options)

            def ready(heads: tuple[str, ...], steps: c.Sequence[RevisionStep]) -> None:
                given = options.run_id is not None or options.plan is not None

                if steps or purge or given:
                    plan = plan_of(
                        self.project,
                        action,
                        target,
                        name,
                        heads,
                        steps,
                        guarded.fingerprint,
                        options=options.plan.options if options.plan else PlanOptions(purge=purge),
                    )
                    guarded.begin(plan)

            rest = None

            if options.plan is not None and options.plan.options.rest_of is not None:
                rest = Rest(self, options.plan, guarded.id, guarded.examine)

            run = Run(
                action,
                ", ".join(target),
                use,
                self.step_finder(action, target),
                guarded.watcher,
                purge=purge,
                ready=ready,
                should_stop=guarded.should_stop,
                prepare=guarded.prepare(rest.refuse_if_moved if rest else None),
                earlier=earlier,
                shorten=rest.shorten if rest else None,
                # Of a rest something is in place in any case.
                has_sent=None if rest else guarded.has_sent,
            )
            return guarded.carry_out(run, self.run_migrations)


def _watched(options: RunOptions | None, watcher: Watcher | None) -> RunOptions:
    options = options or RunOptions()
    return dataclasses.replace(options, watcher=watcher) if watcher else options
