"""Database servers of the tests' own, which may be stopped and started again."""

from __future__ import annotations

import abc
import contextlib
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import typing as t
import uuid
from pathlib import Path

import sqlalchemy as sa

from ..servers import unavailable
from .app import wait_for


class OwnServer(abc.ABC):
    """A server with its files in a folder of its own.

    :param folder: The folder, which is empty.
    """

    #: The program that is the server, what makes its files, and who they belong to where the tests
    #: run as root, as which some servers do not run.
    program: str
    installer: str
    user: str
    driver: str
    #: What ends it at once, as a crash does, and what makes it cut all connections and end well.
    crash_signal: signal.Signals
    stop_signal: signal.Signals

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._user = self.user if os.getuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None

        if self._user:
            shutil.chown(folder, self._user)

        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]

        url = f"{self.driver}://{self.superuser}@127.0.0.1:{self.port}/{self.first_database}"
        self.url = sa.make_url(url)
        self._engine = sa.create_engine(
            self.url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
        )
        subprocess.run(
            [find(self.installer), *self.installer_options()], check=True, **self._surroundings
        )
        self.start()

    superuser: str
    first_database: str

    @abc.abstractmethod
    def installer_options(self) -> list[str]:
        """Return how its files are made."""

    @abc.abstractmethod
    def options(self) -> list[str]:
        """Return how it is started."""

    def start(self) -> None:
        """Start it, if it does not run, and wait until it answers."""
        if self._process is None:
            command = [find(self.program), *self.options()]
            self._process = subprocess.Popen(command, **self._surroundings)
            wait_for(self._answers, 0.02)

    def stop(self, *, crash: bool = False) -> None:
        """Stop it, if it runs, whoever is connected.

        :param crash: Let it end at once.
        """
        if self._process is not None:
            self._process.send_signal(self.crash_signal if crash else self.stop_signal)
            self._process.wait(30)
            self._process = None

    @contextlib.contextmanager
    def database(self) -> t.Iterator[sa.URL]:
        """Lend an empty database, for which it is started if it does not run."""
        self.start()
        name = f"test_{uuid.uuid4().hex[:16]}"

        with self._engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")

        # It goes with the server.
        yield self.url.set(database=name)

    @property
    def _surroundings(self) -> dict[str, t.Any]:
        quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        # Nobody but root can look into every folder, so it does not begin in this one.
        return {**quiet, "user": self._user, "cwd": self.folder}

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"{self.program} has ended"

        with contextlib.suppress(sa.exc.OperationalError), self._engine.connect():
            return True

        return False


class OwnPostgresql(OwnServer):
    """A PostgreSQL server."""

    program = "postgres"
    installer = "initdb"
    user = superuser = first_database = "postgres"
    driver = "postgresql+psycopg"
    crash_signal = signal.SIGQUIT
    stop_signal = signal.SIGINT

    def installer_options(self) -> list[str]:
        """Return how its files are made."""
        return ["-D", f"{self.folder}/data", "-A", "trust", "-U", "postgres", "--no-sync"]

    def options(self) -> list[str]:
        """Return how it is started."""
        settings = ["fsync=off", "listen_addresses=127.0.0.1", "shared_buffers=16MB"]
        options = ["-D", f"{self.folder}/data", "-k", str(self.folder), "-p", str(self.port)]
        return [*options, *(f"-c{setting}" for setting in settings)]


class OwnMariadb(OwnServer):
    """A MariaDB server."""

    program = "mariadbd"
    installer = "mariadb-install-db"
    user = "mysql"
    superuser = "root"
    first_database = "mysql"
    driver = "mysql+pymysql"
    crash_signal = signal.SIGKILL
    stop_signal = signal.SIGTERM

    def installer_options(self) -> list[str]:
        """Return how its files are made."""
        return [
            "--no-defaults",
            f"--datadir={self.folder}/data",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
            *self._small,
        ]

    def options(self) -> list[str]:
        """Return how it is started."""
        return [
            "--no-defaults",
            f"--datadir={self.folder}/data",
            f"--socket={self.folder}/socket",
            f"--pid-file={self.folder}/pid",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            # What is committed outlives the process, and need not outlive the machine.
            "--innodb-flush-log-at-trx-commit=2",
            *self._small,
        ]

    @property
    def _small(self) -> list[str]:
        return ["--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M"]


@contextlib.contextmanager
def running(kind: type[OwnServer]) -> t.Iterator[OwnServer]:
    """Run a server; without its programs the test is skipped, or fails where ``CI`` is set."""
    try:
        for program in (kind.program, kind.installer):
            find(program)
        if os.getuid() == 0:
            pwd.getpwnam(kind.user)
    except (FileNotFoundError, KeyError) as error:
        unavailable(f"no server of the test's own: {error}")

    # Not the folder of pytest, into which only its own user can look.
    with tempfile.TemporaryDirectory() as folder:
        server = kind(Path(folder))

        try:
            yield server
        finally:
            server.stop(crash=True)


def find(program: str) -> str:
    """Return where a program of a server is, also one that is in nobody's path.

    :raises FileNotFoundError: It is nowhere.
    """
    places = [*sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True), "/usr/sbin"]
    found = shutil.which(program) or shutil.which(program, path=os.pathsep.join(places))

    if found is None:
        raise FileNotFoundError(f"{program} is not installed")

    return found
