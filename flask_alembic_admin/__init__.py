"""Flask-Alembic-Admin: Alembic for Flask, in code, on the command line and in the browser."""

from __future__ import annotations

import importlib
import typing as t

if t.TYPE_CHECKING:
    from .admin import alembic_admin as alembic_admin
    from .admin import AlembicAdmin as AlembicAdmin
    from .core.guarded import RunOptions as RunOptions
    from .core.servers import Timeouts as Timeouts
    from .errors import MigrationError as MigrationError
    from .extension import Alembic as Alembic

# Resolved on first use, so that `flask_alembic_admin.core` never imports Flask.
_HOMES = {
    "Alembic": "extension",
    "AlembicAdmin": "admin",
    "MigrationError": "errors",
    "RunOptions": "core.guarded",
    "Timeouts": "core.servers",
    "alembic_admin": "admin",
}
__all__ = [
    "Alembic",
    "AlembicAdmin",
    "MigrationError",
    "RunOptions",
    "Timeouts",
    "alembic_admin",
]


def __getattr__(name: str) -> t.Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
