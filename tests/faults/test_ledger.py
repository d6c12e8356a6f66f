"""A ledger that cannot be written to, before a run and during one."""

from __future__ import annotations

import logging
import typing as t
from pathlib import Path

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.ledger import Ledger
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


def full(folder: Path) -> str:
    return f"sqlite:///file:{folder}/ledger.sqlite?mode=ro&uri=true"


@pytest.mark.parametrize(
    "broken", [dead_port, dead_mariadb, a_file_for_a_folder, a_folder_for_a_file, no_database, full]
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


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> t.Callable[[Place], None]:
    """Lets the ledger's file grow no further."""

    def fill(place: Place) -> None:
        engine = place.ledger.engine

        @sa.event.listens_for(engine, "connect")
        def limit(connection: t.Any, _: object) -> None:
            connection.execute("PRAGMA max_page_count = 1")

        engine.dispose()

    return fill


def test_a_full_disk_under_the_ledger_refuses_a_run(
    make_place: MakePlace, tmp_path: Path, full_disk: t.Callable[[Place], None]
) -> None:
    """A ledger that was there and cannot grow is no record of what comes."""
    place = make_place(ledger=f"sqlite:///{tmp_path}/ledger.sqlite")
    place.add("a1")
    place.upgrade()
    place.add("b2", "text = " + repr("x" * 100))
    full_disk(place)

    with pytest.raises(LedgerUnavailable, match="disk is full"):
        for _ in range(1):
            place.upgrade()

    assert place.heads() == ("a1",)


@pytest.fixture(params=["gone", "full", "locked"])
def broken_ledger(
    request: pytest.FixtureRequest, make_place: MakePlace, tmp_path: Path
) -> t.Iterator[Place]:
    """A place whose migration breaks the ledger, which is a file, while it runs."""
    file = tmp_path / "ledger.sqlite"
    place = make_place(ledger=f"sqlite:///{file}?timeout=0.2")
    place.add("a1")
    place.upgrade()
    how = {
        "gone": f"import os\nos.remove({str(file)!r})\nos.mkdir({str(file)!r})",
        "full": "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))",
        "locked": "import sqlite3\n"
        f"sqlite3.kept = sqlite3.connect({str(file)!r})\nsqlite3.kept.execute('BEGIN EXCLUSIVE')",
    }
    place.add("b2", how[request.param])
    place.add("c3")
    yield place


def test_a_ledger_that_breaks_during_a_run_does_not_hide_its_success(
    broken_ledger: Place,
) -> None:
    """The migration has succeeded, whoever asked is told so, and nothing is run again."""
    place = broken_ledger

    with place.child() as child:
        child.go()
        assert child.answer() == Answer(("b2", "c3"))

    assert place.heads() == ("c3",)
    assert place.witnesses() == ["a1", "b2", "c3"]


def test_a_verdict_that_cannot_be_written_is_logged(
    make_place: MakePlace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With what it was."""
    place = make_place()
    place.add("a1")

    def fail(*_: t.Any, **__: t.Any) -> t.NoReturn:
        raise sa.exc.OperationalError("x", {}, Exception("no space left"))

    monkeypatch.setattr(Ledger, "finish", fail)

    with caplog.at_level(logging.ERROR):
        assert place.upgrade().after == ("a1",)

    assert f"Run {place.record().id} has succeeded, which could not be recorded" in caplog.text

