from __future__ import annotations

import html
import re

import pytest
from flask.testing import FlaskClient

from flask_alembic_admin.admin.findings import shown_findings
from flask_alembic_admin.core.risks import RULES

from . import plans
from .conftest import Panel
from .test_upgrade import plan


@pytest.fixture
def client(panel: Panel) -> FlaskClient:
    """An operator's client, on a database that has a table which the next revision drops."""
    with panel.app.app_context():
        panel.alembic.upgrade("aaa1")

    panel.write("bbb2", "aaa1", "drop things", "op.drop_table('things')")
    return panel.client("operator")


def words(page: str) -> str:
    """Return the text of a page as people read it."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_a_finding_says_where_why_and_what_instead(client: FlaskClient) -> None:
    """With the reader's own table, the file and its line, and a link to its rule."""
    page = plan(client).text
    assert re.search(r"✖ danger Drops a table step 1 · bbb2.py:\d+ · DATA001", words(page))
    assert "Instead:" in page
    assert 'href="/alembic/rules#data001"' in page
    assert "✖ 1 danger" in words(page)


def test_what_a_revision_allows_is_shown_and_asks_for_nothing(
    panel: Panel, client: FlaskClient
) -> None:
    """The reason is there, and a tick is enough."""
    path = panel.folder / "migrations" / "bbb2.py"
    path.write_text(path.read_text() + "\n# alembic-admin: allow DATA001 nobody uses it\n")
    page = plan(client).text
    assert "Allowed in the revision: nobody uses it" in words(page)
    assert "data-aa-phrase" not in page


def test_the_worst_comes_first_and_what_is_allowed_last() -> None:
    """Whoever reads only the first line reads the most important one."""
    made = plans.plan(
        findings=(
            plans.finding("info"),
            plans.finding("danger", "nobody uses it"),
            plans.finding("danger"),
            plans.finding("warn"),
        )
    )
    shown = [(one.severity, one.allowed is not None) for one in shown_findings(made)]
    assert shown == [("danger", False), ("warn", False), ("info", False), ("danger", True)]


def test_the_page_of_rules_has_them_all(panel: Panel) -> None:
    """Each has a place of its own that can be linked to."""
    page = panel.client("viewer").get("/alembic/rules").text
    assert all(f'id="{name.lower()}"' in page for name in RULES)
