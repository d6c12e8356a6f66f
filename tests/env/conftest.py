from __future__ import annotations

import collections.abc as c
from pathlib import Path

import pytest

from .projects import MakeProject
from .projects import Project
from .projects import project_maker


@pytest.fixture
def make_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> c.Iterator[MakeProject]:
    """Make projects in a folder that is the working directory."""
    place = tmp_path / "project"
    place.mkdir()
    monkeypatch.chdir(place)

    with project_maker(place) as make:
        yield make


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    """A project on a SQLite file, with two revisions that nobody has run."""
    made = make_project()
    made.add("a1")
    made.add("b2", "a1")
    return made
