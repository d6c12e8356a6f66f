from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def test_the_top_level_is_as_it_is_meant_to_be() -> None:
    """The repository's first page has no clutter."""
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split("\n")
    top = {name.partition("/")[0] for name in tracked if name and not name.startswith(".")}
    assert top == {
        "CHANGES.md",
        "LICENSE",
        "README.md",
        "docs",
        "example_app",
        "flask_alembic_admin",
        "pyproject.toml",
        "static",
        "templates",
        "tests",
    }


@pytest.mark.packaging
def test_the_wheel_holds_the_package_and_nothing_else(tmp_path: Path) -> None:
    """Templates and static files are inside the package, and no stray file is."""
    subprocess.run(
        [sys.executable, "-m", "build", "-q", "--wheel", "--outdir", str(tmp_path), str(ROOT)],
        check=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    expected = {
        f"flask_alembic_admin/{path.relative_to(ROOT / folder).as_posix()}"
        if folder == "flask_alembic_admin"
        else f"flask_alembic_admin/{path.relative_to(ROOT).as_posix()}"
        for folder in ("flask_alembic_admin", "templates", "static")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names == expected


def test_every_dependency_has_a_lowest_version() -> None:
    """The floors are what the lowest environment of the build pins."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert all(">=" in requirement for requirement in project["dependencies"])
