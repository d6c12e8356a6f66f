"""Another process that takes a lock; told what to do by JSON, it tells what happens by lines.

It says ``held`` and frees the lock when a line comes in. With a ``log`` it only goes in and out.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import typing as t

import sqlalchemy as sa

from flask_alembic_admin.core.databases.database import Database
from flask_alembic_admin.core.locks import DatabaseLock
from flask_alembic_admin.core.locks import LeaseLock
from flask_alembic_admin.core.locks import lock_for
from flask_alembic_admin.core.locks import Owner

Process: t.TypeAlias = "subprocess.Popen[str]"


def make_lock(engine: sa.Engine, *, lease: bool, version_table: str) -> DatabaseLock:
    """Return the lock of an engine's server, or a lease in any."""
    database = Database("default", engine, ())
    return (LeaseLock if lease else lock_for)(database, version_table)


def owner(run: str) -> Owner:
    """Return this process as the owner of a run."""
    return Owner(actor="ann", host=socket.gethostname(), pid=os.getpid(), run=run)


@contextlib.contextmanager
def started(url: sa.URL, **order: t.Any) -> t.Iterator[Process]:
    """Start the process, and end it afterwards if it still runs."""
    order["url"] = url.render_as_string(hide_password=False)
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, json.dumps(order)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    with process:
        try:
            yield process
        finally:
            process.kill()


def expect(process: Process, line: str) -> None:
    """Wait until the process says a line."""
    assert process.stdout is not None
    assert process.stdout.readline().rstrip() == line


def tell(process: Process) -> None:
    """Send the process the line that it waits for."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def main(
    url: str,
    *,
    lease: bool = False,
    version_table: str = "alembic_version",
    run: str = "other",
    wait: float = 0,
    statement: str = "",
    fork: str = "",
    log: str = "",
) -> None:
    """Take the lock and do what was ordered."""
    engine = sa.create_engine(url)
    lock = make_lock(engine, lease=lease, version_table=version_table)

    with engine.connect() as connection:
        if log:
            print("ready", flush=True)
            sys.stdin.readline()

        with lock.hold(connection, owner(run), wait):
            if log:
                _enter_and_leave(log)
                return

            if fork:
                _fork(fork)

            print("held", flush=True)

            if statement:
                connection.execute(sa.text(statement))

            sys.stdin.readline()

        # Still here, with a child that outlives the lock.
        if fork:
            print("freed", flush=True)
            sys.stdin.readline()


def _enter_and_leave(log: str) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"enter {os.getpid()}\n".encode())
    # Long enough that two who were inside together would show it.
    time.sleep(0.05)
    os.write(descriptor, f"leave {os.getpid()}\n".encode())


def _fork(kind: str) -> None:
    """Fork a child that ends at once through every `with`, or one that stays for a while."""
    child = os.fork()

    if child:
        if kind == "leave":
            os.waitpid(child, 0)
        else:
            print(child, flush=True)
    elif kind == "leave":
        sys.exit(0)
    else:
        # Its end of the pipe must not be what the test waits for.
        os.close(1)
        time.sleep(60)
        os._exit(0)


if __name__ == "__main__":
    order = json.loads(sys.argv[1])
    main(order.pop("url"), **order)
