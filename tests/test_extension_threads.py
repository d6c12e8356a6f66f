"""Several threads at once, and runs inside of runs: Alembic's ``op`` belongs to one at a time."""

from __future__ import annotations

import collections.abc as c
import contextlib
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import current_app

from flask_alembic_admin.core import op_guard
from flask_alembic_admin.errors import Busy
from flask_alembic_admin.errors import Locked
from flask_alembic_admin.errors import RunFailed

from .apps import add_line
from .apps import add_revision
from .apps import create
from .apps import kept_proxies
from .apps import MakeSite
from .apps import Site

THREADS = 8
CONTEXTS = 100


def at_once(*functions: c.Callable[[], object]) -> list[BaseException]:
    """Run functions in a thread each, all begun together, and return what they raised."""
    raised: list[BaseException] = []
    start = threading.Barrier(len(functions), timeout=60)

    def call(function: c.Callable[[], object]) -> None:
        try:
            start.wait()
            function()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=call, args=[function]) for function in functions]

    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join()

    return raised


@pytest.mark.parametrize("server", ["sqlite", "postgresql"])
def test_threads_read_at_the_same_time(
    make_site: MakeSite, request: pytest.FixtureRequest, server: str
) -> None:
    """Eight threads look a hundred times each, in an app context of their own."""
    site = make_site(request.getfixturevalue(f"{server}_url"))
    sa.Table("more", site.metadata, sa.Column("id", sa.Integer, primary_key=True))
    add_line(site.folder, "a1")
    site.upgrade()
    looks: list[int] = []

    def look() -> None:
        for _ in range(CONTEXTS):
            with site.app.app_context():
                assert [script.revision for script in site.alembic.current()] == ["a1"]
                kinds = {diff[0] for diff in site.alembic.compare_metadata()}
                assert kinds == {"add_table", "remove_table"}
                looks.append(1)

    assert at_once(*[look] * THREADS) == []
    assert len(looks) == THREADS * CONTEXTS


@pytest.mark.parametrize("server", ["sqlite", "postgresql"])
def test_an_upgrade_goes_on_while_requests_end(
    make_site: MakeSite, request: pytest.FixtureRequest, server: str
) -> None:
    """Ten slow revisions are all applied while two hundred requests begin and end."""
    site = make_site(request.getfixturevalue(f"{server}_url"))
    site.app.add_url_rule("/", view_func=lambda: str(len(site.alembic.current())))
    wait = "op.execute('SELECT pg_sleep(0.1)')"

    if server == "sqlite":
        wait = "import time\ntime.sleep(0.1)"

    ids = [f"r{number}" for number in range(10)]

    for parent, id_ in zip([None, *ids], ids, strict=False):
        add_revision(site.folder, id_, parent, up=f"{wait}\n{create(id_)}")

    # Both threads end only when they have done all, whichever is faster.
    def ask() -> None:
        client = site.app.test_client()

        for _ in range(200):
            assert client.get("/").status_code == 200

    assert at_once(ask, site.upgrade) == []
    assert (site.versions(), site.tables()) == ({"r9"}, set(ids))


def _two_apps(make_site: MakeSite, urls: c.Sequence[sa.URL]) -> list[c.Callable[[], object]]:
    """Return the upgrades of two apps, whose revisions stop in the middle for a moment."""
    upgrades: list[c.Callable[[], object]] = []

    for name, url in zip(("one", "two"), urls, strict=True):
        site = make_site(url, name=name)
        wait = "import time\ntime.sleep(0.02)"

        for number in range(5):
            parent = f"r{number - 1}" if number else None
            up = f"{create(f'{name}_{number}a')}\n{wait}\n{create(f'{name}_{number}b')}"
            add_revision(site.folder, f"r{number}", parent, up=up)

        def upgrade_and_check(site: Site = site, name: str = name) -> None:
            site.upgrade()
            assert site.versions() == {"r4"}
            assert site.tables() == {f"{name}_{n}{part}" for n in range(5) for part in "ab"}

        upgrades.append(upgrade_and_check)

    return upgrades


def test_two_apps_upgrade_two_databases_at_once(
    make_site: MakeSite, postgresql_url: sa.URL, mariadb_url: sa.URL
) -> None:
    """Each has its own tables and no other's."""
    assert at_once(*_two_apps(make_site, [postgresql_url, mariadb_url])) == []


@pytest.fixture
def no_guard(monkeypatch: pytest.MonkeyPatch) -> c.Iterator[None]:
    """Nothing keeps two runs apart; what they leave in Alembic's modules is put right after."""
    free: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
    monkeypatch.setattr("flask_alembic_admin.core.migrator.op_guard", lambda: free)

    with kept_proxies():
        yield


