"""What a stamp would claim about a database: noted as applied without being run, or forgotten."""

from __future__ import annotations

import dataclasses
import re

from ..core.plans.plan import Plan
from ..core.scripts.history import History

_ID = r"N?'((?:[^']|'')*)'"
#: What Alembic sends to the version table, the same for all servers but for quotes.
_SENT = re.compile(
    rf"UPDATE\s[^;]*?\sSET\s+\S*version_num\S*?\s*=\s*{_ID}[^;]*?version_num\S*\s*=\s*{_ID}"
    rf"|DELETE\s+FROM\s[^;]*?version_num\S*\s*=\s*{_ID}"
    rf"|INSERT\s+INTO\s[^;]*?VALUES\s*\(\s*{_ID}"
)


@dataclasses.dataclass(frozen=True)
class Claims:
    """What the version table would say that is not so.

    :param skipped: Revisions that would be noted as applied, though this database has not run
        them.
    :param forgotten: Revisions that would not be noted any more, though they are applied.
    :param unknown: What the version table holds and no revision file has, where it is purged.
    """

    skipped: tuple[str, ...]
    forgotten: tuple[str, ...]
    unknown: tuple[str, ...]


def claims(plan: Plan, history: History) -> Claims:
    """Return what a stamp would claim.

    :param plan: The plan of a stamp, with its SQL: what that writes is what will be claimed.
    :param history: The revision files.
    """
    before = history.ancestors(plan.heads)
    after = history.ancestors(_heads_after(plan))
    return Claims(
        skipped=tuple(id_ for id_ in history.revisions if id_ in after and id_ not in before),
        forgotten=tuple(id_ for id_ in history.revisions if id_ in before and id_ not in after),
        unknown=history.unknown(plan.heads) if plan.options.purge else (),
    )


def _heads_after(plan: Plan) -> set[str]:
    heads = set() if plan.options.purge else set(plan.heads)

    for step in plan.steps:
        for found in _SENT.finditer(step.sql):
            new, old, deleted, inserted = (
                text and text.replace("''", "'") for text in found.groups()
            )
            heads -= {old, deleted}
            heads |= {id_ for id_ in (new, inserted) if id_}

    return heads
