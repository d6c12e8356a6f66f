from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.ledger.comparisons import ComparisonRecord
from flask_alembic_admin.core.ledger.ledger import Ledger
from flask_alembic_admin.core.ledger.store import ledger_engine
from flask_alembic_admin.core.ledger.tables import COMPARISON
from flask_alembic_admin.core.ledger.tables import TABLE_NAMES

from .ledgers import at_once
from .ledgers import planned
from .ledgers import THREADS

RECORD = ComparisonRecord(
    database="default",
    time=datetime.datetime(2026, 11, 20, 10, 41, 3, 5, datetime.UTC),
    seconds=0.8125,
    heads=("a1", "b2"),
    content={"differences": ["é\0"], "left_out": 0},
)


@pytest.fixture
def ledger(database_url: sa.URL) -> c.Iterator[Ledger]:
    """A ledger without tables, on each kind of server in turn."""
    engine = ledger_engine(database_url)
    yield Ledger(engine)
    engine.dispose()


def test_the_last_comparison_of_a_database_is_kept(ledger: Ledger) -> None:
    """Whole, and each one takes the place of the one before; those of others stay."""
    assert ledger.comparison("default") is None
    ledger.keep_comparison(RECORD)
    other = dataclasses.replace(RECORD, database="other", heads=())
    ledger.keep_comparison(other)
    assert ledger.comparison("default") == RECORD

    later = dataclasses.replace(RECORD, seconds=2.0, content={"error": "x" * 100_000})
    ledger.keep_comparison(later)
    ledger.keep_comparison(later)
    assert ledger.comparison("default") == later
    assert ledger.comparison("other") == other
    assert ledger.prune(0) == 0
    assert ledger.comparison("default") == later


def test_an_older_ledger_gets_the_table(ledger: Ledger) -> None:
    """One that a version without comparisons has made; what is in it stays."""
    run_id = planned(ledger)
    COMPARISON.drop(ledger.engine)
    assert ledger.comparison("default") is None
    ledger.keep_comparison(RECORD)
    assert ledger.comparison("default") == RECORD
    assert ledger.run(run_id) is not None


def test_many_at_once_leave_one(postgresql_url: sa.URL) -> None:
    """Whoever comes second replaces what the first one has just kept."""
    ledger = Ledger(sa.create_engine(postgresql_url, pool_size=THREADS))
    planned(ledger)
    records = [dataclasses.replace(RECORD, seconds=number) for number in range(THREADS)]
    calls = [lambda record=record: ledger.keep_comparison(record) for record in records]
    at_once(ledger, calls)
    assert ledger.comparison("default") in records
    ledger.engine.dispose()


def test_reading_makes_nothing(tmp_path: Path) -> None:
    """Neither the file nor its folder."""
    file = tmp_path / "instance" / "alembic_admin.sqlite"
    ledger = Ledger(ledger_engine(sa.URL.create("sqlite", database=str(file))))
    assert ledger.comparison("default") is None
    assert not file.parent.exists()


def test_the_table_is_one_of_ours() -> None:
    """So that autogenerate does not want to drop it."""
    assert COMPARISON.name in TABLE_NAMES
