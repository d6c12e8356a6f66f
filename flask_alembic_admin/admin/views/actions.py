"""What can be done with a database: each action with its targets, or why it cannot be begun."""

from __future__ import annotations

import dataclasses
import typing as t

from flask import render_template
from flask.typing import ResponseReturnValue

from ...core.results import Action
from ...core.scripts.revision_files import RevisionFile
from ...core.status import database_status
from ...core.status import DatabaseStatus
from ..access import current_project
from ..choices import Choice
from ..choices import choices
from ..choices import OFFERED
from ..command_lines import command_line
from ..draft_choices import draft_cards
from ..forms import MergeForm
from ..forms import PlanForm
from ..forms import RevisionForm
from ..moves import reason_against
from ..presenters import status_badge
from ..translation import gettext as _
from ..verifications import last_verification
from ..verifications import ShownProof

#: How many revisions are named that a downgrade undoes first.
UNDONE = 3


@dataclasses.dataclass(frozen=True)
class Card:
    """One action on the page.

    :param action: What it does.
    :param form: Asks for its plan.
    :param reason: Why it cannot be planned; None where it can.
    :param command: The command line that does the same.
    """

    action: Action
    form: PlanForm
    reason: str | None
    command: str


def show_actions(database: str) -> ResponseReturnValue:
    """Show what can be done with a database, and what cannot and why."""
    return actions_page(database)


def actions_page(
    database: str,
    sent: PlanForm | None = None,
    sent_draft: RevisionForm | MergeForm | None = None,
) -> str:
    """Return the page of actions.

    :param database: The database's name.
    :param sent: A form that could not be used, with its errors.
    :param sent_draft: The same, one that asks for a file.
    """
    project = current_project()
    history = project.scripts.history()
    status = database_status(project, database, history)
    cards = []

    for action in t.get_args(Action):
        offered = choices(action, history, status)
        form = PlanForm.for_action(action, project.settings, offered)

        if sent is not None and sent.action.data == action:
            form = sent.on_page(action, _with(offered, sent.target.data))

        usual = offered[0].target if offered else "heads"
        cards.append(
            Card(
                action,
                form,
                reason_against(action, status) or _nothing_to(action, offered, status),
                command_line(project, action, [usual], database),
            )
        )

    return render_template(
        "alembic_admin/actions.html",
        database=database,
        status=status,
        shown=status_badge(status),
        cards=cards,
        drafts=draft_cards(project, history, status, sent_draft),
        offered=OFFERED,
        undone=_undone(status, history.revisions),
    )


def _undone(
    status: DatabaseStatus, files: t.Mapping[str, RevisionFile]
) -> list[tuple[RevisionFile, ShownProof]]:
    """Return the revisions that a downgrade undoes first, with what is known of that."""
    last = last_verification(current_project(), status.name)
    known = [files[revision] for revision in status.current if revision in files]
    return [(file, last.proof_of_file(file)) for file in known[:UNDONE]]


def _nothing_to(action: Action, offered: t.Sequence[Choice], status: DatabaseStatus) -> str | None:
    """Return why there is no target, or none that can be reached."""
    if status.unknown and action != "stamp":
        return _("It holds a revision that is not here, so there is no way from where it is.")

    if offered:
        return None

    return {
        "upgrade": _("Nothing is pending."),
        "downgrade": _("Nothing is applied."),
        "stamp": _("There are no revisions."),
    }[action]


def _with(offered: list[Choice], target: str | None) -> list[Choice]:
    """Return the choices with what was chosen among them, wherever it came from."""
    if not target or target in {choice.target for choice in offered}:
        return offered

    return [Choice(target, target), *offered]
