"""What the environment says about the shop, and what holds where it says nothing."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
import typing as t
from pathlib import Path

import sqlalchemy as sa

#: The drivers that are installed, for URLs that name only the kind of server.
DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}


def from_environment(folder: str) -> dict[str, t.Any]:
    """Return the configuration that the environment asks for.

    :param folder: Where SQLite files and the secret key are kept.
    """
    instance = Path(folder)
    return {
        "SECRET_KEY": os.environ.get("SECRET_KEY") or kept_secret(instance / "secret_key"),
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SQLALCHEMY_DATABASE_URI": database_url("DATABASE_URL", instance / "shop.sqlite"),
        "SQLALCHEMY_BINDS": {
            "audit": database_url("AUDIT_DATABASE_URL", instance / "audit.sqlite")
        },
    }


def database_url(variable: str, file: Path) -> sa.URL:
    """Return the URL that a variable holds, or that of a SQLite file."""
    if not os.environ.get(variable):
        return sa.URL.create("sqlite", database=str(file))

    url = sa.make_url(os.environ[variable])
    return url.set(drivername=DRIVERS.get(url.drivername, url.drivername))


def kept_secret(file: Path) -> str:
    """Return the secret in a file, which is made at the first call."""
    if not file.exists():
        # Linking a finished file: of several workers one wins, and none reads half a secret.
        with (
            tempfile.NamedTemporaryFile("w", dir=file.parent) as draft,
            contextlib.suppress(FileExistsError),
        ):
            draft.write(secrets.token_hex(32))
            draft.flush()
            os.link(draft.name, file)

    return file.read_text()
