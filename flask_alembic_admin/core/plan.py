"""What a run would do, fixed so that exactly this can be run, or nothing."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import hashlib
import json
import typing as t

from ..errors import PlanMoved
from .history import RevisionFile
from .ledger_tables import StepFacts
from .preview import StepPreview
from .project import Project
from .reading import Reader
from .results import Action
from .results import step_message
from .results import step_revision
from .targets import as_texts
from .targets import Target

if t.TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep


@dataclasses.dataclass(frozen=True)
class PlannedStep(StepFacts):
    """One revision in one direction within a plan.

    :param sql: What would be sent.
    :param incomplete: Why more would be sent than stands there; empty where all of it is known.
    """

    sql: str
    incomplete: str = ""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a run would do.

    :param database: The database's name.
    :param fingerprint: A digest of the place it is at.
    :param action: What is done.
    :param target: Where it goes, as it was asked for.
    :param heads: Where the database is.
    :param steps: The steps, in order.
    """

    database: str
    fingerprint: str
    action: Action
    target: str
    heads: tuple[str, ...]
    steps: tuple[PlannedStep, ...]

    @property
    def targets(self) -> list[str]:
        """Where it goes, one text for each revision that was asked for."""
        return self.target.split(" ")

    @property
    def digest(self) -> str:
        """A digest of all that decides what would be run."""
        decisive = [
            self.database,
            self.fingerprint,
            self.action,
            self.target,
            sorted(self.heads),
            [(step.revision, step.sha256) for step in self.steps],
        ]
        return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()

    def to_values(self) -> dict[str, t.Any]:
        """Return the plan as values that JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_values(cls, values: c.Mapping[str, t.Any]) -> Plan:
        """Return the plan that ``to_values`` gave."""
        return cls(
            **{
                **values,
                "heads": tuple(values["heads"]),
                "steps": tuple(PlannedStep(**step) for step in values["steps"]),
            }
        )

    def moved(self, now: Plan) -> list[str]:
        """Return what differs in a plan made later, in sentences; nothing if both do the same.

        :param now: A plan for the same database, action and target.
        """
        if self.digest == now.digest:
            return []

        changes = []

        if self.fingerprint != now.fingerprint:
            changes.append(f"Another database is behind the name '{self.database}'.")

        if set(self.heads) != set(now.heads):
            changes.append(
                f"The database was at {_listed(self.heads)} and is at {_listed(now.heads)}."
            )

        before = {step.revision: step.sha256 for step in self.steps}
        after = {step.revision: step.sha256 for step in now.steps}

        # From elsewhere the way is another one, which says nothing about the files.
        if not changes:
            changes += [f"Revision {item} was added." for item in after if item not in before]
            changes += [f"Revision {item} is gone." for item in before if item not in after]

        changes += [
            f"The file of revision {item} was changed."
            for item in before
            if item in after and before[item] != after[item]
        ]
        return changes or ["The order of the steps has changed."]

    def refuse_if_moved(self, now: Plan) -> None:
        """Refuse to go on unless a plan made later does the same.

        :raises PlanMoved: With what has moved.
        """
        changes = self.moved(now)

        if changes:
            raise PlanMoved(changes)


def make_plan(migrator: Reader, action: Action, target: Target, database: str) -> Plan:
    """Return what a run would do; the database is only read.

    The Python of each step is run to render its SQL, against a connection that sends nothing.

    :param migrator: The verbs.
    :param action: ``upgrade``, ``downgrade`` or ``stamp``.
    :param target: Where to go.
    :param database: The database's name.
    :raises TargetError: The target cannot be reached.
    """
    return _plan(migrator, action, target, database, with_sql=True)


def plan_steps(migrator: Reader, action: Action, target: Target, database: str) -> Plan:
    """Return what a run would do, without its SQL; no Python of a step is run.

    :param migrator: The verbs.
    :param action: ``upgrade``, ``downgrade`` or ``stamp``.
    :param target: Where to go.
    :param database: The database's name.
    :raises TargetError: The target cannot be reached.
    """
    return _plan(migrator, action, target, database, with_sql=False)


def replan(migrator: Reader, plan: Plan) -> Plan:
    """Return what the run of a plan would do now, without its SQL.

    :param migrator: The verbs.
    :param plan: The plan that was made before.
    """
    return plan_steps(migrator, plan.action, plan.targets, plan.database)


def plan_of(
    project: Project,
    action: Action,
    target: Target,
    database: str,
    heads: tuple[str, ...],
    steps: c.Sequence[RevisionStep],
    fingerprint: str,
    previews: c.Sequence[StepPreview] = (),
) -> Plan:
    """Return the plan that some steps make.

    :param project: What is fixed.
    :param action: What is done.
    :param target: Where it goes.
    :param database: The database's name.
    :param heads: Where the database is.
    :param steps: What would be run.
    :param fingerprint: A digest of the place that the database is at.
    :param previews: The SQL of the steps, where it was rendered.
    """
    files = project.scripts.history().revisions
    rendered = {preview.revision: preview for preview in previews}
    return Plan(
        database=database,
        fingerprint=fingerprint,
        action=action,
        target=" ".join(as_texts(target)),
        heads=heads,
        steps=tuple(
            _planned(action, step_revision(step), step_message(step), files, rendered)
            for step in steps
        ),
    )


def _plan(
    migrator: Reader, action: Action, target: Target, database: str, *, with_sql: bool
) -> Plan:
    with migrator.in_use(database):
        # A bare number becomes a count with its sign, which means the same wherever it is run.
        target = migrator.checked(target, downwards=action == "downgrade")
        heads, steps = migrator.find_steps(action, target, database)
        previews = migrator.preview(action, target, database) if with_sql else ()

    project = migrator.project

    with project.databases[database].connect() as connection:
        fingerprint = project.databases[database].fingerprint(connection)

    return plan_of(project, action, target, database, heads, steps, fingerprint, previews)


def _planned(
    action: Action,
    revision: str,
    message: str,
    files: c.Mapping[str, RevisionFile],
    rendered: c.Mapping[str, StepPreview],
) -> PlannedStep:
    file, preview = files.get(revision), rendered.get(revision)
    return PlannedStep(
        revision=revision,
        direction=action,
        message=message,
        file=file.path.name if file else None,
        sha256=file_digest(file.path.read_bytes()) if file else None,
        sql=preview.sql if preview else "",
        incomplete=preview.incomplete if preview else "",
    )


def file_digest(content: bytes) -> str:
    """Return the SHA-256 of a file's content with its line ends normalised.

    A checkout with other line ends is the same revision.
    """
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()


def _listed(revisions: tuple[str, ...]) -> str:
    return ", ".join(revisions) or "base"
