"""What all commands have in common: their options, their errors, their exit status."""

from __future__ import annotations

import collections.abc as c
import contextlib
import functools
import traceback as tracebacks
import typing as t

import click

from ..core.migrator import Migrator
from ..errors import MigrationError
from ..errors import RunFailed
from ..errors import SetupError
from ..errors import TargetError

#: Exit statuses: 0 done, 1 no, 2 wrong usage, 3 a run failed or could not begin.
NO, WRONG_USAGE, FAILED = 1, 2, 3

_Function = t.TypeVar("_Function", bound=c.Callable[..., t.Any])


def migration_command(name: str, *, reads: bool = False) -> c.Callable[[_Function], click.Command]:
    """Make a command of a function that gets a ``Migrator`` and the command's own options.

    :param name: The word on the command line.
    :param reads: Whether it only reads, and so has ``--json``.
    """

    def decorate(function: _Function) -> click.Command:
        @functools.wraps(function)
        def callback(
            database: str | None, x_arguments: tuple[str, ...], traceback: bool, **options: t.Any
        ) -> None:
            migrator = click.get_current_context().find_object(Migrator)
            assert migrator is not None

            with _errors_as_messages(traceback), migrator.use(database, x_arguments):
                function(migrator, **options)

        command = click.command(name)(callback)
        command.params += _common_options(reads)
        return command

    return decorate


def _common_options(reads: bool) -> list[click.Parameter]:
    options = [
        click.Option(["--database"], metavar="NAME", help="Only this database."),
        click.Option(
            ["-x", "x_arguments"],
            multiple=True,
            metavar="KEY=VALUE",
            help="For context.get_x_argument() in migrations; may be repeated.",
        ),
        click.Option(["-v", "--verbose"], is_flag=True, help="Show more."),
        click.Option(["--traceback"], is_flag=True, help="Show where an error came from."),
    ]

    if reads:
        options.append(click.Option(["--json", "as_json"], is_flag=True, help="Print JSON."))

    return t.cast("list[click.Parameter]", options)


@contextlib.contextmanager
def _errors_as_messages(traceback: bool) -> c.Iterator[None]:
    """Print an error of ours as one message; let real bugs show their traceback."""
    try:
        yield
    except MigrationError as error:
        if traceback:
            click.echo(tracebacks.format_exc(), err=True)

        click.echo(_last_line(error), err=True)
        status = WRONG_USAGE if isinstance(error, SetupError | TargetError) else FAILED
        click.get_current_context().exit(status)


def _last_line(error: MigrationError) -> str:
    if isinstance(error, RunFailed) and error.failed:
        return f"failed at {error.failed}: {error}"

    return f"Error: {error}"
