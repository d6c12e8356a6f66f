"""The verbs: what can be asked of the migrations of a project, and what comes back."""

from __future__ import annotations

import collections.abc as c
import typing as t

from alembic import util
from alembic.script import Script

from ..errors import TargetError
from . import internals
from .op_guard import op_guard
from .reading import Reader
from .results import Action
from .results import RunResult
from .results import Watcher
from .run import Run
from .targets import as_texts
from .targets import Target
from .writing import write_merge
from .writing import write_revision

if t.TYPE_CHECKING:
    pass


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

                with op_guard(), use.at_work(name):
                    internals.run_steps(
                        context, use.environment(name), fn, kwargs, purge=use.purging
                    )

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
        wanted = self._checked(target, downwards=True)

        if len(wanted) != 1:
            raise TargetError(
                f"Target '{', '.join(wanted)}' of a downgrade names {len(wanted)} revisions.",
                "Go down to one at a time, or to 'base'.",
            )

        return self._run("downgrade", wanted, database, watcher)

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
