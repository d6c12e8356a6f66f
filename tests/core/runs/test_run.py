"""The verdict of a run: what the database holds afterwards, told without flattery."""

from __future__ import annotations

import collections.abc as c
import typing as t

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.ledger import patience
from flask_alembic_admin.errors import RunFailed

from ...apps import add_line
from ...apps import add_revision
from ...apps import create
from ...apps import drop
from ...apps import MakeSite
from ...apps import Site

if t.TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep


def _failed(site: Site, **arguments: t.Any) -> RunFailed:
    with pytest.raises(RunFailed) as caught:
        site.upgrade(**arguments)

    return caught.value


def test_each_step_has_a_transaction_of_its_own(make_site: MakeSite, database_url: sa.URL) -> None:
    """A failure at the third of five leaves the first two, and says so."""
    site = make_site(database_url)
    add_line(site.folder, "a1", "b2")
    up = f"{create('half')}\nop.execute('SELECT nonsense FROM nowhere')"
    add_revision(site.folder, "c3", "b2", up=up, message="add things")
    add_revision(site.folder, "d4", "c3", up=create("later"))
    add_revision(site.folder, "e5", "d4", up=create("latest"))
    error = _failed(site)
    assert (error.database, error.failed, error.applied) == ("default", "c3", ("a1", "b2"))
    assert error.heads == ("b2",)
    assert site.versions() == {"b2"}
    text = str(error)
    assert text.startswith("upgrade of database 'default' failed at c3 (add things): ")
    assert "2 steps before it stay done; the database is at b2." in text


def test_a_server_that_rolls_back_leaves_no_half_of_a_step(
    make_site: MakeSite, postgresql_url: sa.URL
) -> None:
    """And nothing is said about one."""
    site = make_site(postgresql_url)
    add_revision(site.folder, "a1", up=f"{create('half')}\n1 / 0")
    error = _failed(site)
    assert site.tables() == set()
    assert error.cure == ""
    assert str(error) == (
        "upgrade of database 'default' failed at a1 (make a1): ZeroDivisionError: division by "
        "zero. No step before it stays done; the database is at base."
    )


@pytest.mark.parametrize("server", ["mariadb", "sqlite"])
def test_a_server_that_does_not_roll_back_may_keep_half_of_a_step(
    make_site: MakeSite, request: pytest.FixtureRequest, server: str
) -> None:
    """Whoever reads the error is told to look."""
    site = make_site(request.getfixturevalue(f"{server}_url"))
    add_revision(site.folder, "a1", up=f"{create('half')}\n1 / 0")
    error = _failed(site)
    assert site.tables() == {"half"}
    assert error.cure == (
        f"{site.engine.dialect.name} cannot roll back schema changes: a part of that revision may "
        "be in place. Look before you run it again."
    )


@pytest.mark.parametrize("server", ["mariadb", "sqlite"])
@pytest.mark.parametrize("body", ["1 / 0", "op.execute('SELECT 1 FROM nowhere')"])
def test_nobody_has_to_look_where_nothing_was_carried_out(
    make_site: MakeSite, request: pytest.FixtureRequest, server: str, body: str
) -> None:
    """The next run begins without an examination, and the error says nothing else."""
    site = make_site(request.getfixturevalue(f"{server}_url"))
    path = add_revision(site.folder, "a1", up=body)
    assert _failed(site).cure == ""
    path.write_text(path.read_text().replace(body, "pass"))
    site.upgrade()


def test_one_transaction_for_all_leaves_nothing(
    make_site: MakeSite, postgresql_url: sa.URL
) -> None:
    """Where the app asks for it, and the server can."""
    site = make_site(
        postgresql_url, config={"ALEMBIC_CONTEXT": {"transaction_per_migration": False}}
    )
    add_line(site.folder, "a1", "b2")
    add_revision(site.folder, "c3", "b2", up="1 / 0")
    error = _failed(site)
    assert (error.failed, error.applied, error.heads) == ("c3", (), ())
    assert "No step before it stays done; the database is at base." in str(error)
    assert site.tables() == set()


