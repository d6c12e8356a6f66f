"""Running all revisions of a database up, down and up again, where it cannot hurt."""

from __future__ import annotations

import collections.abc as c
import contextlib
import datetime
import time
import tokenize
import typing as t

from alembic.runtime.migration import MigrationStep

from ...errors import OutsideScratch
from .. import internals
from ..drift import Difference
from ..drift import to_differences
from ..op_guard import op_guard
from ..recorder.data_losses import losses
from ..recorder.data_losses import Passage
from ..redact import redact
from ..results import step_message
from ..results import step_revision
from ..risks.revision_source import lack_of_downgrade
from ..schema.parts import differences_told
from ..schema.parts import Snapshot
from ..scratch import open_scratch
from ..scratch import Scratch
from ..scripts.file_digests import file_digest
from ..sealed import sealed_but_for
from .result import Cause
from .result import Proof
from .result import Verification
from .result import VerifiedRevision
from .trial import StepFailed
from .trial import Trial

if t.TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep

    from ..migrator import Migrator

#: The most differences from the models that are kept.
MOST_DIFFERENCES = 500

#: Told of each revision when it is known what its downgrade is.
Told: t.TypeAlias = "c.Callable[[VerifiedRevision], object]"


def verify_revisions(migrator: Migrator, database: str, told: Told | None = None) -> Verification:
    """Run all revisions up, down and up again on a scratch database, and say what was found.

    The database itself is not changed; what reaches for it is refused.

    :param migrator: The verbs.
    :param database: The database's name.
    :param told: Told of each revision.
    :raises SetupError: There can be no scratch database.
    :raises UnreachableDatabase: Its server cannot be reached.
    :raises ScriptError: The files cannot be loaded.
    """
    now, began = datetime.datetime.now(datetime.UTC), time.monotonic()
    project = migrator.project
    directory = project.scripts.directory()

    with migrator.in_use(database) as use:
        arguments = use.x_arguments, use.tag
        # What an env.py says is needed, and it is not run after this.
        project.learn_options(use.x_arguments)

    with (
        open_scratch(project, database) as scratch,
        migrator.use(database, *arguments, project=project.with_database(scratch.database)),
        sealed_but_for(scratch.database.engine, _refuse),
    ):
        steps = internals.upgrade_steps(directory, "heads", ())
        found = _Walk(migrator, scratch, database, steps, told).carry_out()

    return Verification(
        database=database,
        dialect=project.databases[database].dialect,
        place=scratch.place,
        time=now,
        seconds=time.monotonic() - began,
        notes=tuple(scratch.notes),
        **found,
    )


def _refuse(wanted: str) -> t.NoReturn:
    raise OutsideScratch(wanted)


