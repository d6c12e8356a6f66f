from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.verification.result import Verification

from ...apps import add_revision
from ...apps import create
from ...apps import drop
from ...apps import MakeSite
from ...apps import Site
from ..dumps import dump_of
from ..dumps import scratch_databases

#: A history in which each downgrade is of another kind: the arguments of `add_revision`, and what
#: is found.
HISTORY: list[tuple[str, str | tuple[str, ...] | None, str, str, str, str]] = [
    (
        "users",
        None,
        "op.create_table('users', sa.Column('id', sa.Integer, primary_key=True),"
        " sa.Column('name', sa.String(40)), sa.Column('fax', sa.String(40)))",
        drop("users"),
        "proven",
        "",
    ),
    (
        "email",
        "users",
        "op.add_column('users', sa.Column('email', sa.String(80)))\n"
        "op.create_index('ix_email', 'users', ['email'])",
        "op.drop_index('ix_email', 'users')\n"
        "with op.batch_alter_table('users') as batch: batch.drop_column('email')",
        "proven",
        "",
    ),
    (
        "fax",
        "email",
        "with op.batch_alter_table('users') as batch: batch.drop_column('fax')",
        "op.add_column('users', sa.Column('fax', sa.String(40)))",
        "lossy",
        "",
    ),
    ("stays", "fax", create("stays"), "pass", "unproven", "empty"),
    (
        "raises",
        "stays",
        create("raises"),
        "raise NotImplementedError('there is no way back')",
        "unproven",
        "raises",
    ),
    (
        "differs",
        "raises",
        create("left") + "\n" + create("gone"),
        drop("gone"),
        "unproven",
        "differs",
    ),
    ("side", "stays", create("side"), drop("side"), "proven", ""),
    ("merge", ("differs", "side"), "pass", "pass", "proven", ""),
]


def write(site: Site) -> None:
    """Write the revisions of the history, and one without a downgrade."""
    for revision, parent, up, down, _, _ in HISTORY:
        add_revision(site.folder, revision, parent, up=up, down=down)

    path = add_revision(site.folder, "missing", "merge", up=create("missing"))
    path.write_text(path.read_text().partition("def downgrade")[0])


def verified(site: Site) -> Verification:
    """Verify the revisions of a site in an app context of its own."""
    with site.app.app_context():
        return site.alembic.verify()


def found(result: Verification) -> dict[str, tuple[str, str]]:
    """Return what was found of each revision."""
    return {one.revision: (one.proof, one.cause) for one in result.revisions}


def test_each_kind_of_downgrade_is_told(make_site: MakeSite, database_url: sa.URL) -> None:
    """On each server, in a history with branches and a merge; the database stays as it is."""
    site = make_site(database_url)
    write(site)
    site.execute("CREATE TABLE users (id INTEGER)")
    site.execute("INSERT INTO users (id) VALUES (7)")
    before = dump_of(site.engine)
    result = verified(site)
    assert found(result) == {
        **{revision: (proof, cause) for revision, *_, proof, cause in HISTORY},
        "missing": ("unproven", "missing"),
    }
    reasons = {one.revision: one.reason for one in result.revisions}
    assert (
        reasons["fax"]
        == "The upgrade drops column users.fax, which the downgrade cannot bring back."
    )
    assert "NotImplementedError: there is no way back" in reasons["raises"]
    assert reasons["differs"] == "After its downgrade table left is left."
    assert dump_of(site.engine) == before
    assert not result.is_good


#: What a revision may do to reach the live database, with the words that name it.
REACHES = {
    "engine": "sa.create_engine({url!r}).connect()",
    "app": "__import__('flask').current_app.extensions['alembic'].engines['default'].connect()",
    "pooled": "__import__('flask').current_app.extensions['alembic'].engines['default']"
    ".raw_connection()",
    "commits": "op.execute('INSERT INTO users VALUES (1)')\n"
    "op.get_bind().commit()\n"
    "sa.create_engine({url!r}).connect()",
}


#: One that tries it all is tried on each server.
EVERYWHERE = [("sqlite_url", way) for way in REACHES] + [
    ("postgresql_url", "commits"),
    ("mariadb_url", "commits"),
    ("postgresql_url", "pooled"),
]


