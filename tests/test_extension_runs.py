from __future__ import annotations

import getpass
import socket
import typing as t

import pytest
import sqlalchemy as sa

from flask_alembic_admin import RunOptions
from flask_alembic_admin import Timeouts
from flask_alembic_admin.core.plans.plan import Plan
from flask_alembic_admin.errors import LedgerUnavailable
from flask_alembic_admin.errors import PlanMoved
from flask_alembic_admin.errors import RunFailed

from .apps import add_line
from .apps import add_revision
from .apps import MakeSite
from .apps import Site


@pytest.fixture
def site(make_site: MakeSite, database_url: sa.URL) -> Site:
    """An app with three revisions, on each kind of server in turn."""
    made = make_site(database_url)
    add_line(made.folder, "a1", "b2", "c3")
    return made


def test_a_plan_runs_nothing(site: Site) -> None:
    """It says where the database is, what would be run and with which SQL."""
    with site.app.app_context():
        plan = site.alembic.plan()

    assert (plan.action, plan.target, plan.heads) == ("upgrade", "heads", ())
    assert [step.revision for step in plan.steps] == ["a1", "b2", "c3"]
    assert "CREATE TABLE t_a1" in plan.steps[0].sql
    assert site.tables() == set()


def test_a_plan_is_carried_out(site: Site) -> None:
    """Exactly its steps are run."""
    with site.app.app_context():
        result = site.alembic.run(site.alembic.plan(target="b2"))

    assert result.after == ("b2",)
    assert site.tables() == {"t_a1", "t_b2"}


def test_a_plan_may_be_kept_as_values(site: Site) -> None:
    """Whoever confirms it elsewhere runs the same."""
    with site.app.app_context():
        plan = Plan.from_values(site.alembic.plan().to_values())
        assert site.alembic.run(plan).after == ("c3",)


def test_a_plan_is_good_once(site: Site) -> None:
    """When it was carried out the database is elsewhere, so it does not fit any more."""
    with site.app.app_context():
        plan = site.alembic.plan()
        site.alembic.run(plan)

        with pytest.raises(PlanMoved, match="The database was at base and is at c3"):
            site.alembic.run(plan)


def test_a_refused_plan_touches_nothing(site: Site) -> None:
    """Not even the version table is made."""
    with site.app.app_context():
        plan = site.alembic.plan()
        add_revision(site.folder, "c3", "b2", up="op.execute('DROP TABLE t_a1')")

        with pytest.raises(PlanMoved, match="The file of revision c3 was changed"):
            site.alembic.run(plan)

    assert not sa.inspect(site.engine).has_table("alembic_version")


def test_a_refused_plan_is_recorded(site: Site) -> None:
    """Who tried what, and why nothing was run."""
    with site.app.app_context():
        plan = site.alembic.plan()
        site.alembic.upgrade("a1")

        with pytest.raises(PlanMoved):
            site.alembic.run(plan, actor="ops")

        refused, _ = site.alembic.runs()

    assert (refused.status, refused.actor, refused.target) == ("refused", "ops", "heads")
    assert "The database was at base and is at a1." in (refused.reason or "")


def test_every_run_is_recorded(site: Site) -> None:
    """Who, what, from where to where, and with what on both sides."""
    with site.app.app_context():
        site.alembic.upgrade(options=RunOptions(reason="release 5"))
        site.alembic.downgrade()
        site.alembic.stamp("a1")
        stamp, downgrade, upgrade = site.alembic.runs()
        steps = site.alembic.project.ledger.steps(upgrade.id)

    assert [run.action for run in (upgrade, downgrade, stamp)] == ["upgrade", "downgrade", "stamp"]
    assert {run.status for run in (upgrade, downgrade, stamp)} == {"succeeded"}
    assert (upgrade.heads_before, upgrade.heads_after) == ((), ("c3",))
    assert (downgrade.heads_before, downgrade.heads_after) == (("c3",), ("b2",))
    assert stamp.heads_after == ("a1",)
    assert upgrade.actor == f"{getpass.getuser()}@{socket.gethostname()}"
    assert upgrade.reason == "release 5"
    assert upgrade.versions["alembic"]
    assert [(step.revision, step.status) for step in steps] == [
        ("a1", "done"),
        ("b2", "done"),
        ("c3", "done"),
    ]


def test_what_had_nothing_to_do_is_not_recorded(site: Site) -> None:
    """Pods that start and find everything done leave no line each."""
    with site.app.app_context():
        site.alembic.upgrade()
        site.alembic.upgrade()
        assert len(site.alembic.runs()) == 1


