"""What a rehearsal gives back."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

from ..results import Action

#: Where a plan can be rehearsed: on a copy that is made for it, on one that somebody keeps, or on
#: the live database, in a transaction that is rolled back.
PlaceKind: t.TypeAlias = t.Literal["own copy", "kept copy", "live"]


@dataclasses.dataclass(frozen=True)
class RehearsedStep:
    """One step that was rehearsed.

    :param revision: The revision's id.
    :param message: The revision's message.
    :param seconds: How long it took.
    :param statements: How many statements it sent.
    :param rows: How many rows they touched.
    :param locks: On PostgreSQL, the strongest lock that it held on each table that was there
        before the plan, strongest first.
    :param slowest: The statement that took longest.
    :param slowest_seconds: How long that took.
    :param error: Why it failed; empty where it did not.
    :param file: The revision file, or a helper beside it, that failed.
    :param line: The line there.
    """

    revision: str
    message: str
    seconds: float
    statements: int
    rows: int
    locks: c.Mapping[str, str] = dataclasses.field(default_factory=dict)
    slowest: str = ""
    slowest_seconds: float = 0.0
    error: str = ""
    file: str | None = None
    line: int | None = None


@dataclasses.dataclass(frozen=True)
class Rehearsal:
    """A plan that was run for real where it cannot hurt.

    :param database: The database's name.
    :param action: What the plan does.
    :param target: Where it goes.
    :param kind: What it was run on.
    :param where: The same in words, with nothing secret in it.
    :param heads: Where it began.
    :param heads_after: Where it came to; None where nobody could read that.
    :param steps: The steps as far as they were begun, the last one with what it failed by.
    :param seconds: How long all of it took.
    :param error: Why it failed where that was no step; empty otherwise.
    :param notes: What has to be known to read it rightly.
    """

    database: str
    action: Action
    target: str
    kind: PlaceKind
    where: str
    heads: tuple[str, ...]
    heads_after: tuple[str, ...] | None
    steps: tuple[RehearsedStep, ...]
    seconds: float
    error: str = ""
    notes: tuple[str, ...] = ()

    @property
    def succeeded(self) -> bool:
        """Whether every step ended well."""
        return not self.error and not any(step.error for step in self.steps)

    @property
    def failed(self) -> tuple[int, RehearsedStep] | None:
        """The step that failed, with its position, which counts from 1."""
        return next(((at, step) for at, step in enumerate(self.steps, 1) if step.error), None)

    def to_values(self) -> dict[str, t.Any]:
        """Return the rehearsal as values that JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_values(cls, values: c.Mapping[str, t.Any]) -> Rehearsal:
        """Return the rehearsal that ``to_values`` gave."""
        after = values["heads_after"]
        return cls(
            **{
                **values,
                "heads": tuple(values["heads"]),
                "heads_after": None if after is None else tuple(after),
                "steps": tuple(RehearsedStep(**step) for step in values["steps"]),
                "notes": tuple(values["notes"]),
            }
        )
