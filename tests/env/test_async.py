"""Alembic's own async template: the lock is held where it migrates, and its end is told in time."""

from __future__ import annotations

import collections.abc as c
from pathlib import Path

import alembic.command
import pytest
import sqlalchemy as sa
from alembic.config import Config
from flask import Flask

from flask_alembic_admin import Alembic
from flask_alembic_admin.core.locks import lock_for
from flask_alembic_admin.errors import RunFailed

from ..apps import add_revision
from ..apps import create
from ..apps import dispose

#: Looks, from a step, who holds the lock of the database.
LOOK = "__import__('flask').current_app.look()"


@pytest.fixture
def app(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgresql_url: sa.URL
) -> c.Iterator[Flask]:
    """An app beside such a folder, on PostgreSQL."""
    monkeypatch.chdir(tmp_path)
    ini = tmp_path / "alembic.ini"
    alembic.command.init(Config(str(ini)), str(tmp_path / "changes"), template="async")
    url = postgresql_url.set(drivername="postgresql+psycopg_async")
    text = url.render_as_string(hide_password=False).replace("%", "%%")
    ini.write_text(ini.read_text().replace("driver://user:pass@localhost/dbname", text))
    app = Flask("plain", root_path=str(tmp_path), instance_path=str(tmp_path / "instance"))
    extension = Alembic(app)
    yield app

    with app.app_context():
        dispose(extension)


def test_the_lock_is_held_on_the_connection_of_the_event_loop(app: Flask) -> None:
    """And free afterwards, with the run in the record."""
    folder = Path(app.root_path) / "changes" / "versions"
    add_revision(folder, "a1", up=f"{create('t')}\n{LOOK}")
    extension: Alembic = app.extensions["alembic"]
    seen: list[object] = []

    def holder() -> object:
        return lock_for(extension.project.databases["default"]).holder()

    vars(app)["look"] = lambda: seen.append(holder())

    with app.app_context():
        (result,) = extension.upgrade()
        assert result.after == ("a1",)
        (run,) = extension.runs()
        assert (run.status, run.heads_after) == ("succeeded", ("a1",))
        assert seen
        assert seen[0] is not None
        assert holder() is None


def test_a_failed_step_is_told(app: Flask) -> None:
    """As the failure that it was, though the verdict is found before the event loop has ended."""
    folder = Path(app.root_path) / "changes" / "versions"
    add_revision(folder, "a1", up=f"{create('t')}\n1 / 0")
    extension: Alembic = app.extensions["alembic"]

    with app.app_context():
        with pytest.raises(RunFailed, match="ZeroDivisionError"):
            extension.upgrade()

        assert extension.current_ids() == ()
        (run,) = extension.runs()
        assert run.status == "failed"
        assert lock_for(extension.project.databases["default"]).holder() is None


def test_work_that_nobody_commits_has_failed(app: Flask) -> None:
    """The verdict is what another connection reads."""
    folder = Path(app.root_path) / "changes" / "versions"
    add_revision(folder, "a1", up=create("t"))
    env_py = folder.parent / "env.py"
    configure = "    context.configure(connection=connection"
    text = env_py.read_text()
    assert configure in text
    before = "    connection.exec_driver_sql('SELECT 1')\n"
    env_py.write_text(text.replace(configure, before + configure))

    with app.app_context(), pytest.raises(RunFailed, match="rolled back"):
        app.extensions["alembic"].upgrade()
