from __future__ import annotations

import itertools
import os
import typing as t
from pathlib import Path

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.scratch import open_scratch
from flask_alembic_admin.core.scratch import opening
from flask_alembic_admin.core.servers import PostgresqlServer
from flask_alembic_admin.errors import Locked
from flask_alembic_admin.errors import SetupError
from flask_alembic_admin.errors import UnreachableDatabase

from ...apps import add_revision
from ...apps import create
from ...apps import drop
from ...apps import MakeSite
from ...apps import Site
from ...servers import own_database
from ..dumps import dump_of
from ..verification.test_verifying import found
from ..verification.test_verifying import verified

_VARIABLES = {"postgresql": "TEST_POSTGRESQL_URL", "mysql": "TEST_MARIADB_URL"}


@pytest.fixture
def other_url(database_url: sa.URL, tmp_path: Path) -> t.Iterator[sa.URL]:
    """Another empty database, on the server of ``database_url``."""
    if database_url.get_backend_name() == "sqlite":
        yield sa.URL.create("sqlite", database=str(tmp_path / "other.sqlite"))
        return

    with own_database(_VARIABLES[database_url.get_backend_name()]) as url:
        yield url


def site_with(make_site: MakeSite, url: sa.URL, scratch: sa.URL) -> Site:
    """Make a site whose scratch database is given."""
    text = scratch.render_as_string(hide_password=False)
    return make_site(url, config={"ALEMBIC_ADMIN": {"scratch": {"default": text}}})


def engine_of(url: sa.URL) -> sa.Engine:
    """Return an engine that keeps nothing open."""
    return sa.create_engine(url, poolclass=sa.NullPool)


#: What leaves more behind than tables.
MORE = {
    "sqlite": "op.execute('CREATE VIEW seen AS SELECT 1 AS a')",
    "postgresql": "op.execute('CREATE SCHEMA more')\n"
    "op.execute('CREATE TABLE more.inner (id serial)')\n"
    "op.execute('CREATE VIEW seen AS SELECT 1 AS a')\n"
    "op.execute('CREATE MATERIALIZED VIEW kept AS SELECT 1 AS a')\n"
    "op.execute(\"CREATE TYPE mood AS ENUM ('good')\")\n"
    "op.execute('CREATE SEQUENCE numbers')\n"
    "op.execute('CREATE FUNCTION one(integer) RETURNS integer LANGUAGE sql AS $$ SELECT 1 $$')",
    "mysql": "op.execute('CREATE VIEW seen AS SELECT 1 AS a')\n"
    "op.execute('CREATE SEQUENCE numbers')\n"
    "op.execute('CREATE FUNCTION one() RETURNS INT RETURN 1')",
}


def test_a_database_that_was_given_is_emptied_afterwards(
    make_site: MakeSite, database_url: sa.URL, other_url: sa.URL
) -> None:
    """Of all that was made there, and built again from nothing in between."""
    site = site_with(make_site, database_url, other_url)
    up = (
        "op.create_table('a', sa.Column('id', sa.Integer, primary_key=True))\n"
        "op.create_table('b', sa.Column('a', sa.Integer, sa.ForeignKey('a.id')))\n"
        + MORE[database_url.get_backend_name()]
    )
    add_revision(site.folder, "more", up=up, down="pass")
    add_revision(site.folder, "users", "more", up=create("users"), down=drop("users"))
    result = verified(site)
    assert found(result) == {"more": ("unproven", "empty"), "users": ("proven", "")}
    assert result.notes == ()
    engine = engine_of(other_url)
    assert dump_of(engine) == {"views": []}

    if engine.dialect.name == "postgresql":
        assert sa.inspect(engine).get_schema_names() == ["information_schema", "public"]
        assert not sa.inspect(engine).get_sequence_names()

    # So that the next one can begin.
    assert found(verified(site)) == found(result)


def test_a_database_that_is_not_empty_is_refused(
    make_site: MakeSite, database_url: sa.URL, other_url: sa.URL
) -> None:
    """And left as it is."""
    site = site_with(make_site, database_url, other_url)

    with engine_of(other_url).begin() as connection:
        connection.execute(sa.text("CREATE TABLE kept (id INTEGER)"))

    before = dump_of(engine_of(other_url))

    with pytest.raises(SetupError, match=r"not empty.*kept"):
        verified(site)

    assert dump_of(engine_of(other_url)) == before


def test_the_live_database_is_refused(make_site: MakeSite, database_url: sa.URL) -> None:
    """Also where its URL is written in another way."""
    same = database_url
    if same.get_backend_name() == "sqlite":
        file = Path(str(same.database))
        same = same.set(database=str(file.parent / "." / ".." / file.parent.name / file.name))
    else:
        same = same.set(host="localhost")

    site = site_with(make_site, database_url, same)
    site.execute("SELECT 1")

    with pytest.raises(SetupError, match="is the live database 'default'"):
        verified(site)


def test_a_hard_link_to_the_live_file_is_refused(make_site: MakeSite, tmp_path: Path) -> None:
    """Its name is another one."""
    live, other = tmp_path / "live.sqlite", tmp_path / "other.sqlite"
    live.touch()
    os.link(live, other)
    urls = [sa.URL.create("sqlite", database=str(file)) for file in (live, other)]

    with pytest.raises(SetupError, match="is the live database 'default'"):
        verified(site_with(make_site, *urls))


