"""What an ``alembic.ini`` says, as the options that ``ALEMBIC`` takes."""

from __future__ import annotations

import collections.abc as c
import configparser
import os
import typing as t
import warnings
from pathlib import Path

from alembic.config import Config

from ...errors import SetupError

#: Options that are told in another way, or that an ``env.py`` reads which is not run.
_NOT_TAKEN = {
    "databases",
    "here",
    "path_separator",
    "prepend_sys_path",
    "revision_environment",
    "script_location",
    "sqlalchemy.url",
    "version_locations",
    "version_path_separator",
}


def parse_ini(path: Path, defaults: c.Mapping[str, str]) -> configparser.ConfigParser:
    """Return an ``alembic.ini`` as it stands, read as UTF-8 whatever the locale is.

    :param path: The file.
    :param defaults: What ``%(…)s`` in it may name besides.
    :raises SetupError: It cannot be read.
    """
    parser = configparser.ConfigParser(defaults)

    try:
        parser.read_string(path.read_text("utf-8-sig"), str(path))
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise SetupError(
            f"{path} is not UTF-8: line {line} has a byte that is no character.",
            "Save it as UTF-8.",
        ) from error
    except configparser.Error as error:
        raise SetupError(
            f"{path} cannot be read: {_first_line(error)}.", "Correct that file."
        ) from error
    except OSError as error:
        raise SetupError(
            f"{path} cannot be read: {error.strerror or error}.",
            "Let the user of this process read it.",
        ) from error

    return parser


def bare_percent(path: str, option: str, section: str) -> SetupError:
    """Return the error about an option with a ``%`` that is none of a reference.

    :param path: The file.
    :param option: The option.
    :param section: Where it stands.
    """
    return SetupError(
        f"In {path}, option '{option}' of [{section}] has a '%' that ConfigParser takes for the "
        "start of a reference.",
        "Write '%%' for each '%' that is meant.",
    )


def read_ini(path: Path) -> dict[str, t.Any]:
    """Return the options of the files that an ``alembic.ini`` holds; none where there is no file.

    What concerns databases and logging is left alone: that belongs to an ``env.py``.

    :param path: The file.
    :raises SetupError: It cannot be read.
    """
    if not os.path.exists(path):
        return {}

    parser = parse_ini(path, {"here": str(path.parent.absolute())})

    try:
        return dict(_options(parser))
    except configparser.InterpolationError as error:
        raise bare_percent(str(path), error.option, error.section) from error


def _options(parser: configparser.ConfigParser) -> c.Iterator[tuple[str, t.Any]]:
    if not parser.has_section("alembic"):
        return

    for name in parser.options("alembic"):
        if name not in _NOT_TAKEN:
            yield name, parser.get("alembic", name)

    config = Config()
    vars(config)["file_config"] = parser

    with warnings.catch_warnings():
        # Whoever made the file is not asked to change it.
        warnings.simplefilter("ignore", DeprecationWarning)
        yield "version_locations", config.get_version_locations_list() or []

    if parser.has_section("post_write_hooks"):
        names = [name for name in parser.options("post_write_hooks") if name != "here"]
        yield "post_write_hooks", {name: parser.get("post_write_hooks", name) for name in names}


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
