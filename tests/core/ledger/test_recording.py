"""What is told of a run while it goes on."""

from __future__ import annotations

import collections.abc as c
import contextlib
import logging
import threading
import time
import typing as t

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.ledger import recording
from flask_alembic_admin.core.ledger.ledger import Ledger
from flask_alembic_admin.core.ledger.recording import Recording
from flask_alembic_admin.core.ledger.report import Answer
from flask_alembic_admin.core.ledger.tables import RunRecord
from flask_alembic_admin.core.ledger.tables import StepRecord
from flask_alembic_admin.core.results import Watcher
from flask_alembic_admin.core.runs.onlooker import Sight
from flask_alembic_admin.core.runs.watchers import Watchers

from ...apps import add_line
from ...apps import add_revision
from ...apps import MakeSite
from ...apps import Site
from ...faults.app import wait_for

if t.TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep

STEP = t.cast("RevisionStep", None)
LONG = "SELECT meet() AS long_enough_to_be_cut_off"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that is told in time is told soon."""
    monkeypatch.setattr(recording, "SLOW", 0.1)
    monkeypatch.setattr(recording, "TICK", 0.02)


# On servers, where a step waits for a table.


@pytest.fixture(params=["postgresql", "mariadb"])
def waiting(request: pytest.FixtureRequest, make_site: MakeSite) -> Site:
    """A site on each server that has locks on tables, with one revision applied."""
    site = make_site(request.getfixturevalue(f"{request.param}_url"))
    add_line(site.folder, "a1")
    site.upgrade()
    return site


@contextlib.contextmanager
def upgrading(site: Site) -> c.Iterator[None]:
    """Upgrade in another thread, which waits for the table of ``a1`` inside the block."""
    with site.engine.connect() as connection:
        connection.exec_driver_sql("SELECT * FROM t_a1").all()
        thread = threading.Thread(target=site.upgrade)
        thread.start()

        try:
            yield
        finally:
            connection.rollback()
            thread.join()


def ledger_of(site: Site) -> Ledger:
    """Return where the runs of a site are recorded."""
    with site.app.app_context():
        return site.alembic.project.ledger


def run_now(site: Site) -> RunRecord | None:
    """Return the run that is under way, once it is recorded."""
    return ledger_of(site).active("default")


def step_now(site: Site) -> StepRecord | None:
    """Return how the first step of the run stands, once that is recorded."""
    record = run_now(site)
    return next(iter(ledger_of(site).steps(record.id)), None) if record else None


def step_with_rows(site: Site) -> StepRecord | None:
    """Return how the first step of the run stands, once it is recorded that it touched rows."""
    step = step_now(site)
    return step if step and step.rows else None


def statement_now(site: Site) -> str:
    """Return what the run says it runs."""
    record = run_now(site)
    return (record and record.statement) or ""


ADD = "ALTER TABLE t_a1 ADD COLUMN more INT"


def test_what_a_step_has_sent_is_told_while_it_goes_on(waiting: Site) -> None:
    """Statements and rows so far, not only when it has ended."""
    up = [
        "op.execute('CREATE TABLE things (id INT)')",
        "op.execute('INSERT INTO things VALUES (1), (2), (3)')",
        f"op.execute({ADD!r})",
    ]
    add_revision(waiting.folder, "b2", "a1", up="\n".join(up))

    with upgrading(waiting):
        step = wait_for(lambda: step_with_rows(waiting))

    assert (step.status, step.statements, step.rows) == ("running", 2, 3)
    (ended,) = ledger_of(waiting).steps(ledger_of(waiting).runs()[0].id)
    # The last one is Alembic's own, for the version.
    assert (ended.status, ended.statements, ended.rows) == ("done", 4, 4)


def test_what_is_sent_behind_our_back_is_told(waiting: Site) -> None:
    """A step may use the driver itself; the server knows what it runs."""
    up = f"op.get_bind().connection.cursor().execute({ADD!r})"
    add_revision(waiting.folder, "b2", "a1", up=up)

    with upgrading(waiting):
        assert wait_for(lambda: statement_now(waiting)) == ADD

    assert "more" in {column["name"] for column in sa.inspect(waiting.engine).get_columns("t_a1")}


def test_what_runs_inside_a_procedure_is_told(make_site: MakeSite, mariadb_url: sa.URL) -> None:
    """The statement of the moment, where the server looks that deep."""
    site = make_site(mariadb_url)
    add_line(site.folder, "a1")
    site.upgrade()
    up = f"op.execute('CREATE PROCEDURE inside() {ADD}')\nop.execute('CALL inside()')"
    add_revision(site.folder, "b2", "a1", up=up)

    with upgrading(site):
        wait_for(lambda: statement_now(site) == ADD)


# With what stands in for a ledger and a server.


class _Ledger:
    """Takes every report, and says what it is told to."""

    def __init__(self) -> None:
        self.statements: list[str | None] = []
        self.cancel_requested = False

    def report(self, run_id: str, *, statement: str | None, **_: object) -> Answer:
        self.statements.append(statement)
        return Answer(running=True, cancel_requested=self.cancel_requested)


@pytest.fixture
def ledger() -> _Ledger:
    """What is told."""
    return _Ledger()


@pytest.fixture
def noticed() -> list[str]:
    """What a person is told."""
    return []


@pytest.fixture
def told(ledger: _Ledger, noticed: list[str]) -> Recording:
    """A recording that has not begun."""
    return Recording(t.cast("Ledger", ledger), "run", str, noticed.append)


def execute(told: Recording, meet: c.Callable[[], object]) -> None:
    """Carry out a step whose only statement calls a function."""
    engine = sa.create_engine("sqlite://")

    with engine.connect() as connection, told, told.listening(connection):
        connection.connection.driver_connection.create_function(  # type: ignore[union-attr]
            "meet", 0, lambda: bool(meet())
        )
        told.step_started("default", 1, STEP)
        connection.exec_driver_sql(LONG)
        told.step_done("default", 1, STEP)

    engine.dispose()


@pytest.mark.parametrize(
    ("seen", "shown"),
    [(None, LONG), (LONG[:20], LONG), ("INSERT INTO inside", "INSERT INTO inside")],
)
def test_the_server_knows_best_what_runs(
    told: Recording, ledger: _Ledger, seen: str | None, shown: str
) -> None:
    """Unless it tells nothing, or only the beginning of what was sent."""
    looks: list[None] = []
    told.look = lambda: looks.append(None) or Sight(seen)  # type: ignore[func-returns-value]
    execute(told, lambda: wait_for(lambda: looks and shown in ledger.statements))
    # It is over, and so is what was seen of it.
    assert ledger.statements[-1] is None


def test_who_is_in_the_way_is_noticed_once(told: Recording, noticed: list[str]) -> None:
    """However often somebody looks; again when somebody else is."""
    looks: list[None] = []

    def look() -> Sight:
        looks.append(None)
        return Sight(None, ("waits for ada",) if len(looks) < 3 else ("waits for bob",))

    told.look = look
    execute(told, lambda: wait_for(lambda: len(looks) > 4))
    assert noticed == ["waits for ada", "waits for bob"]


def test_nobody_looks_at_what_is_quick(told: Recording) -> None:
    """A statement that takes no time costs no connection."""
    looks: list[None] = []
    told.look = lambda: looks.append(None) or Sight()  # type: ignore[func-returns-value]
    execute(told, lambda: True)
    assert not looks


def test_a_wish_to_cancel_is_seen_before_a_step(
    told: Recording, ledger: _Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is older than what was heard last may be; what was just heard is not asked again."""
    monkeypatch.setattr(recording, "TICK", 60.0)

    with told:
        assert not told.should_stop()
        ledger.cancel_requested = True
        assert not told.should_stop()
        assert len(ledger.statements) == 1
        monkeypatch.setattr(recording, "STALE", 0.0)
        time.sleep(0.001)
        assert told.should_stop()


