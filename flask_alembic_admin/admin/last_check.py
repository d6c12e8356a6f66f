"""The last check of a kind, as pages show it."""

from __future__ import annotations

import dataclasses

from ..core.checks.asking import lost_sentence
from ..core.ledger.checks import CheckRecord
from ..core.ledger.tables import RunStatus


@dataclasses.dataclass(frozen=True, kw_only=True)
class LastCheck:
    """The last check of a kind, and how it stands.

    :param record: The last one in the ledger; None where there is none.
    :param seen: How that stands, as far as can be seen.
    """

    record: CheckRecord | None = None
    seen: RunStatus | None = None

    @property
    def is_active(self) -> bool:
        """Whether one is queued or running."""
        return self.seen in {RunStatus.QUEUED, RunStatus.RUNNING}

    @property
    def failure(self) -> str:
        """Why the last one has found nothing; empty where it has, or may yet."""
        if self.record is None or self.seen not in {RunStatus.FAILED, RunStatus.LOST}:
            return ""

        return self.record.error or lost_sentence(self.record)
