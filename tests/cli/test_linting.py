"""`lint`: what is dangerous in revisions, and the exit status of it."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from .workplaces import NOTES
from .workplaces import ORDERS
from .workplaces import USERS
from .workplaces import Workplace

DROPS = "op.drop_column('legacy', 'id')"


def findings(work: Workplace, *arguments: str, status: int = 0) -> list[tuple[str, str]]:
    """Return the revisions and rules of what was found in the only database."""
    (result,) = work.json("lint", *arguments, status=status)
    return [(finding["revision"], finding["rule"]) for finding in result["findings"]]


def test_nothing_dangerous_is_status_0(server_work: Workplace) -> None:
    """Tables that are created hold nothing; nothing is run."""
    lines = server_work.lines("lint")
    assert re.fullmatch(r"(nothing found|.*info) in 3 revisions after base", lines[-1])
    assert not server_work.tables()


def test_a_danger_is_status_1(server_work: Workplace) -> None:
    """With what it loses, and what to do instead."""
    server_work.lines("upgrade", USERS)
    server_work.write(ORDERS, USERS, DROPS)
    result = server_work.db("lint")
    assert result.exit_code == 1
    assert not result.stderr
    assert result.stdout.startswith(
        "orders02 do orders02\n  danger  DATA002 drop-column, orders02.py:"
    )
    assert "\n          Instead: " in result.stdout
    assert re.search(r"^1 danger.* in 2 revisions after users01$", result.stdout, re.MULTILINE)
    assert server_work.heads() == {USERS}


def test_only_what_is_pending_is_looked_at(work: Workplace) -> None:
    """Unless somebody says where to begin, and where to end."""
    work.write(ORDERS, USERS, DROPS)
    work.lines("stamp", ORDERS)
    assert findings(work) == []
    assert (ORDERS, "DATA002") in findings(work, "--from", "base", status=1)
    assert (ORDERS, "DATA002") in findings(work, "--from", USERS, status=1)
    assert findings(work, "--from", "base", "--to", USERS) == []
    assert work.lines("lint")[-1] == "nothing found in 1 revision after orders02"


def test_verbose_shows_the_code_to_write(server_work: Workplace) -> None:
    """With the reader's own names."""
    server_work.write(ORDERS, USERS, "op.rename_table('users', 'people')")
    server_work.lines("upgrade", USERS)
    result = server_work.db("lint", "-v")
    assert "\n            op." in result.stdout
    assert "\n            op." not in server_work.db("lint").stdout


def test_what_a_comment_allows_is_shown_with_its_reason(work: Workplace) -> None:
    """It asks for nothing, so the status is 0."""
    work.write(ORDERS, USERS, f"{DROPS}  # alembic-admin: allow DATA002 never filled")
    work.lines("upgrade", USERS)
    lines = work.lines("lint")
    at = next(at for at, line in enumerate(lines) if line.startswith("  allowed DATA002 "))
    assert lines[at + 1].strip() == "never filled"
    assert "1 allowed in 2 revisions" in lines[-1]


def test_json_has_all_that_was_found(work: Workplace) -> None:
    """For a build that makes something of it."""
    work.write(NOTES, ORDERS, DROPS)
    work.lines("upgrade", ORDERS)
    (result,) = work.json("lint", status=1)
    assert (result["database"], result["start"], result["revisions"]) == (
        "default",
        ORDERS,
        [NOTES],
    )
    assert result["unreachable"] == ""
    finding = next(one for one in result["findings"] if one["rule"] == "DATA002")
    assert (finding["severity"], finding["table"], finding["column"]) == ("danger", "legacy", "id")
    assert (finding["file"], finding["allowed"]) == ("notes03.py", None)


def test_an_unreachable_database_needs_none(work: Workplace) -> None:
    """The files are looked at from base, and that is said."""
    work.write(ORDERS, USERS, DROPS)
    url = sa.make_url("postgresql+psycopg://nobody@127.0.0.1:1/nowhere")
    project = work.migrator.project
    object.__setattr__(
        project.databases["default"], "engine", sa.create_engine(url, poolclass=sa.NullPool)
    )
    result = work.db("lint")
    assert result.exit_code == 1, result.output
    said = "looked at the files alone: the database cannot be reached (OperationalError: "
    assert result.stdout.startswith(said)
    assert "DATA002" in result.stdout
    assert "in 3 revisions after base" in result.stdout


def test_several_databases_are_looked_at_one_by_one(both: Workplace) -> None:
    """Their lines begin with their names; one danger is enough."""
    both.lines("upgrade", USERS)
    both.lines("upgrade", "--database", "audit")
    both.write(ORDERS, USERS, DROPS)
    result = both.db("lint")
    assert result.exit_code == 1
    assert all(line.startswith(("default: ", "audit: ")) for line in result.stdout.splitlines())
    assert result.stdout.endswith("audit: nothing found in 0 revisions after notes03\n")


@pytest.mark.parametrize("option", ["--from", "--to"])
def test_an_unknown_revision_is_wrong_usage(work: Workplace, option: str) -> None:
    """As for a run."""
    result = work.db("lint", option, "nothing")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "'nothing' names no revision" in result.stderr


def test_what_a_migration_prints_is_no_finding(work: Workplace) -> None:
    """Standard output can be read by a program."""
    work.write(USERS, None, "print('hello')")
    assert findings(work, "--to", USERS) == []


def test_lines_are_not_too_long(work: Workplace) -> None:
    """They can be read in a log."""
    work.lines("upgrade", USERS)
    work.write(ORDERS, USERS, DROPS)
    assert max(map(len, work.db("lint").stdout.splitlines())) <= 88
