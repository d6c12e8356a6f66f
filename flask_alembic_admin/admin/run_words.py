"""How a run stands, in words: the title of its page, its sentence and its verdict."""

from __future__ import annotations

import collections.abc as c

from markupsafe import Markup

from ..core.ledger.tables import RunStatus
from ..core.ledger.tables import StepStatus
from ..core.settings import FILE_ACTIONS
from .presenters import date_and_time
from .presenters import short
from .run_page import RunView
from .translation import gettext as _
from .translation import ngettext


def title_of(view: RunView) -> str:
    """Return the title of the page of a run, which says how it stands.

    :param view: The run.
    """
    values = {"action": view.record.action, "database": view.record.database}
    step = view.stopped_at

    if not view.ended and step is not None:
        return _(
            "Step %(step)s of %(total)s · %(action)s %(database)s",
            step=step.position,
            total=view.total,
            **values,
        )

    return f"{view.badge.shape} " + _(
        "%(state)s · %(action)s %(database)s", state=view.badge.word.capitalize(), **values
    )


def verdict_of(view: RunView) -> str:
    """Return how a run has ended, in a few words.

    :param view: The run.
    """
    step = view.stopped_at
    place = {"step": step.position if step else view.done + 1, "total": view.total}

    if view.seen == RunStatus.CANCELLED and view.record.started is None:
        return _("Cancelled before it began")

    if view.seen == RunStatus.CANCELLED:
        return _("Cancelled before step %(step)s of %(total)s", **place)

    if view.seen not in {RunStatus.FAILED, RunStatus.LOST}:
        return view.badge.word.capitalize()

    # What writes a file has no steps.
    has_steps = view.record.action not in FILE_ACTIONS

    if step is None and view.seen == RunStatus.FAILED and not view.done and has_steps:
        return _("Failed before its first step")

    if step is None:
        return view.badge.word.capitalize()

    what = Markup("{} {}").format(codes([step.revision]), step.message or "")

    if view.seen == RunStatus.FAILED:
        return _("Failed at step %(step)s of %(total)s: %(what)s", what=what, **place)

    return _("Lost at step %(step)s of %(total)s: %(what)s", what=what, **place)


def sentence_of(view: RunView) -> str:
    """Return how a run stands, in a sentence.

    :param view: The run.
    """
    return _ended_sentence(view) if view.ended else _active_sentence(view)


def _active_sentence(view: RunView) -> str:
    step = view.stopped_at
    place = {"total": view.total, "step": step.position if step else 0}

    if view.orphaned:
        return _(
            "Its process is gone, and the database still works on what it sent. The lock is "
            "held until that has ended."
        )

    if view.record.cancel_requested and step is not None:
        return _(
            "Asked to stop before its next step. Step %(step)s of %(total)s is still at work.",
            **place,
        )

    if view.record.cancel_requested:
        return _("Asked to stop before its next step.")

    if view.by_hand:
        return _("Waits for somebody to start it with the command below.")

    if view.record.status == RunStatus.QUEUED and view.record.runner == "celery":
        return _("Waits for a Celery worker to begin it.")

    if view.record.status == RunStatus.QUEUED:
        return _("Waits for its process to begin.")

    if step is not None:
        return _(
            "Step %(step)s of %(total)s is at work: %(message)s.",
            message=step.message or short(step.revision),
            **place,
        )

    if view.done:
        return _("%(done)s of %(total)s steps are done.", done=view.done, total=view.total)

    return _("It takes the lock and looks again at what was planned.")


def _ended_sentence(view: RunView) -> str:
    record = view.record

    if record.status == RunStatus.REFUSED:
        return _("Refused: %(reason)s", reason=record.reason or "")

    if record.status == RunStatus.SUCCEEDED and record.action in FILE_ACTIONS:
        return _(
            "Succeeded: the file of revision %(revision)s is written.",
            revision=codes([record.target]),
        )

    if record.status == RunStatus.SUCCEEDED:
        return _(
            "Succeeded: the database went from %(before)s to %(after)s.",
            before=codes(record.heads_before),
            after=codes(record.heads_after or ()),
        )

    if view.seen == RunStatus.LOST:
        if record.heartbeat is None:
            return _("Lost: its process never began.")
        return _(
            "Lost: its process ended without a verdict; the last sign of life was at %(time)s.",
            time=date_and_time(record.heartbeat),
        )

    if record.heads_after is None:
        return _("It could not be read where the database is.")

    return _("The database is at %(after)s.", after=codes(record.heads_after))


def kept_of(view: RunView, rolls_back: bool) -> list[str]:
    """Return in sentences which steps of a run are in the database after an early end.

    :param view: The run.
    :param rolls_back: Whether its server rolls schema changes back.
    """
    if not view.total or view.record.started is None:
        return []

    sentences = [
        ngettext(
            "%(num)s step stays committed: the first.",
            "%(num)s steps stay committed: the first %(num)s.",
            view.staying,
        )
        if view.staying
        else _("No step stays.")
    ]
    step = view.stopped_at

    if step is not None and rolls_back and view.seen != RunStatus.LOST:
        sentences.append(
            _(
                "Step %(step)s was rolled back, except for what it committed itself.",
                step=step.position,
            )
        )
    elif step is not None and step.status == StepStatus.FAILED and not step.statements:
        # As the engine sees it, which lets further runs begin after such a step.
        sentences.append(
            _("Nothing that step %(step)s has sent was carried out.", step=step.position)
        )
    elif step is not None and not rolls_back:
        sentences.append(
            _(
                "Step %(step)s may be half done: this server cannot roll schema changes back.",
                step=step.position,
            )
        )

    return sentences


def codes(ids: c.Iterable[str]) -> Markup:
    """Return ids of revisions as markup, ``base`` for none.

    :param ids: The ids.
    """
    return Markup(" ").join(
        Markup('<code title="{}">{}</code>').format(revision, short(revision)) for revision in ids
    ) or Markup("base")
