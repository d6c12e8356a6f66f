"""Planning the rest of a step that a run left half done, and seeing to it that it is still that."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import functools
import typing as t

from alembic.runtime.migration import MigrationContext

from ...errors import MigrationError
from ...errors import PlanMoved
from ...errors import TargetError
from ..ledger.tables import RunRecord
from ..plans.options import PlanOptions
from ..plans.plan import make_plan
from ..plans.plan import Plan
from ..reading import Reader
from ..results import Action
from .forensics import Forensics
from .half_applied import look
from .leaving_out import LeavingOut

if t.TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep


class NoRest(MigrationError):
    """The rest of a step cannot be run without doing something twice or not at all."""


def look_at(reader: Reader, record: RunRecord) -> Forensics:
    """Return what is in place of the step that a run left in doubt; the database is only read.

    The Python of the step is run against a connection that sends nothing.

    :param reader: The verbs.
    :param record: The run.
    :raises TargetError: It left none in doubt, or the database has moved on since.
    """
    found = look(reader, record)

    if found is None:
        raise TargetError(
            f"Run {record.id} leaves no step of database '{record.database}' in doubt.",
            f"'{reader.project.command} runs show' says how it ended.",
        )

    return found


def plan_rest(
    reader: Reader, record: RunRecord, options: PlanOptions | None = None
) -> tuple[Plan, Forensics]:
    """Return the plan that finishes the step a run left half done, and goes on from there.

    Its run counts as the examination of that run, by whoever asks for it and with their reason.

    :param reader: The verbs.
    :param record: The run.
    :param options: How it goes about it else; as the settings say if None.
    :raises TargetError: It left none in doubt.
    :raises NoRest: It cannot be told for certain what is in place, or it cannot be left out.
    """
    found = look_at(reader, record)

    if found.unknown or found.no_rest:
        raise NoRest(
            f"The rest of {found.revision} cannot be run. {found.sentence} {found.no_rest}".strip(),
            "Finish the step by hand and stamp it, or undo it by hand.",
        )

    options = dataclasses.replace(
        options or PlanOptions(), rest_of=record.id, left_out=found.left_out
    )
    action: Action = "downgrade" if found.action == "downgrade" else "upgrade"
    plan = make_plan(reader, action, found.target.split(" "), record.database, options)

    if not plan.steps or plan.steps[0].revision != found.revision:
        raise NoRest(
            f"A run to {found.target} would not begin with {found.revision}, which is half done.",
            "Finish the step by hand and stamp it, or undo it by hand.",
        )

    return plan, found


class Rest:
    """What the run of a rest does besides: it looks again, and leaves out what is in place.

    :param reader: The verbs.
    :param plan: The plan of the rest.
    :param run_id: The id of the run that carries it out.
    :param examine: Notes that the run whose rest it is was examined.
    """

    def __init__(
        self, reader: Reader, plan: Plan, run_id: str, examine: c.Callable[[str], object]
    ) -> None:
        self._run_id = run_id
        self._reader = reader
        self._options = plan.options
        self._steps = plan.steps
        self._rest_of = plan.options.rest_of or ""
        self._examine = examine

    def refuse_if_moved(self) -> None:
        """Refuse to go on unless exactly what was planned is the rest.

        Whoever calls it holds the lock of the database and has no migration at work.

        :raises PlanMoved: Something else is in place than when it was planned.
        """
        record = self._reader.project.ledger.run(self._rest_of, with_plan=False)
        found = look(self._reader, record, besides=self._run_id) if record else None

        if found is None:
            raise PlanMoved([f"Run {self._rest_of} leaves no step in doubt any more."])

        # A plan may come from a file, and what is left out belongs to one step alone.
        if not self._steps or self._steps[0].revision != found.revision:
            raise PlanMoved([f"The plan does not begin with {found.revision}, which is half done."])

        if found.unknown or found.no_rest or found.left_out != self._options.left_out:
            raise PlanMoved(
                [
                    f"{len(self._options.left_out)} operations of {found.revision} were done when "
                    f"this was planned. Now: {found.sentence}"
                ]
            )

    def shorten(self, step: RevisionStep, context: MigrationContext) -> None:
        """Make the first step leave out what is in place of it.

        :param step: The step.
        :param context: What it is run on.
        """
        # The database is in doubt by the new run, should that not come to the end of the step.
        begins = functools.partial(self._examine, self._rest_of)
        LeavingOut(context, self._options.left_out).shorten(step, begins)
