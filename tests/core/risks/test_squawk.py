"""squawk joins in where it is installed, and is not missed where it is not."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

import pytest

from flask_alembic_admin.core.risks import Sight
from flask_alembic_admin.core.risks import squawk
from flask_alembic_admin.core.risks.findings import Finding
from flask_alembic_admin.core.settings import Settings

from .harness import step_of

POSTGRESQL = Sight("postgresql", server_version=(15, 4))
BROKEN = 'op.execute("ALTER TABLE;")'
DROP = 'op.drop_table("users")'
CHAR = 'op.execute("ALTER TABLE orders ADD COLUMN code char(5)")'

#: What it prints, as measured with version 2.70.
SAID = """\
import json, sys

text = sys.stdin.read()
place = {"file": "stdin", "column": 0, "level": "Warning", "help": None}
rules = {"char(": "ban-char-field", "CREATE INDEX": "require-concurrent-index-creation",
         "serial": "prefer-identity", "ALTER TABLE;": "syntax-error"}
found = [
    {**place, "line": number, "rule_name": rule, "message": f"{rule} in {line}"}
    for number, line in enumerate(text.splitlines())
    for word, rule in rules.items()
    if word in line
]
assert sys.argv[1:] == ["--reporter", "json", "--pg-version=15.0"]
print(json.dumps(found))
sys.exit(1 if found else 0)
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that stands for squawk."""
    path = tmp_path / "squawk"
    write(path, SAID)
    monkeypatch.setattr(squawk, "_program", lambda: str(path))
    return path


def write(path: Path, text: str) -> None:
    """Write a program in Python."""
    path.write_text(f"#!{sys.executable} -IS\n{text}")
    path.chmod(0o755)


def found(
    body: str, sight: Sight = POSTGRESQL, settings: Settings | None = None
) -> tuple[Finding, ...]:
    """Return what squawk finds in the body of an upgrade."""
    return squawk.squawk_findings([step_of(body, sight.dialect)], sight, settings)


@pytest.mark.usefixtures("program")
def test_what_it_finds_is_a_finding() -> None:
    """With its own name of the rule, at the line of the revision."""
    (one,) = found(f'op.execute("SELECT 1")\n{CHAR}')
    assert (one.rule, one.slug, one.severity) == ("SQUAWK", "ban-char-field", "warn")
    assert (one.table, one.column) == ("orders", "code")
    assert one.sentence == ("ban-char-field in ALTER TABLE orders ADD COLUMN code char(5);")
    (alone,) = found(CHAR)
    assert (one.line or 0) - (alone.line or 0) == 1


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize(
    "body",
    [
        'op.execute("CREATE INDEX ix ON orders (total)")',
        'op.execute("ALTER TABLE orders ADD COLUMN number serial")',
        'op.execute("ALTER TABLE;")',
        "pass",
    ],
)
def test_what_is_told_already_or_is_taste_is_left_out(body: str) -> None:
    """Whoever reads the same twice reads neither."""
    assert found(body) == ()


@pytest.mark.usefixtures("program")
def test_what_it_cannot_read_hides_no_other_step() -> None:
    """Findings are in the order of the steps, ours before its."""
    steps = [
        dataclasses.replace(step_of(body, "postgresql"), revision=revision)
        for revision, body in [("a", CHAR), ("b", f"{BROKEN}\n{DROP}"), ("c", CHAR)]
    ]
    assert [one.revision for one in squawk.squawk_findings(steps, POSTGRESQL)] == ["a", "c"]
    together = squawk.all_findings(steps, POSTGRESQL)
    assert [one.revision for one in together] == sorted(one.revision for one in together)
    assert {"SQUAWK", "DATA001"} <= {one.rule for one in together}


@pytest.mark.usefixtures("program")
def test_its_rules_can_be_ignored_graded_and_allowed() -> None:
    """By their names, as ours by theirs."""
    assert found(CHAR, settings=Settings(risks={"ban-char-field": "ignore"})) == ()
    (graded,) = found(CHAR, settings=Settings(risks={"ban-char-field": "danger"}))
    assert graded.severity == "danger"
    (allowed,) = found(f"{CHAR}  # alembic-admin: allow ban-char-field always five")
    assert allowed.allowed == "always five"


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize("dialect", ["mysql", "mariadb", "sqlite"])
def test_it_knows_postgresql_only(dialect: str) -> None:
    """Others' SQL is no matter of its."""
    assert found(CHAR, Sight(dialect)) == ()


@pytest.mark.parametrize(
    "text",
    ["raise SystemExit(2)", "print('no json')", "print('{}')", "import time\ntime.sleep(9)"],
    ids=["fails", "says nothing", "says something else", "hangs"],
)
def test_a_squawk_that_does_not_work_is_not_missed(
    program: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """A plan does without it, soon."""
    write(program, text)
    monkeypatch.setattr(squawk, "LIMIT", 0.3)
    assert found(CHAR) == ()


def test_nothing_is_said_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra."""
    monkeypatch.setattr(squawk, "_program", lambda: None)
    assert found(CHAR) == ()


@pytest.mark.skipif(squawk._program() is None, reason="squawk is not installed")
def test_the_real_one_is_understood() -> None:
    """Where the extra is installed."""
    (one,) = found(CHAR)
    assert one.slug == "ban-char-field"
    assert "char" in one.sentence
    assert os.path.isabs(str(squawk._program()))
