"""Imports go down the floors, never up and never across a wall."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "flask_alembic_admin"
FILES = sorted(PACKAGE.rglob("*.py"))

#: What each part may import of this package, besides itself.
MAY_IMPORT = {
    "errors": set(),
    "core": {"errors"},
    "cli": {"core", "errors"},
    "extension": {"flask_db", "flask_env", "core", "cli", "errors"},
    "flask_env": {"core", "errors"},
    "flask_db": {"extension", "core", "cli", "errors"},
    "runners": {"extension", "core", "cli", "errors"},
    "admin": {"runners", "extension", "core", "errors"},
    "__main__": {"cli"},
    # The front door only names what stands behind it.
    "__init__": {"admin", "extension", "core", "errors"},
}

#: Others' packages that a floor must do without.
FORBIDDEN = {
    "errors": {"flask", "werkzeug", "alembic", "sqlalchemy", "click"},
    "core": {"flask", "werkzeug", "click", "jinja2", "wtforms", "flask_wtf", "flask_login"},
    "cli": {"flask", "werkzeug", "wtforms", "flask_wtf", "flask_login"},
    "extension": {"wtforms", "flask_wtf", "flask_login"},
}

PRIVATE = re.compile(
    r"\b\w*\._(?:upgrade_revs|downgrade_revs|stamp_revs|migrations_fn|exec|install_proxy|setups"
    r"|version|has_version_table|ensure_version_table|transaction|run_hooks|should_recreate)\b"
)


def _part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imports(path: Path) -> list[tuple[int, str]]:
    """Return the line and the full name of each import of a file."""
    package = ["flask_alembic_admin", *path.relative_to(PACKAGE).parts[:-1]]
    found = []

    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            found += [(node.lineno, f"{module}.{alias.name}") for alias in node.names]

    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_from_below(path: Path) -> None:
    """Its own part and those under it."""
    part = _part(path)
    wrong = []

    for line, name in _imports(path):
        top, _, rest = name.partition(".")
        other = rest.partition(".")[0]

        if top == "flask_alembic_admin":
            if other and other != part and other not in MAY_IMPORT[part]:
                wrong.append(f"{path.name}:{line} imports {name}")
        elif top in FORBIDDEN.get(part, set()):
            wrong.append(f"{path.name}:{line} imports {name}")

    assert wrong == []


def test_nothing_needs_greenlet() -> None:
    """SQLAlchemy's async half is for async engines only, whose drivers bring greenlet along."""
    modules = [
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        for path in FILES
        if path.stem not in {"__main__", "__init__"}
    ]
    code = "import importlib, sys; sys.modules['greenlet'] = None; "
    code += f"[importlib.import_module(name) for name in {modules}]"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_part_has_a_floor() -> None:
    """A new folder or module is given its place here."""
    assert {_part(path) for path in FILES} <= set(MAY_IMPORT)


@pytest.mark.parametrize(
    "module",
    [
        "core",
        "core.migrator",
        "core.plain.project",
        "core.plans.plan",
        "core.runs.job",
        "core.status",
        "core.ledger.autogenerate",
    ],
)
def test_the_core_needs_no_flask(module: str) -> None:
    """It works in a project that has none."""
    code = (
        f"import sys, flask_alembic_admin.{module}\n"
        "print(sorted({'flask', 'werkzeug', 'click'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_private_names_of_alembic_are_in_one_file(path: Path) -> None:
    """Where each has a test that fails when Alembic changes it."""
    if path.name != "internals.py":
        own = {f"self.{name}" for name in re.findall(r"self\.(_\w+)", path.read_text())}
        found = {match for match in PRIVATE.findall(path.read_text()) if match not in own}
        assert found == set()


def test_locks_and_risks_do_not_know_each_other() -> None:
    """Nor runs, where they meet."""
    walls = {"locks": {"risks", "runs"}, "risks": {"locks", "runs"}}
    wrong = [
        f"{path.name}:{line} imports {name}"
        for path in FILES
        for folder, others in walls.items()
        if path.parent.name == folder
        for line, name in _imports(path)
        if any(name.startswith(f"flask_alembic_admin.core.{other}") for other in others)
    ]
    assert wrong == []
