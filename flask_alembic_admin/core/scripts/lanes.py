"""Where each line of the graph of a history runs, laid out once and in linear time.

Every row is a revision. A line leads from a revision down to what it follows, in one lane all the
way, and all lines of one kind to the same revision share that lane.
"""

from __future__ import annotations

import bisect
import collections.abc as c
import dataclasses
import heapq
import typing as t


class Line(t.NamedTuple):
    """A line where it crosses the border between two rows.

    :param lane: The number of its lane, from 0 on.
    :param dashed: Whether it is a dependency, and no parent.
    """

    lane: int
    dashed: bool


class LaneRow(t.NamedTuple):
    """What happens in one row, beside the lines that only pass.

    :param revision: The id of the revision, which no file may have.
    :param lane: Where its node is.
    :param above: The lines that come from above and end at it.
    :param below: The lines that leave it downwards, alone or joining others on their way.
    """

    revision: str
    lane: int
    above: tuple[Line, ...]
    below: tuple[Line, ...]


class Stretch(t.NamedTuple):
    """The rows that a line passes, between those where it begins and ends."""

    first: int
    last: int
    dashed: bool


@dataclasses.dataclass(frozen=True)
class Passing:
    """The lines that pass the rows of one page.

    :param lines: For each row those in the first lanes.
    :param beyond: For each row how many there are in further lanes.
    """

    lines: tuple[tuple[Line, ...], ...]
    beyond: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Lanes:
    """The graph of a history.

    :param rows: One for each revision, in the order in which they are shown.
    :param stretches: For each lane where it is passed, from the top down.
    """

    rows: tuple[LaneRow, ...]
    stretches: tuple[tuple[Stretch, ...], ...]

    def passing(self, start: int, stop: int, limit: int) -> Passing:
        """Return the lines that pass some rows.

        :param start: The number of the first of these rows.
        :param stop: The number of the first row after them.
        :param limit: How many lanes are drawn; lines in further ones are only counted.
        """
        count = max(stop - start, 0)
        lines: list[list[Line]] = [[] for _ in range(count)]
        # Where the number of lines changes, since there may be thousands of lanes.
        changes = [0] * (count + 1)

        for lane, stretches in enumerate(self.stretches):
            for first, last, dashed in _overlapping(stretches, start, stop):
                begin, end = max(first - start, 0), min(last + 1 - start, count)

                if lane >= limit:
                    changes[begin] += 1
                    changes[end] -= 1
                    continue

                for row in range(begin, end):
                    lines[row].append(Line(lane, dashed))

        beyond = []
        total = 0

        for change in changes[:count]:
            total += change
            beyond.append(total)

        return Passing(tuple(map(tuple, lines)), tuple(beyond))


def lay_out(
    order: c.Sequence[str],
    parents: c.Mapping[str, c.Sequence[str]],
    dependencies: c.Mapping[str, c.Sequence[str]],
) -> Lanes:
    """Return the graph of some revisions.

    A parent that is not among them gets a row of its own, after the last one that follows it.
    What leads upwards, as a part of any circle does, is not drawn.

    :param order: The revisions from the top down.
    :param parents: What each follows.
    :param dependencies: What those depend on that depend on something.
    """
    whole = _with_missing(order, parents)
    position = {id_: row for row, id_ in enumerate(whole)}
    layout = _Layout()

    for row, id_ in enumerate(whole):
        solid = dict.fromkeys(parents.get(id_, ()))
        dashed = [name for name in dependencies.get(id_, ()) if name not in solid]
        targets = [(name, False) for name in solid] + [(name, True) for name in dashed]
        layout.add(row, id_, [target for target in targets if position.get(target[0], 0) > row])

    return Lanes(tuple(layout.rows), tuple(tuple(lane) for lane in layout.stretches))


class _Layout:
    def __init__(self) -> None:
        self.rows: list[LaneRow] = []
        self.stretches: list[list[Stretch]] = []
        # By what the line leads to and whether it is dashed: its lane, and the row it comes from.
        self._open: dict[tuple[str, bool], tuple[int, int]] = {}
        self._free: list[int] = []

    def add(self, row: int, revision: str, targets: c.Sequence[tuple[str, bool]]) -> None:
        """Add the next row."""
        above = []

        for dashed in (False, True):
            if opened := self._open.pop((revision, dashed), None):
                lane, begun = opened
                above.append(Line(lane, dashed))

                if begun + 1 < row:
                    self.stretches[lane].append(Stretch(begun + 1, row - 1, dashed))

        own = above[0].lane if above else self._take()
        # Not before the lines below have found theirs: one would seem to go on into another.
        released = [line.lane for line in above[1:]]
        below = []
        is_own_taken = False

        for target in targets:
            if target in self._open:
                lane = self._open[target][0]
            else:
                lane = self._take() if is_own_taken else own
                is_own_taken = True
                self._open[target] = (lane, row)

            below.append(Line(lane, target[1]))

        if not is_own_taken:
            released.append(own)

        for lane in released:
            heapq.heappush(self._free, lane)

        self.rows.append(LaneRow(revision, own, tuple(above), tuple(below)))

    def _take(self) -> int:
        """Return the leftmost lane that is free."""
        if self._free:
            return heapq.heappop(self._free)

        self.stretches.append([])
        return len(self.stretches) - 1


def _with_missing(order: c.Sequence[str], parents: c.Mapping[str, c.Sequence[str]]) -> list[str]:
    """Return all ids, those of missing parents after the last revision that follows them."""
    there = set(order)
    whole: list[str] = []

    for id_ in reversed(order):
        # Upside down: the last that follows is then the first to be met.
        for parent in dict.fromkeys(reversed(parents.get(id_, ()))):
            if parent not in there:
                there.add(parent)
                whole.append(parent)

        whole.append(id_)

    return whole[::-1]


def _overlapping(stretches: c.Sequence[Stretch], start: int, stop: int) -> c.Iterator[Stretch]:
    """Give those of some stretches, sorted and apart, that touch a range of rows."""
    for number in range(bisect.bisect_left(stretches, start, key=_last), len(stretches)):
        if stretches[number].first >= stop:
            return

        yield stretches[number]


def _last(stretch: Stretch) -> int:
    return stretch.last
