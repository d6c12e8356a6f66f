"""A step that was left half done, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from ..apps import create
from .workplaces import ORDERS
from .workplaces import USERS
from .workplaces import Workplace


@pytest.fixture
def half(mariadb_url: sa.URL, tmp_path: Path) -> Workplace:
    """A database whose second revision ended after the first of three operations."""
    work = Workplace(tmp_path, {"default": mariadb_url}).write_three()
    fails = (
        f"if not context.is_offline_mode() and not os.path.exists({str(tmp_path / 'ok')!r}): 1 / 0"
    )
    lines = [
        "import os",
        create("orders"),
        fails,
        create("lines"),
        "op.create_index('ix', 'lines', ['id'])",
    ]
    work.write(ORDERS, USERS, "\n".join(lines), message="create orders")
    assert work.db("upgrade").exit_code == 3
    (tmp_path / "ok").touch()
    return work


def run_id(work: Workplace) -> str:
    """Return the id of the last run."""
    return work.migrator.project.ledger.runs(limit=1)[0].id


def test_show_looks_where_it_is_asked_to(half: Workplace) -> None:
    """It says how far the step came, what is left, and the ways on."""
    run = run_id(half)
    lines = half.lines("runs", "show", run[:8], "--look")
    start = lines.index("")
    assert lines[start + 1 : start + 6] == [
        "orders02 create orders: 1 of 3 done, next would be create_table lines.",
        "  + 1. create_table orders: done  (orders02.py:17)",
        "  - 2. create_table lines: not done  (orders02.py:19)",
        "  - 3. create_index ix on lines: not done  (orders02.py:20)",
        "the record counts 1 statement of this step",
    ]
    text = "\n".join(lines)
    assert "    CREATE INDEX ix ON `lines` (id);" in text
    assert f"  then: flask db runs examine {run} --reason '...'\n        flask db stamp" in text
    assert "    DROP TABLE orders;" in text
    assert f"    flask db plan --rest-of {run} --json > rest.json" in text


def test_show_does_not_look_unasked(half: Workplace) -> None:
    """To look runs the Python of the step, though it sends nothing."""
    assert "1 of 3 done" not in "\n".join(half.lines("runs", "show", run_id(half)))
    (shown,) = half.json("runs", "show", run_id(half))
    assert shown["forensics"] is None


def test_what_was_seen_as_json(half: Workplace) -> None:
    """With the state of each operation."""
    (shown,) = half.json("runs", "show", run_id(half), "--look")
    found = shown["forensics"]
    assert [one["state"] for one in found["operations"]] == ["done", "not done", "not done"]
    assert (found["revision"], found["done"], found["no_rest"]) == (ORDERS, 1, "")


def test_there_is_nothing_to_look_at(work: Workplace) -> None:
    """A run that left nothing in doubt is refused to be looked at."""
    work.lines("upgrade")
    result = work.db("runs", "show", run_id(work), "--look")
    assert result.exit_code == 2
    assert "leaves no step of database 'default' in doubt" in result.stderr


def test_the_rest_is_planned_and_run(half: Workplace, tmp_path: Path) -> None:
    """The database is in doubt no more, and up to date."""
    run = run_id(half)
    lines = half.lines("plan", "--rest-of", run)
    assert lines[0] == "the first step leaves out what is in place: 1 operation"
    path = tmp_path / "rest.json"
    path.write_text(json.dumps(half.json("plan", "--rest-of", run)))
    half.lines("upgrade", "--plan", str(path), "--reason", "was full")
    record = half.migrator.project.ledger.run(run)
    assert record is not None
    assert record.examined_reason == "was full"
    assert half.json("current")[0]["up_to_date"]


def test_the_run_says_where_the_rest_goes(half: Workplace) -> None:
    """A target beside it is wrong."""
    result = half.db("plan", "--rest-of", run_id(half), "heads")
    assert result.exit_code == 2
    assert "--rest-of stands alone" in result.stderr
