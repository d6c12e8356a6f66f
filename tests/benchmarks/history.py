"""The page of history beside Alembic's own walk: ``python -m tests.benchmarks.history``."""

from __future__ import annotations

import argparse
import compileall
import datetime
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

from alembic.script import ScriptDirectory

from ..admin.conftest import Panel

#: What a page may take once the files are known, and how large it may be.
GOAL_MILLISECONDS = 50
GOAL_KILOBYTES = 150

HISTORY = "/alembic/db/default/history"

_FILE = '''\
"""Add column number {number} to the table of orders

Revision ID: {revision}
Revises: {parents}
Create Date: {date}

"""
import sqlalchemy as sa
from alembic import op

revision = {revision!r}
down_revision = {parents!r}
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("column_{number}", sa.Integer()))


def downgrade() -> None:
    op.drop_column("orders", "column_{number}")
'''


def main() -> int:
    """Measure as the command line says, and return 1 if a goal is missed."""
    arguments = _parser().parse_args()

    if arguments.side:
        print(json.dumps(_SIDES[arguments.side](Path(arguments.folder), arguments.repeat)))
        return 0

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _write(folder / "migrations", arguments.revisions)
        # Alembic would pay for it otherwise, and the panel compiles nothing.
        compileall.compile_dir(folder, quiet=1)
        alembic = _in_own_process("alembic", folder, arguments.repeat)
        panel = _in_own_process("panel", folder, arguments.repeat)

    print(f"{arguments.revisions} revisions with branches and merges, least of each")
    print(f"  Alembic: load the directory        {alembic['load']:8.1f} ms")
    print(f"  Alembic: walk it once it is loaded {alembic['walk']:8.1f} ms")
    print(f"  panel: first page                  {panel['first']:8.1f} ms")

    for name, (least, median, size) in panel["pages"].items():
        print(f"  panel: {name:26} {least:8.1f} ms, median {median:6.1f} ms, {size:6.1f} kB")

    slowest = max(least for least, _, _ in panel["pages"].values())
    largest = max(size for _, _, size in panel["pages"].values())
    print(
        f"goals: at most {GOAL_MILLISECONDS} ms, {GOAL_KILOBYTES} kB, and for the first page "
        "what Alembic needs to load"
    )
    missed = (
        slowest > GOAL_MILLISECONDS or largest > GOAL_KILOBYTES or panel["first"] > alembic["load"]
    )
    return int(missed)


def branches_and_merges(count: int) -> dict[str, tuple[str, ...]]:
    """Return revisions, each with its parents, a fourteenth of them branches or merges.

    :param count: How many revisions there are; parents come first.
    """
    chance = random.Random(1)
    tips: list[str] = []
    found: dict[str, tuple[str, ...]] = {}

    for _ in range(count):
        revision = f"{chance.getrandbits(48):012x}"
        kind = chance.random()
        parents = tuple(tips[-1:])

        if kind < 0.07 and len(tips) > 1:
            parents = tuple(chance.sample(tips[-6:], 2))
        elif kind < 0.14 and found:
            parents = (chance.choice(list(found)[-8:]),)

        tips = [tip for tip in tips if tip not in parents] + [revision]
        found[revision] = parents

    return found


def _write(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)

    for number, (revision, parents) in enumerate(branches_and_merges(count).items()):
        text = _FILE.format(
            number=number,
            revision=revision,
            parents=parents if len(parents) > 1 else parents[0] if parents else None,
            date=datetime.datetime(2020, 1, 1) + datetime.timedelta(hours=number),
        )
        (folder / f"{revision}_add_column_number_{number}.py").write_text(text)


def _measure_alembic(folder: Path, repeat: int) -> dict[str, t.Any]:
    """Load and walk what Alembic's own commands load and walk."""
    load, walk = [], []

    # Each time is a second or more, and none is shortened by the one before.
    for _ in range(max(repeat // 10, 1)):
        began = time.perf_counter()
        scripts = ScriptDirectory(str(folder), version_locations=[str(folder / "migrations")])
        assert scripts.get_heads()
        loaded = time.perf_counter()
        assert sum(1 for _ in scripts.walk_revisions())
        load.append(1000 * (loaded - began))
        walk.append(1000 * (time.perf_counter() - loaded))

    return {"load": min(load), "walk": min(walk)}


def _measure_panel(folder: Path, repeat: int) -> dict[str, t.Any]:
    """Ask for pages as an operator does, of a database that is in the middle of its history."""
    ids = [path.name.partition("_")[0] for path in (folder / "migrations").glob("*.py")]
    panel = Panel(folder)
    panel.open_up()

    for path in (folder / "migrations").glob("????.py"):
        path.unlink()

    with panel.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{min(ids)}')")

    client = panel.client("operator")
    began = time.perf_counter()
    assert client.get(HISTORY).status_code == 200
    first = 1000 * (time.perf_counter() - began)
    last = -(-len(ids) // 100)
    pages = {
        "newest page": "",
        "page in the middle": f"?page={last // 2}",
        "oldest page": f"?page={last}",
        "search": "?q=number+77",
        "pending only": "?state=pending",
    }
    return {
        "first": first,
        "pages": {name: _get(panel, HISTORY + query, repeat) for name, query in pages.items()},
    }


def _get(panel: Panel, address: str, repeat: int) -> tuple[float, float, float]:
    """Return least and median milliseconds of server time, and the size in kB."""
    client = panel.client("operator")
    times = []

    for _ in range(repeat):
        began = time.perf_counter()
        answer = client.get(address)
        times.append(1000 * (time.perf_counter() - began))
        assert answer.status_code == 200

    return min(times), statistics.median(times), len(answer.data) / 1000


def _in_own_process(side: str, folder: Path, repeat: int) -> dict[str, t.Any]:
    command = [sys.executable, "-m", "tests.benchmarks.history", "--side", side]
    ended = subprocess.run(
        [*command, "--folder", str(folder), "--repeat", str(repeat)],
        stdout=subprocess.PIPE,
        check=True,
    )
    return t.cast("dict[str, t.Any]", json.loads(ended.stdout))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.history", description=__doc__)
    parser.add_argument("--revisions", type=int, default=10_000, help="how long the history is")
    parser.add_argument("--repeat", type=int, default=30, help="how often each page is asked for")
    parser.add_argument("--side", choices=sorted(_SIDES), help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    return parser


_SIDES = {"alembic": _measure_alembic, "panel": _measure_panel}


if __name__ == "__main__":
    sys.exit(main())
