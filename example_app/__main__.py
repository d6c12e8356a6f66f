"""Serve the shop on this computer: ``python -m example_app``."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sys

import sqlalchemy as sa
from werkzeug.serving import make_server

from flask_alembic_admin import alembic_admin

from . import create_app
from .commands import sign_in_lines
from .first_start import prepare

HOST = "127.0.0.1"
USUAL_PORTS = range(5000, 5100)


def main() -> None:
    """Prepare the shop, say where it is, and serve it until Ctrl-C."""
    app = create_app()

    with listening_socket() as listener:
        port = listener.getsockname()[1]
        server = make_server(HOST, port, app, threaded=True, fd=listener.fileno())

    try:
        passwords = prepare(app)
    except sa.exc.OperationalError as error:
        sys.exit(f"The database does not answer: {error.orig}")

    say(f"http://{HOST}:{port}", passwords)
    # An open page asks every second; a line for each would push the passwords away.
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server.serve_forever()


def listening_socket() -> socket.socket:
    """Return a socket at the port that PORT names, or at the first free one from 5000 on."""
    ports = [int(os.environ["PORT"])] if os.environ.get("PORT") else USUAL_PORTS

    for port in ports:
        with contextlib.suppress(OSError):
            return socket.create_server((HOST, port))

    sys.exit(f"Port {ports[0]} of {HOST} cannot be used. Set PORT to another one.")


def say(address: str, passwords: list[tuple[str, str]]) -> None:
    """Print where the shop is and how to sign in."""
    print(f"Shop      {address}/")
    print(f"Panel     {address}{alembic_admin.url_prefix}/")
    print(*sign_in_lines(passwords), sep="\n")
    print("Listening. Stop with Ctrl-C.", flush=True)


if __name__ == "__main__":
    main()
