from __future__ import annotations

import collections.abc as c
import os
import re
import sys
import threading
import time
from pathlib import Path

import click
import pytest
from flask import Flask
from flask.cli import ScriptInfo

from example_app.first_start import prepare
from flask_alembic_admin.core.ledger.tables import RunRecord
from flask_alembic_admin.core.plans.plan import make_plan
from flask_alembic_admin.errors import SetupError
from flask_alembic_admin.runners import start_check
from flask_alembic_admin.runners import start_run
from flask_alembic_admin.runners.app_target import app_arguments
from flask_alembic_admin.runners.app_target import interpreter


def queue(app: Flask) -> str:
    """Queue an upgrade of the default database and return its id."""
    alembic = app.extensions["alembic"]
    plan = make_plan(alembic, "upgrade", "heads", "default")
    ledger = alembic.project.ledger
    run_id: str = ledger.plan(
        database="default",
        action="upgrade",
        target="heads",
        heads_before=plan.heads,
        plan=plan.to_values(),
        plan_hash=plan.digest,
        steps=plan.steps,
    )
    assert ledger.queue(run_id, actor="ops", address=None, reason=None, runner="process")
    return run_id


def ended(app: Flask, run_id: str) -> RunRecord:
    """Wait until a run has its verdict, and return it."""
    end = time.monotonic() + 60

    while time.monotonic() < end:
        record: RunRecord = app.extensions["alembic"].project.ledger.run(run_id)

        if not record.active:
            return record

        time.sleep(0.05)

    raise AssertionError(f"run {run_id} has no verdict: {record}")


@pytest.fixture
def prepared(server_shop: Flask, monkeypatch: pytest.MonkeyPatch) -> c.Iterator[Flask]:
    """A shop after its first start, in whose context the test is."""
    url = server_shop.config["SQLALCHEMY_DATABASE_URI"]
    monkeypatch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))
    prepare(server_shop)

    with server_shop.app_context():
        yield server_shop
        server_shop.extensions["alembic"].project.ledger.engine.dispose()


def wait_for_threads(run_id: str, kind: str = "run") -> None:
    for thread in threading.enumerate():
        if thread.name == f"{kind} {run_id}":
            thread.join(30)


def test_a_run_is_carried_out_in_a_process_of_its_own(prepared: Flask) -> None:
    """The verdict comes from another process, and the database is where it says."""
    run_id = queue(prepared)
    start_run(prepared.extensions["alembic"], run_id)
    record = ended(prepared, run_id)
    wait_for_threads(run_id)
    assert record.status == "succeeded", record.error
    assert record.pid != os.getpid()
    assert record.heads_after == prepared.extensions["alembic"].current_ids("default")
    assert not prepared.extensions["alembic"].needs_upgrade("default")


def test_a_process_that_cannot_load_the_app_fails_the_run(
    prepared: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the process said before it ended is the run's error; it is not queued for ever."""
    alembic = prepared.extensions["alembic"]
    monkeypatch.setitem(alembic.project.settings.__dict__, "app", "no_such_module")
    run_id = queue(prepared)
    start_run(alembic, run_id)
    record = ended(prepared, run_id)
    wait_for_threads(run_id)
    assert record.status == "failed"
    assert "no_such_module" in (record.error or "")


def test_a_process_that_cannot_be_started_fails_the_run(
    prepared: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for it."""
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    run_id = queue(prepared)

    with pytest.raises(SetupError, match="could not be started: FileNotFoundError"):
        start_run(prepared.extensions["alembic"], run_id)

    assert ended(prepared, run_id).status == "failed"


def test_a_run_that_goes_on_is_not_failed_by_a_second_start(
    prepared: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a message that comes twice, to a worker that cannot start a process."""
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    run_id = queue(prepared)
    ledger = prepared.extensions["alembic"].project.ledger
    assert ledger.claim(run_id, host="elsewhere", pid=1, versions={})

    with pytest.raises(SetupError):
        start_run(prepared.extensions["alembic"], run_id)

    assert ledger.run(run_id).status == "running"


def test_the_configured_app_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """ALEMBIC_ADMIN['app'] is what the process loads."""
    monkeypatch.setenv("FLASK_APP", "other")
    assert app_arguments("shop:create_app") == ["--app", "shop:create_app"]


def test_flask_app_comes_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the setting it is FLASK_APP."""
    monkeypatch.setenv("FLASK_APP", "other")
    assert app_arguments(None) == ["--app", "other"]


def test_a_server_with_python_built_in_starts_the_python_beside_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """``sys.executable`` is the server's own program there, which would start another server."""
    usual = interpreter()
    assert usual == sys.executable
    monkeypatch.setattr(sys, "executable", "/usr/bin/uwsgi")
    assert Path(interpreter()).resolve() == Path(usual).resolve()


def test_a_server_without_python_beside_it_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The message says where it was looked for."""
    monkeypatch.setattr(sys, "executable", "")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))

    with pytest.raises(SetupError, match=re.escape(str(tmp_path))):
        interpreter()


@pytest.fixture
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that says nothing about the app."""
    monkeypatch.delenv("FLASK_APP", raising=False)
    monkeypatch.delenv("FLASK_RUN_FROM_CLI", raising=False)


@pytest.mark.usefixtures("nothing_said")
def test_the_command_that_loaded_the_app_is_asked() -> None:
    """`flask --app shop run` says it by the context of its command."""
    with click.Context(click.Command("run"), obj=ScriptInfo("shop")).scope():
        assert app_arguments(None) == ["--app", "shop"]


@pytest.mark.usefixtures("nothing_said")
@pytest.mark.parametrize(
    "command",
    [
        ["/usr/bin/gunicorn", "--workers", "2", "--bind", "127.0.0.1:8000", "shop:app"],
        ["flask", "--app", "shop:app", "run"],
        ["flask", "--app=shop:app", "run"],
        ["/site-packages/flask/__main__.py", "-A", "shop:app", "run"],
    ],
    ids=lambda command: Path(command[0]).name,
)
def test_the_servers_command_line_is_read(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that was told the app on its command line has said it."""
    monkeypatch.setattr(sys, "argv", command)
    assert app_arguments(None) == ["--app", "shop:app"]


@pytest.mark.usefixtures("nothing_said")
def test_an_app_that_nobody_named_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says which setting to write."""
    monkeypatch.setattr(sys, "argv", ["serve.py"])

    with pytest.raises(SetupError, match=r"Set ALEMBIC_ADMIN\['app'\]"):
        app_arguments(None)


@pytest.mark.usefixtures("nothing_said")
def test_flask_run_finds_the_app_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `flask run` found by itself the process finds too."""
    monkeypatch.setattr(sys, "argv", ["flask", "run"])
    monkeypatch.setenv("FLASK_RUN_FROM_CLI", "true")
    assert app_arguments(None) == []


def test_a_check_is_carried_out_in_a_process_of_its_own(
    prepared: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that its process cannot carry out says so, and is not queued for ever."""
    alembic = prepared.extensions["alembic"]
    monkeypatch.setitem(alembic.project.settings.__dict__, "app", "no_such_module")
    ledger = alembic.project.ledger
    check_id = ledger.queue_check(kind="verification", database="default", runner="process")
    start_check(alembic, check_id)
    wait_for_threads(check_id, "check")
    record = ledger.check(check_id)
    assert record.status == "failed"
    assert "no_such_module" in record.error
