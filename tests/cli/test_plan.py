"""`plan`, and runs that carry out exactly what it has printed."""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import Result

from .workplaces import NOTES
from .workplaces import ORDERS
from .workplaces import USERS
from .workplaces import Workplace


def saved(work: Workplace, *arguments: str) -> str:
    """Write down what `plan --json` prints, and return the path of the file."""
    path = work.folder.parent / "plan.json"
    path.write_text(work.db("plan", *arguments, "--json").stdout)
    return str(path)


def rewritten(path: str, **values: t.Any) -> str:
    """Change the first plan in a file."""
    (first, *others) = json.loads(Path(path).read_text())
    Path(path).write_text(json.dumps([{**first, **values}, *others]))
    return path


def refused(result: Result, *, changes: str) -> bool:
    """Return whether a run was refused with what has moved."""
    assert result.exit_code == 3, result.output
    assert not result.stdout
    assert "Traceback" not in result.stderr
    return result.stderr.startswith(f"refused: Things moved since this was planned: {changes}")


# What it prints.


def test_a_plan_has_a_line_for_each_step(server_work: Workplace) -> None:
    """All that is pending, in order; nothing is run, and nothing is in the database."""
    assert server_work.lines("plan") == [
        "1. users01 create users",
        "2. orders02 create orders",
        "3. notes03 create notes",
        "upgrade from base: 3 steps, nothing was run",
    ]
    assert not server_work.tables()


def test_a_plan_goes_to_a_target(work: Workplace) -> None:
    """To an id, a label or a number of steps, as a run does."""
    work.lines("upgrade", USERS)
    expected = ["1. orders02 create orders", "upgrade from users01: 1 step, nothing was run"]
    assert work.lines("plan", ORDERS) == expected
    assert work.lines("plan", "+1") == expected
    assert work.lines("plan", "1") == expected


def test_a_plan_of_a_downgrade_is_one_step_by_default(work: Workplace) -> None:
    """As the command itself; a number may have a minus."""
    work.lines("upgrade")
    last = "downgrade from notes03: 1 step, nothing was run"
    lines = work.lines("plan", "--action", "downgrade")
    assert (lines[1], lines[-1]) == ("1. notes03 create notes", last)
    lines = work.lines("plan", "--action", "downgrade", "-2")
    assert {"1. notes03 create notes", "2. orders02 create orders"} < set(lines)


def test_a_plan_of_a_stamp(work: Workplace) -> None:
    """It has the revision that would be noted."""
    assert work.lines("plan", "--action", "stamp", ORDERS) == [
        "1. orders02",
        "stamp from base: 1 step, nothing was run",
    ]


def test_a_plan_says_that_there_is_nothing_to_do(work: Workplace) -> None:
    """In one line, with where the database is."""
    work.lines("upgrade")
    assert work.lines("plan") == ["nothing to upgrade: at notes03"]
    work.lines("downgrade", "base")
    assert work.lines("plan", "--action", "downgrade", "base") == ["nothing to downgrade: at base"]


def test_verbose_shows_the_sql(server_work: Workplace) -> None:
    """Below the line of its step."""
    text = server_work.db("plan", "-v").stdout
    assert re.search(r"1\. users01 .*CREATE TABLE users .*2\. orders02 ", text, re.DOTALL)


def test_a_step_that_reads_the_database_is_named(work: Workplace) -> None:
    """Its SQL cannot be known; the plan is none the worse for it."""
    work.write(ORDERS, USERS, "assert op.get_bind().execute(sa.text('SELECT 1')).all()")
    lines = work.lines("plan")
    assert lines[1].startswith("2. orders02 ")
    assert lines[2].startswith("   incomplete: reads the database at orders02.py, line ")
    assert lines[-1] == "upgrade from base: 3 steps, nothing was run"
    (plan,) = work.json("plan")
    assert plan["steps"][1]["incomplete"].startswith("reads the database at orders02.py, line ")


def test_a_step_has_its_findings(work: Workplace) -> None:
    """Below its line, with code where that is wanted, and as values for a script."""
    work.write(ORDERS, USERS, "op.drop_column('users', 'name')")
    work.lines("upgrade", USERS)
    lines = work.lines("plan")
    assert lines[1].startswith("1. orders02 ")
    assert lines[3].startswith("   danger  DATA002 drop-column, orders02.py:")
    assert lines[4].startswith(" " * 11)
    assert any(line.startswith(f"{' ' * 11}Instead: ") for line in lines)
    assert len(work.lines("plan", "-v")) > len(lines)
    (plan,) = work.json("plan")
    (finding,) = [one for one in plan["steps"][0]["findings"] if one["rule"] == "DATA002"]
    assert (finding["severity"], finding["table"], finding["column"]) == ("danger", "users", "name")


