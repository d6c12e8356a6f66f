"""What `runs` tells of runs and takes down about them."""

from __future__ import annotations

import datetime
import re
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.ledger.tables import RUN
from flask_alembic_admin.core.ledger.tables import RunRecord
from flask_alembic_admin.core.surroundings import operating_system_user

from .workplaces import flask_db
from .workplaces import NOTES
from .workplaces import ORDERS
from .workplaces import USERS
from .workplaces import wait_for
from .workplaces import Workplace

HALF = 'op.execute("CREATE TABLE half (id INTEGER)")\nraise ValueError("no")'


@pytest.fixture(params=["sqlite", "mariadb"])
def in_doubt(request: pytest.FixtureRequest, tmp_path: t.Any) -> Workplace:
    """A database that cannot roll schema changes back, and whose second revision got stuck."""
    url: sa.URL = request.getfixturevalue(f"{request.param}_url")
    work = Workplace(tmp_path, {"default": url}).write_three()
    path = work.write(ORDERS, USERS, HALF)
    assert work.db("upgrade").exit_code == 3
    path.unlink()
    work.write_three()
    return work


def newest(work: Workplace) -> RunRecord:
    """Return the newest record."""
    return work.migrator.project.ledger.runs(limit=1)[0]


def refuse(work: Workplace, count: int) -> None:
    """Record some refused attempts."""
    for _ in range(count):
        work.migrator.project.ledger.refuse(
            database="default",
            action="upgrade",
            target="heads",
            actor="ann",
            address=None,
            reason="The plan was used already.",
        )


def make_old(work: Workplace, days: int) -> None:
    """Let all that was recorded have happened some days earlier."""
    earlier = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days)

    with work.migrator.project.ledger.engine.begin() as connection:
        connection.execute(sa.update(RUN).values(requested=earlier, heartbeat=earlier))


# The list.


def test_without_any_run_the_list_says_so(server_work: Workplace) -> None:
    """And nothing is written for it."""
    assert server_work.lines("runs") == ["no run yet"]
    assert server_work.json("runs") == []
    assert not sa.inspect(server_work.engines["default"]).get_table_names()


def test_a_run_is_a_line(server_work: Workplace) -> None:
    """Its id, when, how it ended, what it did and who asked for it."""
    server_work.lines("upgrade", ORDERS)
    (line,) = server_work.lines("runs")
    assert re.fullmatch(
        r"[0-9a-f]{12} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC succeeded "
        rf"upgrade default base -> orders02 by {re.escape(operating_system_user())}",
        line,
    )


def test_runs_alone_is_runs_list(work: Workplace) -> None:
    """With its options; the newest comes first."""
    for _ in range(2):
        work.lines("upgrade", "1")

    work.lines("downgrade")
    lines = work.lines("runs")
    assert [line.split(" by ")[0][37:] for line in lines] == [
        "succeeded downgrade default orders02 -> users01",
        "succeeded upgrade default users01 -> orders02",
        "succeeded upgrade default base -> users01",
    ]
    assert work.lines("runs", "list") == lines
    assert work.lines("runs", "--limit", "1") == work.lines("runs", "list", "--limit", "1")
    assert work.lines("runs", "--limit", "1") == lines[:1]
    assert work.json("runs") == work.json("runs", "list")
    assert work.lines("runs", "-v") == work.lines("runs", "list", "-v")


def test_the_help_of_runs_is_that_of_the_group(work: Workplace) -> None:
    """It has to tell which commands there are."""
    text = work.db("runs", "--help").stdout
    assert "examine" in text
    assert "'runs' alone is 'runs list', and has its options." in text


def test_verbose_says_why_and_where(work: Workplace) -> None:
    """The process is that of whoever looks at the moment."""
    work.lines("upgrade", "--reason", "deploy 12")
    record = newest(work)
    assert work.lines("runs", "-v")[1:] == [
        "  why: deploy 12",
        f"  where: {record.host}, process {record.pid}, command line",
    ]


def test_a_run_with_nothing_to_do_is_no_run(work: Workplace) -> None:
    """The list would be full of deploys."""
    work.lines("upgrade")
    work.lines("upgrade")
    assert len(work.lines("runs")) == 1


def test_a_failed_run_is_in_the_list(server_work: Workplace) -> None:
    """With where it has come to."""
    server_work.write(ORDERS, USERS, "raise ValueError('no')")
    server_work.db("upgrade", "--reason", "try")
    (record,) = server_work.json("runs")
    assert (record["status"], record["heads_after"], record["reason"]) == ("failed", [USERS], "try")
    assert record["error_class"] == "ValueError"


