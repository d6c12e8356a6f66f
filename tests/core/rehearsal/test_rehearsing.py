from __future__ import annotations

import collections.abc as c
import json
import shutil
import sqlite3
import tempfile
import typing as t
from pathlib import Path

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.databases.database import Database
from flask_alembic_admin.core.locks import lock_for
from flask_alembic_admin.core.locks import Owner
from flask_alembic_admin.core.rehearsal.copies import guard_of
from flask_alembic_admin.core.rehearsal.result import Rehearsal
from flask_alembic_admin.core.runs.signals import ended_by_signal
from flask_alembic_admin.core.runs.signals import EndedBySignal
from flask_alembic_admin.core.servers import PostgresqlServer
from flask_alembic_admin.errors import Locked
from flask_alembic_admin.errors import NotRehearsable
from flask_alembic_admin.errors import PlanMoved
from flask_alembic_admin.errors import SetupError

from ...apps import add_revision
from ...apps import create
from ...apps import drop
from ...apps import MakeSite
from ...apps import Site
from ..dumps import dump
from .rehearsals import make_live
from .rehearsals import rehearsed
from .rehearsals import with_copy


@pytest.fixture
def site(make_site: MakeSite, database_url: sa.URL) -> c.Iterator[Site]:
    """A site on each kind of server in turn, at its first revision, with a copy."""
    with with_copy(make_site, database_url) as made:
        yield made


@pytest.fixture
def own_file(make_site: MakeSite) -> Site:
    """A site on SQLite, at its first revision."""
    made = make_site()
    make_live(made)
    return made


def url_of(site: Site) -> sa.URL:
    """Return the URL of the live database."""
    return site.engine.url


def test_each_step_is_measured_and_nothing_live_changes(site: Site) -> None:
    """Its time, its statements and its rows, on a copy; the steps are those of a run."""
    up = "op.execute('UPDATE t_a1 SET id = id + 10')"
    add_revision(site.folder, "b2", "a1", up=create("t_b2"), down=drop("t_b2"))
    add_revision(site.folder, "c3", "b2", up=up, message="move all")
    before = dump(url_of(site))
    result = rehearsed(site)
    assert result.succeeded
    assert [(step.revision, step.message) for step in result.steps] == [
        ("b2", "make b2"),
        ("c3", "move all"),
    ]
    # With the row of the version table.
    assert [(step.statements, step.rows) for step in result.steps][1] == (2, 4)
    assert result.steps[0].statements == 2
    assert all(0 < step.seconds <= result.seconds for step in result.steps)
    assert "t_a1" in result.steps[1].slowest or "alembic_version" in result.steps[1].slowest
    assert (result.heads, result.heads_after) == (("a1",), ("c3",))
    assert result.failed is None
    assert dump(url_of(site)) == before


def test_a_downgrade_is_rehearsed(site: Site) -> None:
    """Down to where nothing is."""
    before = dump(url_of(site))
    result = rehearsed(site, "downgrade", "base")
    assert result.succeeded
    assert (result.action, result.heads, result.heads_after) == ("downgrade", ("a1",), ())
    assert dump(url_of(site)) == before


@pytest.mark.parametrize(
    "how",
    [
        "op.get_bind().commit()",
        "op.execute('COMMIT')",
        "op.get_bind().connection.driver_connection.commit()",
        "sa.orm.Session(op.get_bind()).commit()",
        "with op.get_context().autocommit_block():\n    op.execute('DELETE FROM t_a1')",
    ],
)
def test_a_migration_that_commits_leaves_the_live_database_alone(site: Site, how: str) -> None:
    """Whether that works on the copy or not."""
    up = f"op.execute('DELETE FROM t_a1')\nimport sqlalchemy.orm\n{how}"
    add_revision(site.folder, "b2", "a1", up=up)
    before = dump(url_of(site))
    rehearsed(site)
    assert dump(url_of(site)) == before