@pytest.mark.parametrize(("server", "way"), EVERYWHERE)
def test_nothing_reaches_the_live_database(
    make_site: MakeSite, request: pytest.FixtureRequest, server: str, way: str
) -> None:
    """It is named, with the line that reaches for it, and stays as it is."""
    database_url: sa.URL = request.getfixturevalue(server)
    site = make_site(database_url)
    site.execute("CREATE TABLE users (id INTEGER)")
    site.execute("INSERT INTO users (id) VALUES (7)")
    before = dump_of(site.engine)
    url = database_url.render_as_string(hide_password=False)
    up = REACHES[way].format(url=url)
    add_revision(site.folder, "users", up=create("users"), down=drop("users"))
    add_revision(site.folder, "reaches", "users", up=up + "\nop.execute('DELETE FROM users')")
    add_revision(site.folder, "later", "reaches")
    result = verified(site)
    assert found(result) == {
        "users": ("proven", ""),
        "reaches": ("unproven", "failed"),
        "later": ("unproven", "not reached"),
    }
    reaches = result.failed
    assert reaches is not None
    assert "which is not the scratch database" in reaches.reason
    assert (reaches.file, reaches.line) == ("reaches.py", 16 + up.count("\n"))
    assert str(database_url.database) in reaches.reason
    assert not result.compared
    assert dump_of(site.engine) == before


@pytest.mark.parametrize("commit", ["op.get_bind().commit()", "op.execute('COMMIT')"])
def test_a_migration_that_commits_changes_the_scratch_database_alone(
    make_site: MakeSite, database_url: sa.URL, commit: str
) -> None:
    """And its downgrade is tried like any other."""
    site = make_site(database_url)
    site.execute("CREATE TABLE users (id INTEGER)")
    before = dump_of(site.engine)
    up = f"{create('users')}\nop.execute('INSERT INTO users (id) VALUES (1)')\n{commit}"
    add_revision(site.folder, "users", up=up, down=f"{drop('users')}\n{commit}")
    result = verified(site)
    assert [one.revision for one in result.revisions] == ["users"]
    assert dump_of(site.engine) == before


def test_what_belongs_to_the_whole_server_is_refused(
    make_site: MakeSite, postgresql_url: sa.URL
) -> None:
    """A role is that of live databases too."""
    site = make_site(postgresql_url)
    add_revision(site.folder, "wide", up="op.execute('CREATE ROLE alembic_admin_test_role')")
    failed = verified(site).failed
    assert failed is not None
    assert "It reaches for the whole server (CREATE ROLE …)" in failed.reason


def test_the_driver_attaches_no_other_file(make_site: MakeSite) -> None:
    """Which nobody hears who listens to SQLAlchemy."""
    site = make_site()
    site.execute("CREATE TABLE users (id INTEGER)")
    site.execute("INSERT INTO users (id) VALUES (7)")
    before = dump_of(site.engine)
    sql = f"ATTACH '{site.engine.url.database}' AS live; DELETE FROM live.users"
    up = f"op.get_bind().connection.driver_connection.executescript({sql!r})"
    add_revision(site.folder, "attaches", up=up)
    failed = verified(site).failed
    assert failed is not None
    assert "not authorized" in failed.reason
    assert dump_of(site.engine) == before


@pytest.mark.parametrize(
    "use", ["cursor().execute('USE {live}')", "driver_connection.select_db('{live}')"]
)
def test_a_driver_that_is_told_to_use_another_database(
    make_site: MakeSite, mariadb_url: sa.URL, use: str
) -> None:
    """Nothing more is sent: what follows names no database."""
    site = make_site(mariadb_url)
    site.execute("CREATE TABLE users (id INTEGER)")
    site.execute("INSERT INTO users VALUES (7)")
    before = dump_of(site.engine)
    told = f"op.get_bind().connection.{use.format(live=mariadb_url.database)}"
    up = f"{told}\nop.execute('DELETE FROM users')\nop.get_bind().commit()"
    add_revision(site.folder, "users", up=up)
    failed = verified(site).failed
    assert failed is not None
    assert "which the driver was told to use" in failed.reason
    assert dump_of(site.engine) == before


def test_the_tables_of_another_database_are_refused(
    make_site: MakeSite, mariadb_url: sa.URL
) -> None:
    """One session reaches all databases of a server there."""
    site = make_site(mariadb_url)
    site.execute("CREATE TABLE users (id INTEGER)")
    site.execute("INSERT INTO users VALUES (7)")
    before = dump_of(site.engine)
    add_revision(site.folder, "users", up=create("users"), down=drop("users"))
    sql = f"DELETE FROM `{mariadb_url.database}`.users"
    add_revision(site.folder, "other", "users", up=f"op.execute({sql!r})")
    failed = verified(site).failed
    assert failed is not None
    assert f"It reaches for database '{mariadb_url.database}'" in failed.reason
    assert dump_of(site.engine) == before


def test_a_table_may_be_called_as_a_database_is(make_site: MakeSite, mariadb_url: sa.URL) -> None:
    """Its columns are no tables of that database."""
    site = make_site(mariadb_url)
    name = str(mariadb_url.database)
    add_revision(site.folder, "users", up=create(name), down=drop(name))
    sql = f"SELECT {name}.id FROM {name} WHERE {name}.id = 1"
    add_revision(site.folder, "reads", "users", up=f"op.execute({sql!r})")
    assert verified(site).failed is None


