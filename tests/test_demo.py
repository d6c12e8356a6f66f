from __future__ import annotations

import collections.abc as c
import contextlib
import html
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient

from example_app import create_app
from example_app import demo

#: What stands on the page of each state.
WORDS = {
    "pending": "6 revisions are not applied.",
    "up-to-date": "All revisions are applied.",
    "no-revisions": "No migrations yet.",
    "never-migrated": "This database has never been migrated",
    "tables-there": "tables already.",
    "no-folder": "There is no folder",
    "unreachable": "✖ unreachable",
    "broken-script": "half_written.py",
    "missing-parent": "b2b2b2b2b2b2",
    "unknown-revision": "It holds deadbeef0000, which no revision file here has",
    "several-heads": "“upgrade head” would fail",
    "read-only": "Read-only",
    "production": "production",
    "no-permission": "You need the “upgrade” permission for this.",
    "run-active": "◌ running",
    "died": "in doubt",
    "failed": "✖ failed",
    "half-applied": "Look at what is there",
    "cancelled": "▲ cancelled",
    "succeeded": "✓ succeeded",
    "plan": "6 steps",
    "stale-plan": "Plan",
    "incomplete-preview": "Incomplete",
    "long-history": "of 1037",
    "several-databases": "2 databases",
}


def words(page: str) -> str:
    """Return the text of a page as people read it."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def signed_in(app: Flask, name: str, password: str) -> FlaskClient:
    """Return the client of somebody who has signed in."""
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    assert client.post("/sign-in", data={"name": name, "password": password}).status_code == 303
    return client


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> c.Iterator[c.Callable[[str], str]]:
    """Make a state and return the text of the page that shows it."""
    monkeypatch.setenv("EXAMPLE_INSTANCE", str(tmp_path / "unused"))

    with contextlib.ExitStack() as opened:

        def open_page(state: str) -> str:
            made = opened.enter_context(
                contextlib.closing(demo.make_demo(state, tmp_path / "instance"))
            )
            user = demo.DEMOS[state].user
            client = signed_in(made.app, user, dict(made.passwords)[user])
            answer = client.get(f"/alembic/{made.page}")
            assert answer.status_code == 200
            return words(answer.text)

        yield open_page


@pytest.mark.parametrize("state", sorted(demo.DEMOS))
def test_a_state_is_seen_on_its_page(make: c.Callable[[str], str], state: str) -> None:
    """The command brings the panel into the state that it names."""
    assert WORDS[state] in make(state)


def test_the_states_are_listed() -> None:
    """Whoever does not know them can ask."""
    found = CliRunner().invoke(create_app().cli.commands["demo"], ["--list"])
    assert found.exit_code == 0
    assert all(state in found.output for state in demo.DEMOS)


def test_the_documentation_lists_every_state() -> None:
    """Its table is that of the command."""
    page = (Path(__file__).parent.parent / "docs" / "panel.md").read_text()
    assert re.findall(r"^\| `([\w-]+)` \| (.*) \|$", page, re.MULTILINE) == [
        (name, shown.sentence) for name, shown in sorted(demo.DEMOS.items())
    ]
