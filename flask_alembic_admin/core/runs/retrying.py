"""Trying a step again that got no lock in time and left nothing behind."""

from __future__ import annotations

import collections.abc as c
import typing as t

from ...errors import RunFailed
from ..databases.database import Database
from ..ledger.recording import Recording
from ..results import RunResult
from ..servers import server_of
from .run import Run

if t.TYPE_CHECKING:
    from ..internals import StepFunction

#: Seconds to wait before each new try of a step that got no lock in time and was rolled back.
PAUSES = (1.0, 2.0, 4.0)


class Retrying:
    """Carries out a run, and tries a step again that got no lock in time and left no trace.

    :param database: What is migrated.
    :param recording: Knows whether a step has left something, and whether somebody wants an end.
    :param notice: Told before each new try.
    :param assert_held: Raises where the run holds the lock of its database no more.
    """

    def __init__(
        self,
        database: Database,
        recording: Recording,
        notice: c.Callable[[str], object],
        assert_held: c.Callable[[], object],
    ) -> None:
        self._database = database
        self._server = server_of(database.engine)
        self._recording = recording
        self._notice = notice
        self._assert_held = assert_held

    def carry_out(self, run: Run, run_migrations: c.Callable[[StepFunction], object]) -> RunResult:
        """Carry out a run; the arguments and errors are those of ``Run.carry_out``."""
        for pause in PAUSES:
            try:
                return run.carry_out(run_migrations)
            except RunFailed as error:
                cause = error.__cause__
                got_no_lock = cause is not None and self._server.is_lock_timeout(cause)

                # Half of a CREATE INDEX CONCURRENTLY stays; trying that again would fail for good.
                stays = self._recording.leaves_traces or not self._database.rolls_back_ddl

                if not got_no_lock or stays:
                    raise

                self._notice(f"{error} It is tried again in {pause:g} s.")

                if self._recording.cancel_requested.wait(pause):
                    raise

                # A session that ended since then was replaced where the heads were read.
                self._assert_held()

        return run.carry_out(run_migrations)
