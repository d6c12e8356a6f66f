"""Flask-Migrate gives the function of the default database no name: ``upgrade_()``."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.rehearsal.rehearsing import rehearse

from .projects import MakeProject
from .projects import Project

# As its template writes it.
_FILE = '''"""make a1

Revision ID: a1
Revises:
"""
from alembic import op
import sqlalchemy as sa

revision = "a1"
down_revision = None


def upgrade(engine_name):
    globals()["upgrade_%s" % engine_name]()


def downgrade(engine_name):
    globals()["downgrade_%s" % engine_name]()


def upgrade_():
    op.create_table("here", sa.Column("id", sa.Integer, primary_key=True))


def downgrade_():
    op.drop_table("here")


def upgrade_users():
    op.create_table("there", sa.Column("id", sa.Integer, primary_key=True))


def downgrade_users():
    op.drop_table("there")
'''

_BINDS = {"users": "sqlite:///users.sqlite"}


def _write(project: Project, text: str = _FILE) -> None:
    (project.folder / "versions" / "a1.py").write_text(text)


@pytest.fixture(params=[True, False], ids=["run", "not-run"])
def both(make_project: MakeProject, request: pytest.FixtureRequest) -> Project:
    """A project with a bind whose ``env.py`` is run, and one where it is left alone."""
    project = make_project(
        binds=_BINDS,
        multidb=True,
        config={"ALEMBIC_ADMIN": {"run_env_py": request.param}},
        extension={} if request.param else {"binds": True},
    )
    _write(project)
    return project


def test_each_database_gets_its_own(both: Project) -> None:
    """Up and down, and what a plan shows of it."""
    with both.app.app_context():
        assert "here" in both.alembic.plan(database="default").steps[0].sql

    both.upgrade()
    assert both.tables() == {"here"}
    assert both.tables("users") == {"there"}

    with both.app.app_context():
        both.alembic.downgrade("base")

    assert both.tables() == both.tables("users") == set()


def test_one_that_came_later_is_passed_over(make_project: MakeProject) -> None:
    """A file from before it has no function for it, as elsewhere."""
    binds = {**_BINDS, "audit": "sqlite:///audit.sqlite"}
    project = make_project(
        binds=binds,
        multidb=True,
        config={"ALEMBIC_ADMIN": {"run_env_py": False}},
        extension={"binds": True},
    )
    _write(project)
    project.upgrade()
    assert project.versions("audit") == {"a1"}
    assert project.tables("audit") == set()


def test_the_default_database_that_is_left(make_project: MakeProject) -> None:
    """Its function is run where the binds are gone."""
    project = make_project(multidb=True, config={"ALEMBIC_ADMIN": {"run_env_py": False}})
    _write(project)
    project.upgrade()
    assert project.tables() == {"here"}


def test_both_are_verified(both: Project) -> None:
    """On a scratch database for each."""
    name = next(name for name in both.app.cli.commands if name.startswith("migrations"))
    result = both.app.test_cli_runner().invoke(args=[name, "verify"])
    assert result.output.count("✓ proven") == 2


def test_it_is_rehearsed_on_a_copy(both: Project) -> None:
    """Of the file of the default database."""
    with both.app.app_context():
        rehearsal = rehearse(both.alembic, both.alembic.plan(database="default"))

    assert (rehearsal.heads_after, rehearsal.error) == (("a1",), "")
    assert both.tables() == set()


@pytest.mark.parametrize("run", [True, False])
def test_it_is_rehearsed_live(make_project: MakeProject, postgresql_url: sa.URL, run: bool) -> None:
    """And rolled back."""
    project = make_project(
        postgresql_url,
        binds=_BINDS,
        multidb=True,
        config={"ALEMBIC_ADMIN": {"run_env_py": run, "rehearse_live": True}},
        extension={} if run else {"binds": True},
    )
    _write(project)

    with project.app.app_context():
        rehearsal = rehearse(project.alembic, project.alembic.plan(database="default"))

    assert (rehearsal.heads_after, rehearsal.error) == (("a1",), "")
    assert project.tables() == set()


def test_rules_look_into_it(both: Project) -> None:
    """What it does by another connection is found, and not said of the others."""
    more = "def upgrade_():\n    sa.create_engine('sqlite://')"
    _write(both, _FILE.replace("def upgrade_():", more))

    with both.app.app_context():
        found = {
            name: [finding.slug for finding in both.alembic.plan(database=name).steps[0].findings]
            for name in ("default", "users")
        }

    assert found == {"default": ["python-side-effect"], "users": []}


def test_a_downgrade_of_its_own_is_no_lack(both: Project) -> None:
    """Nothing is said of a file that has one."""
    with both.app.app_context():
        (step,) = both.alembic.plan(database="default").steps

    assert [finding.slug for finding in step.findings] == []
