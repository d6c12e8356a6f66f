"""What the shop adds to ``flask``, and the words in which passwords are told."""

from __future__ import annotations

import collections.abc as c
import contextlib
import tempfile
from pathlib import Path

import click
import sqlalchemy as sa
from flask import current_app
from flask import Flask
from flask.cli import with_appcontext

from . import demo
from . import first_start
from .server import serve

NEW_PASSWORDS = "flask --app example_app new-passwords"
RIGHTS = {True: "may do everything", False: "may only look"}


@click.command("first-start")
@with_appcontext
def first_start_command() -> None:
    """Make the databases of a first start and print how to sign in."""
    tell(first_start.prepare(current_app))


@click.command("new-passwords")
@with_appcontext
def new_passwords_command() -> None:
    """Give admin and dev new passwords and print them."""
    try:
        tell(first_start.new_passwords())
    except sa.exc.DatabaseError as error:
        raise click.ClickException(
            "The table of users cannot be written. Where it is missing, run: "
            "flask --app example_app first-start"
        ) from error


@click.command("demo", no_args_is_help=True)
@click.argument("state", type=click.Choice(sorted(demo.DEMOS)), metavar="STATE")
@click.option(
    "--list",
    "listed",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda context, option, wanted: _list_demos(context) if wanted else None,
    help="List the states.",
)
def demo_command(state: str) -> None:
    """Serve a shop of its own whose panel is in STATE, until Ctrl-C.

    Nothing of your own shop is touched: its files are in a new folder that is deleted afterwards.
    """
    with tempfile.TemporaryDirectory(prefix=f"shop-{state}-") as folder:
        made = demo.make_demo(state, Path(folder) / "instance")

        with contextlib.suppress(KeyboardInterrupt), contextlib.closing(made):
            serve(
                made.app,
                lambda panel: [
                    *sign_in_lines(made.passwords),
                    f"Look at   {panel}{made.page}",
                    f"          as {demo.DEMOS[state].user}: {demo.DEMOS[state].sentence}",
                ],
            )


def _list_demos(context: click.Context) -> None:
    for name, shown in sorted(demo.DEMOS.items()):
        click.echo(f"{name:20} {shown.sentence}")
    context.exit()


def tell(passwords: c.Iterable[tuple[str, str]]) -> None:
    """Print how to sign in."""
    for line in sign_in_lines(passwords):
        click.echo(line)


def sign_in_lines(passwords: c.Iterable[tuple[str, str]]) -> c.Iterator[str]:
    """Yield the lines that say how to sign in; without passwords, how to get new ones."""
    known = list(passwords)

    if not known:
        yield "Sign in   as admin or dev, with the passwords printed at the first start"
        yield f"          forgotten? {NEW_PASSWORDS}"
        return

    for number, (name, password) in enumerate(known):
        label = "" if number else "Sign in"
        yield f"{label:10}{name:7}{password:14}{RIGHTS[first_start.USERS[name]]}"

    yield "          These passwords are not shown again."


def init_app(app: Flask) -> None:
    """Give the app its commands."""
    app.cli.add_command(first_start_command)
    app.cli.add_command(new_passwords_command)
    app.cli.add_command(demo_command)
