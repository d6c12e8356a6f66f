"""Runs through a folder's ``env.py``: what Alembic does there, and what stands around it."""

from __future__ import annotations

import collections.abc as c
import contextlib
import logging
import typing as t

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.ledger.tables import RunStatus
from flask_alembic_admin.core.locks import lock_for
from flask_alembic_admin.core.locks import Owner
from flask_alembic_admin.core.runs.options import RunOptions
from flask_alembic_admin.errors import Locked
from flask_alembic_admin.errors import LockLost
from flask_alembic_admin.errors import PlanMoved
from flask_alembic_admin.errors import RunFailed

from .projects import MakeProject
from .projects import Project

CONFIGURE = "        context.configure("
RUN = "            context.run_migrations()"


@contextlib.contextmanager
def _held(project: Project) -> c.Iterator[None]:
    """Hold the lock of the default database as another run."""
    with project.app.app_context():
        database = project.alembic.project.databases["default"]

    with database.connect() as connection:
        owner = Owner("somebody", "elsewhere", 1, "other")

        with lock_for(database).hold(connection, owner, 0):
            yield


def test_a_project_goes_up_and_down(make_project: MakeProject, database_url: sa.URL) -> None:
    """On each server, with nothing changed in what Flask-Migrate has made."""
    project = make_project(database_url)
    project.add("a1")
    project.add("b2", "a1")
    (result,) = project.upgrade()
    assert (result.before, result.after) == ((), ("b2",))
    assert [step.revision for step in result.steps] == ["a1", "b2"]
    assert project.tables() == {"t_a1", "t_b2"}

    with project.app.app_context():
        (result,) = project.alembic.downgrade()
        assert result.after == ("a1",)
        (result,) = project.alembic.stamp("b2")
        assert result.after == ("b2",)
        assert project.alembic.current_ids() == ("b2",)

    assert project.tables() == {"t_a1"}
    assert project.versions() == {"b2"}


def test_a_run_stands_in_the_ledger(project: Project) -> None:
    """With its steps, as any other."""
    project.upgrade(options=RunOptions(actor="ops", reason="release"))

    with project.app.app_context():
        (run,) = project.alembic.runs()
        assert (run.status, run.actor, run.reason) == (RunStatus.SUCCEEDED, "ops", "release")
        assert (run.heads_before, run.heads_after) == ((), ("b2",))
        steps = project.alembic.project.ledger.steps(run.id)
        assert [(step.revision, step.status) for step in steps] == [("a1", "done"), ("b2", "done")]


def test_a_second_run_is_refused_while_one_has_the_lock(
    make_project: MakeProject, database_url: sa.URL
) -> None:
    """Before env.py is run at all."""
    project = make_project(database_url)
    project.add("a1")
    project.env_py.write_text("raise RuntimeError('was run')")

    with _held(project), pytest.raises(Locked):
        project.upgrade(options=RunOptions(wait=0))

    assert project.tables() == set()


def test_the_lock_is_taken_where_env_py_migrates(
    make_project: MakeProject, database_url: sa.URL
) -> None:
    """A step sees it held, and it is free again afterwards."""
    project = make_project(database_url)
    project.add("a1", up="__import__('flask').current_app.look()")
    seen: list[object] = []

    def look() -> None:
        seen.append(lock_for(project.alembic.project.databases["default"]).holder())

    vars(project.app)["look"] = look
    project.upgrade()
    assert len(seen) == 1
    assert seen[0] is not None

    with project.app.app_context():
        assert lock_for(project.alembic.project.databases["default"]).holder() is None


def test_the_lock_is_held_until_the_verdict_is_known(
    make_project: MakeProject, database_url: sa.URL
) -> None:
    """Also after env.py has closed its connection."""
    project = make_project(database_url)
    project.add("a1")
    seen: list[object] = []

    @project.alembic.after_run
    def after(_: t.Any) -> None:
        seen.append(lock_for(project.alembic.project.databases["default"]).holder())

    project.upgrade()
    assert len(seen) == 1
    assert seen[0] is not None