class _Walk:
    """One walk through all revisions.

    :param migrator: The verbs, at work on the scratch database.
    :param scratch: Where it goes on.
    :param name: The database's name.
    :param steps: The upgrades of all revisions, in an order that works.
    :param told: Told of each revision.
    """

    def __init__(
        self,
        migrator: Migrator,
        scratch: Scratch,
        name: str,
        steps: c.Sequence[RevisionStep],
        told: Told | None,
    ) -> None:
        self._migrator = migrator
        self._scratch = scratch
        self._name = name
        self._steps = steps
        self._told = told or (lambda one: None)
        self._project = migrator.project
        self._files = self._project.scripts.loaded_history().revisions
        self._trial = Trial(migrator, scratch, name)

    def carry_out(self) -> dict[str, t.Any]:
        """Return what is found, as values of a verification."""
        revisions: list[VerifiedRevision] = []

        with self._trial.listening():
            before = self._trial.snapshot()

            for position, step in enumerate(self._steps):
                try:
                    one, before = self._verified(position, before)
                except StepFailed as error:
                    one = self._failed(step, error)
                    later = [
                        self._not_reached(other, step) for other in self._steps[position + 1 :]
                    ]
                    for each in (one, *later):
                        self._told(each)
                    return {"revisions": (*revisions, one, *later)}

                revisions.append(one)
                self._told(one)

            return {"revisions": tuple(revisions), "compared": True, **self._compared()}

    def _verified(self, position: int, before: Snapshot) -> tuple[VerifiedRevision, Snapshot]:
        """Run one revision up, down and up again; return what was found and what is there now."""
        step = self._steps[position]
        heads = self._trial.heads()
        up = self._trial.run(step, before)

        if step_revision(step) not in self._trial.heads():
            raise StepFailed("Its work was rolled back: the version table does not have it")

        if lack_of_downgrade(self._source(step), self._suffix) == "missing":
            return self._unproven(step, "missing", "The file has no downgrade()."), up.after

        try:
            down = self._trial.run(self._reversed(step), up.after)
        except StepFailed as error:
            one = self._unproven(
                step, "raises", f"Its downgrade fails: {error.reason}.", error.file, error.line
            )
            if self._is_untouched(up.after, step):
                return one, up.after
            return one, self._built_again(position)

        differences = before.differences(down.after)

        # What is sent past SQLAlchemy is not seen, but what becomes of it is.
        is_seen = not differences and before.differences(up.after)

        if up.changes_something and not (down.changes_something or is_seen):
            more = f" ({differences_told(differences)})" if differences else ""
            reason = f"Its downgrade does nothing: all that the upgrade does stays{more}."
            one = self._unproven(step, "empty", reason)
            return one, self._built_again(position)

        if differences or self._trial.heads() != heads:
            told = differences_told(differences) or "the version table is not what it was"
            one = self._unproven(step, "differs", f"After its downgrade {told}.")
            return one, self._built_again(position)

        try:
            again = self._trial.run(step, down.after)
        except StepFailed as error:
            reason = f"After its downgrade the upgrade fails: {error.reason}."
            one = self._unproven(step, "again", reason, error.file, error.line)
            return one, self._built_again(position)

        if differences := up.after.differences(again.after):
            told = differences_told(differences)
            one = self._unproven(step, "again", f"After down and up again {told}.")
            return one, self._built_again(position)

        return self._proven(step, before, up, down), again.after

    def _proven(
        self, step: RevisionStep, before: Snapshot, up: Passage, down: Passage
    ) -> VerifiedRevision:
        dialect = self._scratch.database.dialect
        parts = []

        if lost := losses(up, before, dialect):
            parts.append(f"The upgrade {_listed(lost)}, which the downgrade cannot bring back.")

        if lost := losses(down, before, dialect, undone=up):
            parts.append(f"The downgrade {_listed(lost)}.")

        return self._of(step, "lossy" if parts else "proven", reason=" ".join(parts))

    # Steps.

    def _reversed(self, step: RevisionStep) -> RevisionStep:
        directory = self._project.scripts.directory()
        script = directory.get_revision(step_revision(step))
        assert script is not None
        return MigrationStep.downgrade_from_script(directory.revision_map, script)

    def _is_untouched(self, after: Snapshot, step: RevisionStep) -> bool:
        is_there = step_revision(step) in self._trial.heads()
        return is_there and not after.differences(self._trial.snapshot())

    def _built_again(self, position: int) -> Snapshot:
        """Build the scratch database anew, up to a revision, and return what is there."""
        snapshot = self._trial.begin_anew()

        for step in self._steps[: position + 1]:
            snapshot = self._trial.run(step, snapshot).after

        return snapshot

    def _compared(self) -> dict[str, t.Any]:
        """Return what differs from the models, as values of a verification."""
        try:
            with self._migrator.in_use(self._name), op_guard():
                script = self._migrator.produce_migrations(self._name)
                found: list[Difference] = []
                for operations in script.upgrade_ops_list:
                    found += to_differences(operations.as_diffs())
        except Exception as error:
            # Models, filters and comparators are the app's.
            said = self._scratch.database.describe_error(error)
            return {"error": redact(said, self._project.urls)}

        found.sort(key=lambda one: one.table)
        return {"differences": tuple(found[:MOST_DIFFERENCES])}

    # Words.

    def _failed(self, step: RevisionStep, error: StepFailed) -> VerifiedRevision:
        reason = f"Its upgrade fails: {error.reason}."
        return self._unproven(step, "failed", reason, error.file, error.line)

    def _not_reached(self, step: RevisionStep, failed: RevisionStep) -> VerifiedRevision:
        reason = f"It was not reached: {step_revision(failed)} failed before."
        return self._unproven(step, "not reached", reason)

    def _unproven(
        self,
        step: RevisionStep,
        cause: Cause,
        reason: str,
        file: str | None = None,
        line: int | None = None,
    ) -> VerifiedRevision:
        return self._of(step, "unproven", cause, reason, file, line)

    def _of(
        self,
        step: RevisionStep,
        proof: Proof,
        cause: Cause = "",
        reason: str = "",
        file: str | None = None,
        line: int | None = None,
    ) -> VerifiedRevision:
        revision = step_revision(step)
        known = self._files.get(revision)
        return VerifiedRevision(
            revision=revision,
            message=step_message(step),
            proof=proof,
            cause=cause,
            reason=reason,
            sha256=file_digest(known.path.read_bytes()) if known else None,
            file=file or (known.path.name if known else None),
            line=line,
        )

    @property
    def _suffix(self) -> str:
        """The name by which a file tells the functions for this database from those for others."""
        return self._name if len(self._project.databases) > 1 else ""

    def _source(self, step: RevisionStep) -> str:
        known = self._files.get(step_revision(step))

        with contextlib.suppress(OSError, SyntaxError, UnicodeDecodeError):
            if known:
                with tokenize.open(known.path) as file:
                    return file.read()

        return ""


def _listed(parts: c.Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