@pytest.mark.usefixtures("no_guard")
def test_without_the_guard_tables_go_astray(
    make_site: MakeSite, postgresql_url: sa.URL, mariadb_url: sa.URL
) -> None:
    """This is why there is one: the test before this one would not see a race otherwise."""
    assert at_once(*_two_apps(make_site, [postgresql_url, mariadb_url])) != []


def test_one_database_is_upgraded_once_by_two_threads(
    make_site: MakeSite, database_url: sa.URL
) -> None:
    """The second thread finds that nothing is left to do."""
    site = make_site(database_url)
    add_line(site.folder, *[f"r{number}" for number in range(6)])
    assert at_once(site.upgrade, site.upgrade) == []
    assert site.versions() == {"r5"}


def test_a_migration_may_upgrade_another_database(make_site: MakeSite, tmp_path: Path) -> None:
    """Afterwards its own ``op`` works on its own database again."""
    inner = make_site(name="inner")
    outer = make_site(name="outer")
    add_line(inner.folder, "i1", "i2")
    up = f"{create('before')}\nfrom flask import current_app\ncurrent_app.nested()"
    outer.app.nested = inner.upgrade  # type: ignore[attr-defined]
    add_revision(outer.folder, "o1", up=f"{up}\n{create('after')}")
    add_revision(outer.folder, "o2", "o1", up=create("late"))
    outer.upgrade()
    assert (inner.versions(), inner.tables()) == ({"i2"}, {"t_i1", "t_i2"})
    assert (outer.versions(), outer.tables()) == ({"o2"}, {"before", "after", "late"})


def test_a_migration_may_upgrade_another_database_of_its_app(
    make_site: MakeSite, tmp_path: Path
) -> None:
    """The run around it goes on as if nothing had been."""
    urls = {
        name: sa.URL.create("sqlite", database=str(tmp_path / f"{name}.sqlite"))
        for name in ("one", "two", "three")
    }
    site = make_site(urls=urls)
    nested = (
        "if arguments['engine_name'] == 'two':\n"
        "    from flask import current_app\n"
        "    current_app.extensions['alembic'].upgrade(database='three')\n"
        "op.create_table('in_' + arguments['engine_name'], sa.Column('id', sa.Integer))"
    )
    add_revision(site.folder, "a1", up=nested)
    results = site.upgrade()
    assert [(result.database, result.after) for result in results] == [
        ("one", ("a1",)),
        ("two", ("a1",)),
        ("three", ("a1",)),
    ]
    assert [site.tables(name) for name in urls] == [{"in_one"}, {"in_two"}, {"in_three"}]


def test_a_migration_may_not_upgrade_its_own_database(make_site: MakeSite) -> None:
    """It would run itself again, and again."""
    site = make_site()
    again = "from flask import current_app\ncurrent_app.extensions['alembic'].upgrade()"
    add_revision(site.folder, "a1", up=again)

    with pytest.raises(RunFailed) as caught:
        site.upgrade()

    assert isinstance(caught.value.__cause__, Busy | Locked)
    assert "database 'default'" in str(caught.value.__cause__).lower()


def test_a_migration_may_ask_where_its_database_is(make_site: MakeSite) -> None:
    """Looking needs no guard and installs nothing."""
    site = make_site()
    ask = (
        "from flask import current_app\n"
        "alembic = current_app.extensions['alembic']\n"
        "assert alembic.current() == ()\n"
        "assert alembic.needs_upgrade()\n"
        "alembic.compare_metadata()\n"
    )
    add_revision(site.folder, "a1", up=f"{ask}{create('users')}")
    site.upgrade()
    assert site.tables() == {"users"}


def test_a_run_gives_up_waiting_for_another(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so, and has done nothing."""
    site = make_site()
    add_line(site.folder, "a1")
    monkeypatch.setattr(op_guard, "WAIT", 0.05)
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        with op_guard.op_guard():
            held.set()
            free.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(30)

    try:
        with pytest.raises(Busy) as caught:
            site.upgrade()
    finally:
        free.set()
        holder.join()

    assert str(caught.value) == (
        "Another migration or preview in this process has been at work for over 0.05 s. Try again "
        "when it has ended; runs started from the panel have a process of their own."
    )
    assert site.tables() == set()
    site.upgrade()
    assert site.tables() == {"t_a1"}


def test_reading_goes_on_while_a_run_is_at_work(make_site: MakeSite) -> None:
    """It never waits for the guard."""
    site = make_site()
    add_line(site.folder, "a1")

    def look() -> None:
        with site.app.app_context():
            assert site.alembic.pending() == ("a1",)
            site.alembic.compare_metadata()

    with op_guard.op_guard():
        assert at_once(look) == []


def test_what_is_open_belongs_to_one_app_context(make_site: MakeSite) -> None:
    """A view within an upgrade has a connection of its own."""
    site = make_site()

    with site.app.app_context():
        mine = site.alembic.migration_context

        with site.app.app_context():
            assert current_app.extensions["alembic"].migration_context is not mine
