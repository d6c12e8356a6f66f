"""Reading the ledger for pages, which open also when it cannot be read."""

from __future__ import annotations

import sqlalchemy as sa

from ..core.ledger import RunRecord
from .access import current_project


def last_run(database: str) -> RunRecord | None:
    """Return the newest run of a database, or None where the ledger tells of none."""
    try:
        return current_project().ledger.last(database)
    except sa.exc.SQLAlchemyError:
        # The page says that the database cannot be reached; its ledger is in it.
        return None
