"""What rules find in a range of revisions; nothing is run, and no database is needed."""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

from ...errors import UnreachableDatabase
from ..reading import Reader
from ..risks.findings import Finding
from ..risks.findings import worst
from ..risks.squawk import all_findings
from ..scripts.targets import Target
from .findings import examine_steps
from .findings import sight_of
from .findings import steps_of
from .options import PlanOptions


@dataclasses.dataclass(frozen=True)
class Lint:
    """What was found for one database.

    :param database: The database's name.
    :param start: Where the range begins: ids, or ``base``.
    :param revisions: The ids of the revisions that were looked at, in order.
    :param findings: What was found, in the order of the revisions.
    :param unreachable: Why the database could not be asked; empty where it could.
    """

    database: str
    start: str
    revisions: tuple[str, ...]
    findings: tuple[Finding, ...]
    unreachable: str = ""

    @property
    def is_dangerous(self) -> bool:
        """Whether a danger was found that nobody has allowed."""
        return worst(self.findings) == "danger"

    def to_values(self) -> dict[str, t.Any]:
        """Return all of it as plain values."""
        return {
            **vars(self),
            "revisions": list(self.revisions),
            "findings": [finding.to_values() for finding in self.findings],
        }


def lint(migrator: Reader, database: str, start: str | None = None, end: Target = "heads") -> Lint:
    """Look at the revisions of a range as if they were to be run on a database.

    The Python of each step is run, against a connection that sends nothing.

    :param migrator: The verbs.
    :param database: The database's name.
    :param start: After this revision; where the database is if None, or from base if that cannot be
        asked.
    :param end: Up to this one.
    :raises TargetError: One of them cannot be reached.
    """
    project = migrator.project
    target = project.databases[database]

    with contextlib.ExitStack() as stack:
        connection, unreachable = None, ""
        heads: tuple[str, ...] = ()

        try:
            connection = stack.enter_context(target.connect())
            if start is None:
                heads = migrator.current_ids(database)
                start = ",".join(heads)
        except UnreachableDatabase as error:
            unreachable = error.reason

        start = start or "base"
        stamps = project.scripts.stamps()
        previews = migrator.preview("upgrade", end, database, start)

        if connection is not None:
            found = examine_steps(
                project,
                database,
                "upgrade",
                previews,
                connection,
                PlanOptions(),
                heads,
                stamps,
            ).findings
        else:
            steps = steps_of(project, "upgrade", previews)
            sight = sight_of(project, database, target.engine.dialect)
            found = all_findings(steps, sight, project.settings)

    revisions = tuple(preview.revision for preview in previews)
    return Lint(database, start, revisions, found, unreachable)
