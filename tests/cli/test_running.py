from __future__ import annotations

import re

import pytest

from .workplaces import NOTES
from .workplaces import ORDERS
from .workplaces import USERS
from .workplaces import Workplace


def steady(lines: list[str]) -> list[str]:
    """Return lines with every time in them replaced."""
    return [re.sub(r"\d+\.\d s", "0.0 s", line) for line in lines]


def test_upgrade_runs_everything_and_says_where_the_database_is(server_work: Workplace) -> None:
    """The last line has where it was, where it is, how many revisions and how long."""
    lines = server_work.lines("upgrade")
    assert re.fullmatch(r"upgraded base -> notes03 \(3 revisions, \d+\.\d s\)", lines[-1])
    assert server_work.heads() == {NOTES}
    assert server_work.tables() == {"alembic_version", "users", "orders", "notes"}


def test_upgrade_has_plain_lines_where_no_terminal_is(work: Workplace) -> None:
    """A step has a line when it begins and one when it ends."""
    assert steady(work.lines("upgrade", ORDERS)) == [
        "1/2 users01 create users",
        "    done in 0.0 s",
        "2/2 orders02 create orders",
        "    done in 0.0 s",
        "upgraded base -> orders02 (2 revisions, 0.0 s)",
    ]


def test_upgrade_says_that_there_is_nothing_to_do(work: Workplace) -> None:
    """The one line is where the database already is."""
    work.db("upgrade")
    assert work.lines("upgrade") == ["already at notes03"]


def test_upgrade_takes_a_number_of_steps(work: Workplace) -> None:
    """``+1`` and ``1`` are the next revision."""
    work.lines("upgrade", "+1")
    assert work.heads() == {USERS}
    work.lines("upgrade", "1")
    assert work.heads() == {ORDERS}


def test_upgrade_takes_several_targets(empty: Workplace) -> None:
    """Each is gone to."""
    empty.write("base01", None)
    empty.write("left02", "base01")
    empty.write("right02", "base01")
    empty.lines("upgrade", "left02", "right02")
    assert empty.heads() == {"left02", "right02"}


def test_downgrade_undoes_one_step_by_default(server_work: Workplace) -> None:
    """As in both peers."""
    server_work.lines("upgrade")
    lines = server_work.lines("downgrade")
    assert steady(lines)[-1] == "downgraded notes03 -> orders02 (1 revision, 0.0 s)"
    assert server_work.heads() == {ORDERS}
    assert "notes" not in server_work.tables()


@pytest.mark.parametrize("target", ["2", "-2", USERS, "users"])
def test_downgrade_takes_numbers_and_ids(work: Workplace, target: str) -> None:
    """A number is a count of steps, with or without a minus."""
    work.lines("upgrade")
    work.lines("downgrade", target)
    assert work.heads() == {USERS}


def test_a_number_with_a_minus_may_stand_before_options(work: Workplace) -> None:
    """``-1`` is no option, and what is one stays one."""
    work.lines("upgrade")
    work.lines("downgrade", "-1", "--database", "default", "-v")
    assert work.heads() == {ORDERS}


@pytest.mark.parametrize("command", ["upgrade", "downgrade", "stamp"])
def test_a_misspelt_option_is_no_target(work: Workplace, command: str) -> None:
    """It is wrong usage, and nothing is run."""
    result = work.db(command, "--sqll")
    assert result.exit_code == 2
    assert "--sql" in result.stderr
    assert not work.heads()


def test_downgrade_to_base_undoes_everything(work: Workplace) -> None:
    """`base` is in words what an empty version table is."""
    work.lines("upgrade")
    lines = work.lines("downgrade", "base")
    assert steady(lines)[-1] == "downgraded notes03 -> base (3 revisions, 0.0 s)"
    assert work.tables() == {"alembic_version"}


def test_stamp_runs_nothing(server_work: Workplace) -> None:
    """The version table changes and nothing else does."""
    assert steady(server_work.lines("stamp")) == ["stamped base -> notes03 (0.0 s)"]
    assert server_work.heads() == {NOTES}
    assert server_work.tables() == {"alembic_version"}


def test_stamp_says_that_there_is_nothing_to_do(work: Workplace) -> None:
    """Purging to write the same again is no change either."""
    work.lines("stamp")
    assert work.lines("stamp") == ["already at notes03"]
    assert work.lines("stamp", "--purge") == ["already at notes03"]


def test_stamp_takes_several_targets(empty: Workplace) -> None:
    """As Alembic's own does."""
    empty.write("base01", None)
    empty.write("left02", "base01")
    empty.write("right02", "base01")
    empty.lines("stamp", "left02", "right02")
    assert empty.heads() == {"left02", "right02"}


def test_stamp_leaves_unknown_revisions_unless_it_purges(work: Workplace) -> None:
    """What was there is said in both cases."""
    work.lines("stamp", USERS)
    work.execute("UPDATE alembic_version SET version_num = 'newer99'")

    work.lines("stamp", ORDERS)
    assert work.heads() == {"newer99", ORDERS}

    (line,) = work.lines("stamp", "--purge", USERS)
    assert re.match(r"stamped (newer99, orders02|orders02, newer99) -> users01 ", line)
    assert work.heads() == {USERS}


