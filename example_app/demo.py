"""Each state that a page of the panel can show, made on purpose, in a shop of its own."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime as dt
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import sqlalchemy as sa
from flask import Flask

import example_app
from flask_alembic_admin import RunOptions
from flask_alembic_admin.core.ledger.ledger import Ledger
from flask_alembic_admin.core.plans.plan import keep_plan
from flask_alembic_admin.core.results import Watcher
from flask_alembic_admin.errors import MigrationError

from . import first_start
from .models import db
from .panel import alembic

#: The database that a state is shown on, unless it says otherwise.
USUAL = "default"
HEAD = "7be8142fa36c"
#: How many revisions the long history has.
LONG = 1_000

_REVISION = '''"""{message}

Revision ID: {revision}
Revises: {parent}
Create Date: {created}

"""

import time

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {parent!r}
branch_labels = None
depends_on = None


def upgrade(engine_name: str) -> None:
    {body}


def downgrade(engine_name: str) -> None:
    pass
'''


@dataclasses.dataclass(frozen=True)
class Demo:
    """A state and how it is made.

    :param sentence: What is to be seen.
    :param make: Makes it out of a shop after its first start.
    :param page: The page below the panel that shows it.
    :param settings: What its app is configured with besides.
    :param own_files: Whether it needs revision files of its own.
    :param user: Who should look at it.
    """

    sentence: str
    make: c.Callable[[Shop], str | None] = lambda shop: None
    page: str = "db/default/"
    settings: c.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    own_files: bool = False
    user: str = "admin"


class Shop:
    """A shop in a folder of its own, to be brought into a state.

    :param folder: Its instance folder.
    :param app: The shop.
    """

    def __init__(self, folder: Path, app: Flask) -> None:
        self.folder = folder
        self.app = app
        #: What was started and may still be there.
        self.processes: list[subprocess.Popen[bytes]] = []

    @property
    def revisions(self) -> Path:
        """The folder of its own revision files."""
        return self.folder / "migrations"

    def write(
        self, revision: str, parent: str | tuple[str, str] | None, message: str, body: str
    ) -> None:
        """Write a revision file.

        :param body: What it does on an upgrade.
        """
        created = dt.datetime(2026, 11, 20, 9, 30)
        text = _REVISION.format(
            revision=revision, parent=parent, message=message, created=created, body=body
        )
        (self.revisions / f"{revision}_{message.replace(' ', '_')}.py").write_text(text)

    def execute(self, statement: str, database: str | None = None) -> None:
        """Send a statement to a database."""
        engine = db.engines[database] if database else db.engine
        with engine.begin() as connection:
            connection.execute(sa.text(statement))

    @property
    def ledger(self) -> Ledger:
        """Its record of runs."""
        return alembic.project.ledger

    def last_run(self) -> str:
        """Return the page of the newest run."""
        run = self.ledger.last(USUAL)
        assert run is not None
        return f"db/{USUAL}/runs/{run.id}"

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start ``flask db`` in a process that goes on by itself."""
        process = subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "example_app", "db", *arguments],
            env={**os.environ, "EXAMPLE_INSTANCE": str(self.folder)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def wait_for_step(self) -> None:
        """Wait until a run is inside a step."""
        deadline = time.monotonic() + 30

        while time.monotonic() < deadline:
            run = self.ledger.active(USUAL)
            if run and any(step.status == "running" for step in self.ledger.steps(run.id)):
                return
            time.sleep(0.05)

        raise TimeoutError("The run of the demo has not come to a step within 30 s.")


class Made(t.NamedTuple):
    """A shop that is in a state.

    :param app: The shop.
    :param passwords: The name and the password of each user.
    :param page: The page below the panel that shows the state.
    :param shop: What it was made with.
    """

    app: Flask
    passwords: list[tuple[str, str]]
    page: str
    shop: Shop

    def close(self) -> None:
        """End what still runs and close what is open."""
        for process in self.shop.processes:
            process.kill()
            process.wait()

        close(self.app)


def make_demo(state: str, folder: Path) -> Made:
    """Make a shop that is in a state.

    :param state: One of ``DEMOS``.
    :param folder: Its instance folder, which must not exist.
    """
    demo = DEMOS[state]
    folder.mkdir(parents=True)
    os.environ["EXAMPLE_INSTANCE"] = str(folder)
    configure(folder, demo.settings)

    if demo.own_files:
        source = Path(__file__).parent / "migrations"
        shutil.copytree(source, folder / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
        configure(folder, {"ALEMBIC": {"script_location": str(folder / "migrations")}})

    first = example_app.create_app()
    passwords = first_start.prepare(first)
    shop = Shop(folder, first)

    with first.app_context():
        page = demo.make(shop) or demo.page

    close(first)
    return Made(example_app.create_app(), passwords, page, shop)


def configure(folder: Path, settings: c.Mapping[str, t.Any]) -> None:
    """Write settings where the shop reads them, in every process."""
    file = folder / "settings.json"
    before = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps({**before, **settings}))


def close(app: Flask) -> None:
    """Close the connections of an app that is not needed any more."""
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()
        alembic.project.ledger.engine.dispose()


def _no_revisions(shop: Shop) -> None:
    for file in shop.revisions.glob("*.py"):
        file.unlink()
    for name in (None, "audit"):
        shop.execute("DROP TABLE alembic_version", name)


def _never_migrated(shop: Shop) -> None:
    alembic.downgrade("base", database="audit")


def _tables_there(shop: Shop) -> None:
    shop.execute("DROP TABLE alembic_version")


def _no_folder(shop: Shop) -> None:
    # In a file there can be no folder, so none is made at the start either.
    (shop.folder / "file").write_text("")
    missing = str(shop.folder / "file" / "migrations")
    configure(shop.folder, {"ALEMBIC": {"script_location": missing}})


def _unreachable(shop: Shop) -> None:
    url = "postgresql+psycopg://shop:secret@127.0.0.1:9/audit"
    configure(shop.folder, {"SQLALCHEMY_BINDS": {"audit": url}})


def _broken_script(shop: Shop) -> None:
    file = shop.revisions / "c3d9a1e4f702_half_written.py"
    file.write_text('revision = "c3d9a1e4f702"\ndown_revision = "7be8142fa36c"\n\ndef upgrade(:\n')


def _missing_parent(shop: Shop) -> None:
    shop.write("c3d9a1e4f702", "b2b2b2b2b2b2", "add gift cards", "pass")


def _unknown_revision(shop: Shop) -> None:
    shop.execute("UPDATE alembic_version SET version_num = 'deadbeef0000'")


def _several_heads(shop: Shop) -> None:
    shop.write("c3d9a1e4f702", "2d8f6ab051c4", "add gift cards", "pass")


def _up_to_date(shop: Shop) -> None:
    alembic.upgrade("heads")


def _run_active(shop: Shop) -> str:
    shop.write("c3d9a1e4f702", HEAD, "count all orders again", "time.sleep(3600)")
    shop.start("upgrade", "--database", USUAL)
    shop.wait_for_step()
    return shop.last_run()


def _died(shop: Shop) -> str:
    shop.write("c3d9a1e4f702", HEAD, "count all orders again", "time.sleep(3600)")
    process = shop.start("upgrade", "--database", USUAL)
    shop.wait_for_step()
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=5)

    # Else one would have to wait until its silence is long enough.
    with shop.ledger.engine.begin() as connection:
        silent = sa.text(
            "UPDATE alembic_admin_run SET heartbeat = :moment WHERE status = 'running'"
        )
        connection.execute(silent, {"moment": long_ago.strftime("%Y-%m-%d %H:%M:%S.%f")})

    return shop.last_run()


