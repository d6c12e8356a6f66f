"""Which databases a project without Flask has: the one place that counts, of all that say it."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import os
import typing as t
from pathlib import Path

from ...errors import SetupError
from ..databases.database import Database
from .declared import declared_databases
from .declared import make_database
from .model_base import import_named
from .model_base import MODEL_BASE
from .model_base import NoBaseModule
from .model_base import read_base
from .pyproject import ToolTable

_Found: t.TypeAlias = tuple[dict[str, Database], c.Mapping[str, t.Any]]


@dataclasses.dataclass
class Given:
    """What is said on the command line about where things are."""

    #: The script folder.
    directory: str | None = None

    #: The database's URL.
    url: str | None = None

    #: The models' base, as ``package.module:Base``.
    metadata: str | None = None


@dataclasses.dataclass(frozen=True)
class _Said:
    """A text, and where it was said."""

    text: str
    place: str


def find_databases(root: Path, table: ToolTable, given: Given) -> _Found:
    """Return the databases, and options of ``configure()`` that were declared with them.

    What is said on the command line comes first, then what is in the environment, then what is
    in ``pyproject.toml``. The base module tells what none of them does.

    :param root: The folder of the project.
    :param table: What ``pyproject.toml`` says.
    :param given: What is said on the command line.
    :raises SetupError: They are not known, or cannot be what they are.
    """
    base = os.environ.get("ALEMBIC_BASE")
    own = not base
    url = _first(
        (given.url, "--url"),
        (os.environ.get("ALEMBIC_URL"), "ALEMBIC_URL"),
        (table.url if own else None, table.place("url")),
    )
    metadata = _first(
        (given.metadata, "--metadata"),
        (table.metadata if own else None, table.place("metadata")),
    )

    if own and table.databases and not (url and given.metadata):
        return _of_table(root, table, url, metadata), {}

    if url and metadata:
        found = import_named(metadata.text, root, metadata.place)
        database = make_database("default", found, metadata.place, url.text, url.place)
        return {"default": database}, {}

    try:
        return _of_base(root, base or table.base or MODEL_BASE, url, metadata)
    except NoBaseModule as error:
        said = url or metadata

        if said is None:
            raise

        raise SetupError(
            f"{said.place} is given without {'metadata' if url else 'a URL'}. {error.message}",
            f"Say --{'metadata' if url else 'url'} as well.",
        ) from error


def _first(*ways: tuple[str | None, str]) -> _Said | None:
    return next((_Said(text, place) for text, place in ways if text), None)


def _of_base(root: Path, name: str, url: _Said | None, metadata: _Said | None) -> _Found:
    """Return what a base module declares, of which something may have been said otherwise."""
    module = read_base(name, root)
    values, place = module.values, module.place
    options: object = {}

    if isinstance(values, c.Mapping):
        values = dict(values)
        options = values.get("context") or {}
        said = url or metadata

        if said and "databases" in values:
            raise SetupError(
                f"{said.place} is for one database, and {place} returns several.",
                "Leave it out, or change what is returned.",
            )

        if metadata:
            values["base"] = import_named(metadata.text, root, metadata.place)

        if url:
            values.pop("engine", None)
            values["sqlalchemy_url"] = url.text

    if not isinstance(options, c.Mapping):
        raise SetupError(
            f"'context' of {place} is no dict.",
            "Give options of EnvironmentContext.configure(), such as {'include_object': function}.",
        )

    databases = declared_databases(values, place, url_place=url.place if url else None)
    module.import_models()
    return databases, options


def _of_table(
    root: Path, table: ToolTable, url: _Said | None, metadata: _Said | None
) -> dict[str, Database]:
    if url:
        raise SetupError(
            f"{url.place} is for one database, and {table.place('databases')} names several.",
            "Leave the one or the other out.",
        )

    databases = {}

    for name, entry in table.databases.items():
        place = table.place(f"databases.{name}")
        own = _first((entry.get("metadata"), table.place(f"databases.{name}.metadata")))
        said = own or metadata

        if said is None or "url" not in entry:
            raise SetupError(
                f"{place} has no {'metadata' if said is None else 'url'}.",
                "Write both: url = '…' and metadata = 'package.module:Base'.",
            )

        found = import_named(said.text, root, said.place)
        databases[name] = make_database(
            name, found, said.place, entry["url"], table.place(f"databases.{name}.url")
        )

    return databases