def test_a_failed_upgrade_says_what_is_true_now(work: Workplace) -> None:
    """Where it failed, why, where the database is, and how far it came; status 3."""
    work.write(ORDERS, USERS, 'op.execute("INSERT INTO missing VALUES (1)")')
    result = work.db("upgrade")
    assert result.exit_code == 3
    assert result.stderr.splitlines() == [
        "failed at orders02: OperationalError: no such table: missing; now at users01, "
        "1 of 3 revisions done."
    ]
    assert work.heads() == {USERS}


def test_a_failed_upgrade_leaves_a_clean_prefix(server_work: Workplace) -> None:
    """Every server keeps what was done before, and the line says so."""
    server_work.write(ORDERS, USERS, "raise ValueError('no')")
    result = server_work.db("upgrade")
    assert result.exit_code == 3
    expected = "failed at orders02: ValueError: no; now at users01, 1 of 3 revisions done."
    assert result.stderr.startswith(expected)
    assert server_work.heads() == {USERS}
    assert server_work.tables() == {"alembic_version", "users"}


def test_a_failed_upgrade_shows_no_traceback_unless_asked(work: Workplace) -> None:
    """With ``--traceback`` the line in the revision file is there to see."""
    path = work.write(ORDERS, USERS, "raise ValueError('no')")
    assert "Traceback" not in work.db("upgrade").output
    assert f'File "{path}", line' in work.db("upgrade", "--traceback").stderr


def test_a_work_rolled_back_in_silence_is_a_failure(work: Workplace) -> None:
    """Steps that raised nothing are no success if the version table says otherwise."""
    work.write(
        ORDERS, USERS, "op.get_bind().engine.pool._dialect.do_commit = lambda connection: None"
    )
    result = work.db("upgrade", ORDERS)
    assert result.exit_code == 3
    assert result.stderr.startswith("failed: ")
    assert "now at users01" in result.stderr


def test_verbose_says_where_and_what(work: Workplace) -> None:
    """The database, where it is and the files to be run stand before the first step."""
    lines = work.lines("upgrade", "+1", "-v")
    assert lines[:3] == [
        f"database {work.engines['default'].url}",
        "at base",
        f"to run: {work.folder / USERS}.py",
    ]


def test_several_databases_have_a_line_each(both: Workplace) -> None:
    """Each begins with the name of the database."""
    lines = steady(both.lines("upgrade", "+1"))
    assert lines == [
        "default: 1/1 users01 create users",
        "default:     done in 0.0 s",
        "default: upgraded base -> users01 (1 revision, 0.0 s)",
        "audit: 1/1 users01 create users",
        "audit:     done in 0.0 s",
        "audit: upgraded base -> users01 (1 revision, 0.0 s)",
    ]


def test_one_of_several_databases_can_be_chosen(both: Workplace) -> None:
    """Its lines keep its name, since there are others."""
    lines = both.lines("upgrade", "--database", "audit")
    assert all(line.startswith("audit: ") for line in lines)
    assert both.heads("audit") == {NOTES}
    assert not both.heads("default")


def test_a_failure_on_one_database_tells_of_all(both: Workplace) -> None:
    """Those before it are done, those after it have not begun."""
    both.write(USERS, None, "if arguments['engine_name'] == 'default': raise ValueError('no')")
    result = both.db("upgrade")
    assert result.exit_code == 3
    first, last = result.stderr.splitlines()
    assert first.startswith("default: failed at users01: ValueError: no; now at base, 0 of 3")
    assert last == "audit: not begun, at base"
    assert not both.tables("audit")


def test_a_failure_on_the_last_database_leaves_the_first(both: Workplace) -> None:
    """What was done to the first is said on standard output before."""
    both.write(NOTES, ORDERS, "if arguments['engine_name'] == 'audit': raise ValueError('no')")
    result = both.db("upgrade")
    assert result.exit_code == 3
    assert "default: upgraded base -> notes03 (3 revisions, 0." in result.stdout
    assert result.stderr.startswith("audit: failed at notes03: ValueError: no; now at orders02")


def test_a_target_that_one_database_cannot_reach_changes_none(both: Workplace) -> None:
    """What can be refused is refused before the first of them is touched."""
    both.lines("upgrade", "--database", "default")
    assert both.db("downgrade", "-1").exit_code == 2
    assert both.heads("default") == {NOTES}


def test_an_unreachable_database_stops_the_others(both: Workplace) -> None:
    """Nothing is run on the first when the second does not answer."""
    both.folder.parent.joinpath("audit.sqlite").mkdir()
    result = both.db("upgrade")
    assert result.exit_code == 3
    assert result.stderr.startswith("Error: Database 'audit' at sqlite:///")
    assert not both.heads("default")


def test_an_unknown_revision_in_the_database_stops_a_run(work: Workplace) -> None:
    """The message says what to do; it is no wrong usage."""
    work.lines("stamp", USERS)
    work.execute("UPDATE alembic_version SET version_num = 'newer99'")
    result = work.db("upgrade")
    assert result.exit_code == 3
    assert result.stderr.startswith("Error: Database 'default' is at newer99, which no revision")


@pytest.mark.parametrize("command", ["upgrade", "downgrade", "stamp"])
def test_a_range_without_sql_is_refused(work: Workplace, command: str) -> None:
    """A range has a meaning for ``--sql`` only."""
    result = work.db(command, "base:heads")
    assert result.exit_code == 2
    assert result.stderr == "Error: Target 'base:heads' is a range. A range goes with --sql only.\n"
