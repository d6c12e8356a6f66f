"""What a step would send, as data that rules can look at."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t


@dataclasses.dataclass(frozen=True)
class Operation:
    """One thing that a step would send; a step has them in order.

    :param kind: What it does, such as ``drop_column``; ``execute`` where that is not known.
    :param sql: As it would be sent, with its parameters filled in.
    :param table: The table's name, without its schema.
    :param schema: The schema, where one is named.
    :param column: The column's name.
    :param name: Of an index, a constraint or a type, or the new name where something is renamed.
    :param construct: The element of SQLAlchemy or Alembic; None for plain text.
    :param file: The revision file, or a helper beside it, that asked for it.
    :param line: The line there.
    :param in_autocommit: Whether it is sent outside of the step's transaction.
    :param in_batch: Whether it stands in a ``batch_alter_table``.
    :param details: What else is known, by kind.
    :param statement: The number of the statement that it is a part of, within its step; one
        statement may do several things.
    :param past_alembic: Whether the step sends it on its connection, and not by ``op``.
    """

    kind: str
    sql: str
    table: str | None = None
    schema: str | None = None
    column: str | None = None
    name: str | None = None
    construct: object | None = None
    file: str | None = None
    line: int | None = None
    in_autocommit: bool = False
    in_batch: bool = False
    details: c.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    statement: int = 0
    past_alembic: bool = False

    @property
    def table_key(self) -> tuple[str | None, str] | None:
        """Schema and table, as rules ask for them; None where no table is named."""
        return None if self.table is None else (self.schema, self.table)
