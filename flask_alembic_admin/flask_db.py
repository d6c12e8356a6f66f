"""``flask db``: the commands on the app that Flask's own command line has loaded."""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import ScriptInfo

from .cli import COMMANDS
from .cli.failures import EPILOG
from .core.migrator import Migrator
from .errors import SetupError


@click.group("db", epilog=EPILOG)
@click.pass_context
def cli(context: click.Context) -> None:
    """Run and write database migrations."""
    if not current_app:
        # `app.test_cli_runner()` and custom groups come here without an app context.
        app = context.ensure_object(ScriptInfo).load_app()
        context.with_resource(app.app_context())

    extension = current_app.extensions.get("alembic")

    if not isinstance(extension, Migrator):
        error = SetupError(
            f"The app '{current_app.name}' has no Alembic extension of Flask-Alembic-Admin.",
            "Call Alembic(app), or alembic.init_app(app) in the app factory.",
        )
        raise click.UsageError(str(error))

    context.obj = extension


for _command in COMMANDS:
    cli.add_command(_command)
