"""What the page of a plan says of tables."""

from __future__ import annotations

import dataclasses

import pytest
from flask.testing import FlaskClient

from flask_alembic_admin.admin.estimates import lock_badge
from flask_alembic_admin.admin.estimates import rows_words
from flask_alembic_admin.core.plans.estimate import Duration
from flask_alembic_admin.core.plans.estimate import StepEstimate
from flask_alembic_admin.core.plans.estimate import TableEstimate
from flask_alembic_admin.core.plans.plan import keep_plan
from flask_alembic_admin.core.table_work import KeepsOut
from flask_alembic_admin.core.table_work import Work

from .conftest import Panel
from .test_upgrade import plan

ORDERS = TableEstimate(
    "orders", "rewrites", "ACCESS EXCLUSIVE", "everybody", 40_000_000, False, 12_300_000_000
)
SMALL = TableEstimate("small", "catalogue", "SHARE", "writers", 7)


def _page(panel: Panel, *estimates: StepEstimate | None, incomplete: str = "") -> str:
    """Return the page of a plan whose steps have some estimates."""
    client = panel.client("operator")

    with panel.app.app_context():
        made = panel.alembic.plan("upgrade", "heads")
        steps = [
            dataclasses.replace(step, estimate=estimate, incomplete=incomplete)
            for step, estimate in zip(made.steps, estimates, strict=False)
        ]
        made = dataclasses.replace(made, steps=(*steps, *made.steps[len(steps) :]))
        plan_id = keep_plan(made, panel.alembic.project.ledger, "operator")

    response = client.get(f"/alembic/db/default/plans/{plan_id}")
    assert response.status_code == 200
    return response.text


def test_a_step_says_what_it_does_to_tables(panel: Panel) -> None:
    """The size, the work, the lock in the server's words and in everybody's."""
    page = _page(panel, StepEstimate((ORDERS,)), None)
    assert "about 40,000,000 rows, 12 GB" in page
    assert "all rows are written anew" in page
    assert "ACCESS EXCLUSIVE" in page
    assert (
        '<span class="pill warn"><span aria-hidden="true">▲</span> nobody reads or writes' in page
    )


def test_what_is_new_and_what_is_not_known_is_told(panel: Panel) -> None:
    """Also that an incomplete step may touch more."""
    page = _page(
        panel, StepEstimate((SMALL,), ("made",), 2), incomplete="reads the database at a1.py"
    )
    assert "New in this plan" in page
    assert "2 statements do not say which table they are about." in page
    assert "More tables may be touched: this step is incomplete." in page


def test_a_step_says_how_long_it_took_elsewhere(panel: Panel) -> None:
    """With the time when it ended."""
    took = Duration("audit", 123.0, "2026-03-04T12:00:00+00:00")
    page = _page(panel, StepEstimate(took=(took,)))
    assert "Took 2 m 03 s on audit" in page
    assert "2026-03-04 12:00:00 UTC" in page


def test_the_largest_table_and_the_strongest_lock_stand_at_the_top(panel: Panel) -> None:
    """Before the steps."""
    page = _page(panel, StepEstimate((SMALL,)), StepEstimate((ORDERS,)))
    top = page[page.index('id="estimate"') : page.index('class="card step"')]
    assert "<code>orders</code> about 40,000,000 rows" in top
    assert "ACCESS EXCLUSIVE" in top


def test_for_a_big_table_the_command_line_is_advised(panel: Panel) -> None:
    """With the very line."""
    page = _page(panel, StepEstimate((ORDERS,)))
    top = page[page.index('id="estimate"') : page.index('class="card step"')]
    assert "from a terminal that you watch" in top
    assert "flask db upgrade heads" in top


@pytest.mark.parametrize(
    "table",
    [
        SMALL,
        dataclasses.replace(ORDERS, work="catalogue"),
        dataclasses.replace(ORDERS, rows=99_999, bytes=999_999_999),
    ],
)
def test_what_is_over_in_a_moment_needs_no_command_line(panel: Panel, table: TableEstimate) -> None:
    """Small tables, and what leaves all rows as they are."""
    assert "from a terminal that you watch" not in _page(panel, StepEstimate((table,)))


def test_a_plan_that_touches_no_table_has_no_such_part(client_plan: str) -> None:
    """It creates what it touches."""
    assert 'id="estimate"' not in client_plan


@pytest.fixture
def client_plan(panel: Panel) -> str:
    """The page of a plan that creates tables."""
    client: FlaskClient = panel.client("operator")
    return plan(client).text


def test_a_plan_whose_file_has_changed_says_so(panel: Panel) -> None:
    """Its SQL is not what would run, so it cannot be confirmed."""
    client = panel.client("operator")
    path = plan(client).request.path

    with panel.app.app_context():
        files = panel.alembic.project.scripts.history().revisions
        file = next(iter(files.values())).path

    file.write_text(file.read_text() + "# more\n")
    page = client.get(path).text
    assert "is not the one whose SQL is shown here" in page
    assert 'name="ticket"' not in page


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (dataclasses.replace(SMALL, rows=None), "number of rows not known"),
        (dataclasses.replace(SMALL, at_least=True), "at least 7 rows"),
        (dataclasses.replace(SMALL, rows=1), "about 1 row"),
    ],
)
def test_rows_are_counted_in_words(panel: Panel, table: TableEstimate, words: str) -> None:
    """And it is said what is not known."""
    with panel.app.test_request_context():
        assert rows_words(table) == words


@pytest.mark.parametrize(
    ("keeps_out", "work", "shape", "tone"),
    [
        ("everybody", "rewrites", "▲", "warn"),
        ("everybody", "catalogue", "○", "unknown"),
        ("writers", "scans", "▲", "warn"),
        ("nobody", "scans", "○", "unknown"),
        ("unknown", "unknown", "□", "warn"),
    ],
)
def test_who_has_to_wait_is_word_shape_and_colour(
    panel: Panel, keeps_out: KeepsOut, work: Work, shape: str, tone: str
) -> None:
    """A moment is no warning, and has not the shape of one."""
    table = dataclasses.replace(SMALL, keeps_out=keeps_out, work=work)

    with panel.app.test_request_context():
        badge = lock_badge(table)

    assert (badge.shape, badge.tone) == (shape, tone)
    assert badge.word