def test_a_step_says_what_it_does_to_tables(server_work: Workplace) -> None:
    """One line a table, and what stands out before all steps."""
    work = server_work
    work.write(ORDERS, USERS, "op.create_index('ix_users_name', 'users', ['name'])")
    work.lines("upgrade", USERS)
    lines = work.lines("plan")
    lock = {
        "sqlite": "the whole file, nobody else writes",
        "postgresql": "SHARE, nobody else writes",
        "mysql": "ALGORITHM=INPLACE, LOCK=NONE, others read and write",
        "mariadb": "ALGORITHM=INPLACE, LOCK=NONE, others read and write",
    }[work.engines["default"].dialect.name]
    assert lines[0].startswith("largest table: ")
    assert lines[0].endswith(f"; strongest lock: {lock} (users)")
    assert lines[2].startswith("   users: ")
    assert lines[2].endswith(f"; reads all rows; {lock}")
    (table,) = work.json("plan")[0]["steps"][0]["estimate"]["tables"]
    assert (table["table"], table["work"]) == ("users", "scans")


def test_a_step_says_how_long_it_took_elsewhere(both: Workplace) -> None:
    """On another database of the same ledger."""
    both.lines("upgrade", ORDERS, "--database", "audit")
    lines = both.lines("plan")
    assert (
        len([line for line in lines if re.search(r"   took \d+\.\d s on audit, just now", line)])
        == 2
    )


def test_a_plan_with_findings_can_be_run(work: Workplace) -> None:
    """Whoever runs it has read them."""
    work.write(ORDERS, USERS, "op.execute('DELETE FROM users')")
    work.lines("upgrade", USERS)
    path = saved(work)
    assert json.loads(Path(path).read_text())[0]["steps"][0]["findings"]
    work.lines("upgrade", "--plan", path)


def test_what_a_migration_prints_is_no_plan(work: Workplace) -> None:
    """Standard output can be read by a program."""
    work.write(USERS, None, "print('hello')")
    assert work.db("plan").stdout.startswith("1. users01")
    assert work.json("plan")[0]["steps"][0]["revision"] == USERS


def test_json_has_all_that_decides(work: Workplace) -> None:
    """Where it begins, which files are run, and what they would send."""
    (plan,) = work.json("plan", ORDERS)
    assert (plan["database"], plan["action"], plan["target"]) == ("default", "upgrade", ORDERS)
    assert plan["heads"] == []
    assert re.fullmatch("[0-9a-f]{64}", plan["digest"])
    first, second = plan["steps"]
    assert (first["revision"], first["file"], first["message"]) == (
        USERS,
        "users01.py",
        "create users",
    )
    assert "CREATE TABLE orders" in second["sql"]
    assert not work.tables()


