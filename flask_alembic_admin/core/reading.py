"""The verbs that only look."""

from __future__ import annotations

import collections.abc as c
import typing as t

from alembic.operations import MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.script import Script

from ..errors import UnknownRevisionError
from . import internals
from .alembic_access import AlembicAccess
from .databases.engines import is_not_made
from .env_py.migration import EnvMigration
from .ledger.tables import RunRecord
from .model_operations import made_by_comparing
from .plans.preview import preview_steps
from .plans.preview import StepPreview
from .results import Action
from .results import step_revision
from .results import UnknownRevision
from .runs.run import FindSteps
from .scripts.engine_names import fit_to_database
from .scripts.history import History
from .scripts.targets import as_texts
from .scripts.targets import check_target
from .scripts.targets import count_or_revision
from .scripts.targets import explained
from .scripts.targets import Target

if t.TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep


class Reader(AlembicAccess):
    """The verbs that only look: where databases are, what the files say, how they differ.

    Verbs return values and never print.
    """

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
            # To look makes no file.
            if is_not_made(use.project.databases[name].engine):
                return ()

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

        :param start: Only since this one; ``current`` is where the database is.
        :param end: Only until this one; ``current`` too.
        :param database: The database that ``current`` asks; the default one if None.
        :raises TargetError: One of them names no revision.
        """
        directory = self.script_directory
        bounds = [self._bound(start, "start", database), self._bound(end, "end", database)]
        # Where no revision is applied is base; a relative bound works only when it is alone.
        lower, upper = (bound[0] if len(bound) == 1 else bound or "base" for bound in bounds)

        shown = " to ".join(", ".join(bound) or "base" for bound in bounds)

        with explained(shown, command=self._project().command):
            return list(directory.walk_revisions(lower, upper))  # type: ignore[arg-type]

    def find(self, targets: Target) -> tuple[Script, ...]:
        """Return the revisions that some ids, labels or symbols mean.

        :param targets: Such as ``head``, ``heads``, an id or the beginning of one, a label.
        :raises TargetError: One of them names no revision.
        """
        texts = self.checked(targets)

        with explained(texts, command=self._project().command):
            return self.script_directory.get_revisions(texts)

    def pending(self, database: str | None = None) -> tuple[str, ...]:
        """Return the ids of the revisions that are still to run, in an order that works.

        :param database: A database's name; the default one if None.
        """
        return self._pending(self.current_ids(database))

    def _pending(self, current: tuple[str, ...]) -> tuple[str, ...]:
        history = self._history()

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
        places = (self.current_ids(name) for name in self._project().names(database))
        return any(self._unknown(current) or self._pending(current) for current in places)

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
        scripts: list[MigrationScript] = []
        self.visit(lambda context: scripts.append(made_by_comparing(context)), database)
        script = scripts[0]

        if len(scripts) > 1:
            script.upgrade_ops = [ops for s in scripts for ops in s.upgrade_ops_list]
            script.downgrade_ops = [ops for s in scripts for ops in s.downgrade_ops_list]

        return script

    def visit(
        self, look: c.Callable[[MigrationContext], object], database: str | None = None
    ) -> None:
        """Show a function the context of each database, as its ``env.py`` configures it.

        :param look: Gets a context, connected.
        :param database: A database's name; all that the verb works on if None.
        :raises EnvPyError: It cannot be run.
        """
        with self.in_use(database) as use:
            if use.project.env is None:
                for name, context in use.contexts().items():
                    use.project.databases[name].check_metadata()
                    look(context)
                return

            def steps(_: tuple[str, ...], context: MigrationContext) -> list[RevisionStep]:
                look(context)
                return []

            EnvMigration(use, steps, {}).carry_out()

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
        *,
        purge: bool = False,
    ) -> tuple[StepPreview, ...]:
        """Return the SQL of the steps that lead to a target; the database is only read.

        The Python of each step is run, against a connection that sends nothing.

        :param action: ``upgrade``, ``downgrade`` or ``stamp``.
        :param target: Where to go.
        :param database: A database's name; the default one if None.
        :param start: Where to begin; where the database is if None.
        :param purge: Whether a stamp empties the version table first.
        :raises TargetError: The target cannot be reached.
        """
        name = database or self._project().default_name
        wanted = self.checked(target, downwards=action == "downgrade")

        with self.in_use(name) as use:
            use.project.learn_options(use.x_arguments)
            live = start is None
            heads = self.current_ids(name) if start is None else self._start(start)
            heads = () if purge else heads
            has_table = live and not heads and internals.has_version_table(use.context(name))

            with explained(wanted, heads, command=self._project().command):
                finder = self.step_finder(action, wanted)
                return preview_steps(use, name, heads, finder, has_version_table=has_table)

    def steps(self, action: Action, target: Target, database: str | None = None) -> tuple[str, ...]:
        """Return the ids of the revisions that a run would take, in order; nothing is run.

        :param action: ``upgrade``, ``downgrade`` or ``stamp``.
        :param target: Where to go.
        :param database: A database's name; the default one if None.
        :raises TargetError: The target cannot be reached.
        """
        _, steps = self.find_steps(action, target, database)
        return tuple(step_revision(step) for step in steps)

    def runs(self, database: str | None = None, limit: int = 50) -> tuple[RunRecord, ...]:
        """Return runs and refused attempts, newest first.

        :param database: A database's name; all of them if None.
        :param limit: The most to return.
        """
        return self._project().ledger.runs(database, limit)

    def find_steps(
        self,
        action: Action,
        target: Target,
        database: str | None = None,
        *,
        purge: bool = False,
    ) -> tuple[tuple[str, ...], c.Sequence[RevisionStep]]:
        """Return where a database is and the steps that a run would take; nothing is run.

        :param action: ``upgrade``, ``downgrade`` or ``stamp``.
        :param target: Where to go.
        :param database: A database's name; the default one if None.
        :param purge: Whether a stamp empties the version table first.
        :raises TargetError: The target cannot be reached.
        """
        name = database or self._project().default_name
        heads = self.current_ids(name)
        wanted = self.checked(target, downwards=action == "downgrade")

        with explained(wanted, heads, command=self._project().command):
            return heads, self.step_finder(action, wanted)(name, () if purge else heads)

    def checked(self, target: Target, *, downwards: bool = False) -> list[str]:
        """Return a target as texts, a number as a count with its sign.

        :param target: Such as ``heads``, an id, ``2``, or a list of ids.
        :param downwards: Whether a number means steps down.
        :raises TargetError: It names no revision.
        """
        _ = self.script_directory  # Broken files are named before a target is.
        history = self._project().scripts.loaded_history()
        texts = [count_or_revision(text, history, downwards=downwards) for text in as_texts(target)]

        if not history.problems:
            for text in texts:
                check_target(text, history, command=self._project().command)

        return texts

    def _history(self) -> History:
        return self._project().scripts.history()

    def _unknown(self, ids: c.Iterable[str], history: History | None = None) -> tuple[str, ...]:
        """Return the ids that no file has."""
        history = history or self._history()
        missing = history.unknown(ids)

        # A file that had to be imported to be understood is missing in the history read as text.
        if missing and history.problems:
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

    def _bound(self, target: Target, argument: str, database: str | None) -> list[str]:
        texts = as_texts(target)

        if texts == ["current"]:
            return list(self.current_ids(database))

        history = self._history()

        if not history.problems:
            for text in texts:
                check_target(text, history, argument, self._project().command)

        return texts

    def _upgrade_ops(self, database: str | None) -> c.Sequence[t.Any]:
        return self.produce_migrations(database).upgrade_ops_list

    def _start(self, start: str) -> tuple[str, ...]:
        if start == "base":
            return ()

        return tuple(script.revision for script in self.find(start.split(",")))

    def step_finder(self, action: Action, target: list[str]) -> FindSteps:
        """Return what finds the steps that lead to a target from wherever a database is.

        :param action: ``upgrade``, ``downgrade`` or ``stamp``.
        :param target: Where to go, as ``checked`` gave it.
        """

        def find(database: str, heads: tuple[str, ...]) -> c.Sequence[RevisionStep]:
            directory = self.script_directory
            unknown = self._unknown(heads, self._project().scripts.loaded_history())

            if action == "stamp":
                known = tuple(head for head in heads if head not in unknown)
                return internals.stamp_steps(directory, target, known)

            if unknown:
                raise UnknownRevisionError(database, unknown)

            if action == "downgrade":
                steps = internals.downgrade_steps(directory, target[0], heads)
            else:
                # A relative target works only when it is alone.
                wanted = target[0] if len(target) == 1 else target
                steps = internals.upgrade_steps(directory, wanted, heads)

            project = self._project()

            # An env.py passes on what it wants to, and its template knows the names.
            if project.scripts.env is not None:
                return steps

            fit_to_database(steps, database, project.databases, project.default_name)
            return steps

        return find
