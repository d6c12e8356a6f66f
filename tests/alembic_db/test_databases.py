"""What ``get_base()`` may return: URLs, engines, several databases, on each kind of server."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from .projects import BASE
from .projects import BOOK
from .projects import PlainProject

TWO = """
from sqlalchemy.orm import declarative_base

Base, Audit = declarative_base(), declarative_base()

def get_base():
    return {'databases': {
        'default': {'base': Base, 'sqlalchemy_url': 'sqlite:///demo.db'},
        'audit': {'base': Audit, 'sqlalchemy_url': 'sqlite:///audit.db'},
    }}
"""


def first_upgrade(project: PlainProject) -> None:
    """Make the first revision, and run it."""
    project.lines("init")
    project.lines("migrate", "-m", "begin")
    project.lines("upgrade")


def test_a_url_object_keeps_its_password(project: PlainProject, database_url: sa.URL) -> None:
    """The engine gets it whole; the record is beside SQLite, and in any other database."""
    project.write(
        "model/base.py",
        BASE.replace(
            "'sqlite:///demo.db'",
            f"sa.URL.create({database_url.drivername!r}, {database_url.username!r}, "
            f"{database_url.password!r}, {database_url.host!r}, {database_url.port!r}, "
            f"{database_url.database!r})",
        ).replace("\nBase =", "\nimport sqlalchemy as sa\n\nBase ="),
    )
    project.write("model/book.py", BOOK.replace("(String,", "(String(50),"))
    first_upgrade(project)
    engine = sa.create_engine(database_url, poolclass=sa.NullPool)
    tables = set(sa.inspect(engine).get_table_names())
    beside = project.folder.parent / f"{database_url.database}.alembic-admin.sqlite"
    assert "books" in tables
    assert ("alembic_admin_run" in tables) != beside.exists()
    assert len(project.json("runs")) == 1


def test_an_engine_may_be_given(project: PlainProject) -> None:
    """With whatever was set on it."""
    project.write(
        "model/base.py",
        BASE.replace(
            "'sqlalchemy_url': 'sqlite:///demo.db'",
            "'engine': sa.create_engine('sqlite:///demo.db', poolclass=sa.NullPool)",
        ).replace("\nBase =", "\nimport sqlalchemy as sa\n\nBase ="),
    )
    first_upgrade(project)
    assert set(project.schema()) == {"books"}


@pytest.mark.parametrize(
    "entry",
    [
        "'engine': create_async_engine('sqlite+aiosqlite:///demo.db')",
        "'sqlalchemy_url': 'sqlite+aiosqlite:///demo.db'",
    ],
)
def test_a_driver_for_coroutines_may_be_given(project: PlainProject, entry: str) -> None:
    """Migrations take the one beside it."""
    text = BASE.replace("'sqlalchemy_url': 'sqlite:///demo.db'", entry)
    project.write("model/base.py", f"from sqlalchemy.ext.asyncio import create_async_engine{text}")
    first_upgrade(project)
    assert set(project.schema()) == {"books"}


def test_an_async_engine_that_cannot_be_followed_is_told(project: PlainProject) -> None:
    """With what to give instead, as it is called here."""
    project.write("model/base.py", BASE.replace("sqlite:///demo.db", "sqlite+aiosqlite://"))
    said = project.refusal("init")
    assert "is a SQLite database in memory" in said
    assert "Pass an 'engine' made by sqlalchemy.create_engine() instead." in said


@pytest.mark.parametrize("base", ["Base.metadata", "[Base, sa.MetaData()]", "(Base.metadata,)"])
def test_a_base_may_be_metadata(project: PlainProject, base: str) -> None:
    """One or several, for the same database."""
    project.write(
        "model/base.py", f"import sqlalchemy as sa{BASE}".replace(": Base,", f": {base},")
    )
    first_upgrade(project)
    assert set(project.schema()) == {"books"}


def test_several_databases(project: PlainProject) -> None:
    """Each gets its own tables, and its own line."""
    project.write("model/base.py", TWO)
    project.write(
        "model/log.py",
        BOOK.replace("Base", "Audit").replace("Book", "Line").replace("books", "lines"),
    )
    project.lines("init", "--multidb")
    project.lines("migrate")
    (file,) = project.revisions()
    assert "def upgrade_audit()" in file.read_text()
    assert any(line.startswith("audit: upgraded base ->") for line in project.lines("upgrade"))
    assert set(project.schema()) == {"books"}
    assert set(project.schema("audit.db")) == {"lines"}
    project.lines("downgrade", "--database", "audit")
    assert set(project.schema()) == {"books"}
    assert set(project.schema("audit.db")) == set()


def test_several_databases_with_the_same_tables(project: PlainProject) -> None:
    """A base beside ``databases`` is that of all; a URL or an engine is enough then."""
    project.write(
        "model/base.py",
        f"import sqlalchemy as sa{BASE}".replace(
            "'sqlalchemy_url': 'sqlite:///demo.db'",
            "'databases': {'one': 'sqlite:///one.db', "
            "'two': sa.create_engine('sqlite:///two.db', poolclass=sa.NullPool)}",
        ),
    )
    first_upgrade(project)
    assert set(project.schema("one.db")) == set(project.schema("two.db")) == {"books"}


def test_options_of_configure_may_be_declared(project: PlainProject) -> None:
    """Functions too, which no file of words can hold."""
    project.write(
        "model/base.py",
        BASE.replace(
            "'sqlite:///demo.db'}",
            "'sqlite:///demo.db', 'context': {'version_table': 'version', "
            "'include_name': lambda name, kind, parents: name != 'hidden'}}",
        ),
    )
    first_upgrade(project)
    assert set(project.schema()) == {"books", "version"}


def test_a_base_module_outside_a_package(
    bare: PlainProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing beside it is imported."""
    monkeypatch.setenv("ALEMBIC_BASE", "plain_base")
    bare.write("plain_base.py", BASE + BOOK.replace("from .base import Base\n", ""))
    bare.write("setup.py", "raise SystemExit('nobody asked for this')")
    first_upgrade(bare)
    assert set(bare.schema()) == {"books"}


