"""How a process of its own can load the app that this one serves."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import click
from flask.cli import ScriptInfo

from ..errors import SetupError

#: Servers whose command line names the app as ``module:name``.
_SERVERS = {"gunicorn", "hypercorn", "uvicorn", "waitress-serve", "granian"}
#: How the names of programs begin that are Python.
_INTERPRETERS = ("python", "pypy")
_MODULE_AND_NAME = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*(\(.*\))?")


def app_arguments(configured: str | None) -> list[str]:
    """Return what ``flask`` needs on its command line to load the app.

    :param configured: ``ALEMBIC_ADMIN["app"]``.
    :raises SetupError: Nothing says it.
    """
    target = configured or os.environ.get("FLASK_APP") or _target_of_server()

    if target:
        return ["--app", target]

    if os.environ.get("FLASK_RUN_FROM_CLI") == "true":
        # `flask run` found the app by itself, in a folder that the child starts in too.
        return []

    raise SetupError(
        "A run needs a process of its own, and nothing says how that can load the app.",
        "Set ALEMBIC_ADMIN['app'] to what you would write after 'flask --app', such as "
        "'shop:create_app'.",
    )


def interpreter() -> str:
    """Return the program that a process of Python is started with.

    :raises SetupError: This one runs inside a server, and Python is not where it should be.
    """
    # A server that has Python built in, such as uWSGI, may be named instead.
    if Path(sys.executable or "").name.startswith(_INTERPRETERS):
        return sys.executable

    for name in ("python3", "python"):
        program = Path(sys.prefix, "bin", name)

        if program.is_file():
            return str(program)

    raise SetupError(
        f"A run needs a process of its own, and there is no Python in {Path(sys.prefix, 'bin')}.",
        "Tell the server which virtual environment it is in, or use the runner 'manual'.",
    )


def _target_of_server() -> str | None:
    context = click.get_current_context(silent=True)

    while context is not None:
        if isinstance(context.obj, ScriptInfo) and context.obj.app_import_path:
            return context.obj.app_import_path
        context = context.parent

    program = Path(sys.argv[0]).name

    if program in {"flask", "__main__.py"}:
        return _option_of_flask(sys.argv[1:])

    if program in _SERVERS:
        named = [argument for argument in sys.argv[1:] if _MODULE_AND_NAME.fullmatch(argument)]
        return named[-1] if named else None

    return None


def _option_of_flask(arguments: list[str]) -> str | None:
    for option, value in zip(arguments, [*arguments[1:], ""], strict=True):
        if option in {"--app", "-A"}:
            return value

        if option.startswith("--app="):
            return option.removeprefix("--app=")

    return None
