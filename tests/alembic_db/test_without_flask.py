"""No web framework is there, and none is missed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from flask_alembic_admin.cli.alembic_db import cli

from .projects import PlainProject

ROOT = Path(__file__).parents[2]

#: Calls commands in a Python that has none of these, and prints what was imported anyway.
CODE = """
import importlib.abc, json, sys

GONE = {'flask', 'flask_sqlalchemy', 'flask_login', 'flask_wtf', 'werkzeug', 'wtforms', 'jinja2',
        'pygments', 'itsdangerous'}

class Gone(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in GONE:
            raise ImportError(f'{name} is not installed')

sys.meta_path.insert(0, Gone())

import flask_alembic_admin.core
from flask_alembic_admin.cli.alembic_db import cli

for line in json.loads(sys.argv[1]):
    status = cli(line.split(), prog_name='alembic-db', standalone_mode=False)
    assert not status, (line, status)

print(sorted(GONE & {name.partition('.')[0] for name in sys.modules}))
"""


def test_everything_works_where_flask_cannot_be_imported(project: PlainProject) -> None:
    """Each command does what it does elsewhere."""
    lines = [
        "init",
        "migrate -m begin",
        "plan",
        "lint",
        "upgrade",
        "check",
        "verify",
        "wait",
        "current",
        "revision -m more",
        "upgrade",
        "downgrade",
        "stamp head",
        "history -i",
        "heads",
        "branches",
        "log",
        "show",
        "merge",
        "runs --json",
        "mkdir",
    ]
    assert {line.split()[0] for line in lines} <= set(cli.commands)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE, json.dumps(lines)],
        cwd=project.folder,
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
    assert set(project.schema()) == {"books"}


def test_it_is_a_program_and_a_module(project: PlainProject) -> None:
    """``python -m flask_alembic_admin`` says the same of itself as ``alembic-db``."""
    done = subprocess.run(
        [sys.executable, "-m", "flask_alembic_admin", "--help"],
        cwd=project.folder,
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("Usage: alembic-db [OPTIONS] COMMAND [ARGS]...")
