"""How errors are told, and the exit status that each of them means."""

from __future__ import annotations

import collections.abc as c
import contextlib
import errno
import sys
import traceback as tracebacks

import click
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from ..core.migrator import Migrator
from ..core.redact import redact
from ..errors import MigrationError
from ..errors import NotUpToDate
from ..errors import SetupError
from ..errors import TargetError
from .output import give_up

#: Exit statuses: 0 done, 1 no, 2 wrong usage, 3 a run failed or could not begin.
NO, WRONG_USAGE, FAILED = 1, 2, 3

#: What the help of a program says of them.
EPILOG = """\b
Exit status: 0 done, 1 no (check found something, revisions are pending),
2 wrong usage, 3 a run failed or a database cannot be reached.
"""


@contextlib.contextmanager
def errors_as_messages(migrator: Migrator, traceback: bool) -> c.Iterator[None]:
    """Print an error that is no bug as one message on stderr, and exit with its status.

    :param migrator: Knows what is secret.
    :param traceback: Show the traceback as well.
    """
    try:
        yield
    except (MigrationError, CommandError, DBAPIError) as error:
        if traceback:
            echo_traceback(migrator)

        message = migrator.in_own_words(_redacted(migrator, _message(error)))
        click.echo(f"Error: {message}", err=True)
        click.get_current_context().exit(status_of(error))
    except OSError as error:
        # A reader that has gone is told nothing; click knows how to end then.
        if error.errno == errno.EPIPE:
            raise

        if traceback:
            echo_traceback(migrator)

        # Such as a disk that is full, or a folder that may not be read.
        where = f": {error.filename}" if error.filename is not None else ""
        give_up(sys.stdout)
        click.echo(f"Error: {error.strerror or error}{where}.", err=True)
        click.get_current_context().exit(FAILED)


def status_of(error: BaseException) -> int:
    """Return the exit status that an error means."""
    match error:
        case SetupError() | TargetError() | CommandError():
            return WRONG_USAGE
        case NotUpToDate():
            return NO
        case _:
            return FAILED


def echo_traceback(migrator: Migrator) -> None:
    """Print the traceback of the present error, with nothing secret in it."""
    click.echo(_redacted(migrator, tracebacks.format_exc()), err=True)


def _message(error: Exception) -> str:
    if isinstance(error, DBAPIError):
        # Without the statement and its parameters, which may hold data.
        first_line = str(error.orig).strip().partition("\n")[0]
        return f"{type(error.orig).__name__}: {first_line}"

    return str(error)


def _redacted(migrator: Migrator, text: str) -> str:
    try:
        urls = migrator.project.urls
    except MigrationError:
        # The configuration itself may be what is wrong.
        urls = ()

    return redact(text, urls)
