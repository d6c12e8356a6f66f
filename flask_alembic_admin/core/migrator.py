"""The verbs: what can be asked of the migrations of a project, and what comes back."""

from __future__ import annotations

import collections.abc as c
import contextlib
import typing as t

from alembic import autogenerate
from alembic import util
from alembic.config import Config
from alembic.operations import MigrationScript
from alembic.operations import Operations
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import Script
from alembic.script import ScriptDirectory

from ..errors import UnknownRevisionError
from . import internals
from .alembic_objects import AlembicObjects
from .history import History
from .op_guard import op_guard
from .preview import preview_steps
from .preview import StepPreview
from .project import Project
from .results import Action
from .results import RunResult
from .results import step_revision
from .results import UnknownRevision
from .results import Watcher
from .run import FindSteps
from .run import Run
from .targets import as_texts
from .targets import check_target
from .targets import count_or_revision
from .targets import explained
from .targets import Target
from .writing import write_merge
from .writing import write_revision

if t.TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep


class Migrator:
    """The verbs of Alembic on the databases of one project.

    Verbs return values and never print. What a verb opens it closes, unless somebody asked for
    Alembic's own objects before: then it works with those.

    :param project: What is fixed. A subclass may find its project in another way.
    """

    def __init__(self, project: Project) -> None:
        self._own_project = project
        self._own_objects: AlembicObjects | None = None

    # What a subclass may store elsewhere.

    def _project(self) -> Project:
        """Return what is fixed for the present app or command."""
        return self._own_project

    def _held(self) -> AlembicObjects | None:
        """Return the objects in use in the present context, if there are any."""
        return self._own_objects

    def _hold(self, objects: AlembicObjects | None) -> None:
        """Keep objects as those in use in the present context."""
        self._own_objects = objects

    # Alembic's own objects.

    @property
    def project(self) -> Project:
        """What is fixed: scripts, databases and options."""
        return self._project()

    @property
    def config(self) -> Config:
        """Alembic's configuration."""
        return self._opened().config

    @property
    def script_directory(self) -> ScriptDirectory:
        """Alembic's view of the revision files, as they are on disk now."""
        return self._project().scripts.directory()

    @property
    def environment_context(self) -> EnvironmentContext:
        """Alembic's environment for the default database."""
        return self._opened().environment(self._project().default_name)

    @property
    def migration_contexts(self) -> dict[str, MigrationContext]:
        """Alembic's migration contexts by database name, each with a connection of its own.

        Inside ``run_migrations`` they are those of the databases that the verb works on.
        """
        return self._opened().contexts()

    @property
    def migration_context(self) -> MigrationContext:
        """Alembic's migration context for the default database."""
        return self._opened().context(self._project().default_name)

    @property
    def ops(self) -> dict[str, Operations]:
        """Alembic's operations by database name, each bound to its own database."""
        return self._opened().operations()

    @property
    def op(self) -> Operations:
        """Alembic's operations for the default database."""
        return Operations(self.migration_context)

    script = script_directory
    env = environment_context
    context = migration_context

    # What may be overridden.

    def rev_id(self) -> str:
        """Return an id for a new revision: twelve hexadecimal digits, one of them a letter.

        An id of digits alone could be taken for a number of steps.
        """
        return next(
            text for text in iter(util.rev_id, None) if not text.isdigit() and len(text) <= 32
        )

    def mkdir(self) -> None:
        """Create the script folder, its template and the version folders where missing.

        :raises OSError: The file system does not allow it.
        """
        self._project().scripts.make_folders()

    def run_migrations(self, fn: internals.StepFunction, **kwargs: t.Any) -> None:
        """Run the steps that a function gives, on each database that the verb works on.

        It takes the place of ``run_migrations_online`` in Alembic's ``env.py``. Every verb that
        changes a database, and ``revision``, goes through it.

        :param fn: Gets the heads of a database and its migration context and gives steps.
        :param kwargs: Passed on to ``upgrade()`` or ``downgrade()`` in each revision.
        """
        several = len(self._project().databases) > 1

        with self.in_use() as use:
            for name, context in use.contexts().items():
                if several:
                    kwargs["engine_name"] = name

                if context.connection is not None and context.connection.in_transaction():
                    # Alembic would join it and commit nothing in the end.
                    context.connection.commit()

                with op_guard():
                    internals.run_steps(
                        context, use.environment(name), fn, kwargs, purge=use.purging
                    )

    # Reading.

    def current(self, database: str | None = None) -> tuple[Script, ...]:
        """Return the revisions that a database is at.

        One that no file has is there as an ``UnknownRevision``.

        :param database: A database's name; the default one if None.
        :raises UnreachableDatabase: No connection could be opened.
        """
        return self._to_scripts(self.current_ids(database))

    def current_ids(self, database: str | None = None) -> tuple[str, ...]:
        """Return what the version table of a database holds; no file is read.

        :param database: A database's name; the default one if None.
        :raises UnreachableDatabase: No connection could be opened.
        """
        name = database or self._project().default_name

        with self.in_use(name) as use:
            return use.context(name).get_current_heads()

    def heads(self, resolve_dependencies: bool = False) -> tuple[Script, ...]:
        """Return the revisions that have no child.

        :param resolve_dependencies: Leave out those that another revision depends on.
        """
        directory = self.script_directory
        ids = "heads" if resolve_dependencies else directory.get_heads()
        return directory.get_revisions(ids)

    def branches(self) -> list[Script]:
        """Return the revisions that have more than one child."""
        return [
            script for script in self.script_directory.walk_revisions() if script.is_branch_point
        ]

    def log(
        self, start: Target = "base", end: Target = "heads", database: str | None = None
    ) -> list[Script]:
        """Return revisions, newest first.

        :param start: Only those after this one; ``current`` is where the database is.
        :param end: Only those up to this one; ``current`` too.
        :param database: The database that ``current`` asks; the default one if None.
        :raises TargetError: One of them names no revision.
        """
        directory = self.script_directory
        bounds = [self._bound(start, "start", database), self._bound(end, "end", database)]

        with explained(" to ".join(", ".join(bound) or "base" for bound in bounds)):
            return list(directory.walk_revisions(*bounds))  # type: ignore[arg-type]

    def find(self, targets: Target) -> tuple[Script, ...]:
        """Return the revisions that some ids, labels or symbols mean.

        :param targets: Such as ``head``, ``heads``, an id or the beginning of one, a label.
        :raises TargetError: One of them names no revision.
        """
        texts = self._checked(targets)

        with explained(texts):
            return self.script_directory.get_revisions(texts)

    def pending(self, database: str | None = None) -> tuple[str, ...]:
        """Return the ids of the revisions that are still to run, in an order that works.

        :param database: A database's name; the default one if None.
        """
        history = self._history()
        current = self.current_ids(database)

        if not history.problems:
            return history.pending(current)

        unknown = self._unknown(current)
        known = tuple(revision for revision in current if revision not in unknown)
        steps = internals.upgrade_steps(self.script_directory, "heads", known)
        return tuple(step_revision(step) for step in steps)

    def needs_upgrade(self, database: str | None = None) -> bool:
        """Return whether revisions are still to run, or a database is at one no file has.

        :param database: A database's name; any of them if None.
        """
        return any(
            self._unknown(self.current_ids(name)) or self.pending(name)
            for name in self._project().names(database)
        )

    def needs_revision(self, database: str | None = None) -> bool:
        """Return whether models and database differ.

        :param database: A database's name; any of them if None.
        """
        return any(not ops.is_empty() for ops in self._upgrade_ops(database))

    def produce_migrations(self, database: str | None = None) -> MigrationScript:
        """Return the operations that would make the databases what the models say.

        :param database: A database's name; if None, all of them in one script, whose
            ``upgrade_ops_list`` has an entry for each.
        """
        with self.in_use(database) as use:
            scripts = [
                autogenerate.produce_migrations(context, context.opts["target_metadata"])
                for context in use.contexts().values()
            ]

        script = scripts[0]

        if len(scripts) > 1:
            script.upgrade_ops = [ops for s in scripts for ops in s.upgrade_ops_list]
            script.downgrade_ops = [ops for s in scripts for ops in s.downgrade_ops_list]

        return script

    def compare_metadata(self, database: str | None = None) -> list[t.Any]:
        """Return the differences between models and database, as Alembic's tuples.

        :param database: A database's name; if None, those of all databases, one after the other.
        """
        return [diff for ops in self._upgrade_ops(database) for diff in ops.as_diffs()]

    def preview(
        self,
        action: Action,
        target: Target,
        database: str | None = None,
        start: str | None = None,
    ) -> tuple[StepPreview, ...]:
        """Return the SQL of the steps that lead to a target; the database is only read.

        The Python of each step is run, against a connection that sends nothing.

        :param action: ``upgrade``, ``downgrade`` or ``stamp``.
        :param target: Where to go.
        :param database: A database's name; the default one if None.
        :param start: Where to begin; where the database is if None.
        :raises TargetError: The target cannot be reached.
        """
        name = database or self._project().default_name
        wanted = self._checked(target, downwards=action == "downgrade")

        with self.in_use(name) as use:
            heads = self.current_ids(name) if start is None else self._start(start)

            with explained(wanted, heads):
                return preview_steps(use, name, heads, self._step_finder(action, wanted))

    def steps(self, action: Action, target: Target, database: str | None = None) -> tuple[str, ...]:
        """Return the ids of the revisions that a run would take, in order; nothing is run.

        :param action: ``upgrade``, ``downgrade`` or ``stamp``.
        :param target: Where to go.
        :param database: A database's name; the default one if None.
        :raises TargetError: The target cannot be reached.
        """
        name = database or self._project().default_name
        heads = self.current_ids(name)
        wanted = self._checked(target, downwards=action == "downgrade")

        with explained(wanted, heads):
            steps = self._step_finder(action, wanted)(name, heads)

        return tuple(step_revision(step) for step in steps)

    # Changing a database.

    def upgrade(
        self,
        target: Target = "heads",
        *,
        database: str | None = None,
        watcher: Watcher | None = None,
    ) -> tuple[RunResult, ...]:
        """Run migrations up to a target.

        :param target: ``heads``, ``head``, an id, a label, a number of steps, or a list of ids.
        :param database: A database's name; each of them in turn if None.
        :param watcher: Told about each step.
        :return: What was done to each database.
        :raises TargetError: The target cannot be reached.
        :raises RunFailed: A step failed; the error says what stays applied.
        """
        return self._run("upgrade", self._checked(target), database, watcher)

    def downgrade(
        self,
        target: int | str | Script = -1,
        *,
        database: str | None = None,
        watcher: Watcher | None = None,
    ) -> tuple[RunResult, ...]:
        """Undo migrations down to a target.

        :param target: ``base``, an id, a label, or a number of steps, with or without a sign.
        :param database: A database's name; each of them in turn if None.
        :param watcher: Told about each step.
        :return: What was done to each database.
        :raises TargetError: The target cannot be reached.
        :raises RunFailed: A step failed; the error says what stays undone.
        """
        return self._run("downgrade", self._checked(target, downwards=True), database, watcher)

    def stamp(
        self,
        target: Target = "heads",
        purge: bool = False,
        *,
        database: str | None = None,
        watcher: Watcher | None = None,
    ) -> tuple[RunResult, ...]:
        """Write a target into the version table without running any migration.

        Rows that no file knows are left alone unless they are purged.

        :param target: ``heads``, ``base``, an id, a label, or a list of ids.
        :param purge: Empty the version table first.
        :param database: A database's name; each of them in turn if None.
        :param watcher: Told about each step.
        :return: What was done to each database.
        :raises TargetError: The target names no revision.
        """
        return self._run("stamp", self._checked(target), database, watcher, purge=purge)

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
        )

    def merge(
        self,
        revisions: Target = "heads",
        message: str | None = None,
        label: str | c.Sequence[str] | None = None,
    ) -> Script | None:
        """Write a revision that joins several into one.

        :param revisions: What to join.
        :param message: What it does; names the joined revisions if None.
        :param label: Labels to give to it.
        :return: The new revision.
        :raises TargetError: There is nothing to join.
        """
        labels = [label] if isinstance(label, str) else list(label or ())
        return write_merge(self, as_texts(revisions), message, labels)

    # Helpers.

    @contextlib.contextmanager
    def use(
        self, database: str | None = None, x_arguments: c.Sequence[str] = ()
    ) -> c.Iterator[AlembicObjects]:
        """Work with one set of Alembic's objects for as long as the block lasts.

        :param database: The only database that verbs inside it work on; all if None.
        :param x_arguments: ``key=value`` texts for ``context.get_x_argument()`` in migrations.
        """
        before = self._held()
        objects = AlembicObjects(self._project(), x_arguments)
        self._hold(objects)

        try:
            with objects.only(self._project().names(database)):
                yield objects
        finally:
            self._hold(before)
            objects.close()

    @contextlib.contextmanager
    def in_use(self, database: str | None = None) -> c.Iterator[AlembicObjects]:
        """Work with the objects in use, or with new ones for as long as the block lasts.

        :param database: The only database that verbs inside it work on; if None, those that the
            block around it works on.
        """
        held = self._held()

        if held is None:
            with self.use(database) as objects:
                yield objects
        else:
            names = held.selected if database is None else self._project().names(database)

            with held.only(names):
                yield held

    def _opened(self) -> AlembicObjects:
        objects = self._held()

        if objects is None:
            objects = AlembicObjects(self._project())
            self._hold(objects)

        return objects

    def _history(self) -> History:
        return self._project().scripts.history()

    def _unknown(self, ids: c.Iterable[str]) -> tuple[str, ...]:
        """Return the ids that no file has."""
        missing = self._history().unknown(ids)

        # A file that had to be imported to be understood is missing in the history read as text.
        if missing and self._history().problems:
            known = {script.revision for script in self.script_directory.walk_revisions()}
            missing = tuple(revision for revision in missing if revision not in known)

        return missing

    def _to_scripts(self, ids: c.Iterable[str]) -> tuple[Script, ...]:
        ids = tuple(ids)
        unknown = self._unknown(ids)
        directory = self.script_directory
        return tuple(
            UnknownRevision(revision) if revision in unknown else directory.get_revision(revision)
            for revision in ids
        )

    def _checked(self, target: Target, *, downwards: bool = False) -> list[str]:
        _ = self.script_directory  # Broken files are named before a target is.
        history = self._history()
        texts = [count_or_revision(text, history, downwards=downwards) for text in as_texts(target)]

        if not history.problems:
            for text in texts:
                check_target(text, history)

        return texts

    def _bound(self, target: Target, argument: str, database: str | None) -> list[str]:
        texts = as_texts(target)

        if texts == ["current"]:
            return list(self.current_ids(database))

        if not self._history().problems:
            for text in texts:
                check_target(text, self._history(), argument)

        return texts

    def _upgrade_ops(self, database: str | None) -> c.Sequence[t.Any]:
        return self.produce_migrations(database).upgrade_ops_list

    def _start(self, start: str) -> tuple[str, ...]:
        if start == "base":
            return ()

        return tuple(script.revision for script in self.find(start.split(",")))

    def _step_finder(self, action: Action, target: list[str]) -> FindSteps:
        def find(database: str, heads: tuple[str, ...]) -> c.Sequence[RevisionStep]:
            directory = self.script_directory
            unknown = self._unknown(heads)

            if action == "stamp":
                known = tuple(head for head in heads if head not in unknown)
                return internals.stamp_steps(directory, target, known)

            if unknown:
                raise UnknownRevisionError(database, unknown)

            if action == "downgrade":
                return internals.downgrade_steps(directory, target[0], heads)

            # A relative target works only when it is alone.
            wanted = target[0] if len(target) == 1 else target
            return internals.upgrade_steps(directory, wanted, heads)

        return find

    def _run(
        self,
        action: Action,
        target: list[str],
        database: str | None,
        watcher: Watcher | None,
        *,
        purge: bool = False,
    ) -> tuple[RunResult, ...]:
        with self.in_use(database) as use:
            finder = self._step_finder(action, target)
            run = Run(action, ", ".join(target), use, finder, watcher, purge=purge)
            return run.carry_out(self.run_migrations)
