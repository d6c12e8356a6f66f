"""The command line that does what a page offers."""

from __future__ import annotations

import collections.abc as c
import shlex

from ..core.plans.options import PlanOptions
from ..core.project import Project
from ..core.servers import Timeouts
from ..errors import SetupError
from ..runners.app_target import app_arguments


def command_line(
    project: Project,
    action: str,
    targets: c.Iterable[str],
    database: str,
    options: PlanOptions | None = None,
) -> str:
    """Return the command that does the same in a terminal.

    :param project: What is fixed.
    :param action: ``upgrade``, ``downgrade`` or ``stamp``.
    :param targets: Where to go.
    :param database: The database's name, which is said only where there are several.
    :param options: How it goes about it, of which only what is not usual is said.
    """
    options = options or PlanOptions()

    if options.rest_of:
        words = [*project.command.split(), "plan", "--rest-of", options.rest_of, "--json"]
        run = [*project.command.split(), action, "--plan", "rest.json"]
        return f"{shlex.join(words)} > rest.json && {shlex.join(run)}"

    usual = project.settings.timeouts
    chosen = options.timeouts(usual)
    words = [*project.command.split(), action, *targets]

    if options.purge:
        words.append("--purge")
    if len(project.databases) > 1:
        words += ["--database", database]

    words += _timeouts(chosen, usual)

    if options.wait:
        words += ["--wait", f"{options.wait:g}"]

    return shlex.join(words)


def job_line(project: Project, command: c.Iterable[str], id_: str) -> str:
    """Return the command that carries out a run or a check that waits for somebody to start it.

    :param project: What is fixed.
    :param command: The group and the command.
    :param id_: The run or the check.
    """
    try:
        arguments = app_arguments(project.settings.app)
    except SetupError:
        arguments = []

    return shlex.join(["flask", *arguments, *command, id_])


def _timeouts(chosen: Timeouts, usual: Timeouts) -> list[str]:
    words: list[str] = []

    if chosen.lock != usual.lock:
        words += ["--lock-timeout", f"{chosen.lock or 0:g}"]
    if chosen.statement != usual.statement:
        words += ["--statement-timeout", f"{chosen.statement or 0:g}"]

    return words
