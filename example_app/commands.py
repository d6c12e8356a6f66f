"""What the shop adds to ``flask``, and the words in which passwords are told."""

from __future__ import annotations

import collections.abc as c

import click
import sqlalchemy as sa
from flask import current_app
from flask import Flask
from flask.cli import with_appcontext

from . import first_start

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
