from __future__ import annotations

from pathlib import Path

import pytest

from .projects import FlaskProject
from .projects import quiet


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FlaskProject:
    """An empty folder."""
    folder = tmp_path / "shop"
    folder.mkdir()
    quiet(monkeypatch)
    return FlaskProject(folder, monkeypatch)