def test_several_databases_have_a_plan_each(both: Workplace) -> None:
    """Their lines begin with their names."""
    both.lines("upgrade", ORDERS, "--database", "audit")
    lines = [line for line in both.lines("plan") if " took " not in line]
    assert lines == [
        "default: 1. users01 create users",
        "default: 2. orders02 create orders",
        "default: 3. notes03 create notes",
        "default: upgrade from base: 3 steps, nothing was run",
        "audit: 1. notes03 create notes",
        "audit: upgrade from orders02: 1 step, nothing was run",
    ]
    assert [plan["database"] for plan in both.json("plan")] == ["default", "audit"]
    assert [plan["database"] for plan in both.json("plan", "--database", "audit")] == ["audit"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "Target 'nothing' names no revision"),
        (["+9"], "Target '+9' cannot be reached from base"),
        (["base:heads"], "Target 'base:heads' is a range. A range goes with --sql only."),
        (["--action", "downgrade", USERS, ORDERS], "A downgrade has one TARGET."),
        (["--action", "revision"], "'revision' is not one of 'upgrade', 'downgrade', 'stamp'"),
    ],
)
def test_what_cannot_be_planned_is_wrong_usage(
    work: Workplace, arguments: list[str], message: str
) -> None:
    """As for the run itself."""
    result = work.db("plan", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


# Carrying it out.


def test_upgrade_carries_out_a_plan(server_work: Workplace) -> None:
    """It goes as far as was planned, whatever `heads` is."""
    lines = server_work.lines("upgrade", "--plan", saved(server_work, ORDERS))
    assert lines[0] == "1/2 users01 create users"
    assert re.fullmatch(r"upgraded base -> orders02 \(2 revisions, \d+\.\d s\)", lines[-1])
    assert server_work.heads() == {ORDERS}


@pytest.mark.parametrize("target", ["2", "-2", USERS])
def test_downgrade_carries_out_a_plan(work: Workplace, target: str) -> None:
    """A number in it means what it meant when it was planned."""
    work.lines("upgrade")
    lines = work.lines("downgrade", "--plan", saved(work, "--action", "downgrade", target))
    assert lines[-1].startswith("downgraded notes03 -> users01 (2 revisions, ")
    assert work.tables() == {"alembic_version", "users"}


def test_stamp_carries_out_a_plan(work: Workplace) -> None:
    """And runs nothing else."""
    lines = work.lines("stamp", "--plan", saved(work, "--action", "stamp", ORDERS))
    assert lines[-1].startswith("stamped base -> orders02 (")
    assert work.tables() == {"alembic_version"}


def test_a_plan_comes_from_standard_input_too(work: Workplace) -> None:
    """From another machine, in a pipe."""
    result = work.db("upgrade", "--plan", "-", input=work.db("plan", "1", "--json").stdout)
    assert result.exit_code == 0, result.output
    assert work.heads() == {USERS}


def test_a_plan_with_nothing_to_do_does_nothing(work: Workplace) -> None:
    """The line is that of a run without a plan."""
    work.lines("upgrade")
    assert work.lines("upgrade", "--plan", saved(work)) == ["already at notes03"]


def test_verbose_says_where_and_what_is_run(work: Workplace) -> None:
    """As without a plan."""
    assert work.lines("upgrade", "-v", "--plan", saved(work, "1"))[:3] == [
        f"database {work.engines['default'].url}",
        "at base",
        f"to run: {work.folder / USERS}.py",
    ]


def test_plans_of_several_databases_are_carried_out(both: Workplace) -> None:
    """Each on its own, or one of them alone."""
    both.lines("upgrade", ORDERS, "--database", "audit")
    plan = saved(both)
    both.lines("upgrade", "--plan", plan, "--database", "audit")
    assert (both.heads("default"), both.heads("audit")) == (set(), {NOTES})

    both.lines("upgrade", "--plan", saved(both))
    assert both.heads("default") == {NOTES}


# When it does not fit any more.


def test_a_plan_is_good_once(server_work: Workplace) -> None:
    """The second time the database is elsewhere, which is said; nothing is run."""
    plan = saved(server_work, ORDERS)
    server_work.lines("upgrade", "--plan", plan)
    result = server_work.db("upgrade", "--plan", plan)
    assert refused(result, changes="The database was at base and is at orders02")
    assert result.stderr.endswith("; now at orders02. Plan again.\n")
    assert server_work.heads() == {ORDERS}


def test_a_plan_of_a_downgrade_is_good_once(work: Workplace) -> None:
    """Else `-1` would go on to the next."""
    work.lines("upgrade")
    plan = saved(work, "--action", "downgrade")
    work.lines("downgrade", "--plan", plan)
    result = work.db("downgrade", "--plan", plan)
    assert refused(result, changes="The database was at notes03 and is at orders02")
    assert work.heads() == {ORDERS}


def test_a_changed_file_is_not_run(work: Workplace) -> None:
    """What was planned was another one."""
    plan = saved(work)
    work.write(ORDERS, USERS, "raise AssertionError('run')")
    result = work.db("upgrade", "--plan", plan)
    assert refused(result, changes="The file of revision orders02 was changed")
    assert not work.tables()


def test_a_new_head_is_not_run(work: Workplace) -> None:
    """A deploy has brought a revision that nobody has looked at."""
    plan = saved(work)
    work.write("more04", NOTES)
    assert refused(work.db("upgrade", "--plan", plan), changes="Revision more04 was added")
    assert not work.tables()


@pytest.mark.parametrize("target", ["heads", NOTES])
def test_a_plan_whose_file_is_gone_is_refused(work: Workplace, target: str) -> None:
    """Also where the file is that of the target itself."""
    plan = saved(work, target)
    (work.folder / f"{NOTES}.py").unlink()
    changes = {
        "heads": "Revision notes03 is gone",
        NOTES: "Its target is not there any more",
    }
    assert refused(work.db("upgrade", "--plan", plan), changes=changes[target])
    assert not work.tables()


def test_a_plan_of_another_database_is_refused(work: Workplace, tmp_path: Path) -> None:
    """The same name and the same revision are not the same database."""
    plan = saved(work)
    other = Workplace(
        tmp_path, {"default": sa.URL.create("sqlite", database=str(tmp_path / "other.sqlite"))}
    )
    result = other.db("upgrade", "--plan", plan)
    assert refused(result, changes="Another database is behind the name 'default'")
    assert not other.tables()


def test_one_plan_that_does_not_fit_stops_all(both: Workplace) -> None:
    """Before any of them has changed its database."""
    plan = saved(both)
    both.lines("upgrade", USERS, "--database", "audit")
    result = both.db("upgrade", "--plan", plan)
    assert result.exit_code == 3
    first, last = result.stderr.splitlines()
    assert first.startswith("audit: refused: Things moved since this was planned: The database was")
    assert last == "default: not begun, at base"
    assert not both.tables("default")


def test_a_refused_plan_is_recorded(work: Workplace) -> None:
    """With what has moved."""
    plan = saved(work)
    work.lines("upgrade", USERS)
    work.db("upgrade", "--plan", plan)
    record, _ = work.json("runs")
    assert (record["status"], record["action"], record["target"]) == ("refused", "upgrade", "heads")
    assert record["reason"].startswith("Things moved since this was planned: The database was at")


# What is no plan to be run.


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "3",
        "[3]",
        "[{}]",
        '[{"digest": "x", "heads": [], "steps": []}]',
        "1. users01 create users\n",
        "\ufffd",
    ],
)
def test_a_file_without_a_plan_is_wrong_usage(work: Workplace, text: str) -> None:
    """It says what belongs there."""
    path = work.folder.parent / "plan.json"
    path.write_text(text)
    result = work.db("upgrade", "--plan", str(path))
    assert result.exit_code == 2
    assert "Invalid value for --plan: this is not what 'plan --json' prints." in result.stderr
    assert not work.tables()


