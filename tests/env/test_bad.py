"""An ``env.py`` or ``alembic.ini`` that cannot be used: one sentence, and pages still open."""

from __future__ import annotations

import typing as t
from pathlib import Path

import alembic.command
import pytest
from alembic.config import Config
from flask import Flask

from flask_alembic_admin import Alembic
from flask_alembic_admin.errors import MigrationError

from .projects import MakeProject
from .projects import Project

ENV = {
    "raises": ("import os\nos.environ['NOT_THERE']\n", "line 2 raised KeyError: 'NOT_THERE'"),
    "exits": ("import sys\nsys.exit(3)\n", "line 2 ends the process by sys.exit(3)"),
    "is no Python": ("def (\n", "line 1 raised SyntaxError"),
    "configures nothing": ("from alembic import context\n", "has not called context.configure()"),
    "gives no connection": (
        "from alembic import context\ncontext.configure(url='sqlite://')\ncontext.run_migrations()\n",
        "gives configure() no connection",
    ),
}


@pytest.mark.parametrize("name", ENV)
def test_a_bad_env_py_is_told_in_a_sentence(project: Project, name: str) -> None:
    """With the file and what to do; nothing is written."""
    text, said = ENV[name]
    project.env_py.write_text(text)

    with project.app.app_context(), pytest.raises(MigrationError) as caught:
        project.alembic.upgrade()

    assert str(project.env_py) in caught.value.message
    assert said in caught.value.message
    assert caught.value.cure
    assert project.tables() == set()


@pytest.mark.parametrize("name", ["raises", "exits", "configures nothing"])
def test_nothing_is_planned_or_written_with_a_bad_env_py(project: Project, name: str) -> None:
    """Neither a plan nor a revision."""
    project.env_py.write_text(ENV[name][0])
    before = sorted(path.name for path in project.folder.glob("versions/*.py"))

    with project.app.app_context():
        for act in (project.alembic.plan, lambda: project.alembic.revision("more")):
            with pytest.raises(MigrationError):
                t.cast(t.Any, act)()

    assert sorted(path.name for path in project.folder.glob("versions/*.py")) == before


def test_an_option_given_twice_is_named(make_project: MakeProject) -> None:
    """compare_type by name and once more by Migrate()."""
    project = make_project(compare_type=False)
    project.add("a1")
    project.edit_env("connection=connection,", "connection=connection, compare_type=True,")

    with project.app.app_context(), pytest.raises(MigrationError, match="'compare_type'") as caught:
        project.alembic.upgrade()

    assert "twice" in caught.value.message
    assert "Migrate()" in caught.value.cure


INI = {
    "missing": (None, "There is no alembic.ini"),
    "not UTF-8": ("[alembic]\nname = \xe4\n".encode("latin-1"), "is not UTF-8: line 2"),
    "a bare %": (b"[alembic]\nfile_template = %(year)d-%s\n", "'file_template' of [alembic]"),
    "no ini": (b"nonsense\n", "cannot be read"),
}


@pytest.fixture
def bad(request: pytest.FixtureRequest, make_project: MakeProject) -> tuple[Project, str]:
    """A project with a bad alembic.ini, and what is said about it."""
    content, said = INI[request.param]
    made = make_project()
    made.add("a1")
    made.ini.unlink()

    if content is not None:
        made.ini.write_bytes(content)

    return made, said


every_ini = pytest.mark.parametrize("bad", INI, indirect=True)


@every_ini
def test_a_bad_ini_is_told_in_a_sentence(bad: tuple[Project, str]) -> None:
    """With the file and what to do; nothing is run."""
    project, said = bad

    with project.app.app_context(), pytest.raises(MigrationError) as caught:
        project.alembic.upgrade()

    assert said in caught.value.message
    assert str(project.folder) in caught.value.message
    assert caught.value.cure
    assert project.tables() == set()


