from __future__ import annotations

import collections.abc as c
import datetime
import typing as t
from pathlib import Path

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.ledger import checks as ledger_checks
from flask_alembic_admin.core.ledger.ledger import Ledger
from flask_alembic_admin.core.ledger.store import ledger_engine
from flask_alembic_admin.core.ledger.tables import CHECK
from flask_alembic_admin.core.ledger.tables import RunStatus
from flask_alembic_admin.core.ledger.tables import TABLE_NAMES

from .ledgers import at_once
from .ledgers import planned
from .ledgers import THREADS


@pytest.fixture
def ledger(database_url: sa.URL) -> c.Iterator[Ledger]:
    """A ledger without tables, on each kind of server in turn."""
    engine = ledger_engine(database_url)
    yield Ledger(engine)
    engine.dispose()


@pytest.fixture
def own_file(tmp_path: Path) -> c.Iterator[Ledger]:
    """A ledger without tables in a SQLite file."""
    engine = ledger_engine(sa.URL.create("sqlite", database=str(tmp_path / "ledger.sqlite")))
    yield Ledger(engine)
    engine.dispose()


def queued(ledger: Ledger, subject: str = "p1", **changes: t.Any) -> str:
    """Queue a rehearsal and return its id."""
    values = {"kind": "rehearsal", "database": "default", "actor": "ada", "runner": "process"}
    check_id = ledger.queue_check(**{**values, "subject": subject, **changes})
    assert check_id is not None
    return check_id


def ended(ledger: Ledger, subject: str = "p1", **changes: t.Any) -> str:
    """Return the id of a check that has succeeded."""
    check_id = queued(ledger, subject, **changes)
    assert ledger.claim_check(check_id, host="here", pid=42)
    assert ledger.finish_check(check_id, RunStatus.SUCCEEDED, content={"subject": subject})
    return check_id


def test_a_check_goes_its_way(ledger: Ledger) -> None:
    """Queued, claimed by one, alive, finished once; what it found comes back whole."""
    assert ledger.last_check("rehearsal", "default") is None
    check_id = queued(ledger)
    record = ledger.check(check_id)
    assert record is not None
    assert record.active
    assert (record.status, record.actor, record.subject) == (RunStatus.QUEUED, "ada", "p1")
    assert not ledger.beat_check(check_id)

    assert ledger.claim_check(check_id, host="here", pid=42)
    assert not ledger.claim_check(check_id, host="there", pid=43)
    assert ledger.beat_check(check_id)

    content = {"steps": [{"sql": "é\0" * 50_000}]}
    assert ledger.finish_check(check_id, RunStatus.SUCCEEDED, content=content)
    assert not ledger.finish_check(check_id, RunStatus.FAILED, error="later")
    assert not ledger.beat_check(check_id)
    record = ledger.check(check_id)
    assert record is not None
    assert (record.status, record.content, record.error) == (RunStatus.SUCCEEDED, content, None)
    assert (record.host, record.pid) == ("here", 42)
    assert not record.active
    assert ledger.last_check("rehearsal", "default", "p1") == record


def test_the_newest_of_a_subject_is_read(own_file: Ledger) -> None:
    """Checks of other plans, kinds and databases are others."""
    first = ended(own_file)
    other = ended(own_file, "p2")
    elsewhere = ended(own_file, database="other")
    built = ended(own_file, "", kind="verification")
    found = [
        own_file.last_check("rehearsal", "default", "p1"),
        own_file.last_check("rehearsal", "default"),
        own_file.last_check("rehearsal", "other", "p1"),
        own_file.last_check("verification", "default", ""),
    ]
    assert [record.id for record in found if record] == [first, other, elsewhere, built]
    assert own_file.last_check("verification", "other") is None


def test_one_of_a_kind_and_database_at_a_time(ledger: Ledger) -> None:
    """Two rehearsals on one copy would be in each other's way, whatever their plans."""
    check_id = queued(ledger)
    arguments = {"kind": "rehearsal", "database": "default", "subject": "p2"}
    assert ledger.queue_check(**arguments) is None  # type: ignore[arg-type]
    queued(ledger, database="other")
    queued(ledger, kind="verification")

    assert ledger.finish_check(check_id, RunStatus.LOST, error="gone")
    queued(ledger, "p2")


def test_of_many_at_once_one_is_queued(postgresql_url: sa.URL) -> None:
    """A double click is one check."""
    ledger = Ledger(sa.create_engine(postgresql_url, pool_size=THREADS))
    planned(ledger)
    calls = [lambda: ledger.queue_check(kind="rehearsal", database="default")] * THREADS
    assert sum(check_id is not None for check_id in at_once(ledger, calls)) == 1
    ledger.engine.dispose()


def test_the_newest_few_are_kept(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each kind and database; nobody asks for older ones."""
    monkeypatch.setattr(ledger_checks, "KEPT", 3)
    ids = [ended(ledger, str(number)) for number in range(4)]
    others = [ended(ledger, kind="verification"), ended(ledger, database="other")]
    running = queued(ledger)
    assert [check_id for check_id in ids if ledger.check(check_id)] == ids[2:]
    assert all(ledger.check(check_id) for check_id in [*others, running])


def test_old_ones_are_pruned_with_runs(ledger: Ledger) -> None:
    """Those that have ended; what is counted are runs."""
    assert ledger.prune(0) == 0
    over, running = ended(ledger), queued(ledger)

    with ledger.engine.begin() as connection:
        day = datetime.timedelta(days=1)
        connection.execute(
            sa.update(CHECK).values(requested=datetime.datetime.now(datetime.UTC) - day)
        )

    assert ledger.prune(2) == 0
    assert ledger.check(over)
    assert ledger.prune(0) == 0
    assert ledger.check(over) is None
    assert ledger.check(running)


def test_an_older_ledger_gets_the_table(own_file: Ledger) -> None:
    """One that a version without checks has made; what is in it stays."""
    run_id = planned(own_file)
    CHECK.drop(own_file.engine)
    assert own_file.check("x") is None
    assert not own_file.claim_check("x", host="here", pid=1)
    assert own_file.prune(1) == 0
    ended(own_file)
    assert own_file.run(run_id) is not None


def test_reading_makes_nothing(tmp_path: Path) -> None:
    """Neither the file nor its folder."""
    file = tmp_path / "instance" / "alembic_admin.sqlite"
    ledger = Ledger(ledger_engine(sa.URL.create("sqlite", database=str(file))))
    assert ledger.last_check("rehearsal", "default") is None
    assert not file.parent.exists()


def test_the_table_is_one_of_ours() -> None:
    """So that autogenerate does not want to drop it."""
    assert CHECK.name in TABLE_NAMES
