"""How long it takes to record, lint and render a plan: ``python -m tests.benchmarks.plan``."""

from __future__ import annotations

import argparse
import collections.abc as c
import contextlib
import dataclasses
import tempfile
import time
import typing as t
from pathlib import Path

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.plans.findings import sight_of
from flask_alembic_admin.core.plans.findings import steps_of
from flask_alembic_admin.core.plans.plan import keep_plan
from flask_alembic_admin.core.plans.plan import Plan
from flask_alembic_admin.core.risks import findings_of

from ..admin.conftest import Panel
from .histories import write_mixed
from .overhead import empty_database
from .overhead import SERVERS

#: Seconds that a plan of 50 steps may take until it is on the page.
LIMIT = 1.5
STEPS = 50

T = t.TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Seconds:
    """What a plan takes, in seconds by a clock that it is given.

    :param recording: To run the steps, and to have their SQL.
    :param linting: To ask our own rules; a part of planning.
    :param planning: To plan: recording, rules, squawk where it is installed, tables, ledger.
    :param rendering: To show the page of the plan.
    """

    recording: float
    linting: float
    planning: float
    rendering: float

    @property
    def whole(self) -> float:
        """From the question to the page."""
        return self.planning + self.rendering


@contextlib.contextmanager
def project(folder: Path, url: sa.URL | None = None, steps: int = STEPS) -> c.Iterator[Panel]:
    """Lend an app with a panel, and a history of many kinds of steps after the first one.

    :param folder: Where its files go.
    :param url: Of its database; a SQLite file if None.
    :param steps: How many there are after the one that is applied.
    """
    (folder / "migrations").mkdir(parents=True)
    panel = Panel(folder, url)
    panel.open_up()

    for path in (folder / "migrations").glob("*.py"):
        path.unlink()

    write_mixed(folder / "migrations", steps)

    try:
        with panel.app.app_context():
            panel.alembic.upgrade("first")

        yield panel
    finally:
        panel.engine.dispose()

        with panel.app.app_context():
            panel.alembic.project.ledger.engine.dispose()


def measured(panel: Panel, clock: c.Callable[[], float] = time.perf_counter) -> Seconds:
    """Measure all parts of one plan.

    :param panel: Whose revisions.
    :param clock: Tells the time.
    """
    client = panel.client("operator")
    alembic = panel.alembic

    with panel.app.app_context():
        previews, recording = _timed(clock, lambda: alembic.preview("upgrade", "heads"))
        looked = steps_of(alembic.project, "upgrade", previews)
        sight = sight_of(alembic.project, "default", panel.engine.dialect)
        _, linting = _timed(clock, lambda: findings_of(looked, sight))

        def plan() -> Plan:
            return alembic.plan("upgrade", "heads")

        made, planning = _timed(clock, plan)
        assert len(made.steps) == len(previews)
        assert made.findings
        plan_id = keep_plan(made, alembic.project.ledger, "operator")

    response, rendering = _timed(clock, lambda: client.get(f"/alembic/db/default/plans/{plan_id}"))
    assert response.status_code == 200
    assert response.text.count("card step") == len(made.steps)
    return Seconds(recording, linting, planning, rendering)


def main() -> int:
    """Measure as the command line says, and return 1 if a server is above the limit."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.plan", description=__doc__)
    parser.add_argument("--repeat", type=int, default=5, help="how often each is measured")
    parser.add_argument("--steps", type=int, default=STEPS, help="how long the plan is")
    parser.add_argument("--server", choices=[*SERVERS, "all"], default="all")
    arguments = parser.parse_args()
    servers = SERVERS if arguments.server == "all" else (arguments.server,)
    best: list[float] = []
    print(f"{arguments.steps} steps, best and worst of {arguments.repeat}, in seconds")
    print(f"{'':12}" + "".join(f"{name:>18}" for name in (*_PARTS, "whole")))

    for server in servers:
        with tempfile.TemporaryDirectory() as temporary:
            try:
                with (
                    empty_database(server, Path(temporary)) as url,
                    project(Path(temporary) / "app", sa.make_url(url), arguments.steps) as panel,
                ):
                    found = [measured(panel) for _ in range(arguments.repeat)]
            except pytest.skip.Exception as reason:
                print(f"{server}: {reason}")
                continue

        columns = [[getattr(one, name) for one in found] for name in (*_PARTS, "whole")]
        shown = [f"{min(column):8.3f} to {max(column):6.3f}" for column in columns]
        print(f"{server:12}" + "".join(f"{text:>18}" for text in shown))
        best.append(min(columns[-1]))

    return int(any(seconds > LIMIT for seconds in best))


_PARTS = [field.name for field in dataclasses.fields(Seconds)]


def _timed(clock: c.Callable[[], float], work: c.Callable[[], T]) -> tuple[T, float]:
    started = clock()
    done = work()
    return done, clock() - started


if __name__ == "__main__":
    raise SystemExit(main())