def test_a_step_that_fails_says_where(site: Site) -> None:
    """With its file and line, and without what comes after it."""
    add_revision(site.folder, "b2", "a1", up=create("t_b2"), down=drop("t_b2"))
    bad = "op.execute('SELECT 1')\nop.execute('INSERT INTO t_a1 VALUES (1)')"
    path = add_revision(site.folder, "c3", "b2", up=bad)
    add_revision(site.folder, "d4", "c3")
    before = dump(url_of(site))
    result = rehearsed(site)
    assert not result.succeeded
    assert [step.revision for step in result.steps] == ["b2", "c3"]
    assert result.failed is not None
    position, step = result.failed
    lines = path.read_text().splitlines()
    assert (position, step.file) == (2, "c3.py")
    assert step.line is not None
    assert "INSERT INTO t_a1" in lines[step.line - 1]
    assert "IntegrityError" in step.error or "UniqueViolation" in step.error
    assert result.heads_after == ("b2",)
    assert dump(url_of(site)) == before


@pytest.mark.parametrize(
    "how",
    [
        "with engine.begin() as other:\n    other.execute(sa.text('DELETE FROM t_a1'))",
        "raw = engine.raw_connection()\nraw.cursor().execute('DELETE FROM t_a1')\nraw.commit()",
        "with sa.create_engine(engine.url).begin() as other:\n"
        "    other.execute(sa.text('DELETE FROM t_a1'))",
    ],
    ids=["engine", "raw connection", "engine of its own"],
)
def test_another_connection_is_refused(site: Site, how: str) -> None:
    """That of the app or one of its own, opened before or not: it could reach live data."""
    start = "from flask import current_app\n"
    start += "engine = current_app.extensions['alembic'].project.databases['default'].engine\n"
    add_revision(site.folder, "b2", "a1", up=start + how)

    # So that there is one in its pool.
    site.execute("SELECT 1")
    before = dump(url_of(site))
    result = rehearsed(site)
    assert result.failed is not None
    assert "by another connection than that of 'op'" in result.failed[1].error
    assert dump(url_of(site)) == before


BEYOND = [
    (
        "sqlite_url",
        "op.execute(\"ATTACH DATABASE '{live}' AS live\")\nop.execute('DELETE FROM live.t_a1')",
    ),
    (
        "sqlite_url",
        "raw = op.get_bind().connection.driver_connection\nraw.commit()\n"
        "raw.executescript(\"ATTACH '{live}' AS live; DELETE FROM live.t_a1\")",
    ),
    (
        "mariadb_url",
        "op.execute('DELETE FROM `{live}`.t_a1')\nop.get_bind().commit()",
    ),
    (
        "mariadb_url",
        "op.execute('USE `{live}`')\nop.execute('DELETE FROM t_a1')\nop.get_bind().commit()",
    ),
    ("postgresql_url", "op.execute('CREATE ROLE alembic_admin_test_role')"),
    (
        "postgresql_url",
        "op.execute(\"SELECT dblink_exec('dbname={live}', 'DELETE FROM t_a1')\")",
    ),
]


def refuse(wanted: str) -> t.NoReturn:
    """Refuse it."""
    raise NotRehearsable(wanted)


@pytest.mark.parametrize(("server", "how"), BEYOND)
def test_a_statement_that_reaches_beyond_the_copy_is_refused(
    make_site: MakeSite, request: pytest.FixtureRequest, server: str, how: str
) -> None:
    """By another file, another database of the same server, or the whole server."""
    with with_copy(make_site, request.getfixturevalue(server)) as site:
        # No preview knows what is sent.
        reads = "op.get_bind().execute(sa.text('SELECT 1')).scalar()\n"
        up = reads + how.format(live=url_of(site).database)
        add_revision(site.folder, "b2", "a1", up=up)
        before = dump(url_of(site))
        result = rehearsed(site)
        assert result.failed is not None
        said = result.failed[1].error
        assert "It reaches for" in said or "not authorized" in said
        assert dump(url_of(site)) == before


