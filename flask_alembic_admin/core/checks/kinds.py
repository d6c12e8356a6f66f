"""What carries out a check of each kind."""

from __future__ import annotations

import collections.abc as c
import typing as t

from ..ledger.checks import CheckKind
from ..ledger.checks import CheckRecord
from ..migrator import Migrator

#: Carries out a check and returns what it has found: whatever :func:`json.dumps` takes.
Work: t.TypeAlias = c.Callable[[Migrator, CheckRecord], t.Any]

WORK: dict[str, Work] = {}


def carries_out(kind: CheckKind) -> c.Callable[[Work], Work]:
    """Have a function carry out the checks of a kind; a decorator.

    What it raises ends the check as failed. Something wrong that it was to find is no error.

    :param kind: The kind.
    """

    def add(work: Work) -> Work:
        if kind in WORK:
            raise TypeError(f"Two functions for {kind!r}: {WORK[kind]} and {work}.")

        WORK[kind] = work
        return work

    return add
