"""The views, and the list of all routes with what each needs."""

from __future__ import annotations

import dataclasses
import typing as t

from flask.typing import ResponseReturnValue

from ..access import OF_RUN
from . import plans
from . import runs
from . import status


@dataclasses.dataclass(frozen=True)
class Route:
    """One rule of the URL map.

    :param method: ``GET`` or ``POST``.
    :param rule: The path below the panel's prefix.
    :param endpoint: The name for ``url_for``.
    :param view: What answers.
    :param permission: What the user needs.
    """

    method: t.Literal["GET", "POST"]
    rule: str
    endpoint: str
    view: t.Callable[..., ResponseReturnValue]
    permission: str


ROUTES = (
    Route("GET", "/", "index", status.index, "view"),
    Route("GET", "/db/<database>/", "status", status.show_status, "view"),
    Route("GET", "/db/<database>/history", "history", status.show_history, "view"),
    Route("POST", "/db/<database>/plans", "create_plan", plans.create_plan, "upgrade"),
    Route("GET", "/db/<database>/plans/<plan_id>", "plan", plans.show_plan, "upgrade"),
    Route("POST", "/db/<database>/runs", "create_run", plans.create_run, "upgrade"),
    Route("GET", "/db/<database>/runs", "runs", runs.show_runs, "view"),
    Route("GET", "/db/<database>/runs/<run_id>", "run", runs.show_run, "view"),
    Route("POST", "/db/<database>/runs/<run_id>/cancel", "cancel_run", runs.cancel_run, OF_RUN),
    Route(
        "POST",
        "/db/<database>/runs/<run_id>/cancel-statement",
        "cancel_statement",
        runs.cancel_statement,
        OF_RUN,
    ),
    Route("POST", "/db/<database>/runs/<run_id>/examined", "examine_run", runs.examine_run, OF_RUN),
)
