"""The example of alembic-migrate's README, and both of its customisations, step by step."""

from __future__ import annotations

import pytest

from .projects import PlainProject

#: As the README has them; the first import is an old one, which SQLAlchemy still takes.
BASE = """
# model/base.py
from sqlalchemy.ext.declarative import declarative_base

Base = declarative_base()

def get_base():
    return {'base': Base, 'sqlalchemy_url': 'sqlite:///demo.db'}
"""
BOOK = """
from .base import Base
from sqlalchemy import Integer, String, Column

class Book(Base):
    __tablename__ = 'books'
    name = Column(String, primary_key=True)
    year = Column(Integer)
"""
CAR = BOOK.replace("Book", "Car").replace("books", "cars")

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.MovedIn20Warning")


@pytest.fixture
def library(bare: PlainProject) -> PlainProject:
    """The files of the README."""
    bare.write("model/__init__.py", "")
    bare.write("model/base.py", BASE)
    bare.write("model/book.py", BOOK)
    return bare


def test_the_example(library: PlainProject) -> None:
    """Files, init, migrate, upgrade, a changed model, again, down, stamp."""
    library.lines("init")
    assert library.files() >= {"migrations/script.py.mako"}

    library.lines("migrate")
    (first,) = library.revisions()
    assert library.schema() == {}

    library.lines("upgrade")
    assert library.schema() == {"books": ["name", "year"]}

    library.write("model/book.py", BOOK + "    pages = Column(Integer)\n")
    library.lines("migrate", "-m", "count pages")
    _, second = library.revisions()
    assert second.name.endswith("_count_pages.py")
    assert library.schema() == {"books": ["name", "year"]}

    library.lines("upgrade")
    assert library.schema() == {"books": ["name", "year", "pages"]}
    (head,) = library.heads()
    assert second.name.startswith(head)

    library.lines("downgrade")
    assert library.schema() == {"books": ["name", "year"]}
    (lower,) = library.heads()
    assert first.name.startswith(lower)

    library.lines("stamp", "head")
    assert library.schema() == {"books": ["name", "year"]}
    assert library.heads() == [head]
    assert library.db("check").exit_code == 1

    library.lines("stamp", lower)
    library.lines("upgrade")
    assert library.schema() == {"books": ["name", "year", "pages"]}
    assert library.db("check").exit_code == 0


def test_nothing_is_written_where_nothing_differs(library: PlainProject) -> None:
    """As there, ``migrate`` makes no empty file."""
    library.lines("init")
    library.lines("migrate")
    library.lines("upgrade")
    (said,) = library.lines("migrate")
    assert said == "No changes detected: no revision was written."
    assert len(library.revisions()) == 1


def test_another_base_module(bare: PlainProject, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first customisation: ``ALEMBIC_BASE`` names it."""
    bare.write("my_model/__init__.py", "")
    bare.write("my_model/base.py", BASE)
    bare.write("my_model/book.py", BOOK)
    monkeypatch.setenv("ALEMBIC_BASE", "my_model.base")
    bare.lines("init")
    bare.lines("migrate")
    bare.lines("upgrade")
    assert bare.schema() == {"books": ["name", "year"]}


def test_own_logic_to_import_models(library: PlainProject) -> None:
    """The second customisation: exactly what ``import_models()`` imports is known."""
    library.write(
        "model/base.py",
        """
        from sqlalchemy.ext.declarative import declarative_base

        Base = declarative_base()

        def import_models():
           from . import car, book
           from .sub import other_models

        def get_base():
            return {'base': Base, 'sqlalchemy_url': 'sqlite:///demo.db'}
        """,
    )
    library.write("model/car.py", CAR)
    library.write("model/left_out.py", "raise SystemExit('nobody asked for this')")
    library.write("model/sub/__init__.py", "")
    library.write(
        "model/sub/other_models.py",
        CAR.replace("Car", "Shelf").replace("cars", "shelves").replace(".base", "..base"),
    )
    library.lines("init")
    library.lines("migrate")
    library.lines("upgrade")
    assert set(library.schema()) == {"books", "cars", "shelves"}
