"""One matrix: each verb and the panel, on each way to have databases in a Flask app."""

from __future__ import annotations

import collections.abc as c
from pathlib import Path

import pytest
from flask_login import LoginManager
from flask_login import UserMixin

from flask_alembic_admin import AlembicAdmin

from .apps import dispose
from .ways import make_way
from .ways import Way
from .ways import WAYS


@pytest.fixture(params=list(WAYS))
def way(request: pytest.FixtureRequest, tmp_path: Path) -> c.Iterator[Way]:
    """An app of each kind in turn, in a context, with one revision made from its models."""
    made = make_way(request.param, tmp_path, lambda: request.getfixturevalue("postgresql_url"))

    with made.app.app_context():
        made.alembic.revision("make the models' tables", rev_id="a1")
        yield made
        dispose(made.alembic)


def test_a_revision_is_made_from_the_models(way: Way) -> None:
    """Each table is in it once, those of each database in functions of its own."""
    (script,) = way.alembic.heads()
    source = Path(script.path).read_text()

    for name, tables in way.models.items():
        assert (f"def upgrade_{name}()" in source) == (len(way.models) > 1)

        for table in tables:
            assert source.count(f"op.create_table('{table}'") == 1


def test_models_and_database_are_compared(way: Way) -> None:
    """All tables are missing at first, none afterwards."""
    missing = {diff[1].name for diff in way.alembic.compare_metadata() if diff[0] == "add_table"}
    assert missing == set().union(*way.models.values())
    way.alembic.upgrade()
    assert way.alembic.compare_metadata() == []


def test_an_upgrade_makes_the_tables(way: Way) -> None:
    """In the database they belong to, as somebody else who connects sees it."""
    results = way.alembic.upgrade()
    assert [result.database for result in results] == list(way.models)
    assert {name: way.tables(name) for name in way.models} == way.models
    assert all(way.versions(name) == {"a1"} for name in way.models)


def test_current_and_pending_say_where_a_database_is(way: Way) -> None:
    """Before and after."""
    for name in way.models:
        assert (way.alembic.current(name), way.alembic.pending(name)) == ((), ("a1",))

    way.alembic.upgrade()

    for name in way.models:
        assert [script.revision for script in way.alembic.current(name)] == ["a1"]
        assert way.alembic.pending(name) == ()


def test_a_downgrade_takes_the_tables_away(way: Way) -> None:
    """In every database."""
    way.alembic.upgrade()
    way.alembic.downgrade("base")
    assert all(way.tables(name) == way.versions(name) == set() for name in way.models)


def test_a_plan_shows_its_sql_and_is_carried_out(way: Way) -> None:
    """For one database after the other."""
    for name, tables in way.models.items():
        plan = way.alembic.plan(database=name)
        sql = "\n".join(step.sql for step in plan.steps)
        assert all(f"CREATE TABLE {table}" in sql for table in tables)
        assert way.alembic.run(plan).after == ("a1",)
        assert way.tables(name) == tables


def test_the_panel_shows_where_each_database_stands(way: Way) -> None:
    """What is pending, and later that nothing is."""
    panel = AlembicAdmin()
    way.app.secret_key = "secret"
    way.app.register_blueprint(panel)
    panel.permission(lambda user, action, database: True)
    manager = LoginManager(way.app)
    manager.request_loader(lambda request: UserMixin())
    client = way.app.test_client()

    schema = way.app.config["ALEMBIC_CONTEXT"].get("version_table_schema")
    version_table = f"{schema}.alembic_version" if schema else "alembic_version"

    for name in way.models:
        page = client.get(f"/alembic/db/{name}/").text
        assert "never been migrated" in page
        assert f"<code>{version_table}</code>" in page
        way.alembic.upgrade(database=name)
        assert "All revisions are applied" in client.get(f"/alembic/db/{name}/").text
