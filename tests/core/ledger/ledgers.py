"""Runs in every state for tests of the ledger, and callers that all come at once."""

from __future__ import annotations

import collections.abc as c
import concurrent.futures
import threading
import typing as t

from flask_alembic_admin.core.ledger.ledger import Ledger
from flask_alembic_admin.core.ledger.tables import Queued
from flask_alembic_admin.core.ledger.tables import RunStatus

THREADS = 16
T = t.TypeVar("T")


def planned(ledger: Ledger, database: str = "default", **changes: t.Any) -> str:
    """Keep a small plan and return its id."""
    return ledger.plan(
        **{
            "database": database,
            "action": "upgrade",
            "target": "heads",
            "heads_before": ("a1",),
            "plan": {"sql": "ALTER TABLE …"},
            "plan_hash": "f" * 64,
            **changes,
        }
    )


def queue(ledger: Ledger, run_id: str) -> Queued:
    """Confirm a plan."""
    return ledger.queue(run_id, actor="ada", address="::1", reason="release 7", runner="process")


def claim(ledger: Ledger, run_id: str) -> bool:
    """Take a queued run, as a runner does."""
    return ledger.claim(run_id, host="here", pid=42, versions={"alembic": "1.20.1"}, session="7")


def running(ledger: Ledger, database: str = "default") -> str:
    """Return the id of a run that is under way."""
    run_id = planned(ledger, database)
    assert queue(ledger, run_id)
    assert claim(ledger, run_id)
    return run_id


def ended(ledger: Ledger, database: str = "default") -> str:
    """Return the id of a run that has succeeded."""
    run_id = running(ledger, database)
    assert ledger.finish(run_id, RunStatus.SUCCEEDED, heads_after=["b2"])
    return run_id


def refused(ledger: Ledger, **changes: t.Any) -> str:
    """Record a refused attempt and return its id."""
    return ledger.refuse(
        **{
            "database": "default",
            "action": "downgrade",
            "target": "base",
            "actor": "eve",
            "address": "10.0.0.9",
            "reason": "no permission",
            **changes,
        }
    )


def at_once(ledger: Ledger, calls: c.Sequence[c.Callable[[], T]]) -> list[T]:
    """Make all calls in threads that start together, and return what they gave.

    :param ledger: What they call, with a pool that has room for all of them.
    """
    barrier = threading.Barrier(len(calls))

    def wait_and_call(call: c.Callable[[], T]) -> T:
        # To connect takes longer than what is to happen at once, so it is done before.
        with ledger.engine.connect():
            barrier.wait(30)

        return call()

    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(wait_and_call, calls))
