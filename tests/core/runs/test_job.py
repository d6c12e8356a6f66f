from __future__ import annotations

import typing as t

import pytest

from flask_alembic_admin.core.migrator import Migrator
from flask_alembic_admin.core.plans.options import PlanOptions
from flask_alembic_admin.core.plans.plan import make_plan
from flask_alembic_admin.core.runs.job import run_job
from flask_alembic_admin.core.runs.options import RunOptions
from flask_alembic_admin.core.servers import Timeouts

from ...apps import add_line
from ...apps import MakeSite


@pytest.mark.parametrize(
    ("chosen", "timeouts", "wait"),
    [
        (PlanOptions(), Timeouts(lock=5.0, statement=3600.0), 0.0),
        (PlanOptions(1.5, 0.0, 20.0), Timeouts(lock=1.5, statement=0.0), 20.0),
    ],
)
def test_a_job_goes_about_it_as_planned(
    make_site: MakeSite,
    monkeypatch: pytest.MonkeyPatch,
    chosen: PlanOptions,
    timeouts: Timeouts,
    wait: float,
) -> None:
    """The options that were shown are those it runs with, and otherwise those of the settings."""
    site = make_site()
    add_line(site.folder, "a1")
    seen: list[RunOptions] = []

    def run(*given: t.Any, **_: t.Any) -> None:
        seen.append(given[4])

    monkeypatch.setattr(Migrator, "_run_one", run)

    with site.app.app_context():
        plan = make_plan(site.alembic, "upgrade", "heads", "default", chosen)
        ledger = site.alembic.project.ledger
        run_id = ledger.plan(
            database="default",
            action="upgrade",
            target="heads",
            heads_before=(),
            plan=plan.to_values(),
            plan_hash=plan.digest,
        )
        ledger.queue(run_id, actor="ops", address=None, reason=None, runner="inline")
        assert run_job(site.alembic, run_id)

        # Code that runs a plan waits as long as that says, too.
        site.alembic.run(plan)

    job, code = seen
    assert (job.timeouts, job.wait) == (timeouts, wait)
    assert code.timeouts == timeouts
