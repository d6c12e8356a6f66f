"""Ways to have databases in a Flask app: each gives its engines and its models differently."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t
from pathlib import Path

import flask_sqlalchemy
import flask_sqlalchemy_lite
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.ext.asyncio import create_async_engine

from flask_alembic_admin import Alembic
from flask_alembic_admin.core.ledger.tables import TABLE_NAMES

#: The schema of the version table where there is one.
SCHEMA = "bookkeeping"


@dataclasses.dataclass
class Way:
    """An app, its databases, and what its models say should be in them."""

    app: Flask
    alembic: Alembic
    #: The tables of the models by the name of the database.
    models: dict[str, set[str]]
    urls: dict[str, sa.URL]

    def tables(self, database: str) -> set[str]:
        """Return the names of the tables that are in a database, without Alembic's and our own."""
        with self._connect(database) as connection:
            return set(sa.inspect(connection).get_table_names()) - {"alembic_version", *TABLE_NAMES}

    def versions(self, database: str) -> set[str]:
        """Return what the version table of a database holds."""
        schema = self.app.config["ALEMBIC_CONTEXT"].get("version_table_schema")
        name = f"{schema}.alembic_version" if schema else "alembic_version"

        with self._connect(database) as connection:
            return set(connection.scalars(sa.text(f"SELECT version_num FROM {name}")))

    def execute(self, database: str, statement: str) -> None:
        """Execute and commit a statement."""
        with self._connect(database) as connection:
            connection.execute(sa.text(statement))
            connection.commit()

    def _connect(self, database: str) -> sa.Connection:
        # With an engine that has nothing to do with the app's.
        return sa.create_engine(self.urls[database], poolclass=sa.NullPool).connect()


def model(metadata: sa.MetaData, name: str) -> None:
    """Add a table with an index."""
    sa.Table(
        name,
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("title", sa.String(40), nullable=False, index=True),
    )


class _Maker:
    """Makes apps in a folder.

    :param folder: Where all of their files go.
    :param postgresql: Gives the URL of an empty database; called only by those that need one.
    """

    def __init__(self, folder: Path, postgresql: c.Callable[[], sa.URL]) -> None:
        self.folder = folder
        self.postgresql = postgresql

    def app(self, **config: t.Any) -> Flask:
        folder = str(self.folder)
        app = Flask("way", root_path=folder, instance_path=folder)
        app.config.from_mapping(config)
        return app

    def sqlite(self, name: str = "one") -> sa.URL:
        return sa.URL.create("sqlite", database=str(self.folder / f"{name}.sqlite"))


def _flask_sqlalchemy(maker: _Maker) -> Way:
    url = maker.sqlite()
    app = maker.app(SQLALCHEMY_DATABASE_URI=url)
    db = flask_sqlalchemy.SQLAlchemy(app)
    model(db.metadata, "users")
    return Way(app, Alembic(app), {"default": {"users"}}, {"default": url})


def _binds_listed(maker: _Maker) -> Way:
    return _binds(maker, lambda db: Alembic(metadatas=db.metadatas))


def _binds_switched_on(maker: _Maker) -> Way:
    return _binds(maker, lambda db: Alembic(binds=True))


def _binds(maker: _Maker, make: c.Callable[[flask_sqlalchemy.SQLAlchemy], Alembic]) -> Way:
    # As in a module: the extensions are there before the models, and those before the app.
    db = flask_sqlalchemy.SQLAlchemy()
    alembic = make(db)

    class User(db.Model):  # type: ignore[name-defined, misc]  # a class made while it runs
        __tablename__ = "users"
        id = sa.Column(sa.Integer, primary_key=True)

    class Event(db.Model):  # type: ignore[name-defined, misc]
        __tablename__ = "events"
        __bind_key__ = "audit"
        id = sa.Column(sa.Integer, primary_key=True)

    urls = {"default": maker.sqlite(), "audit": maker.sqlite("two")}
    app = maker.app(
        SQLALCHEMY_DATABASE_URI=urls["default"], SQLALCHEMY_BINDS={"audit": urls["audit"]}
    )
    db.init_app(app)
    alembic.init_app(app)
    return Way(app, alembic, {"default": {"users"}, "audit": {"events"}}, urls)


