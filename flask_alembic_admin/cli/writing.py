"""The commands that write files."""

from __future__ import annotations

import collections.abc as c
import typing as t

import click
from alembic.script import Script

from ..core.migrator import Migrator
from ..core.results import UnknownRevision
from ..errors import ScriptError
from ..errors import SetupError
from ..errors import TargetError
from .options import migration_command
from .options import selected
from .output import hooks_on_stderr
from .reading import find

_Function = t.TypeVar("_Function", bound=c.Callable[..., t.Any])

_NEW_TEXT = "Show the text of the new file."

#: Where a program keeps in a context's ``meta`` what a revision says that nobody has named.
MESSAGE_IF_NONE = f"{__name__}.message"


@migration_command("mkdir", connects=False, verbose="Show each folder of revisions.")
def mkdir(migrator: Migrator, verbose: bool) -> None:
    """Make the migrations folder where it is missing."""
    _make_folders(migrator, verbose)


@migration_command("init", connects=False, verbose="Show each folder of revisions.")
@click.option("--multidb", is_flag=True, help="Say so if there are not several databases.")
def init(migrator: Migrator, multidb: bool, verbose: bool) -> None:
    """Make the migrations folder: mkdir in Flask-Migrate's word."""
    _make_folders(migrator, verbose)

    if multidb and len(migrator.project.databases) == 1:
        click.echo(
            "there is one database, so files are made for one: with several, delete "
            "script.py.mako and call this again",
            err=True,
        )


def _revision_options(function: _Function) -> _Function:
    options = [
        click.option("-m", "--message", help="What it does, in a few words."),
        click.option(
            "-b",
            "--branch",
            default="default",
            metavar="LABEL",
            help="The independent branch it belongs to; a new one begins at base.",
        ),
        click.option(
            "-p",
            "--parent",
            "--head",
            "parent",
            multiple=True,
            default=["head"],
            metavar="TARGET",
            help="What it comes after; may be repeated.",
        ),
        click.option("--splice", is_flag=True, help="Allow a parent that is no head."),
        click.option(
            "-d",
            "--depend",
            multiple=True,
            metavar="TARGET",
            help="What must have run before it; may be repeated.",
        ),
        _label_option,
        click.option(
            "--path",
            "--version-path",
            "path",
            metavar="FOLDER",
            help="Where to write it; one of version_locations.",
        ),
        _id_option,
    ]

    for option in reversed(options):
        function = option(function)

    return function


_label_option = click.option(
    "-l",
    "--label",
    "--branch-label",
    "label",
    multiple=True,
    metavar="LABEL",
    help="A label to give to it; may be repeated.",
)
_id_option = click.option("--rev-id", metavar="ID", help="Its id, instead of a new random one.")


@migration_command(
    "revision",
    verbose=_NEW_TEXT,
    example="""
    flask db revision "add orders"            from what differs
    flask db revision "fill names" --empty    to be written by hand
    """,
)
@click.argument("words", default="", metavar="[MESSAGE]")
@click.option(
    "--empty/--autogenerate",
    default=False,
    help="Leave it empty, or fill it with what differs, as by default.",
)
@_revision_options
def revision(
    migrator: Migrator, words: str, message: str | None, verbose: bool, **options: t.Any
) -> None:
    """Write a revision from what differs in models and databases."""
    if words and message:
        raise click.UsageError("The message is given twice: as an argument and with --message.")

    text = _message("revision", words or message)

    with hooks_on_stderr():
        written = migrator.revision(text, **_revision_arguments(options))

    _echo_written(written, verbose)


@migration_command(
    "migrate",
    verbose=_NEW_TEXT,
    example="""
    flask db migrate -m "add orders"
    """,
)
@_revision_options
def migrate(migrator: Migrator, message: str | None, verbose: bool, **options: t.Any) -> None:
    """Write a revision, only if models and databases differ."""
    text = _message("migrate", message, option="-m ")
    names = selected(migrator)

    # With pending revisions it is not known what differs; revision() says so.
    if not any(migrator.needs_upgrade(name) or migrator.needs_revision(name) for name in names):
        click.echo("No changes detected: no revision was written.")
        return

    with hooks_on_stderr():
        written = migrator.revision(text, **_revision_arguments(options))

    _echo_written(written, verbose)


@migration_command(
    "merge",
    verbose=_NEW_TEXT,
    example="""
    flask db merge                            all heads
    flask db merge 1f4a 2d8f -m "join both"
    """,
)
@click.argument("revisions", nargs=-1, metavar="[TARGET]...")
@click.option("-m", "--message", help="What it does; names the joined revisions by default.")
@_label_option
@_id_option
def merge(
    migrator: Migrator,
    revisions: tuple[str, ...],
    message: str | None,
    label: tuple[str, ...],
    rev_id: str | None,
    verbose: bool,
) -> None:
    """Write a revision that joins others, all heads by default."""
    heads = migrator.heads()

    if not revisions and len(heads) < 2:
        if heads:
            click.echo(f"nothing to merge: {heads[0].revision} is the only head")
        else:
            click.echo("nothing to merge: there are no revisions")
        return

    with hooks_on_stderr():
        written = migrator.merge(revisions or "heads", message, label, rev_id=rev_id)

    _echo_written([written], verbose)


@migration_command(
    "edit",
    verbose="Show the path before the editor opens.",
    example="""
    EDITOR=nano flask db edit 1f4a
    """,
)
@click.argument("target", default="head")
def edit(migrator: Migrator, target: str, verbose: bool) -> None:
    """Open the file of TARGET in the editor, head by default."""
    scripts = find(migrator, [target])

    unknown = [script.revision for script in scripts if isinstance(script, UnknownRevision)]

    if unknown:
        raise TargetError(f"No revision file here has {', '.join(unknown)}.")

    for script in scripts:
        if verbose:
            click.echo(f"opening {script.path}")

        try:
            click.edit(filename=script.path)
        except click.ClickException as error:
            raise SetupError(
                f"{error.message}.", "Set EDITOR to the program that edits files, such as nano."
            ) from error

        click.echo(f"edited {script.path}")

    if not scripts:
        click.echo("nothing to edit: no revision is applied")


def _make_folders(migrator: Migrator, verbose: bool) -> None:
    folders = migrator.folders

    try:
        migrator.mkdir()
    except OSError as error:
        raise ScriptError(
            f"The migrations folder {folders[0]} cannot be made: {error.strerror or error}.",
            "Make it where the source tree can be written to, and deploy it.",
        ) from error

    for folder in folders if verbose else folders[:1]:
        click.echo(f"migrations are in {folder}")


def _message(command: str, text: str | None, option: str = "") -> str:
    text = text or click.get_current_context().meta.get(MESSAGE_IF_NONE)

    if not text:
        raise TargetError("A revision needs a message.", f"Write {command} {option}'add orders'.")

    return text


def _revision_arguments(options: dict[str, t.Any]) -> dict[str, t.Any]:
    # No dependency is None; an empty one would be written into the file.
    return {**options, "depend": options["depend"] or None}


def _echo_written(scripts: c.Iterable[Script | None], verbose: bool) -> None:
    written = [script for script in scripts if script is not None]

    for script in written:
        if verbose:
            with open(script.path, encoding="utf-8") as file:
                click.echo(file.read())
        click.echo(f"wrote {script.path}")

    if not written:
        # A hook of the app, `process_revision_directives`, may take it away.
        click.echo("no revision was written")