@pytest.fixture
def slow(
    told: Recording, ledger: _Ledger, monkeypatch: pytest.MonkeyPatch
) -> c.Iterator[threading.Event]:
    """Until this is set a report goes on that began before somebody wished to cancel."""
    monkeypatch.setattr(recording, "STALE", 0.0)
    began, goes_on = threading.Event(), threading.Event()
    report = ledger.report

    def first(run_id: str, **facts: t.Any) -> Answer:
        ledger.report = report  # type: ignore[method-assign]
        answer = report(run_id, **facts)
        began.set()
        goes_on.wait(60)
        return answer

    ledger.report = first  # type: ignore[method-assign]
    teller = threading.Thread(target=told.tell)
    teller.start()
    began.wait(60)
    ledger.cancel_requested = True
    yield goes_on
    goes_on.set()
    teller.join()


def test_a_wish_that_came_while_the_ledger_was_told_is_seen(
    told: Recording, slow: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was asked before it is waited for, and the ledger is asked again."""
    monkeypatch.setattr(recording, "PATIENCE", 60.0)
    later = threading.Timer(0.1, slow.set)
    later.start()
    assert told.should_stop()
    later.join()


@pytest.mark.usefixtures("slow")
def test_a_ledger_that_does_not_answer_holds_up_one_step(
    told: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no further one, before it has answered."""
    monkeypatch.setattr(recording, "PATIENCE", 0.5)
    before = time.monotonic()
    assert not any(told.should_stop() for _ in range(100))
    assert 0.5 <= time.monotonic() - before < 25


def test_a_ledger_that_answers_again_is_waited_for_again(
    told: Recording, slow: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That it did not answer once is forgotten."""
    monkeypatch.setattr(recording, "PATIENCE", 0.01)
    assert not told.should_stop()
    slow.set()
    wait_for(told.should_stop)


def test_a_report_that_goes_wrong_is_not_the_last(
    told: Recording, ledger: _Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the ledger raises, the next sign of life is tried, and the run goes on."""
    monkeypatch.setattr(recording, "HEARTBEAT", 0.0)
    report, failures = ledger.report, [ValueError("no token"), OSError("gone")]

    def fail_first(run_id: str, **facts: t.Any) -> Answer:
        if failures:
            raise failures.pop()
        return report(run_id, **facts)

    ledger.report = fail_first  # type: ignore[method-assign]

    with told:
        wait_for(lambda: ledger.statements)
        failures.append(ValueError("no token"))
        told.tell()


def test_a_line_whose_arguments_do_not_fit_fails_nobody(
    told: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As everywhere else in logging."""
    monkeypatch.setattr(logging, "raiseExceptions", False)
    engine = sa.create_engine("sqlite://")

    with engine.connect() as connection, told.listening(connection):
        logging.getLogger("shop").error("%d rows", "many")

    engine.dispose()


def test_a_tick_is_shorter_than_what_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a run of small steps leaves all telling to the thread."""
    monkeypatch.undo()
    assert recording.TICK < recording.STALE < recording.SLOW


def test_a_watcher_that_fails_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """What is noticed goes to all others, and the failure to the log of the app."""
    heard: list[str] = []

    class Failing:
        def noticed(self, message: str) -> t.NoReturn:
            raise OSError("no terminal")

    class Hearing:
        def noticed(self, message: str) -> None:
            heard.append(message)

    watchers = t.cast("list[Watcher]", [Failing(), Hearing()])
    Watchers(*watchers, None).noticed("waits")
    assert heard == ["waits"]
    assert "A watcher of a run failed at: waits" in caplog.text
