"""Which folder is found, what its configuration says, and what commands are called."""

from __future__ import annotations

from pathlib import Path

import alembic.command
import pytest
import sqlalchemy as sa
from alembic.config import Config
from flask import Flask

from flask_alembic_admin import Alembic
from flask_alembic_admin.core.status import database_status

from ..apps import dispose
from .projects import MakeProject
from .projects import Project
from .projects import without_spaces


def test_flask_db_stays_that_of_flask_migrate(project: Project) -> None:
    """Ours is `flask migrations`."""
    import flask_migrate.cli

    assert project.app.cli.commands["db"] is flask_migrate.cli.db
    runner = project.app.test_cli_runner()
    assert runner.invoke(args=["migrations", "upgrade"]).exit_code == 0
    assert "up to date" in runner.invoke(args=["migrations", "current"]).output
    assert project.tables() == {"t_a1", "t_b2"}


def test_help_and_messages_call_commands_as_they_are(project: Project) -> None:
    """Whoever copies them must not get Flask-Migrate's."""
    runner = project.app.test_cli_runner()
    output = runner.invoke(args=["migrations", "upgrade", "--help"]).output
    assert "flask migrations upgrade" in output
    assert "flask db" not in output

    with project.app.app_context():
        project.alembic.stamp("a1")

    project.add("c3", "a1")
    output = runner.invoke(args=["migrations", "upgrade", "head"]).output
    assert "flask db" not in output


def test_a_directory_of_its_own(make_project: MakeProject) -> None:
    """The one that Migrate() was given, and doctor says so."""
    project = make_project(directory="db/changes")
    project.add("a1")
    project.upgrade()
    assert project.tables() == {"t_a1"}
    output = project.app.test_cli_runner().invoke(args=["migrations", "doctor"]).output
    assert "the directory of Migrate() 'db/changes', relative to the working directory" in output


