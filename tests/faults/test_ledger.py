"""A ledger that cannot be written to, before a run and during one."""

from __future__ import annotations

import logging
import typing as t
from pathlib import Path

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.ledger import patience
from flask_alembic_admin.core.ledger.ledger import Ledger
from flask_alembic_admin.core.ledger.tables import RUN
from flask_alembic_admin.core.ledger.tables import RunStatus
from flask_alembic_admin.core.runs.job import run_job
from flask_alembic_admin.errors import Interrupted
from flask_alembic_admin.errors import LedgerUnavailable

from .child import Answer
from .conftest import MakePlace
from .place import Place


def dead_port(folder: Path) -> str:
    return "postgresql+psycopg://me:s3cret@127.0.0.1:1/ledger"


def dead_mariadb(folder: Path) -> str:
    return "mysql+pymysql://me:s3cret@127.0.0.1:1/ledger"


def a_file_for_a_folder(folder: Path) -> str:
    (folder / "file").touch()
    return f"sqlite:///{folder}/file/ledger.sqlite"


def a_folder_for_a_file(folder: Path) -> str:
    (folder / "ledger.sqlite").mkdir()
    return f"sqlite:///{folder}/ledger.sqlite"


def no_database(folder: Path) -> str:
    (folder / "ledger.sqlite").write_text("no database at all, and long enough to be none" * 9)
    return f"sqlite:///{folder}/ledger.sqlite"


def read_only(folder: Path) -> str:
    return f"sqlite:///file:{folder}/ledger.sqlite?mode=ro&uri=true"


@pytest.mark.parametrize(
    "broken",
    [dead_port, dead_mariadb, a_file_for_a_folder, a_folder_for_a_file, no_database, read_only],
)
def test_a_run_that_cannot_be_recorded_does_not_begin(
    make_place: MakePlace, tmp_path: Path, broken: t.Callable[[Path], str]
) -> None:
    """It says so without a secret, nothing is run, and the lock is free afterwards."""
    place = make_place(ledger=broken(tmp_path))
    place.add("a1")

    with pytest.raises(LedgerUnavailable, match="nothing was run") as caught:
        place.upgrade()

    assert "s3cret" not in str(caught.value)
    assert "ALEMBIC_ADMIN['ledger']" in caught.value.cure
    assert place.tables() == set()

    with place.moved_to(place.url, ledger="") as (app, alembic), app.app_context():
        assert alembic.upgrade()[0].after == ("a1",)


def fill_up(engine: sa.Engine) -> None:
    """Let the file of a ledger grow no further."""

    @sa.event.listens_for(engine, "connect")
    def limit(connection: t.Any, _: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")

    engine.dispose()


def test_a_full_disk_under_a_new_ledger_refuses_a_run(
    make_place: MakePlace, tmp_path: Path
) -> None:
    """Its tables cannot be made, so nothing is run."""
    place = make_place(ledger=f"sqlite:///{tmp_path}/ledger.sqlite")
    place.add("a1")
    fill_up(place.ledger.engine)

    with pytest.raises(LedgerUnavailable, match="nothing was run"):
        place.upgrade()

    assert place.tables() == set()


def test_a_full_disk_under_the_ledger_refuses_a_run(make_place: MakePlace, tmp_path: Path) -> None:
    """A ledger that cannot grow any more is no record of what comes."""
    place = make_place(ledger=f"sqlite:///{tmp_path}/ledger.sqlite")
    place.add("a1")
    place.upgrade()

    for number in range(40):
        place.add(f"b{number}")

    fill_up(place.ledger.engine)

    with pytest.raises(LedgerUnavailable, match="disk is full"):
        place.upgrade()

    assert place.heads() == ("a1",)
    assert place.statuses() == ["succeeded"]


#: What happens to the file of the ledger.
BREAKS = {
    "is gone": "import os\nos.remove({file!r})\nos.mkdir({file!r})",
    "is locked": "import sqlite3\n"
    "sqlite3.kept = sqlite3.connect({file!r})\nsqlite3.kept.execute('BEGIN EXCLUSIVE')",
}


def break_during_run(place: Place, file: Path, how: str) -> None:
    """Break the ledger, which is a file, by the second of three revisions."""
    place.add("a1")
    place.upgrade()
    place.add("b2", how.format(file=str(file)))
    place.add("c3")

    with place.child(busy_timeout=0.1) as child:
        child.go()
        assert child.answer() == Answer(("b2", "c3"))

    assert place.heads() == ("c3",)
    assert place.witnesses() == ["a1", "b2", "c3"]


@pytest.mark.parametrize("how", BREAKS.values(), ids=BREAKS)
def test_a_ledger_that_breaks_during_a_run_does_not_hide_its_success(
    make_place: MakePlace, tmp_path: Path, how: str
) -> None:
    """The migration has succeeded, whoever asked is told so, and nothing is run again."""
    file = tmp_path / "ledger.sqlite"
    break_during_run(make_place(ledger=f"sqlite:///{file}"), file, how)


#: After this the process can write to no file any more.
FULL_DISK = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))"


