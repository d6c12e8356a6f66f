from __future__ import annotations

import dataclasses
import random
import time
import typing as t

import pytest

from flask_alembic_admin.core.scripts.lanes import Lanes
from flask_alembic_admin.core.scripts.lanes import lay_out
from flask_alembic_admin.core.scripts.lanes import Line

EVERY_LANE = 10**9


@dataclasses.dataclass
class Graph:
    """Revisions from the top down, with what each leads to."""

    order: list[str]
    parents: dict[str, tuple[str, ...]]
    dependencies: dict[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)

    def lanes(self) -> Lanes:
        """Lay it out."""
        return lay_out(self.order, self.parents, self.dependencies)

    def lines(self, revision: str) -> list[tuple[str, bool]]:
        """Return what has to be drawn below a revision: where to, and whether it is dashed."""
        parents = self.parents.get(revision, ())
        depends_on = self.dependencies.get(revision, ())
        solid = [(id_, False) for id_ in dict.fromkeys(parents)]
        return solid + [(id_, True) for id_ in depends_on if id_ not in parents]


def graph(**parents: str) -> Graph:
    """Return a graph of revisions named from the top down, each with its parents as words."""
    return Graph(list(parents), {id_: tuple(names.split()) for id_, names in parents.items()})


def random_graph(seed: int, size: int = 60) -> Graph:
    """Return a graph with bases, branches, merges, dependencies and parents that are missing."""
    chance = random.Random(seed)
    found = Graph([], {})

    for number in range(size):
        # Mostly on top of what is newest, and sometimes far below.
        recent = found.order[-6:] if chance.random() < 0.9 else found.order
        count = min(len(recent), chance.choices([0, 1, 2, 3], [1, 12, 3, 1])[0])
        parents = chance.sample(recent, count)
        missing = [f"missing{number % 3}"] if chance.random() < 0.05 else []
        found.parents[f"r{number}"] = (*parents, *missing)

        if found.order and chance.random() < 0.2:
            found.dependencies[f"r{number}"] = (chance.choice(found.order),)

        found.order.append(f"r{number}")

    found.order.reverse()
    return found


GRAPHS = {
    "empty": graph(),
    "one line": graph(c="b", b="a", a=""),
    "several bases": graph(d="c", c="a", b="", a=""),
    "a branch": graph(d="c", c="a", b="a", a=""),
    "a merge of three": graph(e="b c d", d="a", c="a", b="a", a=""),
    "merges that cross": graph(f="c d", e="c d", d="b", c="a", b="", a=""),
    "a dependency": Graph(
        ["c", "b", "a"], {"c": ("b",), "b": (), "a": ()}, {"c": ("a",), "b": ("a",)}
    ),
    "a dependency on a parent's parent": Graph(
        ["c", "b", "a"], {"c": ("b",), "b": ("a",), "a": ()}, {"c": ("a", "b")}
    ),
    "missing parents": graph(d="gone", c="lost gone", b="a lost", a=""),
    **{f"random {seed}": random_graph(seed) for seed in range(40)},
}


def crossing(lanes: Lanes) -> list[list[Line]]:
    """Return the lines that cross the border below each row, those that share a lane once."""
    passing = lanes.passing(0, len(lanes.rows), EVERY_LANE).lines
    return [
        list(dict.fromkeys((*lines, *row.below)))
        for row, lines in zip(lanes.rows, passing, strict=True)
    ]


def end(lanes: Lanes, row: int, line: Line) -> str:
    """Return the revision that a line comes to, followed downwards row by row."""
    passing = lanes.passing(0, len(lanes.rows), EVERY_LANE).lines

    for below in range(row + 1, len(lanes.rows)):
        if line in lanes.rows[below].above:
            return lanes.rows[below].revision

        assert passing[below].count(line) == 1

    raise AssertionError(f"{line} runs out of the graph")


