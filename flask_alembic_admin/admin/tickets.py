"""Tickets: a plan, signed for one user, good once and for 15 minutes.

The digest of the plan stands for its database, where that is, its steps and their files, and its
options. Good once it is because a plan becomes a run once.
"""

from __future__ import annotations

import datetime

from flask import current_app
from flask_login import current_user
from itsdangerous import BadData
from itsdangerous import SignatureExpired
from itsdangerous import URLSafeTimedSerializer

from ..errors import MigrationError

#: Seconds that a ticket is good for.
LIFETIME = 15 * 60


class BadTicket(MigrationError):
    """A ticket is not for this plan, this user or this time."""


def issue_ticket(plan_id: str, digest: str) -> str:
    """Return a ticket for a plan.

    :param plan_id: The plan's id in the ledger, which becomes a run only once.
    :param digest: The digest of what would be run.
    """
    return _serializer().dumps([plan_id, digest, current_user.get_id()])


def read_ticket(ticket: str) -> tuple[str, str]:
    """Return the id and the digest of the plan that a ticket is for.

    :param ticket: What came back from the form.
    :raises BadTicket: It is forged, too old, or somebody else's.
    """
    try:
        plan_id, digest, user = _serializer().loads(ticket, max_age=LIFETIME)
    except SignatureExpired:
        raise BadTicket("This plan was shown more than 15 minutes ago.", "Plan again.") from None
    except (BadData, ValueError, TypeError):
        raise BadTicket("This plan was not made here.", "Plan again.") from None

    if user != current_user.get_id():
        raise BadTicket("This plan was shown to somebody else.", "Plan again.")

    return plan_id, digest


def plan_of_ticket(ticket: str) -> str | None:
    """Return the id of the plan that a ticket says it is for, whether it is good or not.

    :param ticket: What came back from the form.
    """
    _, content = _serializer().loads_unsafe(ticket)
    plan_id = content[0] if isinstance(content, list) and content else None
    return plan_id if isinstance(plan_id, str) else None


def valid_until() -> datetime.datetime:
    """Return until when a ticket that is issued now is good."""
    return datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=LIFETIME)


def _serializer() -> URLSafeTimedSerializer:
    assert current_app.secret_key is not None
    return URLSafeTimedSerializer(current_app.secret_key, salt="flask-alembic-admin ticket")
