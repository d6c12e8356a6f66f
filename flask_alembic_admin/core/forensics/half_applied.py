"""What a run has left of a step that it did not come to the end of, told by looking at the schema.

The operations of a step are sent in order, so what is in place is the beginning of them. For each
length of that beginning it is known what the schema would have to be; those lengths are told apart
that do not fit the schema there is. Where several fit, that is said, and nothing is guessed.
"""

from __future__ import annotations

import collections.abc as c
import dataclasses
import itertools
import typing as t

from alembic.runtime.migration import MigrationStep
from alembic.util import CommandError

from ...errors import MigrationError
from ..condition import run_in_doubt
from ..condition import step_in_doubt
from ..ledger.tables import RunRecord
from ..ledger.tables import StepRecord
from ..plans.preview import preview_steps
from ..plans.preview import StepPreview
from ..reading import Reader
from ..recorder.operations import Operation
from ..scripts.file_digests import file_digest
from ..servers import server_of
from ..servers import Timeouts
from .forensics import Forensics
from .forensics import sent_by
from .forensics import sql_of
from .forensics import Tested
from .forensics import words_of
from .live_schema import LiveSchema
from .operation_traces import is_repeatable
from .operation_traces import trace_of
from .traces import Expected
from .traces import Thing
from .traces import Trace
from .undoing import undo_of

if t.TYPE_CHECKING:
    import sqlalchemy as sa
    from alembic.runtime.migration import RevisionStep

#: Seconds to wait for a lock on a table that is looked at, and for one question.
LOCK_WAIT = 5.0
STATEMENT_LIMIT = 20.0

#: What takes transactions or locks out of the hands of a run.
_IN_HAND = frozenset({"begin", "commit", "rollback", "savepoint", "lock_table"})


@dataclasses.dataclass(frozen=True)
class _Sent:
    """What a step sends in one go, with what that does."""

    operations: tuple[Operation, ...]

    @property
    def sql(self) -> str:
        return sql_of(self.operations)

    @property
    def in_order(self) -> list[Operation]:
        """What it does, told one after the other: all of it names what is there before it."""
        return sorted(
            self.operations, key=lambda one: one.kind in {"rename_table", "rename_column"}
        )

    @property
    def words(self) -> str:
        first, count = words_of(self.operations[0]), len(self.operations)
        return first if count == 1 else f"{first} and {count - 1} more"


def look(reader: Reader, record: RunRecord, *, besides: str | None = None) -> Forensics | None:
    """Return what is in place of the step that a run left in doubt; None if it left none.

    The database is only read. The Python of the step is run against a connection that sends
    nothing.

    :param reader: The verbs.
    :param record: The run.
    :param besides: The id of the run that asks, which does not count.
    :raises UnreachableDatabase: No connection could be opened.
    """
    project = reader.project
    heads = reader.current_ids(record.database)
    doubtful = run_in_doubt(project, record.database, heads, besides=besides)

    if doubtful is None or doubtful.id != record.id:
        return None

    step = step_in_doubt(project, record, heads)

    if step is None or step.direction == "stamp":
        return None

    found = Forensics(
        run=record.id,
        database=record.database,
        action=record.action,
        target=_target(record, step, project.ledger.steps(record.id)),
        revision=step.revision,
        message=step.message,
        statements=step.statements,
        last_statement=record.statement,
    )

    try:
        preview, stamp = _recorded(reader, record.database, step, heads)
    except MigrationError as error:
        return dataclasses.replace(found, unknown=error.message.rstrip("."))

    database = project.databases[record.database]
    sent = [_Sent(one) for one in sent_by(preview.operations)]

    with database.connect() as connection:
        server, dialect = server_of(connection), connection.dialect
        # Whoever holds a table for long shall not keep a page waiting for as long.
        server.set_timeouts(connection, Timeouts(lock=LOCK_WAIT, statement=STATEMENT_LIMIT))

        try:
            possible = _possible(LiveSchema(connection), sent, dialect.name)
        finally:
            connection.rollback()
            server.restore_timeouts(connection)

    return dataclasses.replace(
        found,
        incomplete=preview.incomplete,
        stamp=stamp,
        **_judged(sent, possible, preview.incomplete, dialect),
    )


def _target(record: RunRecord, step: StepRecord, steps: c.Sequence[StepRecord]) -> str:
    """Return where a run goes that carries out the rest of a run."""
    target = record.target

    # What a count means has changed with the steps that are done.
    if target[:1] in "+-" and target[1:].isdigit():
        return f"{target[0]}{len(steps) - step.position + 1}"

    return target


