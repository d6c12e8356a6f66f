from __future__ import annotations

import collections.abc as c
import contextlib
import threading

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.databases.database import Database
from flask_alembic_admin.core.locks import lock_for
from flask_alembic_admin.core.locks import Owner
from flask_alembic_admin.core.rehearsal import guard as rehearsal_guard
from flask_alembic_admin.core.rehearsal.guard import bounded
from flask_alembic_admin.core.rehearsal.limits import needs_commit
from flask_alembic_admin.core.rehearsal.result import Rehearsal
from flask_alembic_admin.core.runs.signals import ended_by_signal
from flask_alembic_admin.core.runs.signals import EndedBySignal
from flask_alembic_admin.core.servers import Timeouts
from flask_alembic_admin.errors import Locked
from flask_alembic_admin.errors import NotRehearsable
from flask_alembic_admin.errors import PlanMoved
from flask_alembic_admin.extension import Alembic

from ...apps import add_revision
from ...apps import create
from ...apps import drop
from ...apps import MakeSite
from ...apps import Site
from ..dumps import dump
from .rehearsals import make_live
from .rehearsals import rehearsed
from .test_rehearsing import TOLD_TO_END


@pytest.fixture
def site(make_site: MakeSite, postgresql_url: sa.URL) -> Site:
    """A site at its first revision whose plans may be rehearsed on the live database."""
    made = make_site(postgresql_url, config={"ALEMBIC_ADMIN": {"rehearse_live": True}})
    make_live(made)
    return made


def unchanged(site: Site, action: str = "upgrade", target: str = "heads") -> Rehearsal:
    """Rehearse, and see that a dump before and after is the same."""
    # In a plan the SQL is looked at before; here what is found out only when it comes.
    before = dump(site.engine.url)
    result = rehearsed(site, action, target)
    assert dump(site.engine.url) == before
    return result


def hidden(code: str) -> str:
    """Return code of which no plan knows what it sends: it reads the database first."""
    return f"op.get_bind().execute(sa.text('SELECT 1')).scalar()\n{code}"


def test_everything_is_rolled_back(site: Site) -> None:
    """Tables, rows and the version; the locks are those that it would take."""
    up = "op.execute('UPDATE t_a1 SET id = id + 10')\n" + create("t_b2")
    add_revision(site.folder, "b2", "a1", up=up)
    add_revision(site.folder, "c3", "b2", up="op.add_column('t_a1', sa.Column('n', sa.Integer))")
    result = unchanged(site)
    assert result.succeeded, result
    assert (result.kind, result.heads_after) == ("live", ("c3",))
    # The last statement of a step is that of the version table.
    assert [(step.statements, step.rows) for step in result.steps] == [(3, 4), (2, 1)]
    assert [step.locks["t_a1"] for step in result.steps] == ["ROW EXCLUSIVE", "ACCESS EXCLUSIVE"]
    assert any("sequences" in note for note in result.notes)


def test_a_downgrade_is_rehearsed(site: Site) -> None:
    """Down to where nothing is."""
    result = unchanged(site, "downgrade", "base")
    assert result.succeeded
    assert result.heads_after == ()
    assert result.steps[0].locks["t_a1"] == "ACCESS EXCLUSIVE"


def test_from_nothing(make_site: MakeSite, postgresql_url: sa.URL) -> None:
    """The version table that Alembic makes is rolled back too."""
    site = make_site(postgresql_url, config={"ALEMBIC_ADMIN": {"rehearse_live": True}})
    add_revision(site.folder, "a1", up=create("t_a1"))
    result = unchanged(site)
    assert result.succeeded, result


LEAKS = {
    "commit": "op.get_bind().commit()",
    "text": "op.execute('COMMIT')",
    "text behind a comment": "op.execute('/* ; */ -- x\\n commit work')",
    "second statement": "op.get_bind().exec_driver_sql('SELECT 1; COMMIT')",
    "end": "op.execute('END TRANSACTION')",
    "rollback": "op.get_bind().rollback()",
    "rollback as text": "op.execute('ROLLBACK')",
    "autocommit block": "with op.get_context().autocommit_block():\n    pass",
    "isolation level": "op.get_bind().execution_options(isolation_level='AUTOCOMMIT')",
    "concurrently": "op.execute('CREATE INDEX CONCURRENTLY ix ON t_a1 (id)')",
    "vacuum": "op.execute('VACUUM t_a1')",
    "prepared": "op.execute(\"PREPARE TRANSACTION 'kept'\")",
    "constraints": "op.execute('SET CONSTRAINTS ALL IMMEDIATE')",
    "sequence": "op.execute(\"SELECT setval('s', 40)\")",
    "sequence in a block": "op.execute(\"DO $$ BEGIN PERFORM setval('s', 40); END $$\")",
    "sequence in quotes": "op.execute('SELECT pg_catalog.\"setval\"(\\'s\\', 40)')",
    "program": "op.execute(\"COPY t_a1 TO PROGRAM 'cat > /dev/null'\")",
    "read only": "op.execute('SET default_transaction_read_only = off')",
    "second connection": "op.get_bind().engine.begin().__enter__()",
    "app": "from flask import current_app\n"
    "current_app.extensions['alembic'].project.databases['default'].engine.begin().__enter__()",
}


