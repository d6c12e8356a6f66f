"""What cannot work is told in a sentence with its file, and nothing is written."""

from __future__ import annotations

import pytest

from .projects import BASE
from .projects import BOOK
from .projects import PlainProject

#: What needs a database, and what makes files for one.
NEED_IT = (
    "init",
    "mkdir",
    "revision",
    "migrate",
    "upgrade",
    "downgrade",
    "stamp",
    "current",
    "check",
    "plan",
    "lint",
    "runs",
    "wait",
    "verify",
)
FILES_ALONE = ("history", "heads", "show", "branches", "log")

#: What is in the file, and what is said of it.
BROKEN = {
    "no get_base": ("model/base.py", "Base = 1", "has no function get_base()"),
    "get_base is a value": ("model/base.py", "get_base = {}", "has no function get_base()"),
    "returns nothing": (
        "model/base.py",
        "def get_base(): pass",
        "returns None, no dict",
    ),
    "no URL": (
        "model/base.py",
        BASE.replace("'sqlalchemy_url': 'sqlite:///demo.db'", ""),
        "There is no 'sqlalchemy_url' and no 'engine' in what get_base() in {file} returns",
    ),
    "no base": (
        "model/base.py",
        "def get_base(): return {'sqlalchemy_url': 'sqlite://'}",
        "There is no 'base' in what get_base() in {file} returns",
    ),
    "no metadata": (
        "model/base.py",
        "def get_base(): return {'base': int, 'sqlalchemy_url': 'sqlite://'}",
        "'base' of get_base() in {file} is of type type and has no metadata",
    ),
    "no engine": (
        "model/base.py",
        BASE.replace("'sqlalchemy_url'", "'engine'"),
        "'engine' of get_base() in {file} is of type str",
    ),
    "URL is a number": (
        "model/base.py",
        BASE.replace("'sqlite:///demo.db'", "7"),
        "'sqlalchemy_url' of get_base() in {file} is of type int",
    ),
    "no URL at all": (
        "model/base.py",
        BASE.replace("sqlite:///demo.db", "s3cret word"),
        "is no URL that SQLAlchemy can read",
    ),
    "no such dialect": (
        "model/base.py",
        BASE.replace("sqlite:///", "nosql://me:s3cret@here/"),
        "No engine can be made of 'sqlalchemy_url' of get_base() in {file}",
    ),
    "no databases": (
        "model/base.py",
        "def get_base(): return {'databases': {}}",
        "'databases' of get_base() in {file} is no dict with a database in it",
    ),
    "hidden password": (
        "model/base.py",
        BASE.replace("'sqlite:///demo.db'", "'postgresql+psycopg://me:***@here/shop'"),
        "url.render_as_string(hide_password=False)",
    ),
    "get_base raises": (
        "model/base.py",
        "def get_base():\n    raise ValueError('no such shelf')",
        "get_base() in {file} has failed in {file}, line 2: ValueError: no such shelf",
    ),
    "base does not compile": (
        "model/base.py",
        "def get_base(:",
        "Module model.base cannot be imported in {file}, line 1: SyntaxError",
    ),
    "base needs what is not there": (
        "model/base.py",
        "import nothing_of_that_name",
        "Module model.base cannot be imported in {file}, line 1: ModuleNotFoundError",
    ),
    "base exits": (
        "model/base.py",
        "import sys\nsys.exit('no')",
        "Module model.base cannot be imported in {file}, line 2: SystemExit: no",
    ),
    "model raises": (
        "model/book.py",
        "raise RuntimeError('no shelf')",
        "Module model.book cannot be imported in {file}, line 1: RuntimeError: no shelf",
    ),
    "import_models raises": (
        "model/base.py",
        BASE + "\ndef import_models():\n    from . import nothing_of_that_name\n",
        "import_models() in {file} has failed in {file}, line 9: ImportError",
    ),
}


@pytest.mark.parametrize("command", NEED_IT)
def test_no_base_module(bare: PlainProject, command: str) -> None:
    """The file that would be it is named, and every way to have one."""
    said = bare.refusal(*command.split())
    assert f"no {bare.folder / 'model' / 'base.py'}" in said
    assert "get_base()" in said
    assert "ALEMBIC_BASE" in said
    assert "--metadata" in said


