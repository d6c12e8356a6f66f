"""What is switched off in this panel, whoever asks: it says so in a sentence."""

from __future__ import annotations

import shlex
import typing as t

from flask import current_app

from ..core.project import Project
from ..core.settings import ACTIONS
from ..core.settings import SAFE_ACTIONS


def refusal(action: str, database: str) -> str | None:
    """Return why an action cannot be begun in this panel, or None where it can.

    :param action: Such as ``upgrade``.
    :param database: The database's name.
    """
    return read_only_refusal(action, database) or not_offered(action)


def read_only_refusal(action: str, database: str) -> str | None:
    """Return why nothing can be run in this panel, or None where it can.

    :param action: What somebody wants, for the command that does it.
    :param database: The database's name.
    """
    project = _project()

    if not project.settings.read_only:
        return None

    # A revision is written for all databases at once.
    names_one = len(project.databases) > 1 and action in SAFE_ACTIONS
    option = ["--database", database] if names_one else []
    command = shlex.join([*project.command.split(), action, *option])
    return f"This panel is read-only: it shows everything and runs nothing. Use “{command}”."


def not_offered(action: str) -> str | None:
    """Return why an action cannot be planned in this panel either, or None where it can.

    :param action: Such as ``upgrade``.
    """
    offered = offered_actions()

    if action in offered or action not in ACTIONS:
        return None

    if _project().settings.actions is None:
        return (
            f"This panel offers “{action}” in debug mode only, since that writes a file where the "
            f"app runs. List it in ALEMBIC_ADMIN['actions'] to have it always, or use "
            f"“{_project().command} {action}”."
        )

    return (
        f"This panel does not offer “{action}”. ALEMBIC_ADMIN['actions'] lists: "
        f"{', '.join(offered) or 'nothing'}."
    )


def offered_actions() -> tuple[str, ...]:
    """Return the actions that this panel offers."""
    listed = _project().settings.actions

    if listed is not None:
        return listed

    return ACTIONS if current_app.debug else SAFE_ACTIONS


def _project() -> Project:
    return t.cast(Project, current_app.extensions["alembic"].project)
