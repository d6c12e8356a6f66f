"""Runs on the command line that are told to end, as a deploy or a pod is."""

from __future__ import annotations

import collections.abc as c
import contextlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from ..core.servers.helpers import eventually
from .test_waiting import other_process
from .workplaces import flask_db
from .workplaces import NOTES
from .workplaces import ORDERS
from .workplaces import USERS
from .workplaces import wait_for
from .workplaces import Workplace

_STOPS = "Stops before the next step. Once more cancels the statement that runs.\n"
_CANCELS = "Cancels the statement that runs.\n"
_NONE_RUNS = "No statement runs that could be cancelled. Ctrl-C once more ends the step.\n"

#: The body of a step that keeps a server busy for long, or SQLite, which calls us when it is.
_LONG = {
    "sqlite": """\
driver = op.get_bind().connection.driver_connection
driver.create_function("begun", 0, lambda: print("begun", flush=True))
op.execute("WITH n AS (SELECT begun() UNION ALL SELECT 1 FROM n) SELECT count(*) FROM n")""",
    "postgresql": """\
op.create_table("half", sa.Column("id", sa.Integer))
op.execute("SELECT pg_sleep(60)")""",
}

_BUSY = sa.text(
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() "
    "AND query LIKE 'SELECT pg_sleep%' AND state = 'active'"
)


