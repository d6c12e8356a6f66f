"""Database sessions that end during a run, as when the server is restarted."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import typing as t
from pathlib import Path

import pytest
import sqlalchemy as sa

from flask_alembic_admin.errors import Interrupted

from .app import wait_for
from .child import Answer
from .place import Place


@pytest.fixture(params=["postgresql", "mariadb"])
def database_url(request: pytest.FixtureRequest) -> t.Any:
    """The URL of an empty database on each server that has sessions."""
    return request.getfixturevalue(f"{request.param}_url")


def in_statement(place: Place) -> str:
    """Be in a statement."""
    return place.sleep


def between_statements(place: Place) -> str:
    """Be in a transaction, and in no statement."""
    return place.stop("inside")


@pytest.mark.parametrize("where", [in_statement, between_statements])
def test_a_run_whose_session_is_ended_fails(place: Place, where: t.Callable[[Place], str]) -> None:
    """All sessions are ended at once, the ledger's too; that is what a restart does to a run.

    It says so, the lock is free, and nothing is applied twice.
    """
    place.add("a1")
    place.add("b2", where(place))

    with place.child() as child:
        child.go()
        wait_for(place.is_asleep if where is in_statement else reached(place))
        assert place.end_sessions()
        place.go_on("inside")
        answer = child.answer()

    assert answer.error == "RunFailed"
    record = place.record()
    assert record.status == "failed"
    assert record.heads_after == place.heads() == ("a1",)
    assert place.steps(record.id) == {"a1": "done", "b2": "failed"}

    if place.dialect == "mysql":
        with pytest.raises(Interrupted):
            place.upgrade()
        place.ledger.examine(record.id, actor="ann", reason="dropped what was there")
        place.execute("DROP TABLE t_b2", "DELETE FROM witness WHERE revision = 'b2'")

    (place.folder / "migrations" / "b2.py").unlink()
    place.rewind("a1")
    place.add("b2")
    assert [step.revision for step in place.upgrade().steps] == ["b2"]
    assert place.witnesses() == ["a1", "b2"]


def test_a_session_that_ends_after_the_last_step_hides_nothing(place: Place) -> None:
    """All is applied; that the lock was lost is said all the same, with where the database is."""
    place.add("a1")

    with place.child(stop_when_done=True) as child:
        child.go()
        place.reached("done")
        place.end_sessions()
        place.go_on("done")
        assert child.answer().error == "LockLost"

    record = place.record()
    assert (record.status, record.heads_after) == ("failed", ("a1",))
    assert place.steps(record.id) == {"a1": "done"}
    assert place.upgrade().steps == ()
    assert place.witnesses() == ["a1"]


def test_a_ledger_whose_sessions_end_is_told_later(place: Place) -> None:
    """Only the run's own session is needed; what the ledger missed it is told with the rest."""
    place.add("a1", place.stop("inside"))

    with place.child() as child:
        child.go()
        place.reached("inside")
        session = (place.running().session or "").partition("@")[0]
        place.end_sessions(besides=session)
        place.go_on("inside")
        assert child.answer() == Answer(("a1",))

    assert place.record().status == "succeeded"


def reached(place: Place) -> t.Callable[[], bool]:
    return (place.folder / "inside.reached").exists


class OwnServer:
    """A PostgreSQL server of a test's own, which it may restart.

    :param folder: Where its files go.
    :param programs: Where its programs are.
    """

    def __init__(self, folder: Path, programs: Path) -> None:
        self._data = folder / "data"
        self._programs = programs
        # It refuses to run as root.
        self._user = "postgres" if os.getuid() == 0 else None

        if self._user:
            shutil.chown(folder, self._user)

        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]

        self._options = f"-p {self.port} -k {folder} -c fsync=off -c listen_addresses=127.0.0.1"
        self._run("initdb", "-A", "trust", "-U", "postgres", "--no-sync")
        self.start()

    @property
    def url(self) -> sa.URL:
        """The URL of its database."""
        text = f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"
        return sa.make_url(text)

    def start(self) -> None:
        """Start it and wait until it answers."""
        log = str(self._data / "log")
        self._run("pg_ctl", "-w", "-l", log, "-o", self._options, "start")

    def stop(self) -> None:
        """Stop it at once, as a crash does."""
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._programs / program, "-D", self._data, *arguments],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=self._user,
            # It asks for its own folder.
            cwd="/",
        )


@pytest.fixture
def own_server() -> t.Iterator[OwnServer]:
    """A server of the test's own."""
    found = shutil.which("initdb")
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    program = Path(found) if found else versions[-1] if versions else None

    if program is None:
        pytest.skip("no initdb, so no server of the test's own")

    # Not the folder of pytest, into which only its own user can look.
    with tempfile.TemporaryDirectory() as folder:
        server = OwnServer(Path(folder), program.parent)
        yield server
        server.stop()


class TestRestart:
    """A server that is restarted during a run."""

    @pytest.fixture
    def database_url(self, own_server: OwnServer) -> sa.URL:
        """The URL of the database of the test's own server."""
        return own_server.url

    def test_a_run_whose_server_is_restarted_fails(
        self, place: Place, own_server: OwnServer
    ) -> None:
        """What it had committed stays, the lock is free, and the next run goes on from there."""
        place.add("a1")
        place.add("b2", between_statements(place))

        with place.child() as child:
            child.go()
            place.reached("inside")
            wait_for(lambda: place.steps(place.record().id)["a1"] == "done")
            own_server.stop()
            own_server.start()
            place.go_on("inside")
            assert child.answer().error == "RunFailed"

        record = place.record()
        assert (record.status, record.heads_after) == ("failed", ("a1",))
        assert place.steps(record.id) == {"a1": "done", "b2": "failed"}
        assert [step.revision for step in place.upgrade().steps] == ["b2"]
        assert place.witnesses() == ["a1", "b2"]

    def test_a_run_whose_server_stays_away_is_lost_and_found(
        self, place: Place, own_server: OwnServer
    ) -> None:
        """Nobody can write its verdict; once the server is back the next run sees what it was."""
        place.add("a1")
        place.add("b2", between_statements(place))

        with place.child() as child:
            child.go()
            place.reached("inside")
            wait_for(lambda: place.steps(place.record().id)["a1"] == "done")
            own_server.stop()
            place.go_on("inside")
            answer = child.answer()

        assert answer.error == "RunFailed"
        assert "it could not be read where the database is" in answer.text
        own_server.start()
        record = place.record()
        assert record.status == "running"
        assert [step.revision for step in place.upgrade().steps] == ["b2"]
        assert place.record(record.id).status == "lost"
        assert place.witnesses() == ["a1", "b2"]
