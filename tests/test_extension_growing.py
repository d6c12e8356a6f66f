"""Revision files from when an app had fewer databases, or more."""

from __future__ import annotations

import collections.abc as c
from pathlib import Path

import flask_sqlalchemy
import pytest
import sqlalchemy as sa
from flask import Flask

from flask_alembic_admin import Alembic
from flask_alembic_admin.errors import RunFailed
from flask_alembic_admin.errors import ScriptError

from .apps import add_revision
from .apps import create
from .apps import drop
from .apps import MakeSite
from .apps import Site

#: As the `multidb` template of Alembic writes it.
_MULTIDB = """revision = {revision!r}
down_revision = {parent!r}

import sqlalchemy as sa
from alembic import op


def upgrade(engine_name: str) -> None:
    globals()["upgrade_%s" % engine_name]()


def downgrade(engine_name: str) -> None:
    globals()["downgrade_%s" % engine_name]()
"""


def _multidb(folder: Path, revision: str, parent: str | None, *names: str) -> None:
    """Write a revision that makes another table in each of some databases."""
    text = _MULTIDB.format(revision=revision, parent=parent)

    for name in names:
        table = f"{name}_{revision}"
        text += f"\n\ndef upgrade_{name}() -> None:\n    {create(table)}\n"
        text += f"\n\ndef downgrade_{name}() -> None:\n    {drop(table)}\n"

    (folder / f"{revision}.py").write_text(text)


@pytest.fixture
def make_named(make_site: MakeSite, tmp_path: Path) -> c.Callable[..., Site]:
    """Makes the same app with other databases each time."""

    def make(*names: str) -> Site:
        return make_site(
            urls={n: sa.URL.create("sqlite", database=str(tmp_path / f"{n}.sqlite")) for n in names}
        )

    return make


def _plain(folder: Path) -> None:
    """Write a revision as an app with one database has it."""
    up, down = create("users"), drop("users")
    path = add_revision(folder, "a1", up=up, down=down)
    path.write_text(path.read_text().replace("**arguments", ""))


def test_a_file_for_one_database_is_about_the_default_one(
    make_named: c.Callable[..., Site],
) -> None:
    """It goes on working on new databases of that name, and leaves no table in another."""
    site = make_named("audit", "default")
    _plain(site.folder)
    site.upgrade()
    assert (site.tables("default"), site.tables("audit")) == ({"users"}, set())
    assert site.versions("default") == site.versions("audit") == {"a1"}

    with site.app.app_context():
        site.alembic.downgrade("base")

    assert site.tables("default") == set()


def test_a_plan_of_another_database_has_nothing_of_it(make_named: c.Callable[..., Site]) -> None:
    """Neither its SQL nor a doubt about it."""
    site = make_named("default", "audit")
    _plain(site.folder)

    with site.app.app_context():
        (step,) = site.alembic.plan(database="audit").steps
        assert "users" not in step.sql
        assert not step.incomplete
        assert "users" in site.alembic.plan(database="default").steps[0].sql


def test_a_file_from_before_a_database_says_nothing_of_it(
    make_named: c.Callable[..., Site],
) -> None:
    """One that is added later begins with the first file that has a function for it."""
    site = make_named("shop", "audit", "logs")
    _multidb(site.folder, "a1", None, "shop", "audit")
    _multidb(site.folder, "b2", "a1", "shop", "audit", "logs")
    site.upgrade()
    assert site.tables("shop") == {"shop_a1", "shop_b2"}
    assert site.tables("logs") == {"logs_b2"}

    with site.app.app_context():
        site.alembic.downgrade("base")

    assert site.tables("logs") == set()


def test_files_of_another_time_are_verified(make_named: c.Callable[..., Site]) -> None:
    """Up, down and up again, on a scratch database in the place of each."""
    site = make_named("default", "audit", "logs")
    _plain(site.folder)
    _multidb(site.folder, "b2", "a1", "default", "audit")
    result = site.app.test_cli_runner().invoke(args=["db", "verify"])
    assert result.output.count("✓ proven") == 6


