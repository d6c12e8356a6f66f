"""How a run is carried out, and for whom."""

from __future__ import annotations

import dataclasses

from ..plans.plan import Plan
from ..results import Watcher
from ..servers import Timeouts
from ..surroundings import operating_system_user
from .signals import Signals


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """How a run is carried out, and for whom.

    :param actor: Who asked for it; the operating-system user at this host if None.
    :param reason: Why, for the record.
    :param wait: Seconds to wait for the lock of the database; 0 refuses at once.
    :param timeouts: How long its session waits for locks and statements; as the settings say if
        None.
    :param runner: How it was started, for the record.
    :param run_id: Its id in the ledger, where it was queued there before.
    :param plan: What it must do exactly; None where it was never shown to anybody.
    :param watcher: Told about each step.
    :param signals: What asks it to end, in a process that is there for it alone. Nobody's program
        is told by us how to take its signals.
    """

    actor: str | None = None
    reason: str | None = None
    wait: float = 60.0
    timeouts: Timeouts | None = None
    runner: str = "code"
    run_id: str | None = None
    plan: Plan | None = None
    watcher: Watcher | None = None
    signals: Signals | None = None

    @property
    def asked_by(self) -> str:
        """Who asked for it, in any case."""
        return self.actor or operating_system_user()
