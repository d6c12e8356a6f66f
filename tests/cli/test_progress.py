"""What is printed while a run goes on, from more than one thread."""

from __future__ import annotations

import sys
import types
import typing as t

import pytest

from flask_alembic_admin.cli.progress import Notices
from flask_alembic_admin.cli.progress import Progress

if t.TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep

STEP = t.cast(
    "RevisionStep",
    types.SimpleNamespace(info=types.SimpleNamespace(up_revision_ids=("a1",)), doc="make a1"),
)


def test_a_notice_stands_in_no_line_of_a_step(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal the line that waits for its end is ended, and the end gets its own."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    progress = Progress("db: ")
    progress.run_started("db", [STEP])
    progress.step_started("db", 1, STEP)
    progress.noticed("waits for ada")
    progress.noticed("waits for bob")
    progress.step_done("db", 1, STEP)
    out, err = capsys.readouterr()
    assert out == "db: 1/1 a1 make a1 ... \ndb:     done in 0.0 s\n"
    assert err == "db: waits for ada\ndb: waits for bob\n"


def test_without_a_notice_a_step_has_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time stands at the end of it; a step that does not end leaves no open line."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    progress = Progress()
    progress.run_started("db", [STEP, STEP])
    progress.step_started("db", 1, STEP)
    progress.step_done("db", 1, STEP)
    progress.step_started("db", 2, STEP)
    progress.stop()
    progress.stop()
    assert capsys.readouterr().out == "1/2 a1 make a1 ... 0.0 s\n2/2 a1 make a1 ... \n"


def test_where_there_is_no_terminal_each_line_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """What is noticed between two lines changes none of them."""
    progress = Progress()
    progress.run_started("db", [STEP])
    progress.step_started("db", 1, STEP)
    progress.noticed("waits for ada")
    progress.step_done("db", 1, STEP)
    assert capsys.readouterr() == ("1/1 a1 make a1\n    done in 0.0 s\n", "waits for ada\n")


def test_who_prints_notices_alone_says_nothing_of_steps(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Such as for a stamp, whose steps take no time."""
    notices = Notices("db: ")
    notices.run_started("db", [STEP])
    notices.step_started("db", 1, STEP)
    notices.step_done("db", 1, STEP)
    notices.noticed("waits for ada")
    assert capsys.readouterr() == ("", "db: waits for ada\n")


def test_a_message_of_several_lines_stands_in_one(capsys: pytest.CaptureFixture[str]) -> None:
    """Each step has a line of its own, whatever its file says."""
    info = types.SimpleNamespace(up_revision_ids=("a1",))
    step = t.cast("RevisionStep", types.SimpleNamespace(info=info, doc="make\n  a1"))
    progress = Progress()
    progress.run_started("db", [step])
    progress.step_started("db", 1, step)
    assert capsys.readouterr().out == "1/1 a1 make a1\n"
