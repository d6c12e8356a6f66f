"""How the run of a plan goes about it, chosen when the plan is made and kept with it."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

from ..servers import Timeouts


@dataclasses.dataclass(frozen=True)
class PlanOptions:
    """How the run of a plan goes about it.

    :param lock_timeout: Seconds to wait for a lock on a table; as the settings say if None.
    :param statement_timeout: Seconds that a statement may take; as the settings say if None.
    :param wait: Seconds to wait for the lock of the database; as whoever runs it says if None.
    :param purge: Whether a stamp empties the version table first.
    :param rest_of: The run whose half-done step the first step of this one is; None for any other.
    :param left_out: The statements that the first step begins with and that are in place already,
        as they would be sent.
    """

    lock_timeout: float | None = None
    statement_timeout: float | None = None
    wait: float | None = None
    purge: bool = False
    rest_of: str | None = None
    left_out: tuple[str, ...] = ()

    def timeouts(self, usual: Timeouts) -> Timeouts:
        """Return how long the session of the run waits.

        :param usual: What holds where nothing was chosen.
        """
        return Timeouts(
            lock=usual.lock if self.lock_timeout is None else self.lock_timeout,
            statement=(
                usual.statement if self.statement_timeout is None else self.statement_timeout
            ),
        )

    def to_values(self) -> dict[str, t.Any]:
        """Return the options as values that JSON can hold."""
        return dict(vars(self))

    @classmethod
    def from_values(cls, values: c.Mapping[str, t.Any]) -> PlanOptions:
        """Return the options that ``to_values`` gave, also before there were all of them."""
        return cls(**{**values, "left_out": tuple(values.get("left_out", ()))})