@pytest.mark.parametrize("server", ["postgresql_url", "mariadb_url"])
@pytest.mark.parametrize("end", ["SystemExit", "KeyboardInterrupt"])
def test_a_scratch_database_is_dropped_in_any_case(
    make_site: MakeSite, request: pytest.FixtureRequest, server: str, end: str
) -> None:
    """Also where Ctrl-C ends what works in it."""
    site = make_site(request.getfixturevalue(server))
    there = f"__import__('pathlib').Path({str(site.folder.parent)!r}, 'seen')"
    name = {"postgresql_url": "current_database()", "mariadb_url": "DATABASE()"}[server]
    up = f"{there}.write_text(op.get_bind().scalar(sa.text('SELECT {name}')))\nraise {end}"
    add_revision(site.folder, "ends", up=up)

    with contextlib.suppress(KeyboardInterrupt):
        verified(site)

    seen = (site.folder.parent / "seen").read_text()
    assert seen.startswith("alembic_admin_scratch_")
    assert seen not in scratch_databases(site.engine)


def test_what_was_left_behind_is_named(make_site: MakeSite, postgresql_url: sa.URL) -> None:
    """With how to get rid of it; nobody knows what else it may be."""
    site = make_site(postgresql_url)
    name = f"alembic_admin_scratch_{postgresql_url.database}"
    autocommit = site.engine.execution_options(isolation_level="AUTOCOMMIT")

    with autocommit.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")

        try:
            assert any(note.endswith(f": DROP DATABASE {name}") for note in verified(site).notes)
        finally:
            connection.exec_driver_sql(f"DROP DATABASE {name}")


def test_what_is_needed_is_there(make_site: MakeSite) -> None:
    """Revisions run in an order in which those come first that others depend on."""
    site = make_site()
    add_revision(site.folder, "b1", up=create("b1"), down=drop("b1"), labels="b")
    add_revision(site.folder, "b2", "b1", up=create("b2"), down=drop("b2"))
    up = "op.create_table('a1', sa.Column('b', sa.Integer, sa.ForeignKey('b2.id')))"
    add_revision(site.folder, "a1", up=up, down=drop("a1"), depends_on="b2", labels="a")
    add_revision(site.folder, "a2", "a1", up=create("a2"), down=drop("a2"))
    result = verified(site)
    assert [one.revision for one in result.revisions] == ["b1", "b2", "a1", "a2"]
    assert {one.proof for one in result.revisions} == {"proven"}


def test_the_outcome_is_held_against_the_models(make_site: MakeSite) -> None:
    """What they say and no revision makes is told."""
    site = make_site()
    sa.Table("users", site.metadata, sa.Column("id", sa.Integer, primary_key=True))
    add_revision(site.folder, "users", up=create("users"), down=drop("users"))
    assert verified(site).is_good
    sa.Table("orders", site.metadata, sa.Column("id", sa.Integer, primary_key=True))
    result = verified(site)
    assert [one.line for one in result.differences] == ["table orders: in models, not in database"]
    assert not result.is_good


def test_each_of_several_databases_has_its_own(make_site: MakeSite, tmp_path: Path) -> None:
    """With the functions that its name chooses."""
    urls = {
        name: sa.URL.create("sqlite", database=str(tmp_path / f"{name}.sqlite"))
        for name in ("default", "audit")
    }
    site = make_site(urls=urls)
    up = "(arguments['engine_name'] == 'audit') and " + create("events")
    down = "(arguments['engine_name'] == 'audit') and op.drop_table('nothing')"
    path = add_revision(site.folder, "events", up=up, down="pass")
    path.write_text(
        path.read_text().replace(
            "def downgrade(**arguments):\n    pass", f"def downgrade(**arguments):\n    {down}"
        )
    )

    with site.app.app_context():
        results = {name: site.alembic.verify(database=name) for name in urls}

    assert found(results["default"]) == {"events": ("proven", "")}
    assert found(results["audit"]) == {"events": ("unproven", "raises")}


def test_it_can_be_kept_and_read(make_site: MakeSite) -> None:
    """All of it; what another version has kept is nobody's."""
    site = make_site()
    sa.Table("users", site.metadata, sa.Column("id", sa.Integer, primary_key=True))
    add_revision(site.folder, "empty", up=create("left"))
    result = verified(site)
    values = json.loads(json.dumps(result.to_values()))
    assert Verification.from_values(values) == result
    assert Verification.from_values({**values, "format": 0}) is None
    assert Verification.from_values(None) is None


def test_callbacks_of_the_app_are_not_told(make_site: MakeSite) -> None:
    """Nothing is applied anywhere that matters."""
    told: list[object] = []
    site = make_site(config={"ALEMBIC_CONTEXT": {"on_version_apply": lambda **_: told.append(_)}})
    add_revision(site.folder, "users", up=create("users"), down=drop("users"))
    assert found(verified(site)) == {"users": ("proven", "")}
    assert not told
