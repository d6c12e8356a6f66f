"""To plan leaves the live database as it was, whatever the migrations try."""

from __future__ import annotations

import typing as t

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.plans.linting import lint
from flask_alembic_admin.core.plans.plan import make_plan

from ...apps import add_revision
from ...apps import MakeSite
from ...apps import Site

_ENGINE = (
    "from flask import current_app\n"
    "from sqlalchemy.orm import Session\n"
    "engine = current_app.extensions['alembic'].project.databases['default'].engine\n"
)
_CHANGE = "sa.text('UPDATE users SET age = 99')"

#: What migrations do that want to be through at once, or by another way.
TRIES = {
    "plain": "op.create_index('ix', 'users', ['age'])\nop.drop_column('users', 'name')",
    "commits": f"op.get_bind().execute({_CHANGE})\nop.get_bind().commit()",
    "commits in text": "op.execute('UPDATE users SET age = 98')\nop.execute('COMMIT')",
    "begins": f"with op.get_bind().begin():\n    op.get_bind().execute({_CHANGE})",
    "autocommit": "with op.get_context().autocommit_block():\n    op.drop_table('users')",
    "session": f"{_ENGINE}with Session(op.get_bind()) as session:\n"
    f"    session.execute({_CHANGE})\n    session.commit()",
    "session of its own": f"{_ENGINE}with Session(engine) as session:\n"
    f"    session.execute({_CHANGE})\n    session.commit()",
    "engine": f"{_ENGINE}with engine.begin() as connection:\n    connection.execute({_CHANGE})",
    "engine of its own": f"{_ENGINE}with sa.create_engine(engine.url).begin() as connection:\n"
    f"    connection.execute({_CHANGE})",
    "engine of the bind": "with op.get_bind().engine.begin() as connection:\n"
    f"    connection.execute({_CHANGE})",
    "driver": f"{_ENGINE}raw = engine.raw_connection()\n"
    "raw.cursor().execute('UPDATE users SET age = 97')\nraw.commit()",
    "swallows": f"{_ENGINE}for _ in range(3):\n    try:\n"
    f"        with engine.begin() as connection:\n            connection.execute({_CHANGE})\n"
    "    except Exception: pass",
    "creates": "sa.MetaData().create_all(op.get_bind())\n"
    "sa.Table('made', sa.MetaData(), sa.Column('a', sa.Integer)).create(op.get_bind())",
    "batch": "with op.batch_alter_table('users', recreate='always') as batch:\n"
    "    batch.drop_column('age')",
}

_DUMPS: dict[str, list[str]] = {
    "sqlite": ["SELECT type, name, tbl_name, rootpage, sql FROM sqlite_master"],
    # A table that is written anew has another file, whatever its name is.
    "postgresql": [
        "SELECT oid, relname, relkind, relfilenode, relnatts, relchecks FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace",
        "SELECT attrelid, attname, atttypid, attnotnull, attisdropped FROM pg_attribute "
        "JOIN pg_class ON pg_class.oid = attrelid "
        "WHERE relnamespace = 'public'::regnamespace AND relkind <> 'i'",
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace",
        "SELECT sequencename, last_value FROM pg_sequences",
        "SELECT ctid, xmin, users FROM users",
    ],
    "mysql": [
        "SELECT table_name, table_type, create_time, auto_increment "
        "FROM information_schema.tables WHERE table_schema = DATABASE()",
        "SHOW CREATE TABLE users",
        "SHOW CREATE TABLE alembic_version",
    ],
}


def dump(engine: sa.Engine) -> list[t.Any]:
    """Return the schema and all rows of a database."""
    found: list[t.Any] = []

    with engine.connect() as connection:
        for question in _DUMPS[engine.dialect.name]:
            found.append(sorted(map(str, connection.exec_driver_sql(question))))

        for table in sorted(sa.inspect(connection).get_table_names()):
            found.append(
                (table, sorted(map(str, connection.exec_driver_sql(f"SELECT * FROM {table}"))))
            )

        connection.rollback()

    return found


@pytest.fixture
def site(make_site: MakeSite, database_url: sa.URL) -> Site:
    """An app with a table that has rows, and a revision for each of the tries."""
    site = make_site(database_url)
    add_revision(
        site.folder,
        "first",
        up="op.create_table('users', sa.Column('id', sa.Integer, primary_key=True), "
        "sa.Column('name', sa.String(50)), sa.Column('age', sa.Integer))\n"
        "op.execute(\"INSERT INTO users VALUES (1, 'Ada', 36), (2, 'Bob', 40)\")",
    )
    site.upgrade()
    parent = "first"

    for number, up in enumerate(TRIES.values()):
        revision = f"try{number:02}"
        add_revision(site.folder, revision, parent, up=up, down=up)
        parent = revision

    return site


def test_a_plan_leaves_the_database_as_it_was(site: Site) -> None:
    """With its findings and estimates, of each step, whatever that tries."""
    before = dump(site.engine)

    with site.app.app_context():
        plan = make_plan(site.alembic, "upgrade", "heads", "default")

    assert dump(site.engine) == before
    assert len(plan.steps) == len(TRIES)
    assert all(step.estimate for step in plan.steps)
    plain = plan.steps[0].estimate
    assert plain is not None
    assert [table.table for table in plain.tables] == ["users"]
    assert plan.findings


def test_a_plan_of_a_downgrade_leaves_the_database_as_it_was(site: Site) -> None:
    """It runs the other functions."""
    with site.app.app_context():
        site.alembic.stamp("heads")
        before = dump(site.engine)
        plan = make_plan(site.alembic, "downgrade", "first", "default")

    assert dump(site.engine) == before
    assert len(plan.steps) == len(TRIES)


def test_a_look_at_revisions_leaves_the_database_as_it_was(site: Site) -> None:
    """As for CI."""
    before = dump(site.engine)

    with site.app.app_context():
        result = lint(site.alembic, "default")

    assert dump(site.engine) == before
    assert len(result.revisions) == len(TRIES)


def test_the_dump_sees_what_is_changed(site: Site) -> None:
    """Rows, and tables that are written anew with the same rows."""
    before = dump(site.engine)
    site.execute("UPDATE users SET age = age + 1 WHERE id = 1")
    middle = dump(site.engine)
    assert middle != before
    site.execute("CREATE INDEX ix ON users (age)")
    assert dump(site.engine) != middle
