"""The targets that can be chosen for one database, and what somebody has written instead."""

from __future__ import annotations

import re
import typing as t

from ..core.results import Action
from ..core.scripts.history import History
from ..core.scripts.targets import check_target
from ..core.scripts.targets import count_or_revision
from ..core.status import DatabaseStatus
from ..errors import TargetError
from .translation import gettext as _
from .translation import ngettext

_SYMBOLS = ("base", "head", "heads", "current")
#: How many revisions a list offers; those beyond can be written.
OFFERED = 100


class Choice(t.NamedTuple):
    """A target that can be chosen.

    :param target: The target.
    :param word: What is read.
    """

    target: str
    word: str


def choices(action: Action, history: History, status: DatabaseStatus) -> list[Choice]:
    """Return the targets that an action can have, the likeliest first; none where it has none.

    :param action: What is to be done.
    :param history: The revision files.
    :param status: What is true of the database.
    """
    if not history.revisions:
        return []

    return {"upgrade": _up, "downgrade": _down, "stamp": _stamp}[action](history, status)


def resolved(text: str, action: Action, history: History) -> list[str]:
    """Return what somebody has chosen or written as targets, ids in full.

    :param text: One target, or several with spaces between them.
    :param action: What is to be done.
    :param history: The revision files.
    :raises TargetError: It names no revision, with near matches, or too many.
    """
    words = list(dict.fromkeys(text.replace(",", " ").split()))

    if not words:
        raise TargetError("There is no target.", "Choose one, or write the id of a revision.")

    if len(words) > 1 and action == "downgrade":
        raise TargetError(f"A downgrade has one target, and '{text}' is {len(words)}.")

    if action == "stamp" and any(_is_relative(word, history) for word in words):
        raise TargetError(
            f"A stamp goes to a revision, not by a number of steps such as '{text}'.",
            "Write its id.",
        )

    if action == "upgrade" and any(re.search(r"(^|@)base$|^-\d+$", word) for word in words):
        raise TargetError(f"An upgrade does not go to '{text}'.", "That is a downgrade.")

    return [_resolved_one(word, action, history) for word in words]


def _resolved_one(word: str, action: Action, history: History) -> str:
    target = count_or_revision(word, history, downwards=action == "downgrade")
    # Of files that are no history Alembic itself says what can be reached.
    if history.problems:
        return target

    check_target(target, history)
    found = history.find(target)
    # The word `head` may begin the id of a revision and still means what it always does.
    is_whole = target in {*_SYMBOLS, *history.labels} or target in history.revisions
    return target if is_whole or len(found) != 1 else found[0]


def _is_relative(word: str, history: History) -> bool:
    return word not in history.revisions and re.search(r"[+-]\d+$|^\d+$", word) is not None


def _up(history: History, status: DatabaseStatus) -> list[Choice]:
    pending = set(status.pending)

    if not pending:
        return []

    all_of_it = ngettext("all: %(num)s pending", "all: %(num)s pending", len(pending))
    found = [Choice("heads", f"heads · {all_of_it}")]

    if len(history.heads) == 1:
        found.append(Choice("head", _("head · the only one")))

    if (next_one := _only_next(history, status)) is not None:
        found.append(Choice("+1", f"+1 · {_named(next_one, history)}"))

    for label, carriers in history.labels.items():
        heads = [head for head in history.heads if head in carriers]

        if len(heads) == 1 and heads[0] in pending:
            found.append(Choice(f"{label}@head", f"{label}@head · {_named(heads[0], history)}"))

    return found + _listed(status.pending, history)


def _only_next(history: History, status: DatabaseStatus) -> str | None:
    """Return the one revision that comes next, or None where that could be several."""
    if len(status.current) > 1:
        return None

    following = history.children(status.current[0]) if status.current else history.bases
    return following[0] if len(following) == 1 else None


def _down(history: History, status: DatabaseStatus) -> list[Choice]:
    current = [id_ for id_ in status.current if id_ in history.revisions]

    if not current or status.unknown:
        return []

    applied = history.ancestors(current)
    found = []

    if len(current) == 1 and len(parents := history.revisions[current[0]].parents) < 2:
        below = _named(parents[0], history) if parents else "base"
        found.append(Choice("-1", f"-1 · {below}"))

    back_to = [id_ for id_ in history.newest_first() if id_ in applied and id_ not in current]
    return [*found, *_listed(back_to, history), Choice("base", _("base · undo everything"))]


def _stamp(history: History, status: DatabaseStatus) -> list[Choice]:
    return [
        Choice("heads", _("heads · everything is there")),
        *_listed(history.newest_first(), history),
        Choice("base", _("base · nothing is there")),
    ]


def _listed(revisions: t.Sequence[str], history: History) -> list[Choice]:
    return [Choice(id_, _named(id_, history)) for id_ in revisions[:OFFERED]]


def _named(revision: str, history: History) -> str:
    return f"{revision[:12]} {history.revisions[revision].message}".rstrip()
