"""Whether a process is the one that is at work on something, and not gone."""

from __future__ import annotations

import datetime
import os
import pathlib
import socket
import subprocess
import sys
import typing as t

import pytest

from flask_alembic_admin.core.ledger.liveness import process_lives


class Work(t.NamedTuple):
    """Something that a process is at work on."""

    pid: int | None
    started: datetime.datetime | None
    requested: datetime.datetime
    host: str | None = socket.gethostname()
    heartbeat: datetime.datetime | None = None


def work(pid: int, seconds: float = 0.0, *, claimed: bool = True) -> Work:
    """Return what a process has claimed, or shall claim, so many seconds ago."""
    then = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=seconds)
    return Work(pid, then if claimed else None, then)


def test_this_process_lives() -> None:
    """It was there when its work began."""
    assert process_lives(work(os.getpid()))


def test_a_process_at_which_nobody_has_looked_before_lives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its folder is made when somebody looks there, and again when memory was short."""
    look = os.stat

    def look_now(path: t.Any, **options: t.Any) -> os.stat_result:
        found = look(path, **options)
        if not str(path).startswith("/proc/"):
            return found
        later = [*found]
        later[9] += 3600
        return os.stat_result(later)

    monkeypatch.setattr(os, "stat", look_now)
    monkeypatch.setattr(pathlib.os, "stat", look_now)  # type: ignore[attr-defined]
    assert process_lives(work(os.getpid()))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")
@pytest.mark.parametrize("claimed", [True, False])
def test_a_younger_process_is_another_one(claimed: bool) -> None:
    """It has got the number of one that is gone, or that never began."""
    assert not process_lives(work(os.getpid(), 10 * 365 * 86400, claimed=claimed))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")
def test_a_process_that_nobody_has_reaped_does_not_live() -> None:
    """As one whose parent is the first process of a container, which may reap nobody."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        began = work(process.pid)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not process_lives(began)


def test_a_process_that_is_gone_does_not_live() -> None:
    """Nobody has its number."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        began = work(process.pid)

    assert not process_lives(began)