def _recorded(
    reader: Reader, database: str, step: StepRecord, heads: tuple[str, ...]
) -> tuple[StepPreview, str | None]:
    """Record a step by itself; return it, and what the database is to be stamped with after it.

    :raises MigrationError: It is not there any more as it was run.
    """
    file = reader.project.scripts.loaded_history().revisions.get(step.revision)

    if file is None:
        raise MigrationError(f"No file has revision {step.revision} any more.")
    if step.sha256 != file_digest(file.path.read_bytes()):
        raise MigrationError(
            f"The file of revision {step.revision} is not what ran: it was changed since."
        )

    directory = reader.script_directory

    try:
        script = directory.get_revision(step.revision)
    except CommandError as error:
        raise MigrationError(str(error)) from error

    make = (
        MigrationStep.upgrade_from_script
        if step.direction == "upgrade"
        else MigrationStep.downgrade_from_script
    )

    def find(_: str, __: tuple[str, ...]) -> list[RevisionStep]:
        return [make(directory.revision_map, script)]

    with reader.in_use(database) as use:
        (preview,) = preview_steps(use, database, heads, find, has_version_table=False)

    if step.direction == "upgrade":
        return preview, step.revision

    below = script.down_revision
    # With several branches "base" would be said of all of them.
    base = "base" if len(heads) <= 1 else None
    return preview, below if isinstance(below, str) else base if below is None else None


def _possible(schema: LiveSchema, sent: c.Sequence[_Sent], dialect: str) -> list[int]:
    """Return how many of the statements may be in place, as far as the schema tells."""
    traces = [[trace_of(one, dialect) for one in statement.in_order] for statement in sent]
    expected: list[list[Expected]] = [[]]

    for trace in reversed(traces):
        expected.append(_before(trace, expected[-1]))

    expected.reverse()
    known: dict[Thing, object] = {}
    possible = []

    for count in range(len(sent) + 1):
        if count:
            known = _after(traces[count - 1], known)

        shown = (schema.shows(thing, value) for thing, value in known.items())
        # What an earlier operation has left is certain; what a later one needs need not be there.
        met = (schema.meets(one) for one in expected[count] if not one.is_about(known))

        if False not in itertools.chain(shown, met):
            possible.append(count)

    return possible


def _before(traces: c.Sequence[Trace], expected: list[Expected]) -> list[Expected]:
    for trace in reversed(traces):
        expected = trace.before(expected)

    return expected


def _after(traces: c.Sequence[Trace], known: dict[Thing, object]) -> dict[Thing, object]:
    for trace in traces:
        known = trace.after(known)

    return known


def _judged(
    sent: c.Sequence[_Sent], possible: c.Sequence[int], incomplete: str, dialect: sa.Dialect
) -> dict[str, t.Any]:
    """Return what is to be said of the operations, and whether the rest can be run."""
    if sent and not possible:
        return {
            "unknown": "the schema is none that the step passes through, so something else has "
            "changed it, or an operation of the step is done in part",
            "no_rest": "Nothing can be told.",
        }

    least, most = (possible[0], possible[-1]) if possible else (0, 0)
    tested = tuple(
        Tested(
            position,
            one.words,
            "done" if position <= least else "not done" if position > most else "cannot be told",
            one.sql,
            undo_of(one.operations, dialect),
            one.operations[0].file,
            one.operations[0].line,
        )
        for position, one in enumerate(sent, 1)
    )
    return {"operations": tested, "no_rest": _no_rest(sent, least, most, incomplete)}


def _no_rest(sent: c.Sequence[_Sent], least: int, most: int, incomplete: str) -> str:
    """Return why the rest of a step cannot be run; nothing if it can."""
    if incomplete:
        return f"Not all of the step is known: it {incomplete}."

    if any(
        not is_repeatable(one) for statement in sent[least:most] for one in statement.operations
    ):
        return (
            f"It cannot be told whether {sent[least].words} is done: run twice, or not at all, it "
            "could do harm."
        )

    for statement in sent[:least]:
        for one in statement.operations:
            if one.past_alembic:
                return f"{statement.words} is sent on the connection and cannot be left out."
            if one.kind in _IN_HAND:
                return f"{statement.words} takes the transaction into its own hands."
            if one.details.get("recreate"):
                return f"{statement.words} copies its table and cannot be left out."

    return ""
