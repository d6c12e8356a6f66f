"""Runs as somebody sees them who sits in front of a terminal, and may press Ctrl-C."""

from __future__ import annotations

import collections.abc as c
import contextlib
import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from .workplaces import flask_db
from .workplaces import ORDERS
from .workplaces import USERS
from .workplaces import wait_for
from .workplaces import Workplace

# The terminal has to be the one that the process is controlled by, for Ctrl-C to reach it.
_ON_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)


class Terminal:
    """A program on a pseudo-terminal.

    :param process: The program.
    :param master: The other side of its terminal.
    """

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process = process
        self.shown = ""
        self._master = master

    def read_until(self, text: str, seconds: float = 20) -> None:
        """Wait until the terminal shows a text."""
        end = time.monotonic() + seconds

        while text not in self.shown:
            assert time.monotonic() < end, self.shown
            assert self._read(0.1), self.shown

    def read_all(self) -> list[str]:
        """Wait for the program's end and return the lines that the terminal shows."""
        end = time.monotonic() + 30

        while self._read(0.1):
            assert time.monotonic() < end, self.shown

        self.process.wait(timeout=10)
        return self.shown.replace("\r\n", "\n").splitlines()

    def press_control_c(self) -> None:
        """Send what the key sends; the terminal makes a signal of it."""
        os.write(self._master, b"\x03")

    def _read(self, seconds: float) -> bool:
        """Take what has come, and return whether more may come."""
        if self._master not in select.select([self._master], [], [], seconds)[0]:
            return True

        try:
            data = os.read(self._master, 65536)
        except OSError:
            # Linux says so when the other side is closed.
            return False

        self.shown += data.decode()
        return bool(data)


@contextlib.contextmanager
def terminal(work: Workplace, *arguments: str) -> c.Iterator[Terminal]:
    """Run ``flask db`` on a terminal of its own."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _ON_TERMINAL, *flask_db(work), *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)

    try:
        yield Terminal(process, master)
    finally:
        process.kill()
        process.wait()
        os.close(master)


def test_a_step_is_visible_while_it_runs(work: Workplace) -> None:
    """Its line stands there, unfinished, and gets its time when it ends."""
    go = work.folder.parent / "go"
    work.write(ORDERS, USERS, wait_for(go), message="take long")

    with terminal(work, "upgrade") as screen:
        screen.read_until("2/3 orders02 take long ... ")
        assert screen.shown.endswith("take long ... ")
        time.sleep(0.2)
        go.touch()
        lines = screen.read_all()

    assert len(lines) == 4
    assert re.fullmatch(r"1/3 users01 create users \.\.\. \d+\.\d s", lines[0])
    assert re.fullmatch(r"2/3 orders02 take long \.\.\. (0\.[2-9]|[1-9]\d*\.\d) s", lines[1])
    assert re.fullmatch(r"upgraded base -> notes03 \(3 revisions, \d+\.\d s\)", lines[3])
    assert screen.process.returncode == 0


def test_a_failure_has_a_line_of_its_own(work: Workplace) -> None:
    """It does not begin behind the line of the step that failed."""
    work.write(ORDERS, USERS, "raise ValueError('no')", message="fail")

    with terminal(work, "upgrade") as screen:
        lines = screen.read_all()

    assert lines[1] == "2/3 orders02 fail ... "
    assert lines[2].startswith("failed at orders02: ValueError: no; now at users01")
    assert screen.process.returncode == 3


SLEEPS = {
    "sqlite": "import time\ntime.sleep(60)",
    "postgresql": "op.execute('SELECT pg_sleep(60)')",
    "mysql": "op.execute('SELECT count(*) FROM seq_1_to_1000000000000 WHERE sqrt(seq) < 0')",
}


@pytest.fixture
def sleeping(server_work: Workplace) -> Workplace:
    """A second revision that sleeps, on SQLite in Python and elsewhere in the server."""
    dialect = server_work.engines["default"].dialect.name
    body = f"op.create_table('half', sa.Column('id', sa.Integer))\n{SLEEPS[dialect]}"
    server_work.write(ORDERS, USERS, body, message="sleep")
    return server_work


def press_twice(screen: Terminal) -> None:
    """Press Ctrl-C in the step that sleeps, read what that does, and press it again."""
    screen.read_until("2/3 orders02 sleep ... ")
    screen.press_control_c()
    screen.read_until("Stops before the next step. Once more cancels the statement that runs.")
    time.sleep(0.3)
    screen.press_control_c()


def test_control_c_twice_says_what_is_true_then(sleeping: Workplace) -> None:
    """The step is not applied, those before it are, and the status is that of a failed run.

    Where no statement runs at a server, that takes a third time.
    """
    dialect = sleeping.engines["default"].dialect.name

    with terminal(sleeping, "upgrade") as screen:
        press_twice(screen)
        if dialect == "sqlite":
            screen.read_until("Ctrl-C once more ends the step.")
            screen.press_control_c()
        lines = screen.read_all()

    word = "interrupted" if dialect == "sqlite" else "failed"
    assert lines[-1].removeprefix("^C").startswith(f"{word} at orders02"), lines
    assert "; now at users01, 1 of 3 revisions done." in lines[-1]
    assert screen.process.returncode == 3
    assert "Traceback" not in screen.shown
    assert sleeping.heads() == {USERS}


def test_control_c_once_leaves_the_step_alone(work: Workplace) -> None:
    """What it has begun it ends; what is said meanwhile has a line of its own."""
    go = work.folder.parent / "go"
    work.write(ORDERS, USERS, wait_for(go), message="take long")

    with terminal(work, "upgrade") as screen:
        screen.read_until("2/3 orders02 take long ... ")
        screen.press_control_c()
        screen.read_until("cancels the statement that runs.")
        go.touch()
        lines = screen.read_all()

    assert lines[1].removesuffix("^C") == "2/3 orders02 take long ... "
    assert lines[2].startswith("Stops before the next step. ")
    assert re.fullmatch(r"    done in \d+\.\d s", lines[3])
    assert lines[4] == "cancelled; now at orders02, 2 of 3 revisions done."
    assert screen.process.returncode == 3


def test_a_cancelled_step_leaves_nothing_half_done_where_that_can_be(
    tmp_path: Path, postgresql_url: sa.URL
) -> None:
    """PostgreSQL undoes the step; elsewhere the line says that a part may be in place."""
    work = Workplace(tmp_path, {"default": postgresql_url}).write_three()
    body = "op.create_table('half', sa.Column('id', sa.Integer))\nop.execute('SELECT pg_sleep(60)')"
    work.write(ORDERS, USERS, body, message="sleep")

    with terminal(work, "upgrade") as screen:
        press_twice(screen)
        assert "may be in place" not in screen.read_all()[-1]

    assert work.tables() == {"alembic_version", "users"}


def test_a_cancelled_step_warns_where_a_part_may_be_in_place(
    tmp_path: Path, mariadb_url: sa.URL
) -> None:
    """MariaDB has committed what was done of the step."""
    work = Workplace(tmp_path, {"default": mariadb_url}).write_three()
    body = f"op.create_table('half', sa.Column('id', sa.Integer))\n{SLEEPS['mysql']}"
    work.write(ORDERS, USERS, body, message="sleep")

    with terminal(work, "upgrade") as screen:
        press_twice(screen)
        last = screen.read_all()[-1]

    assert "a part of that revision may be in place. Look before you run it again." in last, last
    assert work.tables() == {"alembic_version", "users", "half"}
