"""The graph of a history as one small picture a row, each of which fits on the one below."""

from __future__ import annotations

import collections.abc as c

from markupsafe import Markup

from ..core.scripts.lanes import LaneRow
from ..core.scripts.lanes import Line
from ..core.scripts.lanes import Passing

#: How many lanes are drawn; what runs further right is counted.
LIMIT = 12

# As high as a row of the table is, which has no borders there.
_HEIGHT = 32
_MIDDLE = _HEIGHT // 2
_PITCH = 14
_MARGIN = 11
# How many colours of lanes the style sheet has.
_COLOURS = 7
# Room for the number of lanes that are not drawn.
_COUNT_WIDTH = 32

# From the middle of the node, which may be in any lane.
_NODES = {
    "applied": '<circle class="dot" cx="{x}" cy="16" r="5"/>',
    "current": '<circle class="ring" cx="{x}" cy="16" r="7"/>'
    '<circle class="dot" cx="{x}" cy="16" r="3.5"/>',
    "pending": '<circle class="hollow" cx="{x}" cy="16" r="4.5"/>',
    "unknown": '<rect class="hollow" x="{left}" y="11.5" width="9" height="9"/>',
    "missing": '<path class="cross" d="M{left} 11.5l9 9m0-9l-9 9"/>',
}


def draw_node(state: str) -> Markup:
    """Return a node without lines, for a row whose neighbours are not shown.

    :param state: Such as ``applied``; ``missing`` where no file has the revision.
    """
    return _picture(1, [_node(0, state)])


def draw_row(
    row: LaneRow, passing: c.Sequence[Line], beyond: int, state: str, lanes: int
) -> Markup:
    """Return one row of the graph.

    :param row: What happens in it.
    :param passing: The lines in drawn lanes that only pass.
    :param beyond: How many lines pass further right.
    :param state: Of the revision, such as ``applied``; ``missing`` where no file has it.
    :param lanes: How many lanes are drawn on this page, so that all pictures are equally wide.
    """
    straight: dict[str, list[str]] = {}
    parts = []

    for line in passing:
        straight.setdefault(_class(line), []).append(f"M{_x(line.lane)} 0v{_HEIGHT}")

    if beyond:
        straight.setdefault("far", []).append(f"M{_x(LIMIT)} 0v{_HEIGHT}")

    own = _x(row.lane)

    for lines, border in ((row.above, 0), (row.below, _HEIGHT)):
        for line in lines:
            lane = _x(line.lane)

            if lane == own:
                straight.setdefault(_class(line), []).append(f"M{own} {_MIDDLE}V{border}")
            else:
                # Straight at both ends, so that it goes on smoothly in the next row.
                bend = f"{own} {border} {lane} {_MIDDLE} {lane} {border}"
                parts.append(f'<path class="{_class(line)}" d="M{own} {_MIDDLE}C{bend}"/>')

    parts += [f'<path class="{name}" d="{"".join(moves)}"/>' for name, moves in straight.items()]
    parts.append(_node(row.lane, state))

    if beyond:
        parts.append(f'<text x="{_x(LIMIT) + 10}" y="20">+{beyond}</text>')

    return _picture(lanes, parts)


def lanes_drawn(rows: c.Iterable[LaneRow], passing: Passing) -> int:
    """Return how many lanes some rows need, with one more for all that are not drawn.

    :param rows: What happens in them.
    :param passing: The lines that only pass.
    """
    used = {LIMIT if any(passing.beyond) else 0}

    for row in rows:
        used.update((row.lane, *(line.lane for line in (*row.above, *row.below))))

    used.update(line.lane for lines in passing.lines for line in lines)
    return min(max(used), LIMIT) + 1


def _picture(lanes: int, parts: c.Iterable[str]) -> Markup:
    width = _x(lanes - 1) + _MARGIN + (_COUNT_WIDTH if lanes > LIMIT else 0)
    # All of it was written here, from numbers and constants.
    return Markup(
        f'<svg width="{width}" height="{_HEIGHT}" aria-hidden="true">{"".join(parts)}</svg>'
    )


def _node(lane: int, state: str) -> str:
    x = _x(lane)
    return _NODES[state].format(x=x, left=x - 4.5)


def _class(line: Line) -> str:
    colour = f"lane{line.lane % _COLOURS}" if line.lane < LIMIT else "far"
    return f"{colour} dashed" if line.dashed else colour


def _x(lane: int) -> int:
    return _MARGIN + _PITCH * min(lane, LIMIT)
