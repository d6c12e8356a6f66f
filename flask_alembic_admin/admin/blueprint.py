"""The blueprint: where its files are, what each route needs, and nothing of what it shows."""

from __future__ import annotations

import typing as t
from importlib.metadata import version
from pathlib import Path

import click
import sqlalchemy as sa
from flask import Blueprint
from flask import current_app
from flask import request
from flask import url_for
from flask.sansio.app import App
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from ..core.checks.job import run_check
from ..core.quantities import duration
from ..core.quantities import size
from ..core.risks import risk
from ..core.runs.job import run_job
from ..core.runs.signals import ended_by_signal
from ..core.runs.signals import Signals
from ..core.settings import Settings
from ..errors import MigrationError
from ..errors import SetupError
from ..runners import celery_runner
from ..runners.process import CHECK_COMMAND
from ..runners.process import COMMAND
from . import access
from .estimates import lock_badge
from .estimates import rows_words
from .estimates import work_words
from .frame import make_frame
from .presenters import date_and_time
from .presenters import short
from .responses import add_headers
from .responses import database_error_page
from .responses import http_error_page
from .responses import migration_error_page
from .source import coloured
from .translation import gettext
from .translation import ngettext
from .views import ROUTES

_VERSION = version("Flask-Alembic-Admin")

#: What a permission rule is asked about.
Action: t.TypeAlias = t.Literal[
    "view", "upgrade", "downgrade", "stamp", "revision", "merge", "audit"
]
#: Gets the user, an action and a database's name, and says whether it may be.
PermissionRule: t.TypeAlias = t.Callable[[t.Any, Action, str], bool]
_Rule = t.TypeVar("_Rule", bound=PermissionRule)


class AlembicAdmin(Blueprint):
    """The panel. Nobody gets in before a permission rule is set.

    :param name: The blueprint's name, which begins the names of its endpoints.
    :param url_prefix: Where its pages are.
    :param options: Further options of ``flask.Blueprint``.
    """

    #: Makes a rule of a function: what a plan's findings are made of.
    risk = staticmethod(risk)

    def __init__(
        self, name: str = "alembic_admin", *, url_prefix: str = "/alembic", **options: t.Any
    ) -> None:
        folder = _assets_folder()
        super().__init__(
            name,
            __name__,
            url_prefix=url_prefix,
            template_folder=str(folder / "templates"),
            static_folder=str(folder / "static"),
            static_url_path="/static",
            cli_group=COMMAND[0],
            **options,
        )
        # Our own attribute, not a set-up method: those refuse to work after a registration.
        self.permission_rule: PermissionRule | None = None
        self._routes = {route.endpoint: route for route in ROUTES}

        for route in ROUTES:
            self.add_url_rule(route.rule, route.endpoint, route.view, methods=[route.method])

        self.before_request(self._refuse_or_go_on)
        self.after_request(add_headers)
        self.teardown_request(access.close)
        self.register_error_handler(HTTPException, http_error_page)
        self.register_error_handler(MigrationError, migration_error_page)
        self.register_error_handler(sa.exc.SQLAlchemyError, database_error_page)
        self.context_processor(self._template_values)
        self.app_template_filter("aa_short")(short)
        self.app_template_filter("aa_time")(date_and_time)
        self.app_template_filter("aa_duration")(duration)
        self.app_template_filter("aa_size")(size)
        self.app_template_filter("aa_rows")(rows_words)
        self.app_template_filter("aa_work")(work_words)
        self.app_template_filter("aa_lock")(lock_badge)
        self.app_template_filter("aa_coloured")(coloured)
        self.cli.help = "Carry out what was started in the migrations panel."
        self.cli.hidden = True
        self.cli.command(COMMAND[1])(_run_job_command)
        self.cli.command(CHECK_COMMAND[1])(_run_check_command)

    def permission(self, rule: _Rule) -> _Rule:
        """Set the rule that says who may do what; a decorator.

        :param rule: Gets the user, an action and a database's name. Only True lets in.
        """
        self.permission_rule = rule
        return rule

    def register(self, app: App, options: dict[str, t.Any]) -> None:
        """Register the panel on an app.

        :raises SetupError: ``ALEMBIC_ADMIN`` cannot be what it is, or Celery is missing that it
            asks for.
        """
        settings = Settings.from_mapping(app.config.get("ALEMBIC_ADMIN", {}))

        # A worker, which loads the app as well, has to know the tasks before the first one comes.
        if settings.runner == "celery":
            celery_runner()

        super().register(app, options)

    def _refuse_or_go_on(self) -> ResponseReturnValue | None:
        endpoint = (request.endpoint or "").rpartition(".")[2]

        # A style sheet tells nothing, and pages that refuse need it too.
        if endpoint == "static":
            return None

        route = self._routes.get(endpoint)

        # Who only asks whether the panel is well is told one word.
        if route is not None and route.permission == access.NONE:
            return None

        if route is None:
            return access.check(None)

        return access.check(route.permission, route.changes, route.command)

    def _template_values(self) -> dict[str, t.Any]:
        return {
            "_": gettext,
            "ngettext": ngettext,
            "asset": _asset,
            "page_frame": make_frame,
            "may": access.may,
            "command_name": lambda: access.current_project().command,
        }


def _asset(filename: str) -> str:
    """Return the URL of a static file, which changes with each version of the panel."""
    return url_for(".static", filename=filename, v=_VERSION)


def _assets_folder() -> Path:
    """Return the folder that holds templates and static files: here in a wheel, else beside it."""
    package = Path(__file__).resolve().parent.parent
    folder = package if (package / "templates").is_dir() else package.parent

    if not (folder / "templates" / "alembic_admin").is_dir():
        raise SetupError(
            f"The panel's templates are not in {folder / 'templates'}.",
            "Install Flask-Alembic-Admin again, from a wheel or from its source tree.",
        )

    return folder


@click.argument("run_id")
@click.pass_context
def _run_job_command(context: click.Context, run_id: str) -> None:
    """Carry out a run that was queued in the panel."""
    try:
        with Signals() as signals:
            if not run_job(current_app.extensions["alembic"], run_id, signals=signals):
                raise click.UsageError(f"There is no queued run {run_id}.")
    except MigrationError as error:
        click.echo(str(error), err=True)
        context.exit(3)


@click.argument("check_id")
@click.pass_context
def _run_check_command(context: click.Context, check_id: str) -> None:
    """Carry out a check that was asked for in the panel."""
    try:
        with ended_by_signal():
            if not run_check(current_app.extensions["alembic"], check_id):
                raise click.UsageError(f"There is no queued check {check_id}.")
    except MigrationError as error:
        click.echo(str(error), err=True)
        context.exit(3)
