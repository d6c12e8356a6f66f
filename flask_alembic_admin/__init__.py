"""Flask-Alembic-Admin: Alembic for Flask, in code, on the command line and in the browser."""

from __future__ import annotations

import importlib
import typing as t

if t.TYPE_CHECKING:
    from .admin import alembic_admin as alembic_admin
    from .admin import AlembicAdmin as AlembicAdmin
    from .core.risks import Found as Found
    from .core.risks import risk as risk
    from .core.risks import Sight as Sight
    from .core.risks import Step as Step
    from .core.runs.events import attempt_refused as attempt_refused
    from .core.runs.events import run_finished as run_finished
    from .core.runs.events import run_requested as run_requested
    from .core.runs.events import run_started as run_started
    from .core.runs.events import step_finished as step_finished
    from .core.runs.hooks import RunFacts as RunFacts
    from .core.runs.options import RunOptions as RunOptions
    from .core.servers import Timeouts as Timeouts
    from .errors import MigrationError as MigrationError
    from .extension import Alembic as Alembic

# Resolved on first use, so that `flask_alembic_admin.core` never imports Flask.
_HOMES = {
    "Alembic": "extension",
    "AlembicAdmin": "admin",
    "Found": "core.risks",
    "MigrationError": "errors",
    "RunFacts": "core.runs.hooks",
    "RunOptions": "core.runs.options",
    "Sight": "core.risks",
    "Step": "core.risks",
    "Timeouts": "core.servers",
    "alembic_admin": "admin",
    "attempt_refused": "core.runs.events",
    "risk": "core.risks",
    "run_finished": "core.runs.events",
    "run_requested": "core.runs.events",
    "run_started": "core.runs.events",
    "step_finished": "core.runs.events",
}
__all__ = [
    "Alembic",
    "AlembicAdmin",
    "Found",
    "MigrationError",
    "RunFacts",
    "RunOptions",
    "Sight",
    "Step",
    "Timeouts",
    "alembic_admin",
    "attempt_refused",
    "risk",
    "run_finished",
    "run_requested",
    "run_started",
    "step_finished",
]


def __getattr__(name: str) -> t.Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
