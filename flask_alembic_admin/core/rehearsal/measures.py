"""What is measured of the steps of a rehearsal."""

from __future__ import annotations

import collections.abc as c
import contextlib
import time
import traceback
import typing as t
from pathlib import Path

import sqlalchemy as sa

from ...errors import MigrationError
from ...errors import NotRehearsable
from ..databases.database import Database
from ..results import step_message
from ..results import step_revision
from ..scripts.scripts import Scripts
from ..servers import server_of
from .result import RehearsedStep

if t.TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep

#: How much of a statement is kept.
_STATEMENT = 500


class Measures:
    """Measures each step: its time, its statements and rows, and the locks that it holds.

    It is a ``Watcher``.

    :param database: What the plan is rehearsed on.
    :param scripts: Where the revision files are.
    :param redact: Takes what is secret out of a text.
    """

    def __init__(
        self, database: Database, scripts: Scripts, redact: c.Callable[[str], str]
    ) -> None:
        #: What was measured, in order.
        self.steps: list[RehearsedStep] = []
        #: What was refused so far. Whoever was refused may go on.
        self.refusals: list[NotRehearsable] = []
        self._known_refusals = 0
        self._database = database
        self._server = server_of(database.engine)
        self._folders = scripts.folders
        self._redact = redact
        self._connection: sa.Connection | None = None
        #: The tables that were there before.
        self._tables: c.Mapping[int, str] = {}
        self._step: RevisionStep | None = None
        self._began = self._sent = 0.0
        self._count = self._rows = 0
        self._locks: dict[str, str] = {}
        self._slowest = (0.0, "")

    @contextlib.contextmanager
    def listening(self, connection: sa.Connection) -> c.Iterator[None]:
        """Measure what a connection sends in the block.

        :param connection: The one that migrates, in no transaction.
        """
        self._connection, self._tables = connection, self._server.tables(connection)
        listeners = {
            "before_cursor_execute": self._before,
            "after_cursor_execute": self._after,
            "commit": self._look_at_locks,
        }

        for name, listener in listeners.items():
            sa.event.listen(connection, name, listener)

        try:
            yield
        finally:
            for name, listener in listeners.items():
                sa.event.remove(connection, name, listener)

    # What a run says.

    def run_started(self, database: str, steps: c.Sequence[RevisionStep]) -> None:
        """The steps are known and none has begun."""

    def step_started(self, database: str, position: int, step: RevisionStep) -> None:
        """A step, counted from 1, is about to begin."""
        self._step, self._began = step, time.monotonic()
        self._count = self._rows = 0
        self._locks = {}
        self._slowest = (0.0, "")

    def step_done(self, database: str, position: int, step: RevisionStep) -> None:
        """A step has ended."""
        # Where all steps share one transaction it has not been committed.
        self._look_at_locks()
        # It was not rehearsed as it is, whatever it made of that.
        self._measured(self._refused_first())

    def noticed(self, message: str) -> None:
        """Something a person should know: nothing waits here."""

    def failed(self, error: BaseException) -> bool:
        """Note what the step at work has failed by; return False if none is.

        :param error: What it raised.
        """
        if self._step is None:
            return False

        # What follows a refusal that was swallowed is only its consequence.
        self._measured(self._refused_first() or error)
        return True

    def _refused_first(self) -> Exception | None:
        """Return what the step at work was refused first, if anything."""
        new = self.refusals[self._known_refusals :]
        self._known_refusals = len(self.refusals)
        return new[0] if new else None

    def _measured(self, error: BaseException | None) -> None:
        assert self._step is not None
        file, line = (None, None) if error is None else self._place_of(error)
        seconds, slowest = self._slowest
        self.steps.append(
            RehearsedStep(
                revision=step_revision(self._step),
                message=step_message(self._step),
                seconds=time.monotonic() - self._began,
                statements=self._count,
                rows=self._rows,
                locks=self._locks,
                slowest=self._redact(slowest.strip())[:_STATEMENT],
                slowest_seconds=seconds,
                error="" if error is None else self._described(error),
                file=file,
                line=line,
            )
        )
        self._step = None

    def _before(self, *_: t.Any) -> None:
        self._sent = time.monotonic()

    def _after(self, *arguments: t.Any) -> None:
        seconds = time.monotonic() - self._sent
        self._count += 1
        self._rows += max(arguments[1].rowcount or 0, 0)
        self._slowest = max(self._slowest, (seconds, arguments[2]))

    def _look_at_locks(self, *_: object) -> None:
        connection = self._connection

        if self._step is not None and connection is not None and connection.in_transaction():
            self._locks = self._server.table_locks(connection, self._tables)

    def _described(self, error: BaseException) -> str:
        known = isinstance(error, MigrationError)
        # What a migration says may hold the secrets of another database too.
        return self._redact(str(error) if known else self._database.describe_error(error))

    def _place_of(self, error: BaseException) -> tuple[str | None, int | None]:
        """Return the innermost line of a revision file, or of a helper beside it."""
        found: tuple[str | None, int | None] = None, None

        for frame in traceback.extract_tb(error.__traceback__):
            path = Path(frame.filename)
            if any(path.is_relative_to(folder) for folder in self._folders):
                found = path.name, frame.lineno

        return found
