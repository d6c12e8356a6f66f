"""What should be known about the steps of a plan, told by the rules and a look at the tables."""

from __future__ import annotations

import collections.abc as c
import contextlib
import dataclasses
import os
import tokenize
import typing as t
from pathlib import Path

import sqlalchemy as sa

from ..ledger.tables import Direction
from ..project import Project
from ..results import Action
from ..risks import Sight
from ..risks import Step
from ..risks.findings import Finding
from ..risks.squawk import all_findings
from ..scripts.file_digests import applied_digest
from ..scripts.file_digests import file_digest
from ..scripts.revision_files import FileStamp
from ..servers import server_of
from ..servers import TableKey
from ..servers import TableSize
from .estimate import Duration
from .estimate import durations_of
from .estimate import estimates_of
from .estimate import StepEstimate
from .options import PlanOptions
from .preview import StepPreview


@dataclasses.dataclass(frozen=True)
class Examined:
    """What is known of the steps of a plan besides their SQL.

    :param findings: What the rules find, in the order of the steps.
    :param estimates: What each step would do to tables, by the ids of the revisions.
    :param digests: The checksums of the files of the steps, by the ids of the revisions; None
        where there is no file, or where it has changed while it was looked at.
    """

    findings: tuple[Finding, ...] = ()
    estimates: c.Mapping[str, StepEstimate] = dataclasses.field(default_factory=dict)
    digests: c.Mapping[str, str | None] = dataclasses.field(default_factory=dict)


def examine_steps(
    project: Project,
    database: str,
    action: Action,
    previews: c.Sequence[StepPreview],
    connection: sa.Connection,
    options: PlanOptions,
    heads: c.Collection[str] = (),
    stamps: c.Collection[FileStamp] | None = None,
) -> Examined:
    """Return what is to be known of the steps of a plan; the database is only read.

    :param project: What is fixed.
    :param database: The database's name.
    :param action: What is done; a stamp runs no revision, so there is nothing to know.
    :param previews: What its steps would do.
    :param connection: To the database that the plan is for, in no transaction.
    :param options: How its run goes about it.
    :param heads: Where the database is.
    :param stamps: The state of the revision files before they were loaded; None where nobody
        looked.
    """
    if action == "stamp" or not previews:
        return Examined()

    steps = steps_of(project, action, previews)
    sizes = _sizes(project, connection, steps)
    digests = _digests(project, previews)
    # After the checksums: what these are of is what was loaded, or is found to have changed.
    changed = _changed_meanwhile(project, previews, stamps)
    applied = _changed_since_applied(project, database, digests) if action == "downgrade" else {}
    sight = dataclasses.replace(
        sight_of(project, database, connection.dialect, options),
        rows={key: size.rows for key, size in sizes.items()},
        inserted=_inserted(project, previews, heads) if action == "upgrade" else frozenset(),
        changed_files={**applied, **dict.fromkeys(changed, "preview")},
    )
    return Examined(
        all_findings(steps, sight, project.settings),
        estimates_of(steps, sight, sizes, _took(project, action, digests), _file_bytes(connection)),
        {**digests, **dict.fromkeys(changed)},
    )


def steps_of(
    project: Project,
    direction: t.Literal["upgrade", "downgrade"],
    previews: c.Sequence[StepPreview],
) -> list[Step]:
    """Return what rules see of some steps.

    :param project: What is fixed.
    :param direction: Which way the steps go.
    :param previews: What they would do.
    """
    files = project.scripts.loaded_history().revisions
    return [
        Step(
            revision=preview.revision,
            direction=direction,
            message=preview.message,
            operations=preview.operations,
            source=_source(files[preview.revision].path) if preview.revision in files else "",
            incomplete=preview.incomplete,
        )
        for preview in previews
    ]


