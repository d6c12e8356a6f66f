from __future__ import annotations

import collections.abc as c
import dataclasses
import json
import re
import typing as t
from pathlib import Path

import pytest

from flask_alembic_admin.admin.views import machine
from flask_alembic_admin.core.ledger.ledger import Ledger
from flask_alembic_admin.core.status import database_status
from flask_alembic_admin.core.status import State

from .conftest import Panel
from .test_runs import failed
from .test_runs import going_on

PAGE = (Path(__file__).parents[2] / "docs" / "panel-api.md").read_text()
HEALTHY = {"runner": "inline", "health": True}


@pytest.fixture
def well(make_panel: c.Callable[..., Panel]) -> Panel:
    """A panel that says how it is, and keeps no answer."""
    return make_panel(ALEMBIC_ADMIN=HEALTHY)


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each question is answered anew."""
    monkeypatch.setattr(machine, "GOOD_FOR", 0.0)


def asked(panel: Panel) -> tuple[int, str]:
    """Return what somebody is told whom nobody knows."""
    answer = panel.client(None).get("/alembic/health")
    assert answer.mimetype == "text/plain"
    return answer.status_code, answer.text


def status(panel: Panel) -> dict[str, t.Any]:
    """Return what is told of the default database."""
    answer = panel.client("viewer").get("/alembic/status.json")
    assert answer.json is not None
    (database,) = answer.json["databases"]
    return t.cast("dict[str, t.Any]", database)


# status.json


def test_the_state_of_every_database_is_told(panel: Panel) -> None:
    """Where it is, where it should be, and how much is between."""
    found = status(panel)
    assert (found["name"], found["state"]) == ("default", "never migrated")
    assert (found["current"], found["heads"], found["pending"]) == ([], ["bbb2"], 2)
    assert (found["active_run"], found["last_run"]) == (None, None)


def test_runs_are_told_too(panel: Panel) -> None:
    """The one that is at work, and the last one."""
    with panel.app.app_context():
        ledger: Ledger = panel.alembic.project.ledger
    failed(ledger)
    assert status(panel)["last_run"]["status"] == "failed"
    run_id = going_on(ledger)
    assert status(panel)["state"] == "running"
    assert status(panel)["active_run"]["id"] == run_id
    assert status(panel)["active_run"]["actor"] == "ops"


def test_a_database_that_does_not_answer_is_not_guessed_at(panel: Panel) -> None:
    """What cannot be known is null, never a number."""
    panel.engine.dispose()
    (panel.folder / "app.sqlite").unlink(missing_ok=True)
    (panel.folder / "app.sqlite").mkdir()
    found = status(panel)
    assert found["state"] == "unreachable"
    assert (found["current"], found["unknown"], found["pending"]) == (None, None, None)
    assert found["heads"] == ["bbb2"]


def test_the_documented_answer_has_the_keys_of_a_real_one(panel: Panel) -> None:
    """Nobody learns a name that is not there, and each is explained."""
    with panel.app.app_context():
        failed(panel.alembic.project.ledger)
    example = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert example
    (documented,) = json.loads(example[1])["databases"]
    found = status(panel)
    assert list(documented) == sorted(found) or set(documented) == set(found)
    assert set(documented["last_run"]) == set(found["last_run"])
    assert all(f"`{key}`" in PAGE for key in (*found, *found["last_run"]))


# health


def test_health_is_off_by_default(panel: Panel) -> None:
    """Nobody is told anything, not even a page."""
    assert asked(panel) == (404, "not found")


def test_health_is_one_word_for_anybody(well: Panel) -> None:
    """Without a user, a permission rule or a login manager."""
    assert asked(well) == (503, "pending")
    with well.app.app_context():
        well.alembic.upgrade()
    assert asked(well) == (200, "ok")


def test_health_writes_nothing(well: Panel) -> None:
    """Neither a refusal nor a session."""
    answer = well.client(None).get("/alembic/health")
    assert "Set-Cookie" not in answer.headers
    assert not (well.folder / "instance" / "alembic_admin.sqlite").exists()


def test_a_run_at_work_is_no_illness(well: Panel) -> None:
    """A probe must not take every worker away for as long as it takes."""
    with well.app.app_context():
        going_on(well.alembic.project.ledger)
    assert asked(well) == (200, "ok")


def test_an_answer_is_kept_for_a_moment(well: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many probes at once cost the database one look."""
    monkeypatch.setattr(machine, "GOOD_FOR", 60.0)
    assert asked(well) == (503, "pending")
    with well.app.app_context():
        well.alembic.upgrade()
    assert asked(well) == (503, "pending")


def test_the_worst_state_is_told(well: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several databases the one that needs somebody most."""
    states: dict[str, State] = {"a": "pending", "b": "interrupted", "c": "up to date"}

    with well.app.app_context():
        project = well.alembic.project
        real = database_status(project, "default")

    several = dataclasses.replace(
        project, databases=dict.fromkeys(states, project.databases["default"])
    )
    monkeypatch.setattr(machine, "current_project", lambda: several)
    monkeypatch.setattr(
        machine,
        "database_status",
        lambda _, name, __: dataclasses.replace(real, state=states[name]),
    )
    assert asked(well) == (503, "interrupted")


@pytest.mark.parametrize("state", t.get_args(State))
def test_every_state_has_a_documented_word(state: State) -> None:
    """None is shown as well that is not known to be."""
    assert f"`{machine.HEALTH[state]}`" in PAGE
