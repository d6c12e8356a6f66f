"""All that the panel offers works on each kind of project that Flask-Migrate makes."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import html
import re
import typing as t

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from flask_alembic_admin import Alembic

from ..admin.conftest import fields
from ..admin.test_upgrade import asked_phrase
from ..faults.app import wait_for
from ..runners.test_process import wait_for_threads
from .projects import FlaskProject

APP = """
from flask import Flask
from flask_alembic_admin import Alembic, alembic_admin
from flask_login import LoginManager, UserMixin
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__)
app.config['SECRET_KEY'] = 'secret'
app.config['SQLALCHEMY_DATABASE_URI'] = 'sqlite:///app.db'
app.config['SQLALCHEMY_BINDS'] = {BINDS}
app.config['ALEMBIC_ADMIN'] = {
    'runner': 'inline', 'actions': ['upgrade', 'downgrade', 'stamp', 'revision', 'merge']
}
db = SQLAlchemy(app)
migrate = Migrate(app, db{OPTIONS})


class User(db.Model):
    id = db.Column(db.Integer, primary_key=True)


for bind in app.config['SQLALCHEMY_BINDS']:
    type(bind, (db.Model,), {
        '__bind_key__': bind, 'id': db.Column(db.Integer, primary_key=True)
    })

# The two lines.
Alembic(app)
app.register_blueprint(alembic_admin)


class Somebody(UserMixin):
    id = 'ops'


@LoginManager(app).request_loader
def load(request):
    return Somebody()


@alembic_admin.permission
def may(user, action, database):
    return True
"""

_UNDER_WAY = {"queued", "running"}

MORE = "\n\nclass Order(db.Model):\n    id = db.Column(db.Integer, primary_key=True)\n"


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of project.

    :param init: What ``flask db init`` gets.
    :param options: What ``Migrate()`` gets besides.
    :param binds: ``SQLALCHEMY_BINDS``.
    :param folder: Where its script folder is.
    :param edits: What somebody has changed in ``env.py``.
    :param version_table: The version table.
    """

    init: tuple[str, ...] = ()
    options: str = ""
    binds: str = "{}"
    folder: str = "migrations"
    edits: tuple[tuple[str, str], ...] = ()
    version_table: str = "alembic_version"

    @property
    def databases(self) -> dict[str, str]:
        """The SQLite files by the names of the databases."""
        return {"default": "app.db"} | ({"audit": "audit.db"} if self.binds != "{}" else {})


_AUDIT = "{'audit': 'sqlite:///audit.db'}"

KINDS = {
    "single": Kind(),
    "multidb": Kind(init=("--multidb",), binds=_AUDIT),
    "own-directory": Kind(options=", directory='db/scripts'", folder="db/scripts"),
    "package": Kind(init=("--package",)),
    "edited": Kind(
        edits=(
            ("logger = ", "print('of env.py')\nlogger = "),
            (
                "    with connectable.connect() as connection:\n",
                "    with connectable.connect() as connection:\n"
                "        connection.exec_driver_sql('PRAGMA foreign_keys = ON')\n"
                "        connection.commit()\n",
            ),
            (
                "            connection=connection,\n",
                "            connection=connection,\n"
                "            version_table='shop_version',\n"
                "            transaction_per_migration=True,\n",
            ),
        ),
        version_table="shop_version",
    ),
}


