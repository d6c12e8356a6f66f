from __future__ import annotations

import logging
import os
import time
import typing as t

import pytest
import sqlalchemy as sa

from flask_alembic_admin import RunFacts
from flask_alembic_admin import RunOptions
from flask_alembic_admin.core.ledger import recording
from flask_alembic_admin.core.ledger.tables import LogLine
from flask_alembic_admin.core.ledger.tables import RunRecord
from flask_alembic_admin.core.ledger.tables import RunStatus
from flask_alembic_admin.core.locks import lock_for
from flask_alembic_admin.core.locks import Owner
from flask_alembic_admin.core.runs.job import run_job
from flask_alembic_admin.errors import HookFailed
from flask_alembic_admin.errors import Locked
from flask_alembic_admin.errors import PlanMoved
from flask_alembic_admin.errors import RunCancelled
from flask_alembic_admin.errors import RunFailed

from .apps import add_line
from .apps import add_revision
from .apps import MakeSite
from .apps import Site
from .core.ledger.ledgers import planned
from .core.ledger.ledgers import queue


class Shop:
    """A site that can be under maintenance, which is switched on and off by hooks."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.maintenance = False
        self.told: list[RunFacts] = []

        @site.alembic.before_run
        def switch_on(run: RunFacts) -> None:
            self.maintenance = True

        @site.alembic.after_run
        def switch_off(run: RunFacts) -> None:
            self.maintenance = False
            self.told.append(run)

    def upgrade(self, **options: t.Any) -> None:
        """Upgrade to the last revision."""
        self.site.upgrade(options=RunOptions(actor="ada", reason="release 7", **options))

    def last_run(self) -> tuple[RunRecord, list[LogLine]]:
        """Return the last run and its log."""
        with self.site.app.app_context():
            ledger = self.site.alembic.project.ledger
            record = ledger.runs("default")[0]
            return record, list(ledger.log_lines(record.id))


@pytest.fixture
def shop(make_site: MakeSite) -> Shop:
    """A shop with two revisions to run."""
    site = make_site()
    add_line(site.folder, "a1", "b2")
    return Shop(site)


def test_a_run_is_between_its_hooks(shop: Shop) -> None:
    """Before the first step and after the last one."""
    seen: list[set[str]] = []
    shop.site.alembic.before_run(lambda run: seen.append(shop.site.tables()))
    shop.site.alembic.after_run(lambda run: seen.append(shop.site.tables()))
    shop.upgrade()
    assert seen == [set(), {"t_a1", "t_b2"}]
    assert not shop.maintenance


def test_a_hook_knows_the_run(shop: Shop) -> None:
    """What it does, for whom and why."""
    shop.upgrade()
    (run,) = shop.told
    record, _ = shop.last_run()
    assert run.id == record.id
    assert (run.database, run.action, run.target) == ("default", "upgrade", "heads")
    assert (run.actor, run.reason) == ("ada", "release 7")
    assert [step.revision for step in run.steps] == ["a1", "b2"]
    assert (run.status, run.error) == (RunStatus.SUCCEEDED, None)


def test_a_hook_that_raises_stops_the_run_before_it_starts(shop: Shop) -> None:
    """Nothing is run, the verdict names the hook, and what was switched on is restored."""

    @shop.site.alembic.before_run
    def back_up(run: RunFacts) -> None:
        assert shop.maintenance
        raise OSError("disk full")

    with pytest.raises(HookFailed, match=r"back_up' failed, so nothing was run .*disk full"):
        shop.upgrade()

    record, _ = shop.last_run()
    assert record.status == RunStatus.FAILED
    assert "back_up' failed" in (record.error or "")
    assert shop.site.tables() == set()
    assert not shop.maintenance
    assert shop.told[0].status == RunStatus.FAILED


def test_a_database_is_not_in_doubt_after_a_hook_that_raised(
    make_site: MakeSite, mariadb_url: sa.URL
) -> None:
    """No step had begun, so the next run may."""
    site = make_site(mariadb_url)
    add_line(site.folder, "a1")
    full = [OSError("disk full")]

    @site.alembic.before_run
    def back_up(run: RunFacts) -> None:
        if full:
            raise full.pop()

    with pytest.raises(HookFailed):
        site.upgrade()

    (result,) = site.upgrade()
    assert result.after == ("a1",)


def test_a_lock_timeout_of_a_hook_is_not_tried_again(
    make_site: MakeSite, postgresql_url: sa.URL
) -> None:
    """The steps would be run without what the hook was to do."""
    site = make_site(postgresql_url)
    add_line(site.folder, "a1")
    site.execute("CREATE TABLE orders (id int)")
    called = []

    @site.alembic.before_run
    def back_up(run: RunFacts) -> None:
        called.append(run.id)
        with site.engine.begin() as one, site.engine.begin() as other:
            one.execute(sa.text("LOCK orders"))
            other.execute(sa.text("SET LOCAL lock_timeout = 1"))
            other.execute(sa.text("LOCK orders"))

    with pytest.raises(HookFailed, match="lock timeout"):
        site.upgrade()

    assert len(called) == 1
    assert site.tables() == {"orders"}


def test_all_is_restored_after_a_step_that_fails(shop: Shop) -> None:
    """With what went wrong."""
    add_revision(shop.site.folder, "c3", "b2", up="raise ValueError('no such luck')")

    with pytest.raises(RunFailed):
        shop.upgrade()

    assert not shop.maintenance
    assert shop.told[0].status == RunStatus.FAILED
    assert "no such luck" in (shop.told[0].error or "")


def test_all_is_restored_after_ctrl_c(shop: Shop) -> None:
    """Whoever stops a command is no exception."""
    add_revision(shop.site.folder, "c3", "b2", up="raise KeyboardInterrupt")

    with pytest.raises(KeyboardInterrupt):
        shop.upgrade()

    assert not shop.maintenance


def test_all_is_restored_after_a_run_that_was_cancelled(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stopped before its first step here."""
    monkeypatch.setattr(recording, "STALE", 0.0)

    @shop.site.alembic.before_run
    def cancel(run: RunFacts) -> None:
        assert shop.site.alembic.project.ledger.request_cancel(run.id)

    with pytest.raises(RunCancelled):
        shop.upgrade()

    assert shop.site.tables() == set()
    assert not shop.maintenance
    assert shop.told[0].status == RunStatus.CANCELLED


