"""A server of which nothing is known."""

from __future__ import annotations

from .base import Server


class OtherServer(Server):
    """Any server without a file here: it has no session ids, names nobody, cancels nothing.

    Its timeouts stay as they are, a failed step may leave traces, and it is told from others by
    its URL alone.
    """
