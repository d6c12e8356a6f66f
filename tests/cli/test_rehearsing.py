from __future__ import annotations

import json
import re
import signal
import tempfile
from pathlib import Path

import pytest

from ..apps import create
from ..core.rehearsal.test_rehearsing import TOLD_TO_END
from .workplaces import NOTES
from .workplaces import ORDERS
from .workplaces import USERS
from .workplaces import Workplace


def plain(lines: list[str]) -> list[str]:
    """Return lines with each time as ``N``."""
    return [re.sub(r"\d+\.\d s", "N s", line) for line in lines]


def test_each_step_is_told_and_nothing_is_run(work: Workplace) -> None:
    """Where it is rehearsed is said before."""
    lines = plain(work.lines("rehearse"))
    assert lines[0] == "rehearses on a copy of the file, made for it and deleted afterwards"
    assert lines[1].endswith("is done for real.")
    assert lines[2:4] == [f"1. {USERS} create users", "   N s, 2 statements, 0 rows"]
    assert lines[-1] == f"rehearsed upgrade base -> {NOTES} (N s)"
    assert work.tables() == set()


def test_a_target_goes_before(work: Workplace) -> None:
    """The same ones as those of a plan, downwards too."""
    assert plain(work.lines("rehearse", ORDERS))[-1] == f"rehearsed upgrade base -> {ORDERS} (N s)"
    work.lines("upgrade")
    lines = plain(work.lines("rehearse", "--action", "downgrade", "2"))
    assert lines[-1] == f"rehearsed downgrade {NOTES} -> {USERS} (N s)"
    assert work.heads() == {NOTES}


def test_a_step_that_fails_is_a_no(work: Workplace) -> None:
    """With the file and the line, on standard output: it is what was asked for."""
    work.write("bad04", NOTES, "op.execute('DROP TABLE missing')", message="go wrong")
    result = work.db("rehearse")
    assert result.exit_code == 1
    assert result.stderr == ""
    *_, before, last = plain(result.stdout.splitlines())
    assert before.startswith("   failed at bad04.py, line 16: OperationalError: no such table")
    assert last == f"failed to rehearse upgrade base -> {NOTES} (N s)"
    assert work.tables() == set()


def test_verbose_shows_the_slowest_statement(work: Workplace) -> None:
    """Of each step, on one line."""
    lines = plain(work.lines("rehearse", "-v", USERS))
    assert any(line.startswith("   slowest, N s: ") for line in lines)


def test_a_plan_in_a_file_is_rehearsed(work: Workplace, tmp_path: Path) -> None:
    """Whatever its action; one that moved is refused."""
    work.lines("upgrade")
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(work.json("plan", "--action", "downgrade")))
    lines = plain(work.lines("rehearse", "--plan", str(file)))
    assert lines[-1] == f"rehearsed downgrade {NOTES} -> {ORDERS} (N s)"

    work.lines("downgrade")
    result = work.db("rehearse", "--plan", str(file))
    assert result.exit_code == 3
    assert "Things moved since this was planned" in result.stderr

    result = work.db("rehearse", "--plan", str(file), ORDERS)
    assert result.exit_code == 2


def test_nothing_to_do_is_no_error(work: Workplace) -> None:
    """As for a plan."""
    work.lines("upgrade")
    assert work.lines("rehearse") == [f"nothing to upgrade: at {NOTES}"]
    assert work.json("rehearse") == []


def test_what_a_migration_prints_is_not_in_json(work: Workplace) -> None:
    """A program reads it."""
    work.write("loud04", NOTES, f"print('hello')\n{create('loud')}")
    (value,) = work.json("rehearse")
    assert [step["revision"] for step in value["steps"]] == [USERS, ORDERS, NOTES, "loud04"]
    assert value["error"] == ""


@pytest.mark.parametrize("how", [(), ("--json",)])
def test_nowhere_to_rehearse_is_refused(
    work: Workplace, monkeypatch: pytest.MonkeyPatch, how: tuple[str, ...]
) -> None:
    """With what is wrong and what to write."""
    settings = work.migrator.project.settings
    monkeypatch.setitem(settings.__dict__, "rehearsal", {"other": "sqlite://"})
    result = work.db("rehearse", *how)
    assert result.exit_code == 3
    assert "names 'other', and there is no such database" in result.stderr
    assert result.stdout == ""


def test_the_copy_is_deleted_where_it_is_told_to_end(
    work: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By SIGTERM too: the copy holds the data of people."""
    place = tmp_path / "elsewhere"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    # Else whatever runs these tests would end.
    before = signal.signal(signal.SIGTERM, lambda *_: pytest.fail("Nobody answers it."))
    work.write("ends04", NOTES, TOLD_TO_END)

    try:
        result = work.db("rehearse")
    finally:
        signal.signal(signal.SIGTERM, before)

    assert result.exit_code == 128 + signal.SIGTERM
    assert list(place.iterdir()) == []
