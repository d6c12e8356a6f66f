"""A scratch database on the server of the live one, and what is left of those."""

from __future__ import annotations

import typing as t

import sqlalchemy as sa

from ..databases.engines import engine_beside
from .base import PREFIX
from .base import ScratchKind


class ScratchBeside(ScratchKind):
    """A kind of server on which ``CREATE DATABASE`` makes one beside the live one."""

    left: t.ClassVar[str]
    """The names of those, by ``:prefix`` and its ``:length``, in which nobody has a session."""

    def leftovers(self) -> tuple[str, ...]:
        asked = {"prefix": PREFIX, "length": len(PREFIX)}

        with self.server().connect() as connection:
            names = connection.scalars(sa.text(self.left), asked).all()

        return tuple(f"DROP DATABASE {name}" for name in names)

    def server(self) -> sa.Engine:
        """Return what connects to the server as the app does, in nobody's way."""
        engine = engine_beside(self.database.engine)
        return engine.execution_options(isolation_level="AUTOCOMMIT")
