"""Metadata and engines by the name of the database that they belong to."""

from __future__ import annotations

import collections.abc as c
import typing as t

import sqlalchemy as sa

from ...errors import SetupError

if t.TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

#: One metadata or several, alone or by the name of the database they belong to. Flask-SQLAlchemy
#: has its default one under None.
Metadatas: t.TypeAlias = (
    sa.MetaData
    | c.Sequence[sa.MetaData]
    | c.Mapping[str, sa.MetaData]
    | c.Mapping[str | None, sa.MetaData]
    | c.Mapping[str, sa.MetaData | c.Sequence[sa.MetaData]]
)
#: What ``create_engine()`` or ``create_async_engine()`` has made.
AnyEngine: t.TypeAlias = "sa.Engine | AsyncEngine"
#: One engine, or engines by the name of the database.
Engines: t.TypeAlias = "AnyEngine | c.Mapping[str, AnyEngine] | c.Mapping[str | None, AnyEngine]"


def metadatas_by_name(metadatas: Metadatas | None) -> dict[str, list[sa.MetaData]]:
    """Return lists of metadata by the name of the database; that without a name is ``default``.

    :param metadatas: What was passed.
    :raises SetupError: Something else than metadata is among it.
    """
    if metadatas is None:
        return {}

    if not isinstance(metadatas, c.Mapping):
        return {"default": _listed(metadatas)}

    return {
        "default" if name is None else name: _listed(value) for name, value in metadatas.items()
    }


def _listed(value: object) -> list[sa.MetaData]:
    values = list(value) if isinstance(value, list | tuple | set | frozenset) else [value]

    for one in values:
        if not isinstance(one, sa.MetaData):
            name = getattr(one, "__name__", None) or type(one).__name__
            cure = "Pass a MetaData, a list of them, or a dict of them by the name of the database."

            # A base class of models, or Flask-SQLAlchemy's extension.
            if isinstance(getattr(one, "metadata", None), sa.MetaData):
                cure = f"Pass the 'metadata' of it, such as {name}.metadata."

            raise SetupError(f"'metadatas' holds {name}, which is no MetaData.", cure)

    return t.cast("list[sa.MetaData]", values)


def engines_by_name(
    engines: Engines | None, metadatas: c.Mapping[str, object]
) -> dict[str, AnyEngine]:
    """Return engines by the name of the database; that without a name is ``default``.

    :param engines: What was passed.
    :param metadatas: Lists of metadata by the name of the database.
    """
    if engines is None:
        return {}

    if isinstance(engines, c.Mapping):
        return {"default" if name is None else name: one for name, one in engines.items()}

    # An engine without a name belongs to the only metadata, whatever that is called.
    return {next(iter(metadatas)) if len(metadatas) == 1 else "default": engines}


def bind_names(config: c.Mapping[str, t.Any]) -> tuple[str, ...]:
    """Return the names of Flask-SQLAlchemy's databases, also before it has got the app.

    :param config: The app's configuration.
    """
    binds = config.get("SQLALCHEMY_BINDS") or {}
    has_default = config.get("SQLALCHEMY_DATABASE_URI") is not None or None in binds
    return (*(("default",) if has_default else ()), *(name for name in binds if name is not None))


def bound_metadatas(
    config: c.Mapping[str, t.Any], flask_sqlalchemy: t.Any
) -> dict[str, list[sa.MetaData]]:
    """Return the metadata of each bind of Flask-SQLAlchemy.

    :param config: The app's configuration.
    :param flask_sqlalchemy: The extension, or what stands in its place.
    :raises SetupError: It is none that has binds.
    """
    if not hasattr(flask_sqlalchemy, "metadatas"):
        raise SetupError(
            "Alembic(binds=True) takes the binds of Flask-SQLAlchemy, which this app does not use.",
            "Call db.init_app(app) of Flask-SQLAlchemy, or leave 'binds' out and pass 'metadatas' "
            "with the name of each database.",
        )

    metadatas = metadatas_by_name(flask_sqlalchemy.metadatas)

    # There is always a default metadata, also where all models are in other binds.
    if "default" not in bind_names(config) and not any(one.tables for one in metadatas["default"]):
        del metadatas["default"]

    return metadatas