def _lite(maker: _Maker) -> Way:
    url = maker.sqlite()
    return _lite_with(maker, url, SQLALCHEMY_ENGINES={"default": url})


def _lite_async_sqlite(maker: _Maker) -> Way:
    url = maker.sqlite()
    engines = {"default": url.set(drivername="sqlite+aiosqlite")}
    return _lite_with(maker, url, SQLALCHEMY_ASYNC_ENGINES=engines)


def _lite_async_postgresql(maker: _Maker) -> Way:
    url = maker.postgresql()
    return _lite_with(maker, url, SQLALCHEMY_ASYNC_ENGINES={"default": url})


def _lite_with(maker: _Maker, url: sa.URL, **config: t.Any) -> Way:
    app = maker.app(**config)
    flask_sqlalchemy_lite.SQLAlchemy(app)
    metadata = sa.MetaData()
    model(metadata, "users")
    return Way(app, Alembic(app, metadatas=metadata), {"default": {"users"}}, {"default": url})


def _plain(maker: _Maker) -> Way:
    url = maker.sqlite()
    return _plain_with(maker, url, sa.create_engine(url, poolclass=sa.NullPool))


def _async_sqlite(maker: _Maker) -> Way:
    url = maker.sqlite()
    return _plain_with(maker, url, create_async_engine(url.set(drivername="sqlite+aiosqlite")))


def _async_postgresql(maker: _Maker) -> Way:
    url = maker.postgresql()
    return _plain_with(maker, url, create_async_engine(url))


def _several_metadata(maker: _Maker) -> Way:
    url = maker.sqlite()
    first, second = sa.MetaData(), sa.MetaData()
    model(first, "users")
    model(second, "posts")
    return _plain_with(
        maker, url, sa.create_engine(url, poolclass=sa.NullPool), metadatas=[first, second]
    )


def _version_table_in_schema(maker: _Maker) -> Way:
    url = maker.postgresql()
    way = _plain_with(
        maker,
        url,
        sa.create_engine(url, poolclass=sa.NullPool),
        ALEMBIC_CONTEXT={"version_table_schema": SCHEMA},
    )
    way.execute("default", f"CREATE SCHEMA {SCHEMA}")
    return way


def _plain_with(
    maker: _Maker,
    url: sa.URL,
    engine: t.Any,
    metadatas: list[sa.MetaData] | None = None,
    **config: t.Any,
) -> Way:
    if metadatas is None:
        metadatas = [sa.MetaData()]
        model(metadatas[0], "users")

    app = maker.app(**config)
    tables = {name for metadata in metadatas for name in metadata.tables}
    alembic = Alembic(app, metadatas=metadatas, engines=engine)
    return Way(app, alembic, {"default": tables}, {"default": url})


#: What makes an app, by what is said of it.
WAYS: dict[str, c.Callable[[_Maker], Way]] = {
    "Flask-SQLAlchemy": _flask_sqlalchemy,
    "Flask-SQLAlchemy, binds listed": _binds_listed,
    "Flask-SQLAlchemy, binds switched on": _binds_switched_on,
    "Flask-SQLAlchemy-Lite": _lite,
    "Flask-SQLAlchemy-Lite, async SQLite": _lite_async_sqlite,
    "Flask-SQLAlchemy-Lite, async PostgreSQL": _lite_async_postgresql,
    "engine": _plain,
    "async engine, SQLite": _async_sqlite,
    "async engine, PostgreSQL": _async_postgresql,
    "several metadata": _several_metadata,
    "version table in a schema": _version_table_in_schema,
}


def make_way(name: str, folder: Path, postgresql: c.Callable[[], sa.URL]) -> Way:
    """Make an app of one kind.

    :param name: One of ``WAYS``.
    :param folder: Where all of its files go.
    :param postgresql: Gives the URL of an empty database.
    """
    return WAYS[name](_Maker(folder, postgresql))
