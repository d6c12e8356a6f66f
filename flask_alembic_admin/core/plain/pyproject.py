"""What ``[tool.alembic_db]`` of a ``pyproject.toml`` says."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import difflib
import tomllib
import typing as t
from pathlib import Path

from ...errors import SetupError
from ..settings import Settings

TABLE = "[tool.alembic_db]"
_TEXTS = ("base", "directory", "metadata", "url")
_TABLES = ("alembic", "context", "databases")


@dataclasses.dataclass(frozen=True)
class ToolTable:
    """What ``[tool.alembic_db]`` says; nothing where there is none."""

    #: The file, also where it does not exist.
    path: Path

    #: The base module, instead of ``model.base``.
    base: str | None = None

    #: The script folder, instead of ``migrations``.
    directory: str | None = None

    #: The models' base, as ``package.module:Base``.
    metadata: str | None = None

    #: The database's URL.
    url: str | None = None

    #: Databases by name, each with ``url`` and, where they differ, ``metadata``.
    databases: c.Mapping[str, c.Mapping[str, str]] = dataclasses.field(default_factory=dict)

    #: What an app has in ``ALEMBIC``.
    alembic: c.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)

    #: What an app has in ``ALEMBIC_CONTEXT``.
    context: c.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)

    #: What an app has in ``ALEMBIC_ADMIN``: all other keys.
    settings: Settings = dataclasses.field(default_factory=Settings)

    def place(self, key: str) -> str:
        """Return what a key is called in a message.

        :param key: One of the table.
        """
        return f"'{key}' of {TABLE} in {self.path}"


def read_pyproject(folder: Path) -> ToolTable:
    """Return what the ``pyproject.toml`` of a folder says.

    :param folder: The folder of the project.
    :raises SetupError: It is no TOML, a key is unknown, or a value cannot be what it is.
    """
    path = folder / "pyproject.toml"

    try:
        values = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        return ToolTable(path)
    except OSError as error:
        raise SetupError(
            f"{path} cannot be read: {error.strerror or error}.", "Let this user read it."
        ) from error
    except UnicodeDecodeError as error:
        raise SetupError(
            f"{path} is not UTF-8: byte {error.start} cannot be read.", "Save it as UTF-8."
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise SetupError(f"{path} is no TOML: {error}.", "Correct that line.") from error

    tools = values.get("tool")
    table = tools.get("alembic_db") if isinstance(tools, dict) else None

    if table is None:
        return ToolTable(path)

    if not isinstance(table, dict):
        raise SetupError(f"'alembic_db' under [tool] in {path} is {table!r}.", f"Write {TABLE}.")

    return _checked(path, table)


def _checked(path: Path, table: dict[str, t.Any]) -> ToolTable:
    settings = [field.name for field in dataclasses.fields(Settings)]
    known = [*_TEXTS, *_TABLES, *settings]

    for key, value in table.items():
        place = ToolTable(path).place(key)

        if key not in known:
            near = difflib.get_close_matches(key, known, 1, 0.5)
            raise SetupError(
                f"{place} is no option.",
                f"Did you mean '{near[0]}'?" if near else f"Known are: {', '.join(known)}.",
            )

        if key in _TEXTS and not (isinstance(value, str) and value):
            raise SetupError(f"{place} is {value!r}.", "Give a text.")

        if key in _TABLES and not isinstance(value, dict):
            raise SetupError(f"{place} is {value!r}.", f"Write it as a table, {TABLE[:-1]}.{key}].")

    for name, entry in table.get("databases", {}).items():
        _check_database(ToolTable(path).place(f"databases.{name}"), entry)

    own = {key: table[key] for key in (*_TEXTS, *_TABLES) if key in table}
    chosen = {key: table[key] for key in settings if key in table}
    return ToolTable(path, settings=Settings.from_mapping(chosen), **own)


def _check_database(place: str, entry: object) -> None:
    if not isinstance(entry, dict) or not all(isinstance(value, str) for value in entry.values()):
        raise SetupError(f"{place} is no table of texts.", "Write url = '…' and metadata = '…'.")

    for key in entry:
        if key not in {"url", "metadata"}:
            raise SetupError(f"{place} has the key '{key}'.", "Known are: url, metadata.")
