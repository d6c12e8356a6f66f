"""What a run would do, fixed so that exactly this can be run, or nothing."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import hashlib
import json
import typing as t

from ...errors import PlanMoved
from ..forensics.forensics import sql_without
from ..ledger.tables import StepFacts
from ..project import Project
from ..reading import Reader
from ..results import Action
from ..results import step_message
from ..results import step_revision
from ..risks.findings import Finding
from ..scripts.file_digests import file_digest
from ..scripts.history import History
from ..scripts.revision_files import RevisionFile
from ..scripts.targets import as_texts
from ..scripts.targets import Target
from .estimate import StepEstimate
from .findings import examine_steps
from .findings import Examined
from .options import PlanOptions
from .preview import StepPreview

if t.TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep

    from ..ledger.ledger import Ledger

#: Whoever says nothing has it done as the settings say.
_USUAL = PlanOptions()
_UNEXAMINED = Examined()


@dataclasses.dataclass(frozen=True)
class PlannedStep(StepFacts):
    """One revision in one direction within a plan.

    :param sql: What would be sent.
    :param incomplete: Why more would be sent than stands there; empty where all of it is known.
    :param findings: What a person should know about it.
    :param estimate: What it would do to tables; None for a stamp, and in plans from before.
    """

    sql: str
    incomplete: str = ""
    findings: tuple[Finding, ...] = ()
    estimate: StepEstimate | None = None

    def to_values(self) -> dict[str, t.Any]:
        """Return the step as values that JSON can hold."""
        # Much faster than `dataclasses.asdict`, which copies each text.
        return {
            **vars(self),
            "findings": [dict(vars(finding)) for finding in self.findings],
            "estimate": self.estimate.to_values() if self.estimate else None,
        }

    @classmethod
    def from_values(cls, values: c.Mapping[str, t.Any]) -> PlannedStep:
        """Return the step that ``to_values`` gave, also before there were findings."""
        findings = tuple(Finding.from_values(one) for one in values.get("findings", ()))
        estimate = values.get("estimate")
        return cls(
            **{
                **values,
                "findings": findings,
                "estimate": StepEstimate.from_values(estimate) if estimate else None,
            }
        )


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a run would do.

    :param database: The database's name.
    :param fingerprint: A digest of the place it is at.
    :param action: What is done.
    :param target: Where it goes, as it was asked for.
    :param heads: Where the database is.
    :param steps: The steps, in order.
    :param options: How its run goes about it.
    :param heads_after: Where the database is afterwards; None for a stamp, which goes to its
        target, and in plans from before.
    """

    database: str
    fingerprint: str
    action: Action
    target: str
    heads: tuple[str, ...]
    steps: tuple[PlannedStep, ...]
    options: PlanOptions = _USUAL
    heads_after: tuple[str, ...] | None = None

    @property
    def targets(self) -> list[str]:
        """Where it goes, one text for each revision that was asked for."""
        return self.target.split(" ")

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What should be known about its steps, in their order."""
        return tuple(finding for step in self.steps for finding in step.findings)

    @property
    def digest(self) -> str:
        """A digest of all that decides what would be run, and how."""
        decisive = [*self._decisive, self.options.to_values()]
        return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()

    @property
    def _decisive(self) -> list[t.Any]:
        """All that decides what would be run; how long it would wait does not."""
        return [
            self.database,
            self.fingerprint,
            self.action,
            self.target,
            sorted(self.heads),
            [(step.revision, step.sha256) for step in self.steps],
            self.options.purge,
            self.options.rest_of,
            list(self.options.left_out),
        ]

    def to_values(self) -> dict[str, t.Any]:
        """Return the plan as values that JSON can hold."""
        return {
            **vars(self),
            "steps": tuple(step.to_values() for step in self.steps),
            "options": self.options.to_values(),
        }

    @classmethod
    def from_values(cls, values: c.Mapping[str, t.Any]) -> Plan:
        """Return the plan that ``to_values`` gave."""
        after = values.get("heads_after")
        return cls(
            **{
                **values,
                "heads": tuple(values["heads"]),
                "heads_after": None if after is None else tuple(after),
                "steps": tuple(PlannedStep.from_values(step) for step in values["steps"]),
                "options": PlanOptions.from_values(values.get("options", {})),
            }
        )

    def moved(self, now: Plan) -> list[str]:
        """Return what differs in a plan made later, in sentences; nothing if both do the same.

        :param now: A plan for the same database, action and target.
        """
        if self._decisive == now._decisive:
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

        :param now: That plan.
        :raises PlanMoved: With what has moved.
        """
        changes = self.moved(now)

        if changes:
            raise PlanMoved(changes)


def make_plan(
    migrator: Reader,
    action: Action,
    target: Target,
    database: str,
    options: PlanOptions = _USUAL,
) -> Plan:
    """Return what a run would do, with what should be known about it; the database is only read.

    The Python of each step is run to render its SQL, against a connection that sends nothing.

    :param migrator: The verbs.
    :param action: ``upgrade``, ``downgrade`` or ``stamp``.
    :param target: Where to go.
    :param database: The database's name.
    :param options: How its run goes about it.
    :raises TargetError: The target cannot be reached.
    """
    return _plan(migrator, action, target, database, options, with_sql=True)


