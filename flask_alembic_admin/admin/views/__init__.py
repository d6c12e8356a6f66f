"""The views, and the list of all routes with what each needs."""

from __future__ import annotations

import dataclasses
import typing as t

from flask.typing import ResponseReturnValue

from ..access import NONE
from ..access import OF_FORM
from ..access import OF_RUN
from ..access import OF_TICKET
from . import actions
from . import diff
from . import drafts
from . import forensics
from . import heads
from . import history
from . import ledger
from . import machine
from . import plans
from . import rehearsals
from . import revision
from . import rules
from . import run_feed
from . import runs
from . import status
from . import theme
from . import verification


@dataclasses.dataclass(frozen=True)
class Route:
    """One rule of the URL map.

    :param method: ``GET`` or ``POST``.
    :param rule: The path below the panel's prefix.
    :param endpoint: The name for ``url_for``.
    :param view: What answers.
    :param permission: What the user needs.
    :param changes: Whether it may begin something or let it begin, which a panel that is read-only
        refuses. To stop a run is never refused.
    :param command: What does the same on a command line; called as the permission if empty.
    """

    method: t.Literal["GET", "POST"]
    rule: str
    endpoint: str
    view: t.Callable[..., ResponseReturnValue]
    permission: str
    changes: bool = False
    command: str = ""


_DATABASE = "/db/<database>"
_RUN = f"{_DATABASE}/runs/<run_id>"

ROUTES = (
    Route("GET", "/", "index", status.index, "view"),
    Route("POST", "/theme", "theme", theme.choose_theme, "view"),
    Route("GET", f"{_DATABASE}/", "status", status.show_status, "view"),
    Route("GET", f"{_DATABASE}/history", "history", history.show_history, "view"),
    Route("GET", f"{_DATABASE}/revisions/<revision>", "revision", revision.show_revision, "view"),
    Route("GET", f"{_DATABASE}/heads", "heads", heads.show_heads, "view"),
    Route("GET", f"{_DATABASE}/diff", "diff", diff.show_diff, "view"),
    Route("POST", f"{_DATABASE}/diff", "compare", diff.compare, "view"),
    Route(
        "GET", f"{_DATABASE}/verification", "verification", verification.show_verification, "view"
    ),
    Route(
        "POST",
        f"{_DATABASE}/verification",
        "verify",
        verification.verify,
        "downgrade",
        changes=True,
        command="verify",
    ),
    Route("GET", f"{_DATABASE}/actions", "actions", actions.show_actions, "view"),
    Route("POST", f"{_DATABASE}/plans", "create_plan", plans.create_plan, OF_FORM),
    Route("GET", f"{_DATABASE}/plans/<plan_id>", "plan", plans.show_plan, OF_RUN),
    Route(
        "POST",
        f"{_DATABASE}/plans/<plan_id>/rehearsals",
        "create_rehearsal",
        rehearsals.create_rehearsal,
        OF_RUN,
        changes=True,
    ),
    Route("POST", f"{_DATABASE}/runs", "create_run", plans.create_run, OF_TICKET, changes=True),
    Route("POST", f"{_DATABASE}/drafts", "create_draft", drafts.create_draft, OF_FORM),
    Route("GET", f"{_DATABASE}/drafts/<plan_id>", "draft", drafts.show_draft, OF_RUN),
    Route("POST", f"{_DATABASE}/files", "write_draft", drafts.write_file, OF_TICKET, changes=True),
    Route("GET", f"{_DATABASE}/runs", "runs", runs.show_runs, "view"),
    Route("GET", _RUN, "run", runs.show_run, "view"),
    Route("GET", f"{_RUN}/events", "run_events", run_feed.run_events, "view"),
    Route("GET", f"{_RUN}/log.txt", "run_log", run_feed.run_log, "view"),
    Route("POST", f"{_RUN}/cancel", "cancel_run", runs.cancel_run, OF_RUN),
    Route("POST", f"{_RUN}/cancel-statement", "cancel_statement", runs.cancel_statement, OF_RUN),
    Route("POST", f"{_RUN}/examined", "examine_run", runs.examine_run, OF_RUN, changes=True),
    Route("POST", f"{_RUN}/look", "look_at_run", forensics.look_at_run, OF_RUN),
    Route("POST", f"{_RUN}/rest", "plan_rest", forensics.plan_the_rest, OF_RUN),
    Route("GET", "/rules", "rules", rules.show_rules, "view"),
    Route("GET", "/ledger", "ledger", ledger.show_ledger, "audit"),
    Route("GET", "/ledger.csv", "ledger_csv", ledger.ledger_csv, "audit"),
    Route("GET", "/ledger.json", "ledger_json", ledger.ledger_json, "audit"),
    Route("GET", "/status.json", "status_json", machine.status_json, "view"),
    Route("GET", "/health", "health", machine.health, NONE),
)
