"""The options of ``ALEMBIC`` about the folder of revision files, checked and made Alembic's."""

from __future__ import annotations

import collections.abc as c
import configparser
import os
from pathlib import Path

from alembic import util
from alembic.config import Config

from ...errors import SetupError


def to_folder(location: str) -> Path:
    """Return the folder on disk that a location means, wherever its package is.

    :param location: A folder, or ``package:folder``.
    :raises SetupError: It is ``package:folder``, and there is no such package.
    """
    try:
        return Path(util.coerce_resource_to_filename(location)).absolute()
    except ImportError as error:
        raise SetupError(
            f"Location '{location}' in ALEMBIC is read as 'package:folder', and the package "
            f"cannot be imported: {error}.",
            "Correct the name, or give an absolute path if the folder has a colon in its name.",
        ) from error


def text_option(value: object, key: str) -> str:
    """Return an option that is a folder, as text.

    :param value: What was given.
    :param key: The option's name.
    :raises SetupError: It is no path.
    """
    if isinstance(value, str | os.PathLike):
        return os.fspath(value) if isinstance(value, os.PathLike) else value

    raise SetupError(
        f"ALEMBIC['{key}'] is {value!r}, which is no path.",
        "Give a folder as text, absolute or relative to the app's root path.",
    )


def version_locations(value: object) -> list[str | tuple[str, str]]:
    """Return the folders of revision files, those of a branch with its name.

    :param value: What was given as ``version_locations``.
    :raises SetupError: Something in it is neither a folder nor such a pair.
    """
    items = [value] if isinstance(value, str) else value
    checked: list[str | tuple[str, str]] = []

    for item in items if isinstance(items, c.Iterable) else [items]:
        match item:
            case str() | os.PathLike():
                checked.append(text_option(item, "version_locations"))
            case (str() as branch, (str() | os.PathLike()) as path):
                checked.append((branch, text_option(path, "version_locations")))
            case _:
                raise SetupError(
                    f"ALEMBIC['version_locations'] holds {item!r}.",
                    "Give a list of folders, or of pairs (branch name, folder).",
                )

    return checked


def set_option(config: Config, section: str, name: str, value: object) -> None:
    """Set an option of Alembic's configuration to what was written as a value of Python.

    :param config: The configuration.
    :param section: Its section.
    :param name: The option's name.
    :param value: A text, a number, a boolean, or several of them.
    """
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, list | tuple):
        # What separates items in the main section; in others there are lists of words.
        text = ("\n" if section == "alembic" else ", ").join(str(item) for item in value)
    else:
        text = str(value)

    # ConfigParser reads `%` as the start of a reference. Whoever wrote `%%` gets what they
    # meant, and so does whoever wrote a plain one.
    try:
        config.set_section_option(section, name, text)
        config.file_config.get(section, name)
    except (ValueError, configparser.InterpolationError):
        config.set_section_option(section, name, text.replace("%", "%%"))
