"""What goes wrong with Flask-Alembic 3.3 and must not here.

To see one fail there, let ``tests.apps.Alembic`` be ``flask_alembic.Alembic``.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import textwrap
import threading
import typing as t
from pathlib import Path

import pytest
import sqlalchemy as sa

from . import apps
from .apps import add_line
from .apps import add_revision
from .apps import create
from .apps import MakeSite


def test_threads_do_not_share_contexts(make_site: MakeSite) -> None:
    """Two app contexts at the same time have a connection each."""
    site = make_site()
    contexts: list[object] = []
    both = threading.Barrier(2, timeout=20)

    def look() -> None:
        with site.app.app_context():
            contexts.append(site.alembic.migration_context)
            both.wait()

    threads = [threading.Thread(target=look) for _ in range(2)]

    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join()

    assert contexts[0] is not contexts[1]


def test_an_app_context_that_ends_leaves_others_alone(make_site: MakeSite) -> None:
    """Any request that ends must not take the connection of another away."""
    site = make_site()

    with site.app.app_context():
        context = site.alembic.migration_context

        with site.app.app_context():
            site.alembic.current()

        assert site.alembic.migration_context is context
        assert context.connection is not None
        assert not context.connection.invalidated


def test_an_upgrade_survives_requests_that_end(make_site: MakeSite, postgresql_url: sa.URL) -> None:
    """A request that ends in the middle of a migration does not stop the run."""
    site = make_site(postgresql_url)
    site.app.add_url_rule("/", view_func=lambda: str(len(site.alembic.current())))
    add_line(site.folder, "a1")
    ask = (
        "from flask import current_app\n"
        "from threading import Thread\n"
        "thread = Thread(target=current_app.test_client().get, args=['/'])\n"
        "thread.start()\n"
        "thread.join()"
    )
    up = f"{create('early')}\n{ask}\n{create('late')}"
    add_revision(site.folder, "b2", "a1", up=up)
    site.upgrade()
    assert site.tables() == {"t_a1", "early", "late"}


def test_ops_work_on_the_database_they_are_named_by(make_site: MakeSite, tmp_path: Path) -> None:
    """``ops["other"]`` works on the other database, not on the default one."""
    urls = {
        name: sa.URL.create("sqlite", database=str(tmp_path / f"{name}.sqlite"))
        for name in ("default", "other")
    }
    site = make_site(urls=urls)

    with site.app.app_context():
        for name, op in site.alembic.ops.items():
            op.create_table(f"in_{name}", sa.Column("id", sa.Integer))

        for context in site.alembic.migration_contexts.values():
            assert context.connection is not None
            context.connection.commit()

    assert {name: site.tables(name) for name in urls} == {
        "default": {"in_default"},
        "other": {"in_other"},
    }


def test_a_single_database_may_have_any_name(make_site: MakeSite, sqlite_url: sa.URL) -> None:
    """It need not be called ``default``."""
    site = make_site(urls={"shop": sqlite_url})
    add_line(site.folder, "a1")

    with site.app.app_context():
        site.alembic.upgrade()
        assert [script.revision for script in site.alembic.current()] == ["a1"]
        assert list(site.alembic.ops) == ["shop"]
        assert site.alembic.op.get_bind() is site.alembic.migration_context.connection


#: Prints handlers and levels of all loggers before and after, in a process that has set none.
_LOGGERS = """
    import logging, sys
    import alembic, flask, sqlalchemy as sa
    from {module} import Alembic

    def state():
        loggers = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
        return {{
            getattr(x, "name", ""): (x.level, list(x.handlers), x.disabled, x.propagate)
            for x in loggers if isinstance(x, logging.Logger)
        }}

    app = flask.Flask("app", root_path=sys.argv[1])
    before = state()
    site = Alembic(app, metadatas=sa.MetaData(), engines=sa.create_engine("sqlite://"))
    with app.app_context():
        site.revision("one", empty=True)
        site.upgrade()
    app.test_cli_runner().invoke(args=["db", "current"])
    after = state()
    print({{name: after[name] for name in before if before[name] != after[name]}})