def test_a_live_database_is_refused_where_its_server_hides_its_number(
    make_site: MakeSite, postgresql_url: sa.URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whatever address it is reached."""
    # Such a server is known by its address, and this is what two of them look like.
    numbers = itertools.count()
    monkeypatch.setattr(PostgresqlServer, "place", lambda *_: f"address {next(numbers)}")

    with pytest.raises(SetupError, match="is the live database 'default'"):
        verified(site_with(make_site, postgresql_url, postgresql_url))


def test_another_database_of_the_project_is_live_too(
    make_site: MakeSite, database_url: sa.URL, other_url: sa.URL
) -> None:
    """Though it is empty."""
    text = other_url.render_as_string(hide_password=False)
    site = make_site(
        urls={"default": database_url, "audit": other_url},
        config={"ALEMBIC_ADMIN": {"scratch": text}},
    )

    with pytest.raises(SetupError, match="is the live database 'audit'"):
        verified(site)


def test_another_kind_of_server_is_refused(make_site: MakeSite, postgresql_url: sa.URL) -> None:
    """What works there says nothing."""
    site = site_with(make_site, postgresql_url, sa.make_url("sqlite:///other.sqlite"))

    with pytest.raises(SetupError, match="leads to sqlite, and database 'default' is postgresql"):
        verified(site)


def test_a_user_who_may_create_no_database_is_told_what_to_do(
    make_site: MakeSite, postgresql_url: sa.URL
) -> None:
    """To grant it, or to name a database."""
    role = f"role_{postgresql_url.database}"
    admin = sa.create_engine(postgresql_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)

    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN NOCREATEDB")

        try:
            site = make_site(postgresql_url.set(username=role))
            with pytest.raises(SetupError, match=f"User '{role}' cannot create") as caught:
                verified(site)
            site.engine.dispose()
        finally:
            connection.exec_driver_sql(f"DROP ROLE {role}")

    assert "CREATEDB" in caught.value.cure
    assert "ALEMBIC_ADMIN['scratch']" in caught.value.cure


def test_a_server_that_nothing_is_known_of_is_told_to_need_a_place(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be created is not dropped either."""
    site = make_site()
    monkeypatch.setattr(opening, "KINDS", {})

    with (
        site.app.app_context(),
        pytest.raises(SetupError, match="No scratch database can be created"),
        open_scratch(site.alembic.project, "default"),
    ):
        pass


def test_a_server_that_does_not_answer_is_said_to(make_site: MakeSite) -> None:
    """There is nowhere to go on."""
    site = make_site(sa.make_url("postgresql+psycopg://app@127.0.0.1:1/nothing"))

    with pytest.raises(UnreachableDatabase):
        verified(site)


def test_sqlite_needs_no_live_database(make_site: MakeSite, tmp_path: Path) -> None:
    """Its file is not even made."""
    live = tmp_path / "nowhere" / "live.sqlite"
    site = make_site(sa.URL.create("sqlite", database=str(live)))
    add_revision(site.folder, "users", up=create("users"), down=drop("users"))
    assert found(verified(site)) == {"users": ("proven", "")}
    assert not live.parent.exists()


def test_what_the_engine_sets_on_a_connection_is_set_there_too(make_site: MakeSite) -> None:
    """Such as the foreign keys of SQLite, on which the outcome of a migration may depend."""
    site = make_site()

    @sa.event.listens_for(site.engine, "connect")
    def _switch_on(driver: t.Any, record: object) -> None:
        driver.execute("PRAGMA foreign_keys = ON")

    with (
        site.app.app_context(),
        open_scratch(site.alembic.project, "default") as scratch,
        scratch.database.connect() as connection,
    ):
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_what_the_engine_adds_to_its_url_counts_there_too(
    make_site: MakeSite, postgresql_url: sa.URL
) -> None:
    """Such as a password that is asked for, and options; the engine itself goes where it did."""
    site = make_site(postgresql_url)
    options = {"application_name": "with options"}
    engine = sa.create_engine(postgresql_url, connect_args=options, poolclass=sa.NullPool)
    asked: list[object] = []

    @sa.event.listens_for(engine, "do_connect")
    def _ask(dialect: object, record: object, args: object, parameters: dict[str, t.Any]) -> None:
        asked.append(parameters["dbname"])

    database = site.alembic.engines
    assert isinstance(database, dict)
    database["default"] = engine

    with site.app.app_context(), open_scratch(site.alembic.project, "default") as scratch:
        with scratch.database.connect() as connection:
            name = connection.scalar(sa.text("SELECT current_database()"))
            application = connection.scalar(sa.text("SHOW application_name"))

        with engine.connect() as connection:
            live = connection.scalar(sa.text("SELECT current_database()"))

    assert (application, live) == ("with options", postgresql_url.database)
    assert str(name).startswith("alembic_admin_scratch_")
    assert name in asked


def test_an_engine_that_connects_by_a_function_needs_a_place(make_site: MakeSite) -> None:
    """Nobody else can tell that function where to go."""
    site = make_site()
    file = str(site.engine.url.database)
    engines = site.alembic.engines
    assert isinstance(engines, dict)
    engines["default"] = sa.create_engine(
        "sqlite://", creator=lambda: __import__("sqlite3").connect(file), poolclass=sa.NullPool
    )

    with pytest.raises(SetupError, match="connects by a function"):
        verified(site)


def test_two_cannot_work_in_one_place(
    make_site: MakeSite, database_url: sa.URL, other_url: sa.URL
) -> None:
    """They would take each other's tables for a difference, and drop them."""
    site = site_with(make_site, database_url, other_url)

    with (
        site.app.app_context(),
        open_scratch(site.alembic.project, "default"),
        pytest.raises(Locked, match=r"'default \(scratch\)' is held by"),
        open_scratch(site.alembic.project, "default"),
    ):
        raise AssertionError("Two are at work.")
