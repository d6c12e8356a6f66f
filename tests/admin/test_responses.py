from __future__ import annotations

import html
import logging

import pytest
import sqlalchemy as sa
from werkzeug.exceptions import TooManyRequests

from .conftest import Panel


def test_a_ledger_that_fails_answers_in_words_and_tells_no_secret(
    panel: Panel, caplog: pytest.LogCaptureFixture
) -> None:
    """Opening a plan needs the ledger; without it the page says so, and the log is redacted."""
    panel.engine.dispose()

    with panel.app.app_context():
        ledger = panel.alembic.project.ledger

    assert ledger.engine.url.database is not None
    (panel.folder / "instance").mkdir()
    (panel.folder / "instance" / "alembic_admin.sqlite").mkdir()

    with caplog.at_level(logging.ERROR):
        answer = panel.client("operator").get(f"/alembic/db/default/plans/{'0' * 32}")

    assert answer.status_code == 503
    assert "the record of runs does not answer as it should (OperationalError)" in answer.text
    assert "unable to open database file" in caplog.text


def test_a_host_that_slows_people_down_is_explained(panel: Panel) -> None:
    """A limit of the host's is answered on a page of the panel."""

    @panel.app.before_request
    def slow_down() -> None:
        raise TooManyRequests

    answer = panel.client("viewer").get("/alembic/")
    assert answer.status_code == 429
    assert "Wait a little" in answer.text


def test_an_error_of_the_panel_is_a_page_in_words(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours says that runs go on, and nothing of what went wrong."""
    panel.app.config["PROPAGATE_EXCEPTIONS"] = False

    def fail(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("flask_alembic_admin.admin.views.status.database_status", fail)
    answer = panel.client("viewer").get("/alembic/")
    assert answer.status_code == 500
    assert "A run that is at work goes on" in answer.text
    assert "secret" not in answer.text


def test_a_driver_s_password_is_not_in_the_log(
    panel: Panel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What a driver repeats of its URL is masked before it is logged."""

    def fail(*_: object) -> None:
        raise sa.exc.OperationalError("x", {}, Exception("postgresql://shop:hunter2@db/shop"))

    monkeypatch.setattr("flask_alembic_admin.admin.views.status.database_status", fail)
    answer = panel.client("viewer").get("/alembic/")
    assert answer.status_code == 503
    assert "hunter2" not in caplog.text + answer.text


@pytest.mark.parametrize("path", ["", "db/default/", "status.json"])
@pytest.mark.parametrize("debug", [True, False])
def test_an_app_whose_databases_are_not_known_gets_a_page_that_says_so(
    panel: Panel,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    debug: bool,
) -> None:
    """The rule cannot be asked then: what is wrong is in the log, on the page in debug only."""
    monkeypatch.setattr(panel.alembic, "metadatas", {"shop": sa.MetaData()})
    panel.app.debug = debug

    with caplog.at_level(logging.ERROR):
        answer = panel.client("nobody").get(f"/alembic/{path}")

    said = "'metadatas' names 'shop', for which there is no engine"
    assert answer.status_code == 503
    assert "The migrations panel is not set up" in answer.text
    assert (said in html.unescape(answer.text)) == debug
    assert said in caplog.text
