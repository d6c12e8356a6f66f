from __future__ import annotations

import html
import re

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from .conftest import Panel

PAGE = "/alembic/db/default/revisions/"


def words(page: str) -> str:
    """Return the text of a page as people read it."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def button(page: str, word: str) -> str:
    """Return the start tag of a button."""
    found = re.search(rf"<button[^>]*>{word}", page)
    assert found is not None
    return found.group()


@pytest.fixture
def client(panel: Panel) -> FlaskClient:
    """An operator's client, on a database that is at the first of two revisions."""
    with panel.app.app_context():
        panel.alembic.upgrade("aaa1")

    return panel.client("operator")


def test_a_revision_is_shown_with_its_source_by_line(client: FlaskClient) -> None:
    """What it does can be read, and each line can be linked to."""
    page = client.get(f"{PAGE}bbb2").text
    assert "op.create_table" in words(page)
    assert 'id="L1"' in page


def test_parents_and_children_are_links(client: FlaskClient) -> None:
    """From each revision one comes to its neighbours."""
    assert f'href="{PAGE}bbb2"' in client.get(f"{PAGE}aaa1").text
    assert f'href="{PAGE}aaa1"' in client.get(f"{PAGE}bbb2").text


def test_a_pending_revision_can_be_upgraded_to(client: FlaskClient) -> None:
    """The way there is open, the way back to it is closed with a reason."""
    page = client.get(f"{PAGE}bbb2").text
    assert "disabled" not in button(page, "Plan upgrade to here…")
    assert "disabled" in button(page, "Plan downgrade to here…")
    assert "Only what is applied can be gone back to." in page


def test_an_applied_revision_can_be_gone_back_to(panel: Panel, client: FlaskClient) -> None:
    """Once it has a child that is applied, a downgrade leads to it."""
    with panel.app.app_context():
        panel.alembic.upgrade()

    page = client.get(f"{PAGE}aaa1").text
    assert "● applied" in words(page)
    assert "disabled" not in button(page, "Plan downgrade to here…")


def test_a_viewer_sees_the_buttons_and_why_they_are_closed(panel: Panel) -> None:
    """Nothing is hidden without a word."""
    page = panel.client("viewer").get(f"{PAGE}bbb2").text
    assert "disabled" in button(page, "Plan upgrade to here…")
    assert "You need the “upgrade” permission for this." in page


def test_the_runs_that_touched_it_are_listed(client: FlaskClient) -> None:
    """Who ran it, when, and for how long is on its page."""
    page = client.get(f"{PAGE}aaa1").text
    assert "/alembic/db/default/runs/" in page
    assert "the same as was applied" in page


def test_a_file_that_was_changed_since_is_told(panel: Panel, client: FlaskClient) -> None:
    """What stands in the file is not what was run."""
    path = panel.folder / "migrations" / "aaa1.py"
    path.write_text(path.read_text() + "\n# changed\n")
    assert "its checksum has changed since" in client.get(f"{PAGE}aaa1").text


def test_a_checksum_is_of_something_applied_only_where_it_was(client: FlaskClient) -> None:
    """A pending file is not said to have been applied by nobody knows whom."""
    assert "not applied yet, as far as the record goes" in client.get(f"{PAGE}bbb2").text
    assert "the same as was applied" in client.get(f"{PAGE}aaa1").text


def test_an_id_that_is_cut_short_leads_to_the_whole(client: FlaskClient) -> None:
    """As on the command line, the beginning of an id is enough."""
    assert client.get(f"{PAGE}bb").location == f"{PAGE}bbb2"


def test_an_unknown_id_is_refused_with_those_near(client: FlaskClient) -> None:
    """Whoever mistyped it sees what they may have meant."""
    answer = client.get(f"{PAGE}bbb3")
    assert answer.status_code == 404
    assert "Near it: bbb2" in answer.text


def test_a_page_of_a_revision_runs_none_of_it(panel: Panel) -> None:
    """Looking at a file is not importing it."""
    panel.write("ccc3", "bbb2", "dangerous", "pass")
    path = panel.folder / "migrations" / "ccc3.py"
    path.write_text(path.read_text() + f"\nopen({str(panel.folder / 'run')!r}, 'w')\n")
    assert panel.client("viewer").get(f"{PAGE}ccc3").status_code == 200
    assert not (panel.folder / "run").exists()


def test_what_a_file_says_is_never_markup(panel: Panel) -> None:
    """A message with tags in it is text."""
    panel.write("ccc3", "bbb2", "<script>alert(1)</script>", "pass")
    assert "<script>alert" not in panel.client("viewer").get(f"{PAGE}ccc3").text


class TestHeads:
    """What is ahead, and where the files and the database part."""

    page = "/alembic/db/default/heads"

    def test_one_head_is_said_to_be_one(self, client: FlaskClient) -> None:
        """The usual case is calm."""
        text = words(client.get(self.page).text)
        assert "There is one head." in text
        assert "bbb2 create parts ○ pending — 1 revision" in text

    def test_an_upgrade_that_cannot_be_planned_is_there_with_its_reason(self, panel: Panel) -> None:
        """As everywhere, a button is not hidden without a word."""
        page = panel.client("viewer").get(self.page).text
        assert 'class="primary" disabled aria-describedby="why-not">Plan upgrade…' in page
        assert "You need the “upgrade” permission for this." in page

    def test_several_heads_lead_to_a_merge(self, panel: Panel, client: FlaskClient) -> None:
        """What fails with several heads is said, and the way on is one button."""
        panel.write("ccc3", "aaa1", "create others", "pass")
        panel.app.debug = True
        page = client.get(self.page).text
        assert "“upgrade head” would fail" in page
        assert 'actions#merge">Plan merge…' in page
        assert "aaa1 → bbb2 ccc3" in words(page)

    def test_a_head_that_another_revision_needs_comes_with_it(
        self, panel: Panel, client: FlaskClient
    ) -> None:
        """Alembic takes it for a head of the files, and yet nothing has to be merged."""
        path = panel.write("ccc3", "aaa1", "create others", "pass")
        path.write_text(path.read_text() + "\ndepends_on = 'bbb2'\n")
        text = words(client.get(self.page).text)
        assert "“upgrade head” would fail, since there is more than one head" in text
        assert "Plan merge…" not in text
        assert "comes with ccc3 which depends on it" in text

    def test_an_unknown_revision_is_explained_with_what_helps(
        self, panel: Panel, client: FlaskClient
    ) -> None:
        """It is not hidden, and a stamp is not the first thing offered."""
        with panel.engine.begin() as connection:
            connection.execute(sa.text("UPDATE alembic_version SET version_num = 'gone'"))

        text = words(client.get(self.page).text)
        assert "□ Unknown in the database gone" in text
        assert "bbb2 create parts □ unknown — unknown" in text
        assert text.index("Deploy the code that has the file") < text.index("Plan a stamp…")