def test_it_is_found_from_elsewhere(
    make_project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative to the app, where the working directory has no such folder."""
    project = make_project()
    project.add("a1")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    project.upgrade()
    assert project.tables() == {"t_a1"}
    assert not list(elsewhere.iterdir())


def test_several_version_locations(make_project: MakeProject) -> None:
    """And folders below them, as alembic.ini says."""
    project = make_project()
    text = project.ini.read_text().replace(
        "[alembic]",
        "[alembic]\npath_separator = newline\nrecursive_version_locations = true\n"
        "version_locations =\n    %(here)s/one\n    %(here)s/two\n",
    )
    project.ini.write_text(text)
    project.add("a1", folder=project.folder / "one" / "2026")
    project.add("b2", folder=project.folder / "two")
    again = make_project()
    assert {run.after for run in again.upgrade()} == {("a1", "b2")} or again.versions() == {
        "a1",
        "b2",
    }


def test_the_version_table_is_read_where_env_py_keeps_it(
    make_project: MakeProject, postgresql_url: sa.URL
) -> None:
    """Told by the text of env.py, and by what Migrate() was given."""
    project = make_project(postgresql_url, version_table="shop_version")
    project.execute("CREATE SCHEMA own")
    project.edit_env("connection=connection,", "connection=connection, version_table_schema='own',")
    project.add("a1")

    with project.app.app_context():
        assert project.alembic.project.version_table("default") == "own.shop_version"

    project.upgrade()
    assert project.versions(table="own.shop_version") == {"a1"}

    with project.app.app_context():
        assert project.alembic.current_ids() == ("a1",)


CONNECTABLE = "    connectable = "


@pytest.mark.parametrize(
    ("line", "table"),
    [
        ("conf_args['version_table'] = 'own'", "own"),
        ("conf_args.update(version_table='own')", "own"),
        ("conf_args |= {'version_table': 'own'}", "own"),
        ("conf_args.update(dict(version_table='own'))", "own"),
        # Told by `doctor`, and known after the first plan.
        ("conf_args['version_table'] = str('own')", "alembic_version"),
        ("conf_args['version_table'] = 'a'; conf_args['version_table'] = 'own'", "alembic_version"),
    ],
)
def test_a_version_table_that_is_passed_on_is_known(
    project: Project, line: str, table: str
) -> None:
    """Where env.py puts it among the options of Flask-Migrate, as far as its text tells."""
    line = f"conf_args = current_app.extensions['migrate'].configure_args; {line}\n"
    project.edit_env(CONNECTABLE, f"    {line}{CONNECTABLE}")

    with project.app.app_context():
        assert project.alembic.project.version_table("default") == table
        project.alembic.plan()
        assert project.alembic.project.version_table("default") == "own"


def test_include_object_of_env_py_decides_what_is_compared(make_project: MakeProject) -> None:
    """And what is written."""
    project = make_project()
    project.execute("CREATE TABLE legacy (id INTEGER)")

    with project.app.app_context():
        assert any(diff[0] == "remove_table" for diff in project.alembic.compare_metadata())

    project.edit_env(
        "connection=connection,",
        "connection=connection,\n            include_object=lambda o, name, *_: name != 'legacy',",
    )

    with project.app.app_context():
        assert not any(diff[0] == "remove_table" for diff in project.alembic.compare_metadata())


def test_heads_are_merged(project: Project) -> None:
    """And run."""
    project.add("c3", "a1")

    with project.app.app_context():
        assert len(project.alembic.heads()) == 2
        script = project.alembic.merge(message="join")
        assert script is not None
        assert Path(script.path).parent == project.folder / "versions"

    project.upgrade()
    assert project.tables() == {"t_a1", "t_b2", "t_c3"}


def test_the_folder_can_be_used_without_its_env_py(make_project: MakeProject) -> None:
    """By one setting; its revision files stay where they are."""
    project = make_project(config={"ALEMBIC_ADMIN": {"run_env_py": False}})
    project.add("a1")
    project.env_py.write_text("raise RuntimeError('was run')")
    project.upgrade()
    assert project.tables() == {"t_a1"}


@pytest.mark.parametrize("template", ["generic", "pyproject", "async"])
def test_a_folder_of_alembic_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, template: str
) -> None:
    """With the URL of alembic.ini, no Flask-SQLAlchemy and no Flask-Migrate."""
    monkeypatch.chdir(tmp_path)
    driver = "sqlite+aiosqlite" if template == "async" else "sqlite"
    url = f"{driver}:///{tmp_path / 'plain.sqlite'}"
    ini = tmp_path / "alembic.ini"
    toml = tmp_path / "pyproject.toml" if template == "pyproject" else None
    alembic.command.init(
        Config(str(ini), toml_file=toml), str(tmp_path / "changes"), template=template
    )
    text = ini.read_text().replace("driver://user:pass@localhost/dbname", url)
    ini.write_text(text)
    folder = tmp_path / "changes" / "versions"
    (folder / "a1.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\nrevision = 'a1'\ndown_revision = None\n"
        "def upgrade():\n    op.create_table('t', sa.Column('id', sa.Integer))\n"
        "def downgrade():\n    op.drop_table('t')\n"
    )
    app = Flask("plain", root_path=str(tmp_path), instance_path=str(tmp_path / "instance"))
    extension = Alembic(app)

    with app.app_context():
        assert extension.plan().steps[0].revision == "a1"
        (result,) = extension.upgrade()
        assert result.after == ("a1",)
        assert extension.current_ids() == ("a1",)
        (run,) = extension.runs()
        assert run.status == "succeeded"
        (result,) = extension.downgrade("base")
        assert result.after == ()
        dispose(extension)

    assert not (tmp_path / "migrations").exists()


def test_a_version_table_that_env_py_computes_is_no_statement_before_a_plan(
    make_project: MakeProject,
) -> None:
    """Nobody shall stamp a database that is migrated because a page knows no better."""
    project = make_project()
    project.add("a1")
    project.edit_env("connection=connection,", "connection=connection, version_table=str('own'),")

    with project.app.app_context():
        known = project.alembic.project
        project.upgrade()

    with project.app.app_context():
        known.__dict__.pop("env_options")
        assert "not known before a plan" in database_status(known, "default").sentence
        project.alembic.plan()
        assert database_status(known, "default").state == "up to date"


@pytest.mark.parametrize("directory", ["migrations", "db/changes"])
def test_a_folder_that_is_not_there_yet_is_made_by_flask_migrate(
    make_project: MakeProject, directory: str
) -> None:
    """Ours would be one that its `init` refuses; it is named where that makes it."""
    project = make_project(init=False, directory=directory)
    runner = project.app.test_cli_runner()

    for command in ("heads", "doctor"):
        output = runner.invoke(args=["migrations", command]).output
        said = f"{project.folder} does not exist. Make it with 'flask db init'"
        assert said in without_spaces(output)

    assert runner.invoke(args=["db", "init"]).exit_code == 0
    assert runner.invoke(args=["migrations", "heads"]).exit_code == 0


def test_a_folder_for_several_databases_is_made_so(make_project: MakeProject) -> None:
    """By the option of Flask-Migrate for it."""
    project = make_project(
        init=False, binds={"audit": "sqlite:///audit.sqlite"}, extension={"binds": True}
    )
    output = project.app.test_cli_runner().invoke(args=["migrations", "heads"]).output
    assert "Make it with 'flask db init --multidb'" in output


def test_pages_say_how_a_folder_is_made(make_project: MakeProject) -> None:
    """With the command of Flask-Migrate, where that is used."""
    client = make_project(init=False).app.test_client()

    for page in ("", "history"):
        text = client.get(f"/alembic/db/default/{page}").get_data(as_text=True)
        assert "flask db init" in text
        assert "mkdir" not in text


def test_a_folder_that_was_made_without_an_env_py_is_used(make_project: MakeProject) -> None:
    """Where Migrate() says, though its commands cannot use it."""
    project = make_project(init=False, directory="changes")
    runner = project.app.test_cli_runner()
    assert runner.invoke(args=["migrations", "mkdir"]).exit_code == 0
    assert runner.invoke(args=["migrations", "migrate", "-m", "first"]).exit_code == 0
    assert list(project.folder.glob("*_first.py"))