def test_a_failed_downgrade_says_how_far_it_came(make_site: MakeSite, database_url: sa.URL) -> None:
    """Its steps go down."""
    site = make_site(database_url)
    add_revision(site.folder, "a1", up=create("one"), down="1 / 0")
    add_revision(site.folder, "b2", "a1", up=create("two"), down=drop("two"))
    site.upgrade()

    with site.app.app_context(), pytest.raises(RunFailed) as caught:
        site.alembic.downgrade("base")

    assert (caught.value.failed, caught.value.applied) == ("a1", ("b2",))
    assert caught.value.heads == ("a1",)
    assert (site.versions(), site.tables()) == ({"a1"}, {"one"})


@pytest.mark.parametrize("code", ["0", "1", "'over'"])
def test_a_migration_that_exits_has_failed(make_site: MakeSite, code: str) -> None:
    """``sys.exit`` takes no process down and is no success, whatever it says."""
    site = make_site()
    add_revision(site.folder, "a1", up=f"{create('half')}\nimport sys\nsys.exit({code})")
    error = _failed(site)
    assert error.failed == "a1"
    assert f"SystemExit: {code.strip(chr(39))}." in str(error)
    assert site.versions() == set()


@pytest.mark.parametrize("verb", ["upgrade", "stamp", "downgrade"])
def test_a_run_whose_commit_is_undone_has_failed(
    make_site: MakeSite, postgresql_url: sa.URL, verb: str
) -> None:
    """The version table is read again on a new connection, and decides."""
    site = make_site(postgresql_url)
    add_line(site.folder, "a1", "b2")

    with site.app.app_context():
        site.alembic.upgrade("a1")

    @sa.event.listens_for(site.engine, "commit")
    def undo(connection: sa.Connection) -> None:
        assert connection.connection.dbapi_connection is not None
        connection.connection.dbapi_connection.rollback()

    with site.app.app_context(), pytest.raises(RunFailed) as caught:
        getattr(site.alembic, verb)()

    expected = {"downgrade": "base"}.get(verb, "b2")
    assert str(caught.value) == (
        f"Every step of the {verb} of database 'default' ended without an error, and yet the "
        f"database is at a1 instead of {expected}: the work was rolled back. Look for a migration "
        "or a listener that handles transactions itself, and run it again."
    )
    assert caught.value.heads == ("a1",)
    assert site.tables() == {"t_a1"}


@pytest.mark.parametrize("call", ["rollback", "commit"])
def test_a_migration_that_ends_its_transaction_is_no_success_without_its_work(
    make_site: MakeSite, database_url: sa.URL, call: str
) -> None:
    """Alembic would take what came after for committed."""
    site = make_site(database_url)
    add_line(site.folder, "a1")
    up = f"{create('early')}\nop.get_bind().{call}()\n{create('late')}"
    add_revision(site.folder, "b2", "a1", up=up)
    add_revision(site.folder, "c3", "b2", up=create("next"))
    error = _failed(site)
    assert (error.failed, error.applied, site.versions()) == ("b2", ("a1",), {"a1"})
    assert "ended its transaction itself" in str(error)
    assert "next" not in site.tables()