def test_programs_beside_the_base_are_not_started(project: PlainProject) -> None:
    """Nor are packages imported: ``import_models()`` is for those."""
    project.write("model/__main__.py", "raise SystemExit('nobody asked for this')")
    project.write("model/sub/__init__.py", "raise SystemExit('nobody asked for this')")
    first_upgrade(project)
    assert set(project.schema()) == {"books"}


def test_the_project_s_own_package_comes_first(
    project: PlainProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others may have a package called ``model`` too."""
    other = project.folder.parent / "other"
    (other / "model").mkdir(parents=True)
    (other / "model" / "__init__.py").touch()
    (other / "model" / "base.py").write_text("raise SystemExit('nobody asked for this')")
    monkeypatch.syspath_prepend(str(project.folder))
    monkeypatch.syspath_prepend(str(other))
    first_upgrade(project)
    assert set(project.schema()) == {"books"}


def test_the_record_is_found_wherever_the_database_is(project: PlainProject) -> None:
    """It lies beside the database, which may not be in the project."""
    (project.folder / "data").mkdir()
    project.write("model/base.py", BASE.replace("demo.db", "data/demo.db"))
    first_upgrade(project)
    assert "data/demo.db.alembic-admin.sqlite" in project.files()
    assert [run["status"] for run in project.json("runs")] == ["succeeded"]


def test_each_file_has_a_record_of_its_own(project: PlainProject) -> None:
    """Also where they are called the same, in one folder."""
    first_upgrade(project)
    assert project.lines("runs", "--url", "sqlite:///other.db") == ["no run yet"]
    project.lines("upgrade", "--url", "sqlite:///other.db")
    assert len(project.json("runs", "--url", "sqlite:///other.db")) == 1
    assert len(project.json("runs")) == 1


def test_a_database_in_memory_can_be_asked(project: PlainProject) -> None:
    """It is empty each time, and nothing is written."""
    project.write("model/base.py", BASE.replace("sqlite:///demo.db", "sqlite://"))
    project.lines("init")
    assert project.json("current")[0]["revisions"] == []
    assert "demo.db" not in project.files()
