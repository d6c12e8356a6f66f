"""The history of revisions with its graph. It only looks, and opens no file that it knows."""

from __future__ import annotations

from flask import render_template
from flask import request
from flask import url_for
from flask.typing import ResponseReturnValue

from ...core.status import database_status
from ...core.status import DatabaseStatus
from ..access import current_project
from ..draft_choices import why_no_revision
from ..history_rows import Rows
from ..history_rows import Search
from ..history_rows import STATES
from ..moves import reason_against
from ..presenters import status_badge
from ..revision_state import revision_badge
from ..translation import gettext as _

#: How much of what was typed is looked for.
_LONGEST_TEXT = 200
#: How many problems of the files are named.
_SHOWN_PROBLEMS = 20
#: How many parents of one revision are named; its own page has all of them.
_SHOWN_PARENTS = 4


def show_history(database: str) -> ResponseReturnValue:
    """Show the revisions that somebody looks for, all of them at first, newest first."""
    project = current_project()
    history = project.scripts.recent_history()
    status = database_status(project, database, history)
    search = _search()
    page = Rows(history, status).page(search, request.args.get("page", 1, type=int))
    return render_template(
        "alembic_admin/history.html",
        database=database,
        status=status,
        shown=status_badge(status),
        history=history,
        search=search,
        page=page,
        newer=_address(database, search, page.number - 1) if page.number > 1 else None,
        older=_address(database, search, page.number + 1) if page.number < page.count else None,
        states=[revision_badge(state) for state in STATES],
        state_names=STATES,
        why_not=_why_no_upgrade(status),
        no_revision=why_no_revision(project, status),
        problems=history.problems[:_SHOWN_PROBLEMS],
        shown_parents=_SHOWN_PARENTS,
        missing_folders=[folder for folder in project.scripts.folders if not folder.is_dir()],
        making=project.scripts.making,
    )


def _search() -> Search:
    """Return what is asked for; a state that there is not is like none."""
    state = request.args.get("state", "")
    return Search(
        text=request.args.get("q", "").strip()[:_LONGEST_TEXT],
        state=state if state in STATES else "",
        label=request.args.get("label", "").strip(),
    )


def _address(database: str, search: Search, page: int) -> str:
    """Return the address of a page, as short as it can be."""
    return url_for(
        ".history",
        database=database,
        q=search.text or None,
        state=search.state or None,
        label=search.label or None,
        page=page if page > 1 else None,
    )


def _why_no_upgrade(status: DatabaseStatus) -> str | None:
    """Return why no upgrade can be planned now, or None where one can."""
    nothing = None if status.pending else _("Nothing is pending.")
    return reason_against("upgrade", status) or nothing