def test_a_database_that_moves_before_configure_is_left_alone(
    make_project: MakeProject, database_url: sa.URL
) -> None:
    """What was planned is compared with what is there once the lock is held."""
    project = make_project(database_url)
    project.add("a1")
    project.add("b2", "a1")
    project.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
    project.edit_env(CONFIGURE, "        current_app.move()\n" + CONFIGURE)
    vars(project.app)["move"] = lambda: None

    with project.app.app_context():
        plan = project.alembic.plan()
        vars(project.app)["move"] = lambda: project.execute(
            "INSERT INTO alembic_version VALUES ('a1')"
        )

        with pytest.raises(PlanMoved):
            project.alembic.run(plan)

    assert project.tables() == set()


def test_somebody_who_gets_the_lock_before_configure_is_not_passed_by(project: Project) -> None:
    """The look before the run is for whoever waits; what counts is the connection that migrates."""
    held = contextlib.ExitStack()
    project.edit_env(CONFIGURE, "        current_app.take()\n" + CONFIGURE)
    vars(project.app)["take"] = lambda: held.enter_context(_held(project))

    with held, pytest.raises(Locked):
        project.upgrade(options=RunOptions(wait=0))

    assert project.tables() == set()


def test_work_that_is_rolled_back_in_silence_has_failed(
    make_project: MakeProject, postgresql_url: sa.URL
) -> None:
    """A statement before configure() begins a transaction that nobody commits."""
    project = make_project(postgresql_url)
    project.add("a1")
    project.edit_env(CONFIGURE, "        connection.exec_driver_sql('SELECT 1')\n" + CONFIGURE)

    with pytest.raises(RunFailed, match="rolled back") as caught:
        project.upgrade()

    assert "env.py" in caught.value.cure
    assert project.tables() == set()

    with project.app.app_context():
        assert project.alembic.runs()[0].status == RunStatus.FAILED


def test_a_statement_that_env_py_commits_is_no_harm(
    make_project: MakeProject, postgresql_url: sa.URL
) -> None:
    """Such as one that sets a search path."""
    project = make_project(postgresql_url)
    project.execute("CREATE SCHEMA shop")
    project.add("a1")
    project.edit_env(
        CONFIGURE,
        "        connection.exec_driver_sql('SET search_path TO shop')\n"
        "        connection.commit()\n" + CONFIGURE,
    )
    (result,) = project.upgrade()
    assert result.after == ("a1",)
    assert project.versions(table="shop.alembic_version") == {"a1"}


def test_a_transaction_of_env_py_stays_its_own(
    make_project: MakeProject, database_url: sa.URL
) -> None:
    """What it has written before configure() is committed by it, with the steps."""
    project = make_project(database_url)
    project.execute("CREATE TABLE notes (id INTEGER)")
    project.add("a1")
    project.edit_env(
        "with connectable.connect() as connection:",
        "with connectable.begin() as connection:\n"
        "        connection.exec_driver_sql('INSERT INTO notes VALUES (1)')",
    )
    (result,) = project.upgrade()
    assert result.after == ("a1",)

    with project.app.app_context(), project.db.engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM notes")) == 1


def test_a_failed_step_in_a_shared_transaction_takes_all_back(
    make_project: MakeProject, postgresql_url: sa.URL
) -> None:
    """As Alembic does it by default, and the error says so."""
    project = make_project(postgresql_url)
    project.add("a1")
    project.add("b2", "a1", up="1 / 0")

    with pytest.raises(RunFailed) as caught:
        project.upgrade()

    assert (caught.value.applied, caught.value.failed, caught.value.heads) == ((), "b2", ())
    assert "ZeroDivisionError" in str(caught.value)
    assert project.tables() == set()