def test_a_failed_run_is_recorded_with_its_step(site: Site) -> None:
    """The step, the class of the error and where the database is."""
    add_revision(site.folder, "d4", "c3", up="raise ValueError('no')")

    with site.app.app_context():
        with pytest.raises(RunFailed):
            site.alembic.upgrade()

        (run,) = site.alembic.runs()
        *_, last = site.alembic.project.ledger.steps(run.id)

    assert (run.status, run.error_class, run.heads_after) == ("failed", "ValueError", ("c3",))
    assert (last.revision, last.status) == ("d4", "failed")


def test_a_run_that_cannot_be_recorded_does_not_begin(
    make_site: MakeSite, database_url: sa.URL
) -> None:
    """Where the ledger is down nothing is migrated."""
    ledger = "postgresql+psycopg://nobody@127.0.0.1:1/ledger"
    site = make_site(database_url, config={"ALEMBIC_ADMIN": {"ledger": ledger}})
    add_line(site.folder, "a1")

    with site.app.app_context(), pytest.raises(LedgerUnavailable, match="so nothing was run"):
        site.alembic.upgrade()

    assert site.tables() == set()


def test_a_statement_that_takes_too_long_fails_its_run(
    make_site: MakeSite, postgresql_url: sa.URL
) -> None:
    """The timeout is that of the run, and the connection goes back to the pool without it."""
    site = make_site(postgresql_url)
    add_revision(site.folder, "a1", up="op.execute('SELECT pg_sleep(20)')")

    with site.app.app_context(), pytest.raises(RunFailed, match="statement timeout"):
        site.alembic.upgrade(options=RunOptions(timeouts=Timeouts(statement=0.3)))

    with site.engine.connect() as connection:
        assert connection.scalar(sa.text("SHOW statement_timeout")) == "0"


def hold_table(engine: sa.Engine) -> sa.Connection:
    """Return a connection whose open transaction keeps everybody else off a table."""
    connection = engine.connect()
    connection.execute(sa.text("LOCK TABLE t_a1 IN ACCESS EXCLUSIVE MODE"))
    return connection


@pytest.fixture
def locked_site(
    make_site: MakeSite, postgresql_url: sa.URL, monkeypatch: pytest.MonkeyPatch
) -> Site:
    """An app at its first revision, on a server that rolls back, with short waits."""
    monkeypatch.setattr("flask_alembic_admin.core.runs.retrying.PAUSES", (0.01, 0.01, 0.01))
    config = {"ALEMBIC_ADMIN": {"lock_timeout": 0.2}}
    site = make_site(postgresql_url, config=config)
    add_line(site.folder, "a1")
    site.upgrade()
    return site


def lines_of_last_run(site: Site) -> str:
    """Return what the last run had to say."""
    with site.app.app_context():
        run, *_ = site.alembic.runs()
        lines = site.alembic.project.ledger.log_lines(run.id)

    return "\n".join(line.message for line in lines)


def test_a_step_that_gets_no_lock_is_tried_again(locked_site: Site) -> None:
    """Three times, where the step left no trace."""
    add_revision(locked_site.folder, "b2", "a1", up="op.execute('ALTER TABLE t_a1 ADD b int')")

    with hold_table(locked_site.engine), pytest.raises(RunFailed, match="lock timeout"):
        locked_site.upgrade()

    assert lines_of_last_run(locked_site).count("It is tried again in") == 3


def test_a_step_outside_of_a_transaction_is_not_tried_again(locked_site: Site) -> None:
    """What it left behind would be in the way of a second try."""
    up = (
        "with op.get_context().autocommit_block():\n"
        "    op.execute('CREATE INDEX CONCURRENTLY i ON t_a1 (id)')"
    )
    add_revision(locked_site.folder, "b2", "a1", up=up)

    with hold_table(locked_site.engine), pytest.raises(RunFailed, match="lock timeout"):
        locked_site.upgrade()

    assert "It is tried again in" not in lines_of_last_run(locked_site)


@pytest.mark.parametrize(
    ("action", "target"), [("downgrade", 2), ("downgrade", "1"), ("upgrade", 1)]
)
def test_a_plan_may_count_steps(site: Site, action: t.Any, target: t.Any) -> None:
    """A bare number means the same when the plan is run."""
    with site.app.app_context():
        site.alembic.upgrade("c3" if action == "downgrade" else "a1")
        plan = site.alembic.plan(action, target)
        assert len(site.alembic.run(plan).steps) == len(plan.steps) == int(target)


def test_a_plan_whose_target_is_gone_has_moved(site: Site) -> None:
    """It is refused like any plan that does not fit, and that is recorded."""
    with site.app.app_context():
        plan = site.alembic.plan(target="c3")
        (site.folder / "c3.py").unlink()

        with pytest.raises(PlanMoved, match="Its target is not there any more"):
            site.alembic.run(plan)

        (refused,) = site.alembic.runs()

    assert refused.status == "refused"
