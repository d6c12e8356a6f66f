"""What pages show: states as word, shape and colour, times and ids as text."""

from __future__ import annotations

import dataclasses
import datetime

from markupsafe import Markup

from ..core.history import History
from ..core.history import RevisionFile
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


@dataclasses.dataclass(frozen=True)
class HistoryRow:
    """One revision in the table of history."""

    file: RevisionFile | None
    revision: str
    badge: Badge
    head: bool
    parents: tuple[str, ...]
    labels: tuple[str, ...]


def history_rows(history: History, status: DatabaseStatus) -> list[HistoryRow]:
    """Return the rows of the table of history, newest first, unknown revisions before all."""
    applied = history.ancestors(status.current)
    rows = [
        HistoryRow(None, revision, badge("unknown"), False, (), ()) for revision in status.unknown
    ]

    for revision in history.newest_first():
        file = history.revisions[revision]

        if status.state == "unreachable":
            state = "unknown"
        elif revision in status.current:
            state = "current"
        else:
            state = "applied" if revision in applied else "pending"

        rows.append(
            HistoryRow(
                file, revision, badge(state), revision in history.heads, file.parents, file.labels
            )
        )

    return rows


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


def duration(seconds: float | None) -> str:
    """Return a span of time in words short enough for a table."""
    if seconds is None:
        return "—"

    if seconds < 60:
        return f"{seconds:.1f} s"

    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} m" if hours else f"{minutes} m {rest:02} s"
