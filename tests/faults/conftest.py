from __future__ import annotations

import collections.abc as c
import typing as t
from pathlib import Path

import pytest
import sqlalchemy as sa

from .place import Place

MakePlace: t.TypeAlias = c.Callable[..., Place]


@pytest.fixture
def make_place(tmp_path: Path, database_url: sa.URL) -> c.Iterator[MakePlace]:
    """Makes a place with options of its own; what it leaves running is ended after the test."""
    places: list[Place] = []

    def make(url: sa.URL | None = None, **options: t.Any) -> Place:
        places.append(Place(tmp_path, url or database_url, **options))
        return places[-1]

    yield make

    for place in places:
        place.close()


@pytest.fixture
def place(make_place: MakePlace) -> Place:
    """A place on an empty database, on each kind of server in turn."""
    return make_place()
