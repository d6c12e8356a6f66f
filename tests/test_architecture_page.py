"""The page for those who carry the code on names what is there, and all of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "flask_alembic_admin"
PAGE = (ROOT / "docs" / "architecture.md").read_text()
#: What stands in it as a path: files, and folders with a slash behind them.
PATHS = sorted(set(re.findall(r"`([\w./*]+(?:\.py|/))`", PAGE)) - {"env.py"})


def _folders(where: Path) -> list[str]:
    return sorted(path.parent.name for path in where.glob("*/__init__.py"))


@pytest.mark.parametrize("folder", _folders(PACKAGE / "core"))
def test_each_folder_of_the_core_is_told_of(folder: str) -> None:
    """One that is new gets its sentence."""
    assert f"\n| `core/{folder}/` | " in PAGE


def test_each_part_of_the_package_has_its_floor() -> None:
    """As the test of floors knows them."""
    modules = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py", "__main__.py"}
    parts = {f"{folder}/" for folder in _folders(PACKAGE)} | modules
    assert {part for part in parts if f"`{part}`" not in PAGE} == set()


@pytest.mark.parametrize("folder", _folders(ROOT / "tests"))
def test_each_folder_of_tests_is_told_of(folder: str) -> None:
    """Whoever adds a test finds where it belongs."""
    assert f"`tests/{folder}/" in PAGE


@pytest.mark.parametrize("path", PATHS)
def test_what_it_names_is_there(path: str) -> None:
    """Also after something was moved."""
    places = (PACKAGE, PACKAGE / "core", ROOT, ROOT / "tests" / "browser")
    assert any([*place.glob(path)] for place in places)
