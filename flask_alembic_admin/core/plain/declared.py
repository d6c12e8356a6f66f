"""Databases as somebody declares them without Flask: a base, and a URL or an engine."""

from __future__ import annotations

import collections.abc as c
import typing as t

import sqlalchemy as sa

from ...errors import SetupError
from ..databases.async_engines import sync_engine
from ..databases.database import Database
from ..databases.engines import is_in_memory
from ..redact import redact

#: What stands where ``str(url)`` hides a password.
_HIDDEN = "***"
_SHAPE = "{'base': Base, 'sqlalchemy_url': URL}"


def declared_databases(
    values: object, place: str, *, url_place: str | None = None
) -> dict[str, Database]:
    """Return the databases that somebody declares.

    :param values: A mapping of ``base`` and of ``sqlalchemy_url`` or ``engine``; or one of
        ``databases``, which holds such a mapping, a URL or an engine for each name.
    :param place: Who declares them, such as ``get_base() in model/base.py``.
    :param url_place: Who says the URL, if that is somebody else.
    :raises SetupError: Something is missing, or is not what it has to be.
    """
    if not isinstance(values, c.Mapping):
        what = "None" if values is None else f"something {_kind(values)}"
        raise SetupError(f"{place} returns {what}, no dict.", f"Return {_SHAPE}.")

    if "databases" not in values:
        return {"default": _declared("default", values, place, url_place)}

    entries = values["databases"]

    if not isinstance(entries, c.Mapping) or not entries:
        raise SetupError(
            f"'databases' of {place} is no dict with a database in it.",
            f"Write {{'default': {_SHAPE}}}, with an entry for each.",
        )

    databases = {}

    for name, entry in entries.items():
        if not isinstance(name, str) or not name:
            raise SetupError(
                f"'databases' of {place} has the key {name!r}.", "Name each database by a text."
            )

        if not isinstance(entry, c.Mapping):
            entry = {"engine" if _is_engine(entry) else "sqlalchemy_url": entry}

        # Several databases may have the same tables.
        shared = {"base": values["base"]} if "base" in values else {}
        databases[name] = _declared(name, {**shared, **entry}, f"'{name}' of {place}")

    return databases


def _declared(
    name: str, values: c.Mapping[str, t.Any], place: str, url_place: str | None = None
) -> Database:
    for keys in (("base",), ("sqlalchemy_url", "engine")):
        if all(values.get(key) is None for key in keys):
            missing = " and no ".join(repr(key) for key in keys)
            raise SetupError(
                f"There is no {missing} in what {place} returns.",
                f"Return {_SHAPE}, or an 'engine' instead of the URL.",
            )

    engine = values.get("engine")

    if engine is not None and not _is_engine(engine):
        raise SetupError(
            f"'engine' of {place} is {_kind(engine)}.",
            "Give what sqlalchemy.create_engine() or create_async_engine() returns.",
        )

    return make_database(
        name,
        values["base"],
        f"'base' of {place}",
        values["sqlalchemy_url"] if engine is None else engine,
        url_place or f"{'sqlalchemy_url' if engine is None else 'engine'!r} of {place}",
    )


def make_database(
    name: str, base: object, base_place: str, where: object, where_place: str
) -> Database:
    """Return a database of a base, and of a URL or an engine.

    :param name: What people call it.
    :param base: A declarative base, a metadata, or a list of them.
    :param base_place: Who says that, as the beginning of a sentence.
    :param where: The URL or the engine, also of a driver for coroutines.
    :param where_place: Who says that.
    :raises SetupError: One of them cannot be what it is.
    """
    metadata = _metadata(base, base_place)
    engine = t.cast("sa.Engine", where) if _is_engine(where) else _engine(where, where_place)
    _refuse_hidden_password(engine.url, where_place)
    return Database(name, sync_engine(name, engine), metadata)


def _metadata(base: object, place: str) -> tuple[sa.MetaData, ...]:
    bases = base if isinstance(base, list | tuple) else [base]
    found = [
        one if isinstance(one, sa.MetaData) else getattr(one, "metadata", None) for one in bases
    ]
    metadata = tuple(one for one in found if isinstance(one, sa.MetaData))

    if not metadata or len(metadata) < len(found):
        raise SetupError(
            f"{place} is {_kind(base)} and has no metadata.",
            "Give the declarative base of your models, or a MetaData.",
        )

    return metadata


def _engine(url: object, place: str) -> sa.Engine:
    if not isinstance(url, str | sa.URL):
        raise SetupError(
            f"{place} is {_kind(url)}.",
            "Give a text such as 'sqlite:///demo.db', or a sqlalchemy.URL.",
        )

    try:
        made = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        # What it is may hold a password.
        raise SetupError(
            f"{place} is no URL that SQLAlchemy can read.",
            "Write DIALECT://USER:PASSWORD@HOST/DATABASE, with the signs in the password quoted, "
            "or give a sqlalchemy.URL.",
        ) from None

    _refuse_hidden_password(made, place)

    # A database in memory is gone with its connection; no other needs to be kept open.
    pool = None if is_in_memory(made) else sa.NullPool

    try:
        return sa.create_engine(made, poolclass=pool)
    except (sa.exc.SQLAlchemyError, ImportError, TypeError, ValueError) as error:
        reason = redact(f"{type(error).__name__}: {error}", [made])
        raise SetupError(
            f"No engine can be made of {place}: {reason.rstrip('.')}.",
            "Install the driver that it names, or correct it.",
        ) from error


def _refuse_hidden_password(url: sa.URL, place: str) -> None:
    """Refuse a URL whose password went lost when somebody made a text of it."""
    if url.password == _HIDDEN:
        raise SetupError(
            f"The password in {place} is '***': str(url) hides it.",
            "Give the URL object or the engine itself, or the text of "
            "url.render_as_string(hide_password=False).",
        )


def _is_engine(value: object) -> bool:
    # `sqlalchemy.ext.asyncio` is not imported for it.
    return isinstance(getattr(value, "sync_engine", value), sa.Engine)


def _kind(value: object) -> str:
    """Return what something is without what it holds, which may be secret."""
    return "None" if value is None else f"of type {type(value).__name__}"
