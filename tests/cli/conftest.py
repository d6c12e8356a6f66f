from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from .workplaces import Workplace


@pytest.fixture(autouse=True)
def _no_editor(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test opens a real editor, which would wait for somebody."""
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", "true")


@pytest.fixture
def empty(tmp_path: Path, sqlite_url: sa.URL) -> Workplace:
    """A SQLite database without any revision file."""
    return Workplace(tmp_path, {"default": sqlite_url})


@pytest.fixture
def work(empty: Workplace) -> Workplace:
    """A SQLite database and three revisions, none applied."""
    return empty.write_three()


@pytest.fixture
def server_work(tmp_path: Path, database_url: sa.URL) -> Workplace:
    """A database on each kind of server in turn and three revisions, none applied."""
    return Workplace(tmp_path, {"default": database_url}).write_three()


@pytest.fixture
def both(tmp_path: Path) -> Workplace:
    """Two SQLite databases, `default` and `audit`, and three revisions, none applied."""
    urls = {
        name: sa.URL.create("sqlite", database=str(tmp_path / f"{name}.sqlite"))
        for name in ("default", "audit")
    }
    return Workplace(tmp_path, urls).write_three()


@pytest.fixture
def nowhere(tmp_path: Path) -> Workplace:
    """A database that no server answers for, and three revisions."""
    url = sa.make_url("postgresql+psycopg://me:s3cret@127.0.0.1:1/none")
    return Workplace(tmp_path, {"default": url}).write_three()