class Command:
    """A command of ``flask db`` in a process of its own.

    :param process: The process.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def said(self, beginning: str) -> None:
        """Wait until it prints a line that begins so."""
        assert self._process.stdout is not None
        while not self._process.stdout.readline().startswith(beginning):
            assert self._process.poll() is None, self.end()

    def tell(self, number: int, answer: str) -> None:
        """Send it a signal, and wait for what it says to that."""
        self.send(number)
        self.warned(answer)

    def warned(self, beginning: str) -> None:
        """Wait until it prints such a line about what is in its way."""
        assert self._process.stderr is not None
        line = self._process.stderr.readline()
        assert line.startswith(beginning), line

    def send(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def end(self) -> tuple[int, str, str]:
        """Wait for its end, and return its status and what else it has printed."""
        stdout, stderr = self._process.communicate(timeout=30)
        return self._process.returncode, stdout, stderr


@contextlib.contextmanager
def started(work: Workplace, *arguments: str) -> c.Iterator[Command]:
    """Start a command, and end it afterwards if it still runs."""
    process = subprocess.Popen(
        [sys.executable, *flask_db(work), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    with process:
        try:
            yield Command(process)
        finally:
            process.kill()


@pytest.fixture(params=["sqlite", "postgresql"])
def work(request: pytest.FixtureRequest, tmp_path: Path) -> Workplace:
    """A database of each kind and three revisions, none applied."""
    url = request.getfixturevalue(f"{request.param}_url")
    return Workplace(tmp_path, {"default": url}).write_three()


@pytest.fixture
def go(work: Workplace) -> Path:
    """The file that the second revision waits for."""
    go = work.folder.parent / "go"
    work.write(ORDERS, USERS, wait_for(go), wait_for(go))
    return go


def statuses(work: Workplace) -> list[str]:
    """Return where the runs stand, the last one first."""
    return [record.status.value for record in work.migrator.project.ledger.runs()]


def is_busy(work: Workplace) -> bool:
    """Return whether PostgreSQL is at the statement that takes long."""
    with work.engines["default"].connect() as connection:
        return connection.scalar(_BUSY) is not None


def step_statuses(work: Workplace) -> list[str]:
    """Return where the steps of the last run stand."""
    ledger = work.migrator.project.ledger
    return [step.status.value for step in ledger.steps(ledger.runs()[0].id)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_told_to_end_stops_before_its_next_step(
    work: Workplace, go: Path, number: int
) -> None:
    """The step that runs is carried out to its end; Ctrl-C means the same as SIGTERM."""
    with started(work, "upgrade") as command:
        command.said("2/3 orders02")
        command.tell(number, _STOPS)
        go.touch()
        status, stdout, stderr = command.end()

    assert (status, stderr) == (3, "cancelled; now at orders02, 2 of 3 revisions done.\n")
    assert stdout.startswith("    done in ")
    assert work.heads() == {ORDERS}
    assert statuses(work) == ["cancelled"]
    assert step_statuses(work) == ["done", "done", "waiting"]

    assert work.lines("upgrade")[-1].startswith("upgraded orders02 -> notes03 (1 revision, ")


@pytest.mark.parametrize("work", ["sqlite"], indirect=True)
def test_a_downgrade_stops_as_well(work: Workplace, go: Path) -> None:
    """Where it has come to."""
    go.touch()
    work.lines("upgrade")
    go.unlink()

    with started(work, "downgrade", "base") as command:
        command.said("2/3 orders02")
        command.tell(signal.SIGTERM, _STOPS)
        go.touch()
        status, _, stderr = command.end()

    assert (status, stderr) == (3, "cancelled; now at users01, 2 of 3 revisions done.\n")
    assert statuses(work) == ["cancelled", "succeeded"]


@pytest.mark.parametrize("work", ["sqlite"], indirect=True)
def test_a_plan_from_a_file_stops_as_well(work: Workplace, go: Path) -> None:
    """As a deploy runs it."""
    go.touch()
    plan = work.folder.parent / "plan.json"
    plan.write_text(work.db("plan", "--json").stdout)
    go.unlink()

    with started(work, "upgrade", "--plan", str(plan)) as command:
        command.said("2/3 orders02")
        command.tell(signal.SIGTERM, _STOPS)
        go.touch()
        status, _, stderr = command.end()

    assert (status, stderr) == (3, "cancelled; now at orders02, 2 of 3 revisions done.\n")
    assert statuses(work) == ["cancelled"]


@pytest.mark.parametrize("work", ["sqlite"], indirect=True)
def test_in_the_last_step_there_is_nothing_left_to_stop(work: Workplace) -> None:
    """What was asked for is done, and is reported so."""
    go = work.folder.parent / "go"
    work.write(NOTES, ORDERS, wait_for(go))

    with started(work, "upgrade") as command:
        command.said("3/3 notes03")
        command.tell(signal.SIGTERM, _STOPS)
        go.touch()
        status, stdout, stderr = command.end()

    assert (status, stderr) == (0, "")
    assert stdout.splitlines()[-1].startswith("upgraded base -> notes03 (3 revisions, ")
    assert statuses(work) == ["succeeded"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_twice_it_cancels_the_statement(work: Workplace, number: int) -> None:
    """The step fails as any that the server stops, and nothing of it stays."""
    dialect = work.engines["default"].dialect.name
    work.write(ORDERS, USERS, _LONG[dialect])

    with started(work, "upgrade") as command:
        command.said("2/3 orders02")
        command.said("begun") if dialect == "sqlite" else eventually(lambda: is_busy(work))
        command.tell(number, _STOPS)
        command.tell(number, _CANCELS)
        status, _, stderr = command.end()

    reason = {
        "sqlite": "OperationalError: interrupted",
        "postgresql": "QueryCanceled: canceling statement due to user request",
    }[dialect]
    assert status == 3
    assert stderr.startswith(
        f"failed at orders02: {reason}; now at users01, 1 of 3 revisions done."
    ), stderr
    assert work.heads() == {USERS}
    assert work.tables() == {"alembic_version", "users"}
    assert statuses(work) == ["failed"]
    assert step_statuses(work) == ["done", "failed", "waiting"]


@pytest.mark.parametrize("work", ["postgresql"], indirect=True)
def test_a_third_control_c_interrupts_python_itself(work: Workplace, go: Path) -> None:
    """Only then is a step ended in which no statement runs, and where the server can it is undone.

    SIGTERM never does that, however often it comes.
    """
    with started(work, "upgrade") as command:
        command.said("2/3 orders02")
        command.tell(signal.SIGTERM, _STOPS)
        command.tell(signal.SIGTERM, _NONE_RUNS)
        command.tell(signal.SIGTERM, _NONE_RUNS)
        command.send(signal.SIGINT)
        status, _, stderr = command.end()

    assert status == 3
    assert "interrupted at orders02; now at users01, 1 of 3 revisions done.\n" in stderr
    assert "Traceback" not in stderr
    assert work.heads() == {USERS}
    assert statuses(work) == ["failed"]
    assert not go.exists()


def test_one_that_waits_for_another_run_waits_no_longer(work: Workplace) -> None:
    """It has nothing to stop, and nothing to record."""
    with other_process(work) as record, started(work, "upgrade") as command:
        command.warned("waits up to 60 s for ")
        command.send(signal.SIGTERM)
        assert command.end() == (3, "", "cancelled; now at base.\n")
        assert [run.id for run in work.migrator.project.ledger.runs()] == [record.id]


def test_no_other_database_is_begun(both: Workplace) -> None:
    """Also where the signal came in the last step of the one before it."""
    go = both.folder.parent / "go"
    both.write(NOTES, ORDERS, wait_for(go))

    with started(both, "upgrade") as command:
        command.said("default: 3/3 notes03")
        command.tell(signal.SIGTERM, f"default: {_STOPS}")
        go.touch()
        status, stdout, stderr = command.end()

    assert status == 3
    assert stdout.splitlines()[-1].startswith("default: upgraded base -> notes03 (3 revisions, ")
    assert stderr.splitlines()[-1] == "audit: cancelled; now at base, 0 of 3 revisions done."
    assert both.heads("audit") == set()
    assert statuses(both) == ["cancelled", "succeeded"]


def test_in_code_the_signals_are_the_programs_own(empty: Workplace) -> None:
    """Whoever calls a verb there is not told how to end."""
    file = empty.folder.parent / "handlers"
    asked = "[signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]"
    empty.write(
        USERS,
        None,
        f"import pathlib, signal\npathlib.Path({str(file)!r}).write_text(repr({asked}))",
    )
    empty.migrator.upgrade()
    own = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    assert file.read_text() == repr(own)
