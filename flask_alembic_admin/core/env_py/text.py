"""What an ``env.py`` says of itself, told from its text without running it."""

from __future__ import annotations

import ast
import collections.abc as c
import dataclasses
import typing as t
from pathlib import Path

from alembic.config import Config

from ..scripts.module_constants import Bound
from ..scripts.module_constants import COMPUTED
from ..scripts.module_constants import is_computed
from ..scripts.module_constants import names_at_end

#: Options of ``configure()`` that decide where a database keeps its version, and how steps commit.
PLACE_OPTIONS = ("version_table", "version_table_schema", "transaction_per_migration")


@dataclasses.dataclass(frozen=True)
class EnvText:
    """What can be said of an ``env.py`` before it is run.

    :param options: What it gives to ``configure()`` of what decides where the version is kept.
    :param computed: Names of such options that only running it can tell.
    :param takes_more: Whether it passes options on that somebody else gives, as ``**options``.
    :param several: Whether it migrates several databases, one after the other.
    """

    options: c.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    computed: tuple[str, ...] = ()
    takes_more: bool = False
    several: bool = False


def read_env_text(path: Path, config: Config | None) -> EnvText:
    """Return what the text of an ``env.py`` says; nothing of one that is no Python.

    :param path: The file.
    :param config: The configuration that it would be given, if that can be read.
    """
    try:
        module = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return EnvText()

    names = names_at_end(module)
    options: dict[str, t.Any] = {}
    computed: set[str] = set()
    found: list[tuple[str, ast.expr]] = []
    takes_more = several = False

    for node in ast.walk(module):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue

        given = {keyword.arg: keyword.value for keyword in node.keywords}

        if node.func.attr == "run_migrations":
            several = several or "engine_name" in given
        elif node.func.attr == "configure":
            takes_more = takes_more or None in given
            found += [(name, given[name]) for name in PLACE_OPTIONS if name in given]

    if takes_more:
        found += _passed_on(module)

    for name, node in found:
        value = _value(node, names, config)

        # Two of one name: which of them holds is known to whoever runs it.
        if is_computed(value) or options.get(name, value) != value:
            computed.add(name)
        else:
            options[name] = value

    options = {name: value for name, value in options.items() if name not in computed}
    return EnvText(options, tuple(sorted(computed)), takes_more, several)


def _passed_on(module: ast.Module) -> c.Iterator[tuple[str, ast.expr]]:
    """Return such options as they are put into a dict, which is passed on as ``**options``."""
    for node in ast.walk(module):
        match node:
            case ast.Assign(
                targets=[ast.Subscript(slice=ast.Constant(value=str() as name))], value=value
            ) if name in PLACE_OPTIONS:
                yield name, value
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    if isinstance(key, ast.Constant) and key.value in PLACE_OPTIONS:
                        yield str(key.value), value
            case ast.Call(
                func=ast.Name(id="dict") | ast.Attribute(attr="update"), keywords=keywords
            ):
                for keyword in keywords:
                    if keyword.arg in PLACE_OPTIONS:
                        yield str(keyword.arg), keyword.value


def _value(node: ast.expr, names: c.Mapping[str, Bound], config: Config | None) -> object:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name) if name in names:
            return names[name].value
        case ast.Call(
            func=ast.Attribute(attr="get_main_option"),
            args=[ast.Constant(value=str() as option), *rest],
        ) if config is not None and all(isinstance(one, ast.Constant) for one in rest):
            fallback = rest[0].value if rest and isinstance(rest[0], ast.Constant) else None
            found = config.get_main_option(option)
            return fallback if found is None else found

    return COMPUTED