def test_no_backup_is_made_for_a_run_that_was_cancelled_before(shop: Shop) -> None:
    """It would take its time for nothing."""
    with shop.site.app.app_context():
        alembic = shop.site.alembic
        run_id = planned(alembic.project.ledger, plan=alembic.plan().to_values())
        queue(alembic.project.ledger, run_id)
        alembic.project.ledger.request_cancel(run_id)

        with pytest.raises(RunCancelled):
            run_job(alembic, run_id)

    assert shop.told == []
    assert shop.last_run()[0].status == RunStatus.CANCELLED


def test_a_hook_that_raises_afterwards_changes_no_verdict(shop: Shop) -> None:
    """The run's log has it."""

    @shop.site.alembic.after_run
    def smoke_test(run: RunFacts) -> None:
        raise ValueError("it smokes")

    shop.upgrade()
    record, lines = shop.last_run()
    assert record.status == RunStatus.SUCCEEDED
    assert not shop.maintenance
    assert any(
        "smoke_test' failed, which changes nothing" in line.message and "it smokes" in line.message
        for line in lines
    )


def test_no_hook_is_called_where_nothing_is_run(shop: Shop) -> None:
    """Neither for an upgrade with nothing to do nor for one that is refused."""
    shop.upgrade()
    shop.told.clear()
    shop.upgrade()

    with shop.site.app.app_context():
        database = shop.site.alembic.project.databases["default"]
        with (
            database.connect() as other,
            lock_for(database).hold(other, Owner("eve", "there", 1, "r"), 0),
            pytest.raises(Locked),
        ):
            shop.site.alembic.downgrade(options=RunOptions(wait=0))

    assert shop.told == []


def test_hooks_are_called_under_the_lock(shop: Shop) -> None:
    """Nobody migrates the database that is being backed up."""
    refused = []

    @shop.site.alembic.before_run
    @shop.site.alembic.after_run
    def look(run: RunFacts) -> None:
        database = shop.site.alembic.project.databases["default"]
        with (
            database.connect() as other,
            pytest.raises(Locked),
            lock_for(database).hold(other, Owner("eve", "there", 1, "r"), 0),
        ):
            pass
        refused.append(run.status)

    shop.upgrade()
    assert refused == [RunStatus.RUNNING, RunStatus.SUCCEEDED]


