from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import typing as t
from pathlib import Path

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.locks import postgresql
from flask_alembic_admin.errors import PooledConnection

from ...servers import unavailable
from . import child

PATIENCE = 10.0


@pytest.fixture(params=["transaction", "session"])
def mode(request: pytest.FixtureRequest) -> str:
    """When PgBouncer takes a server session away from a client again."""
    return str(request.param)


@pytest.fixture
def pooled_url(mode: str, postgresql_url: sa.URL, tmp_path: Path) -> t.Iterator[sa.URL]:
    """The URL of a PgBouncer in front of an empty database."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")

    if program is None:
        unavailable("no pgbouncer: apt-get install pgbouncer")

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    configuration = tmp_path / "pgbouncer.ini"
    target = {
        "host": postgresql_url.host,
        "port": postgresql_url.port or 5432,
        "user": postgresql_url.username,
        "password": postgresql_url.password,
        "dbname": postgresql_url.database,
    }
    place = " ".join(f"{name}={value}" for name, value in target.items() if value)
    configuration.write_text(
        f"[databases]\n{postgresql_url.database} = {place}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = any\npool_mode = {mode}\n"
    )
    # It refuses to run as root, and the folders above are root's own.
    with configuration.open() as file:
        process = subprocess.Popen(
            [program, "-q", "/dev/stdin"],
            stdin=file,
            stderr=subprocess.PIPE,
            text=True,
            user="nobody" if os.getuid() == 0 else None,
        )

    try:
        _wait_for(port, process)
        yield postgresql_url.set(host="127.0.0.1", port=port)
    finally:
        process.kill()
        process.communicate()


def test_a_pooled_connection_is_refused(pooled_url: sa.URL) -> None:
    """The driver was told another session's number than answers; in each mode it is the same."""
    with sa.create_engine(pooled_url, poolclass=sa.NullPool).connect() as connection:
        _check_refused(connection)


@pytest.mark.parametrize("mode", ["transaction"], indirect=True)
def test_a_pooled_connection_is_refused_where_the_driver_was_told_nothing(
    pooled_url: sa.URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two transactions in two sessions give the pooler away."""
    monkeypatch.setattr(postgresql, "_announced_backend", lambda connection: None)
    engine = sa.create_engine(pooled_url, poolclass=sa.NullPool)

    with engine.connect() as connection, engine.connect() as other:
        asked: list[str] = []

        @sa.event.listens_for(connection, "before_cursor_execute")
        def come_between(connection: sa.Connection, cursor: t.Any, sql: str, *rest: t.Any) -> None:
            asked.append(sql)
            # Another client is given the session that the first transaction was in.
            if len(asked) == 2:
                other.execute(sa.text("SELECT 1"))

        _check_refused(connection)
        assert asked == ["SELECT pg_backend_pid()"] * 2


def test_a_direct_connection_is_not(postgresql_url: sa.URL) -> None:
    """The driver knows the number of the session that answers."""
    with sa.create_engine(postgresql_url, poolclass=sa.NullPool).connect() as connection:
        backend = connection.scalar(sa.text("SELECT pg_backend_pid()"))
        assert postgresql._announced_backend(connection) == backend


def _check_refused(connection: sa.Connection) -> None:
    lock = child.make_lock(connection.engine, lease=False, version_table="alembic_version")

    with (
        pytest.raises(PooledConnection, match="Give a direct URL") as caught,
        lock.hold(connection, child.owner("one"), 0),
    ):
        pytest.fail("it was taken")

    assert caught.value.database == "default"
    assert not connection.in_transaction()


def _wait_for(port: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE

    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                pytest.fail(f"pgbouncer did not start: {process.communicate()[1]}")
            time.sleep(0.01)