def test_a_database_that_was_renamed_is_not_passed_over(make_named: c.Callable[..., Site]) -> None:
    """What its functions would have done may not be left out in silence."""
    site = make_named("shop", "journal")
    _multidb(site.folder, "a1", None, "shop", "audit")

    with pytest.raises(ScriptError) as caught:
        site.upgrade(database="journal")

    assert str(caught.value) == (
        "Revision a1 has functions for 'audit' and none for 'journal'. Write 'upgrade_journal' for "
        f"one of them in {site.folder / 'a1.py'} if it has another name now, or add "
        "'def upgrade_journal(): pass'."
    )


def test_a_file_for_several_databases_runs_on_the_one_that_is_left(
    make_named: c.Callable[..., Site],
) -> None:
    """It gets the name that it asks for."""
    site = make_named("shop")
    _multidb(site.folder, "a1", None, "shop", "audit")
    site.upgrade()
    assert site.tables() == {"shop_a1"}

    with site.app.app_context():
        assert "shop_a1" in site.alembic.plan("downgrade", "base").steps[0].sql
        site.alembic.downgrade("base")

    assert site.tables() == set()


def test_an_error_in_a_function_is_that_of_the_step(make_named: c.Callable[..., Site]) -> None:
    """Code that finds its functions in another way is run as it is."""
    site = make_named("shop", "audit")
    up = "{'shop': list}[arguments['engine_name']]()"
    add_revision(site.folder, "a1", up=up)

    with pytest.raises(RunFailed, match=r"failed at a1 .*KeyError: 'audit'"):
        site.upgrade()


def test_a_template_for_one_database_is_refused_for_several(
    make_named: c.Callable[..., Site],
) -> None:
    """It would leave out what was found; a new one is made once it is gone."""
    template = make_named("shop").folder / "script.py.mako"
    site = make_named("shop", "audit")
    sa.Table("users", site.metadatas["audit"], sa.Column("id", sa.Integer, primary_key=True))

    with site.app.app_context():
        with pytest.raises(ScriptError) as caught:
            site.alembic.revision("add users")

        assert str(caught.value) == (
            f"The template {template} is for one database, and there are 2: shop, audit. Delete "
            "it, and make one for several with 'flask db mkdir'."
        )
        template.unlink()
        site.alembic.mkdir()
        site.alembic.revision("add users")
        site.alembic.upgrade()

    assert (site.tables("shop"), site.tables("audit")) == (set(), {"users"})


def test_a_name_that_no_function_can_have_is_refused(make_named: c.Callable[..., Site]) -> None:
    """The file would not be Python; a template that writes it in another way is used."""
    site = make_named("shop", "audit-log")

    with site.app.app_context():
        with pytest.raises(ScriptError) as caught:
            site.alembic.revision("first", empty=True)

        assert str(caught.value) == (
            "Database 'audit-log' cannot have a function of its own in a revision: "
            "'upgrade_audit-log' is no name in Python. Call it 'audit_log' in SQLALCHEMY_BINDS or "
            "in 'metadatas' and 'engines', or have the template "
            f"{site.folder / 'script.py.mako'} write it in another way."
        )
        template = site.folder / "script.py.mako"
        text = "revision = ${repr(up_revision)}\ndown_revision = None\n"
        text += "branch_labels = ${repr(branch_labels)}\n"
        template.write_text(f"{text}def upgrade(engine_name): pass\ndef downgrade(**_): pass\n")
        site.alembic.revision("first", empty=True)
        assert len(site.alembic.upgrade()) == 2


@pytest.mark.parametrize("listed", [True, False])
def test_binds_get_their_template_in_any_order(tmp_path: Path, listed: bool) -> None:
    """Also where Flask-SQLAlchemy gets the app after this extension."""
    app = Flask("bound", root_path=str(tmp_path), instance_path=str(tmp_path))
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///one.sqlite"
    app.config["SQLALCHEMY_BINDS"] = {"audit": "sqlite:///two.sqlite"}
    db = flask_sqlalchemy.SQLAlchemy()
    alembic = Alembic(metadatas=db.metadatas) if listed else Alembic(binds=True)
    alembic.init_app(app)
    db.init_app(app)
    assert "engine_name" in (tmp_path / "migrations" / "script.py.mako").read_text()

    with app.app_context():
        assert list(alembic.project.databases) == ["default", "audit"]
