"""What Flask-Migrate's documentation shows works beside the two lines, and ours does the same.

Each example app and each command of its pages: example, options, callbacks, several databases,
command reference and API reference.
"""

from __future__ import annotations

import dataclasses
import shutil
import typing as t
from importlib import metadata
from pathlib import Path

import pytest

from .projects import FlaskProject
from .projects import quiet

#: The app of its first page, with the two lines at the end.
EXAMPLE = """
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_migrate import Migrate
from flask_alembic_admin import Alembic, alembic_admin

app = Flask(__name__)
app.config['SQLALCHEMY_DATABASE_URI'] = 'sqlite:///app.db'

db = SQLAlchemy(app)
migrate = Migrate(app, db)

class User(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(128))

Alembic(app)
app.register_blueprint(alembic_admin)
"""

#: The same as its "application-factory pattern".
FACTORY = """
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_migrate import Migrate
from flask_alembic_admin import Alembic, alembic_admin

db = SQLAlchemy()
migrate = Migrate()
alembic = Alembic()

class User(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(128))

def create_app():
    \"\"\"Application-factory pattern\"\"\"
    app = Flask(__name__)
    app.config['SQLALCHEMY_DATABASE_URI'] = 'sqlite:///app.db'
    db.init_app(app)
    migrate.init_app(app, db)
    alembic.init_app(app)
    app.register_blueprint(alembic_admin)
    return app
"""

#: A line of that app, and what is there instead.
MIGRATE = "migrate = Migrate(app, db)"
NAME = "    name = db.Column(db.String(128))\n"

Way = t.Literal["db", "migrations"]

_VERSION = tuple(int(part) for part in metadata.version("Flask-Migrate").split("."))

#: Both ways, where `flask db` has the command `check`.
CHECKING = pytest.mark.parametrize(
    "way",
    [
        pytest.param("db", marks=pytest.mark.skipif(_VERSION < (4, 0, 2), reason="has no check")),
        "migrations",
    ],
)


