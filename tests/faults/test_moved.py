"""What has moved between a plan and its run: then nothing is run."""

from __future__ import annotations

import contextlib
import os
import typing as t
from pathlib import Path

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.plans.plan import Plan
from flask_alembic_admin.core.runs.job import run_job
from flask_alembic_admin.errors import MigrationError
from flask_alembic_admin.errors import PlanMoved

from ..servers import own_database
from .conftest import MakePlace
from .place import Place


@pytest.fixture
def place(make_place: MakePlace) -> Place:
    """A place with two revisions."""
    place = make_place()
    place.add("a1")
    place.add("b2")
    return place


def file_of(place: Place, revision: str) -> Path:
    """Return the file of a revision."""
    return place.folder / "migrations" / f"{revision}.py"


def delete(place: Place) -> None:
    file_of(place, "b2").unlink()


def change(place: Place) -> None:
    path = file_of(place, "a1")
    path.write_text(path.read_text().replace("t_a1", "another"))


def change_unseen(place: Place) -> None:
    """Keep the size and the time as they were."""
    path = file_of(place, "a1")
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    path.write_text(path.read_text().replace("t_a1", "t_x9"))
    os.utime(path, ns=times)


def add(place: Place) -> None:
    place.add("c3")


MOVES = {
    delete: "Revision b2 is gone.",
    change: "The file of revision a1 was changed.",
    change_unseen: "The file of revision a1 was changed.",
    add: "Revision c3 was added.",
}
moves = pytest.mark.parametrize(
    ("move", "words"), MOVES.items(), ids=[move.__name__ for move in MOVES]
)


def refused(place: Place, plan: Plan) -> str:
    """Run a plan that must not be run, and return why it was not."""
    with place.app.app_context(), pytest.raises(PlanMoved) as caught:
        place.alembic.run(plan)

    return str(caught.value)


@moves
def test_a_plan_in_code_is_not_run_when_its_files_moved(
    place: Place, move: t.Callable[[Place], None], words: str
) -> None:
    """It says what moved, and not even the version table is made."""
    plan = place.plan()
    move(place)
    assert words in refused(place, plan)
    assert place.tables() == set()
    assert place.statuses() == ["refused"]


@moves
def test_a_queued_run_is_not_begun_when_its_files_moved(
    place: Place, move: t.Callable[[Place], None], words: str
) -> None:
    """Who carries it out looks again under the lock, and the record says what moved."""
    run_id = place.queue()
    move(place)

    with place.app.app_context(), pytest.raises(PlanMoved):
        run_job(place.alembic, run_id)

    record = place.record(run_id)
    assert (record.status, record.error_class) == ("failed", "PlanMoved")
    assert words in (record.error or "")
    assert set(place.steps(run_id).values()) == {"waiting"}
    assert place.tables() == set()


def test_a_history_that_broke_is_not_run(place: Place) -> None:
    """Without the parent of a revision there is no way to it, nor a reason to run a part."""
    plan = place.plan()
    file_of(place, "a1").unlink()

    with place.app.app_context(), pytest.raises(MigrationError, match="a1"):
        place.alembic.run(plan)

    assert place.tables() == set()


def test_a_plan_is_not_run_from_other_heads(place: Place) -> None:
    """Somebody has gone a part of the way already."""
    plan = place.plan()
    place.upgrade("a1")
    assert "The database was at base and is at a1." in refused(place, plan)
    assert place.heads() == ("a1",)
    assert place.witnesses() == ["a1"]


def test_a_plan_is_run_once(place: Place) -> None:
    """After it the heads are others."""
    plan = place.plan()

    with place.app.app_context():
        assert place.alembic.run(plan).after == ("b2",)

    assert "The database was at base and is at b2." in refused(place, plan)
    assert place.witnesses() == ["a1", "b2"]


def test_a_plan_is_not_run_on_another_database(place: Place, tmp_path: Path) -> None:
    """A database of the same name, empty like the first one, is not the one that was planned."""
    plan = place.plan()
    same_name = tmp_path / "other" / place.folder.name
    same_name.mkdir(parents=True)
    (same_name / "migrations").symlink_to(place.folder / "migrations")

    with another_database(place, same_name) as url:
        other = Place(same_name, url)

        try:
            assert "Another database is behind the name 'default'." in refused(other, plan)
            assert other.tables() == set()
        finally:
            other.close()


def another_database(place: Place, folder: Path) -> t.ContextManager[sa.URL]:
    """Lend a second empty database of the same kind."""
    if place.dialect == "sqlite":
        return contextlib.nullcontext(sa.URL.create("sqlite", database=str(folder / "x.sqlite")))

    kind = "POSTGRESQL" if place.dialect == "postgresql" else "MARIADB"
    return own_database(f"TEST_{kind}_URL")
