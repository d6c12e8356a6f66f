"""``wait``: what must not start before everything is applied."""

from __future__ import annotations

import threading
import time
import typing as t

import click
import pytest
from click.testing import Result

from flask_alembic_admin.cli import waiting

from .workplaces import NOTES
from .workplaces import USERS
from .workplaces import Workplace


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_PAUSE", 0.01)


def when_told(work: Workplace, said: str, act: t.Callable[[], object]) -> t.Callable[..., Result]:
    """Return ``wait``, which does something else at the moment when it says a text."""
    told = threading.Event()

    def run() -> None:
        assert told.wait(30)
        act()

    def echo(message: object = None, **options: t.Any) -> None:
        real(message, **options)
        if message == said:
            told.set()

    real = click.echo
    thread = threading.Thread(target=run)

    def wait(*arguments: str) -> Result:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(click, "echo", echo)
            thread.start()
            result = work.db("wait", *arguments)
            thread.join(30)
        assert not thread.is_alive()
        return result

    return wait


def another(work: Workplace) -> Workplace:
    """Return the same databases and files for another thread."""
    urls = {name: engine.url for name, engine in work.engines.items()}
    return Workplace(work.folder.parent, urls)


def test_it_waits_until_somebody_has_run_what_is_pending(work: Workplace) -> None:
    """It says what it waits for, and ends with status 0."""
    wait = when_told(work, "3 revisions pending", lambda: another(work).migrator.upgrade())
    result = wait("--timeout", "30")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert (lines[0], lines[-1]) == ("3 revisions pending", "up to date")
    assert work.heads() == {NOTES}


def test_it_ends_at_once_where_nothing_is_pending(work: Workplace) -> None:
    """However long it might have waited."""
    work.lines("upgrade")
    assert work.lines("wait") == ["up to date"]


def test_it_gives_up_in_time(work: Workplace) -> None:
    """With status 1; nothing was run and nothing written."""
    began = time.monotonic()
    result = work.db("wait", "--timeout", "0.2")
    assert result.exit_code == 1
    assert time.monotonic() - began >= 0.2
    assert result.stdout.splitlines() == ["3 revisions pending"]
    assert work.tables() == set()
    assert not (work.folder.parent / "alembic_admin.sqlite").exists()


def test_without_a_timeout_it_looks_once(work: Workplace) -> None:
    """0 seconds are over at once."""
    work.lines("upgrade", USERS)
    result = work.db("wait", "--timeout", "0", "-v")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0].startswith("database sqlite:")
    assert result.stdout.splitlines()[1:] == ["2 revisions pending"]


def test_a_revision_that_no_file_has_is_waited_for(work: Workplace) -> None:
    """Newer code has been there; the older one must not start."""
    work.lines("upgrade")
    work.execute("UPDATE alembic_version SET version_num = 'later99'")
    result = work.db("wait", "--timeout", "0")
    assert result.exit_code == 1
    assert "ahead: no revision file here has later99" in result.stdout


def test_a_database_that_does_not_answer_is_waited_for(nowhere: Workplace) -> None:
    """With status 3 in the end, and nothing secret."""
    result = nowhere.db("wait", "--timeout", "0.1")
    assert result.exit_code == 3
    (line,) = result.stdout.splitlines()
    assert line.startswith("cannot be reached (OperationalError: ")
    assert "s3cret" not in result.output


def test_all_databases_are_waited_for(both: Workplace) -> None:
    """Each has its own lines; one of them can be named."""
    both.lines("upgrade", "--database", "audit")
    result = both.db("wait", "--timeout", "0")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == ["default: 3 revisions pending", "audit: up to date"]
    assert both.lines("wait", "--database", "audit") == ["audit: up to date"]


def test_json_says_what_was_seen_last(work: Workplace) -> None:
    """In one value, when it is over."""
    work.lines("upgrade")
    assert work.json("wait") == [
        {
            "database": "default",
            "pending": [],
            "unknown": [],
            "unreachable": "",
            "up_to_date": True,
        }
    ]
    work.lines("downgrade")
    assert work.json("wait", "--timeout", "0", status=1)[0]["pending"] == [NOTES]