@pytest.mark.parametrize("how", LEAKS.values(), ids=LEAKS)
def test_what_would_stay_is_refused_before_it_is_sent(site: Site, how: str) -> None:
    """Also where it is swallowed, and tried again, and something else tried after it."""
    site.execute("CREATE SEQUENCE s")
    indented = how.replace("\n", "\n        ")
    twice = f"for _ in range(2):\n    try:\n        {indented}\n    except Exception:\n        pass"
    up = hidden(f"op.execute('DELETE FROM t_a1')\n{twice}\nop.execute('DROP TABLE t_a1')")
    add_revision(site.folder, "b2", "a1", up=up)
    result = unchanged(site)
    assert result.failed is not None
    assert result.failed[0] == 1
    assert "cannot be taken back" in result.failed[1].error or "another connection" in str(
        result.failed[1].error
    )


PAST_SQLALCHEMY = {
    "driver": "op.get_bind().connection.driver_connection.commit()",
    "pool": "op.get_bind().connection.commit()",
    "cursor": "op.get_bind().connection.cursor().execute('COMMIT')",
    "several at once": "op.get_bind().connection.driver_connection.execute("
    "'SELECT 1; COMMIT; DROP TABLE t_a1; COMMIT')",
    "body": "op.get_bind().connection.cursor().execute('DO $$BEGIN COMMIT; END$$')",
    "transaction": "op.get_bind().connection.cursor().execute(\"PREPARE TRANSACTION 'kept'\")",
    "new one": "raw = op.get_bind().connection.driver_connection\nraw.rollback()\n"
    "raw.execute('DROP TABLE t_a1')\nraw.commit()",
}


@pytest.mark.parametrize("how", PAST_SQLALCHEMY.values(), ids=PAST_SQLALCHEMY)
def test_the_server_refuses_what_goes_past_sqlalchemy(site: Site, how: str) -> None:
    """By the driver itself, where nobody listens; also where that is swallowed and tried again."""
    indented = how.replace("\n", "\n        ")
    twice = f"for _ in range(2):\n    try:\n        {indented}\n    except Exception:\n        pass"
    up = hidden(f"op.execute('DELETE FROM t_a1')\n{twice}\nop.execute('DROP TABLE t_a1')")
    add_revision(site.folder, "b2", "a1", up=up)
    result = unchanged(site)
    assert not result.succeeded


@pytest.mark.parametrize("name", ["driver", "pool", "cursor", "several at once", "new one"])
def test_those_ways_would_leave_traces_in_a_run(site: Site, name: str) -> None:
    """Else the test before this one proves nothing."""
    up = f"op.execute('DELETE FROM t_a1')\n{PAST_SQLALCHEMY[name]}"
    add_revision(site.folder, "b2", "a1", up=up)
    before = dump(site.engine.url)

    # Whatever becomes of it.
    with contextlib.suppress(Exception):
        site.upgrade()

    assert dump(site.engine.url) != before