def test_a_refused_attempt_is_in_the_list(work: Workplace) -> None:
    """With where it would have gone, and why it was not let to."""
    refuse(work, 1)
    line, why = work.lines("runs", "-v")
    assert line.endswith(" UTC refused upgrade default to heads by ann")
    assert why == "  why: The plan was used already."
    assert work.json("runs")[0]["status"] == "refused"


def test_the_list_can_be_of_one_database(both: Workplace) -> None:
    """As many of its runs as were asked for."""
    both.lines("upgrade", "1", "--database", "audit")
    both.lines("upgrade", "--database", "default")
    (line,) = both.lines("runs", "--database", "audit", "--limit", "1")
    assert "upgrade audit base -> users01" in line
    assert len(both.lines("runs")) == 2
    assert both.db("runs", "--database", "other").exit_code == 2


def test_runs_of_a_database_that_is_gone_stay_in_the_list(both: Workplace) -> None:
    """They were run."""
    both.lines("upgrade", "1")
    one = Workplace(both.folder.parent, {"default": both.engines["default"].url})
    assert {record["database"] for record in one.json("runs")} == {"default", "audit"}


# One run.


def test_show_tells_of_each_step(server_work: Workplace) -> None:
    """How it ended, how long it took and how much it sent."""
    server_work.lines("upgrade", ORDERS, "--reason", "deploy 12")
    record = newest(server_work)
    first, why, where, *steps = server_work.lines("runs", "show", record.id)
    assert first == server_work.lines("runs")[0]
    assert why == "  why: deploy 12"
    assert where == f"  where: {record.host}, process {record.pid}, command line"
    assert len(steps) == 2
    assert re.fullmatch(r"  1\. users01 create users: done in \d\.\d s, \d statements", steps[0])
    assert re.fullmatch(r"  2\. orders02 create orders: done in \d\.\d s, \d statements", steps[1])


def test_show_tells_what_went_wrong(work: Workplace) -> None:
    """Where, why, and what was never begun."""
    work.write(ORDERS, USERS, HALF)
    work.db("upgrade")
    lines = work.lines("runs", "show", newest(work).id)
    assert re.fullmatch(r"  2\. orders02 do orders02: failed in \d\.\d s, 1 statement", lines[3])
    assert lines[4] == "  3. notes03 create notes: waiting"
    assert lines[5].startswith("upgrade of database 'default' failed at orders02 (do orders02): ")


def test_show_takes_the_beginning_of_an_id(work: Workplace) -> None:
    """As the list has it, or less."""
    work.lines("upgrade")
    record = newest(work)
    lines = work.lines("runs", "show", record.id)
    assert work.lines("runs", "show", record.id[:12]) == lines
    assert work.lines("runs", "show", record.id[0]) == lines


def test_verbose_shows_the_log(work: Workplace) -> None:
    """What the run had to say, with its times."""
    work.lines("upgrade", "1")
    lines = work.lines("runs", "show", newest(work).id, "-v")
    assert re.sub(r"\d\d:\d\d:\d\d", "TIME", lines[-1]) == "  TIME 1 step on default"


def test_show_has_all_of_it_as_json(work: Workplace) -> None:
    """A list of one, with its steps, its log, and what was looked at."""
    work.lines("upgrade", ORDERS)
    (value,) = work.json("runs", "show", newest(work).id)
    more = {"steps", "log", "forensics"}
    assert {key: value[key] for key in value if key not in more} == work.json("runs")[0]
    assert value["forensics"] is None
    assert [(step["revision"], step["status"]) for step in value["steps"]] == [
        (USERS, "done"),
        (ORDERS, "done"),
    ]
    assert value["log"][0]["message"] == "2 steps on default"


@pytest.mark.parametrize("command", [["show"], ["cancel"], ["examine", "--reason", "looked"]])
@pytest.mark.parametrize("beginning", ["x", "", "%", "0" * 32])
def test_an_unknown_run_is_wrong_usage(work: Workplace, command: list[str], beginning: str) -> None:
    """Also an empty text, which is a variable that was not set."""
    work.lines("upgrade")
    result = work.db("runs", *command, beginning)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"Error: '{beginning}' begins the id of no run. 'flask db runs' lists their ids.\n"
    )