def sight_of(
    project: Project, database: str, dialect: sa.Dialect, options: PlanOptions | None = None
) -> Sight:
    """Return what rules may look at besides, as far as no database has to be asked.

    :param project: What is fixed.
    :param database: The database's name.
    :param dialect: Whose rules are meant; it knows its server's version once it was connected to.
    :param options: How a run would go about it; as the settings say if None.
    """
    version = getattr(dialect, "server_version_info", None) or ()
    return Sight(
        # MariaDB may be used by the URL of MySQL.
        dialect="mariadb" if getattr(dialect, "is_mariadb", False) else dialect.name,
        server_version=tuple(part for part in version if isinstance(part, int)),
        lock_timeout=(options or PlanOptions()).timeouts(project.settings.timeouts).lock,
        transaction_per_migration=bool(
            project.options(database).get("transaction_per_migration", True)
        ),
        file_heads=project.scripts.loaded_history().effective_heads,
        # Where there is one only, a file has no functions for several.
        database=database if len(project.databases) > 1 else "",
        big=project.settings.big_table,
    )


def _inserted(
    project: Project, previews: c.Sequence[StepPreview], heads: c.Collection[str]
) -> frozenset[str]:
    """Return the revisions that would run below one which is applied already."""
    history = project.scripts.loaded_history()
    applied = history.ancestors(heads)
    return frozenset(
        preview.revision
        for preview in previews
        if not applied.isdisjoint(history.children(preview.revision))
    )


def _digests(project: Project, previews: c.Sequence[StepPreview]) -> dict[str, str | None]:
    """Return the checksums of the files of some steps; None where there is no file."""
    files = project.scripts.loaded_history().revisions
    digests: dict[str, str | None] = {}

    for preview in previews:
        file = files.get(preview.revision)
        digests[preview.revision] = None

        with contextlib.suppress(OSError):
            digests[preview.revision] = file_digest(file.path.read_bytes()) if file else None

    return digests


def _changed_meanwhile(
    project: Project,
    previews: c.Sequence[StepPreview],
    stamps: c.Collection[FileStamp] | None,
) -> frozenset[str]:
    """Return the revisions whose file is not what was loaded, so that another one would run."""
    if stamps is None:
        return frozenset()

    files = project.scripts.loaded_history().revisions
    same = {os.path.abspath(stamp.path) for stamp in project.scripts.stamps() & set(stamps)}
    return frozenset(
        preview.revision
        for preview in previews
        if preview.revision in files and os.path.abspath(files[preview.revision].path) not in same
    )


def _changed_since_applied(
    project: Project, database: str, digests: c.Mapping[str, str | None]
) -> dict[str, str]:
    """Return the revisions whose file is not what was applied, as far as the ledger tells."""
    changed = {}

    # What it does not tell is not known to have changed.
    with contextlib.suppress(sa.exc.SQLAlchemyError, OSError):
        for revision, digest in digests.items():
            applied = applied_digest(project.ledger.touches(database, revision))

            if applied and digest and digest != applied:
                changed[revision] = "applied"

    return changed


def _took(
    project: Project, action: Direction, digests: c.Mapping[str, str | None]
) -> dict[str, list[Duration]]:
    """Return how long the steps took elsewhere; nothing where the ledger cannot be asked."""
    try:
        return durations_of(project.ledger, action, digests)
    except (sa.exc.SQLAlchemyError, OSError):
        return {}


def _source(path: Path) -> str:
    """Return the text of a revision file; nothing where it cannot be read."""
    try:
        with tokenize.open(path) as file:
            return file.read()
    except (OSError, SyntaxError, UnicodeDecodeError):
        return ""


def _sizes(
    project: Project, connection: sa.Connection, steps: c.Sequence[Step]
) -> dict[TableKey, TableSize]:
    """Return about how large the tables are that some steps name."""
    named: dict[TableKey, None] = {}

    for step in steps:
        for operation in step.operations:
            if operation.table_key is not None:
                named[operation.table_key] = None

            details = operation.details

            for one in (
                details,
                *details.get("constraints", ()),
                *details.get("column_details", {}).values(),
            ):
                if isinstance(one, c.Mapping) and (referred := one.get("referred_table")):
                    named[one.get("referred_schema"), referred] = None

    # It is counted no further than it takes to know that a table is big.
    count_to = project.settings.big_table

    try:
        return server_of(connection).table_sizes(connection, list(named), count_to)
    except sa.exc.SQLAlchemyError:
        # The plan is good without it; rules keep their own severity then.
        return {}


def _file_bytes(connection: sa.Connection) -> int | None:
    try:
        return server_of(connection).file_bytes(connection)
    except sa.exc.SQLAlchemyError:
        return None
