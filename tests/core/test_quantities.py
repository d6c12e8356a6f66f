from __future__ import annotations

import datetime

import pytest

from flask_alembic_admin.core.quantities import ago
from flask_alembic_admin.core.quantities import duration
from flask_alembic_admin.core.quantities import size

NOW = datetime.datetime(2026, 3, 4, 12, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "—"), (0, "0.0 s"), (59.94, "59.9 s"), (123, "2 m 03 s"), (7_380, "2 h 03 m")],
)
def test_a_span_of_time_is_short(seconds: float | None, text: str) -> None:
    """It has to fit into a table."""
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_000, "1.0 kB"),
        (9_960, "10 kB"),
        (999_700, "1.0 MB"),
        (12_345_678, "12 MB"),
        (4_200_000_000, "4.2 GB"),
        (10**18, "1000 PB"),
    ],
)
def test_a_size_is_in_the_unit_that_is_short(number: int, text: str) -> None:
    """Two digits say enough."""
    assert size(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (7_199, "1 hour ago"),
        (3 * 86_400, "3 days ago"),
    ],
)
def test_a_moment_was_so_long_ago(seconds: int, text: str) -> None:
    """In the largest unit."""
    assert ago(NOW - datetime.timedelta(seconds=seconds), NOW) == text
