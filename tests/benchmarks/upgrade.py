"""One measured upgrade, in a process of its own: ``python -m tests.benchmarks.upgrade``."""

from __future__ import annotations

import cProfile
import dataclasses
import json
import sys
import time
import typing as t
from pathlib import Path

import alembic.command
import sqlalchemy as sa
from alembic.config import Config
from flask import Flask

from flask_alembic_admin import Alembic

Side: t.TypeAlias = t.Literal["plain", "guarded"]


@dataclasses.dataclass(frozen=True)
class Order:
    """What is to be measured.

    :param side: Alembic alone, or with all that we put around it.
    :param url: The URL of an empty database, with its password.
    :param scripts: What ``write_history`` has filled.
    :param instance: The folder for the files of our own.
    :param profile: A file for the profile of the call; the times mean nothing then.
    """

    side: Side
    url: str
    scripts: str
    instance: str
    profile: str | None = None


@dataclasses.dataclass(frozen=True)
class Times:
    """How long an upgrade took, in seconds.

    :param whole: The call.
    :param before: From the call until the first revision was applied.
    :param steps: From there until the last one was.
    :param after: From there until the call returned.
    :param cpu: What this process has worked meanwhile, in all its threads.
    :param revisions: How many revisions were applied.
    """

    whole: float
    before: float
    steps: float
    after: float
    cpu: float
    revisions: int


def measure(order: Order) -> Times:
    """Upgrade, and return how long the call took.

    :param order: What is to be measured.
    """
    applied: list[float] = []

    def on_version_apply(**_: object) -> None:
        applied.append(time.perf_counter())

    engine = sa.create_engine(order.url)
    prepare = _plain if order.side == "plain" else _guarded
    upgrade = prepare(order, engine, on_version_apply)
    profile = cProfile.Profile()

    if order.profile:
        profile.enable()

    cpu, began = time.process_time(), time.perf_counter()
    upgrade()
    ended, cpu = time.perf_counter(), time.process_time() - cpu

    if order.profile:
        profile.disable()
        profile.dump_stats(order.profile)

    engine.dispose()
    return Times(
        whole=ended - began,
        before=applied[0] - began,
        steps=applied[-1] - applied[0],
        after=ended - applied[-1],
        cpu=cpu,
        revisions=len(applied),
    )


def _plain(order: Order, engine: sa.Engine, on_version_apply: t.Any) -> t.Callable[[], object]:
    config = Config()
    config.set_main_option("script_location", str(Path(order.scripts, "plain")))
    config.set_main_option("version_locations", str(Path(order.scripts, "versions")))
    config.set_main_option("path_separator", "newline")
    config.attributes.update(engine=engine, on_version_apply=on_version_apply)
    return lambda: alembic.command.upgrade(config, "heads")


def _guarded(order: Order, engine: sa.Engine, on_version_apply: t.Any) -> t.Callable[[], object]:
    app = Flask("benchmark", instance_path=order.instance)
    app.config["ALEMBIC"] = {"script_location": str(Path(order.scripts, "versions"))}
    app.config["ALEMBIC_CONTEXT"] = {"on_version_apply": on_version_apply}
    extension = Alembic(app, metadatas=sa.MetaData(), engines=engine, run_mkdir=False)

    def upgrade() -> None:
        with app.app_context():
            extension.upgrade()

    return upgrade


if __name__ == "__main__":
    times = measure(Order(**json.loads(sys.argv[1])))
    print(json.dumps(dataclasses.asdict(times)))
