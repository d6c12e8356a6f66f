"""What people may write as a target, checked against the history and made ready for Alembic."""

from __future__ import annotations

import collections.abc as c
import contextlib
import difflib
import re
import typing as t

from alembic.script import Script
from alembic.script.revision import MultipleHeads
from alembic.script.revision import RevisionError
from alembic.util import CommandError

from ...errors import COMMAND
from ...errors import TargetError
from .history import History

#: One target or several, as the verbs take them.
Target: t.TypeAlias = str | int | Script | c.Sequence[str | Script]

_RELATIVE = re.compile(r"^(?P<start>.*?)(?P<count>[+-]\d+)$")
_SYMBOLS = ("base", "head", "heads", "current")


def as_texts(target: Target) -> list[str]:
    """Return a target as a list of texts, a count with its sign.

    :param target: A text, a number of steps, a revision, or a list of texts or revisions.
    """
    if isinstance(target, int):
        return [f"{target:+d}"]

    if isinstance(target, str):
        return [target]

    if isinstance(target, Script):
        return [target.revision]

    return [item.revision if isinstance(item, Script) else item for item in target]


def count_or_revision(text: str, history: History, *, downwards: bool = False) -> str:
    """Return a bare number as a signed count, unless a revision has exactly that id.

    :param text: What was written, such as ``2``, ``-1`` or ``1731628800``.
    :param history: The revisions, whose ids may be made of digits alone.
    :param downwards: Whether a number means steps down, with or without a sign.
    """
    if text in history.revisions or not re.fullmatch(r"[+-]?\d+", text):
        return text

    return f"{-abs(int(text)) if downwards else int(text):+d}"


def check_target(
    text: str, history: History, argument: str = "target", command: str = COMMAND
) -> None:
    """Refuse a target that names no revision, or several where one is needed.

    :param text: Such as ``head``, ``heads``, ``base``, ``+1``, ``1f2e``, ``users@head``.
    :param history: The revisions there are.
    :param argument: The name of the argument, for the message.
    :param command: How the commands are called, for the message too.
    :raises TargetError: With near matches, or with what it could mean.
    """
    branch, at, rest = text.rpartition("@")

    if at and branch not in history.labels:
        _check_name(branch, history, argument, command)

    name = rest

    # A revision id may hold a dash or a plus itself, so a whole id wins.
    if rest not in history.revisions and (relative := _RELATIVE.match(rest)):
        name = relative["start"]

    if name == "head" and not at:
        _check_one_head(history, argument, command)
    elif name and name not in _SYMBOLS:
        _check_name(name, history, argument, command)


@contextlib.contextmanager
def explained(
    target: object,
    heads: c.Iterable[str] = (),
    argument: str = "target",
    command: str = COMMAND,
) -> c.Iterator[None]:
    """Turn what Alembic raises about a target into an error that names it.

    :param target: What was asked for.
    :param heads: Where the database is.
    :param argument: The name of the argument, for the message.
    :param command: How the commands are called, for the message too.
    """
    try:
        yield
    # Some targets, such as one below the first revision, only fail an assertion of Alembic's.
    except (CommandError, RevisionError, AssertionError) as error:
        cause = error.__cause__ if isinstance(error.__cause__, RevisionError) else error
        shown = ", ".join(target) if isinstance(target, list) else target
        where = ", ".join(heads) or "base"
        reason = str(error).rstrip(".") or "there is no such place"

        if isinstance(cause, MultipleHeads):
            raise TargetError(
                f"Target '{shown}' means more than one revision from {where}: "
                f"{', '.join(cause.heads)}.",
                "Name one of them, or write 'heads' for all.",
            ) from error

        if argument != "target":
            raise TargetError(
                f"{argument.capitalize()} '{shown}' cannot be used: {reason}.",
                f"'{command} log' lists the revisions.",
            ) from error

        raise TargetError(
            f"Target '{shown}' cannot be reached from {where}: {reason}.",
            f"'{command} log' lists the revisions; '{command} current' says where the database is.",
        ) from error


def _check_one_head(history: History, argument: str, command: str) -> None:
    heads = history.heads

    if len(heads) > 1:
        listed = ", ".join(f"{head} ({history.revisions[head].message})" for head in heads)
        raise TargetError(
            f"{argument.capitalize()} 'head' needs one head, and there are {len(heads)}: {listed}.",
            f"Write 'heads' for all of them, name one, or join them with '{command} merge'.",
        )


def _check_name(name: str, history: History, argument: str, command: str) -> None:
    if name in history.revisions or name in history.labels:
        return

    # Alembic completes no id of three characters or fewer.
    found = [revision for revision in history.find(name) if len(revision) > 3]

    if len(found) == 1:
        return

    if found:
        raise TargetError(
            f"{argument.capitalize()} '{name}' begins {len(found)} revisions: {', '.join(found)}.",
            "Give more characters.",
        )

    symbols = difflib.get_close_matches(name, _SYMBOLS, 1)
    near = [*symbols, *history.near(name)][:3]
    cure = f"Did you mean {' or '.join(near)}?" if near else ""
    raise TargetError(
        f"{argument.capitalize()} '{name}' names no revision, label or symbol.",
        cure or f"'{command} log' lists the revisions; 'head', 'heads', 'base', '+1' work too.",
    )
