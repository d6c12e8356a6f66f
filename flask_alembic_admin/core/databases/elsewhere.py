"""Connecting as an engine of the app does, to another database."""

from __future__ import annotations

import collections.abc as c
import contextvars
import dataclasses
import threading
import typing as t

import sqlalchemy as sa

from ...errors import SetupError
from ..redact import mask_url
from ..sealed import unsealed

_SCRATCH = "Name an empty database in ALEMBIC_ADMIN['scratch']."

_Parameters: t.TypeAlias = "tuple[c.Sequence[t.Any], c.Mapping[str, t.Any]]"


@dataclasses.dataclass
class _Detour:
    """Where one connection shall lead instead."""

    usual: _Parameters
    other: _Parameters
    is_taken: bool = False

    def parameters(
        self, args: list[t.Any], options: dict[str, t.Any]
    ) -> tuple[list[t.Any], dict[str, t.Any]]:
        """Return what a driver gets: what the app has added stays, such as certificates."""
        usual_args, usual_options = self.usual
        other_args, other_options = self.other
        added = {key: value for key, value in options.items() if key not in usual_options}
        changed = {
            key: value
            for key, value in options.items()
            if key in usual_options and value != usual_options[key]
        }
        return [*other_args, *args[len(usual_args) :]], {**added, **other_options, **changed}


_detour: contextvars.ContextVar[_Detour | None] = contextvars.ContextVar("detour", default=None)
_guard = threading.Lock()
_listening: list[bool] = []


def engine_elsewhere(engine: sa.Engine, url: sa.URL, cure: str = _SCRATCH) -> sa.Engine:
    """Return an engine that connects as another one does, to another database.

    It keeps no connection open. What the app's own engine adds to a connection, such as
    certificates and settings of the session, is there too.

    :param engine: The app's own; on a server it has connected before.
    :param url: The other database, by the same driver.
    :param cure: What to do where the app connects by a function of its own.
    """
    _listen()
    detour = (
        engine.dialect.create_connect_args(engine.url),
        engine.dialect.create_connect_args(url),
    )

    def connect() -> t.Any:
        taken = _Detour(*detour)
        token = _detour.set(taken)

        try:
            with unsealed():
                connection = engine.pool.recreate().connect()
        finally:
            _detour.reset(token)

        connection.detach()

        if not taken.is_taken:
            connection.close()
            raise SetupError(
                f"The engine at {mask_url(engine.url)} connects by a function of the "
                "app's, so that nobody else can say where to.",
                cure,
            )

        return connection.dbapi_connection

    return sa.create_engine(url, poolclass=sa.NullPool, creator=connect)


def _listen() -> None:
    """Listen to all engines, once: others may connect while listeners would come and go."""
    with _guard:
        if not _listening:
            sa.event.listen(sa.Engine, "do_connect", _take)
            _listening.append(True)


def _take(
    dialect: sa.Dialect, record: t.Any, args: list[t.Any], options: dict[str, t.Any]
) -> t.Any:
    """Connect elsewhere; what was given is the engine's own and stays as it is."""
    detour = _detour.get()

    if detour is None:
        return None

    detour.is_taken = True
    args, options = detour.parameters(args, options)
    token = _detour.set(None)

    try:
        # Such as one that asks a service for a password.
        for listener in dialect.dispatch.do_connect:
            connection = listener(dialect, record, args, options)
            if connection is not None:
                return connection
    finally:
        _detour.reset(token)

    return dialect.connect(*args, **options)
