"""Runs whose process is killed while the server goes on with their statement."""

from __future__ import annotations

import typing as t

import pytest

from flask_alembic_admin.core.condition import is_lost
from flask_alembic_admin.core.condition import is_orphaned
from flask_alembic_admin.core.condition import mark_lost
from flask_alembic_admin.errors import Locked

from .app import wait_for
from .place import Place


@pytest.fixture(params=["postgresql", "mariadb"])
def database_url(request: pytest.FixtureRequest) -> t.Any:
    """The URL of an empty database, on each server that works on when its client is gone."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture(params=["code", "panel"])
def killed(request: pytest.FixtureRequest, place: Place) -> str:
    """A run whose process was killed in a long statement, which the server still executes."""
    place.add("a1")
    place.add("b2", place.sleep)

    if request.param == "panel":
        run_id = place.start()
        wait_for(place.is_asleep)
        place.kill(place.record(run_id))
        return run_id

    with place.child() as child:
        child.go()
        wait_for(place.is_asleep)
        child.kill()

    return place.record().id


def test_the_lock_is_held_as_long_as_the_server_works(place: Place, killed: str) -> None:
    """Nobody else can begin, and the heads are those before the step."""
    with pytest.raises(Locked):
        place.upgrade()

    assert place.is_asleep()
    assert place.heads() == ("a1",)


def test_a_run_for_which_the_server_works_is_not_lost(place: Place, killed: str) -> None:
    """However long nobody has heard of it: its process is gone, the database is at work."""
    with place.app.app_context():
        project = place.alembic.project

    place.age(killed)
    mark_lost(project, "default")
    record = place.record(killed)
    assert record.status == "running"
    assert is_orphaned(project, record)

    place.end_sessions("SELECT")
    wait_for(lambda: is_lost(project, place.record(killed)), 0.05)
    mark_lost(project, "default")
    assert place.record(killed).status == "lost"
    assert place.heads() == ("a1",)