def test_an_ambiguous_beginning_is_wrong_usage(
    work: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names neither of them, however far apart they are."""
    monkeypatch.setattr("flask_alembic_admin.cli.runs._PAGE", 2)
    refuse(work, 17)
    ids = [record["id"] for record in work.json("runs")]
    first = [id_[0] for id_ in ids]
    letter = next(letter for letter in first if first.count(letter) > 1)
    result = work.db("runs", "show", letter)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: '{letter}' begins the id of more than one run.")
    assert work.lines("runs", "show", ids[-1][:8])


# Who and why.


@pytest.mark.parametrize("command", ["upgrade", "downgrade", "stamp"])
def test_actor_and_reason_are_recorded(server_work: Workplace, command: str) -> None:
    """The actor is whoever runs the process."""
    server_work.lines("upgrade", ORDERS)
    server_work.lines(command, "--reason", "because")
    record = newest(server_work)
    assert (record.action, record.reason) == (command, "because")
    assert (record.actor, record.runner) == (operating_system_user(), "command line")


def test_the_reason_for_a_plan_is_recorded(work: Workplace) -> None:
    """It belongs to the run, not to the plan."""
    path = work.folder.parent / "plan.json"
    path.write_text(work.db("plan", "--json").stdout)
    work.lines("upgrade", "--plan", str(path), "--reason", "deploy 12")
    assert newest(work).reason == "deploy 12"


# Stopping one.


def test_cancel_stops_a_run_before_its_next_step(server_work: Workplace) -> None:
    """Its last line says so, and where the database is."""
    work = server_work
    go = work.folder.parent / "go"
    work.write(USERS, None, wait_for(go))
    command = [sys.executable, *flask_db(work), "upgrade"]

    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        while not process.stdout.readline().startswith("1/3 users01"):
            assert process.poll() is None

        record = newest(work)
        shown, *_, last = work.lines("runs", "cancel", record.id[:6], "-v")
        assert " running upgrade default from base to heads by " in shown
        assert last == f"asked run {record.id} to stop before its next step"
        wait_until_told(work, record.id)
        go.touch()
        _, errors = process.communicate(timeout=20)

    assert process.returncode == 3
    assert errors == "cancelled; now at users01, 1 of 3 revisions done.\n"
    assert work.heads() == {USERS}
    assert newest(work).status == "cancelled"


def wait_until_told(work: Workplace, run_id: str) -> None:
    """Wait until a run has looked at what is asked of it, which it does with each sign of life."""
    asked = datetime.datetime.now(datetime.UTC)

    for _ in range(200):
        record = work.migrator.project.ledger.run(run_id)
        assert record is not None
        assert record.heartbeat is not None
        if record.heartbeat > asked:
            return
        time.sleep(0.1)

    pytest.fail("It gives no sign of life.")


def test_a_run_that_nobody_has_begun_is_cancelled_at_once(work: Workplace) -> None:
    """One that waits for its runner is not in the way until somebody starts it."""
    ledger = work.migrator.project.ledger
    run_id = ledger.plan(
        database="default",
        action="upgrade",
        target="heads",
        heads_before=(),
        plan=None,
        plan_hash="",
    )
    ledger.queue(run_id, actor="ops", address=None, reason=None, runner="manual")
    assert work.lines("runs", "cancel", run_id) == [f"run {run_id} had not begun and is cancelled"]
    assert newest(work).status == "cancelled"


def test_a_run_that_is_over_cannot_be_cancelled(work: Workplace) -> None:
    """It says how it ended."""
    work.lines("upgrade")
    result = work.db("runs", "cancel", newest(work).id)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.endswith("is over: succeeded. There is nothing to stop.\n")


def test_a_lost_run_cannot_be_cancelled(work: Workplace) -> None:
    """Nobody is there to hear of it."""
    lose_a_run(work)
    result = work.db("runs", "cancel", newest(work).id)
    assert result.exit_code == 2
    assert "is over: lost." in result.stderr
    assert " lost upgrade default from base to " in work.lines("runs")[0]
    assert work.json("runs")[0]["status"] == "lost"


def lose_a_run(work: Workplace) -> None:
    """Let a process die within a step, some time ago."""
    work.write(USERS, None, 'op.execute("CREATE TABLE half (id INTEGER)")\nimport os\nos._exit(9)')
    command = [sys.executable, *flask_db(work), "upgrade"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 9
    make_old(work, 1)


# Examining one.


def test_a_database_in_doubt_is_left_alone(in_doubt: Workplace) -> None:
    """The line says what to do; the refusal is recorded."""
    record = newest(in_doubt)
    result = in_doubt.db("upgrade")
    assert result.exit_code == 3
    assert result.stderr == (
        f"refused: Database 'default' is in doubt: run {record.id} ended in orders02, which may be "
        "half done, since this server cannot roll schema changes back; now at users01. Look at the "
        f"database, then say what you found: flask db runs examine {record.id} --reason '...'.\n"
    )
    assert in_doubt.heads() == {USERS}
    assert newest(in_doubt).status == "refused"


def test_examine_lets_runs_go_on(in_doubt: Workplace) -> None:
    """Who looked and what they found is recorded."""
    run_id = newest(in_doubt).id
    in_doubt.execute("DROP TABLE half")
    lines = in_doubt.lines("runs", "examine", run_id[:8], "--reason", "dropped it")
    assert lines == [f"examined run {run_id}: it stops no other run of 'default' any more"]
    in_doubt.lines("upgrade")
    assert in_doubt.heads() == {NOTES}
    shown = in_doubt.lines("runs", "show", run_id)
    assert shown[-1] == f"examined by {operating_system_user()}: dropped it"


def test_a_lost_run_can_be_examined(work: Workplace) -> None:
    """Though nobody had written down that it is lost."""
    lose_a_run(work)
    run_id = newest(work).id
    work.write_three()
    lines = work.lines("runs", "examine", run_id, "--reason", "nothing there", "-v")
    assert " lost upgrade default from base to heads by " in lines[0]
    assert lines[-2] == f"examined by {operating_system_user()}: nothing there"
    work.lines("upgrade")
    assert work.heads() == {NOTES}


def test_a_run_is_examined_once(in_doubt: Workplace) -> None:
    """What the first one found is not overwritten."""
    run_id = newest(in_doubt).id
    in_doubt.lines("runs", "examine", run_id, "--reason", "first")
    result = in_doubt.db("runs", "examine", run_id, "--reason", "second")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: Run {run_id} is not in doubt, or somebody has")
    assert newest(in_doubt).examined_reason == "first"


def test_a_run_that_succeeded_needs_no_examination(work: Workplace) -> None:
    """There is nothing in doubt."""
    work.lines("upgrade")
    assert work.db("runs", "examine", newest(work).id, "--reason", "fine").exit_code == 2


@pytest.mark.parametrize("reason", [[], ["--reason", " "]], ids=["none", "blank"])
def test_to_examine_is_to_say_what_was_found(in_doubt: Workplace, reason: list[str]) -> None:
    """Without words it is not examined."""
    run_id = newest(in_doubt).id
    result = in_doubt.db("runs", "examine", run_id, *reason)
    assert result.exit_code == 2
    assert "--reason" in result.stderr
    assert newest(in_doubt).examined_at is None


# Deleting old ones.


def test_prune_deletes_what_is_old(work: Workplace) -> None:
    """And keeps the last run of the database, which may have to be examined."""
    work.lines("upgrade", "1")
    work.lines("upgrade", "1")
    refuse(work, 2)
    assert work.lines("runs", "prune", "--keep-days", "30") == ["deleted 0 records"]
    make_old(work, 31)
    work.lines("upgrade", "1")
    assert work.lines("runs", "prune", "--keep-days", "30", "-v") == [
        "kept 1 record",
        "deleted 4 records",
    ]
    assert [record["heads_after"] for record in work.json("runs")] == [[NOTES]]


def test_prune_needs_to_be_told_how_much_is_kept(work: Workplace) -> None:
    """There is no number that is right for everybody."""
    result = work.db("runs", "prune")
    assert result.exit_code == 2
    assert "Missing option '--keep-days'" in result.stderr


def test_an_error_of_runs_can_show_its_traceback(work: Workplace) -> None:
    """As with every command."""
    assert "Traceback" in work.db("runs", "show", "x", "--traceback").stderr


@pytest.mark.parametrize("command", [["runs"], ["runs", "show", "a1"]])
def test_a_record_that_cannot_be_read_is_named(nowhere: Workplace, command: list[str]) -> None:
    """With the place that it is at, and how to have it elsewhere."""
    result = nowhere.db(*command)
    assert result.exit_code == 3
    assert result.stderr.startswith(
        "Error: The record of runs at postgresql+psycopg://me:***@127.0.0.1:1/none cannot be read: "
        "OperationalError: "
    )
    assert "ALEMBIC_ADMIN['ledger']" in result.stderr


def test_a_file_that_cannot_be_opened_is_no_matter_of_a_network(tmp_path: Path) -> None:
    """SQLite has no server."""
    url = sa.URL.create("sqlite", database=str(tmp_path / "gone" / "app.sqlite"))
    result = Workplace(tmp_path, {"default": url}).write_three().db("current")
    assert result.exit_code == 3
    assert "unable to open database file" in result.stderr
    assert "server" not in result.stderr
    assert "Check that its folder is there" in result.stderr
