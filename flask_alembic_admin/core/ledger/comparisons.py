"""The last comparison of each database with its models: kept, replaced and read."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

import sqlalchemy as sa

from .report import LedgerReports
from .store import make_tables
from .tables import COMPARISON


@dataclasses.dataclass(frozen=True)
class ComparisonRecord:
    """A comparison of a database with its models, as the ledger has it.

    :param database: The database's name.
    :param time: When it began.
    :param seconds: How long it took.
    :param heads: What the database was at.
    :param content: What was found, as it was given.
    """

    database: str
    time: datetime.datetime
    seconds: float
    heads: tuple[str, ...]
    content: t.Any


class LedgerComparisons(LedgerReports):
    """Keep what a comparison has found until the next one of the same database.

    :param engine: Where the tables are, or will be.
    """

    def keep_comparison(self, record: ComparisonRecord) -> None:
        """Keep a comparison in the place of the last one of its database.

        :param record: Its ``content`` is whatever :func:`json.dumps` takes.
        """
        values = {**dataclasses.asdict(record), "heads": list(record.heads)}

        with self.kept_open() as ledger:
            # Also where the ledger was made by a version that had no such table.
            make_tables(ledger.engine)

            if _replace(ledger.engine, values):
                return

            try:
                with ledger.engine.begin() as connection:
                    connection.execute(sa.insert(COMPARISON), values)
            except sa.exc.IntegrityError:
                # Somebody else has compared at the same moment.
                _replace(ledger.engine, values)

    def comparison(self, database: str) -> ComparisonRecord | None:
        """Return the last comparison of a database with its models.

        :param database: The database's name.
        """
        statement = sa.select(COMPARISON).where(COMPARISON.c.database == database)

        for row in self._rows(COMPARISON, statement):
            return ComparisonRecord(**{**row, "heads": tuple(row["heads"])})

        return None


def _replace(engine: sa.Engine, values: dict[str, t.Any]) -> bool:
    statement = sa.update(COMPARISON).where(COMPARISON.c.database == values["database"])

    with engine.begin() as connection:
        return connection.execute(statement.values(values)).rowcount > 0
