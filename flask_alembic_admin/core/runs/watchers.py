"""Telling several watchers how a run goes on."""

from __future__ import annotations

import collections.abc as c
import logging
import typing as t

from ..results import Watcher

if t.TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep

_logger = logging.getLogger(__name__)


class Watchers:
    """Passes on to several watchers what one is told.

    :param watchers: In order; None is nobody.
    """

    def __init__(self, *watchers: Watcher | None) -> None:
        self._watchers = [watcher for watcher in watchers if watcher is not None]

    def run_started(self, database: str, steps: c.Sequence[RevisionStep]) -> None:
        for watcher in self._watchers:
            watcher.run_started(database, steps)

    def step_started(self, database: str, position: int, step: RevisionStep) -> None:
        for watcher in self._watchers:
            watcher.step_started(database, position, step)

    def step_done(self, database: str, position: int, step: RevisionStep) -> None:
        for watcher in self._watchers:
            watcher.step_done(database, position, step)

    def noticed(self, message: str) -> None:
        for watcher in self._watchers:
            # It may come from the thread that records the run, which has to go on.
            try:
                watcher.noticed(message)
            except Exception:
                _logger.exception("A watcher of a run failed at: %s", message)
