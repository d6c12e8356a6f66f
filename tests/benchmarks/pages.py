"""How long the panel and a probe take to look: ``python -m tests.benchmarks.pages``."""

from __future__ import annotations

import argparse
import collections.abc as c
import functools
import os
import statistics
import tempfile
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from example_app import create_app
from example_app.first_start import prepare
from example_app.models import db
from example_app.models import User
from flask_alembic_admin import Alembic

from .overhead import empty_database
from .overhead import SERVERS

PAGES = {"status": "/alembic/db/default/", "history": "/alembic/db/default/history"}


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.pages", description=__doc__)
    parser.add_argument("--repeat", type=int, default=50, help="how often each is asked for")
    parser.add_argument("--server", choices=[*SERVERS, "all"], default="all")
    arguments = parser.parse_args()
    servers = SERVERS if arguments.server == "all" else (arguments.server,)

    for server in servers:
        with tempfile.TemporaryDirectory() as folder:
            try:
                with empty_database(server, Path(folder)) as url:
                    _measure(server, Path(folder), url, arguments.repeat)
            except pytest.skip.Exception as reason:
                print(f"{server}: {reason}")


def _measure(server: str, folder: Path, url: str, repeat: int) -> None:
    # Where the shop keeps its other database and its secret.
    os.environ["EXAMPLE_INSTANCE"] = str(folder / "instance")
    app = create_app({"SQLALCHEMY_DATABASE_URI": url})
    prepare(app)
    client = app.test_client()
    alembic: Alembic = app.extensions["alembic"]

    with app.app_context():
        user = db.session.scalar(sa.select(User).where(User.name == "admin"))
        assert user is not None
        with client.session_transaction() as session:
            session["_user_id"] = user.get_id()
            session["_fresh"] = True

        db.session.remove()

    for name, path in PAGES.items():
        _print(server, f"GET {name}", repeat, functools.partial(_get, client, path))

    def ask() -> None:
        with app.app_context():
            assert alembic.needs_upgrade()

    _print(server, "needs_upgrade()", repeat, ask)

    with app.app_context():
        alembic.project.ledger.engine.dispose()
        for engine in db.engines.values():
            engine.dispose()


def _get(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 200


def _print(server: str, what: str, repeat: int, work: c.Callable[[], None]) -> None:
    times = []

    for _ in range(repeat + 1):
        began = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - began))

    # The first one reads the files and opens the connections.
    first, *others = times
    print(
        f"{server:11} {what:16} median {statistics.median(others):6.1f} ms, "
        f"least {min(others):6.1f} ms, first {first:6.1f} ms"
    )


if __name__ == "__main__":
    main()
