"""Engines that migrations can use, from those that only coroutines can."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import inspect
import math
import typing as t

import sqlalchemy as sa

from ...errors import SetupError
from .engines import is_in_memory

if t.TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

_CURE = "Pass 'engines' to Alembic() with an engine made by sqlalchemy.create_engine() instead."

#: What gets the options of one driver: their names and values for another.
Translate: t.TypeAlias = c.Callable[[str, t.Any], tuple[str, t.Any]]


class _CannotCarry(Exception):
    pass


@dataclasses.dataclass(frozen=True)
class _Way:
    """How to come to the server of an async driver without it.

    :param drivers: What to connect with: the first that is installed.
    :param package: What to install where none is.
    :param translate: Gives an option's name and value there, or raises.
    :param left_out: Options that mean nothing there.
    """

    drivers: tuple[str, ...]
    package: str
    translate: Translate
    left_out: frozenset[str] = frozenset()


def _as_it_is(key: str, value: t.Any) -> tuple[str, t.Any]:
    return key, value


def _for_psycopg(key: str, value: t.Any) -> tuple[str, t.Any]:
    if key == "cursor_factory":
        raise _CannotCarry

    return key, value


def _from_asyncpg(key: str, value: t.Any) -> tuple[str, t.Any]:
    if key == "server_settings":
        return "options", " ".join(f"-c {k}={_escaped(v)}" for k, v in value.items())

    if key == "timeout":
        return "connect_timeout", math.ceil(float(value))

    # True and an SSLContext say more than libpq can be told by a word.
    if key == "ssl" and (value is False or isinstance(value, str)):
        return "sslmode", value or "disable"

    if key in {"krbsrvname", "passfile", "target_session_attrs"}:
        return key, value

    raise _CannotCarry


def _for_pymysql(key: str, value: t.Any) -> tuple[str, t.Any]:
    if key in _PYMYSQL_OPTIONS:
        return key, value

    raise _CannotCarry


#: Those that mean the same to aiomysql, asyncmy and PyMySQL.
_PYMYSQL_OPTIONS = frozenset(
    {
        "charset",
        "client_flag",
        "connect_timeout",
        "init_command",
        "local_infile",
        "read_default_file",
        "read_default_group",
        "server_public_key",
        "sql_mode",
        "ssl",
        "unix_socket",
        "use_unicode",
    }
)
_MYSQL = _Way(("pymysql",), "PyMySQL", _for_pymysql, frozenset({"echo", "loop"}))

#: Where SQLAlchemy keeps the listeners that it adds to each engine.
_OWN_LISTENERS = {"sqlalchemy.engine.create", "sqlalchemy.util.langhelpers"}

#: By the async driver.
_WAYS = {
    "aiosqlite": _Way(("pysqlite",), "", _as_it_is, frozenset({"iter_chunk_size", "loop"})),
    # One driver for both.
    "psycopg": _Way(("psycopg",), "psycopg", _for_psycopg),
    "asyncpg": _Way(
        ("psycopg", "psycopg2"),
        "psycopg",
        _from_asyncpg,
        frozenset(
            {
                "command_timeout",
                "max_cacheable_statement_size",
                "max_cached_statement_lifetime",
                "prepared_statement_cache_size",
                "prepared_statement_name_func",
                "statement_cache_size",
            }
        ),
    ),
    "aiomysql": _MYSQL,
    "asyncmy": _MYSQL,
}


def sync_engine(name: str, engine: sa.Engine | AsyncEngine) -> sa.Engine:
    """Return an engine as it is, or for an async one an engine of our own to the same database.

    That one has the URL, the connect arguments and the execution options of the async one, and
    keeps no connection open.

    :param name: The database's name, for messages.
    :param engine: What ``create_engine()`` or ``create_async_engine()`` has made.
    :raises SetupError: It is neither, or something of it cannot be carried over.
    """
    if isinstance(engine, sa.Engine) and not engine.dialect.is_async:
        return engine

    # `sqlalchemy.ext.asyncio` is not imported for it: whoever has an async engine has done so.
    inner = getattr(engine, "sync_engine", engine)

    if not isinstance(inner, sa.Engine):
        raise SetupError(
            f"The engine of database '{name}' is of type '{type(engine).__name__}'.",
            "Pass 'engines' what sqlalchemy.create_engine() or create_async_engine() returns.",
        )

    way = _WAYS.get(inner.dialect.driver)

    if way is None:
        raise _refusal(name, f"uses '{inner.dialect.driver}', which has no counterpart known here")

    if is_in_memory(inner.url):
        raise _refusal(name, "is a SQLite database in memory, which no other engine can see")

    _refuse_listeners(name, inner)
    return _beside(name, inner, way)


def _beside(name: str, engine: sa.Engine, way: _Way) -> sa.Engine:
    url = engine.url

    if way.translate is _from_asyncpg:
        # The others in its query are options too, under names that are asyncpg's.
        url = url.set(query={key: url.query[key] for key in ("host", "port") if key in url.query})

    arguments = _arguments(name, engine, url, way)

    for driver in way.drivers:
        try:
            return sa.create_engine(
                url.set(drivername=f"{url.get_backend_name()}+{driver}"),
                # The app's own connections are as many as its server bears.
                poolclass=sa.NullPool,
                connect_args=arguments,
                execution_options=dict(engine.get_execution_options()),
                echo=engine.echo,
                hide_parameters=engine.hide_parameters,
            )
        except ImportError:
            continue

    raise _refusal(
        name,
        f"uses '{engine.dialect.driver}', and no driver is installed that needs no coroutines",
        f"Install {way.package}, or pass 'engines' to Alembic() with an engine made by "
        "sqlalchemy.create_engine().",
    )


def _arguments(name: str, engine: sa.Engine, url: sa.URL, way: _Way) -> dict[str, t.Any]:
    """Return what the driver gets beside what the URL says."""
    # An engine publishes neither its creator nor its connect arguments.
    creator = engine.pool._creator
    given = inspect.getclosurevars(creator).nonlocals.get("cparams")

    if creator.__module__ != "sqlalchemy.engine.create" or given is None:
        raise _refusal(name, "has a creator of its own, which only coroutines can call")

    said: c.Mapping[str, t.Any] = engine.dialect.create_connect_args(url)[1]
    arguments = {}

    for key, value in given.items():
        if key in way.left_out or (key in said and said[key] == value):
            continue

        try:
            new_key, new_value = way.translate(key, value)
        except _CannotCarry:
            raise _refusal(
                name,
                f"has the connect argument '{key}', which only '{engine.dialect.driver}' knows",
            ) from None

        arguments[new_key] = new_value

    return arguments


def _refuse_listeners(name: str, engine: sa.Engine) -> None:
    """Refuse what prepares the connections of one engine; it would not be told of another's."""
    heard: dict[str, t.Any] = {
        "do_connect": engine.dialect.dispatch.do_connect,
        "first_connect": engine.pool.dispatch.first_connect,
        "connect": engine.pool.dispatch.connect,
        "checkout": engine.pool.dispatch.checkout,
        "engine_connect": engine.dispatch.engine_connect,
        "begin": engine.dispatch.begin,
    }

    for event, listeners in heard.items():
        # Those of a class, such as `sqlalchemy.Engine`, are not among these: all engines have them.
        if any(found.__module__ not in _OWN_LISTENERS for found in listeners.listeners):
            raise _refusal(
                name,
                f"has a listener on '{event}', which the engine of migrations would not have",
                "Let it listen on sqlalchemy.Engine, which is heard on every engine, or pass "
                "'engines' to Alembic() with an engine made by sqlalchemy.create_engine().",
            )


def _refusal(name: str, reason: str, cure: str = _CURE) -> SetupError:
    return SetupError(
        f"Migrations of database '{name}' cannot use its async engine: it {reason}.", cure
    )


def _escaped(value: object) -> str:
    """Return a value as it stands in the ``options`` of libpq."""
    return str(value).replace("\\", "\\\\").replace(" ", "\\ ")
