"""Serving the shop on this computer."""

from __future__ import annotations

import collections.abc as c
import contextlib
import logging
import os
import socket
import sys

from flask import Flask
from werkzeug.serving import make_server

from flask_alembic_admin import alembic_admin

HOST = "127.0.0.1"
USUAL_PORTS = range(5000, 5100)


def serve(app: Flask, lines: c.Callable[[str], c.Iterable[str]]) -> None:
    """Say where the shop is and serve it until Ctrl-C.

    :param app: The shop.
    :param lines: Gives what else is said, for the address of the panel.
    """
    with listening_socket() as listener:
        port = listener.getsockname()[1]
        server = make_server(HOST, port, app, threaded=True, fd=listener.fileno())

    address = f"http://{HOST}:{port}"
    panel = f"{address}{alembic_admin.url_prefix}/"
    print(f"Shop      {address}/", f"Panel     {panel}", *lines(panel), sep="\n")
    print("Listening. Stop with Ctrl-C.", flush=True)
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
