"""Who and where this process is, and what it runs on, for the record."""

from __future__ import annotations

import getpass
import importlib.metadata
import platform
import socket

import sqlalchemy as sa


def operating_system_user() -> str:
    """Return who runs this process and where, as ``user@host``."""
    try:
        user = getpass.getuser()
    # A container may run under a number that has no name.
    except (KeyError, OSError):
        user = "unknown"

    return f"{user}@{socket.gethostname()}"


def versions(connection: sa.Connection) -> dict[str, str]:
    """Return the versions of what a run depends on, that of the server among them.

    :param connection: To the database of the run.
    """
    found = {"python": platform.python_version()}

    for name in ("alembic", "SQLAlchemy", "Flask-Alembic-Admin"):
        # A source tree on the path is not installed and has no version.
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "unknown"

    number = ".".join(str(part) for part in connection.dialect.server_version_info or ())
    found["server"] = f"{connection.dialect.name} {number}".strip()
    return found