@pytest.fixture(params=["db", "migrations"])
def way(request: pytest.FixtureRequest) -> Way:
    """The commands of Flask-Migrate, and ours."""
    return t.cast(Way, request.param)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> FlaskProject:
    """The example with three revisions, the last two of them heads, and a database at the first."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        quiet(monkeypatch)
        example = FlaskProject(tmp_path_factory.mktemp("made"), monkeypatch)
        example.write("app.py", EXAMPLE)
        example.lines("db", "init")
        example.lines("db", "migrate", "-m", "Initial migration.", "--rev-id", "a1")
        example.lines("db", "upgrade")
        example.lines("db", "revision", "-m", "second", "--rev-id", "b2")
        example.lines("db", "revision", "-m", "third", "--rev-id", "c3", "--head", "a1", "--splice")
    return example


@pytest.fixture
def history(made: FlaskProject, project: FlaskProject) -> FlaskProject:
    """A copy of it."""
    shutil.copytree(made.folder, project.folder, dirs_exist_ok=True)
    return project


@pytest.mark.parametrize("app", [EXAMPLE, FACTORY], ids=["example", "factory"])
def test_example(project: FlaskProject, app: str, way: Way) -> None:
    """From ``init`` to an upgrade, and again after a change of the models."""
    project.write("app.py", app)
    project.lines("db", "init")
    project.lines(way, "migrate", "-m", "Initial migration.")
    assert project.schema() == {}
    project.lines(way, "upgrade")
    assert project.schema() == {"user": ["id", "name"]}

    project.edit("app.py", NAME, NAME + "    mail = db.Column(db.String(128))\n")
    project.lines(way, "migrate", "-m", "add mail")
    project.lines(way, "upgrade")
    assert project.schema() == {"user": ["id", "name", "mail"]}
    assert len(project.revisions()) == 2
    project.lines(way, "downgrade")
    assert project.schema() == {"user": ["id", "name"]}


def test_the_commands_are_flask_migrate_s(history: FlaskProject) -> None:
    """``flask db --help`` lists its own, and ours are beside them."""
    words = "\n".join(history.lines("db", "--help"))
    assert "list-templates" in words
    assert "rehearse" not in words
    assert "rehearse" in "\n".join(history.lines("migrations", "--help"))


def test_another_name_for_its_commands(project: FlaskProject) -> None:
    """``command=`` moves them, and ours stay where they are."""
    project.write("app.py", EXAMPLE.replace(MIGRATE, "Migrate(app, db, command='migrate')"))
    project.lines("migrate", "init")
    project.lines("migrate", "migrate")
    project.lines("migrations", "upgrade")
    assert project.schema() == {"user": ["id", "name"]}


def test_its_commands_are_never_taken(project: FlaskProject) -> None:
    """Where it has the name that ours would have, ours is the one that it leaves free."""
    project.write("app.py", EXAMPLE.replace(MIGRATE, "Migrate(app, db, command='migrations')"))
    project.lines("migrations", "init")
    project.lines("migrations", "migrate")
    project.lines("db", "upgrade")
    assert project.schema() == {"user": ["id", "name"]}
    assert "list-templates" in "\n".join(project.lines("migrations", "--help"))


@pytest.mark.parametrize(
    ("options", "words"),
    [("", "op.batch_alter_table"), (", render_as_batch=False", "op.add_column")],
)
def test_options_of_alembic(project: FlaskProject, way: Way, options: str, words: str) -> None:
    """Those it sets by itself and those that are passed decide what a revision file says."""
    project.write("app.py", EXAMPLE.replace(MIGRATE, f"migrate = Migrate(app, db{options})"))
    project.lines("db", "init")
    project.lines("db", "migrate", "-m", "first", "--rev-id", "a1")
    project.lines("db", "upgrade")
    project.edit("app.py", NAME, NAME + "    mail = db.Column(db.String(128))\n")
    project.lines(way, "migrate", "-m", "mail", "--rev-id", "b2")
    assert words in (project.folder / "migrations" / "versions" / "b2_mail.py").read_text()


@CHECKING
def test_types_are_compared(history: FlaskProject, way: Way) -> None:
    """``compare_type=True`` is what it sets, and what is found is one column's type."""
    history.edit("app.py", "db.String(128)", "db.String(256)")
    history.lines(way, "upgrade", "heads")
    result = history.flask(way, "check")
    assert result.exit_code == 1
    history.edit("app.py", MIGRATE, "migrate = Migrate(app, db, compare_type=False)")
    assert history.flask(way, "check").exit_code == 0


@CHECKING
def test_objects_are_left_out(history: FlaskProject, way: Way) -> None:
    """``include_object``, as any other option, is what was passed."""
    left_out = "lambda object, name, kind, reflected, compared: name != 'mail'"
    history.edit("app.py", NAME, NAME + "    mail = db.Column(db.String(128))\n")
    history.lines(way, "upgrade", "heads")
    assert history.flask(way, "check").exit_code == 1
    history.edit("app.py", MIGRATE, f"migrate = Migrate(app, db, include_object={left_out})")
    assert history.flask(way, "check").exit_code == 0


def test_configuration_callbacks(project: FlaskProject, way: Way) -> None:
    """Several functions may change the configuration, and one may return another."""
    callbacks = """
@migrate.configure
def configure_alembic(config):
    config.set_main_option('file_template', 'from_callback_%%(rev)s')
    return config

@migrate.configure
def another(config):
    config.set_main_option('truncate_slug_length', '7')
    return config
"""
    project.write("app.py", EXAMPLE.replace(MIGRATE, MIGRATE + "\n" + callbacks))
    project.lines("db", "init")
    project.lines(way, "migrate", "-m", "first", "--rev-id", "a1")
    assert project.revisions() == ["from_callback_a1.py"]
    project.lines(way, "upgrade")
    assert project.heads() == ["a1"]


