"""``alembic-db``: the same commands for a project without Flask."""

from __future__ import annotations

import collections.abc as c
import copy

import click

from ..core.plain.project import COMMAND
from ..core.plain.project import PlainMigrator
from ..errors import COMMAND as FLASK_COMMAND
from . import COMMANDS
from .failures import EPILOG
from .writing import MESSAGE_IF_NONE

_WRITE = {"revision", "migrate"}
_REVISION_HELP = "Write a revision, empty unless --autogenerate."
_REVISION_EPILOG = """\b
Examples:
  alembic-db revision -m "fill names"                  to be written by hand
  alembic-db revision -m "add orders" --autogenerate   from what differs
"""


def _note(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """Keep what was said about where things are; what is said last counts."""
    if value is not None:
        assert parameter.name is not None
        setattr(context.ensure_object(PlainMigrator).given, parameter.name, value)


def _place_options() -> list[click.Option]:
    """Return the options that say where things are, of the group and of each command."""
    texts = {
        ("-d", "--directory"): ("FOLDER", "The folder of revision files; 'migrations' by default."),
        ("--url",): (
            "URL",
            "The database's URL; ALEMBIC_URL does not show it to whoever lists processes.",
        ),
        ("--metadata",): ("MODULE:BASE", "The base of the models, such as shop.models:Base."),
    }
    return [
        click.Option(names, metavar=metavar, help=text, expose_value=False, callback=_note)
        for names, (metavar, text) in texts.items()
    ]


def _refuse_sql(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        raise click.UsageError(
            "--sql does not go with a command that writes a file: 'upgrade --sql' prints what the "
            "file would send."
        )


def _own(command: click.Command) -> click.Command:
    """Return a command of ``flask db`` with the options of alembic-migrate, and its habits."""
    own = copy.copy(command)

    if own.epilog:
        own.epilog = own.epilog.replace(FLASK_COMMAND, COMMAND)

    if isinstance(own, click.Group):
        own.commands = {name: _own(sub) for name, sub in own.commands.items()}
        return own

    own.params = [*(_own_parameter(parameter) for parameter in own.params), *_place_options()]

    if own.name == "revision":
        own.help, own.epilog = _REVISION_HELP, _REVISION_EPILOG

    if own.name in _WRITE:
        own.params.append(
            click.Option(
                ["--sql"],
                is_flag=True,
                expose_value=False,
                callback=_refuse_sql,
                help="Refused: nothing is sent, so there is no SQL to print.",
            )
        )
    elif own.name == "current":
        own.params.append(
            click.Option(
                ["--head-only"],
                is_flag=True,
                expose_value=False,
                help="Taken and left alone, for scripts that have it.",
            )
        )

    return own


def _own_parameter(parameter: click.Parameter) -> click.Parameter:
    own = copy.copy(parameter)

    if own.name == "depend":
        # Here -d is the directory.
        own.opts = [name for name in own.opts if name != "-d"]
    elif own.name == "empty" and isinstance(own, click.Option):
        own.default = True
        own.help = "Leave it empty, as by default, or fill it with what differs."

    return own


def _commands() -> c.Iterator[click.Command]:
    yield from (_own(command) for command in COMMANDS)


@click.group(COMMAND, epilog=EPILOG, params=_place_options())
@click.pass_context
def cli(context: click.Context) -> None:
    """Run and write database migrations, with no framework.

    Models and databases are those of get_base() in model/base.py, of the module that
    ALEMBIC_BASE names, of [tool.alembic_db] in pyproject.toml, or of --url and --metadata.
    """
    context.ensure_object(PlainMigrator)
    context.meta[MESSAGE_IF_NONE] = "empty message"


for _command in _commands():
    cli.add_command(_command)


def main() -> None:
    """Run the command line, called so whatever file it was started by."""
    cli(prog_name=COMMAND)
