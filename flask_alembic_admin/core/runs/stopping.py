"""What a run does that is asked to end by the signals of its process."""

from __future__ import annotations

import collections.abc as c
import contextlib
import functools
import typing as t

import sqlalchemy as sa

from ...errors import MigrationError
from ...errors import RunCancelled
from ..databases.database import Database
from ..databases.version_table import read_heads
from ..ledger.recording import Recording
from ..results import Watcher
from ..servers import server_of
from .signals import Signals
from .watchers import Watchers


class Stopping:
    """Stops a run before its next step, and cancels the statement that it runs.

    :param database: Where the run is.
    :param recording: Its recording, which is asked before each step.
    :param watcher: Told what is done about it.
    :param signals: What is heard; None where the process is somebody else's.
    """

    def __init__(
        self,
        database: Database,
        recording: Recording,
        watcher: Watcher | None,
        signals: Signals | None,
    ) -> None:
        self._database = database
        self._server = server_of(database.engine)
        self._recording = recording
        self._watcher = Watchers(watcher)
        self._signals = signals

    def refuse_to_wait(self, context_options: c.Mapping[str, t.Any], *, is_recorded: bool) -> None:
        """Wait no longer for the lock of the database where the run was asked to end.

        :param context_options: They name the version table.
        :param is_recorded: Whether the run stands in the ledger, where people can ask for it.
        :raises RunCancelled: It was.
        """
        is_told = self._signals is not None and self._signals.asked

        if is_told or (is_recorded and self._recording.should_stop()):
            heads = read_heads(self._database, context_options)
            raise RunCancelled(self._database.name, (), heads)

    @contextlib.contextmanager
    def heard(self, connection: sa.Connection, session: str | None) -> c.Iterator[None]:
        """Do as signals ask while the run is at work.

        :param connection: The one that migrates.
        :param session: The id of its session, where the server has such a thing.
        """
        if self._signals is None:
            yield
            return

        # Asked for here: it is not for another thread to find out that it was lost.
        driver = connection.connection.driver_connection
        cancel = functools.partial(self._cancel_statement, driver, session)

        with self._signals.answered(self._stop, cancel):
            yield

    def _stop(self) -> None:
        self._recording.cancel_requested.set()
        self._say("Stops before the next step. Once more cancels the statement that runs.")

    def _cancel_statement(self, driver: t.Any, session: str | None) -> None:
        if self._is_cancelled(driver, session):
            self._say("Cancels the statement that runs.")
        else:
            self._say("No statement runs that could be cancelled. Ctrl-C once more ends the step.")

    def _is_cancelled(self, driver: t.Any, session: str | None) -> bool:
        if session is None:
            return self._recording.is_sending and self._server.interrupt(driver)

        with (
            contextlib.suppress(MigrationError, sa.exc.SQLAlchemyError),
            self._database.connect() as other,
        ):
            return self._server.cancel_statement(other, session)

        return False

    def _say(self, sentence: str) -> None:
        self._recording.log("warning", "signal", f"It was told to end: {sentence}")
        self._watcher.noticed(sentence)
