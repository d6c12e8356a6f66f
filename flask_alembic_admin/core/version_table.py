"""What a database itself says about its version."""

from __future__ import annotations

import collections.abc as c
import typing as t

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext

from ..errors import TargetError
from . import internals
from .database import Database


def read_heads(
    database: Database, context_options: c.Mapping[str, t.Any], search_path: str | None = None
) -> tuple[str, ...]:
    """Return the ids in the version table, read on a new connection.

    Nothing is written, no lock is taken and no revision file is looked at.

    :param database: The database to ask.
    :param context_options: Options for ``configure()``, which may name the version table.
    :param search_path: Where PostgreSQL looks for it; where it always does if None.
    :raises UnreachableDatabase: No connection could be opened.
    """
    options = {
        key: context_options[key]
        for key in ("version_table", "version_table_schema")
        if key in context_options
    }

    with database.connect() as connection:
        if search_path is not None:
            # Until the end of this transaction.
            connection.execute(sa.select(sa.func.set_config("search_path", search_path, True)))

        return MigrationContext.configure(connection, opts=options).get_current_heads()


def check_id_length(context: MigrationContext, revisions: c.Iterable[str]) -> None:
    """Refuse ids that the version column of a database cannot hold.

    :param context: The database's context, connected.
    :param revisions: The ids that are to be written.
    :raises TargetError: One of them is too long.
    """
    limit = _column_length(context)
    too_long = [revision for revision in revisions if limit and len(revision) > limit]

    if too_long:
        table = internals.version_table(context).fullname
        raise TargetError(
            f"Revision id '{too_long[0]}' has {len(too_long[0])} characters and the column "
            f"{table}.version_num holds {limit}.",
            f"Use an id of at most {limit} characters, or widen the column first.",
        )


def _column_length(context: MigrationContext) -> int | None:
    table = internals.version_table(context)
    assert context.connection is not None
    inspector = sa.inspect(context.connection)

    if inspector.has_table(table.name, schema=table.schema):
        # The column may have been widened by hand.
        columns = inspector.get_columns(table.name, schema=table.schema)
        types = {column["name"]: column["type"] for column in columns}
        found = types.get("version_num", table.c.version_num.type)
    else:
        found = table.c.version_num.type

    # SQLite keeps any length, whatever was declared.
    if context.dialect.name == "sqlite":
        return None

    return getattr(found, "length", None)
