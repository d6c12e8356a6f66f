"""What a database itself says about its version."""

from __future__ import annotations

import collections.abc as c
import typing as t

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext

from ...errors import SetupError
from ...errors import TargetError
from .. import internals
from .database import Database
from .engines import is_not_made


def version_place(context_options: c.Mapping[str, t.Any]) -> tuple[str, str | None]:
    """Return the name of the version table, and its schema where it is in one of its own.

    :param context_options: Options for ``configure()``.
    """
    name = context_options.get("version_table", "alembic_version")
    return name, context_options.get("version_table_schema")


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
    if is_not_made(database.engine):
        return ()

    with database.connect() as connection:
        return look_at(connection, context_options, search_path)[0]


def look_at(
    connection: sa.Connection,
    context_options: c.Mapping[str, t.Any],
    search_path: str | None = None,
) -> tuple[tuple[str, ...], MigrationContext]:
    """Return the ids in the version table, and a context to look further with.

    Nothing is written and no lock is taken.

    :param connection: To the database to ask.
    :param context_options: Options for ``configure()``, which may name the version table.
    :param search_path: Where PostgreSQL looks for it; where it always does if None.
    """
    options = {
        key: context_options[key]
        for key in ("version_table", "version_table_schema")
        if key in context_options
    }

    if search_path is not None:
        # Until the end of this transaction.
        connection.execute(sa.select(sa.func.set_config("search_path", search_path, True)))

    context = MigrationContext.configure(connection, opts=options)
    return context.get_current_heads(), context


def check_schema(context: MigrationContext, database: str) -> None:
    """Refuse to make the version table in a schema that is not there, or is not looked into.

    :param context: The database's context, connected.
    :param database: The database's name.
    :raises SetupError: There is no such schema, or its name is translated.
    """
    connection, schema = context.connection, internals.version_table(context).schema
    assert connection is not None

    if internals.has_version_table(context):
        return

    inspector = sa.inspect(connection)
    translated = connection.get_execution_options().get("schema_translate_map") or {}
    real = translated.get(schema, schema)

    # Alembic makes it where the map leads, and looks for it as if there were none.
    if real != schema and (schema is not None or real != inspector.default_schema_name):
        raise SetupError(
            f"The engine of database '{database}' has a 'schema_translate_map' that leads to "
            f"'{real}', where Alembic would not find its version table again.",
            "Pass 'engines' to Alembic() with an engine without it, and set a search_path or "
            "ALEMBIC_CONTEXT['version_table_schema'] instead.",
        )

    if real is not None and not inspector.has_schema(real):
        raise SetupError(
            f"Database '{database}' has no schema '{real}', where ALEMBIC_CONTEXT"
            "['version_table_schema'] says that the version table is.",
            f'Create it first (CREATE SCHEMA "{real}"), or name one that is there.',
        )


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