"""


def test_no_logger_is_touched(tmp_path: Path) -> None:
    """Nothing sets a handler or a level, whatever is done."""
    code = textwrap.dedent(_LOGGERS).format(module=apps.Alembic.__module__)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    assert done.stdout.strip() == "{}"


def test_alembics_own_log_lines_go_where_the_app_sends_them(
    make_site: MakeSite, caplog: pytest.LogCaptureFixture
) -> None:
    """They are ordinary records of the logger ``alembic``."""
    site = make_site()
    add_line(site.folder, "a1")

    with caplog.at_level(logging.INFO, "alembic"):
        site.upgrade()

    assert any("Running upgrade  -> a1" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("verb", ["current", "needs_upgrade", "stamp"])
def test_an_unknown_revision_in_the_database_stops_no_look(make_site: MakeSite, verb: str) -> None:
    """Newer code was deployed and rolled back: the database is at what no file has."""
    site = make_site()
    add_line(site.folder, "a1")
    site.upgrade()
    site.execute("UPDATE alembic_version SET version_num = 'gone'")

    with site.app.app_context():
        getattr(site.alembic, verb)()

        if verb == "current":
            assert [script.revision for script in site.alembic.current()] == ["gone"]
        elif verb == "needs_upgrade":
            assert site.alembic.needs_upgrade()
        elif verb == "stamp":
            assert site.versions() == {"gone", "a1"}


def test_purging_is_the_way_out_of_an_unknown_revision(make_site: MakeSite) -> None:
    """A plain stamp keeps rows that it does not know; ``purge`` takes them away."""
    site = make_site()
    add_line(site.folder, "a1")
    site.upgrade()
    site.execute("INSERT INTO alembic_version VALUES ('gone')")

    with site.app.app_context():
        site.alembic.stamp("base")
        assert site.versions() == {"gone"}
        site.alembic.stamp("a1", purge=True)
        assert site.versions() == {"a1"}
        assert not site.alembic.needs_upgrade()


def test_files_added_after_the_start_are_seen(make_site: MakeSite) -> None:
    """Neither a new process nor a new app context is needed."""
    site = make_site()
    add_line(site.folder, "a1")

    with site.app.app_context():
        assert [script.revision for script in site.alembic.heads()] == ["a1"]
        add_revision(site.folder, "b2", "a1")
        assert [script.revision for script in site.alembic.heads()] == ["b2"]

    (site.folder / "b2.py").unlink()

    with site.app.app_context():
        assert [script.revision for script in site.alembic.heads()] == ["a1"]


@pytest.mark.parametrize(
    "expression",
    ["context.get_x_argument()", "context.get_context()", "context.config", "op.get_context()"],
)
def test_a_migration_may_use_the_module_context(make_site: MakeSite, expression: str) -> None:
    """It is bound as it is under Alembic's own command."""
    site = make_site()
    add_revision(site.folder, "a1", up=f"assert {expression} is not None")
    site.upgrade()
    assert site.versions() == {"a1"}


def test_two_revisions_within_a_second_have_two_ids(make_site: MakeSite) -> None:
    """Otherwise the second would be its own parent."""
    site = make_site()

    with site.app.app_context():
        (first,) = site.alembic.revision("first", empty=True)
        (second,) = site.alembic.revision("second", empty=True)

    assert first is not None
    assert second is not None
    assert first.revision != second.revision
    assert second.down_revision == first.revision


def test_a_statement_before_an_upgrade_undoes_nothing(
    make_site: MakeSite, database_url: sa.URL
) -> None:
    """Somebody looks at the connection first; the upgrade is committed all the same."""
    site = make_site(database_url)
    add_line(site.folder, "a1", "b2")

    with site.app.app_context():
        connection = site.alembic.migration_context.connection
        assert connection is not None
        connection.execute(sa.text("SELECT 1"))
        site.alembic.upgrade()

    assert (site.versions(), site.tables()) == ({"b2"}, {"t_a1", "t_b2"})


def test_a_listener_that_executes_undoes_nothing(make_site: MakeSite, database_url: sa.URL) -> None:
    """Setting something on each new connection begins a transaction before Alembic looks."""
    site = make_site(database_url)
    add_line(site.folder, "a1", "b2")

    @sa.event.listens_for(site.engine, "engine_connect")
    def execute(connection: sa.Connection) -> None:
        connection.execute(sa.text("SELECT 1"))

    site.upgrade()
    assert (site.versions(), site.tables()) == ({"b2"}, {"t_a1", "t_b2"})


def test_a_dependency_among_the_heads_ends_an_upgrade(make_site: MakeSite) -> None:
    """A head that another depends on is never in the version table, and is applied."""
    site = make_site()
    add_revision(site.folder, "a1")
    add_revision(site.folder, "b2", depends_on="a1")

    with site.app.app_context():
        site.alembic.upgrade()
        assert [script.revision for script in site.alembic.current()] == ["b2"]
        assert not site.alembic.needs_upgrade()


@pytest.mark.parametrize(
    "arguments", [["current"], ["upgrade"], ["revision", "second"], ["downgrade"], ["heads"]]
)
def test_commands_run_under_the_test_runner(make_site: MakeSite, arguments: list[str]) -> None:
    """``app.test_cli_runner()`` pushes no app context."""
    site = make_site()
    add_line(site.folder, "a1")
    site.upgrade()
    result = site.app.test_cli_runner().invoke(args=["db", *arguments])
    assert result.exit_code == 0, result.output


def test_values_may_be_other_than_text(make_site: MakeSite) -> None:
    """A boolean or a number in ``ALEMBIC`` is no error."""
    site = make_site(config={"ALEMBIC": {"truncate_slug_length": 10, "sourceless": False}})

    with site.app.app_context():
        assert site.alembic.config.get_main_option("truncate_slug_length") == "10"


def test_a_failed_migration_leaves_no_dead_op_behind(make_site: MakeSite) -> None:
    """``alembic.op`` is as free afterwards as it was before."""
    site = make_site()
    add_revision(site.folder, "a1", up="raise ValueError('no')")

    with pytest.raises(Exception, match="no"):
        site.upgrade()

    from alembic import op

    # None where Alembic itself took one away before, in this process.
    with pytest.raises((NameError, AttributeError), match=r"not yet been established|NoneType"):
        op.get_context()


def test_a_merge_reports_the_revisions_it_joins(make_site: MakeSite) -> None:
    """Its default message names them, not the word ``heads``."""
    site = make_site()
    add_revision(site.folder, "a1")
    add_revision(site.folder, "b2")

    with site.app.app_context():
        script = t.cast("t.Any", site.alembic.merge())

    assert script.doc == "merge a1, b2"