def test_what_the_plan_shows_is_refused_before_anything_is_run(site: Site) -> None:
    """With the step and the statement."""
    up = """
with op.get_context().autocommit_block():
    op.create_index('ix', 't_a1', ['id'], postgresql_concurrently=True)
"""
    add_revision(site.folder, "b2", "a1")
    add_revision(site.folder, "c3", "b2", up=up.strip())

    with pytest.raises(NotRehearsable, match=r"Step 2 \(c3\) sends “COMMIT”, which cannot be"):
        unchanged(site)


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT 1", None),
        ("UPDATE t SET a = 'COMMIT'", None),
        ("-- COMMIT\nSELECT 'VACUUM' /* END */", None),
        ("ALTER TABLE t ADD COLUMN commit integer", None),
        ("DO $$ BEGIN PERFORM 1; END $$", None),
        ("SAVEPOINT a", None),
        ("ROLLBACK TO SAVEPOINT a", None),
        ("REFRESH MATERIALIZED VIEW CONCURRENTLY v", None),
        ("CREATE FUNCTION f() RETURNS int AS 'BEGIN; COMMIT' LANGUAGE sql", None),
        ("SELECT 1; COMMIT", "COMMIT"),
        ("rollback", "rollback"),
        ("start transaction read only", "start transaction read only"),
        ("DROP INDEX CONCURRENTLY IF EXISTS ix", "DROP INDEX CONCURRENTLY IF EXISTS ix"),
        ("VACUUM (ANALYZE) t", "VACUUM (ANALYZE) t"),
        ("ALTER SYSTEM SET x = 1", "ALTER SYSTEM SET x = 1"),
        ("SELECT pg_catalog.setval('s', 1)", "SELECT pg_catalog.setval('s', 1"),
        ("DO $$BEGIN PERFORM setval('s', 1); END$$", "DO $$BEGIN PERFORM setval('s', 1); END$$"),
        ('SELECT "setval"(1)', 'SELECT "setval"(1)'),
        ("UPDATE t SET a = 'of setval()'", None),
        ("SELECT * FROM dblink('x', 'y') t(a int)", "SELECT * FROM dblink('x', 'y'"),
        ("SELECT pg_terminate_backend(1)", "SELECT pg_terminate_backend(1)"),
        ("COPY t TO STDOUT", None),
        ("COPY t FROM PROGRAM 'cat'", "COPY t FROM PROGRAM 'cat'"),
        ("COPY (SELECT 1) TO '/x'", "COPY (SELECT 1) TO '/x'"),
        (
            "SELECT set_config('transaction_read_only', 'off', true)",
            "SELECT set_config('transaction_read_only', 'off', true",
        ),
    ],
)
def test_what_cannot_be_taken_back_is_known_by_its_words(sql: str, found: str | None) -> None:
    """Not by those in strings, comments and bodies of functions."""
    assert needs_commit(sql) == found


def test_it_waits_a_second_for_a_lock_at_most(site: Site) -> None:
    """Whatever the migration says: all who come after it wait too."""
    up = "op.execute(\"SET lock_timeout = '60s'\")\n" + drop("t_a1")
    add_revision(site.folder, "b2", "a1", up=up)

    with site.engine.begin() as other:
        other.exec_driver_sql("LOCK TABLE t_a1 IN ACCESS SHARE MODE")
        result = rehearsed(site)

    assert result.failed is not None
    step = result.failed[1]
    assert "lock timeout" in step.error
    assert step.seconds < 30


def test_timeouts_that_are_reset_are_bounded_again(site: Site) -> None:
    """By statements that name none of them."""
    up = "op.execute('RESET ALL')\n" + drop("t_a1")
    add_revision(site.folder, "b2", "a1", up=up)

    with site.engine.begin() as other:
        other.exec_driver_sql("LOCK TABLE t_a1 IN ACCESS SHARE MODE")
        # Nobody but the time limit of the lock ends this.
        result = rehearsed(site)

    assert result.failed is not None
    assert "lock timeout" in result.failed[1].error


