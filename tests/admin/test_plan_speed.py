"""A plan of 50 steps is there within the limit; ``python -m tests.benchmarks.plan`` tells more."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from ..benchmarks.plan import LIMIT
from ..benchmarks.plan import measured
from ..benchmarks.plan import project


@pytest.mark.parametrize("server", ["sqlite", "postgresql"])
def test_a_plan_of_50_steps_is_there_in_time(
    tmp_path: Path, request: pytest.FixtureRequest, server: str
) -> None:
    """Recorded, linted, estimated and on its page, in the time that the process itself needs."""
    url: sa.URL = request.getfixturevalue(f"{server}_url")

    with project(tmp_path / "app", url) as panel:
        # What is done once for a process, such as compiling templates, is not counted.
        measured(panel, time.process_time)
        seconds = measured(panel, time.process_time)

    assert seconds.whole < LIMIT, seconds
