"""Tickets: a plan, signed for one user, for 15 minutes."""

from __future__ import annotations

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


def _serializer() -> URLSafeTimedSerializer:
    assert current_app.secret_key is not None
    return URLSafeTimedSerializer(current_app.secret_key, salt="flask-alembic-admin ticket")