def _failed(shop: Shop) -> str:
    shop.write(
        "c3d9a1e4f702",
        HEAD,
        "add gift cards",
        "op.add_column('gift_cards', sa.Column('a', sa.Integer))",
    )
    try:
        alembic.upgrade("heads", database=USUAL, options=RunOptions(reason="release 5.2"))
    except MigrationError:
        return shop.last_run()
    raise AssertionError("A table that is not there has got a column.")


def _half_applied(shop: Shop) -> str:
    cards = "a1c5e9d3f7b2"
    shop.write(
        cards,
        HEAD,
        "sell gift cards",
        "op.create_table('gift_cards', sa.Column('id', sa.Integer, primary_key=True), "
        "sa.Column('code', sa.String(9)))\n"
        "    op.execute(\"INSERT INTO gift_cards (code) VALUES ('A1'), ('A1')\")",
    )
    shop.write(
        "c3d9a1e4f702",
        cards,
        "find gift cards by code",
        "op.add_column('gift_cards', sa.Column('cents', sa.Integer))\n"
        "    op.add_column('gift_cards', sa.Column('customer_id', sa.Integer))\n"
        "    op.create_index('ux_gift_cards_code', 'gift_cards', ['code'], unique=True)\n"
        "    op.create_index('ix_gift_cards_customer_id', 'gift_cards', ['customer_id'])",
    )
    try:
        alembic.upgrade("heads", database=USUAL)
    except MigrationError:
        return shop.last_run()
    raise AssertionError("Two gift cards with one code have got a unique index.")