@every_ini
def test_pages_open_with_a_bad_ini(bad: tuple[Project, str]) -> None:
    """The history is there, and the status says what is wrong."""
    project, said = bad
    client = project.app.test_client()
    assert b"a1" in client.get("/alembic/db/default/history").data
    page = client.get("/alembic/db/default/").data.decode()
    assert said.replace("'", "&#39;") in page


@every_ini
def test_doctor_tells_of_a_bad_ini(bad: tuple[Project, str]) -> None:
    """And has a status of its own."""
    project, said = bad
    result = project.app.test_cli_runner().invoke(args=["migrations", "doctor"])
    assert said in result.output
    assert result.exit_code == 1


def test_no_page_runs_env_py(project: Project, tmp_path: Path) -> None:
    """Looking is free."""
    mark = tmp_path / "was-run"
    project.env_py.write_text(f"open({str(mark)!r}, 'w').close()\n" + project.env_py.read_text())
    client = project.app.test_client()

    for page in ("", "history", "heads", "actions", "diff"):
        assert client.get(f"/alembic/db/default/{page}").status_code == 200

    assert not mark.exists()


def test_an_error_of_env_py_shows_no_secret(project: Project) -> None:
    """Neither that of its database nor those of other URLs in the settings."""
    url = "postgresql://shop:pw-of-the-copy@db/copy"
    project.app.config["ALEMBIC_ADMIN"] = {"rehearsal": url}
    project.env_py.write_text(f"raise RuntimeError('no way to {url}, pw-of-the-copy')")

    with project.app.app_context(), pytest.raises(MigrationError) as caught:
        project.alembic.upgrade()

    assert "RuntimeError" in str(caught.value)
    assert "pw-of-the-copy" not in str(caught.value)


URLS = {
    "none": ("", "gives no sqlalchemy.url, and the app no engine"),
    "the sample": ("driver://user:pass@localhost/dbname", "gives no sqlalchemy.url"),
    "no URL": ("nonsense", "cannot be used: it is no URL that SQLAlchemy can read"),
    "no driver": ("postgresql+nodriver://u:pw-of-u@h/d", "nodriver"),
}


@pytest.mark.parametrize("name", URLS)
def test_a_url_of_alembic_ini_that_cannot_be_used_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """With the file, and without its password; nothing is made."""
    url, said = URLS[name]
    monkeypatch.chdir(tmp_path)
    ini = tmp_path / "alembic.ini"
    alembic.command.init(Config(str(ini)), str(tmp_path / "changes"))
    ini.write_text(ini.read_text().replace("driver://user:pass@localhost/dbname", url))
    app = Flask("plain", root_path=str(tmp_path), instance_path=str(tmp_path / "instance"))
    Alembic(app)
    result = app.test_cli_runner().invoke(args=["db", "current"])
    assert result.exit_code == 2
    assert result.output.startswith("Error: ")
    assert str(ini) in result.output
    assert said in result.output
    assert "pw-of-u" not in result.output
    assert not (tmp_path / "instance").exists()


def test_an_env_py_without_models_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By everything that compares, in the same words."""
    monkeypatch.chdir(tmp_path)
    ini = tmp_path / "alembic.ini"
    alembic.command.init(Config(str(ini)), str(tmp_path / "changes"))
    sample = "driver://user:pass@localhost/dbname"
    ini.write_text(ini.read_text().replace(sample, f"sqlite:///{tmp_path / 'plain.sqlite'}"))
    app = Flask("plain", root_path=str(tmp_path), instance_path=str(tmp_path / "instance"))
    Alembic(app)

    for command in (["check"], ["revision", "more"], ["migrate", "-m", "more"]):
        result = app.test_cli_runner().invoke(args=["db", *command])
        assert result.exit_code == 3
        assert result.output == (
            f"Error: {tmp_path / 'changes' / 'env.py'} gives no target_metadata to configure(), so "
            "there are no models to compare with. Pass target_metadata=, such as Base.metadata.\n"
        )

    assert not list((tmp_path / "changes" / "versions").glob("*.py"))
