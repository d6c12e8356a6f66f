"""The rows of the page of history: which are shown, and what each says."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t
import urllib.parse

from markupsafe import Markup

from ..core.scripts.history import History
from ..core.scripts.revision_files import RevisionFile
from ..core.status import DatabaseStatus
from .graph import draw_node
from .graph import draw_row
from .graph import lanes_drawn
from .graph import LIMIT
from .presenters import Badge
from .revision_state import revision_badge
from .revision_state import RevisionState
from .revision_state import States
from .translation import gettext as _

#: How many rows a page has.
PAGE = 100
#: What can be chosen to see only some rows.
STATES: tuple[RevisionState, ...] = ("applied", "current", "pending", "unknown")


@dataclasses.dataclass(frozen=True)
class Search:
    """What somebody looks for.

    :param text: Words of a message, an id, a file's name or a label.
    :param state: One of ``STATES``, or nothing for all.
    :param label: A label that the revisions carry, or nothing for all.
    """

    text: str = ""
    state: str = ""
    label: str = ""

    def __bool__(self) -> bool:
        """Return whether rows are left out."""
        return bool(self.text or self.state or self.label)


@dataclasses.dataclass(frozen=True)
class HistoryRow:
    """One revision.

    :param revision: Its id.
    :param anchor: The name of its row in the page's address.
    :param badge: Where it stands.
    :param graph: Its piece of the graph.
    :param file: What its file says; None where there is none.
    :param sentence: What is said instead of a message.
    :param head: Whether it is no other's parent.
    :param taken_in: Whether it is a head that another revision depends on.
    :param branch_point: Whether it is parent to more than one.
    :param dependencies: What it depends on.
    :param labels: The labels that it sets or, as a head, carries.
    """

    revision: str
    anchor: str
    badge: Badge
    graph: Markup
    file: RevisionFile | None = None
    sentence: str = ""
    head: bool = False
    taken_in: bool = False
    branch_point: bool = False
    dependencies: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class HistoryPage:
    """Some of the rows.

    :param rows: The newest first.
    :param number: Which page it is, from 1 on.
    :param count: How many pages there are.
    :param total: How many rows there are on all of them.
    :param is_crowded: Whether there are lines that are counted and not drawn.
    """

    rows: tuple[HistoryRow, ...]
    number: int
    count: int
    total: int
    is_crowded: bool = False

    @property
    def first(self) -> int:
        """The number of the first row."""
        return min(PAGE * (self.number - 1) + 1, self.total)

    @property
    def last(self) -> int:
        """The number of the last row."""
        return min(PAGE * self.number, self.total)


class Rows:
    """The rows of a history, as one database stands to it.

    :param history: The revision files.
    :param status: What is true of the database.
    """

    def __init__(self, history: History, status: DatabaseStatus) -> None:
        self._history = history
        self._status = status
        self._states = States(history, status)
        self._heads = frozenset(history.effective_heads)
        self._unknown = self._without_place()

    def page(self, search: Search, number: int) -> HistoryPage:
        """Return one page, the nearest one where there is none of that number.

        :param search: What somebody looks for.
        :param number: Of the page, from 1 on.
        """
        if search:
            found = self._found(search)
            number, count, shown = _cut(number, len(found))
            rows = [self._row(id_, draw_node(self._shape(id_))) for id_ in found[shown]]
            return HistoryPage(tuple(rows), number, count, len(found))

        # Nothing is known of how they follow each other: they stand before all.
        unknown = self._unknown
        total = len(unknown) + len(self._history.lanes.rows)
        number, count, shown = _cut(number, total)
        rows = [self._row(id_, draw_node("unknown")) for id_ in unknown[shown]]
        start, stop = (max(row - len(unknown), 0) for row in (shown.start, shown.stop))
        drawn, is_crowded = self._drawn(start, stop)
        return HistoryPage((*rows, *drawn), number, count, total, is_crowded)

    def _without_place(self) -> tuple[str, ...]:
        """Return what the database has and no file, but for the missing parents among it."""
        if not self._status.unknown:
            return ()

        drawn = {row.revision for row in self._history.lanes.rows}
        return tuple(id_ for id_ in self._status.unknown if id_ not in drawn)

    def _found(self, search: Search) -> list[str]:
        """Return the revisions that somebody looks for, the newest first."""
        ids: c.Iterable[str] = (
            *self._unknown,
            *(row.revision for row in self._history.lanes.rows),
        )

        texts = self._history.texts if search.text else {}

        for word in search.text.casefold().split():
            ids = [id_ for id_ in ids if word in (texts[id_] if id_ in texts else id_.casefold())]

        if search.label:
            carriers = frozenset(self._history.labels.get(search.label, ()))
            ids = [id_ for id_ in ids if id_ in carriers]

        if search.state:
            ids = [id_ for id_ in ids if self._shape(id_) == search.state]

        return list(ids)

    def _drawn(self, start: int, stop: int) -> tuple[list[HistoryRow], bool]:
        """Return rows that are neighbours, with the graph, and whether some of it is left out."""
        lanes = self._history.lanes
        rows = lanes.rows[start:stop]
        passing = lanes.passing(start, start + len(rows), LIMIT)
        width = lanes_drawn(rows, passing)
        drawn = []

        for row, lines, beyond in zip(rows, passing.lines, passing.beyond, strict=True):
            state = self._shape(row.revision)
            drawn.append(self._row(row.revision, draw_row(row, lines, beyond, state, width)))

        return drawn, any(passing.beyond)

    def _row(self, revision: str, graph: Markup) -> HistoryRow:
        history = self._history
        file = history.revisions.get(revision)
        anchor = f"r-{urllib.parse.quote(revision)}"

        if file is None:
            return HistoryRow(
                revision,
                anchor,
                self._badge(revision),
                graph,
                sentence=self._why_no_file(revision),
            )

        children = history.children(revision)
        return HistoryRow(
            revision=revision,
            anchor=anchor,
            badge=self._badge(revision),
            graph=graph,
            file=file,
            head=not children,
            taken_in=not children and revision not in self._heads,
            branch_point=len(children) > 1,
            dependencies=history.resolved_dependencies(revision),
            labels=file.labels if children else history.labels_of(revision),
        )

    def _why_no_file(self, revision: str) -> str:
        if revision in self._status.unknown:
            return _("No file here has it: newer code, or a deleted file.")

        if any(
            revision in problem.revisions and problem.kind != "missing parent"
            for problem in self._history.problems
        ):
            return _("missing: its file cannot be read")

        return _("missing: no file has it")

    def _shape(self, revision: str) -> RevisionState | t.Literal["missing"]:
        known = revision in self._history.revisions or revision in self._status.unknown
        return self._states.of(revision) if known else "missing"

    def _badge(self, revision: str) -> Badge:
        state = self._shape(revision)
        return Badge(_("missing"), "✖", "bad") if state == "missing" else revision_badge(state)


def _cut(number: int, total: int) -> tuple[int, int, slice]:
    """Return the nearest page that there is, how many there are, and its rows."""
    count = max(-(-total // PAGE), 1)
    number = min(max(number, 1), count)
    return number, count, slice(PAGE * (number - 1), min(PAGE * number, total))
