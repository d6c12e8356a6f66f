"""What programs ask: the state of every database as JSON, and whether all is well in one word."""

from __future__ import annotations

import datetime
import time
import typing as t

import sqlalchemy as sa
from flask import current_app
from flask import jsonify
from flask import make_response
from flask import Response
from flask.typing import ResponseReturnValue

from ...core.condition import seen_as
from ...core.ledger.tables import RunRecord
from ...core.project import Project
from ...core.settings import Settings
from ...core.status import database_status
from ...core.status import DatabaseStatus
from ...core.status import State
from ...errors import MigrationError
from ..access import current_project
from ..access import visible_databases
from ..ledger import last_run

#: What each state of a database is to whoever asks for one word, the worst first.
HEALTH: dict[State, str] = {
    "unreachable": "unreachable",
    "broken scripts": "broken",
    "interrupted": "interrupted",
    "ahead": "ahead",
    "never migrated": "pending",
    "pending": "pending",
    # A run takes nobody out of service who serves while it is at work.
    "running": "ok",
    "several heads": "ok",
    "up to date": "ok",
}
#: Seconds for which an answer is good.
GOOD_FOR = 1.0
_KEPT = "alembic_admin_health"


def status_json() -> ResponseReturnValue:
    """Tell where every database stands that the user may look at."""
    project = current_project()
    history = project.scripts.history()
    states = [database_status(project, name, history) for name in visible_databases()]
    return jsonify(databases=[_values(status) for status in states])


def health() -> ResponseReturnValue:
    """Say in one word whether every database is what the app's code expects."""
    alembic = current_app.extensions.get("alembic")
    settings = Settings.from_mapping(current_app.config.get("ALEMBIC_ADMIN", {}))

    if alembic is None or not settings.health:
        return _word("not found", 404)

    until, word = current_app.extensions.get(_KEPT, (0.0, ""))

    if time.monotonic() >= until:
        word = _health(current_project())
        current_app.extensions[_KEPT] = time.monotonic() + GOOD_FOR, word

    return _word(word, 200 if word == "ok" else 503)


def _health(project: Project) -> str:
    words = list(HEALTH.values())
    history = project.scripts.history()
    found = []

    for name in project.databases:
        try:
            found.append(HEALTH[database_status(project, name, history).state])
        except (MigrationError, sa.exc.SQLAlchemyError):
            found.append("unreachable")

    return min(found, key=words.index, default="ok")


def _word(word: str, status: int) -> Response:
    response = make_response(word, status)
    response.mimetype = "text/plain"
    return response


def _values(status: DatabaseStatus) -> dict[str, t.Any]:
    reachable = status.state != "unreachable"
    known = reachable and status.state != "broken scripts" and not status.unknown
    active = status.run if status.state == "running" else None
    return {
        "name": status.name,
        "state": status.state,
        "current": list(status.current) if reachable else None,
        "unknown": list(status.unknown) if reachable else None,
        "heads": list(status.heads),
        "pending": len(status.pending) if known else None,
        "active_run": _run_values(active),
        "last_run": _run_values(last_run(status.name)),
        "checked": _time(datetime.datetime.now(datetime.UTC)),
    }


def _run_values(record: RunRecord | None) -> dict[str, t.Any] | None:
    if record is None:
        return None

    return {
        "id": record.id,
        "action": record.action,
        "target": record.target,
        # Nobody may have written down yet that it is lost.
        "status": str(seen_as(current_project(), record)),
        "actor": record.actor,
        "requested": _time(record.requested),
        "started": _time(record.started),
        "finished": _time(record.finished),
    }


def _time(moment: datetime.datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
