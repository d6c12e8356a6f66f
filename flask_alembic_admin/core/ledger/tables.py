"""The ledger's tables, and the records read from them."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import enum
import json
import typing as t

import sqlalchemy as sa
from sqlalchemy.dialects import mysql


class RunStatus(enum.StrEnum):
    """Where a run stands; ``planned`` and ``refused`` ones never were runs."""

    PLANNED = "planned"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    REFUSED = "refused"


#: A run in one of these holds its database's place in the queue.
ACTIVE = (RunStatus.QUEUED, RunStatus.RUNNING)

#: What a run can end as.
Verdict: t.TypeAlias = t.Literal[
    RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.LOST
]
VERDICTS: tuple[RunStatus, ...] = t.get_args(Verdict)


class Queued(enum.Enum):
    """What came of queueing a plan; true only if this call made it a run."""

    DONE = "done"
    #: It is a run already, as after a double submit, or there is no such plan.
    NOT_A_PLAN = "not a plan"
    #: Another run of the same database is queued or running.
    BUSY = "busy"

    def __bool__(self) -> bool:
        return self is Queued.DONE


class StepStatus(enum.StrEnum):
    """Where a step stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


Direction: t.TypeAlias = t.Literal["upgrade", "downgrade", "stamp"]


@dataclasses.dataclass(frozen=True)
class StepFacts:
    """One revision in one direction, as a plan and a run both know it.

    :param revision: The revision's id.
    :param direction: Which way it goes.
    :param file: The file it is in.
    :param sha256: The checksum of that file, with line ends normalised.
    :param message: The revision's message.
    """

    revision: str
    direction: Direction
    file: str | None
    sha256: str | None
    message: str | None


@dataclasses.dataclass(frozen=True)
class StepRecord(StepFacts):
    """One step of a run, as the ledger has it; positions count from 1."""

    run_id: str
    position: int
    status: StepStatus
    started: datetime.datetime | None
    finished: datetime.datetime | None
    statements: int | None
    rows: int | None
    error: str | None


@dataclasses.dataclass(frozen=True)
class Touch:
    """What one run did with one revision.

    :param sha256: The checksum of its file as it was then, with line ends normalised.
    """

    run_id: str
    action: str
    actor: str | None
    requested: datetime.datetime
    step_status: StepStatus
    sha256: str | None
    started: datetime.datetime | None
    finished: datetime.datetime | None

    @property
    def seconds(self) -> float | None:
        """How long its step took, if it has ended."""
        if self.started is None or self.finished is None:
            return None

        return (self.finished - self.started).total_seconds()


@dataclasses.dataclass(frozen=True)
class TookTime:
    """How long a revision took in one run that carried it out.

    :param sha256: The checksum of its file as it was then, with line ends normalised.
    """

    revision: str
    database: str
    sha256: str | None
    started: datetime.datetime
    finished: datetime.datetime


@dataclasses.dataclass(frozen=True)
class LogLine:
    """One line that a run had to say; sequences count from 1, without gaps."""

    run_id: str
    sequence: int
    time: datetime.datetime
    level: str
    source: str
    message: str


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """A run, a plan that may become one, or an attempt that was refused.

    :param plan: What was planned, as it was given; None in a list of runs, where it stays unread.
    :param session: The session at the server that migrates, such as a backend's process id.
    """

    id: str
    database: str
    action: str
    target: str
    status: RunStatus
    heads_before: tuple[str, ...]
    heads_after: tuple[str, ...] | None
    plan_hash: str | None
    actor: str | None
    address: str | None
    reason: str | None
    runner: str | None
    host: str | None
    pid: int | None
    session: str | None
    statement: str | None
    versions: c.Mapping[str, t.Any]
    requested: datetime.datetime
    started: datetime.datetime | None
    heartbeat: datetime.datetime | None
    finished: datetime.datetime | None
    error_class: str | None
    error: str | None
    cancel_requested: datetime.datetime | None
    examined_by: str | None
    examined_at: datetime.datetime | None
    examined_reason: str | None
    plan: t.Any = None

    @property
    def active(self) -> bool:
        """Whether the run is queued or running."""
        return self.status in ACTIVE


class Clipped(sa.types.TypeDecorator[str]):
    """Text that always fits: what is too long loses its end, what no server takes is replaced.

    :param limit: The most characters that are kept.
    """

    impl = sa.String
    cache_ok = True

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[t.Any]:
        return dialect.type_descriptor(_large_text if self.limit > 255 else sa.String(self.limit))

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        if value is None:
            return None

        # PostgreSQL has no NUL, and no driver can send half of a surrogate pair.
        value = value.replace("\0", "\N{REPLACEMENT CHARACTER}")
        value = value.encode("utf-8", "replace").decode("utf-8")
        return value if len(value) <= self.limit else f"{value[: self.limit - 1]}…"


class Json(sa.types.TypeDecorator[t.Any]):
    """A value kept as JSON text, which every server has."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[t.Any]:
        return dialect.type_descriptor(_large_text)

    def process_bind_param(self, value: t.Any, dialect: sa.Dialect) -> str | None:
        return None if value is None else json.dumps(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> t.Any:
        return None if value is None else json.loads(value)


class UtcTime(sa.types.TypeDecorator[datetime.datetime]):
    """An aware time, kept as UTC to the microsecond."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[t.Any]:
        # Without its precision MySQL rounds to a second, perhaps into the future.
        return dialect.type_descriptor(sa.DateTime().with_variant(mysql.DATETIME(fsp=6), *_MYSQL))

    def process_bind_param(
        self, value: datetime.datetime | None, dialect: sa.Dialect
    ) -> datetime.datetime | None:
        return None if value is None else value.astimezone(datetime.UTC).replace(tzinfo=None)

    def process_result_value(
        self, value: datetime.datetime | None, dialect: sa.Dialect
    ) -> datetime.datetime | None:
        return None if value is None else value.replace(tzinfo=datetime.UTC)


