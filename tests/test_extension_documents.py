"""What Flask-Alembic's documentation shows works here with the import changed.

One test for each page: README, use, branches, databases and config.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy_lite import SQLAlchemy as SQLAlchemyLite
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.orm import Mapped
from sqlalchemy.orm import mapped_column

from flask_alembic_admin import Alembic

from .apps import dispose


class _Model(DeclarativeBase):
    pass


class _Post(_Model):
    __tablename__ = "post"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]


class _AuthModel(DeclarativeBase):
    pass


class _User(_AuthModel):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    """An app in an empty folder."""
    return Flask("app", root_path=str(tmp_path), instance_path=str(tmp_path / "instance"))


def test_readme(app: Flask, tmp_path: Path) -> None:
    """A factory, a revision, an upgrade, and Alembic's own objects; the same in commands."""
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///app.sqlite"
    db = SQLAlchemy(model_class=_Model, disable_autonaming=True)
    db.init_app(app)
    alembic = Alembic()
    alembic.init_app(app)

    with app.app_context():
        alembic.revision("making changes")
        alembic.upgrade()
        environment_context = alembic.env
        assert environment_context.script is alembic.script_directory
        assert sa.inspect(db.engine).has_table("post")

    runner = app.test_cli_runner()
    assert runner.invoke(args=["db", "--help"]).exit_code == 0
    assert runner.invoke(args=["db", "revision", "making changes"]).exit_code == 0
    assert runner.invoke(args=["db", "upgrade"]).exit_code == 0

    with app.app_context():
        assert [script.doc for script in alembic.log()] == ["making changes"] * 2
        assert not alembic.needs_upgrade()
        dispose(alembic)


def test_use(app: Flask, tmp_path: Path) -> None:
    """Looking a revision up, comparing it with the database, and ``op`` outside of a revision."""
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///app.sqlite"
    db = SQLAlchemy(model_class=_Model, disable_autonaming=True)
    db.init_app(app)
    alembic = Alembic(app)
    assert (tmp_path / "migrations").is_dir()

    with app.app_context():
        alembic.revision("made changes")
        head = alembic.script.get_revision("head")
        assert alembic.context.get_current_revision() is None
        alembic.upgrade()
        assert alembic.context.get_current_revision() == head.revision
        alembic.op.drop_column("post", "title")
        ((kind, _, table, column),) = alembic.compare_metadata()
        assert (kind, table, column.name) == ("add_column", "post", "title")
        dispose(alembic)


def test_branches(app: Flask, tmp_path: Path) -> None:
    """Each branch of ``version_locations`` has its folder, its label and its own first revision."""
    app.config["ALEMBIC"] = {
        "version_locations": [
            "other_migrations",
            ("posts", str(tmp_path / "posts_extension" / "migrations")),
            ("users", "users/migrations"),
        ]
    }
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    alembic = Alembic(app, metadatas=_Model.metadata, engines=engine)
    runner = app.test_cli_runner()

    with app.app_context():
        alembic.revision("default", empty=True)

    for message in ("create user model", "change user model"):
        done = runner.invoke(args=["db", "revision", "--branch", "users", "--empty", message])
        assert done.exit_code == 0, done.output

    with app.app_context():
        alembic.revision("create post model", empty=True, branch="posts")
        second, first = alembic.log(start="users@base", end="users@head")
        assert first.branch_labels == {"users"}
        assert (first.down_revision, second.down_revision) == (None, first.revision)
        assert Path(second.path).parent == tmp_path / "users" / "migrations"
        (post,) = alembic.log(start="posts@base", end="posts@head")
        assert Path(post.path).parent == tmp_path / "posts_extension" / "migrations"
        alembic.upgrade("users@head")
        assert alembic.current() == (second,)
        alembic.upgrade()
        assert len(alembic.current()) == 3

    engine.dispose()


def test_databases_with_flask_sqlalchemy_lite(app: Flask) -> None:
    """It gives the engine, and the metadata is passed."""
    app.config["SQLALCHEMY_ENGINES"] = {"default": "sqlite:///default.sqlite"}
    db = SQLAlchemyLite(app)
    alembic = Alembic(app, metadatas=_Model.metadata)

    with app.app_context():
        alembic.revision("first")
        alembic.upgrade()
        assert sa.inspect(db.engine).has_table("post")
        dispose(alembic)


def test_databases_with_plain_sqlalchemy(app: Flask, tmp_path: Path) -> None:
    """Both are passed, each alone."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'default.sqlite'}")
    alembic = Alembic(app, metadatas=_Model.metadata, engines=engine)

    with app.app_context():
        alembic.revision("first")
        alembic.upgrade()
        assert not alembic.needs_revision()

    assert sa.inspect(engine).has_table("post")
    engine.dispose()


def test_databases_several(app: Flask, postgresql_url: sa.URL) -> None:
    """Two databases share one history; each gets its own part of a revision."""
    app.config["SQLALCHEMY_ENGINES"] = {
        "default": "sqlite:///default.sqlite",
        "auth": postgresql_url,
    }
    db = SQLAlchemyLite()
    alembic = Alembic(metadatas={"default": _Model.metadata, "auth": _AuthModel.metadata})
    db.init_app(app)
    alembic.init_app(app)

    with app.app_context():
        alembic.revision("first")
        alembic.upgrade()
        tables = {
            name: {"post", "user"} & set(sa.inspect(engine).get_table_names())
            for name, engine in db.engines.items()
        }
        assert tables == {"default": {"post"}, "auth": {"user"}}

        # How its reference tells the differences of several databases apart.
        with db.engines["auth"].begin() as connection:
            connection.execute(sa.text("CREATE TABLE stray (id INTEGER)"))

        named = {
            (ops.upgrade_token or "").removesuffix("_upgrades"): [
                difference[0] for difference in ops.as_diffs()
            ]
            for ops in alembic.produce_migrations().upgrade_ops_list
        }
        assert named == {"default": [], "auth": ["remove_table"]}
        alembic.downgrade()
        assert alembic.current() == ()
        dispose(alembic)


def test_databases_several_metadata(app: Flask) -> None:
    """A list of them belongs to one database."""
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    alembic = Alembic(app, metadatas=[_Model.metadata, _AuthModel.metadata], engines=engine)

    with app.app_context():
        alembic.revision("first")
        alembic.upgrade()

    assert {"post", "user"} <= set(sa.inspect(engine).get_table_names())
    engine.dispose()


def test_config(app: Flask, tmp_path: Path) -> None:
    """``script_location`` moves the folder, ``ALEMBIC_CONTEXT`` tunes the comparison."""
    app.config["ALEMBIC"] = {"script_location": "db/revisions"}
    app.config["ALEMBIC_CONTEXT"] = {"compare_type": False}
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    alembic = Alembic(app, metadatas=_Model.metadata, engines=engine)
    assert (tmp_path / "db" / "revisions" / "script.py.mako").is_file()

    with engine.begin() as connection:
        connection.execute(
            sa.text("CREATE TABLE post (id INTEGER NOT NULL PRIMARY KEY, title INT NOT NULL)")
        )

    with app.app_context():
        assert alembic.compare_metadata() == []
        assert app.config["ALEMBIC_CONTEXT"]["compare_server_default"] is True

    engine.dispose()
