"""What can be chosen for a file that is to be written: parents, heads, and why it cannot be."""

from __future__ import annotations

import dataclasses
import shlex

from flask import request

from ..core.drafts.draft import Draft
from ..core.drafts.writing import unwritable_folder
from ..core.project import Project
from ..core.scripts.history import History
from ..core.status import DatabaseStatus
from ..core.surroundings import operating_system_user
from .choices import Choice
from .forms import MergeForm
from .forms import RevisionForm
from .moves import reason_against
from .translation import gettext as _

#: Stands for what a revision comes after where there is no other yet.
FIRST = "head"


@dataclasses.dataclass(frozen=True)
class DraftCards:
    """What the page of actions shows of files that could be written.

    :param revision: Asks for a new revision.
    :param why_no_revision: Why there can be none; None where there can.
    :param merge: Asks for a merge.
    :param why_no_merge: The same of it.
    :param revision_command: The command line that writes a revision.
    :param merge_command: The one that writes a merge.
    """

    revision: RevisionForm
    why_no_revision: str | None
    merge: MergeForm
    why_no_merge: str | None
    revision_command: str
    merge_command: str


def draft_cards(
    project: Project,
    history: History,
    status: DatabaseStatus,
    sent: RevisionForm | MergeForm | None = None,
) -> DraftCards:
    """Return what the page of actions shows of files that could be written.

    :param project: What is fixed.
    :param history: The revision files.
    :param status: What is true of the database.
    :param sent: A form that could not be used, with its errors.
    """
    revision = sent if isinstance(sent, RevisionForm) else _asked_for()
    merge = sent if isinstance(sent, MergeForm) else MergeForm(formdata=None)

    if sent is not merge:
        merge.revisions.data = list(history.heads)

    only_one = None if len(history.heads) > 1 else _("There is nothing to join: one head at most.")
    return DraftCards(
        revision=revision.on_page(parents(history)),
        why_no_revision=why_no_revision(project, status),
        merge=merge.on_page(_named(id_, history) for id_ in history.heads),
        why_no_merge=reason_against("merge", status) or only_one or why_unwritable(project),
        revision_command=f'{project.command} revision "MESSAGE"',
        merge_command=f"{project.command} merge",
    )


def parents(history: History) -> list[Choice]:
    """Return what a new revision can come after, the likeliest first.

    :param history: The revision files.
    """
    if not history.revisions:
        return [Choice(FIRST, _("nothing: it is the first one"))]

    return [
        *(_named(id_, history) for id_ in reversed(history.heads)),
        Choice("base", _("base · a line of its own")),
    ]


def why_no_revision(project: Project, status: DatabaseStatus) -> str | None:
    """Return why nobody, or not this user, can have a new revision written; None where they can.

    :param project: What is fixed.
    :param status: What is true of the database.
    """
    return reason_against("revision", status) or why_unwritable(project)


def why_unwritable(project: Project) -> str | None:
    """Return why files cannot be written here, or None where they seem to be able to.

    :param project: What is fixed.
    """
    folder = unwritable_folder(project.scripts)

    if folder is None:
        return None

    return _(
        "Read-only source tree: %(user)s cannot write to %(folder)s. Use “%(command)s revision” "
        "or “%(command)s merge” where the sources are and deploy the file, or make that folder "
        "writable.",
        user=operating_system_user(),
        folder=folder,
        command=project.command,
    )


def draft_command(project: Project, draft: Draft) -> str:
    """Return the command that writes such a file in a terminal, with an id of its own.

    :param project: What is fixed.
    :param draft: What it would write.
    """
    words = project.command.split()

    if len(draft.parents) > 1:
        words += ["merge", *draft.parents, "--message", draft.message]
    else:
        # What begins like an option is none only behind one.
        is_plain = not draft.message.startswith("-")
        words += ["revision", *([] if is_plain else ["--message"]), draft.message]

        if not draft.compared:
            words.append("--empty")

        if draft.heads and draft.parents != draft.heads:
            words += ["--branch", "", "--parent", *(draft.parents or ["base"])]

        if draft.folder != str(project.scripts.folders[0]):
            words += ["--path", draft.folder]

    for label in asked_labels(draft):
        words += ["--label", label]

    return shlex.join(words)


def asked_labels(draft: Draft) -> list[str]:
    """Return the labels that somebody has asked for; the first revision has one of its own.

    :param draft: A draft.
    """
    return [label for label in draft.labels if draft.heads or label != "default"]


def _asked_for() -> RevisionForm:
    """Return the form with what the address asks for, such as on the way from the diff."""
    return RevisionForm(
        formdata=None,
        action="revision",
        how="empty" if request.args.get("from") == "empty" else "diff",
        message=request.args.get("message", "")[:200],
        labels=request.args.get("labels", "")[:200],
    )


def _named(revision: str, history: History) -> Choice:
    return Choice(revision, f"{revision[:12]} {history.revisions[revision].message}".rstrip())
