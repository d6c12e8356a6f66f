from __future__ import annotations

import csv
import datetime as dt
import io
import re
import typing as t

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from flask_alembic_admin.admin.views import ledger as ledger_view
from flask_alembic_admin.core.ledger.ledger import Ledger
from flask_alembic_admin.core.ledger.tables import RUN

from .conftest import Panel
from .test_runs import failed
from .test_runs import going_on
from .test_runs import queued


@pytest.fixture
def client(panel: Panel) -> FlaskClient:
    """An auditor's client."""
    return panel.client("auditor")


@pytest.fixture
def ledger(panel: Panel) -> Ledger:
    """The panel's ledger."""
    with panel.app.app_context():
        ledger: Ledger = panel.alembic.project.ledger
        return ledger


def refuse(ledger: Ledger, **changes: str) -> str:
    """Record a refused attempt."""
    values: dict[str, t.Any] = {
        "database": "default",
        "action": "downgrade",
        "target": "base",
        "actor": "eve",
        "address": "10.0.0.9",
        "reason": "no permission",
        **changes,
    }
    return ledger.refuse(**values)


def rows(page: str) -> int:
    """Return how many entries a page shows."""
    return page.count('<th scope="row">')


def test_the_ledger_tells_runs_and_refusals(client: FlaskClient, ledger: Ledger) -> None:
    """Who, what, where, what came of it, why and from which address; plans are no entries."""
    run_id = failed(ledger)
    refuse(ledger)
    queued(ledger, confirm=False)
    page = client.get("/alembic/ledger").text
    assert rows(page) == 2
    assert f'href="/alembic/db/default/runs/{run_id}"' in page
    for text in ("eve", "refused", "no permission", "10.0.0.9", "failed"):
        assert text in page


def test_the_ledger_is_filtered(client: FlaskClient, ledger: Ledger) -> None:
    """By each of its columns, on the server, and the files by the same."""
    failed(ledger)
    refuse(ledger)

    for query, count in {
        "actor=EV": 1,
        "actor=%25": 0,
        "action=upgrade": 1,
        "result=refused": 1,
        "result=lost": 0,
        "database=default": 2,
        "from=2000-01-01": 2,
        "to=2000-01-01": 0,
        "from=2999-01-01": 0,
    }.items():
        answer = client.get(f"/alembic/ledger.json?{query}").json
        assert answer is not None
        assert len(answer["entries"]) == count, query
        assert rows(client.get(f"/alembic/ledger?{query}").text) == count, query


def test_a_day_that_is_none_is_said_at_its_field(client: FlaskClient, ledger: Ledger) -> None:
    """The page still opens; a file would be taken for the answer, so there is none."""
    refuse(ledger)
    page = client.get("/alembic/ledger?from=yesterday&to=9999-12-31").text
    assert page.count("Write a day such as 2026-11-20.") == 2
    assert rows(page) == 1
    answer = client.get("/alembic/ledger.csv?from=yesterday")
    assert answer.status_code == 400
    assert answer.text == "“from”: Write a day such as 2026-11-20.\n"


def test_a_senseless_query_is_no_error(client: FlaskClient, ledger: Ledger) -> None:
    """What cannot be meant is left out, or shows nothing."""
    refuse(ledger)

    for query in ("result=nonsense", "action=x", "database=x", "before=x", "run=x", "actor=%00"):
        assert client.get(f"/alembic/ledger?{query}").status_code == 200, query
        assert client.get(f"/alembic/ledger.csv?{query}").status_code == 200, query


def test_one_run_can_be_looked_up(client: FlaskClient, ledger: Ledger) -> None:
    """Its page leads to its entry."""
    run_id = failed(ledger)
    refuse(ledger)
    assert rows(client.get(f"/alembic/ledger?run={run_id}").text) == 1


def test_a_silent_run_is_found_as_lost(client: FlaskClient, ledger: Ledger) -> None:
    """Though nobody has written down its verdict yet."""
    run_id = going_on(ledger)
    earlier = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    with ledger.engine.begin() as connection:
        connection.execute(sa.update(RUN).values(heartbeat=earlier, requested=earlier))
    assert run_id in client.get("/alembic/ledger?result=lost").text
    assert rows(client.get("/alembic/ledger?result=running").text) == 0


def test_the_ledger_has_pages(
    client: FlaskClient, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which keep the filter."""
    monkeypatch.setattr(ledger_view, "SHOWN", 2)
    for _ in range(3):
        refuse(ledger)
    page = client.get("/alembic/ledger?actor=eve").text
    assert rows(page) == 2
    older = re.search(r'href="([^"]+before=[^"]+)"', page)
    assert older
    assert "actor=eve" in older[1]
    assert rows(client.get(older[1].replace("&amp;", "&")).text) == 1


def test_only_databases_that_may_be_audited_are_told_of(panel: Panel, ledger: Ledger) -> None:
    """Records of others, also of those that the app has no longer, stay out."""
    refuse(ledger, database="secret")
    refuse(ledger)
    client = panel.client("auditor")
    assert "secret" not in client.get("/alembic/ledger").text
    assert rows(client.get("/alembic/ledger?database=secret").text) == 0
    assert "secret" not in client.get("/alembic/ledger.csv").text


@pytest.mark.parametrize("path", ["ledger", "ledger.csv", "ledger.json"])
def test_the_ledger_is_for_auditors(panel: Panel, ledger: Ledger, path: str) -> None:
    """To be allowed to run is not to be allowed to read what others did."""
    assert panel.client("operator").get(f"/alembic/{path}").status_code == 403


def test_the_ledger_can_be_had_as_csv(client: FlaskClient, ledger: Ledger) -> None:
    """A file of the day with a line for each entry."""
    run_id = failed(ledger)
    refuse(ledger, reason='say "no", twice\nat least')
    answer = client.get("/alembic/ledger.csv")
    assert answer.mimetype == "text/csv"
    today = f"{dt.datetime.now(dt.UTC):%Y-%m-%d}"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="ledger-{today}.csv"'
    refusal, run = csv.DictReader(io.StringIO(answer.text, newline=""))
    assert (refusal["result"], refusal["reason"]) == ("refused", 'say "no", twice\nat least')
    assert (run["from"], run["to"], run["run"]) == ("base", "aaa1", run_id)


def test_no_cell_of_the_csv_is_a_formula(client: FlaskClient, ledger: Ledger) -> None:
    """What a spreadsheet would work out is marked as text."""
    texts = ["=1+1", "+1", "-1", "@x", "\tx", "\rx"]
    for text in texts:
        refuse(ledger, actor=text)
    found = csv.DictReader(io.StringIO(client.get("/alembic/ledger.csv").text, newline=""))
    assert {row["actor"] for row in found} == {f"'{text}" for text in texts}


def test_a_file_ends_somewhere_and_says_so(
    client: FlaskClient, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody takes a part for all."""
    monkeypatch.setattr(ledger_view, "MOST", 3)
    monkeypatch.setattr(ledger_view, "CHUNK", 2)
    for _ in range(3):
        refuse(ledger)
    complete = client.get("/alembic/ledger.json").json
    assert complete is not None
    assert (len(complete["entries"]), complete["complete"]) == (3, True)
    assert "Only the newest" not in client.get("/alembic/ledger.csv").text
    refuse(ledger)
    part = client.get("/alembic/ledger.json").json
    assert part is not None
    assert (len(part["entries"]), part["complete"]) == (3, False)
    last = client.get("/alembic/ledger.csv").text.splitlines()[-1]
    assert last == "Only the newest 3 entries are here: narrow the filter."
