"""Reading the ledger for pages: for those that open without it too, and those that cannot."""

from __future__ import annotations

import collections.abc as c
import contextlib
import dataclasses
import datetime

import sqlalchemy as sa
from flask import request
from werkzeug.exceptions import ServiceUnavailable

from ..core.condition import seen_as
from ..core.ledger.tables import RunRecord
from ..core.ledger.tables import RunStatus
from .access import current_project
from .translation import gettext as _

#: How a run can stand for those who look for some of them, the order of a page.
RUN_RESULTS = (
    RunStatus.QUEUED,
    RunStatus.RUNNING,
    RunStatus.SUCCEEDED,
    RunStatus.FAILED,
    RunStatus.CANCELLED,
    RunStatus.LOST,
)


@dataclasses.dataclass(frozen=True)
class Filter:
    """Which records are looked for.

    :param databases: Of these databases only.
    :param result: Those that are seen to stand so.
    :param action: Those that do this.
    :param actor: Those asked for by somebody whose name holds this text.
    :param since: Those asked for at this time or later.
    :param until: Those asked for before this time.
    :param include_refused: Whether attempts that were refused are among them.
    """

    databases: c.Collection[str]
    result: RunStatus | None = None
    action: str | None = None
    actor: str | None = None
    since: datetime.datetime | None = None
    until: datetime.datetime | None = None
    include_refused: bool = True

    def page(
        self, limit: int, before: str | None = None
    ) -> tuple[list[tuple[RunRecord, RunStatus]], str | None]:
        """Return a page of records, newest first, each with where it is seen to stand.

        :param limit: The most to return.
        :param before: Those older than the one with this id.
        :return: The page, and the id to give as ``before`` for the next one, if there is one.
        """
        project = current_project()
        records = project.ledger.runs(
            self.databases,
            limit + 1,
            before,
            include_refused=self.include_refused,
            statuses=self._statuses(),
            action=self.action,
            actor=self.actor,
            since=self.since,
            until=self.until,
        )
        seen = [(record, seen_as(project, record)) for record in records[:limit]]
        rows = [row for row in seen if self.result in {None, row[1]}]
        return rows, seen[-1][0].id if len(records) > limit else None

    def _statuses(self) -> tuple[RunStatus, ...]:
        if self.result is None:
            return ()

        # Nobody may have written down yet that a run is lost.
        if self.result == RunStatus.LOST:
            return (RunStatus.LOST, RunStatus.RUNNING, RunStatus.QUEUED)

        return (self.result,)


def argument(name: str) -> str:
    """Return what the query of this request says, as every server can take it.

    :param name: The argument's name.
    """
    # PostgreSQL has no NUL.
    return request.args.get(name, "").replace("\0", "").strip()


def last_run(database: str) -> RunRecord | None:
    """Return the newest run of a database, or None where the ledger tells of none."""
    try:
        return current_project().ledger.last(database)
    except sa.exc.SQLAlchemyError:
        # The page says that the database cannot be reached; its ledger is in it.
        return None


@contextlib.contextmanager
def needed_ledger() -> c.Iterator[None]:
    """Answer in words where the ledger cannot be read and there is nothing else to show.

    :raises ServiceUnavailable: It does not answer.
    """
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        name = type(getattr(error, "orig", None) or error).__name__
        raise ServiceUnavailable(
            _("The record of runs cannot be read: %(error)s. Try again later.", error=name)
        ) from error