def test_locks_are_not_held_while_python_takes_its_time(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends a session that sends nothing for as long as all of it may take."""
    monkeypatch.setattr(rehearsal_guard, "LIMIT", 3.0)
    other = sa.create_engine(site.engine.url, poolclass=sa.NullPool)

    def take_lock() -> None:
        with other.begin() as connection:
            connection.exec_driver_sql("SET LOCAL lock_timeout = '60s'")
            connection.exec_driver_sql("LOCK TABLE t_a1")

    def meanwhile() -> None:
        # What is sent from this thread is refused by the rehearsal itself.
        thread = threading.Thread(target=take_lock)
        thread.start()
        thread.join()

    site.app.config["MEANWHILE"] = lambda: None
    up = "from flask import current_app\nop.execute('LOCK TABLE t_a1')\n"
    add_revision(site.folder, "b2", "a1", up=f"{up}current_app.config['MEANWHILE']()")

    with site.app.app_context():
        plan = site.alembic.plan()
        site.app.config["MEANWHILE"] = meanwhile
        result = site.alembic.rehearse(plan)

    assert "takes more than 3 s" in result.steps[0].error


def test_timeouts_are_bounded() -> None:
    """By those of the settings too, where they are shorter; none is no bound."""
    assert bounded(Timeouts(lock=5.0, statement=3600.0)) == Timeouts(lock=1.0, statement=30.0)
    assert bounded(Timeouts(lock=0.5, statement=2.0)) == Timeouts(lock=0.5, statement=2.0)
    assert bounded(Timeouts(lock=0.0, statement=None)) == Timeouts(lock=1.0, statement=30.0)


def test_a_signal_ends_it_and_fails_no_step(site: Site) -> None:
    """Nothing stays of it."""
    add_revision(site.folder, "b2", "a1", up=f"op.execute('DELETE FROM t_a1')\n{TOLD_TO_END}")

    with ended_by_signal(), pytest.raises(EndedBySignal):
        unchanged(site)

    # Nor is anything held any more.
    site.execute("DELETE FROM t_a1")


def test_all_of_it_has_a_time_limit(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks are held until all steps have ended."""
    monkeypatch.setattr(rehearsal_guard, "LIMIT", 0.5)
    up = "op.execute('SELECT pg_sleep(0.6)')\n" + drop("t_a1")
    add_revision(site.folder, "b2", "a1", up=up)
    result = unchanged(site)
    assert "takes more than 0.5 s" in result.steps[0].error


def test_nobody_migrates_meanwhile(site: Site) -> None:
    """It takes the lock of a run, and is refused where a run has it."""
    add_revision(site.folder, "b2", "a1")
    live = Database("default", site.engine, ())

    with (
        live.connect() as connection,
        lock_for(live).hold(connection, Owner("ada", "here", 1, "f" * 32), 0.0),
        pytest.raises(Locked),
    ):
        rehearsed(site)


def test_nobody_migrates_while_a_plan_is_rehearsed(site: Site) -> None:
    """A run, a rehearsal on another host: whoever takes the lock is refused."""
    tried: list[BaseException] = []
    live = Database("default", sa.create_engine(site.engine.url), ())

    def try_to_take() -> None:
        try:
            with live.connect() as connection:
                owner = Owner("ada", "here", 1, "f" * 32)
                with lock_for(live).hold(connection, owner, 0.0):
                    raise AssertionError("Both have it.")
        except BaseException as error:
            tried.append(error)

    def meanwhile() -> None:
        # What is sent from this thread is refused by the rehearsal itself.
        thread = threading.Thread(target=try_to_take)
        thread.start()
        thread.join()

    site.app.config["MEANWHILE"] = meanwhile
    up = "from flask import current_app\ncurrent_app.config['MEANWHILE']()"
    add_revision(site.folder, "b2", "a1", up=up)

    with site.app.app_context():
        plan = site.alembic.plan()
        # The plan has run it too.
        tried.clear()
        assert site.alembic.rehearse(plan).succeeded

    live.engine.dispose()
    assert [type(error) for error in tried] == [Locked]


def test_it_is_off_unless_switched_on(make_site: MakeSite, postgresql_url: sa.URL) -> None:
    """Nobody's live database is used unasked."""
    site = make_site(postgresql_url)
    make_live(site)
    add_revision(site.folder, "b2", "a1")

    with pytest.raises(NotRehearsable, match="rehearse_live"):
        unchanged(site)


def test_it_is_for_postgresql_alone(make_site: MakeSite, mariadb_url: sa.URL) -> None:
    """Another server would commit at the first DDL."""
    site = make_site(mariadb_url, config={"ALEMBIC_ADMIN": {"rehearse_live": True}})
    make_live(site)
    add_revision(site.folder, "b2", "a1", up=drop("t_a1"))

    with pytest.raises(NotRehearsable, match="no copy of 'default'"):
        unchanged(site)


class OwnWay(Alembic):
    """Runs migrations in a way of its own."""

    def run_migrations(self, fn: c.Callable[..., object], **kwargs: object) -> None:
        """Run them as ever."""
        super().run_migrations(fn, **kwargs)  # type: ignore[arg-type]


def test_a_way_of_its_own_is_refused(make_site: MakeSite, postgresql_url: sa.URL) -> None:
    """It may commit, and would be left out."""
    config = {"ALEMBIC_ADMIN": {"rehearse_live": True}}
    site = make_site(postgresql_url, config=config, extension=OwnWay)
    make_live(site)
    add_revision(site.folder, "b2", "a1")

    with pytest.raises(NotRehearsable, match=r"OwnWay has a run_migrations\(\) of its own"):
        unchanged(site)


def test_a_plan_that_moved_is_not_rehearsed(site: Site) -> None:
    """What you read is what is rehearsed."""
    add_revision(site.folder, "b2", "a1")

    with site.app.app_context():
        plan = site.alembic.plan()
        site.alembic.upgrade()

        with pytest.raises(PlanMoved, match="was at a1 and is at b2"):
            site.alembic.rehearse(plan)


def test_the_pool_of_the_app_is_left_alone(site: Site) -> None:
    """No session of the app is read-only afterwards."""
    add_revision(site.folder, "b2", "a1", up=create("t_b2"))
    assert unchanged(site).succeeded
    site.execute("INSERT INTO t_a1 VALUES (9)")
    site.upgrade()
    assert site.tables() == {"t_a1", "t_b2"}
