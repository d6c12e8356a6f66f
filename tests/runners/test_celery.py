"""The runner ``celery``, with a real worker and Redis as its broker."""

from __future__ import annotations

import collections.abc as c
import contextlib
import datetime
import importlib
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest
import redis
import sqlalchemy as sa
from flask import Flask

from flask_alembic_admin import Alembic
from flask_alembic_admin import alembic_admin
from flask_alembic_admin import runners
from flask_alembic_admin.core.checks.asking import check_seen_as
from flask_alembic_admin.core.checks.asking import queue_check
from flask_alembic_admin.core.condition import is_lost
from flask_alembic_admin.core.ledger.tables import RunRecord
from flask_alembic_admin.core.plans.plan import make_plan
from flask_alembic_admin.errors import SetupError
from flask_alembic_admin.runners import start_check
from flask_alembic_admin.runners import start_run
from flask_alembic_admin.runners.celery import carry_out_run

from ..apps import add_revision
from ..servers import unavailable

PAGE = Path(__file__).parents[2] / "docs" / "celery.md"
REDIS = os.environ.get("TEST_REDIS_URL") or "redis://127.0.0.1:6379/0"


@pytest.fixture
def queue_name() -> c.Iterator[str]:
    """A queue of the test's own."""
    name = f"test_{uuid.uuid4().hex[:16]}"
    client = redis.Redis.from_url(REDIS)

    try:
        client.ping()
    except redis.ConnectionError as error:
        unavailable(f"no broker at TEST_REDIS_URL ({REDIS}): {error}")

    yield name
    client.delete(name, f"_kombu.binding.{name}")
    client.close()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the app and the worker of the documentation, and one revision."""
    shop, worker = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "shop.py").write_text(shop)
    (tmp_path / "worker.py").write_text(worker)
    add_revision(tmp_path / "migrations", "a1")
    return tmp_path


@pytest.fixture
def environment(place: Path, queue_name: str) -> dict[str, str]:
    """What the app and its worker are told."""
    return {
        "FLASK_SECRET_KEY": "secret",
        "FLASK_SQLALCHEMY_DATABASE_URI": f"sqlite:///{place / 'shop.sqlite'}",
        "FLASK_CELERY__broker_url": REDIS,
        "FLASK_CELERY__task_default_queue": queue_name,
    }


@pytest.fixture
def app(
    place: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> c.Iterator[Flask]:
    """The app of the documentation, in whose context the test is."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    monkeypatch.syspath_prepend(str(place))
    monkeypatch.chdir(place)
    # Other tests have a module of this name too.
    monkeypatch.delitem(sys.modules, "shop", raising=False)
    shop = importlib.import_module("shop")
    monkeypatch.setitem(sys.modules, "shop", shop)
    app: Flask = shop.create_app()

    with app.app_context():
        yield app
        project = app.extensions["alembic"].project
        project.ledger.engine.dispose()

        for database in project.databases.values():
            database.engine.dispose()
        app.extensions["celery"].close()


@contextlib.contextmanager
def worker(place: Path) -> c.Iterator[subprocess.Popen[bytes]]:
    """A worker as the documentation starts it, until the block ends."""
    command = [sys.executable, "-m", "celery", "-A", "worker", "worker", "--concurrency", "1"]
    output = place / "worker.log"

    with output.open("wb") as file:
        process = subprocess.Popen(
            [*command, "--without-gossip", "--without-mingle"],
            cwd=place,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(place), *filter(None, sys.path)]),
            },
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            print(output.read_text())


def queued(app: Flask, runner: str = "celery") -> str:
    """Queue an upgrade of the default database and return its id."""
    alembic: Alembic = app.extensions["alembic"]
    plan = make_plan(alembic, "upgrade", "heads", "default")
    run_id = alembic.project.ledger.plan(
        database="default",
        action="upgrade",
        target="heads",
        heads_before=plan.heads,
        plan=plan.to_values(),
        plan_hash=plan.digest,
        steps=plan.steps,
    )
    queue = alembic.project.ledger.queue
    assert queue(run_id, actor="ops", address=None, reason=None, runner=runner)
    return run_id


def record_of(app: Flask, run_id: str) -> RunRecord:
    """What the ledger says of a run."""
    record: RunRecord | None = app.extensions["alembic"].project.ledger.run(run_id)
    assert record is not None
    return record


