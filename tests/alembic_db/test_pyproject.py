"""Projects without a ``model`` package: ``pyproject.toml``, options and the environment."""

from __future__ import annotations

import pytest

from .projects import BASE
from .projects import PlainProject

MODELS = """
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase

class Base(DeclarativeBase):
    pass

class Book(Base):
    __tablename__ = 'books'
    name = sa.Column(sa.String, primary_key=True)

class All:
    base = Base

audit = sa.MetaData()
sa.Table('lines', audit, sa.Column('id', sa.Integer, primary_key=True))
"""
BOTH = ("--url", "sqlite:///demo.db", "--metadata", "shop.models:Base")


@pytest.fixture
def shop(bare: PlainProject) -> PlainProject:
    """A package with models, and no base module."""
    bare.write("shop/__init__.py", "")
    bare.write("shop/models.py", MODELS)
    return bare


def table(project: PlainProject, text: str) -> None:
    """Write ``[tool.alembic_db]``."""
    project.write("pyproject.toml", f"[tool.other]\nx = 1\n\n[tool.alembic_db]\n{text}")


def test_options_are_enough(shop: PlainProject) -> None:
    """After the command or before it."""
    shop.lines("init", *BOTH)
    shop.lines(*BOTH, "migrate")
    shop.lines(*BOTH[:2], "upgrade", *BOTH[2:])
    assert set(shop.schema()) == {"books"}


def test_the_last_option_counts(shop: PlainProject) -> None:
    """What stands behind the command is nearer to it."""
    shop.lines("init", *BOTH)
    shop.lines("migrate", *BOTH)
    shop.lines("--url", "sqlite:///other.db", "upgrade", *BOTH)
    assert "other.db" not in shop.files()


