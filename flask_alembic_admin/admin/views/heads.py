"""Heads, branches and labels of the files, and what the database is at."""

from __future__ import annotations

import dataclasses

from flask import render_template
from flask.typing import ResponseReturnValue

from ...core.scripts.history import History
from ...core.scripts.revision_files import RevisionFile
from ...core.status import database_status
from ...core.status import DatabaseStatus
from ..access import current_project
from ..moves import reason_against
from ..presenters import Badge
from ..presenters import status_badge
from ..revision_state import revision_badge
from ..revision_state import state_of


@dataclasses.dataclass(frozen=True)
class Head:
    """One head of the files.

    :param file: Its file.
    :param badge: Where it stands in the database.
    :param labels: The labels it carries.
    :param ahead: How many of the revisions that it needs are not applied; None if unknown.
    :param needed_by: The revisions that depend on it, with which it comes.
    """

    file: RevisionFile
    badge: Badge
    labels: tuple[str, ...]
    ahead: int | None
    needed_by: tuple[str, ...]


def show_heads(database: str) -> ResponseReturnValue:
    """Show heads, branch points, labels, and revisions that only the database knows."""
    project = current_project()
    history = project.scripts.recent_history()
    status = database_status(project, database, history)
    return render_template(
        "alembic_admin/heads.html",
        database=database,
        status=status,
        shown=status_badge(status),
        files=history.revisions,
        heads=_heads(history, status),
        effective=history.effective_heads,
        branch_points=[(id_, history.children(id_)) for id_ in history.branch_points],
        bases=history.bases,
        labels=history.labels,
        merge_refusal=reason_against("merge", status),
        upgrade_refusal=reason_against("upgrade", status),
    )


def _heads(history: History, status: DatabaseStatus) -> list[Head]:
    applied = history.ancestors(status.current)
    # What a revision that is not here builds upon is not known.
    is_known = status.state != "unreachable" and not status.unknown
    absorbed = set(history.heads) - set(history.effective_heads)
    return [
        Head(
            history.revisions[id_],
            revision_badge(state_of(id_, history, status)),
            history.labels_of(id_),
            len(history.ancestors([id_]) - applied) if is_known else None,
            tuple(
                other
                for other in history.revisions
                if id_ in absorbed and id_ in history.resolved_dependencies(other)
            ),
        )
        for id_ in reversed(history.heads)
    ]