def until(condition: c.Callable[[], object]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + 60

    while not condition():
        assert time.monotonic() < end, "waited for 60 s"
        time.sleep(0.05)


def test_a_run_is_carried_out_beside_a_worker(app: Flask, place: Path) -> None:
    """It waits for one, and is then a process of its own, neither ours nor the worker's."""
    run_id = queued(app)
    start_run(app.extensions["alembic"], run_id)
    assert record_of(app, run_id).status == "queued"

    with worker(place) as process:
        until(lambda: not record_of(app, run_id).active)

        record = record_of(app, run_id)
        assert record.status == "succeeded", record.error
        assert record.pid not in {os.getpid(), process.pid}

    assert app.extensions["alembic"].current_ids("default") == ("a1",)


def test_a_run_outlives_its_worker(app: Flask, place: Path) -> None:
    """One that is killed with its children leaves the run at work, which then gives its verdict."""
    go_on = place / "go_on"
    there = f"__import__('os').path.exists({str(go_on)!r})"
    wait = f"any({there} or __import__('time').sleep(0.02) for _ in range(3000))"
    add_revision(place / "migrations", "a1", up=wait)
    # A plan is made by running the step against nothing, which shall not wait.
    go_on.touch()
    run_id = queued(app)
    go_on.unlink()
    start_run(app.extensions["alembic"], run_id)

    with worker(place) as process:
        until(lambda: record_of(app, run_id).started is not None)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    assert record_of(app, run_id).active
    go_on.touch()
    until(lambda: not record_of(app, run_id).active)
    assert record_of(app, run_id).status == "succeeded"


def test_a_verification_is_carried_out_beside_a_worker(app: Flask, place: Path) -> None:
    """Checks have a task of their own."""
    alembic: Alembic = app.extensions["alembic"]
    check_id = queue_check(alembic.project, "verification", "default", actor="ops")
    assert check_id is not None
    start_check(alembic, check_id)

    def ended() -> bool:
        record = alembic.project.ledger.check(check_id)
        return record is not None and not record.active

    with worker(place):
        until(ended)

    record = alembic.project.ledger.check(check_id)
    assert record is not None
    assert record.status == "succeeded", record.error


def test_a_message_that_comes_twice_does_no_harm(app: Flask) -> None:
    """A run begins once, and keeps its verdict."""
    run_id = queued(app)
    carry_out_run.run(run_id)
    first = record_of(app, run_id)
    assert first.status == "succeeded"
    carry_out_run.run(run_id)
    assert record_of(app, run_id) == first


def test_a_broker_that_does_not_answer_fails_the_run(app: Flask) -> None:
    """It is not queued for ever, and what to do is said."""
    app.extensions["celery"].conf.broker_url = "redis://127.0.0.1:1/0"
    run_id = queued(app)

    with pytest.raises(SetupError, match="broker of "):
        start_run(app.extensions["alembic"], run_id)

    record = record_of(app, run_id)
    assert record.status == "failed"
    assert "broker" in (record.error or "")


def test_an_app_without_celery_fails_the_run(app: Flask) -> None:
    """The message says where the Celery app belongs."""
    held = app.extensions.pop("celery")
    run_id = queued(app)

    with pytest.raises(SetupError, match=r"app\.extensions\['celery'\] is not set"):
        start_run(app.extensions["alembic"], run_id)

    app.extensions["celery"] = held
    assert record_of(app, run_id).status == "failed"


@pytest.mark.parametrize(("runner", "lost"), [("celery", False), ("process", True)])
def test_a_run_may_wait_for_long(app: Flask, runner: str, lost: bool) -> None:
    """Nobody knows when a worker comes to it; a process of its own begins at once."""
    alembic: Alembic = app.extensions["alembic"]
    run_id = queued(app, runner)
    _long_ago(app, "alembic_admin_run", run_id)
    assert is_lost(alembic.project, record_of(app, run_id)) is lost


def test_a_check_may_wait_for_long(app: Flask) -> None:
    """As a run may."""
    alembic: Alembic = app.extensions["alembic"]
    check_id = queue_check(alembic.project, "verification", "default", actor="ops")
    assert check_id is not None
    _long_ago(app, "alembic_admin_check", check_id)
    record = alembic.project.ledger.check(check_id)
    assert record is not None
    assert check_seen_as(record) == "queued"


def _long_ago(app: Flask, table: str, id_: str) -> None:
    """Let something have been asked for an hour ago."""
    then = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) - datetime.timedelta(hours=1)

    with app.extensions["alembic"].project.ledger.engine.begin() as connection:
        changed = connection.execute(
            sa.text(f"UPDATE {table} SET requested = :then WHERE id = :id"),
            {"then": then, "id": id_},
        )
        assert changed.rowcount == 1


def test_a_task_outside_of_an_app_says_so() -> None:
    """A worker whose tasks enter no context is told what its task class has to do."""
    with pytest.raises(SetupError, match="outside of an app context"):
        carry_out_run.run("id")


def test_missing_celery_is_said_when_the_panel_is_registered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And not when somebody wants to upgrade."""
    monkeypatch.setitem(sys.modules, "celery", None)
    monkeypatch.delitem(sys.modules, "flask_alembic_admin.runners.celery", raising=False)
    monkeypatch.delattr(runners, "celery", raising=False)
    app = Flask(__name__)
    app.config["ALEMBIC_ADMIN"] = {"runner": "celery"}

    with pytest.raises(SetupError, match=r"pip install Flask-Alembic-Admin\[celery\]"):
        app.register_blueprint(alembic_admin)
