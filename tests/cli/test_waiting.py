"""Runs that have to wait: for another run, for a lock on a table, for a statement."""

from __future__ import annotations

import collections.abc as c
import contextlib
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.ledger import recording
from flask_alembic_admin.core.ledger.tables import RunRecord

from .workplaces import flask_db
from .workplaces import NOTES
from .workplaces import ORDERS
from .workplaces import USERS
from .workplaces import wait_for
from .workplaces import Workplace


@contextlib.contextmanager
def other_process(work: Workplace) -> c.Iterator[RunRecord]:
    """Let another process run everything; it stays in its first step until `go` is there."""
    go = work.folder.parent / "go"
    work.write(USERS, None, wait_for(go))
    command = [sys.executable, *flask_db(work), "upgrade"]

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while not process.stdout.readline().startswith("1/3 users01"):
            assert process.poll() is None

        try:
            record = work.migrator.project.ledger.active("default")
            assert record is not None
            yield record
        finally:
            go.touch()
            process.communicate(timeout=20)


def holder(work: Workplace, record: RunRecord) -> str:
    """Return a pattern for what can be known of a run that holds the lock."""
    session = f"session {(record.session or '').partition('@')[0]}"
    name = work.engines["default"].dialect.name
    return {
        "postgresql": f"run {record.id} .*{session}",
        "mysql": session,
        "sqlite": f"run {record.id} of {record.actor} at {record.host} \\(process {record.pid}\\)",
    }[name]


@pytest.mark.parametrize("command", ["upgrade", "downgrade", "stamp"])
def test_without_waiting_a_run_is_refused(server_work: Workplace, command: str) -> None:
    """With whoever is at work there, as far as the server knows."""
    server_work.lines("upgrade", "1")
    server_work.lines("downgrade", "base")

    with other_process(server_work) as record:
        began = time.monotonic()
        target = "base" if command == "downgrade" else "heads"
        result = server_work.db(command, target, "--wait", "0", "--reason", "deploy 12")

    assert time.monotonic() - began < 20
    assert result.exit_code == 3
    assert not result.stdout
    assert re.fullmatch(
        rf"refused: The lock of database 'default' is held by {holder(server_work, record)}.*; now "
        r"at base\. Wait until that run has ended, or allow a longer wait\.\n",
        result.stderr,
    ), result.stderr


def test_a_refusal_for_a_lock_is_recorded(server_work: Workplace) -> None:
    """Between the runs."""
    with other_process(server_work):
        server_work.db("upgrade", "--wait", "0")

    first, second = server_work.json("runs")
    assert (first["status"], second["status"]) == ("refused", "succeeded")
    assert first["reason"].startswith("The lock of database 'default' is held by ")


