from __future__ import annotations

import collections.abc as c
import html
import re
import shutil

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from .conftest import Panel

HOME = "/alembic/"


def words(page: str) -> str:
    """Return the text of a page as people read it."""
    text = html.unescape(re.sub(r"<[^>]+>", " ", page))
    return " ".join(text.split())


@pytest.fixture
def operator(panel: Panel) -> FlaskClient:
    """An operator's client."""
    return panel.client("operator")


def test_a_database_that_was_never_migrated_is_said_to_be(operator: FlaskClient) -> None:
    """The first page says what a first upgrade would do, and leads to its plan."""
    page = operator.get(HOME).text
    assert "has never been migrated: 2 revisions make" in words(page)
    assert "Plan upgrade to heads…" in page


def test_tables_in_a_database_that_was_never_migrated_suggest_a_stamp(
    panel: Panel, operator: FlaskClient
) -> None:
    """Where tables are there already an upgrade may fail, and a stamp is offered."""
    with panel.engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE things (a INTEGER)"))

    page = operator.get(HOME).text
    assert "has 1 table already" in words(page)
    assert 'actions#stamp">Stamp' in page


def test_pending_revisions_are_listed_in_order(panel: Panel, operator: FlaskClient) -> None:
    """What would run next stands there with id and message."""
    with panel.app.app_context():
        panel.alembic.upgrade("aaa1")

    page = words(operator.get(HOME).text)
    assert "1 pending" in page
    assert "bbb2 create parts" in page


def test_an_up_to_date_database_offers_nothing_to_run(panel: Panel, operator: FlaskClient) -> None:
    """Where all is applied there is no button that would do nothing."""
    with panel.app.app_context():
        panel.alembic.upgrade()

    page = operator.get(HOME).text
    assert "All revisions are applied." in page
    assert "Plan upgrade" not in page


def test_without_permission_the_button_is_there_disabled_with_its_reason(panel: Panel) -> None:
    """A viewer sees what could be done and why it cannot."""
    page = panel.client("viewer").get(HOME).text
    assert '<button type="button" class="primary" disabled' in page
    assert "You need the “upgrade” permission for this." in page


def test_no_migrations_yet_leads_to_the_first_one(panel: Panel, operator: FlaskClient) -> None:
    """An empty folder is no error."""
    for file in (panel.folder / "migrations").glob("*.py"):
        file.unlink()

    assert "No migrations yet." in operator.get(HOME).text


def test_a_first_revision_is_offered_where_it_can_be_written(
    panel: Panel, operator: FlaskClient
) -> None:
    """Elsewhere the button says why it is none, and the sentence names the command alone."""
    for file in (panel.folder / "migrations").glob("*.py"):
        file.unlink()

    page = operator.get(HOME).text
    assert 'class="primary" disabled aria-describedby="why-not">New revision…' in page
    assert "This panel offers “revision” in debug mode only" in page
    assert "Write the first one with “flask db revision”." in page
    panel.app.debug = True
    page = operator.get(HOME).text
    assert re.search(r'<a class="button primary" href="[^"]*#revision">New revision…', page)
    assert 'id="why-not"' not in page


def test_a_missing_folder_is_named_with_the_key_to_set(panel: Panel, operator: FlaskClient) -> None:
    """It is said where files were looked for, and how to say otherwise."""
    shutil.rmtree(panel.folder / "migrations")
    page = words(operator.get(HOME).text)
    assert f"There is no folder {panel.folder / 'migrations'}." in page
    assert "ALEMBIC['script_location']" in page


def test_an_unknown_revision_is_explained(panel: Panel, operator: FlaskClient) -> None:
    """A database that is ahead of the files is not called up to date."""
    with panel.app.app_context():
        panel.alembic.upgrade()

    with panel.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = 'gone'"))

    page = words(operator.get(HOME).text)
    assert "□ ahead" in page
    assert "It holds gone, which no revision file here has" in page
    assert "Revisions that are not here cannot be built upon." in page


def test_a_database_that_does_not_answer_still_has_its_page(
    panel: Panel, operator: FlaskClient
) -> None:
    """The files can be read, the current revision is unknown, and nothing can be run."""
    shutil.rmtree(panel.folder / "app.sqlite", ignore_errors=True)
    (panel.folder / "app.sqlite").unlink(missing_ok=True)
    (panel.folder / "app.sqlite").mkdir()
    page = words(operator.get(HOME).text)
    assert "✖ unreachable" in page
    assert "□ unknown" in page
    assert "The database does not answer." in page


def test_broken_files_are_named_and_the_rest_is_there(panel: Panel, operator: FlaskClient) -> None:
    """One file that cannot be read is told with its name; the page opens."""
    (panel.folder / "migrations" / "ccc3.py").write_text("revision = 'ccc3'\ndef upgrade(:\n")
    page = words(operator.get(HOME).text)
    assert "✖ broken scripts" in page
    assert "ccc3.py" in page


def test_options_that_hide_differences_are_told(make_panel: c.Callable[..., Panel]) -> None:
    """Whoever relies on the comparison knows what it does not see."""
    panel = make_panel(ALEMBIC_CONTEXT={"compare_type": False})
    panel.open_up()
    page = words(panel.client("viewer").get(HOME).text)
    assert "compare_type is off: changed column types are not seen." in page


def test_looking_makes_no_file(panel: Panel) -> None:
    """SQLite would make an empty one for whoever connects, which then hides a wrong path."""
    panel.open_up()
    client = panel.client("auditor")
    before = sorted(panel.folder.rglob("*"))
    opened = []

    for rule in panel.app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and rule.arguments <= {"database"}:
            path = rule.rule.replace("<database>", "default")
            opened.append(client.get(path).status_code)

    assert opened.count(200) > 5
    runner = panel.app.test_cli_runner()

    for command in ("current", "heads", "log", "doctor", "runs"):
        assert runner.invoke(args=["db", command]).exit_code == 0

    assert sorted(panel.folder.rglob("*")) == before
    assert "never migrated" in client.get("/alembic/").text
