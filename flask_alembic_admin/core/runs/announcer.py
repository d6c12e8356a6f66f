"""Telling subscribers what becomes of one run, while nobody can be held up by it."""

from __future__ import annotations

import collections.abc as c
import time
import typing as t

import sqlalchemy as sa
from blinker import NamedSignal

from ..ledger.tables import RunStatus
from ..plans.plan import Plan
from ..project import Project
from ..results import Action
from ..results import step_message
from ..results import step_revision
from .events import attempt_refused
from .events import is_heard
from .events import run_finished
from .events import run_requested
from .events import run_started
from .events import step_finished
from .events import tell
from .options import RunOptions

if t.TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep


class Announcer:
    """Sends the signals of one run, which it also watches.

    :param project: What is fixed.
    :param run_id: The run.
    :param database: The database's name.
    :param action: What it does.
    :param target: Where it goes, as it was asked for.
    :param options: How it is carried out.
    """

    def __init__(
        self,
        project: Project,
        run_id: str,
        database: str,
        action: Action,
        target: str,
        options: RunOptions,
    ) -> None:
        self._project = project
        self._options = options
        self._attempt = {
            "database": database,
            "action": action,
            "target": target,
            "actor": options.asked_by,
        }
        self._facts: dict[str, t.Any] = {
            "run_id": run_id,
            **self._attempt,
            "reason": options.reason,
            "runner": options.runner,
        }
        self._plan = options.plan
        self._connection: sa.Connection | None = None
        self._step_began = 0.0
        #: Steps by revision that share a transaction which is still open: none has ended yet.
        self._uncommitted: dict[str, dict[str, t.Any]] = {}
        self._later: list[tuple[NamedSignal, dict[str, t.Any]]] = []

    def requested(self) -> None:
        """Tell that the run was asked for, unless that was told when it was queued."""
        if self._options.run_id is None:
            self._tell(run_requested, self._facts)

    def begun(self, plan: Plan, connection: sa.Connection) -> None:
        """Take note of what will be run.

        :param plan: What will be run.
        :param connection: The one that migrates.
        """
        self._plan = plan
        self._connection = connection

    def started(self) -> None:
        """Tell that the first step is about to begin."""
        assert self._plan is not None
        self._tell(
            run_started,
            {
                **self._facts,
                "heads_before": self._plan.heads,
                "revisions": tuple(step.revision for step in self._plan.steps),
            },
        )

    def finished(
        self,
        status: RunStatus,
        heads: tuple[str, ...] | None,
        error_class: str | None,
        error: str | None,
    ) -> None:
        """Tell the verdict once the lock is free.

        :param status: The verdict.
        :param heads: What the version table holds, or None where nobody can read it.
        :param error_class: The class of what went wrong.
        :param error: What went wrong, redacted.
        """
        if status == RunStatus.SUCCEEDED:
            self._later += [(step_finished, facts) for facts in self._uncommitted.values()]

        facts = {
            **self._facts,
            "status": str(status),
            "heads_before": self._plan.heads if self._plan is not None else None,
            "heads_after": heads,
            "error_class": error_class,
            "error": error,
        }
        self._later.append((run_finished, facts))

    def refused(self, run_id: str | None, reason: str, error_class: str | None) -> None:
        """Tell that the attempt was refused, once it is on its way back.

        :param run_id: What stands in the ledger for it.
        :param reason: Why, redacted.
        :param error_class: The class of the error.
        """
        facts = {"address": None, "reason": reason, "error_class": error_class}
        self._later.append((attempt_refused, {"run_id": run_id, **self._attempt, **facts}))

    def send(self) -> None:
        """Send what was kept until nothing is held any more."""
        later, self._later = self._later, []

        for signal, facts in later:
            self._tell(signal, facts)

    # What the run says.

    def run_started(self, database: str, steps: c.Sequence[RevisionStep]) -> None:
        """Hooks have not been called yet: it is told later."""

    def step_started(self, database: str, position: int, step: RevisionStep) -> None:
        self._step_began = time.monotonic()

    def step_done(self, database: str, position: int, step: RevisionStep) -> None:
        if not is_heard(step_finished):
            return

        facts = {
            **self._facts,
            "revision": step_revision(step),
            "message": step_message(step),
            "position": position,
            "seconds": time.monotonic() - self._step_began,
        }

        # Whoever looks at a table that was changed would wait for a commit that waits for them.
        if self._connection is not None and self._connection.in_transaction():
            self._uncommitted[facts["revision"]] = facts
        else:
            self._tell(step_finished, facts)

    def noticed(self, message: str) -> None:
        """It is for people."""

    def _tell(self, signal: NamedSignal, facts: dict[str, t.Any]) -> None:
        tell(signal, self._project, **facts)