def test_several_databases(project: FlaskProject, way: Way) -> None:
    """``init --multidb`` tracks the main database and all binds."""
    binds = "app.config['SQLALCHEMY_BINDS'] = {'audit': 'sqlite:///audit.db'}\n\ndb = "
    model = """
class Entry(db.Model):
    __bind_key__ = 'audit'
    id = db.Column(db.Integer, primary_key=True)

Alembic(app)"""
    project.write("app.py", EXAMPLE.replace("\ndb = ", binds).replace("\nAlembic(app)", model))
    project.lines("db", "init", "--multidb")
    project.lines(way, "migrate", "-m", "Initial migration.", "--rev-id", "a1")
    project.lines(way, "upgrade")
    assert project.schema() == {"user": ["id", "name"]}
    assert project.schema("audit.db") == {"entry": ["id"]}
    assert project.heads() == project.heads("audit.db") == ["a1"]
    project.lines(way, "downgrade")
    assert project.schema() == project.schema("audit.db") == {}


@pytest.mark.parametrize("template", ["flask", "./own"])
def test_a_template_is_chosen(project: FlaskProject, way: Way, template: str) -> None:
    """One of its own, or a folder of the project's."""
    project.write("app.py", EXAMPLE)
    package = metadata.distribution("flask_migrate").locate_file("flask_migrate")
    shutil.copytree(Path(str(package)) / "templates" / "flask", project.folder / "own")
    project.edit("own/script.py.mako", "import sqlalchemy as sa", "import sqlalchemy as sa  # ours")
    project.lines("db", "init", "--template", template)
    project.lines(way, "migrate", "-m", "first", "--rev-id", "a1")
    text = (project.folder / "migrations" / "versions" / "a1_first.py").read_text()
    assert ("# ours" in text) == (template == "./own")
    project.lines(way, "upgrade")
    assert project.heads() == ["a1"]


def test_a_package(project: FlaskProject, way: Way) -> None:
    """``init --package`` makes packages of the folders, which are no revisions."""
    project.write("app.py", EXAMPLE)
    project.lines("db", "init", "--package")
    project.lines(way, "migrate", "-m", "first", "--rev-id", "a1")
    assert set(project.revisions()) == {"__init__.py", "a1_first.py"}
    project.lines(way, "upgrade")
    assert project.heads() == ["a1"]


@pytest.mark.parametrize(
    "told_by",
    [
        "constructor",
        pytest.param(
            "environment",
            marks=pytest.mark.skipif(_VERSION < (4, 1), reason="reads no such variable"),
        ),
    ],
)
def test_another_directory(project: FlaskProject, way: Way, told_by: str) -> None:
    """``directory=`` and ``FLASK_DB_DIRECTORY`` say where the folder is."""
    environment = {"FLASK_DB_DIRECTORY": "db/scripts"} if told_by == "environment" else {}
    directory = "" if environment else ", directory='db/scripts'"
    project.write("app.py", EXAMPLE.replace(MIGRATE, f"migrate = Migrate(app, db{directory})"))
    project.lines("db", "init", **environment)
    project.lines(way, "migrate", "-m", "first", "--rev-id", "a1", **environment)
    assert project.revisions("db/scripts/versions") == ["a1_first.py"]
    project.lines(way, "upgrade", **environment)
    assert project.heads() == ["a1"]


@dataclasses.dataclass(frozen=True)
class Command:
    """A command of its reference, on an example with two heads whose database is at the first.

    :param words: What comes after ``flask db``.
    :param ours: What comes after ``flask migrations``, where that is something else.
    :param heads: Where the database is then.
    :param files: How many revision files there are then.
    :param says: What is printed, among other things.
    """

    words: str
    ours: str | None = None
    heads: str = "a1"
    files: int = 3
    says: str = ""

    def of(self, way: Way) -> list[str]:
        """Return it in the words of one of both."""
        return (self.ours if self.ours is not None and way == "migrations" else self.words).split()