def test_a_file_of_other_bytes_is_wrong_usage(work: Workplace) -> None:
    """Such as a database."""
    path = work.folder.parent / "plan.json"
    path.write_bytes(b"\xff\xfe\x00")
    assert work.db("upgrade", "--plan", str(path)).exit_code == 2


def test_a_plan_edited_by_hand_is_no_plan(work: Workplace) -> None:
    """Nobody has seen what it would do."""
    result = work.db("upgrade", "--plan", rewritten(saved(work), target=USERS))
    assert result.exit_code == 2
    assert "not what 'plan --json' prints" in result.stderr


def test_a_plan_twice_is_no_plan(work: Workplace) -> None:
    """Which of them was meant is not to be guessed."""
    path = Path(saved(work))
    path.write_text(json.dumps(json.loads(path.read_text()) * 2))
    assert work.db("upgrade", "--plan", str(path)).exit_code == 2
    assert not work.tables()


def test_a_missing_file_is_wrong_usage(work: Workplace) -> None:
    """And named."""
    result = work.db("upgrade", "--plan", "nowhere.json")
    assert result.exit_code == 2
    assert "nowhere.json" in result.stderr


def test_a_plan_of_another_action_is_not_run(work: Workplace) -> None:
    """It says with which command it can be."""
    work.lines("upgrade")
    result = work.db("upgrade", "--plan", saved(work, "--action", "downgrade"))
    assert result.exit_code == 2
    assert "this is to be run with 'downgrade --plan'." in result.stderr
    assert work.heads() == {NOTES}


def test_a_plan_of_an_unknown_database_is_wrong_usage(both: Workplace, tmp_path: Path) -> None:
    """It is not left out in silence."""
    plan = saved(both)
    one = Workplace(tmp_path, {"default": both.engines["default"].url})
    result = one.db("upgrade", "--plan", plan)
    assert result.exit_code == 2
    assert "it is of database 'audit', and there is none of that name." in result.stderr
    assert not both.tables("default")


def test_a_plan_that_lacks_the_chosen_database_is_wrong_usage(both: Workplace) -> None:
    """Nothing at all would be run."""
    plan = saved(both, "--database", "default")
    result = both.db("upgrade", "--plan", plan, "--database", "audit")
    assert result.exit_code == 2
    assert "there is no plan of database 'audit' in it." in result.stderr


@pytest.mark.parametrize(
    ("command", "more"),
    [
        ("upgrade", "heads"),
        ("upgrade", "--sql"),
        ("downgrade", "base"),
        ("downgrade", "--sql"),
        ("stamp", "heads"),
        ("stamp", "--purge"),
    ],
)
def test_a_plan_stands_alone(work: Workplace, command: str, more: str) -> None:
    """What else is said could not be done as well."""
    result = work.db(command, "--plan", saved(work), more)
    assert result.exit_code == 2
    assert "--plan stands alone: the file says what is run." in result.stderr
    assert not work.tables()
