"""What a guarded upgrade costs beside a plain one: ``python -m tests.benchmarks.overhead``."""

from __future__ import annotations

import argparse
import collections.abc as c
import contextlib
import dataclasses
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import sqlalchemy as sa

from ..servers import own_database
from .histories import write_history
from .upgrade import Order
from .upgrade import Side
from .upgrade import Times

SERVERS = ("sqlite", "postgresql", "mariadb")
SIDES: tuple[Side, ...] = ("plain", "guarded")

#: How many times as long as plain Alembic a guarded upgrade may take.
GOAL = 1.15


def main() -> int:
    """Measure as the command line says, and return 1 if a server is above the goal."""
    arguments = _parser().parse_args()
    servers = SERVERS if arguments.server == "all" else (arguments.server,)
    ratios = []

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        scripts = folder / "scripts"
        write_history(scripts, arguments.revisions)
        print(f"{arguments.revisions} revisions, {arguments.repeat} times on each side, in turn")

        for server in servers:
            try:
                times = _measure(server, scripts, folder, arguments.repeat, arguments.profile)
            except pytest.skip.Exception as reason:
                print(f"\n{server}: {reason}")
                continue

            print(f"\n{server}")
            ratios.append(_show(times))

    return int(any(ratio > GOAL for ratio in ratios))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.overhead", description=__doc__
    )
    parser.add_argument("--revisions", type=int, default=1000, help="how long the history is")
    parser.add_argument("--repeat", type=int, default=3, help="how often each side is measured")
    parser.add_argument("--server", choices=[*SERVERS, "all"], default="all")
    parser.add_argument(
        "--profile", type=Path, help="a folder for profiles; the times mean nothing then"
    )
    return parser


def _measure(
    server: str, scripts: Path, folder: Path, repeat: int, profiles: Path | None
) -> dict[Side, list[Times]]:
    times: dict[Side, list[Times]] = {side: [] for side in SIDES}

    for number in range(repeat):
        # Each side is first as often as it is second.
        for side in SIDES if number % 2 == 0 else SIDES[::-1]:
            with (
                tempfile.TemporaryDirectory(dir=folder) as own,
                empty_database(server, Path(own)) as url,
            ):
                profile = str(profiles / f"{server}-{side}.prof") if profiles else None
                order = Order(side, url, str(scripts), own, profile)
                times[side].append(_in_own_process(order))

    return times


@contextlib.contextmanager
def empty_database(server: str, folder: Path) -> c.Iterator[str]:
    """Lend an empty database, and drop it afterwards.

    :param server: One of ``SERVERS``.
    :param folder: Where SQLite keeps it.
    :return: Its URL, with its password.
    """
    if server == "sqlite":
        yield str(sa.URL.create("sqlite", database=str(folder / "database.sqlite")))
    else:
        with own_database(f"TEST_{server.upper()}_URL") as url:
            yield url.render_as_string(hide_password=False)


def _in_own_process(order: Order) -> Times:
    command = [sys.executable, "-m", "tests.benchmarks.upgrade"]
    ended = subprocess.run(
        [*command, json.dumps(dataclasses.asdict(order))], stdout=subprocess.PIPE, check=True
    )
    return Times(**json.loads(ended.stdout))


def _show(times: dict[Side, list[Times]]) -> float:
    """Print the times of one server, and return the ratio of the medians."""
    names = [field.name for field in dataclasses.fields(Times) if field.name != "revisions"]
    print(f"  {'':16}" + "".join(f"{name:>9}" for name in names))

    for side, measured in times.items():
        for label, choose in (("median", statistics.median), ("least", min)):
            columns = [choose([getattr(one, name) for one in measured]) for name in names]
            print(f"  {side:8} {label:7}" + "".join(f"{value:>7.2f} s" for value in columns))

    plain, guarded = ([one.whole for one in times[side]] for side in SIDES)
    ratio = statistics.median(guarded) / statistics.median(plain)
    print(
        f"  guarded / plain: {ratio:.3f} of medians, {min(guarded) / min(plain):.3f} of the least"
        f" (goal: at most {GOAL})"
    )
    return ratio


if __name__ == "__main__":
    sys.exit(main())
