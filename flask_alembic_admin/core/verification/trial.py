"""Trying steps on a scratch database: each by itself, with a look at what there is after it."""

from __future__ import annotations

import collections.abc as c
import contextlib
import dataclasses
import traceback
import typing as t
from pathlib import Path

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext

from ...errors import MigrationError
from .. import internals
from ..databases.version_table import check_id_length
from ..databases.version_table import version_place
from ..ledger.tables import TABLE_NAMES
from ..recorder.data_losses import Passage
from ..recorder.operations import Operation
from ..redact import redact
from ..risks.sql_text import classify
from ..runs.signals import EndedBySignal
from ..schema.parts import Snapshot
from ..schema.snapshot import Snapshots
from ..scratch import Scratch
from ..scripts.engine_names import fit_to_database
from ..servers import server_of

if t.TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep

    from ..migrator import Migrator


class StepFailed(Exception):
    """A step did not come to its end.

    :param reason: Why, without a point at its end.
    :param file: The revision file where that was met.
    :param line: The line there.
    """

    def __init__(self, reason: str, file: str | None = None, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason, self.file, self.line = reason, file, line


class Trial:
    """Runs steps on a scratch database, and knows what it is made of.

    :param migrator: The verbs, at work on the scratch database.
    :param scratch: Where steps are run.
    :param name: The name of the database whose place it takes.
    """

    def __init__(self, migrator: Migrator, scratch: Scratch, name: str) -> None:
        self._migrator = migrator
        self._scratch = scratch
        self._name = name
        self._project = migrator.project
        self._options = {
            key: value
            for key, value in self._project.options(name).items()
            if key in {"version_table", "version_table_schema"}
        }
        self._version_table, schema = version_place(self._options)
        self._snapshots = Snapshots(
            [(schema, self._version_table), *((None, name) for name in TABLE_NAMES)]
        )
        self._sent: list[Operation] = []
        self._is_running = False
        self._looking: sa.Connection | None = None

    @contextlib.contextmanager
    def listening(self) -> c.Iterator[None]:
        """Hear what steps send; what reaches beyond the scratch database is refused."""
        engine = self._scratch.database.engine
        sa.event.listen(engine, "before_cursor_execute", self._sending)

        try:
            yield
        finally:
            sa.event.remove(engine, "before_cursor_execute", self._sending)
            self._look_away()

    def run(self, step: RevisionStep, before: Snapshot) -> Passage:
        """Run a step on a connection of its own.

        :param step: The step.
        :param before: What the scratch database is made of.
        :raises StepFailed: It does not come to its end.
        """
        self._sent.clear()
        databases, default = self._project.databases, self._project.default_name

        def steps(heads: tuple[str, ...], context: MigrationContext) -> c.Iterator[RevisionStep]:
            check_id_length(context, step.info.up_revision_ids)
            internals.make_version_table(context)
            fit_to_database([step], self._name, databases, default)
            yield step

        with self._migrator.in_use(self._name) as use:
            try:
                connection = use.context(self._name).connection
                assert connection is not None
                server_of(connection).set_timeouts(connection, self._project.settings.timeouts)
                self._is_running = True
                self._migrator.run_migrations(steps)
            except EndedBySignal:
                raise
            # A migration that calls sys.exit() has failed like any other.
            except (Exception, SystemExit) as error:
                raise self._explained(error) from error
            finally:
                self._is_running = False
                use.roll_back(self._name)

        return Passage(before, self.snapshot(), tuple(self._sent))

    def snapshot(self) -> Snapshot:
        """Return what the scratch database is made of."""
        return self._snapshots.take(self._connection())

    def heads(self) -> frozenset[str]:
        """Return what its version table holds."""
        context = MigrationContext.configure(self._connection(), opts=self._options)
        return frozenset(context.get_current_heads())

    def begin_anew(self) -> Snapshot:
        """Make the scratch database empty again, and return what it is made of."""
        self._look_away()
        self._scratch.renew()
        return self.snapshot()

    def _connection(self) -> sa.Connection:
        """Return the connection that looks; it holds no lock and sees what others have done."""
        if self._looking is None:
            engine = self._scratch.database.engine
            self._looking = engine.execution_options(isolation_level="AUTOCOMMIT").connect()

        return self._looking

    def _look_away(self) -> None:
        if self._looking is not None:
            self._looking.close()
            self._looking = None

    def _sending(self, connection: sa.Connection, cursor: t.Any, sql: str, *_: t.Any) -> None:
        if not self._is_running:
            return

        self._scratch.guard.check(connection, sql)

        for operation in classify(sql, connection.dialect.name):
            if self._version_table not in {operation.table, operation.name}:
                self._sent.append(dataclasses.replace(operation, construct=None))

    def _explained(self, error: BaseException) -> StepFailed:
        said = (
            error.message
            if isinstance(error, MigrationError)
            else self._scratch.database.describe_error(error)
        )
        folders, file, line = self._project.scripts.folders, None, None

        for frame in traceback.extract_tb(error.__traceback__):
            path = Path(frame.filename)
            if any(path.is_relative_to(folder) for folder in folders):
                file, line = path.name, frame.lineno

        # What a migration says may hold the secrets of another database too.
        return StepFailed(redact(said, self._project.urls).rstrip("."), file, line)