class Visit:
    """Somebody who does on page after page what has to be done with a database.

    :param client: Whoever they are.
    :param alembic: The extension.
    :param database: The database's name.
    """

    def __init__(self, client: FlaskClient, alembic: Alembic, database: str) -> None:
        self.client = client
        self.alembic = alembic
        self.place = f"/alembic/db/{database}"

    def get(self, path: str) -> str:
        """Open a page and return what can be read on it."""
        page = self.client.get(f"{self.place}/{path}")
        assert page.status_code == 200, page.text
        return _words(page)

    def run(self, action: str, target: str) -> None:
        """Plan, read, confirm and see the result."""
        result = self.start(action, target)
        assert "Succeeded: the database went from" in result.text, _words(result)

    def start(self, action: str, target: str) -> TestResponse:
        """Plan, read and confirm, and return the page of the run."""
        sent = {"action": action, "target": target}
        plan = self._post("plans", self._fields("") | sent)
        assert f"Plan: {action}" in _words(plan)
        confirmed = {"understood": "y", "reason": "release 5", "phrase": asked_phrase(plan.text)}
        return self._post("runs", fields(plan.text) | confirmed)

    def write(self, action: str, **chosen: t.Any) -> None:
        """Draft a file, read it, have it written and see its page."""
        draft = self._post("drafts", self._fields("actions") | {"action": action} | chosen)
        form = re.search(
            rf'<form method="post" action="{self.place}/files".*?</form>', draft.text, re.DOTALL
        )
        assert form is not None, _words(draft)
        page = self._post("files", fields(form[0]) | {"understood": "y", "reason": "release 5"})
        assert "The file is written." in page.text, _words(page)

    def compare(self) -> str:
        """Compare models and database, and return what is shown."""
        return _words(self._post("diff", self._fields("diff")))

    def _fields(self, path: str) -> dict[str, str]:
        return {"csrf_token": fields(self.client.get(f"{self.place}/{path}").text)["csrf_token"]}

    def _post(self, path: str, data: c.Mapping[str, t.Any]) -> TestResponse:
        return self.client.post(f"{self.place}/{path}", data=data, follow_redirects=True)


def files(project: FlaskProject, kind: Kind) -> list[str]:
    """Return the names of the revision files."""
    return project.revisions(f"{kind.folder}/versions")


def _words(page: TestResponse) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", page.text))


@pytest.mark.parametrize("name", KINDS)
def test_all_of_the_panel(project: FlaskProject, name: str) -> None:
    """Each database up, compared, a file written, up, down, stamped, and two heads merged."""
    kind = KINDS[name]
    app = APP.replace("{BINDS}", kind.binds).replace("{OPTIONS}", kind.options)
    project.write("app.py", app)
    project.lines("db", "init", *kind.init)
    project.lines("db", "migrate", "-m", "Initial migration.", "--rev-id", "a1")

    for old, new in kind.edits:
        project.edit(f"{kind.folder}/env.py", old, new)

    project.write("app.py", app + MORE)

    with project.app() as made:
        alembic, client = made.extensions["alembic"], made.test_client()
        visits = {one: Visit(client, alembic, one) for one in kind.databases}
        first = visits["default"]

        for visit in visits.values():
            assert "Initial migration." in visit.get("history")
            visit.run("upgrade", "heads")

        assert "table order: in models, not in database" in first.compare()
        first.write("revision", message="add orders", how="diff", parent="a1")
        (second,) = [file.split("_")[0] for file in files(project, kind) if "add_orders" in file]

        for visit in visits.values():
            visit.run("upgrade", "heads")
            visit.run("downgrade", "a1")
            visit.run("stamp", second)

    assert "order" not in project.schema()
    project.lines("db", "revision", "-m", "aside", "--rev-id", "c3", "--head", "a1", "--splice")

    with project.app() as made:
        client = made.test_client()
        visits = {one: Visit(client, made.extensions["alembic"], one) for one in kind.databases}
        visits["default"].write("merge", revisions=[second, "c3"])

        for visit in visits.values():
            visit.run("upgrade", "heads")
            assert "All revisions are applied." in visit.get("")
            visit.get("runs")

    (merge,) = [file.split("_")[0] for file in files(project, kind) if "merge" in file]

    for database in kind.databases.values():
        assert project.heads(database, kind.version_table) == [merge]


def test_a_process_of_its_own_finds_the_folder(
    project: FlaskProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run has the environment and the working directory of the app that it was started by."""
    app = APP.replace("{BINDS}", "{}").replace("{OPTIONS}", ", directory='db/scripts'")
    project.write("app.py", app.replace("'runner': 'inline', ", ""))
    project.lines("db", "init")
    project.lines("db", "migrate", "-m", "Initial migration.", "--rev-id", "a1")
    monkeypatch.setenv("FLASK_APP", str(project.folder / "app.py"))

    with project.app() as made:
        alembic = made.extensions["alembic"]
        Visit(made.test_client(), alembic, "default").start("upgrade", "heads")

        with made.app_context():
            run = wait_for(
                lambda: next((run for run in alembic.runs() if run.status not in _UNDER_WAY), None)
            )
            wait_for_threads(run.id)

    assert (run.status, run.error) == ("succeeded", None)
    assert project.heads() == ["a1"]
