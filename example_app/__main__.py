"""Serve the shop on this computer: ``python -m example_app``."""

from __future__ import annotations

import sys

import sqlalchemy as sa

from . import create_app
from .commands import sign_in_lines
from .first_start import prepare
from .server import serve


def main() -> None:
    """Prepare the shop, say where it is, and serve it until Ctrl-C."""
    app = create_app()

    try:
        passwords = prepare(app)
    except sa.exc.OperationalError as error:
        sys.exit(f"The database does not answer: {error.orig}")

    serve(app, lambda panel: sign_in_lines(passwords))


if __name__ == "__main__":
    main()
