"""What all commands have in common: their options, and how they get their ``Migrator``."""

from __future__ import annotations

import collections.abc as c
import contextlib
import functools
import inspect
import re
import textwrap
import typing as t

import click

from ..core.migrator import Migrator
from ..errors import COMMAND
from .failures import errors_as_messages

_Function = t.TypeVar("_Function", bound=c.Callable[..., t.Any])


class MigrationCommand(click.Command):
    """A command whose arguments may be numbers with a minus, which click takes for options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self._numbers_last(args))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        before = self.epilog

        if before:
            self.epilog = before.replace(COMMAND, _called(ctx) or COMMAND)

        try:
            super().format_epilog(ctx, formatter)
        finally:
            self.epilog = before

    def _numbers_last(self, args: list[str]) -> list[str]:
        takes_some = any(isinstance(parameter, click.Argument) for parameter in self.params)

        if not takes_some or "--" in args:
            return args

        numbers = [text for text in args if re.fullmatch(r"-\d+", text)]
        others = [text for text in args if text not in numbers]
        return [*others, "--", *numbers] if numbers else args


def _called(context: click.Context) -> str | None:
    """Return how the commands of an app are called; None for those of another program."""
    while context.parent is not None and context.parent.parent is not None:
        context = context.parent

    is_group = context.parent is not None and isinstance(context.command, click.Group)
    return f"flask {context.info_name}" if is_group else None


def migration_command(
    name: str, *, verbose: str, example: str = "", reads: bool = False, connects: bool = True
) -> c.Callable[[_Function], click.Command]:
    """Make a command of a function that gets a ``Migrator`` and the command's own options.

    :param name: The word on the command line.
    :param verbose: What ``--verbose`` adds, for its help.
    :param example: Command lines and what they do, for its help.
    :param reads: Whether it only reads, and so has ``--json``.
    :param connects: Whether it needs a configured database.
    """

    def decorate(function: _Function) -> click.Command:
        @functools.wraps(function)
        def callback(
            database: str | None,
            x_arguments: tuple[str, ...],
            traceback: bool,
            tag: str | None = None,
            **options: t.Any,
        ) -> None:
            migrator = click.get_current_context().find_object(Migrator)
            assert migrator is not None, "The group has put no Migrator into its context."

            with (
                errors_as_messages(migrator, traceback),
                migrator.use(database, x_arguments, tag) if connects else contextlib.nullcontext(),
            ):
                function(migrator, **options)

        lines = textwrap.indent(inspect.cleandoc(example), "  ")
        epilog = f"\b\nExamples:\n{lines}" if example else None
        command = click.command(name, cls=MigrationCommand, epilog=epilog)(callback)
        command.params += _common_options(verbose, reads)
        return command

    return decorate


def selected(migrator: Migrator) -> tuple[str, ...]:
    """Return the names of the databases that a command works on."""
    with migrator.in_use() as use:
        return use.selected


def asked(migrator: Migrator) -> str:
    """Return the name of the database that ``current`` means in a target."""
    names = selected(migrator)
    default = migrator.project.default_name
    return default if default in names else names[0]


def label_of(migrator: Migrator, database: str) -> str:
    """Return what stands before a line about a database: nothing where there is only one."""
    return f"{database}: " if len(migrator.project.databases) > 1 else ""


def _common_options(verbose: str, reads: bool) -> list[click.Parameter]:
    options: list[click.Parameter] = [
        click.Option(["--database"], metavar="NAME", help="Only this database; all by default."),
        click.Option(
            ["-x", "--x-arg", "x_arguments"],
            multiple=True,
            metavar="KEY=VALUE",
            help="A value for context.get_x_argument() in migrations; may be repeated.",
        ),
        click.Option(["-v", "--verbose"], is_flag=True, help=verbose),
        click.Option(["--traceback"], is_flag=True, help="Show where an error came from."),
    ]

    if reads:
        options.append(click.Option(["--json", "as_json"], is_flag=True, help="Print JSON."))

    return options