def test_who_waits_finds_nothing_to_do(server_work: Workplace) -> None:
    """It says at once for whom it waits, and then where the other one has left the database."""
    command = [sys.executable, *flask_db(server_work), "upgrade", "--wait", "20"]

    with (
        other_process(server_work) as record,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as waiting,
    ):
        assert waiting.stderr is not None
        first = waiting.stderr.readline()
        (server_work.folder.parent / "go").touch()
        rest = waiting.communicate(timeout=20)

    who = f"run {record.id} of {record.actor} at {record.host} (process {record.pid}) "
    assert first.startswith(f"waits up to 20 s for {who}"), first
    assert re.search(r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n$", first), first
    assert (waiting.returncode, rest) == (0, ("already at notes03\n", ""))
    assert server_work.heads() == {NOTES}
    assert len(server_work.json("runs")) == 1


def test_who_has_waited_long_enough_is_refused(work: Workplace) -> None:
    """After that time, and not before."""
    with other_process(work):
        began = time.monotonic()
        result = work.db("upgrade", "--wait", "0.5")
        assert 0.5 <= time.monotonic() - began < 10

    assert result.exit_code == 3
    assert not result.stdout
    first, second = result.stderr.splitlines()
    assert first.startswith("waits up to 0.5 s for run ")
    assert second.startswith("refused: The lock of database 'default' is held by run ")


def test_a_stamp_says_for_whom_it_waits(work: Workplace) -> None:
    """And nothing of its steps: one line in the end says all of it."""
    with other_process(work) as record:
        result = work.db("stamp", "heads", "--wait", "0.1")

    assert not result.stdout
    assert result.stderr.startswith(f"waits up to 0.1 s for run {record.id} of ")


@pytest.mark.parametrize("option", ["--wait", "--lock-timeout", "--statement-timeout"])
def test_a_time_is_a_number_of_seconds(work: Workplace, option: str) -> None:
    """Neither a word nor less than nothing."""
    for value in ("soon", "-1.5"):
        result = work.db("upgrade", f"{option}={value}")
        assert result.exit_code == 2
        assert option in result.stderr

    assert not work.tables()


@pytest.mark.parametrize("server", ["postgresql", "mariadb"])
def test_who_holds_a_table_is_named(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    """On standard error, while the step waits for it."""
    monkeypatch.setattr(recording, "SLOW", 0.1)
    monkeypatch.setattr(recording, "TICK", 0.02)
    url = request.getfixturevalue(f"{server}_url")
    work = Workplace(tmp_path, {"default": url}).write_three()
    work.lines("upgrade", "1")
    work.write(ORDERS, USERS, "op.execute('ALTER TABLE users ADD COLUMN name text')")

    with work.engines["default"].connect() as other:
        other.exec_driver_sql("SELECT * FROM users").all()
        letting_go = threading.Thread(target=let_go, args=(work, other))
        letting_go.start()
        result = work.db("upgrade", ORDERS)
        letting_go.join()

    assert result.exit_code == 0
    assert re.fullmatch(rf"waits for session \d+@\S+ of {url.username}\b.*\n", result.stderr)
    assert result.stdout.splitlines()[-1].startswith("upgraded users01 -> orders02")


def let_go(work: Workplace, other: sa.Connection) -> None:
    """End what a connection has open as soon as a run has noticed that."""
    ledger = work.migrator.project.ledger
    deadline = time.monotonic() + 10

    while time.monotonic() < deadline:
        record = ledger.active("default")
        lines = ledger.log_lines(record.id) if record else ()

        if any(line.message.startswith("waits for session") for line in lines):
            break

        time.sleep(0.02)

    other.rollback()


# On PostgreSQL.


@pytest.fixture
def postgres(tmp_path: Path, postgresql_url: sa.URL) -> Workplace:
    """A PostgreSQL database and three revisions, the first of which is applied."""
    work = Workplace(tmp_path, {"default": postgresql_url}).write_three()
    work.lines("upgrade", "1")
    return work


def test_a_statement_that_takes_too_long_is_ended(postgres: Workplace) -> None:
    """The line says that it was for that, and nothing of the step stays."""
    postgres.write(ORDERS, USERS, "op.execute('CREATE TABLE half (); SELECT pg_sleep(30)')")
    began = time.monotonic()
    result = postgres.db("upgrade", "--statement-timeout", "0.5")
    assert time.monotonic() - began < 10
    assert result.exit_code == 3
    assert result.stderr == (
        "failed at orders02: QueryCanceled: canceling statement due to statement timeout; "
        "now at users01, 0 of 2 revisions done.\n"
    )
    assert "half" not in postgres.tables()


def test_a_statement_may_take_as_long_as_it_is_given(postgres: Workplace) -> None:
    """And no time at all is no limit."""
    postgres.write(ORDERS, USERS, "op.execute('SELECT pg_sleep(0.6)')")
    assert postgres.db("upgrade", ORDERS, "--statement-timeout", "0.3").exit_code == 3
    postgres.lines("upgrade", ORDERS, "--statement-timeout", "0")
    assert postgres.heads() == {ORDERS}


def test_a_lock_on_a_table_is_waited_for_so_long(
    postgres: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step is tried again, each time for so long, and the line says what was missing."""
    monkeypatch.setattr("flask_alembic_admin.core.runs.retrying.PAUSES", (0.1,))
    postgres.write(ORDERS, USERS, "op.execute('ALTER TABLE users ADD COLUMN name text')")

    with postgres.engines["default"].begin() as connection:
        connection.exec_driver_sql("LOCK TABLE users")
        began = time.monotonic()
        result = postgres.db("upgrade", "--lock-timeout", "0.5")
        assert 1.0 < time.monotonic() - began < 10

    assert result.exit_code == 3
    assert result.stdout.splitlines().count("1/2 orders02 do orders02") == 2
    again = [line for line in result.stderr.splitlines() if "It is tried again in 0.1 s." in line]
    assert len(again) == 1
    assert result.stderr.endswith(
        "failed at orders02: LockNotAvailable: canceling statement due to lock timeout; "
        "now at users01, 0 of 2 revisions done.\n"
    )
    postgres.lines("upgrade")