def test_the_environment_may_hold_the_url(
    shop: PlainProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There nobody sees it who lists processes; an option counts more."""
    monkeypatch.setenv("ALEMBIC_URL", "sqlite:///demo.db")
    shop.lines("init", *BOTH[2:])
    shop.lines("migrate", *BOTH[2:])
    shop.lines("upgrade", *BOTH[2:], "--url", "sqlite:///other.db")
    shop.lines("upgrade", *BOTH[2:])
    assert set(shop.schema()) == set(shop.schema("other.db")) == {"books"}


@pytest.mark.parametrize("name", ["Base", "Base.metadata", "All.base"])
def test_pyproject_is_enough(shop: PlainProject, name: str) -> None:
    """Base and URL, and nothing on the command line."""
    table(shop, f"url = 'sqlite:///demo.db'\nmetadata = 'shop.models:{name}'")
    shop.lines("init")
    shop.lines("migrate")
    shop.lines("upgrade")
    assert set(shop.schema()) == {"books"}


def test_pyproject_may_name_the_folder_and_the_base(project: PlainProject) -> None:
    """The folder is relative to the project; an option counts more."""
    (project.folder / "model").rename(project.folder / "books")
    table(project, "base = 'books.base'\ndirectory = 'db/migrations'")
    project.lines("init")
    project.lines("migrate")
    assert len(project.revisions("db/migrations/versions")) == 1
    project.lines("init", "-d", "other")
    assert "other/script.py.mako" in project.files()


def test_the_folder_may_be_in_a_package(shop: PlainProject) -> None:
    """As Alembic takes it; one that is in none is told."""
    table(
        shop, "directory = 'shop:moves'\nurl = 'sqlite:///demo.db'\nmetadata = 'shop.models:Base'"
    )
    shop.lines("init")
    shop.lines("migrate")
    assert len(shop.revisions("shop/moves/versions")) == 1
    said = shop.refusal("upgrade", "-d", "nowhere:moves")
    assert "Location 'nowhere:moves' in [tool.alembic_db] is read as 'package:folder'" in said


def test_pyproject_may_name_several_databases(shop: PlainProject) -> None:
    """Each with its URL; the metadata may be that of all."""
    table(
        shop,
        """
        metadata = 'shop.models:Base'
        [tool.alembic_db.databases.default]
        url = 'sqlite:///demo.db'
        [tool.alembic_db.databases.audit]
        url = 'sqlite:///audit.db'
        metadata = 'shop.models:audit'
        """,
    )
    shop.lines("init")
    shop.lines("migrate")
    shop.lines("upgrade")
    assert set(shop.schema()) == {"books"}
    assert set(shop.schema("audit.db")) == {"lines"}


def test_alembic_base_counts_more_than_pyproject(
    project: PlainProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sets it for one call means it."""
    table(project, "url = 'sqlite:///other.db'\nmetadata = 'shop.models:Base'")
    monkeypatch.setenv("ALEMBIC_BASE", "model.base")
    project.lines("init")
    project.lines("migrate")
    project.lines("upgrade")
    assert set(project.schema()) == {"books"}


def test_one_part_of_a_base_may_be_said_otherwise(project: PlainProject) -> None:
    """Such as to run the same migrations on another database."""
    project.lines("init")
    project.lines("migrate")
    project.lines("upgrade", "--url", "sqlite:///other.db")
    assert set(project.schema("other.db")) == {"books"}
    assert set(project.schema()) == set()


def test_options_of_the_engine_are_in_the_same_table(project: PlainProject) -> None:
    """Those that an app has in ``ALEMBIC_ADMIN``, ``ALEMBIC`` and ``ALEMBIC_CONTEXT``."""
    table(
        project,
        """
        ledger = 'sqlite:///record.db'
        lock_timeout = 2
        alembic.file_template = 'at_%(rev)s'
        context.version_table = 'version'
        """,
    )
    project.lines("init")
    project.lines("migrate")
    project.lines("upgrade")
    (file,) = project.revisions()
    assert file.name.startswith("at_")
    assert set(project.schema()) == {"books", "version"}
    assert "record.db" in project.files()
    assert "demo.db.alembic-admin.sqlite" not in project.files()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ledgre = 'x'", "'ledgre' of [tool.alembic_db] in {file} is no option. Did you mean"),
        ("lock_timeout = 'long'", "'lock_timeout' of [tool.alembic_db] is 'long'. Give a number"),
        ("url = 7", "'url' of [tool.alembic_db] in {file} is 7. Give a text."),
        ("context = 7", "Write it as a table, [tool.alembic_db.context]."),
        ("url =", "{file} is no TOML: Invalid value (at "),
        ("alembic.version_locations = 7", "'version_locations' of [tool.alembic_db.alembic] holds"),
        ("databases.a = 7", "'databases.a' of [tool.alembic_db] in {file} is no table of texts."),
        ("databases.a.uri = 'x'", "has the key 'uri'. Known are: url, metadata."),
    ],
)
def test_a_table_that_cannot_work(project: PlainProject, text: str, said: str) -> None:
    """It is told with the key and the file, as they are called there."""
    table(project, text)
    assert said.format(file=project.folder / "pyproject.toml") in project.refusal("heads")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("url = 'sqlite://'", "'url' of [tool.alembic_db] in {file} is given without metadata."),
        ("metadata = 'shop.models:Base'", "is given without a URL. There is no base module"),
        ("metadata = 'shop.models'\nurl = 'sqlite://'", "Write package.module:Base, with a colon"),
        ("metadata = 'nowhere:Base'\nurl = 'sqlite://'", "names the module 'nowhere', and there"),
        ("metadata = 'shop.models:No'\nurl = 'sqlite://'", "models.py has no 'No'"),
        ("metadata = 'shop.models:sa'\nurl = 'sqlite://'", "is of type module and has no metadata"),
        ("metadata = 'shop.models:Base'\nurl = 'no'", "in {file} is no URL that SQLAlchemy"),
        ("metadata = 'shop.models:Base'\nurl = 'nosql://h/d'", "No engine can be made of 'url'"),
        ("metadata = 'shop.models:Base'\nurl = 'mysql://me:***@h/d'", "The password in 'url' of"),
        ("databases.a.url = 'sqlite://'", "'databases.a' of [tool.alembic_db] in {file} has no me"),
        ("databases.a.metadata = 'shop.models:Base'", "in {file} has no url."),
    ],
)
def test_databases_that_cannot_be(shop: PlainProject, text: str, said: str) -> None:
    """Whoever asks for them is told where they are said; the files can be read."""
    table(shop, text)
    assert said.format(file=shop.folder / "pyproject.toml") in shop.refusal("upgrade")
    shop.write("migrations/versions/a1.py", "revision, down_revision = 'a1', None")
    assert [head["revision"] for head in shop.json("heads")] == ["a1"]


def test_a_url_for_one_of_several_databases_is_refused(shop: PlainProject) -> None:
    """Nobody knows which is meant."""
    table(shop, "metadata = 'shop.models:Base'\ndatabases.a.url = 'sqlite:///a.db'")
    shop.write("migrations/versions/a1.py", "revision, down_revision = 'a1', None")
    assert "--url is for one database, and 'databases'" in shop.refusal(
        "plan", "--url", "sqlite://"
    )
    shop.write("model/base.py", BASE.replace("'base': Base", "'databases': {'a': {}}"))
    (shop.folder / "pyproject.toml").unlink()
    assert "--url is for one database, and get_base()" in shop.refusal("plan", "--url", "sqlite://")


@pytest.mark.parametrize("option", ["--url", "--metadata"])
def test_an_option_that_is_not_enough(shop: PlainProject, option: str) -> None:
    """The other one is asked for."""
    other = {"--url": "--metadata", "--metadata": "--url"}[option]
    said = shop.refusal("upgrade", option, "x:y")
    assert f"Say {other} as well." in said
