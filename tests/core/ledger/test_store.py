from __future__ import annotations

import collections.abc as c
import datetime
import multiprocessing
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.ledger.ledger import Ledger
from flask_alembic_admin.core.ledger.report import StepReport
from flask_alembic_admin.core.ledger.store import default_ledger_url
from flask_alembic_admin.core.ledger.store import ledger_engine
from flask_alembic_admin.core.ledger.tables import METADATA
from flask_alembic_admin.core.ledger.tables import Queued
from flask_alembic_admin.core.ledger.tables import RunStatus
from flask_alembic_admin.core.ledger.tables import StepFacts
from flask_alembic_admin.core.ledger.tables import StepStatus
from flask_alembic_admin.core.ledger.tables import TABLE_NAMES
from flask_alembic_admin.errors import SetupError

from .ledgers import claim
from .ledgers import planned
from .ledgers import queue
from .ledgers import refused
from .ledgers import running


@pytest.fixture
def ledger(database_url: sa.URL) -> c.Iterator[Ledger]:
    """A ledger without tables, on each kind of server in turn."""
    engine = ledger_engine(database_url)
    yield Ledger(engine)
    engine.dispose()


def table_names(engine: sa.Engine) -> set[str]:
    """Return what tables there are."""
    return set(sa.inspect(engine).get_table_names())


def test_reading_finds_nothing_and_makes_nothing(ledger: Ledger) -> None:
    """Without tables every read has an empty answer, and leaves the database as it was."""
    assert ledger.run("x") is None
    assert ledger.runs() == ()
    assert ledger.runs("default", before="x", include_plans=True) == ()
    assert ledger.active("default") is None
    assert ledger.last("default") is None
    assert ledger.steps("x") == ()
    assert ledger.log_lines("x") == ()
    assert table_names(ledger.engine) == set()


def test_changing_what_is_not_there_changes_nothing(ledger: Ledger) -> None:
    """A run that was never planned cannot be queued, claimed, logged to or finished."""
    assert queue(ledger, "x") is Queued.NOT_A_PLAN
    assert not claim(ledger, "x")
    assert not ledger.finish("x", RunStatus.FAILED, heads_after=None)
    ledger.log("x", "info", "runner", "hello")
    assert ledger.prune(0) == 0
    assert table_names(ledger.engine) == set()


def test_reading_makes_no_sqlite_file(tmp_path: Path) -> None:
    """A read leaves neither the file nor its folder behind; a write makes both."""
    file = tmp_path / "instance" / "alembic_admin.sqlite"
    ledger = Ledger(ledger_engine(sa.URL.create("sqlite", database=str(file))))
    assert ledger.runs() == ()
    assert not queue(ledger, "x")
    assert not file.parent.exists()

    planned(ledger)
    assert file.exists()
    ledger.engine.dispose()


@pytest.mark.parametrize("write", ["plan", "refuse"])
def test_the_first_write_makes_the_tables(ledger: Ledger, write: str) -> None:
    """All tables are made at once, beside those that are there."""
    if write == "plan":
        planned(ledger)
    else:
        refused(ledger)

    assert table_names(ledger.engine) == TABLE_NAMES


def test_processes_that_write_first_at_once_all_succeed(
    database_url: sa.URL, ledger: Ledger
) -> None:
    """The tables are made once, whoever comes first."""
    context = multiprocessing.get_context("spawn")
    url = database_url.render_as_string(hide_password=False)
    barrier = context.Barrier(4)
    processes = [context.Process(target=_write_first, args=(url, barrier)) for _ in range(4)]

    for process in processes:
        process.start()

    for process in processes:
        process.join(60)
        assert process.exitcode == 0
        process.close()

    assert len(ledger.runs(include_plans=True)) == 4


def _write_first(url: str, barrier: threading.Barrier) -> None:
    ledger = Ledger(ledger_engine(sa.make_url(url)))
    barrier.wait(60)
    planned(ledger)
    ledger.engine.dispose()


