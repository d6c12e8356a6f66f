"""A database of a test's own, with an app whose runs are carried out by processes."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import os
import signal
import subprocess
import sys
import threading
import typing as t
from pathlib import Path

import sqlalchemy as sa
from flask import Flask

from flask_alembic_admin import Alembic
from flask_alembic_admin.core.ledger.ledger import Ledger
from flask_alembic_admin.core.ledger.tables import RUN
from flask_alembic_admin.core.ledger.tables import RunRecord
from flask_alembic_admin.core.ledger.tables import TABLE_NAMES
from flask_alembic_admin.core.plans.options import PlanOptions
from flask_alembic_admin.core.plans.plan import Plan
from flask_alembic_admin.core.plans.plan import plan_steps
from flask_alembic_admin.core.results import RunResult
from flask_alembic_admin.core.runs.options import RunOptions
from flask_alembic_admin.runners import start_run

from ..apps import add_revision
from ..apps import create
from ..apps import drop
from .app import create_app
from .app import wait_for
from .app import write_config
from .child import Child
from .child import child

#: What each server is told to work for a while.
SLEEP = {"postgresql": "SELECT pg_sleep(20)", "mysql": "SELECT SLEEP(20)"}


class Place:
    """An app on a database of its own.

    Each revision makes a table and adds a row to ``witness``, so that one that was applied twice
    is seen.

    :param folder: Where its files are.
    :param url: The database.
    :param admin: Options of ``ALEMBIC_ADMIN``, or ``context`` for ``ALEMBIC_CONTEXT``.
    :param others: More databases by name.
    """

    def __init__(
        self,
        folder: Path,
        url: sa.URL,
        others: t.Mapping[str, sa.URL] | None = None,
        **admin: t.Any,
    ) -> None:
        self.folder = folder
        self.url = url
        self._admin = admin
        write_config(folder, {"default": url, **(others or {})}, **admin)
        self.app = create_app(str(folder))
        self.alembic: Alembic = self.app.extensions["alembic"]
        self.engine = sa.create_engine(url, poolclass=sa.NullPool)
        self.dialect = self.engine.dialect.name
        self.execute("CREATE TABLE witness (revision VARCHAR(32) NOT NULL)")
        self._last: str | None = None
        self._runs: list[str] = []

    # What is there to be run.

    def add(self, revision: str, body: str = "", *, before: str = "") -> Path:
        """Write a revision that comes after the last one.

        :param revision: Its id.
        :param body: What it does after making its table.
        :param before: What it does first.
        """
        lines = [before, create(f"t_{revision}"), self._witness(revision), body]
        path = add_revision(
            self.folder / "migrations",
            revision,
            self._last,
            up="\n".join(filter(None, lines)),
            down=f'{drop(f"t_{revision}")}\nop.execute("DELETE FROM witness")',
        )
        self._last = revision
        return path

    def rewind(self, revision: str) -> None:
        """Let the next revision come after another one than the last."""
        self._last = revision

    def stop(self, name: str) -> str:
        """Return the code that stays where it is until the test lets go."""
        place = f"({str(self.folder)!r}, {name!r})"
        return f"from tests.faults.app import stop_at\ncontext.is_offline_mode() or stop_at{place}"

    @property
    def sleep(self) -> str:
        """The code that lets the server work for a while."""
        return f"op.execute({SLEEP[self.dialect]!r})"

    def reached(self, name: str) -> None:
        """Wait until a process is at a place."""
        wait_for((self.folder / f"{name}.reached").exists)

    def go_on(self, name: str) -> None:
        """Let whoever is or comes there go on."""
        (self.folder / f"{name}.open").touch()

    # Running it.

    def upgrade(self, target: str = "heads", **options: t.Any) -> RunResult:
        """Upgrade the default database in this process."""
        with self.app.app_context():
            (result,) = self.alembic.upgrade(
                target, database="default", options=RunOptions(**{"wait": 0.0, **options})
            )
            return result

    def forget_connections(self) -> None:
        """Close what the app keeps open, which its server may have ended long ago."""
        with self.app.app_context():
            for database in self.alembic.project.databases.values():
                database.engine.dispose()

    def child(self, verb: str = "upgrade", **order: t.Any) -> t.ContextManager[Child]:
        """Start a process that runs a verb once it is told to."""
        return child(self.folder, verb, **order)

    def plan(self) -> Plan:
        """Plan an upgrade without running any of its code."""
        with self.app.app_context():
            return plan_steps(self.alembic, "upgrade", "heads", "default")

    def queue(self, wait: float | None = None) -> str:
        """Queue an upgrade, as the panel does it, and return its id.

        :param wait: How long it shall wait for the lock.
        """
        plan = dataclasses.replace(self.plan(), options=PlanOptions(wait=wait))
        run_id = self.ledger.plan(
            database="default",
            action="upgrade",
            target="heads",
            heads_before=plan.heads,
            plan=plan.to_values(),
            plan_hash=plan.digest,
            steps=plan.steps,
        )

        assert self.ledger.queue(run_id, actor="ann", address=None, reason=None, runner="process")
        return run_id

    def statuses(self) -> list[str]:
        """Return where all runs and refused attempts stand, in alphabetical order."""
        return sorted(record.status.value for record in self.ledger.runs())

    def start(self) -> str:
        """Start an upgrade in a process of its own, as the panel does it, and return its id."""
        run_id = self.queue()
        self.begin(run_id)
        return run_id

    def begin(self, run_id: str) -> None:
        """Start the process of a queued run."""
        self._runs.append(run_id)

        with self.app.app_context():
            start_run(self.alembic, run_id)

    def watch(self, run_id: str) -> None:
        """End a run that was started in another way, if it still runs after the test."""
        self._runs.append(run_id)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the app."""
        return subprocess.run(
            [sys.executable, "-m", "flask", "--app", self._target, *arguments],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            timeout=60,
        )

    def running(self) -> RunRecord:
        """Wait until a run is under way and return it."""
        return wait_for(self._running)

    @property
    def _target(self) -> str:
        target: str = self.app.config["ALEMBIC_ADMIN"]["app"]
        return target

    def kill(self, record: RunRecord) -> None:
        """End the process of a run as ``kill -9`` does, and wait until it is gone."""
        assert record.pid is not None
        os.kill(record.pid, signal.SIGKILL)
        wait_for(lambda: not self._exists(record.pid))

    def kill_child_of(self, run_id: str, number: int = signal.SIGKILL) -> None:
        """End the process that was started for a run before it has said which one it is."""
        children = Path("/proc/self/task").glob("*/children")
        pids = [int(pid) for path in children for pid in path.read_text().split()]
        (pid,) = [p for p in pids if run_id in Path(f"/proc/{p}/cmdline").read_text()]
        os.kill(pid, number)

    def is_asleep(self) -> bool:
        """Return whether the server is at work on what ``sleep`` tells it."""
        with self.engine.connect() as connection:
            question = sa.text(_SESSIONS[self.dialect])
            return bool(connection.scalar(question, {"like": f"{SLEEP[self.dialect][:-2]}%"}))

    # What is true afterwards.

    @property
    def ledger(self) -> Ledger:
        """The record of runs."""
        with self.app.app_context():
            return self.alembic.project.ledger

    def record(self, run_id: str | None = None) -> RunRecord:
        """Return a run, by default the last one."""
        record = self.ledger.run(run_id) if run_id else self.ledger.last("default")
        assert record is not None
        return record

    def ended(self, run_id: str) -> RunRecord:
        """Wait until a run has its verdict, and until its process is reaped."""
        record = wait_for(lambda: None if self.record(run_id).active else self.record(run_id), 0.03)
        self.reaped(run_id)
        return record

    @staticmethod
    def reaped(run_id: str) -> None:
        """Wait until whoever started the process of a run has seen to its end."""
        for thread in threading.enumerate():
            if thread.name == f"run {run_id}":
                thread.join(30)
                assert not thread.is_alive()

    def age(self, run_id: str, seconds: float = 3600) -> None:
        """Make a run silent for a while."""
        then = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=seconds)

        with self.ledger.engine.begin() as connection:
            connection.execute(
                sa.update(RUN)
                .where(RUN.c.id == run_id)
                .values(heartbeat=sa.case((RUN.c.heartbeat.is_(None), None), else_=then))
                .values(requested=then)
            )

    def log(self, run_id: str) -> str:
        """Return all that a run had to say."""
        return "\n".join(line.message for line in self.ledger.log_lines(run_id))

    def steps(self, run_id: str) -> dict[str, str]:
        """Return where each step of a run stands."""
        return {step.revision: step.status.value for step in self.ledger.steps(run_id)}

    def witnesses(self) -> list[str]:
        """Return the revisions that were applied, as often as they were, in no order."""
        with self.engine.connect() as connection:
            return sorted(connection.scalars(sa.text("SELECT revision FROM witness")))

    def heads(self) -> tuple[str, ...]:
        """Return what the version table holds."""
        with self.app.app_context():
            return self.alembic.current_ids("default")

    def tables(self) -> set[str]:
        """Return the names of the tables that revisions made, and of the version table."""
        return set(sa.inspect(self.engine).get_table_names()) - {*TABLE_NAMES, "witness"}

    def execute(self, *statements: str) -> None:
        """Execute statements, each committed."""
        with self.engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
                connection.commit()

    @contextlib.contextmanager
    def moved_to(self, url: sa.URL, **admin: t.Any) -> t.Iterator[tuple[Flask, Alembic]]:
        """Lend the same app on another database, which need not be there."""
        write_config(self.folder, {"default": url}, **{**self._admin, **admin})
        app = create_app(str(self.folder))
        alembic: Alembic = app.extensions["alembic"]

        try:
            yield app, alembic
        finally:
            with app.app_context():
                alembic.project.ledger.engine.dispose()
                alembic.project.databases["default"].engine.dispose()

    def close(self) -> None:
        """End what is left of runs and close all connections."""
        for run_id in self._runs:
            record = self.ledger.run(run_id)
            if record and record.pid and record.active:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(record.pid, signal.SIGKILL)

        self.end_sessions()

        for run_id in self._runs:
            self.reaped(run_id)

        self.engine.dispose()
        self.ledger.engine.dispose()
        self.forget_connections()

    def end_sessions(self, like: str = "", besides: str = "") -> int:
        """End the sessions of runs at the server, and return how many there were.

        :param like: What their statement begins with.
        :param besides: The number of one that stays.
        """
        if self.dialect == "sqlite":
            return 0

        with self.engine.connect() as connection:
            found = connection.execute(sa.text(_SESSIONS[self.dialect]), {"like": f"{like}%"})
            numbers = [number for number in found.scalars() if str(number) != besides]

            for number in numbers:
                with contextlib.suppress(sa.exc.DBAPIError):
                    connection.exec_driver_sql(_END[self.dialect].format(number=number))

        return len(numbers)

    def _running(self) -> RunRecord | None:
        record = self.ledger.last("default")
        return record if record and record.status == "running" else None

    @staticmethod
    def _exists(pid: int | None) -> bool:
        return pid is not None and Path(f"/proc/{pid}").exists()

    def _witness(self, revision: str) -> str:
        return f"op.execute(\"INSERT INTO witness VALUES ('{revision}')\")"


_SESSIONS = {
    "postgresql": "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
    "AND pid <> pg_backend_pid() AND query LIKE :like",
    "mysql": "SELECT id FROM information_schema.processlist WHERE db = DATABASE() "
    "AND id <> CONNECTION_ID() AND coalesce(info, '') LIKE :like",
}
_END = {"postgresql": "SELECT pg_terminate_backend({number})", "mysql": "KILL {number}"}
