"""Temporary folders: what a killed process leaves, and what another one is at work in."""

from __future__ import annotations

import collections.abc as c
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from flask_alembic_admin.core.own_folder import claim_of
from flask_alembic_admin.core.own_folder import own_folder

_CHILD = """
import sys, time
from flask_alembic_admin.core.own_folder import own_folder

with own_folder() as folder:
    (folder / "copy.sqlite").write_text("secret")
    print(folder, flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are, in this process and its children."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@contextlib.contextmanager
def child() -> c.Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process that is at work in a folder which is an hour old."""
    with subprocess.Popen(
        [sys.executable, "-c", _CHILD], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        _let_be_old(folder)

        try:
            yield process, folder
        finally:
            process.kill()


def _let_be_old(folder: Path) -> None:
    then = folder.stat().st_mtime - 3600
    os.utime(folder, (then, then))


def test_nothing_is_left_of_it(place: Path) -> None:
    """Neither the folder nor its lock."""
    with own_folder() as folder:
        (folder / "copy.sqlite").touch()

    assert list(place.iterdir()) == []


def test_nobody_else_may_read_it() -> None:
    """What it holds is a copy of live data."""
    with own_folder() as folder:
        assert folder.stat().st_mode & 0o077 == 0


def test_what_a_killed_process_left_is_deleted_by_the_next() -> None:
    """The kernel has freed its lock."""
    with child() as (process, folder):
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert (folder / "copy.sqlite").exists()

        with own_folder():
            assert not folder.exists()


def test_a_folder_that_somebody_works_in_stays() -> None:
    """However old it is."""
    with child() as (_, folder), own_folder():
        assert (folder / "copy.sqlite").exists()


def test_a_folder_that_is_just_being_made_stays(place: Path) -> None:
    """Its process may not have come to locking it yet."""
    young = place / "alembic-admin-young"
    young.mkdir()

    with claim_of(young):
        pass

    with own_folder():
        assert young.exists()


def test_a_folder_of_somebody_elses_making_stays(place: Path) -> None:
    """It has no such lock, whatever it is called, and a link leads elsewhere."""
    other = place / "alembic-admin-notes"
    other.mkdir()
    elsewhere = place / "elsewhere"
    elsewhere.mkdir()

    with claim_of(elsewhere):
        pass

    link = place / "alembic-admin-link"
    link.symlink_to(elsewhere, target_is_directory=True)
    then = other.stat().st_mtime - 3600
    os.utime(elsewhere, (then, then))
    os.utime(other, (then, then))
    os.utime(link, (then, then), follow_symlinks=False)

    with own_folder():
        assert other.exists()
        assert elsewhere.exists()