@pytest.mark.parametrize("per_migration", [True, False])
def test_nothing_is_open_while_a_hook_is_called(
    make_site: MakeSite, postgresql_url: sa.URL, per_migration: bool
) -> None:
    """A backup may take minutes, and locks that would stay for so long are in everybody's way."""
    context = {"transaction_per_migration": per_migration}
    site = make_site(postgresql_url, config={"ALEMBIC_CONTEXT": context})
    add_line(site.folder, "a1", "b2")
    site.upgrade(target="a1")
    states: list[str | None] = []

    @site.alembic.before_run
    @site.alembic.after_run
    def look(run: RunFacts) -> None:
        with site.engine.connect() as connection:
            query = "SELECT state FROM pg_stat_activity WHERE datname = current_database()"
            states.extend(connection.scalars(sa.text(query)))

    site.upgrade()
    assert "idle in transaction" not in states
    assert site.tables() == {"t_a1", "t_b2"}


def test_a_run_shows_signs_of_life_while_a_hook_is_called(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long backup is not taken for a run that was lost."""
    monkeypatch.setattr(recording, "HEARTBEAT", 0.0)
    ledger = []

    @shop.site.alembic.before_run
    def back_up(run: RunFacts) -> None:
        ledger.append(shop.site.alembic.project.ledger)
        began = beat = _heartbeat(run)
        end = time.monotonic() + 10

        while beat == began and time.monotonic() < end:
            time.sleep(0.02)
            beat = _heartbeat(run)

        assert beat != began

    def _heartbeat(run: RunFacts) -> object:
        record = ledger[0].run(run.id)
        assert record is not None
        return record.heartbeat

    shop.upgrade()


def test_a_database_that_moves_during_a_hook_is_left_alone(shop: Shop) -> None:
    """Plain Alembic takes no lock; what was planned from other heads must not be run."""
    shop.site.upgrade(target="a1")

    @shop.site.alembic.before_run
    def meddle(run: RunFacts) -> None:
        shop.site.execute("UPDATE alembic_version SET version_num = 'b2'")

    add_revision(shop.site.folder, "c3", "b2")

    with pytest.raises(PlanMoved, match=r"was at a1 and is at b2"):
        shop.upgrade()

    assert shop.site.versions() == {"b2"}
    assert shop.last_run()[0].status == RunStatus.FAILED
    assert not shop.maintenance


def test_stamps_and_downgrades_have_hooks_too(shop: Shop) -> None:
    """Whatever changes the database, one that empties the version table first too."""
    with shop.site.app.app_context():
        shop.site.alembic.stamp("b2")
        shop.site.alembic.stamp("a1", purge=True)
        shop.site.alembic.stamp("base")
        shop.site.alembic.upgrade("a1")
        shop.site.alembic.downgrade("base")

    actions = [(run.action, run.target, run.status) for run in shop.told]
    assert actions == [
        ("stamp", "b2", "succeeded"),
        ("stamp", "a1", "succeeded"),
        ("stamp", "base", "succeeded"),
        ("upgrade", "a1", "succeeded"),
        ("downgrade", "base", "succeeded"),
    ]


@pytest.mark.parametrize("ending", ["return", "raise"])
def test_a_child_that_a_hook_forks_has_no_part_in_the_run(shop: Shop, ending: str) -> None:
    """Neither runs it the steps a second time nor restores it what its parent needs."""
    parent = os.getpid()
    called = shop.site.folder / "called"

    @shop.site.alembic.before_run
    def fork(run: RunFacts) -> None:
        child = os.fork()

        if child:
            os.waitpid(child, 0)
        elif ending == "raise":
            raise SystemExit(1)

    @shop.site.alembic.after_run
    def note(run: RunFacts) -> None:
        with called.open("a") as file:
            file.write("parent\n" if os.getpid() == parent else "child\n")

    shop.upgrade()
    assert called.read_text() == "parent\n"
    assert shop.site.tables() == {"t_a1", "t_b2"}


def test_what_a_hook_logs_is_in_the_log_of_the_run(shop: Shop) -> None:
    """As what a migration logs."""

    @shop.site.alembic.before_run
    def back_up(run: RunFacts) -> None:
        logging.getLogger("shop.backup").warning("kept 12 MB")

    shop.upgrade()
    _, lines = shop.last_run()
    assert ("shop.backup", "kept 12 MB") in {(line.source, line.message) for line in lines}