_SIDE = "-m four --rev-id d4 --head a1 --splice --branch-label side"
_PATH = "--head b2 --version-path migrations/versions"

COMMANDS = [
    # Ours writes what differs, and needs a message, unless it is told otherwise.
    Command("revision --message four --head b2", "revision --empty -m four --head b2", files=4),
    Command(f"revision {_SIDE}", f"revision --empty {_SIDE}", files=4),
    Command(f"revision {_PATH}", f"revision --empty -m empty {_PATH}", files=4),
    Command("edit a1"),
    Command("upgrade b2", heads="b2"),
    Command("upgrade heads", heads="b2 c3"),
    Command("upgrade --tag word -x key=value b2", heads="b2"),
    Command("upgrade --sql a1:b2", says="SET version_num='b2'"),
    Command("downgrade", heads=""),
    Command("downgrade base", heads=""),
    Command("downgrade --tag word -x key=value", heads=""),
    Command("downgrade --sql a1:base", says="DROP TABLE user;"),
    Command("stamp b2", heads="b2"),
    Command("stamp heads", heads="b2 c3"),
    Command("stamp --tag word base", heads=""),
    Command("stamp --sql a1:b2", says="SET version_num='b2'"),
    Command("current", says="a1 (branchpoint)"),
    Command("current --verbose", says="Rev: a1 (branchpoint)"),
    Command("history", says="a1 -> c3 (head), third"),
    Command("history --rev-range a1:b2", says="a1 -> b2 (head), second"),
    Command("history --verbose", says="Rev: c3 (head)"),
    Command("history --indicate-current", says="(current)"),
    Command("show a1", says="Rev: a1 (branchpoint)"),
    Command("heads", says="c3 (head)"),
    Command("heads --verbose --resolve-dependencies", says="Rev: c3 (head)"),
    Command("branches", says="-> c3 (head)"),
    Command("branches --verbose", says="-> c3 (head), third"),
    Command("merge --message join --rev-id d4 --branch-label joined b2 c3", files=4),
    Command("merge -m join heads", files=4),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.words)
def test_a_command(history: FlaskProject, way: Way, command: Command) -> None:
    """It does the same in both ways."""
    lines = history.lines(way, *command.of(way))
    assert command.says in "\n".join(lines)
    assert history.heads() == command.heads.split()
    assert len(history.revisions()) == command.files


def test_templates_are_listed(history: FlaskProject) -> None:
    """By its own command; ours has none, since it needs no ``env.py``."""
    assert "flask-multidb" in "\n".join(history.lines("db", "list-templates"))


def test_functions(project: FlaskProject) -> None:
    """Those of its API reference, each beside ours in one process."""
    project.write("app.py", EXAMPLE)

    with project.app() as app, app.app_context():
        import flask_migrate

        ours = app.extensions["alembic"]
        flask_migrate.init()
        flask_migrate.migrate(message="Initial migration.", rev_id="a1")
        flask_migrate.upgrade()
        assert ours.current_ids() == ("a1",)
        flask_migrate.revision(message="second", rev_id="b2")
        flask_migrate.revision(message="third", rev_id="c3", head="a1", splice=True)
        flask_migrate.merge(revisions=["b2", "c3"], message="join", rev_id="d4")
        assert ours.upgrade()[0].after == ("d4",)
        flask_migrate.edit(revision="head")
        flask_migrate.show(revision="head")
        flask_migrate.history(rev_range="a1:d4", verbose=True)
        flask_migrate.heads(verbose=True, resolve_dependencies=True)
        flask_migrate.branches(verbose=True)
        flask_migrate.current(verbose=True)
        flask_migrate.downgrade(revision="a1")
        assert ours.current_ids() == ("a1",)
        flask_migrate.stamp(revision="d4")
        assert not ours.needs_upgrade()
