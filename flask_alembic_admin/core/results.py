"""What the verbs give back."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import types
import typing as t

from alembic.script import Script

if t.TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep

Action: t.TypeAlias = t.Literal["upgrade", "downgrade", "stamp"]


@dataclasses.dataclass(frozen=True)
class StepResult:
    """One step that was carried out and stays so.

    :param revision: The id of the revision; of a stamp, what the version table holds instead.
    :param message: The revision's message.
    :param seconds: How long it took.
    """

    revision: str
    message: str
    seconds: float


@dataclasses.dataclass(frozen=True)
class RunResult:
    """What an upgrade, a downgrade or a stamp did to one database.

    :param database: The database's name.
    :param action: What was asked for.
    :param before: What the version table held.
    :param after: What it holds now, read on a new connection.
    :param steps: The steps, in order.
    :param seconds: How long all of it took.
    """

    database: str
    action: Action
    before: tuple[str, ...]
    after: tuple[str, ...]
    steps: tuple[StepResult, ...]
    seconds: float


class Watcher(t.Protocol):
    """Something that wants to know how a run goes on, such as a terminal or a ledger."""

    def run_started(self, database: str, steps: c.Sequence[RevisionStep]) -> None:
        """The steps are known and none has begun."""

    def step_started(self, database: str, position: int, step: RevisionStep) -> None:
        """A step, counted from 1, is about to begin."""

    def step_done(self, database: str, position: int, step: RevisionStep) -> None:
        """A step has ended and is committed."""

    def noticed(self, message: str) -> None:
        """Something a person should know while the run goes on, such as who keeps it waiting.

        It may be told from another thread than the rest, also before the run has started.
        """


class UnknownRevision(Script):
    """A revision that a database holds and no file here has.

    It stands among the values of ``current()`` with nothing but its id.
    """

    def __init__(self, revision: str) -> None:
        module = types.ModuleType(f"unknown_{revision}", "not found in the revision files")
        module.down_revision = None  # type: ignore[attr-defined]
        super().__init__(module, revision, "")


def step_revision(step: RevisionStep) -> str:
    """Return the id of the revision that a step is about."""
    info = step.info
    ids = info.up_revision_ids or info.down_revision_ids
    return ", ".join(ids)


def step_message(step: RevisionStep) -> str:
    """Return the message of the revision that a step is about."""
    # In one line, whatever its file says.
    return " ".join((step.doc or "").split())