class _Stopper(Watcher):
    """Asks a run to stop after its second step."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def noticed(self, message: str) -> None:
        """Nothing is to be done."""

    def run_started(self, database: str, steps: object) -> None:
        """Nothing is to be done."""

    def step_started(self, database: str, position: int, step: object) -> None:
        """Nothing is to be done."""

    def step_done(self, database: str, position: int, step: object) -> None:
        """Ask for the stop, and wait until it has been heard."""
        run = self.ledger.active(database)
        if position == 2 and run is not None:
            self.ledger.request_cancel(run.id)
            # What was heard less than half a second ago is not asked for again.
            time.sleep(1.2)


def _cancelled(shop: Shop) -> str:
    try:
        alembic.upgrade("heads", database=USUAL, watcher=_Stopper(shop.ledger))
    except MigrationError:
        return shop.last_run()
    raise AssertionError("The run has not heard that it should stop.")


def _succeeded(shop: Shop) -> str:
    alembic.upgrade("heads", options=RunOptions(reason="release 5.2"))
    return shop.last_run()


def _plan(shop: Shop) -> str:
    plan = alembic.plan("upgrade", "heads", database=USUAL)
    kept = keep_plan(plan, shop.ledger, "admin")
    return f"db/{USUAL}/plans/{kept}"


def _stale_plan(shop: Shop) -> str:
    page = _plan(shop)
    alembic.upgrade("f81e2c6754ab", database=USUAL)
    return page


def _incomplete(shop: Shop) -> str:
    shop.write(
        "c3d9a1e4f702",
        HEAD,
        "number old orders",
        "op.execute(f'-- {op.get_bind().execute(sa.text(\"SELECT 1\")).scalar()}')",
    )
    return _plan(shop)


def _long_history(shop: Shop) -> None:
    parent: str | tuple[str, str] = HEAD

    for number in range(LONG):
        revision = f"{number:08x}aaaa"
        shop.write(revision, parent, f"change number {number}", "pass")
        parent = revision

        # Here and there something is done on a branch beside it, which the next but one joins.
        if number % 40 == 20:
            side = f"{number:08x}bbbb"
            shop.write(side, revision, f"change beside number {number}", "pass")
        elif number % 40 == 22:
            parent = (revision, side)


DEMOS: dict[str, Demo] = {
    "pending": Demo("Six revisions are to be applied."),
    "up-to-date": Demo("All revisions are applied.", _up_to_date),
    "no-revisions": Demo("There are no migrations yet.", _no_revisions, own_files=True),
    "never-migrated": Demo(
        "A database has never been migrated.", _never_migrated, page="db/audit/"
    ),
    "tables-there": Demo("It was never migrated, and has its tables already.", _tables_there),
    "no-folder": Demo("The folder of revision files is missing.", _no_folder),
    "unreachable": Demo("A database does not answer.", _unreachable, page="db/audit/"),
    "broken-script": Demo("A revision file cannot be read.", _broken_script, own_files=True),
    "missing-parent": Demo(
        "The parent of a revision has no file.",
        _missing_parent,
        page="db/default/history",
        own_files=True,
    ),
    "unknown-revision": Demo("The database holds what no file has.", _unknown_revision),
    "several-heads": Demo(
        "The files have two heads.", _several_heads, page="db/default/heads", own_files=True
    ),
    "read-only": Demo(
        "Everything can be seen, nothing can be run.",
        _plan,
        settings={"ALEMBIC_ADMIN": {"read_only": True}},
    ),
    "production": Demo(
        "Confirming needs more at a place called production.",
        _plan,
        settings={"ALEMBIC_ADMIN": {"environment": "production"}},
    ),
    "no-permission": Demo("Somebody may look and not run.", page="db/default/actions", user="dev"),
    "run-active": Demo("A run is at work.", _run_active, own_files=True),
    "died": Demo("The process of a run has died inside a step.", _died, own_files=True),
    "failed": Demo("A run has failed at its last step.", _failed, own_files=True),
    "half-applied": Demo(
        "A run has failed at the third of four operations of a step.",
        _half_applied,
        own_files=True,
    ),
    "cancelled": Demo("A run was stopped before its third step.", _cancelled),
    "succeeded": Demo("A run has done all it should.", _succeeded),
    "plan": Demo("A plan waits to be confirmed.", _plan),
    "stale-plan": Demo("A plan was overtaken, and is to be made again.", _stale_plan),
    "incomplete-preview": Demo(
        "The SQL of a step cannot be known before it runs.", _incomplete, own_files=True
    ),
    "long-history": Demo(
        "A thousand revisions and more.", _long_history, page="db/default/history", own_files=True
    ),
    "several-databases": Demo("The shop has two databases.", page="", own_files=True),
}
