"""Spans of time and sizes, in words short enough for a table."""

from __future__ import annotations

import datetime

_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")
_SPANS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def duration(seconds: float | None) -> str:
    """Return a span of time in words short enough for a table."""
    if seconds is None:
        return "—"

    if seconds < 60:
        return f"{seconds:.1f} s"

    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} m" if hours else f"{minutes} m {rest:02} s"


def size(bytes_: int) -> str:
    """Return how many bytes there are, in the unit that is short to read."""
    value, unit = float(bytes_), 0

    # 999.6 would be written as 1000.
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value /= 1000
        unit += 1

    return f"{value:.{1 if unit and value < 9.95 else 0}f} {_UNITS[unit]}"


def ago(moment: datetime.datetime, now: datetime.datetime | None = None) -> str:
    """Return how long ago a moment was, in the largest unit.

    :param moment: With its time zone.
    :param now: The time that it is; that of the clock if None.
    """
    seconds = ((now or datetime.datetime.now(datetime.UTC)) - moment).total_seconds()

    for span, name in _SPANS:
        if seconds >= span:
            count = int(seconds // span)
            return f"{count} {name}{'' if count == 1 else 's'} ago"

    return "just now"
