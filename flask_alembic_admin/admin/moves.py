"""Where one can go from a revision, each way open or closed with the reason."""

from __future__ import annotations

import dataclasses
import typing as t

from ..core.scripts.history import History
from ..core.status import DatabaseStatus
from . import access
from .revision_state import state_of
from .switches import not_offered
from .translation import gettext as _

Move: t.TypeAlias = t.Literal["upgrade", "downgrade", "stamp"]


@dataclasses.dataclass(frozen=True)
class Way:
    """A plan that could be made.

    :param action: What it would do.
    :param word: What its button says.
    :param reason: Why it cannot be made; None where it can.
    """

    action: Move
    word: str
    reason: str | None


def moves_from(revision: str, history: History, status: DatabaseStatus) -> list[Way]:
    """Return the ways that lead to a revision.

    :param revision: Its id.
    :param history: The revision files.
    :param status: What is true of the database.
    """
    state = state_of(revision, history, status)
    words: list[tuple[Move, str, str | None]] = [
        (
            "upgrade",
            _("Plan upgrade to here…"),
            {
                "pending": None,
                "unknown": _("It is not known whether it is applied."),
            }.get(state, _("It is applied already.")),
        ),
        (
            "downgrade",
            _("Plan downgrade to here…"),
            {
                "applied": None,
                "current": _("The database is there already."),
            }.get(state, _("Only what is applied can be gone back to.")),
        ),
        ("stamp", _("Stamp…"), None),
    ]
    return [Way(action, word, reason_against(action, status) or own) for action, word, own in words]


def reason_against(action: str, status: DatabaseStatus) -> str | None:
    """Return why nobody, or not this user, can plan an action on a database now.

    :param action: Such as ``upgrade``.
    :param status: What is true of the database.
    """
    if refused := not_offered(action):
        return refused

    if not access.may(action, status.name):
        return _("You need the “%(permission)s” permission for this.", permission=action)

    return _reasons(action).get(status.state)


def without_doubt(status: DatabaseStatus, run_id: str | None) -> DatabaseStatus:
    """Return the status of a database as it is but for the doubt that one run has left.

    :param status: What is true of the database.
    :param run_id: The run; None for none.
    """
    in_doubt = status.state == "interrupted" and status.run is not None
    is_that = in_doubt and status.run is not None and status.run.id == run_id
    return dataclasses.replace(status, state="pending") if is_that else status


def _reasons(action: str) -> dict[str, str]:
    """Return in which states of a database an action cannot be planned, and why."""
    reasons = {"broken scripts": _("The revision files have to be mended first.")}

    # Writing a file needs no database; only its files have to be sound.
    if action in {"revision", "merge"}:
        return reasons

    # A stamp is the way out.
    if action != "stamp":
        reasons["ahead"] = _("Revisions that are not here cannot be built upon.")

    return {
        **reasons,
        "running": _("Wait for the run that is at work."),
        "interrupted": _("The database is in doubt. Look at the run that left it so."),
        "unreachable": _("The database does not answer."),
    }
