"""What pages show: states as word, shape and colour, times and ids as text."""

from __future__ import annotations

import dataclasses
import datetime

from markupsafe import Markup

from ..core.status import DatabaseStatus


@dataclasses.dataclass(frozen=True)
class Badge:
    """A state: its word, its shape and the name of its colour."""

    word: str
    shape: str
    tone: str


_BADGES = {
    "up to date": Badge("up to date", "✓", "good"),
    "pending": Badge("pending", "▲", "warn"),
    "never migrated": Badge("never migrated", "▲", "warn"),
    "ahead": Badge("ahead", "□", "unknown"),
    "several heads": Badge("several heads", "▲", "warn"),
    "running": Badge("running", "◌", "busy"),
    "interrupted": Badge("interrupted", "▲", "bad"),
    "unreachable": Badge("unreachable", "✖", "bad"),
    "broken scripts": Badge("broken scripts", "✖", "bad"),
    "planned": Badge("planned", "○", "unknown"),
    "queued": Badge("queued", "◌", "busy"),
    "succeeded": Badge("succeeded", "✓", "good"),
    "failed": Badge("failed", "✖", "bad"),
    "cancelled": Badge("cancelled", "▲", "warn"),
    "lost": Badge("lost", "▲", "bad"),
    "refused": Badge("refused", "✖", "warn"),
    "waiting": Badge("waiting", "○", "unknown"),
    "in doubt": Badge("in doubt", "▲", "bad"),
    "done": Badge("done", "✓", "good"),
    "not done": Badge("not done", "○", "unknown"),
    "cannot be told": Badge("cannot be told", "□", "warn"),
    "applied": Badge("applied", "●", "good"),
    "current": Badge("current", "◉", "busy"),
    "unknown": Badge("unknown", "□", "unknown"),
}


def badge(state: str) -> Badge:
    """Return how a state of a database, a run, a step or a revision is shown."""
    return _BADGES[state]


def status_badge(status: DatabaseStatus) -> Badge:
    """Return how the state of a database is shown, with a number where there is one."""
    shown = badge(status.state)

    if status.state == "pending":
        return dataclasses.replace(shown, word=f"{len(status.pending)} pending")

    return shown


def short(revision: str) -> str:
    """Return the first twelve characters of an id; the whole of it stands in the title."""
    return revision[:12]


def date_and_time(moment: datetime.datetime | None) -> Markup | str:
    """Return a time in UTC as an element that programs can read too."""
    if moment is None:
        return "—"

    return Markup('<time datetime="{}">{} UTC</time>').format(
        moment.isoformat(timespec="seconds"), moment.strftime("%Y-%m-%d %H:%M:%S")
    )