def test_a_failed_step_leaves_those_before_it_where_env_py_wants_it(
    make_project: MakeProject, postgresql_url: sa.URL
) -> None:
    """transaction_per_migration is what env.py says."""
    project = make_project(postgresql_url, transaction_per_migration=True)
    project.add("a1")
    project.add("b2", "a1", up="1 / 0")

    with pytest.raises(RunFailed) as caught:
        project.upgrade()

    assert (caught.value.applied, caught.value.heads) == (("a1",), ("a1",))
    assert project.tables() == {"t_a1"}


def test_an_env_py_that_swallows_an_error_has_not_succeeded(project: Project) -> None:
    """Nor has one that goes on after a step that failed."""
    project.add("b2", "a1", up="1 / 0")
    project.edit_env(
        RUN,
        "            try:\n                context.run_migrations()\n"
        "            except Exception:\n                pass",
    )

    with pytest.raises(RunFailed, match="ZeroDivisionError"):
        project.upgrade()


def test_a_plan_is_carried_out_as_it_was_shown(project: Project) -> None:
    """Or not at all."""
    with project.app.app_context():
        plan = project.alembic.plan()
        assert [step.revision for step in plan.steps] == ["a1", "b2"]
        assert "CREATE TABLE t_a1" in plan.steps[0].sql
        assert project.alembic.run(plan).after == ("b2",)

        with pytest.raises(PlanMoved):
            project.alembic.run(plan)


def test_a_lock_that_was_lost_is_told(project: Project) -> None:
    """Whoever removes it has to be found out before the run is called good."""
    lock = project.folder.parent / "shop.sqlite.alembic-admin.lock"
    project.add("b2", "a1", up=f"__import__('os').unlink({str(lock)!r})")

    with pytest.raises(LockLost):
        project.upgrade()


def test_hooks_are_called_before_anything_is_run(project: Project) -> None:
    """Once, and after it once."""
    told: list[tuple[str, set[str]]] = []

    @project.alembic.before_run
    def before(facts: t.Any) -> None:
        told.append((facts.action, project.tables()))

    @project.alembic.after_run
    def after(facts: t.Any) -> None:
        told.append((str(facts.status), project.tables()))

    project.upgrade()
    assert told == [("upgrade", set()), ("succeeded", {"t_a1", "t_b2"})]


def test_the_logging_of_the_app_stays_as_it_is(project: Project) -> None:
    """fileConfig() of env.py would disable its loggers and replace its handlers."""
    logger, handlers = logging.getLogger("shop.orders"), list(logging.getLogger().handlers)
    project.upgrade()
    assert not logger.disabled
    assert logging.getLogger().handlers == handlers


def test_a_purge_empties_the_version_table_first(project: Project) -> None:
    """Also of what no file knows."""
    project.upgrade()
    project.execute("UPDATE alembic_version SET version_num = 'gone'")

    with project.app.app_context():
        (result,) = project.alembic.stamp("a1", purge=True)

    assert result.after == ("a1",)
    assert project.versions() == {"a1"}


def test_x_arguments_reach_env_py(project: Project) -> None:
    """As with `-x` of Flask-Migrate."""
    project.edit_env(
        CONFIGURE,
        "        current_app.seen = context.get_x_argument(as_dictionary=True)\n" + CONFIGURE,
    )

    with project.app.app_context(), project.alembic.use(x_arguments=["tenant=one"]):
        project.alembic.upgrade()

    assert vars(project.app)["seen"] == {"tenant": "one"}


def test_timeouts_that_env_py_sets_hold(make_project: MakeProject, postgresql_url: sa.URL) -> None:
    """Its own are not overridden by the defaults of the settings."""
    project = make_project(postgresql_url)
    shown = "op.get_bind().exec_driver_sql('SHOW ' + name).scalar()"
    names = "('lock_timeout', 'statement_timeout')"
    seen = "__import__('flask').current_app.seen"
    project.add("a1", up=f"{seen} = [{shown} for name in {names}]")
    project.edit_env(
        CONFIGURE,
        "        connection.exec_driver_sql(\"SET lock_timeout = '77s'\")\n"
        "        connection.commit()\n" + CONFIGURE,
    )
    project.upgrade()
    assert vars(project.app)["seen"] == ["77s", "1h"]