class TestFullDisk:
    """Servers whose files are not those of the process, which the limit holds for."""

    @pytest.fixture(params=["postgresql", "mariadb"])
    def database_url(self, request: pytest.FixtureRequest) -> t.Any:
        """The URL of an empty database."""
        return request.getfixturevalue(f"{request.param}_url")

    def test_a_disk_that_is_full_during_a_run_does_not_hide_its_success(
        self, make_place: MakePlace, tmp_path: Path
    ) -> None:
        """Only the ledger is on it."""
        file = tmp_path / "ledger.sqlite"
        break_during_run(make_place(ledger=f"sqlite:///{file}"), file, FULL_DISK)


class TestFullDiskUnderBoth:
    """SQLite, whose file is on the same disk as the ledger."""

    @pytest.fixture
    def database_url(self, sqlite_url: sa.URL) -> sa.URL:
        """The URL of an empty database."""
        return sqlite_url

    def test_a_disk_that_is_full_during_a_run_fails_it(self, place: Place) -> None:
        """Nobody can write that down, and yet the next run knows that the step is in doubt."""
        place.add("a1")
        place.add("b2", FULL_DISK)

        with place.child(busy_timeout=0.1) as child:
            child.go()
            assert child.answer().error == "RunFailed"

        assert place.heads() == ("a1",)

        with pytest.raises(Interrupted, match="ended in b2"):
            place.upgrade()

        assert place.statuses() == ["lost", "refused"]


def test_a_ledger_that_breaks_does_no_harm_to_who_started_the_run(
    make_place: MakePlace, tmp_path: Path
) -> None:
    """It sees to the end of the process, and cannot write a verdict either."""
    file = tmp_path / "ledger.sqlite"
    place = make_place(ledger=f"sqlite:///{file}")
    place.add("a1", BREAKS["is gone"].format(file=str(file)))
    # An error in its thread fails the test.
    place.reaped(place.start())
    file.rmdir()
    assert place.heads() == ("a1",)


def test_a_verdict_that_cannot_be_written_is_logged(
    make_place: MakePlace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With what it was."""
    place = make_place()
    place.add("a1")

    def fail(*_: t.Any, **__: t.Any) -> t.NoReturn:
        raise sa.exc.OperationalError("x", {}, Exception("no space left"))

    monkeypatch.setattr(Ledger, "finish", fail)
    monkeypatch.setattr(patience, "PATIENCE", 0.0)

    with caplog.at_level(logging.ERROR):
        assert place.upgrade().after == ("a1",)

    assert f"Run {place.record().id} has succeeded, which could not be recorded" in caplog.text


def test_a_run_that_cannot_know_of_a_doubt_does_not_begin(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ledger that is back a moment later has not told what the run before left behind."""
    place.add("a1")
    read = Ledger.runs
    failures = [sa.exc.OperationalError("x", {}, Exception("restarted"))]

    def fail_first(*given: t.Any, **options: t.Any) -> t.Any:
        if failures:
            raise failures.pop()
        return read(*given, **options)

    monkeypatch.setattr(Ledger, "runs", fail_first)

    with pytest.raises(LedgerUnavailable, match="nothing was run"):
        place.upgrade()

    assert place.tables() == set()


def test_a_run_that_was_given_up_does_not_begin(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is called lost while waiting for the lock applies nothing once it gets it."""
    place.add("a1")
    run_id = place.queue()
    claim = Ledger.claim

    def claim_and_lose(ledger: Ledger, run_id: str, **facts: t.Any) -> bool:
        claimed = claim(ledger, run_id, **facts)
        ledger.finish(run_id, RunStatus.LOST, heads_after=None)
        return claimed

    monkeypatch.setattr(Ledger, "claim", claim_and_lose)

    with place.app.app_context(), pytest.raises(LedgerUnavailable, match="given it up"):
        run_job(place.alembic, run_id)

    assert place.record(run_id).status == "lost"
    assert place.tables() == set()


def test_a_run_that_cannot_be_read_fails(place: Place) -> None:
    """One that another version of this project has planned does not stay running."""
    place.add("a1")
    run_id = place.queue()

    with place.ledger.engine.begin() as connection:
        connection.execute(sa.update(RUN).values(plan={"heads": [], "steps": [], "odd": 1}))

    with place.app.app_context(), pytest.raises(TypeError):
        run_job(place.alembic, run_id)

    record = place.record(run_id)
    assert (record.status, record.error_class) == ("failed", "TypeError")
