"""The commands as an app has them: `flask db`."""

from __future__ import annotations

import collections.abc as c
import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from flask import Flask
from flask.cli import FlaskGroup
from flask_sqlalchemy import SQLAlchemy

from flask_alembic_admin import Alembic
from flask_alembic_admin.cli import COMMANDS
from flask_alembic_admin.flask_db import cli

from .workplaces import NOTES
from .workplaces import USERS
from .workplaces import Workplace


@pytest.fixture
def make_app(work: Workplace) -> c.Callable[..., Flask]:
    """Make apps with the revisions and the database of the workplace."""

    def make(alembic: Alembic | None = None) -> Flask:
        app = Flask("shop", root_path=str(work.folder.parent))
        alembic = alembic or Alembic()
        alembic.metadatas = {"default": [work.metadata["default"]]}
        alembic.engines = {"default": work.engines["default"]}
        alembic.init_app(app)
        return app

    return make


@pytest.fixture
def app(make_app: c.Callable[..., Flask]) -> Flask:
    """An app with the revisions and the database of the workplace."""
    return make_app()


def test_the_group_has_every_command() -> None:
    """And nothing else."""
    assert set(cli.commands.values()) == set(COMMANDS)


def test_commands_need_no_app_context(app: Flask, work: Workplace) -> None:
    """`app.test_cli_runner()` is enough."""
    result = app.test_cli_runner().invoke(args=["db", "upgrade"])
    assert result.exit_code == 0, result.output
    assert work.heads() == {NOTES}


def test_commands_work_in_an_app_context(app: Flask, work: Workplace) -> None:
    """A test may have pushed one; what it holds in use stays as it is."""
    with app.app_context():
        alembic = app.extensions["alembic"]
        context = alembic.migration_context
        assert app.test_cli_runner().invoke(args=["db", "upgrade"]).exit_code == 0
        assert alembic.migration_context is context
        assert not context.connection.closed


def test_an_app_may_be_used_twice(app: Flask) -> None:
    """A command leaves nothing behind that another stumbles on."""
    runner = app.test_cli_runner()
    assert runner.invoke(args=["db", "current", "--check-heads"]).exit_code == 1
    assert runner.invoke(args=["db", "upgrade"]).exit_code == 0
    assert runner.invoke(args=["db", "current", "--check-heads"]).exit_code == 0


def test_the_group_can_have_another_name(make_app: c.Callable[..., Flask]) -> None:
    """`command_name` renames it, in its help as well."""
    app = make_app(Alembic(command_name="migrations"))
    assert "db" not in app.cli.commands
    result = app.test_cli_runner().invoke(args=["migrations", "heads", "--help"])
    assert "migrations heads [OPTIONS]" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("show nobody", "'flask migrations log' lists the revisions;"),
        ("upgrade +9", "'flask migrations log' lists the revisions; 'flask migrations current'"),
        ("upgrade head", "or join them with 'flask migrations merge'."),
        ("revision more", "Run 'flask migrations upgrade' first"),
        ("runs show nobody", "'flask migrations runs' lists their ids."),
    ],
)
def test_messages_name_the_commands_as_the_app_does(
    make_app: c.Callable[..., Flask], work: Workplace, arguments: str, message: str
) -> None:
    """Whoever follows their advice finds the command."""
    if arguments == "upgrade head":
        work.write("other04", USERS)

    app = make_app(Alembic(command_name="migrations"))
    result = app.test_cli_runner().invoke(args=["migrations", *arguments.split()])
    assert result.exit_code
    assert message in result.output


def test_messages_know_a_group_that_was_added_by_hand(make_app: c.Callable[..., Flask]) -> None:
    """Whatever it is called."""
    app = make_app(Alembic(command_name=""))
    app.cli.add_command(cli, "schema")
    result = app.test_cli_runner().invoke(args=["schema", "show", "nobody"])
    assert "'flask schema log' lists the revisions" in result.output


def test_the_group_can_be_left_out(make_app: c.Callable[..., Flask]) -> None:
    """With an empty name the app has no such commands."""
    assert not make_app(Alembic(command_name="")).cli.commands


def test_the_group_can_be_added_by_hand(make_app: c.Callable[..., Flask]) -> None:
    """As Flask-Alembic's documentation does."""
    app = make_app(Alembic(command_name=""))
    app.cli.add_command(cli, "db")
    assert app.test_cli_runner().invoke(args=["db", "heads"]).exit_code == 0


def test_two_apps_have_their_own_databases(tmp_path: Path, app: Flask, work: Workplace) -> None:
    """The group is one object, and belongs to the app that it is called on."""
    (tmp_path / "two").mkdir()
    url = sa.URL.create("sqlite", database=str(tmp_path / "two.sqlite"))
    second = Workplace(tmp_path / "two", {"default": url})
    second.write("other01", None)
    other = Flask("other", root_path=str(tmp_path / "two"))
    Alembic(other, metadatas=sa.MetaData(), engines=second.engines["default"])

    app.test_cli_runner().invoke(args=["db", "upgrade"])
    other.test_cli_runner().invoke(args=["db", "upgrade"])
    assert (work.heads(), second.heads()) == ({NOTES}, {"other01"})


def test_a_group_of_the_project_s_own(make_app: c.Callable[..., Flask]) -> None:
    """A `FlaskGroup` with an app factory, as a project's own program has it."""
    group = FlaskGroup(create_app=make_app)
    result = CliRunner().invoke(group, ["db", "current", "--json"])
    assert result.exit_code == 0, result.output
    assert len(json.loads(result.stdout)[0]["pending"]) == 3