def test_a_copy_on_a_server_of_its_own_may_be_reached_beyond(
    postgresql_url: sa.URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No live data is there."""
    engine = sa.create_engine(postgresql_url, poolclass=sa.NullPool)
    live = Database("default", engine, ())
    assert guard_of(live, live, refuse) is not None
    monkeypatch.setattr(PostgresqlServer, "same_server", lambda *_: False)
    assert guard_of(live, live, refuse) is None


def test_an_engine_that_attaches_other_files_is_not_rehearsed(
    own_file: Site, tmp_path: Path
) -> None:
    """Those are no copies: what is written there would stay."""
    other = tmp_path / "audit.sqlite"
    sqlite3.connect(other).close()

    @sa.event.listens_for(own_file.engine, "connect")
    def attach(driver: sqlite3.Connection, record: object) -> None:
        driver.execute("ATTACH DATABASE ? AS audit", (str(other),))

    own_file.engine.dispose()
    add_revision(own_file.folder, "b2", "a1", up="op.execute('CREATE TABLE audit.t (a INTEGER)')")

    with pytest.raises(NotRehearsable, match=r"attaches .*audit\.sqlite to each"):
        rehearsed(own_file)

    with (
        own_file.app.app_context(),
        pytest.raises(SetupError, match=r"attaches .*audit\.sqlite to each"),
    ):
        own_file.alembic.verify()


def test_a_vacuum_is_rehearsed(own_file: Site) -> None:
    """It attaches a file that has no name."""
    up = "with op.get_context().autocommit_block():\n    op.execute('VACUUM')"
    add_revision(own_file.folder, "b2", "a1", up=up)
    assert rehearsed(own_file).succeeded


def test_the_extension_leads_to_the_copy(site: Site) -> None:
    """A migration that goes by it, not by ``op``, is at the same place."""
    how = """
from flask import current_app
alembic = current_app.extensions['alembic']
alembic.op.execute('DELETE FROM t_a1')
assert alembic.migration_context.connection is op.get_bind()
"""
    add_revision(site.folder, "b2", "a1", up=how.strip())
    before = dump(url_of(site))
    result = rehearsed(site)
    assert result.succeeded, result.steps
    assert result.steps[0].rows >= 3
    assert dump(url_of(site)) == before


def test_a_refusal_that_is_swallowed_fails_its_step(own_file: Site) -> None:
    """It was not rehearsed as it is; the steps after it still are."""
    how = """
from flask import current_app
engine = current_app.extensions['alembic'].project.databases['default'].engine
try:
    engine.connect()
except Exception:
    pass
"""
    add_revision(own_file.folder, "b2", "a1", up=how.strip())
    add_revision(own_file.folder, "c3", "b2")
    result = rehearsed(own_file)
    assert [bool(step.error) for step in result.steps] == [True, False]
    assert not result.succeeded


def test_the_app_reaches_its_database_again_afterwards(own_file: Site) -> None:
    """What was refused was refused in the rehearsal alone."""
    add_revision(own_file.folder, "b2", "a1", up=create("t_b2"))
    assert rehearsed(own_file).succeeded
    assert own_file.tables() == {"t_a1"}
    own_file.upgrade()
    assert own_file.tables() == {"t_a1", "t_b2"}


def test_the_copy_of_a_file_is_deleted(
    own_file: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a step fails; it may hold anybody's data."""
    place = tmp_path / "elsewhere"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    add_revision(own_file.folder, "b2", "a1", up="raise ValueError('no')")
    assert not rehearsed(own_file).succeeded
    assert list(place.iterdir()) == []


#: No preview runs that: it reads the database first.
TOLD_TO_END = """
op.get_bind().execute(sa.text('SELECT 1')).scalar()
__import__('os').kill(__import__('os').getpid(), __import__('signal').SIGTERM)
""".strip()


def test_a_signal_ends_it_and_fails_no_step(
    own_file: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy goes with it."""
    place = tmp_path / "elsewhere"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    add_revision(own_file.folder, "b2", "a1", up=TOLD_TO_END)

    with ended_by_signal(), pytest.raises(EndedBySignal):
        rehearsed(own_file)

    assert list(place.iterdir()) == []


def test_a_file_without_room_for_a_copy_is_not_copied(
    own_file: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk would hurt others."""
    usage = lambda _: type("Usage", (), {"free": 1})  # noqa: E731
    monkeypatch.setattr(shutil, "disk_usage", usage)
    add_revision(own_file.folder, "b2", "a1")

    with pytest.raises(NotRehearsable, match="needs more room"):
        rehearsed(own_file)


def test_a_database_in_memory_is_copied(make_site: MakeSite) -> None:
    """By the one connection that there is."""
    engine = sa.create_engine(
        "sqlite://", poolclass=sa.StaticPool, connect_args={"check_same_thread": False}
    )
    site = make_site(engines={"default": engine})
    site.engines["default"] = engine
    make_live(site)
    add_revision(site.folder, "b2", "a1", up="op.execute('DELETE FROM t_a1')")
    assert rehearsed(site).steps[0].rows == 4

    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM t_a1")) == 3

    engine.dispose()


def test_sessions_are_set_up_as_those_of_the_app(own_file: Site) -> None:
    """With foreign keys on, a batch that copies a table may delete the rows of others."""
    sa.event.listen(
        own_file.engine, "connect", lambda driver, _: driver.execute("PRAGMA foreign_keys = ON")
    )
    up = "assert op.get_bind().exec_driver_sql('PRAGMA foreign_keys').scalar() == 1"
    add_revision(own_file.folder, "b2", "a1", up=up)
    result = rehearsed(own_file)
    assert result.succeeded, result.steps


def test_a_rehearsal_goes_through_json(own_file: Site) -> None:
    """Back it is the same."""
    add_revision(own_file.folder, "b2", "a1", up="raise ValueError('no')")
    result = rehearsed(own_file)
    assert Rehearsal.from_values(json.loads(json.dumps(result.to_values()))) == result


def test_a_plan_that_moved_is_not_rehearsed(own_file: Site) -> None:
    """What you read is what is rehearsed."""
    path = add_revision(own_file.folder, "b2", "a1")

    with own_file.app.app_context():
        plan = own_file.alembic.plan()
        path.write_text(path.read_text() + "\n# later\n")

        with pytest.raises(PlanMoved, match="The file of revision b2 was changed"):
            own_file.alembic.rehearse(plan)

        plan = own_file.alembic.plan()
        own_file.alembic.upgrade()

        with pytest.raises(PlanMoved, match="was at a1 and is at b2"):
            own_file.alembic.rehearse(plan)


@pytest.mark.parametrize(
    ("action", "target", "reason"),
    [("stamp", "base", "A stamp runs no migration"), ("upgrade", "heads", "has no step")],
)
def test_what_runs_nothing_is_not_rehearsed(
    own_file: Site, action: str, target: str, reason: str
) -> None:
    """There would be nothing to see."""
    with pytest.raises(NotRehearsable, match=reason):
        rehearsed(own_file, action, target)


@pytest.fixture(params=["postgresql_url", "mariadb_url"])
def server_url(request: pytest.FixtureRequest) -> sa.URL:
    """An empty database on each server in turn."""
    return t.cast(sa.URL, request.getfixturevalue(request.param))


@pytest.fixture
def on_server(make_site: MakeSite, server_url: sa.URL) -> c.Iterator[Site]:
    """A site on each server in turn, with a copy."""
    with with_copy(make_site, server_url) as made:
        yield made


def test_the_copy_stays_migrated(on_server: Site) -> None:
    """That is said; the next rehearsal is refused until somebody restores it."""
    add_revision(on_server.folder, "b2", "a1", up=create("t_b2"), down=drop("t_b2"))
    result = rehearsed(on_server)
    assert any("stays migrated" in note for note in result.notes)

    with pytest.raises(NotRehearsable, match="copy is at b2, and the plan begins at a1"):
        rehearsed(on_server)


def test_the_live_database_is_no_copy(make_site: MakeSite, server_url: sa.URL) -> None:
    """However its URL is written."""
    other = server_url.set(host="localhost" if server_url.host == "127.0.0.1" else "127.0.0.1")
    config = {"ALEMBIC_ADMIN": {"rehearsal": other.render_as_string(hide_password=False)}}
    site = make_site(server_url, config=config)
    make_live(site)
    add_revision(site.folder, "b2", "a1", up=drop("t_a1"))
    before = dump(server_url)

    with pytest.raises(NotRehearsable, match="leads to the live database 'default' itself"):
        rehearsed(site)

    assert dump(server_url) == before


def test_no_copy_is_nowhere(make_site: MakeSite, server_url: sa.URL) -> None:
    """What to write is said."""
    site = make_site(server_url)
    make_live(site)
    add_revision(site.folder, "b2", "a1", up=drop("t_a1"))
    before = dump(server_url)

    with pytest.raises(NotRehearsable, match=r"no copy of 'default'.*ALEMBIC_ADMIN\['rehearsal'\]"):
        rehearsed(site)

    assert dump(server_url) == before


def test_a_copy_that_somebody_is_at_work_on_is_refused(on_server: Site) -> None:
    """Two rehearsals on one copy would be in each other's way."""
    add_revision(on_server.folder, "b2", "a1")
    engine = sa.create_engine(on_server.app.config["ALEMBIC_ADMIN"]["rehearsal"])
    copy = Database("default", engine, ())
    owner = Owner("ada", "here", 1, "f" * 32)

    with (
        copy.connect() as connection,
        lock_for(copy).hold(connection, owner, 0.0),
        pytest.raises(Locked),
    ):
        rehearsed(on_server)

    engine.dispose()


def test_a_copy_of_another_kind_is_refused(make_site: MakeSite, postgresql_url: sa.URL) -> None:
    """Nobody is connected to."""
    secret = "mysql+pymysql://app:pw-secret@nowhere.invalid/copy"
    site = make_site(postgresql_url, config={"ALEMBIC_ADMIN": {"rehearsal": {"default": secret}}})
    make_live(site)
    add_revision(site.folder, "b2", "a1")

    with pytest.raises(NotRehearsable, match="which is postgresql, to mysql") as caught:
        rehearsed(site)

    assert "pw-secret" not in str(caught.value)


def test_a_copy_of_a_database_that_is_none_is_refused(make_site: MakeSite) -> None:
    """A name that is misspelt would leave the right one without a copy."""
    site = make_site(config={"ALEMBIC_ADMIN": {"rehearsal": {"defualt": "sqlite://"}}})
    make_live(site)
    add_revision(site.folder, "b2", "a1")

    with pytest.raises(NotRehearsable, match="names 'defualt'"):
        rehearsed(site)


def test_locks_are_told_on_postgresql(make_site: MakeSite, postgresql_url: sa.URL) -> None:
    """The strongest on each table that was there; what the plan makes is nobody else's."""
    with with_copy(make_site, postgresql_url) as site:
        add_revision(
            site.folder,
            "b2",
            "a1",
            up="op.add_column('t_a1', sa.Column('n', sa.Integer))\n" + create("t_b2"),
        )
        add_revision(site.folder, "c3", "b2", up="op.execute('UPDATE t_a1 SET n = 1')")
        add_revision(site.folder, "d4", "c3", up="op.rename_table('t_a1', 't_new')")
        add_revision(site.folder, "e5", "d4", up=drop("t_b2"))
        result = rehearsed(site)

    locks = [dict(step.locks) for step in result.steps]
    assert [found.pop("alembic_version") for found in locks] == ["ROW EXCLUSIVE"] * 4
    assert locks == [
        {"t_a1": "ACCESS EXCLUSIVE"},
        {"t_a1": "ROW EXCLUSIVE"},
        {"t_new": "ACCESS EXCLUSIVE"},
        {},
    ]


def test_what_a_migration_says_shows_no_password(make_site: MakeSite) -> None:
    """Of whatever the settings lead to."""
    config = {"ALEMBIC_ADMIN": {"rehearsal": "postgresql+psycopg://ada:geheim9@db/copy"}}
    site = make_site(config=config)
    make_live(site)
    add_revision(site.folder, "b2", "a1", up="raise RuntimeError('no way in by geheim9')")
    result = rehearsed(site)
    assert result.failed is not None
    assert result.failed[1].error == "RuntimeError: no way in by ***"

    with site.app.app_context():
        failed = site.alembic.verify().failed

    assert failed is not None
    assert "no way in by ***" in failed.reason


def test_the_password_of_a_copy_is_shown_to_nobody(
    make_site: MakeSite, postgresql_url: sa.URL
) -> None:
    """Neither where it is said what would be used, nor where it does not answer."""
    url = postgresql_url.set(password="pw-secret", port=1, host="127.0.0.1")
    text = url.render_as_string(hide_password=False)
    site = make_site(postgresql_url, config={"ALEMBIC_ADMIN": {"rehearsal": text}})
    make_live(site)
    add_revision(site.folder, "b2", "a1")

    with site.app.app_context():
        assert "pw-secret" not in repr(site.alembic.project.settings)

        with pytest.raises(Exception, match="cannot be reached") as caught:
            site.alembic.rehearse(site.alembic.plan())

    assert "pw-secret" not in str(caught.value)
    assert "***" in str(caught.value)