_MYSQL = ("mysql", "mariadb")

# A plain TEXT ends at 64 KiB there.
_large_text = sa.Text().with_variant(mysql.LONGTEXT(), *_MYSQL)

# The default character set may not take every message, nor tell "A" from "a" or "e" from "é".
_OPTIONS: dict[str, t.Any] = {
    f"{dialect}_{option}": value
    for dialect in _MYSQL
    for option, value in [
        ("engine", "InnoDB"),
        ("charset", "utf8mb4"),
        ("collate", "utf8mb4_bin"),
    ]
}


def _text_enum(kind: type[enum.StrEnum]) -> sa.Enum:
    """Return a type that keeps an enum's values as plain text, to which any can be added."""
    return sa.Enum(
        kind,
        native_enum=False,
        length=16,
        values_callable=lambda members: [member.value for member in members],
    )


METADATA = sa.MetaData()

RUN = sa.Table(
    "alembic_admin_run",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("database", Clipped(255), nullable=False),
    sa.Column("action", Clipped(255), nullable=False),
    sa.Column("target", Clipped(255), nullable=False),
    sa.Column("status", _text_enum(RunStatus), nullable=False),
    # The database's name while the run is active: being unique, it admits one per database.
    sa.Column("active_database", Clipped(255), unique=True),
    sa.Column("heads_before", Json),
    sa.Column("heads_after", Json),
    sa.Column("plan", Json),
    sa.Column("plan_hash", Clipped(255)),
    sa.Column("actor", Clipped(255)),
    sa.Column("address", Clipped(255)),
    sa.Column("reason", Clipped(4_000)),
    sa.Column("runner", Clipped(255)),
    sa.Column("host", Clipped(255)),
    sa.Column("pid", sa.BigInteger),
    sa.Column("session", Clipped(255)),
    sa.Column("statement", Clipped(4_000)),
    sa.Column("versions", Json),
    sa.Column("requested", UtcTime, nullable=False),
    sa.Column("started", UtcTime),
    sa.Column("heartbeat", UtcTime),
    sa.Column("finished", UtcTime),
    sa.Column("error_class", Clipped(255)),
    sa.Column("error", Clipped(20_000)),
    sa.Column("cancel_requested", UtcTime),
    sa.Column("examined_by", Clipped(255)),
    sa.Column("examined_at", UtcTime),
    sa.Column("examined_reason", Clipped(4_000)),
    sa.Column("log_lines", sa.Integer, nullable=False, default=0),
    sa.Index("alembic_admin_run_requested", "requested"),
    sa.Index("alembic_admin_run_database", "database", "requested"),
    **_OPTIONS,
)

# No foreign keys: they would lock the run's row at every line, and keep half a clean-up from
# being finished later.
STEP = sa.Table(
    "alembic_admin_step",
    METADATA,
    sa.Column("run_id", sa.String(32), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("revision", Clipped(255), nullable=False),
    sa.Column("direction", sa.String(16), nullable=False),
    sa.Column("file", Clipped(4_000)),
    sa.Column("sha256", sa.String(64)),
    sa.Column("message", Clipped(4_000)),
    sa.Column("status", _text_enum(StepStatus), nullable=False),
    sa.Column("started", UtcTime),
    sa.Column("finished", UtcTime),
    sa.Column("statements", sa.BigInteger),
    sa.Column("rows", sa.BigInteger),
    sa.Column("error", Clipped(20_000)),
    **_OPTIONS,
)

LOG = sa.Table(
    "alembic_admin_log",
    METADATA,
    sa.Column("run_id", sa.String(32), primary_key=True),
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("time", UtcTime, nullable=False),
    sa.Column("level", Clipped(255), nullable=False),
    sa.Column("source", Clipped(255), nullable=False),
    sa.Column("message", Clipped(4_000), nullable=False),
    **_OPTIONS,
)

# One row for each database: what was found before is of no use to anybody.
COMPARISON = sa.Table(
    "alembic_admin_comparison",
    METADATA,
    sa.Column("database", Clipped(255), primary_key=True),
    sa.Column("time", UtcTime, nullable=False),
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Column("heads", Json, nullable=False),
    sa.Column("content", Json, nullable=False),
    **_OPTIONS,
)

# Work that is asked for in the panel and takes long, but migrates nothing.
CHECK = sa.Table(
    "alembic_admin_check",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("database", Clipped(255), nullable=False),
    sa.Column("subject", Clipped(255), nullable=False),
    sa.Column("status", _text_enum(RunStatus), nullable=False),
    # Its kind and its database while it is active: being unique, it admits one of each.
    sa.Column("active_place", Clipped(255), unique=True),
    sa.Column("actor", Clipped(255)),
    sa.Column("runner", Clipped(255)),
    sa.Column("host", Clipped(255)),
    sa.Column("pid", sa.BigInteger),
    sa.Column("requested", UtcTime, nullable=False),
    sa.Column("started", UtcTime),
    sa.Column("heartbeat", UtcTime),
    sa.Column("finished", UtcTime),
    sa.Column("content", Json),
    sa.Column("error", Clipped(20_000)),
    sa.Index("alembic_admin_check_database", "database", "kind", "requested"),
    **_OPTIONS,
)

TABLE_NAMES = frozenset(METADATA.tables)