def test_a_plain_group_inside_a_flask_group(make_app: c.Callable[..., Flask]) -> None:
    """It has no app context of its own when the commands begin."""
    outer = FlaskGroup(create_app=make_app, add_default_commands=False)
    inner = click.Group("admin")
    inner.add_command(cli, "schema")
    outer.add_command(inner)
    result = CliRunner().invoke(outer, ["admin", "schema", "heads"])
    assert result.exit_code == 0, result.output


def test_an_app_without_the_extension_is_told(app: Flask) -> None:
    """Wrong usage, with what to write."""
    bare = Flask("bare")
    bare.cli.add_command(cli, "db")
    result = bare.test_cli_runner().invoke(args=["db", "heads"])
    assert result.exit_code == 2
    assert "The app 'bare' has no Alembic extension of Flask-Alembic-Admin." in result.stderr
    assert "Call Alembic(app)" in result.stderr


def test_an_app_without_a_database_is_told() -> None:
    """A wrong configuration is status 2."""
    app = Flask("bare")
    Alembic(app, run_mkdir=False)
    result = app.test_cli_runner().invoke(args=["db", "current"])
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: No metadata is known")


@pytest.mark.parametrize("command", ["mkdir", "init"])
def test_mkdir_needs_no_database(tmp_path: Path, command: str) -> None:
    """Not even a configured one."""
    app = Flask("bare", root_path=str(tmp_path))
    Alembic(app, run_mkdir=False)
    result = app.test_cli_runner().invoke(args=["db", command])
    assert result.output == f"migrations are in {tmp_path / 'migrations'}\n"
    assert (tmp_path / "migrations").is_dir()


def test_a_whole_life_with_flask_sqlalchemy(tmp_path: Path) -> None:
    """From no folder to a checked database, and back."""
    app = Flask("life", root_path=str(tmp_path))
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{tmp_path / 'life.sqlite'}"
    database = SQLAlchemy(app)
    sa.Table("users", database.metadata, sa.Column("id", sa.Integer, primary_key=True))
    Alembic(app, run_mkdir=False)
    runner = app.test_cli_runner()

    for arguments, status in [
        ("mkdir", 0),
        ("check", 1),
        ("migrate -m begin", 0),
        ("current --check-heads", 1),
        ("upgrade", 0),
        ("check", 0),
        ("current --check-heads", 0),
        ("downgrade", 0),
    ]:
        result = runner.invoke(args=["db", *arguments.split()])
        assert result.exit_code == status, (arguments, result.output)

    with app.app_context():
        database.engine.dispose()


def flask(folder: Path, *arguments: str, app: str = "shop") -> subprocess.CompletedProcess[str]:
    """Run ``flask`` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", app, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p or os.getcwd() for p in sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )


_FACTORY = """\
import sqlalchemy as sa
from flask import Flask
from flask_alembic_admin import Alembic

alembic = Alembic(metadatas=sa.MetaData(), engines=sa.create_engine({url!r}))


def create_app(name="shop"):
    app = Flask(__name__)
    alembic.init_app(app)
    app.logger.warning("made %s", name)
    return app
"""


@pytest.fixture
def factory(work: Workplace) -> Workplace:
    """A module `shop` with an app factory, beside the revisions."""
    url = str(work.engines["default"].url)
    (work.folder.parent / "shop.py").write_text(_FACTORY.format(url=url))
    return work


@pytest.mark.parametrize("app", ["shop", "shop:create_app", "shop:create_app('other')"])
def test_a_real_process_with_an_app_factory(factory: Workplace, app: str) -> None:
    """`flask --app … db` finds the app in any way that Flask knows."""
    result = flask(factory.folder.parent, "db", "upgrade", app=app)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1].startswith("upgraded base -> notes03 (3 revisions, ")
    assert factory.heads() == {NOTES}


def test_a_real_process_prints_json_alone(factory: Workplace) -> None:
    """What the app logs is on standard error."""
    result = flask(factory.folder.parent, "db", "log", "--json")
    assert len(json.loads(result.stdout)) == 3
    assert "made shop" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ("current", 0),
        ("current --check-heads", 1),
        ("upgrade nothing", 2),
        ("upgrade --nothing", 2),
        ("upgrade fail04", 3),
    ],
)
def test_a_real_process_has_the_exit_status(
    factory: Workplace, arguments: str, status: int
) -> None:
    """A shell script can rely on it."""
    factory.write("fail04", NOTES, "raise ValueError('no')")
    result = flask(factory.folder.parent, "db", *arguments.split())
    assert result.returncode == status
    assert ("rror" in result.stderr) is (status > 1)
    assert "Traceback" not in result.stderr


def test_a_real_process_writes_nothing_of_alembic(factory: Workplace) -> None:
    """No "Generating …", nor what a hook's program says: that is on standard error."""
    path = factory.folder.parent / "shop.py"
    hook = {"hooks": "say", "say.type": "exec", "say.executable": "echo", "say.options": "hello"}
    path.write_text(
        f"{path.read_text()}\n".replace(
            "    alembic.init_app",
            f"    app.config['ALEMBIC'] = {{'post_write_hooks': {hook!r}}}\n    alembic.init_app",
        )
    )
    result = flask(factory.folder.parent, "db", "revision", "x", "--empty", "--rev-id", "next04")
    path = factory.folder / "next04_x.py"
    assert result.stdout == f"wrote {path}\n"
    assert "hello\n" in result.stderr
