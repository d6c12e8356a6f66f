"""Pages of the documentation whose files and commands are taken out and run as they stand there."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import re
import shlex
from pathlib import Path

from .projects import FlaskProject

DOCS = Path(__file__).parents[2] / "docs"

_BLOCK = re.compile(r"^```(python|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

#: What is another one each time, and what stands for it.
_VARIES = (
    (r"/\S*/shop/", "FOLDER/"),
    (r"(?<!\w)([0-9a-f]{12}|\d{10})(?![0-9a-z])", "ID"),
    (r"\b\d+\.\d s\b", "TIME"),
)


@dataclasses.dataclass(frozen=True)
class File:
    """A file that a page shows as a whole."""

    path: str
    text: str


@dataclasses.dataclass(frozen=True)
class Call:
    """A command of a page, and what it prints; empty where the page does not show it."""

    line: str
    output: str


def follow(
    page: str, project: FlaskProject, section: str = ""
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Do in a project what a page says.

    Returns each command with what it has printed and each with what the page shows.

    :param page: The name of its file.
    :param project: An empty folder.
    :param section: The heading of the part that is meant; all of the page if empty.
    """
    printed, shown = [], []

    for step in steps(page, section):
        if isinstance(step, File):
            project.write(step.path, step.text)
        elif step.line.startswith(("flask ", "alembic ")):
            program, *words = shlex.split(step.line)
            lines = project.lines(*words) if program == "flask" else project.alembic(*words)

            if step.output:
                printed.append((step.line, _fixed("\n".join(lines))))
                shown.append((step.line, _fixed(step.output)))
        else:
            project.shell(step.line)

    return printed, shown


def steps(page: str, section: str = "") -> c.Iterator[File | Call]:
    """Return the files and commands of a page, in order.

    :param page: The name of its file.
    :param section: The heading of the part that is meant; all of the page if empty.
    """
    text = (DOCS / page).read_text()

    if section:
        text = text.split(f"\n## {section}\n")[1].partition("\n## ")[0]

    for kind, block in _BLOCK.findall(text):
        if kind == "python":
            named = re.match(r"# (\S+\.py)\n", block)
            assert named is not None, block
            yield File(named[1], block)
        else:
            for line, output in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
                yield Call(line, output.strip())


def _fixed(text: str) -> str:
    for pattern, word in _VARIES:
        text = re.sub(pattern, word, text)

    return text.strip()