def test_no_revision_is_written_without_a_base(project: PlainProject) -> None:
    """It is not known for how many databases it would be."""
    project.lines("init")
    project.lines("revision", "--rev-id", "one")
    project.lines("revision", "--rev-id", "two", "--head", "base")
    (project.folder / "model" / "base.py").unlink()
    for arguments in (("revision",), ("migrate",), ("merge", "one", "two")):
        assert "There is no base module" in project.refusal(*arguments)


@pytest.mark.parametrize("case", BROKEN)
def test_a_base_that_cannot_be_used(project: PlainProject, case: str) -> None:
    """One sentence names the file and says what to do; another process finds nothing changed."""
    path, text, expected = BROKEN[case]
    file = project.write(path, text)
    said = project.refusal("init")
    assert expected.format(file=file) in said
    assert str(file) in said
    assert said.startswith("Error: ")
    assert said.count("\n") == 1
    assert "s3cret" not in said


def test_the_hidden_password_of_an_engine(project: PlainProject) -> None:
    """Whoever made the engine of a text has lost it too."""
    project.write(
        "model/base.py",
        """
        import sqlalchemy as sa
        from sqlalchemy.orm import declarative_base

        Base = declarative_base()
        url = sa.make_url('mysql+pymysql://me:s3cret@here/shop')

        def get_base():
            return {'base': Base, 'engine': sa.create_engine(str(url))}
        """,
    )
    assert "The password in 'engine' of get_base() in" in project.refusal("current")


@pytest.mark.parametrize("command", FILES_ALONE)
def test_what_needs_files_alone_works_without_a_base(project: PlainProject, command: str) -> None:
    """The history can be read while the models are broken, and where there are none."""
    project.lines("init")
    project.lines("migrate")
    expected = project.lines(command)
    project.write("model/base.py", "raise ValueError")
    assert project.lines(command) == expected
    project.write("model/base.py", BASE)
    project.write("model/book.py", "raise ValueError")
    assert project.lines(command) == expected


@pytest.mark.parametrize(
    "arguments", [("history", "-i"), ("history", "-r", "current:"), ("show", "current")]
)
def test_what_asks_a_database_says_what_is_wrong(
    project: PlainProject, arguments: tuple[str, ...]
) -> None:
    """Also where the same command mostly needs none."""
    project.lines("init")
    project.lines("migrate")
    (project.folder / "model" / "base.py").unlink()
    assert "There is no base module 'model.base'" in project.refusal(*arguments)


def test_a_named_base_module_that_is_not_there(
    project: PlainProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No other one is taken instead."""
    monkeypatch.setenv("ALEMBIC_BASE", "shop.base")
    assert f"no {project.folder / 'shop' / 'base.py'}" in project.refusal("upgrade")


@pytest.mark.parametrize("name", ["..base", " ", "model..base", "model.base.", "7", "a-b"])
def test_a_name_that_is_none(
    project: PlainProject, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It is told as one of no module is."""
    monkeypatch.setenv("ALEMBIC_BASE", name)
    assert project.refusal("upgrade").startswith("Error: There is no base module")


def test_traceback_shows_where_it_came_from(project: PlainProject) -> None:
    """When it is asked for."""
    project.write("model/book.py", "raise RuntimeError('no shelf')")
    said = project.db("current", "--traceback").stderr
    assert "Traceback" in said
    assert 'book.py", line 1' in said


def test_what_models_print_is_no_output(project: PlainProject) -> None:
    """A program that reads JSON is not disturbed."""
    project.write("model/book.py", BOOK + "print('hello')")
    project.lines("init")
    assert project.json("current")[0]["up_to_date"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"[alembic]\nfile_template = %(rev)s\n", "option 'file_template' of [alembic] has a '%'"),
        (b"[alembic]\nfile_template = 100%\n", "option 'file_template' of [alembic] has a '%'"),
        (b"[alembic]\n# \xe4\n", "is not UTF-8"),
        (b"file_template = x\n", "cannot be read"),
    ],
)
def test_an_ini_file_that_cannot_be_read(
    project: PlainProject, content: bytes, expected: str
) -> None:
    """It is named; one that is missing is none."""
    file = project.write("migrations/alembic.ini", "")
    file.write_bytes(content)
    said = project.refusal("heads")
    assert expected in said
    assert str(file) in said
