from __future__ import annotations

import collections.abc as c
import re
import typing as t

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from markupsafe import Markup

from flask_alembic_admin.admin import access
from flask_alembic_admin.admin.comparisons import comparison_badge
from flask_alembic_admin.admin.comparisons import last_comparison
from flask_alembic_admin.core import comparison as core
from flask_alembic_admin.core import op_guard
from flask_alembic_admin.core.status import database_status

from .conftest import Panel

PAGE = "/alembic/db/default/diff"
MINUS = "\N{MINUS SIGN}"


def _token(html: str) -> str:
    """Return the token of the button that compares; the one of the theme stands before it."""
    tokens: list[str] = re.findall(r'name="csrf_token" type="hidden" value="([^"]+)"', html)
    return tokens[-1]


def _text(html: str) -> str:
    """Return what a page says, without its marks."""
    return " ".join(Markup(re.sub(r"<[^>]+>", " ", html)).unescape().split())


def _compare(client: FlaskClient, page: str = PAGE) -> str:
    """Press the button and return the text of the page that follows."""
    answer = client.post(page, data={"csrf_token": _token(client.get(page).text)})
    assert (answer.status_code, answer.location) == (303, page)
    return _text(client.get(page).text)


def _upgrade(panel: Panel) -> None:
    with panel.app.app_context():
        panel.alembic.upgrade()


@pytest.fixture
def viewer(panel: Panel) -> FlaskClient:
    """Somebody who may look, at models that differ from an upgraded database."""
    _upgrade(panel)
    sa.Table("things", panel.metadata, sa.Column("a", sa.Integer), sa.Column("b", sa.Text))
    return panel.client("viewer")


def test_it_says_that_nothing_was_compared_yet(viewer: FlaskClient) -> None:
    """And the next step is the button; to look again changes nothing about that."""
    html = viewer.get(PAGE).text
    assert "Not compared yet." in viewer.get(PAGE).text
    assert "Not compared yet." in html
    assert '<button class="primary">Compare now</button>' in html
    assert "New revision from this diff…: Compare first, since there is no diff yet." in html
    assert 'disabled aria-describedby="why_no_revision">New revision from this diff…' in html


def test_differences_are_shown_by_table(viewer: FlaskClient) -> None:
    """Each with what an upgrade would do, in words and not by colour alone."""
    text = _compare(viewer)
    assert "▲ 2 differences" in text
    assert "Found: 2 differences in 2 tables." in text
    assert f"parts {MINUS} remove table parts: in database, not in models" in text
    assert "things + add column b TEXT: in models, not in database" in text
    html = viewer.get(PAGE).text
    assert f'<span class="pill bad"><span aria-hidden="true">{MINUS}</span> remove</span>' in html


def test_a_diff_becomes_a_revision_where_one_may_be_written(
    panel: Panel, viewer: FlaskClient
) -> None:
    """Elsewhere the button says why it is none."""
    _compare(viewer)
    button = 'disabled aria-describedby="why_no_revision">New revision from this diff…'
    link = 'href="/alembic/db/default/actions?from=diff#revision">New revision from this diff…'
    page = panel.client("operator").get(PAGE).text
    assert button in page
    assert "New revision from this diff…: This panel offers “revision” in debug mode only" in page
    panel.app.debug = True
    assert link in panel.client("operator").get(PAGE).text
    page = viewer.get(PAGE).text
    assert button in page
    assert "You need the “revision” permission for this." in page


def test_operations_are_shown_as_python(viewer: FlaskClient) -> None:
    """Those of both ways, folded and coloured."""
    _compare(viewer)
    html = viewer.get(PAGE).text
    assert re.findall(r"<details><summary>([^<]+)", html)[-2:] == [
        "Upgrade operations as Python",
        "Downgrade operations as Python",
    ]
    assert "op.drop_table(&#39;parts&#39;)" in re.sub("</?span[^>]*>", "", html)
    assert '<span class="hl-string">&#39;parts&#39;</span>' in html


def test_it_says_how_it_was_compared(viewer: FlaskClient) -> None:
    """When, how long it took, at which revision and with which options."""
    _compare(viewer)
    html = viewer.get(PAGE).text
    text = _text(html)
    assert re.search(r'<dd><time datetime="\d{4}-[^"]+">', html)
    assert re.search(r"Took \d+\.\d s At bbb2 compare_type ✓ on compare_server_default", text)
    assert "include_object ✗ off" in text
    assert "flask db check" in text


def test_models_and_database_that_match_are_said_to(panel: Panel, viewer: FlaskClient) -> None:
    """And then there is nothing to write a revision from."""
    panel.metadata.clear()
    for name in ("things", "parts"):
        sa.Table(name, panel.metadata, sa.Column("a", sa.Integer))

    text = _compare(viewer)
    assert "✓ no differences" in text
    assert "No differences were found." in text
    assert "There is nothing to write: models and database match." in text
    assert "as Python" not in text


