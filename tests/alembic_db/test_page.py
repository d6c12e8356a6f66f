"""``docs/alembic-db.md`` tells all there is, and its first project works as it stands there."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from flask_alembic_admin.cli.alembic_db import cli
from flask_alembic_admin.core.plain.pyproject import ToolTable
from flask_alembic_admin.flask_db import cli as flask_db

from .projects import PlainProject
from .test_options import names_of

PAGE = (Path(__file__).parents[2] / "docs" / "alembic-db.md").read_text()


@pytest.mark.parametrize(
    "key", [f.name for f in dataclasses.fields(ToolTable) if f.name not in {"path", "settings"}]
)
def test_every_key_of_the_table_is_documented(key: str) -> None:
    """Those of all other settings are on their own page."""
    assert re.search(rf"^\| `{key}` \|", PAGE, re.MULTILINE)


def test_every_option_of_its_own_is_documented() -> None:
    """Those that `flask db` has are with its commands."""
    for name, command in cli.commands.items():
        for option in names_of(command) - names_of(flask_db.commands[name]):
            assert f"`{option}" in PAGE or f", `{option}" in PAGE, (name, option)


def test_the_first_project(bare: PlainProject) -> None:
    """From its files to its last line."""
    files = re.findall(r"```python\n# (model/\w+\.py)\n(.*?)```", PAGE, re.DOTALL)
    assert [path for path, _ in files] == ["model/base.py", "model/book.py"]
    bare.write("model/__init__.py", "")

    for path, text in files:
        bare.write(path, text)

    commands = re.findall(r'^\$ alembic-db ([^"\n]*)(?:"(.*)")?$', PAGE, re.MULTILINE)
    last = ""

    for words, message in commands:
        last = bare.lines(*words.split(), *([message] if message else []))[-1]

    assert re.fullmatch(r"upgraded base -> \w{12} \(1 revision, \d\.\d s\)", last)
    assert bare.schema() == {"books": ["name", "year"]}


def test_two_lines_of_pyproject_are_enough(bare: PlainProject) -> None:
    """As the page has them."""
    (table,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    bare.write("pyproject.toml", table)
    bare.write("shop/models.py", "import sqlalchemy as sa\nBase = sa.MetaData()")
    bare.lines("init")
    assert bare.lines("current")[-1] == "up to date"