@pytest.mark.parametrize("drawn", GRAPHS.values(), ids=GRAPHS)
class TestEveryGraph:
    """What holds whatever a history looks like."""

    def test_each_line_leads_to_what_it_is_for(self, drawn: Graph) -> None:
        """Followed down its lane through every row, it ends at the parent or dependency."""
        lanes = drawn.lanes()

        for number, row in enumerate(lanes.rows):
            ends = [(end(lanes, number, line), line.dashed) for line in row.below]
            assert sorted(ends) == sorted(drawn.lines(row.revision))

    def test_no_lane_is_used_twice_at_a_time(self, drawn: Graph) -> None:
        """Lines share a lane only where they are of one kind and lead to one revision."""
        for lines in crossing(drawn.lanes()):
            assert len({line.lane for line in lines}) == len(lines)

    def test_no_line_passes_through_a_node(self, drawn: Graph) -> None:
        """It would seem to end there."""
        lanes = drawn.lanes()
        passing = lanes.passing(0, len(lanes.rows), EVERY_LANE).lines

        for row, lines in zip(lanes.rows, passing, strict=True):
            assert {row.lane, *(line.lane for line in row.above)}.isdisjoint(
                line.lane for line in lines
            )

    def test_no_line_begins_or_ends_between_rows(self, drawn: Graph) -> None:
        """What leaves one row comes in at the next one, and nothing else does."""
        lanes = drawn.lanes()
        passing = lanes.passing(0, len(lanes.rows), EVERY_LANE).lines
        above: list[Line] = []

        for row, lines, below in zip(lanes.rows, passing, crossing(lanes), strict=True):
            assert sorted(above) == sorted((*lines, *row.above))
            above = below

        assert above == []

    def test_there_are_no_more_lanes_than_are_needed(self, drawn: Graph) -> None:
        """Some row has a line or a node in all of them, but for one that ends beside its node."""
        lanes = drawn.lanes()
        widest = max((len(lines) for lines in crossing(lanes)), default=0)
        assert len(lanes.stretches) <= widest + 1

    def test_pages_fit_together(self, drawn: Graph) -> None:
        """Looked at in parts, the graph is the same."""
        lanes = drawn.lanes()
        whole = lanes.passing(0, len(lanes.rows), EVERY_LANE).lines
        parts: list[tuple[Line, ...]] = []

        for start in range(0, len(lanes.rows), 7):
            stop = min(start + 7, len(lanes.rows))
            parts += lanes.passing(start, stop, EVERY_LANE).lines

        assert tuple(parts) == whole

    def test_lanes_that_are_not_drawn_are_counted(self, drawn: Graph) -> None:
        """A line is drawn or it is counted."""
        lanes = drawn.lanes()
        whole = lanes.passing(0, len(lanes.rows), EVERY_LANE).lines
        drawn_only = lanes.passing(0, len(lanes.rows), 2)

        for lines, near, beyond in zip(whole, drawn_only.lines, drawn_only.beyond, strict=True):
            assert near == tuple(line for line in lines if line.lane < 2)
            assert beyond == len(lines) - len(near)


def places(lanes: Lanes) -> dict[str, int]:
    """Return the lane of each revision."""
    return {row.revision: row.lane for row in lanes.rows}


def test_a_line_of_revisions_is_one_lane() -> None:
    """Nothing moves sideways without need."""
    assert places(GRAPHS["one line"].lanes()) == {"c": 0, "b": 0, "a": 0}


def test_a_merge_goes_on_with_its_first_parent() -> None:
    """The others get lanes beside it."""
    top = GRAPHS["a merge of three"].lanes().rows[0]
    assert (top.lane, top.below) == (0, (Line(0, False), Line(1, False), Line(2, False)))


def test_branches_join_above_where_they_part() -> None:
    """The second of two children turns into the lane of the first one, and frees its own."""
    lanes = graph(d="a", c="a", b="", a="").lanes()
    assert lanes.rows[1].below == (Line(0, False),)
    assert places(lanes) == {"d": 0, "c": 1, "b": 1, "a": 0}


def test_a_dependency_has_a_line_of_its_own() -> None:
    """It is told from a parent's line to the same revision, which ends beside it."""
    last = GRAPHS["a dependency on a parent's parent"].lanes().rows[-1]
    assert last.above == (Line(0, False), Line(1, True))


def test_a_missing_parent_stands_below_the_last_that_follows_it() -> None:
    """Its row is where its file would be."""
    rows = [row.revision for row in GRAPHS["missing parents"].lanes().rows]
    assert rows == ["d", "c", "gone", "b", "lost", "a"]


def test_what_leads_upwards_is_not_drawn() -> None:
    """A circle has no way to be drawn downwards; the rest of it is."""
    lanes = Graph(["c", "b", "a"], {"c": ("b",), "b": ("a",), "a": ("c", "a")}).lanes()
    assert [len(row.below) for row in lanes.rows] == [1, 1, 0]


def test_ten_thousand_revisions_are_laid_out_at_once() -> None:
    """The time grows with the number of revisions and not with its square."""
    large = random_graph(1, 10_000)
    began = time.process_time()
    lanes = large.lanes()
    pages = [lanes.passing(start, start + 100, 12) for start in range(0, 10_000, 100)]
    assert time.process_time() - began < 5
    assert len(pages) == 100


def test_thousands_of_lanes_take_no_longer() -> None:
    """A merge of thousands, which Alembic allows, is laid out as fast."""
    ids = [f"r{number}" for number in range(5_000)]
    parents: dict[str, t.Any] = {"merge": tuple(ids), **dict.fromkeys(ids, ("base",)), "base": ()}
    began = time.process_time()
    lanes = lay_out(list(parents), parents, {})
    assert lanes.passing(1, 101, 12).beyond[0] > 4_900
    assert time.process_time() - began < 5