def test_a_failure_that_cannot_be_read_back_is_still_told(
    make_site: MakeSite, postgresql_url: sa.URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database goes away in the middle of a step."""
    monkeypatch.setattr(patience, "PATIENCE", 0.0)
    site = make_site(postgresql_url)
    name = site.engine.url.database
    gone = sa.make_url(str(site.engine.url.set(database="postgres")))
    up = (
        "from flask import current_app\n"
        "current_app.go_away()\n"
        "op.execute('SELECT 1')"
    )  # fmt: skip

    def go_away() -> None:
        admin = sa.create_engine(gone, isolation_level="AUTOCOMMIT")

        with admin.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))

        admin.dispose()

    site.app.go_away = go_away  # type: ignore[attr-defined]
    add_revision(site.folder, "a1", up=up)
    error = _failed(site)
    assert (error.failed, error.heads) == ("a1", None)
    assert "it could not be read where the database is" in str(error)

    # The fixture drops it once more.
    admin = sa.create_engine(gone, isolation_level="AUTOCOMMIT")

    with admin.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))

    admin.dispose()


def test_secrets_do_not_appear_in_a_failure(make_site: MakeSite, mariadb_url: sa.URL) -> None:
    """Whatever a migration says about its connection."""
    site = make_site(mariadb_url)
    site.execute("CREATE OR REPLACE USER `faa test`@`%` IDENTIFIED BY 's3cret-pass'")
    site.execute("GRANT ALL ON *.* TO `faa test`@`%`")

    try:
        url = mariadb_url.set(username="faa test", password="s3cret-pass")
        guest = make_site(url, name="guest")
        up = "raise ValueError(str(op.get_bind().engine.url.render_as_string(False)))"
        add_revision(guest.folder, "a1", up=up)
        error = _failed(guest)
        assert "s3cret" not in str(error)
        assert "ValueError: mysql+pymysql://" in str(error)
    finally:
        site.execute("DROP USER `faa test`@`%`")


class _Watcher:
    def __init__(self) -> None:
        self.seen: list[tuple[t.Any, ...]] = []

    def run_started(self, database: str, steps: c.Sequence[RevisionStep]) -> None:
        self.seen.append(("run", database, len(steps)))

    def step_started(self, database: str, position: int, step: RevisionStep) -> None:
        self.seen.append(("begin", position, *step.info.up_revision_ids))

    def step_done(self, database: str, position: int, step: RevisionStep) -> None:
        self.seen.append(("done", position, *step.info.up_revision_ids))

    def noticed(self, message: str) -> None:
        self.seen.append(("noticed", message))


def test_a_watcher_is_told_about_each_step(make_site: MakeSite) -> None:
    """A step that fails has begun and is never done."""
    site = make_site()
    add_line(site.folder, "a1", "b2")
    add_revision(site.folder, "c3", "b2", up="1 / 0")
    watcher = _Watcher()
    _failed(site, watcher=watcher)
    assert watcher.seen == [
        ("run", "default", 3),
        ("begin", 1, "a1"),
        ("done", 1, "a1"),
        ("begin", 2, "b2"),
        ("done", 2, "b2"),
        ("begin", 3, "c3"),
    ]


def test_a_step_that_is_done_is_committed(make_site: MakeSite, database_url: sa.URL) -> None:
    """When a watcher hears of it, everybody can see it."""
    site = make_site(database_url)
    add_line(site.folder, "a1", "b2")
    seen: list[set[str]] = []

    class Looking(_Watcher):
        def step_done(self, database: str, position: int, step: RevisionStep) -> None:
            seen.append(site.versions())

    site.upgrade(watcher=Looking())
    assert seen == [{"a1"}, {"b2"}]


def test_a_run_leaves_no_transaction_open(make_site: MakeSite, postgresql_url: sa.URL) -> None:
    """Somebody who holds the objects of an app context blocks nobody afterwards."""
    site = make_site(postgresql_url)
    add_line(site.folder, "a1")

    with site.app.app_context():
        connection = site.alembic.migration_context.connection
        assert connection is not None
        site.alembic.upgrade()
        assert not connection.in_transaction()
        site.alembic.upgrade()
        assert not connection.in_transaction()


def test_a_failed_run_leaves_its_connection_usable(
    make_site: MakeSite, database_url: sa.URL
) -> None:
    """In the same app context the next run works."""
    site = make_site(database_url)
    path = add_revision(site.folder, "a1", up="op.execute('SELECT nonsense FROM nowhere')")

    with site.app.app_context():
        assert site.alembic.migration_context.get_current_heads() == ()

        with pytest.raises(RunFailed):
            site.alembic.upgrade()

        path.unlink()
        add_line(site.folder, "b2")
        assert site.alembic.upgrade()[0].after == ("b2",)


def test_a_migration_may_leave_its_transaction_for_a_moment(
    make_site: MakeSite, postgresql_url: sa.URL
) -> None:
    """``autocommit_block`` is what CREATE INDEX CONCURRENTLY needs."""
    site = make_site(postgresql_url)
    add_line(site.folder, "a1")
    up = (
        "with op.get_context().autocommit_block():\n"
        "    op.execute('CREATE INDEX CONCURRENTLY by_id ON t_a1 (id)')"
    )
    add_revision(site.folder, "b2", "a1", up=up)
    assert site.upgrade()[0].after == ("b2",)
    assert [index["name"] for index in sa.inspect(site.engine).get_indexes("t_a1")] == ["by_id"]


def test_on_version_apply_of_ones_own_is_called(make_site: MakeSite) -> None:
    """One function or several, as Alembic takes them."""
    seen: list[set[str]] = []

    def note(heads: set[str], **_: t.Any) -> None:
        seen.append(heads)

    site = make_site(config={"ALEMBIC_CONTEXT": {"on_version_apply": note}})
    add_line(site.folder, "a1", "b2")
    site.upgrade()
    assert seen == [{"a1"}, {"b2"}]
