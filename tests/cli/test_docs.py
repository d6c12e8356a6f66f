from __future__ import annotations

import re
from pathlib import Path

import pytest

from .workplaces import EVERY
from .workplaces import Workplace

PAGE = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
PROSE = re.sub(r"^```.*?^```", "", PAGE, flags=re.MULTILINE | re.DOTALL)
HEADINGS = re.findall(r"^### (.+)$", PAGE, re.MULTILINE)
CODE = re.findall(r"`([^`]+)`", PROSE)
EVERY_COMMAND = pytest.mark.parametrize("name", EVERY)

#: Each command line of an example: the words of its command, and what follows them.
EXAMPLES = [
    (name if name in EVERY else f"{name} list", rest)
    for name, rest in re.findall(
        r"^\$ .*?flask db (runs [a-z]+|[a-z]+)\b([^;|\n]*)", PAGE, re.MULTILINE
    )
]


def section_of(name: str) -> str:
    """Return what the page says below the heading of a command."""
    (heading,) = [line for line in HEADINGS if name in line.split(", ")]
    return re.split(r"\n##", PAGE.split(f"\n### {heading}\n", 1)[1], maxsplit=1)[0]


@EVERY_COMMAND
def test_every_command_has_an_example(name: str) -> None:
    """With what it prints below."""
    assert re.search(rf"^\$ .*flask db {name}\b.*\n.+", section_of(name), re.MULTILINE)


def test_no_command_is_made_up() -> None:
    """Every heading and every example is of a command that there is."""
    assert {name for heading in HEADINGS for name in heading.split(", ")} == set(EVERY)
    assert {name for name, _ in EXAMPLES} == set(EVERY)


@EVERY_COMMAND
def test_every_option_is_named(name: str) -> None:
    """All of its names, on the page in code."""
    in_code = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", " ".join(CODE)))
    options = {n for p in EVERY[name].params for n in (*p.opts, *p.secondary_opts) if n[0] == "-"}
    assert options <= in_code


def test_every_option_in_an_example_exists() -> None:
    """Whoever copies one gets what stands below it."""
    for name, rest in EXAMPLES:
        known = {n for p in EVERY[name].params for n in p.opts}
        written = set(re.findall(r"(?<=\s)--?[a-z][\w-]*", rest))
        assert written <= known, (name, written)


@pytest.mark.parametrize(
    "command",
    [
        "current",
        "heads",
        "log",
        "show",
        "history -i",
        "check",
        "wait",
        "plan -1 --action downgrade",
        "rehearse -1 --action downgrade",
        "lint --from base",
        "verify",
        "runs",
    ],
)
def test_every_key_of_json_is_named(work: Workplace, command: str) -> None:
    """In the section about JSON, as are those of the values within."""
    work.lines("upgrade")
    section = PAGE.split("\n## JSON\n", 1)[1].split("\n## ", 1)[0]
    named = set(re.findall(r"`(\w+)`", section))
    (*_, value) = work.json(*command.split())
    assert set(value) <= named
    verified = value["revisions"] if command == "verify" else ()
    parts = (*value.get("steps", ()), *value.get("findings", ()), *verified)
    assert {key for part in parts for key in part} <= named


def test_every_key_of_a_run_is_named(work: Workplace) -> None:
    """Those of its steps and of its log too."""
    work.lines("upgrade")
    section = PAGE.split("\n## JSON\n", 1)[1].split("\n## ", 1)[0]
    named = set(re.findall(r"`(\w+)`", section))
    (value,) = work.json("runs", "show", work.json("runs")[0]["id"])
    assert {*value, *value["steps"][0], *value["log"][0]} <= named


@pytest.mark.parametrize("status", [0, 1, 2, 3])
def test_every_exit_status_is_explained(status: int) -> None:
    """In a table of its own."""
    assert re.search(rf"^\| {status} \| \w", PAGE.split("## Exit status")[1], re.MULTILINE)
