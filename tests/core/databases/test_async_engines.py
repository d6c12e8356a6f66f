from __future__ import annotations

import ssl
import sys
import types
import typing as t
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.ext.asyncio import create_async_engine

from flask_alembic_admin.core.databases.async_engines import sync_engine
from flask_alembic_admin.errors import SetupError


def _engine(url: str, **options: t.Any) -> AsyncEngine:
    """Return an async engine; that of a driver that tests do without never connects."""
    if sa.make_url(url).get_driver_name() in {"asyncpg", "aiomysql"}:
        options["module"] = types.SimpleNamespace(paramstyle="pyformat", Error=Exception)

    return create_async_engine(url, **options)


def _arguments(engine: sa.Engine) -> dict[str, t.Any]:
    """Return what the driver is connected with."""
    seen: dict[str, t.Any] = {}

    class Seen(Exception):
        pass

    @sa.event.listens_for(engine, "do_connect")
    def look(dialect: object, record: object, args: object, arguments: dict[str, t.Any]) -> None:
        seen.update(arguments)
        raise Seen

    with pytest.raises(Seen):
        engine.connect()

    return seen


def _refused(engine: t.Any) -> str:
    with pytest.raises(SetupError) as caught:
        sync_engine("shop", engine)

    return str(caught.value)


def test_an_engine_that_is_sync_is_used_as_it_is() -> None:
    """Nothing is made beside it."""
    engine = sa.create_engine("sqlite://")
    assert sync_engine("shop", engine) is engine


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite+aiosqlite:////x/y.db?timeout=3", "sqlite+pysqlite:////x/y.db?timeout=3"),
        ("postgresql+psycopg://u:p@h:1/d", "postgresql+psycopg://u:p@h:1/d"),
        ("postgresql+psycopg_async://u:p@h:1/d", "postgresql+psycopg://u:p@h:1/d"),
        ("postgresql+asyncpg://u:p@h:1/d", "postgresql+psycopg://u:p@h:1/d"),
        ("mysql+aiomysql://u:p@h/d?charset=utf8mb4", "mysql+pymysql://u:p@h/d?charset=utf8mb4"),
        ("mariadb+aiomysql://u:p@h/d", "mariadb+pymysql://u:p@h/d"),
    ],
)
def test_an_async_engine_gets_one_beside_it_at_the_same_place(url: str, expected: str) -> None:
    """With a driver that needs no coroutines, and with no connection kept open."""
    engine = sync_engine("shop", _engine(url))
    assert engine.url.render_as_string(hide_password=False) == expected
    assert not engine.dialect.is_async
    assert isinstance(engine.pool, sa.NullPool)


def test_the_engine_within_an_async_one_is_taken_for_it(tmp_path: Path) -> None:
    """Who passes ``AsyncEngine.sync_engine`` means well, and it connects in no thread."""
    inner = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/x.db").sync_engine
    assert sync_engine("shop", inner).dialect.driver == "pysqlite"


@pytest.mark.parametrize(
    ("url", "given", "expected"),
    [
        ("sqlite+aiosqlite:///x.db", {"timeout": 7, "iter_chunk_size": 9}, {"timeout": 7}),
        (
            "postgresql+psycopg://h/d?connect_timeout=3",
            {"options": "-c search_path=a"},
            {"connect_timeout": "3", "options": "-c search_path=a"},
        ),
        ("postgresql+asyncpg://h/d?ssl=require", {}, {"sslmode": "require"}),
        ("postgresql+asyncpg://h/d", {"ssl": False}, {"sslmode": "disable"}),
        (
            "postgresql+asyncpg://h/d?prepared_statement_cache_size=0",
            {"timeout": 2.5, "statement_cache_size": 0, "command_timeout": 60},
            {"connect_timeout": 3},
        ),
        (
            "postgresql+asyncpg://h/d",
            {"server_settings": {"search_path": "a, b", "jit": "off"}},
            {"options": "-c search_path=a,\\ b -c jit=off"},
        ),
        ("mysql+aiomysql://h/d", {"connect_timeout": 4, "echo": True}, {"connect_timeout": 4}),
    ],
)
def test_connect_arguments_are_carried_over(
    url: str, given: dict[str, t.Any], expected: dict[str, t.Any]
) -> None:
    """Under the names that the other driver has for them."""
    arguments = _arguments(sync_engine("shop", _engine(url, connect_args=given)))
    own = {"context", "check_same_thread", "client_flag", "host", "dbname", "database", "db"}
    assert {key: value for key, value in arguments.items() if key not in own} == expected


