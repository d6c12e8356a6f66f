"""Where a revision stands in a database, in one word."""

from __future__ import annotations

import typing as t

from ..core.scripts.history import History
from ..core.status import DatabaseStatus
from .presenters import Badge
from .translation import gettext as _

RevisionState: t.TypeAlias = t.Literal["applied", "current", "pending", "unknown"]


class States:
    """Where the revisions of a history stand in one database.

    :param history: The revision files.
    :param status: What is true of the database.
    """

    def __init__(self, history: History, status: DatabaseStatus) -> None:
        self._history = history
        self._status = status
        self._applied = history.applied(status.current)
        self._unsure = self._maybe_applied()

    def of(self, revision: str) -> RevisionState:
        """Return where a revision stands; nothing is known of one in a database that is silent.

        :param revision: Its id.
        """
        if self._status.state == "unreachable" or revision not in self._history.revisions:
            return "unknown"

        if revision in self._status.current:
            return "current"

        if revision in self._applied:
            return "applied"

        return "unknown" if revision in self._unsure else "pending"

    def _maybe_applied(self) -> frozenset[str]:
        """Return what may have run although nothing shows it: a file is missing that would."""
        history, applied = self._history, self._applied

        if self._status.unknown:
            return frozenset(history.revisions.keys() - applied)

        if not any(
            problem.kind not in {"duplicate", "cycle"} and not applied.isdisjoint(problem.revisions)
            for problem in history.problems
        ):
            return frozenset()

        # Had anything run that follows where the database is, it would be somewhere else.
        following = set(self._status.current)

        for id_, file in history.revisions.items():
            if not following.isdisjoint((*file.parents, *history.resolved_dependencies(id_))):
                following.add(id_)

        return frozenset(history.revisions.keys() - applied - following)


def state_of(revision: str, history: History, status: DatabaseStatus) -> RevisionState:
    """Return where one revision stands in a database.

    :param revision: Its id.
    :param history: The revision files.
    :param status: What is true of the database.
    """
    return States(history, status).of(revision)


def revision_badge(state: RevisionState) -> Badge:
    """Return how the state of a revision is shown.

    :param state: Where it stands.
    """
    return {
        "applied": Badge(_("applied"), "●", "good"),
        "current": Badge(_("current"), "◉", "busy"),
        "pending": Badge(_("pending"), "○", "warn"),
        "unknown": Badge(_("unknown"), "□", "unknown"),
    }[state]