def plan_steps(
    migrator: Reader,
    action: Action,
    target: Target,
    database: str,
    options: PlanOptions = _USUAL,
) -> Plan:
    """Return what a run would do, without its SQL; no Python of a step is run.

    :param migrator: The verbs.
    :param action: ``upgrade``, ``downgrade`` or ``stamp``.
    :param target: Where to go.
    :param database: The database's name.
    :param options: How its run goes about it.
    :raises TargetError: The target cannot be reached.
    """
    return _plan(migrator, action, target, database, options, with_sql=False)


def replan(migrator: Reader, plan: Plan) -> Plan:
    """Return what the run of a plan would do now, without its SQL.

    :param migrator: The verbs.
    :param plan: The plan that was made before.
    """
    return plan_steps(migrator, plan.action, plan.targets, plan.database, plan.options)


def keep_plan(plan: Plan, ledger: Ledger, actor: str | None) -> str:
    """Keep a plan in a ledger and return its id, which stays its id as a run.

    :param plan: The plan.
    :param ledger: Where it is kept.
    :param actor: Who had it made.
    """
    return ledger.plan(
        database=plan.database,
        action=plan.action,
        target=plan.target,
        heads_before=plan.heads,
        plan=plan.to_values(),
        plan_hash=plan.digest,
        steps=plan.steps,
        actor=actor,
    )


def plan_of(
    project: Project,
    action: Action,
    target: Target,
    database: str,
    heads: tuple[str, ...],
    steps: c.Sequence[RevisionStep],
    fingerprint: str,
    previews: c.Sequence[StepPreview] = (),
    options: PlanOptions = _USUAL,
    examined: Examined = _UNEXAMINED,
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
    :param options: How its run goes about it.
    :param examined: What should be known about the steps.
    """
    history = project.scripts.loaded_history()
    rendered = {preview.revision: preview for preview in previews}
    found: dict[str, list[Finding]] = {}

    for finding in examined.findings:
        found.setdefault(finding.revision, []).append(finding)

    return Plan(
        database=database,
        fingerprint=fingerprint,
        action=action,
        target=" ".join(as_texts(target)),
        heads=heads,
        steps=tuple(
            _planned(
                action,
                step_revision(step),
                step_message(step),
                history.revisions,
                rendered,
                found,
                examined,
            )
            for step in steps
        ),
        options=options,
        heads_after=_heads_after(history, action, heads, {step_revision(step) for step in steps}),
    )


def _heads_after(
    history: History, action: Action, heads: tuple[str, ...], steps: set[str]
) -> tuple[str, ...] | None:
    if action == "stamp":
        return None

    applied = history.applied(heads)
    after = applied | steps if action == "upgrade" else applied - steps
    return (*history.rows(after), *history.unknown(heads))


def _plan(
    migrator: Reader,
    action: Action,
    target: Target,
    database: str,
    options: PlanOptions,
    *,
    with_sql: bool,
) -> Plan:
    # Before the files are loaded: what is written to them later is not what is shown.
    stamps = migrator.project.scripts.stamps()

    with migrator.in_use(database) as use:
        if with_sql:
            # Before it is read where the database is: an env.py may keep that elsewhere.
            use.project.learn_options(use.x_arguments)

        # A bare number becomes a count with its sign, which means the same wherever it is run.
        target = migrator.checked(target, downwards=action == "downgrade")
        purge = options.purge
        heads, steps = migrator.find_steps(action, target, database, purge=purge)
        previews = migrator.preview(action, target, database, purge=purge) if with_sql else ()

    if options.rest_of and previews:
        first, count = previews[0], len(options.left_out)
        sql = sql_without(first.sql, first.operations, count)
        previews = (dataclasses.replace(first, sql=sql), *previews[1:])

    project = migrator.project

    with project.databases[database].connect() as connection:
        fingerprint = project.databases[database].fingerprint(connection)
        examined = examine_steps(
            project, database, action, previews, connection, options, heads, stamps
        )

    return plan_of(
        project, action, target, database, heads, steps, fingerprint, previews, options, examined
    )


def _planned(
    action: Action,
    revision: str,
    message: str,
    files: c.Mapping[str, RevisionFile],
    rendered: c.Mapping[str, StepPreview],
    found: c.Mapping[str, c.Sequence[Finding]],
    examined: Examined,
) -> PlannedStep:
    file, preview = files.get(revision), rendered.get(revision)

    if revision in examined.digests:
        # None where the file has changed meanwhile: such a plan can be read, and not be run.
        digest = examined.digests[revision]
    else:
        digest = file_digest(file.path.read_bytes()) if file else None

    return PlannedStep(
        revision=revision,
        direction=action,
        message=message,
        file=file.path.name if file else None,
        sha256=digest,
        sql=preview.sql if preview else "",
        incomplete=preview.incomplete if preview else "",
        findings=tuple(found.get(revision, ())),
        estimate=examined.estimates.get(revision),
    )


def _listed(revisions: tuple[str, ...]) -> str:
    return ", ".join(revisions) or "base"