def test_tables_that_another_process_makes_in_between_are_no_error(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often somebody else makes a table first, what is still missing is made."""
    create_all = METADATA.create_all
    collisions = [1, 2]

    def create_after_another(engine: sa.Engine, checkfirst: bool) -> None:
        if not collisions:
            return create_all(engine, checkfirst=checkfirst)

        collisions.pop()
        missing = METADATA.tables[min(TABLE_NAMES - table_names(engine))]
        missing.create(engine)
        # As one does who had looked before.
        return missing.create(engine, checkfirst=False)

    monkeypatch.setattr(METADATA, "create_all", create_after_another)
    planned(ledger)
    assert collisions == []
    assert table_names(ledger.engine) == TABLE_NAMES


def test_tables_that_cannot_be_made_are_a_setup_error(tmp_path: Path) -> None:
    """The error says where, and what to do."""
    file = tmp_path / "read_only.sqlite"
    file.touch()
    engine = ledger_engine(sa.make_url(f"sqlite:///file:{file}?mode=ro&uri=true"))

    with pytest.raises(SetupError, match=r"ALEMBIC_ADMIN\['ledger'\]"):
        planned(Ledger(engine))

    engine.dispose()


def test_tables_lost_by_a_restored_backup_are_made_again(ledger: Ledger) -> None:
    """A ledger that goes on living finds nothing, and then begins anew."""
    planned(ledger)
    METADATA.drop_all(ledger.engine)
    assert ledger.runs(include_plans=True) == ()
    planned(ledger)
    assert len(ledger.runs(include_plans=True)) == 1


@pytest.mark.parametrize("url", ["sqlite:////srv/app.db", "sqlite+pysqlite:///app.db"])
def test_the_ledger_of_sqlite_is_a_file_of_its_own(url: str, tmp_path: Path) -> None:
    """During a migration SQLite lets nobody else write."""
    assert default_ledger_url(sa.make_url(url), tmp_path) == sa.URL.create(
        "sqlite", database=str(tmp_path / "alembic_admin.sqlite")
    )


def test_the_ledger_of_a_database_in_memory_goes_with_it(tmp_path: Path) -> None:
    """What was in doubt in one must not be said of the next."""
    url = default_ledger_url(sa.make_url("sqlite://"), tmp_path)
    first, second = Ledger(ledger_engine(url)), Ledger(ledger_engine(url))
    planned(first)
    assert len(first.runs(include_plans=True)) == 1
    assert second.runs(include_plans=True) == ()
    first.engine.dispose()
    second.engine.dispose()


@pytest.mark.parametrize("url", ["postgresql+psycopg://me:pw@host/db", "mysql+pymysql://host/db"])
def test_the_ledger_of_a_server_is_in_the_database(url: str, tmp_path: Path) -> None:
    """It travels with the database's backups."""
    assert default_ledger_url(sa.make_url(url), tmp_path) == sa.make_url(url)


def test_what_is_too_long_loses_its_end(ledger: Ledger) -> None:
    """Messages, errors and names are cut at their limits, by characters, not by bytes."""
    run_id = planned(
        ledger, target="t" * 300, steps=[StepFacts("b" * 300, "upgrade", "f" * 5_000, None, None)]
    )
    ledger.queue(run_id, actor="é" * 300, address=None, reason="€" * 5_000, runner=None)
    ledger.log(run_id, "info", "s" * 300, "🐍" * 5_000)
    now = datetime.datetime.now(datetime.UTC)
    ledger.report(run_id, steps=[StepReport(1, StepStatus.FAILED, now, now, error="🐍" * 30_000)])
    ledger.finish(run_id, RunStatus.FAILED, heads_after=[], error="🐍" * 30_000)

    run = ledger.run(run_id)
    (step,) = ledger.steps(run_id)
    (line,) = ledger.log_lines(run_id)
    assert run is not None
    assert run.actor == "é" * 254 + "…"
    assert run.reason == "€" * 3_999 + "…"
    assert run.error == step.error == "🐍" * 19_999 + "…"
    assert line.message == "🐍" * 3_999 + "…"
    assert [len(text) for text in (run.target, step.revision, line.source)] == [255] * 3


def test_what_no_server_takes_is_replaced(ledger: Ledger) -> None:
    """A zero byte or half a surrogate pair in a message fails no write."""
    run_id = running(ledger)
    ledger.log(run_id, "info", "runner", "a\0b\ud83dc")
    assert [line.message for line in ledger.log_lines(run_id)] == ["a\N{REPLACEMENT CHARACTER}b?c"]


def test_a_large_plan_is_kept_whole(ledger: Ledger) -> None:
    """A plan is never cut, since half of one cannot be read."""
    plan = {"sql": ["ALTER TABLE x\0" * 10] * 20_000}
    run = ledger.run(planned(ledger, plan=plan))
    assert run is not None
    assert run.plan == plan
