from __future__ import annotations

import datetime
import os
import signal
import socket
import subprocess
import sys
import typing as t

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.checks import job as check_job
from flask_alembic_admin.core.checks.asking import check_seen_as
from flask_alembic_admin.core.checks.asking import queue_check
from flask_alembic_admin.core.checks.job import run_check
from flask_alembic_admin.core.checks.kinds import carries_out
from flask_alembic_admin.core.checks.kinds import WORK
from flask_alembic_admin.core.ledger.checks import CheckKind
from flask_alembic_admin.core.ledger.checks import CheckRecord
from flask_alembic_admin.core.ledger.ledger import Ledger
from flask_alembic_admin.core.ledger.tables import CHECK
from flask_alembic_admin.core.ledger.tables import RunStatus
from flask_alembic_admin.core.migrator import Migrator
from flask_alembic_admin.core.runs.signals import ended_by_signal
from flask_alembic_admin.errors import TargetError
from flask_alembic_admin.runners import start_check

from ...apps import MakeSite
from ...apps import Site


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    """An app whose runner works in the request, with a check asked for."""
    return make_site(config={"ALEMBIC_ADMIN": {"runner": "inline"}})


def ask(site: Site) -> str:
    """Ask for a check and return its id."""
    check_id = queue_check(site.alembic.project, "verification", "default", actor="ada")
    assert check_id is not None
    return check_id


def record_of(site: Site, check_id: str) -> CheckRecord:
    """Return a check that is in the ledger."""
    record = site.alembic.project.ledger.check(check_id)
    assert record is not None
    return record


def at_work(monkeypatch: pytest.MonkeyPatch, work: t.Callable[[CheckRecord], t.Any]) -> None:
    """Have a function carry out verifications."""
    monkeypatch.setitem(WORK, "verification", lambda _, record: work(record))


def age(ledger: Ledger, **values: t.Any) -> None:
    """Let a minute pass since the last sign of life of all checks."""
    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=60)

    with ledger.engine.begin() as connection:
        times = {"requested": past, "heartbeat": past, "started": past, **values}
        connection.execute(sa.update(CHECK).values(times))


def test_each_kind_of_check_has_something_that_carries_it_out() -> None:
    """Whoever can run one has all of them, whatever else is imported by then."""
    code = "from flask_alembic_admin.core.checks.job import WORK; print(*sorted(WORK))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == sorted(t.get_args(CheckKind))


def test_a_check_is_carried_out_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """By who claims it; what it finds is kept."""
    at_work(monkeypatch, lambda record: {"of": record.database})

    with site.app.app_context():
        check_id = ask(site)
        start_check(site.alembic, check_id)
        record = record_of(site, check_id)
        assert (record.status, record.content) == (RunStatus.SUCCEEDED, {"of": "default"})
        assert (record.host, record.pid) == (socket.gethostname(), os.getpid())
        assert not run_check(site.alembic, check_id)


def test_what_it_raises_is_kept_without_secrets(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the request nobody is shown more than the ledger has."""
    config = {"ALEMBIC_ADMIN": {"runner": "inline"}}
    site = make_site(config=config)

    def fail(_: CheckRecord) -> None:
        raise TargetError("No way to postgresql://app:pw-secret@db/shop.")

    at_work(monkeypatch, fail)

    with site.app.app_context():
        check_id = ask(site)
        start_check(site.alembic, check_id)
        record = record_of(site, check_id)

    assert record.status == RunStatus.FAILED
    assert record.error == "No way to postgresql://app:***@db/shop."


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_a_process_that_is_ended_says_so(
    site: Site, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """Its check has failed, and is not lost."""

    def end(_: CheckRecord) -> None:
        raise error

    at_work(monkeypatch, end)

    with site.app.app_context():
        check_id = ask(site)
        with pytest.raises(type(error)):
            run_check(site.alembic, check_id)
        record = record_of(site, check_id)

    assert (record.status, record.error) == (RunStatus.FAILED, "Its process was told to end.")


def test_a_check_gives_signs_of_life(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a thread, so that one long statement does not look like its end."""
    monkeypatch.setattr(check_job, "HEARTBEAT", 0.01)

    def wait(record: CheckRecord) -> bool:
        ledger = site.alembic.project.ledger
        limit = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=30)

        while datetime.datetime.now(datetime.UTC) < limit:
            found = ledger.check(record.id)
            if found and found.heartbeat != record.heartbeat:
                return True

        return False

    at_work(monkeypatch, wait)

    with site.app.app_context():
        check_id = ask(site)
        assert run_check(site.alembic, check_id)
        assert record_of(site, check_id).content is True


def test_one_whose_process_is_gone_is_lost(site: Site) -> None:
    """Seen so by whoever looks; the next one takes its place and writes that down."""
    with site.app.app_context():
        ledger, check_id = site.alembic.project.ledger, ask(site)
        assert ledger.claim_check(check_id, host=socket.gethostname(), pid=os.getpid())
        assert queue_check(site.alembic.project, "verification", "default", actor=None) is None

        age(ledger, pid=2**22 + 1)
        assert check_seen_as(record_of(site, check_id)) == RunStatus.LOST
        assert record_of(site, check_id).status == RunStatus.RUNNING
        ask(site)
        record = record_of(site, check_id)

    assert record.status == RunStatus.LOST
    assert (record.error or "").startswith("Its process (")


def test_one_whose_process_lives_is_not_lost(site: Site) -> None:
    """However long nothing was heard of it."""
    with site.app.app_context():
        ledger, check_id = site.alembic.project.ledger, ask(site)
        assert ledger.claim_check(check_id, host=socket.gethostname(), pid=os.getpid())
        now = datetime.datetime.now(datetime.UTC)
        age(ledger, started=now)
        assert check_seen_as(record_of(site, check_id)) == RunStatus.RUNNING


@pytest.mark.parametrize(("runner", "seen"), [("process", "lost"), ("manual", "queued")])
def test_one_that_nobody_began_is_lost(make_site: MakeSite, runner: str, seen: str) -> None:
    """Unless it waits for a person to start it."""
    site = make_site(config={"ALEMBIC_ADMIN": {"runner": runner}})

    with site.app.app_context():
        check_id = ask(site)
        age(site.alembic.project.ledger, heartbeat=None, started=None)
        assert check_seen_as(record_of(site, check_id)) == seen


def test_a_kind_has_one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second function for it is a mistake of ours."""
    monkeypatch.setitem(WORK, "verification", lambda *_: None)

    def other(migrator: Migrator, record: CheckRecord) -> None: ...

    with pytest.raises(TypeError, match="Two functions for 'verification'"):
        carries_out("verification")(other)


def test_sigterm_lets_a_check_clean_up() -> None:
    """It raises where the check is at work, and what was set before is set again."""
    before = signal.getsignal(signal.SIGTERM)

    with pytest.raises(SystemExit), ended_by_signal():
        signal.raise_signal(signal.SIGTERM)

    assert signal.getsignal(signal.SIGTERM) == before
