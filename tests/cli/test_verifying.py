from __future__ import annotations

import signal
from pathlib import Path

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.verification.result import Verification

from ..apps import create
from ..apps import drop
from ..core.dumps import scratch_databases
from .test_stopping import started
from .workplaces import wait_for
from .workplaces import Workplace


def test_each_revision_has_a_line(work: Workplace) -> None:
    """By word and shape; the status is 0 where all is proven."""
    *lines, last = work.lines("verify")
    assert lines == [
        "✓ proven   users01 create users",
        "✓ proven   orders02 create orders",
        "✓ proven   notes03 create notes",
        "models: what they say is what the revisions make",
    ]
    assert last.startswith("3 revisions: 3 proven (")
    assert work.tables() == set()


def test_what_is_not_proven_says_why(work: Workplace) -> None:
    """With the line that raises; the status is 1."""
    work.write("raises", "notes03", create("left"), "raise NotImplementedError('no way')")
    result = work.db("verify")
    assert result.exit_code == 1
    assert (
        "□ unproven raises do raises\n"
        "           Its downgrade fails: NotImplementedError: no way. (raises.py:20)\n"
    ) in result.stdout
    assert "models: table left: in database, not in models\n" in result.stdout


def test_what_is_lossy_is_no_fault(work: Workplace) -> None:
    """The schema comes back, which is what the status tells."""
    up = "op.add_column('users', sa.Column('fax', sa.Integer))"
    work.write("fax", "notes03", up, "op.drop_column('users', 'fax')")
    work.write("off", "fax", "op.drop_column('users', 'fax')", up)
    assert "▲ lossy    off do off" in work.lines("verify")


def test_it_is_told_as_json_too(work: Workplace) -> None:
    """And what a migration prints is no part of it."""
    work.write("says", "notes03", "print('hello')\n" + create("left"), drop("left"))
    (value,) = work.json("verify", status=1)
    assert [(one["revision"], one["proof"]) for one in value["revisions"]][-1] == ("says", "proven")
    assert value["differences"] == ["table left: in database, not in models"]
    assert (value["good"], value["place"]) == (False, "a temporary file")


def test_what_was_found_is_kept(work: Workplace) -> None:
    """For the panel, with the checksum of each file."""
    work.lines("verify")
    record = work.migrator.project.ledger.last_check("verification", "default")
    assert record is not None
    found = Verification.from_values(record.content)
    assert found is not None
    assert found.is_good
    assert all(one.sha256 for one in found.revisions)


def test_that_it_cannot_be_kept_makes_it_no_less_true(
    work: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said beside the result."""
    url = "postgresql+psycopg://app@127.0.0.1:1/nothing"
    nowhere = sa.create_engine(url, poolclass=sa.NullPool)
    monkeypatch.setattr(work.migrator.project.ledger, "engine", nowhere)
    result = work.db("verify")
    assert result.exit_code == 0
    assert result.stderr.startswith("not recorded for the panel: ")


def test_several_databases_are_verified_one_after_the_other(both: Workplace) -> None:
    """Each line begins with the name."""
    lines = both.db("verify").stdout.splitlines()
    assert {line.partition(":")[0] for line in lines} == {"default", "audit"}
    (only,) = both.json("verify", "--database", "audit")
    assert only["database"] == "audit"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("server", ["postgresql_url", "mariadb_url"])
def test_a_signal_leaves_nothing_behind(
    tmp_path: Path, request: pytest.FixtureRequest, server: str, number: int
) -> None:
    """The scratch database is dropped before the process ends."""
    work = Workplace(tmp_path, {"default": request.getfixturevalue(server)}).write_three()
    name = {"postgresql_url": "current_database()", "mariadb_url": "DATABASE()"}[server]
    seen = tmp_path / "seen"
    up = f"there = op.get_bind().scalar(sa.text('SELECT {name}'))\n"
    up += f"__import__('pathlib').Path({str(seen)!r}).write_text(there)\n"
    up += "print('is there', flush=True)\n" + wait_for(tmp_path / "never")
    work.write("waits", "notes03", up)

    with started(work, "verify") as command:
        command.said("✓ proven   notes03")
        # It prints to standard error what is no result.
        command.warned("is there")
        assert seen.read_text() in scratch_databases(work.engines["default"])
        command.send(number)
        status, _, _ = command.end()

    assert status != 0
    assert seen.read_text() not in scratch_databases(work.engines["default"])