def test_hosts_in_the_query_are_carried_over() -> None:
    """A server that has others in reserve is the same for both drivers."""
    engine = sync_engine("shop", _engine("postgresql+asyncpg:///d?host=a:1&host=b:2&ssl=require"))
    assert _arguments(engine)["host"] == "a,b"


def test_execution_options_are_carried_over() -> None:
    """Such as where the tables of a schema really are."""
    options = {"schema_translate_map": {None: "tenant"}}
    engine = sync_engine("shop", _engine("postgresql+asyncpg://h/d", execution_options=options))
    assert engine.get_execution_options() == options


def test_a_secret_is_not_in_the_errors_of_the_engine_beside() -> None:
    """Where the app hides the values of statements they stay hidden."""
    assert sync_engine(
        "shop", _engine("mysql+aiomysql://h/d", hide_parameters=True)
    ).hide_parameters


@pytest.mark.parametrize(
    ("url", "given"),
    [
        ("postgresql+asyncpg://h/d", {"ssl": ssl.create_default_context()}),
        ("postgresql+asyncpg://h/d", {"ssl": True}),
        ("postgresql+asyncpg://h/d", {"record_class": dict}),
        ("postgresql+psycopg://h/d", {"cursor_factory": object}),
        ("mysql+aiomysql://h/d", {"cursor_cls": object}),
    ],
)
def test_a_connect_argument_of_the_async_driver_alone_is_refused(
    url: str, given: dict[str, t.Any]
) -> None:
    """It is named, since without it the connection might lead elsewhere or be open to others."""
    (key,) = given
    assert _refused(_engine(url, connect_args=given)) == (
        f"Migrations of database 'shop' cannot use its async engine: it has the connect argument "
        f"'{key}', which only '{sa.make_url(url).get_driver_name()}' knows. Pass 'engines' to "
        "Alembic() with an engine made by sqlalchemy.create_engine() instead."
    )


def test_a_creator_is_refused() -> None:
    """Only a coroutine can call it."""
    engine = _engine("postgresql+asyncpg://h/d", async_creator=lambda: None)
    assert "has a creator of its own, which only coroutines can call. Pass" in _refused(engine)


@pytest.mark.parametrize("event", ["do_connect", "connect", "checkout", "engine_connect", "begin"])
def test_a_listener_that_prepares_connections_is_refused(event: str) -> None:
    """It would not be heard on the engine beside it; the event is named."""
    engine = _engine("postgresql+asyncpg://h/d")
    sa.event.listen(engine.sync_engine, event, lambda *arguments: None)
    said = _refused(engine)
    assert f"has a listener on '{event}', which the engine of migrations would not have" in said


def test_a_listener_on_all_engines_is_no_reason_to_refuse() -> None:
    """The engine beside it has it too."""

    def listener(*arguments: object) -> None: ...

    sa.event.listen(sa.Engine, "connect", listener)

    try:
        engine = sync_engine("shop", _engine("postgresql+asyncpg://h/d"))
        assert listener in list(engine.pool.dispatch.connect)
    finally:
        sa.event.remove(sa.Engine, "connect", listener)


def test_a_database_in_memory_is_refused() -> None:
    """Another engine would have another database."""
    said = _refused(create_async_engine("sqlite+aiosqlite://"))
    assert "it is a SQLite database in memory, which no other engine can see. Pass" in said


def test_a_driver_that_is_not_known_is_refused() -> None:
    """Rather than guessed about."""
    engine = _engine("postgresql+asyncpg://h/d")
    engine.sync_engine.dialect.driver = "quick"
    assert "it uses 'quick', which has no counterpart known here. Pass" in _refused(engine)


def test_the_driver_to_install_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where none is there that needs no coroutines."""
    engine = _engine("mysql+aiomysql://h/d")
    monkeypatch.setitem(sys.modules, "pymysql", None)
    assert _refused(engine) == (
        "Migrations of database 'shop' cannot use its async engine: it uses 'aiomysql', and no "
        "driver is installed that needs no coroutines. Install PyMySQL, or pass 'engines' to "
        "Alembic() with an engine made by sqlalchemy.create_engine()."
    )


def test_what_is_no_engine_is_refused() -> None:
    """A URL is the likeliest."""
    assert _refused("sqlite:///x.db") == (
        "The engine of database 'shop' is of type 'str'. Pass 'engines' what "
        "sqlalchemy.create_engine() or create_async_engine() returns."
    )
