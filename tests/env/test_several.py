"""Folders of ``flask db init --multidb``, and of Alembic's own templates."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from flask_alembic_admin.errors import EnvPyError
from flask_alembic_admin.errors import RunFailed

from .projects import MakeProject
from .projects import Project

UP = '''"""make {id}

Revision ID: {id}
"""
from alembic import op
import sqlalchemy as sa

revision = {id!r}
down_revision = {parent!r}


def upgrade(engine_name):
    globals()[f"upgrade_{{engine_name}}"]()


def downgrade(engine_name):
    globals()[f"downgrade_{{engine_name}}"]()


def upgrade_():
    op.create_table("t_{id}", sa.Column("id", sa.Integer, primary_key=True))


def downgrade_():
    op.drop_table("t_{id}")


def upgrade_users():
    op.create_table("u_{id}", sa.Column("id", sa.Integer, primary_key=True)){more}


def downgrade_users():
    op.drop_table("u_{id}")
'''


def _add(project: Project, revision: str, parent: str | None = None, more: str = "") -> None:
    path = project.folder / "versions" / f"{revision}.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(UP.format(id=revision, parent=parent, more=more))


@pytest.fixture
def both(make_project: MakeProject, tmp_path: Path) -> Project:
    """A project with a default database and a bind ``users``."""
    return make_project(binds={"users": f"sqlite:///{tmp_path / 'users.sqlite'}"}, multidb=True)


def test_each_database_is_a_run_of_its_own(both: Project) -> None:
    """Though env.py goes through all of them each time."""
    _add(both, "a1")
    results = both.upgrade()
    assert [result.database for result in results] == ["default", "users"]
    assert (both.tables(), both.tables("users")) == ({"t_a1"}, {"u_a1"})


def test_databases_that_are_not_meant_run_nothing(both: Project) -> None:
    """Not even their version table is made."""
    _add(both, "a1")
    both.upgrade(database="users")
    assert both.tables("users") == {"u_a1"}

    with both.app.app_context(), both.db.engine.connect() as connection:
        assert not sa.inspect(connection).has_table("alembic_version")

    with both.app.app_context():
        both.alembic.stamp("a1", database="default")
        both.alembic.downgrade("base", database="users")

    assert (both.tables(), both.tables("users")) == (set(), set())
    assert (both.versions(), both.versions("users")) == ({"a1"}, set())


def test_several_on_servers(
    make_project: MakeProject, postgresql_url: sa.URL, mariadb_url: sa.URL
) -> None:
    """In the transactions that env.py begins before configure()."""
    project = make_project(postgresql_url, binds={"users": mariadb_url}, multidb=True)
    _add(project, "a1")
    _add(project, "b2", "a1")
    project.upgrade()
    assert (project.versions(), project.versions("users")) == ({"b2"}, {"b2"})
    _add(project, "c3", "b2", more="\n    1 / 0")

    with pytest.raises(RunFailed):
        project.upgrade()

    assert project.tables() == {"t_a1", "t_b2", "t_c3"}
    assert (project.versions(), project.versions("users")) == ({"c3"}, {"b2"})


def test_a_plan_calls_each_function_as_env_py_does(both: Project) -> None:
    """The default database has no name there."""
    _add(both, "a1")

    with both.app.app_context():
        assert "t_a1" in both.alembic.plan().steps[0].sql
        assert "u_a1" in both.alembic.plan(database="users").steps[0].sql


def test_a_revision_has_a_part_for_each(both: Project) -> None:
    """As Flask-Migrate writes it, from what both lack."""
    with both.app.app_context():
        (script,) = both.alembic.revision("first")
        assert script is not None
        text = Path(script.path).read_text()
        assert Path(script.path).parent == both.folder / "versions"

    assert "def upgrade_():" in text
    assert "def upgrade_users():" in text
    assert "of_users" in text.partition("def upgrade_users")[2]
    both.upgrade()

    with both.app.app_context():
        assert not both.alembic.needs_revision()


def test_env_py_that_leads_elsewhere_is_refused(both: Project, tmp_path: Path) -> None:
    """What is shown would not be what is migrated."""
    _add(both, "a1")
    other = f"sqlite:///{tmp_path / 'other.sqlite'}"
    made = f"__import__('sqlalchemy').create_engine({other!r})"
    both.edit_env("engine = rec['engine']", f"engine = rec['engine'] if name else {made}")

    with both.app.app_context(), pytest.raises(EnvPyError, match=r"other\.sqlite"):
        both.alembic.upgrade(database="default")


def test_an_env_py_that_loops_over_tenants_is_refused(make_project: MakeProject) -> None:
    """A run is about one version table."""
    project = make_project()
    project.add("a1")
    text = project.env_py.read_text()
    project.env_py.write_text(f"{text}\nrun_migrations_online()\n")

    with pytest.raises((EnvPyError, RunFailed), match="more than once"):
        project.upgrade()