def test_pending_revisions_are_the_likely_reason(panel: Panel) -> None:
    """Before anybody writes a revision that is there already."""
    sa.Table("things", panel.metadata, sa.Column("a", sa.Integer))
    text = _compare(panel.client("viewer"))
    assert "Differences may just be the 2 unapplied revisions. Plan an upgrade" in text


def test_a_comparison_of_another_revision_is_out_of_date(panel: Panel, viewer: FlaskClient) -> None:
    """The differences of then are shown, and what has moved."""
    _compare(viewer)

    with panel.app.app_context():
        panel.alembic.downgrade("aaa1")

    text = _text(viewer.get(PAGE).text)
    assert "▲ out of date" in text
    assert "Compared at bbb2; the database is at aaa1 now: compare again." in text
    assert "in database, not in models" in text
    assert "out of date" not in _compare(viewer)


def test_a_comparison_that_fails_says_why(panel: Panel, viewer: FlaskClient) -> None:
    """And stays to be read."""

    def include_object(*arguments: object) -> bool:
        raise KeyError("<no such thing>")

    with panel.app.app_context():
        options = t.cast("dict[str, t.Any]", panel.alembic.project.context_options)

    options["include_object"] = include_object
    text = _compare(viewer)
    assert "✖ comparison failed" in text
    assert "KeyError: '<no such thing>' (test_diff.py, line" in text
    assert "include_object ◆ custom" in text
    assert "<no such" not in viewer.get(PAGE).text


def test_without_the_database_the_last_comparison_is_shown(
    panel: Panel, viewer: FlaskClient
) -> None:
    """It cannot be made again, and the page says why."""
    _compare(viewer)
    token = _token(viewer.get(PAGE).text)
    (panel.folder / "app.sqlite").rename(panel.folder / "elsewhere")
    (panel.folder / "app.sqlite").mkdir()
    panel.engine.dispose()
    html = viewer.get(PAGE).text
    assert "column b TEXT" in html
    assert 'class="primary" disabled aria-describedby="why_no_check">Check again' in html
    assert "No connection: OperationalError" in html
    assert "out of date" not in html

    # Whoever had the page open before can still press the button.
    viewer.post(PAGE, data={"csrf_token": token})
    assert "Database 'default' at sqlite:" in _text(viewer.get(PAGE).text)


def test_without_the_ledger_a_comparison_is_shown_once(panel: Panel, viewer: FlaskClient) -> None:
    """A page without a comparison can be seen as well."""
    token = _token(viewer.get(PAGE).text)
    (panel.folder / "instance" / "alembic_admin.sqlite").rename(panel.folder / "elsewhere")
    (panel.folder / "instance" / "alembic_admin.sqlite").mkdir()
    answer = viewer.post(PAGE, data={"csrf_token": token})
    assert answer.status_code == 200
    assert "The ledger does not answer" in answer.text
    assert "column b TEXT" in answer.text
    assert "Not compared yet." in viewer.get(PAGE).text


def test_a_table_with_markup_in_its_name_is_escaped(panel: Panel, viewer: FlaskClient) -> None:
    """Names come from the database, and anybody may have made it."""
    with panel.engine.begin() as connection:
        connection.execute(sa.text('CREATE TABLE "<script>" (a INTEGER)'))

    _compare(viewer)
    html = viewer.get(PAGE).text
    assert "&lt;script&gt;" in html
    assert "<script>" not in html


def test_to_compare_needs_a_token(viewer: FlaskClient) -> None:
    """No other site can keep the server busy."""
    assert viewer.post(PAGE).status_code == 400
    assert "Not compared yet." in viewer.get(PAGE).text


def test_a_busy_process_says_so(viewer: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long for a run of the same process."""
    token = _token(viewer.get(PAGE).text)

    class Taken:
        def acquire(self, timeout: float) -> bool:
            return timeout > core.WAIT

    monkeypatch.setattr(op_guard, "_lock", Taken())
    answer = viewer.post(PAGE, data={"csrf_token": token})
    assert answer.status_code == 503
    assert "Try again when it has ended" in answer.text


def test_a_read_only_panel_compares(make_panel: c.Callable[..., Panel]) -> None:
    """It only looks."""
    panel = make_panel(ALEMBIC_ADMIN={"read_only": True})
    panel.open_up()
    assert "no differences" in _compare(panel.client("viewer"))


def test_the_badge_says_what_the_page_says(panel: Panel, viewer: FlaskClient) -> None:
    """For the page of the status."""

    def shown() -> tuple[str, str]:
        with panel.app.test_request_context("/alembic/"):
            project = access.current_project()
            last = last_comparison(project, "default")
            badge, sentence = comparison_badge(last, database_status(project, "default"))
            access.close()
            return badge.word, sentence

    assert shown() == ("not compared yet", "Not compared yet.")
    _compare(viewer)
    assert shown() == ("2 differences", "In 2 tables.")

    with panel.app.app_context():
        panel.alembic.downgrade("aaa1")

    assert shown()[0] == "out of date"
    _compare(viewer)
    assert shown() == ("2 differences", "In 2 tables.")
