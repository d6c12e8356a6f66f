"""Output that nobody can read any more: a run goes on, and no command shows a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .workplaces import flask_db
from .workplaces import NOTES
from .workplaces import Workplace

FULL = Path("/dev/full")


def _run_into(work: Workplace, output: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *flask_db(work), *arguments],
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_run_outlives_the_reader_of_its_output(work: Workplace) -> None:
    """Such as `| head -1`: all steps are run, and the status is that of the run."""
    reading, writing = os.pipe()
    os.close(reading)
    done = _run_into(work, writing, "upgrade")
    os.close(writing)
    assert work.heads() == {NOTES}
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")
def test_a_run_outlives_a_full_disk_of_its_output(work: Workplace) -> None:
    """That is said once, where it still can be."""
    with FULL.open("w") as full:
        done = _run_into(work, full.fileno(), "upgrade")

    assert work.heads() == {NOTES}
    assert done.returncode == 0
    assert done.stderr == (
        "Standard output cannot be written to (No space left on device), so nothing more is "
        "printed there; the run goes on.\n"
    )


def test_a_run_needs_no_output(work: Workplace) -> None:
    """Such as `>&-`."""
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, *flask_db(work), "upgrade"],
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert work.heads() == {NOTES}
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_told_without_a_traceback(work: Workplace) -> None:
    """It is no bug."""
    with FULL.open("w") as full:
        done = _run_into(work, full.fileno(), "log")

    assert (done.returncode, done.stderr) == (3, "Error: No space left on device.\n")
