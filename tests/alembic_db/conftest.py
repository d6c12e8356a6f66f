from __future__ import annotations

from pathlib import Path

import pytest

from .projects import BASE
from .projects import BOOK
from .projects import PlainProject


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlainProject:
    """An empty folder."""
    for variable in ("ALEMBIC_BASE", "ALEMBIC_URL"):
        monkeypatch.delenv(variable, raising=False)

    folder = tmp_path / "project"
    folder.mkdir()
    return PlainProject(folder, monkeypatch)


@pytest.fixture
def project(bare: PlainProject) -> PlainProject:
    """A folder with a model package of one model, on a SQLite file, and no migrations yet."""
    bare.write("model/__init__.py", "")
    bare.write("model/base.py", BASE)
    bare.write("model/book.py", BOOK)
    return bare
