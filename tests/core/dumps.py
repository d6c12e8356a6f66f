"""All that a database holds, asked without any of the code under test."""

from __future__ import annotations

import sqlite3
import typing as t

import sqlalchemy as sa

_POSTGRESQL = (
    "SELECT oid, relname, relkind, relfilenode FROM pg_class "
    "WHERE relnamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_toast') "
    "ORDER BY oid",
    "SELECT attrelid, attname, atttypid, atttypmod, attnotnull FROM pg_attribute "
    "ORDER BY attrelid, attnum",
    "SELECT conrelid, conname, pg_get_constraintdef(oid) FROM pg_constraint ORDER BY oid",
    "SELECT oid, typname FROM pg_type ORDER BY oid",
    "SELECT nspname FROM pg_namespace ORDER BY oid",
    "SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2",
    "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()",
)


def dump(url: sa.URL) -> list[str]:
    """Return all that is in a database: what there is, how it is made, and each row.

    :param url: The database.
    """
    engine = sa.create_engine(url, poolclass=sa.NullPool)

    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            driver = t.cast(sqlite3.Connection, connection.connection.driver_connection)
            return list(driver.iterdump())

        tables = sorted(sa.inspect(connection).get_table_names())
        quote = connection.dialect.identifier_preparer.quote_identifier
        questions = [f"SELECT * FROM {quote(table)}" for table in tables]

        if engine.dialect.name == "postgresql":
            questions += _POSTGRESQL
        else:
            questions += [f"SHOW CREATE TABLE {quote(table)}" for table in tables]
            questions += ["SHOW FULL TABLES", "SHOW TRIGGERS", "SHOW TABLE STATUS"]

        found = []

        for question in questions:
            rows = connection.exec_driver_sql(question).all()
            found.append(question)
            found += sorted(map(str, rows)) if question.startswith("SELECT *") else map(str, rows)

        return found


def dump_of(engine: sa.Engine) -> dict[str, t.Any]:
    """Return the definition and the rows of each table: what people would look at.

    :param engine: To the database.
    """
    other = sa.create_engine(engine.url, poolclass=sa.NullPool)
    inspector = sa.inspect(other)
    dump: dict[str, t.Any] = {"views": sorted(inspector.get_view_names())}

    for table in sorted(inspector.get_table_names()):
        columns = [(one["name"], str(one["type"])) for one in inspector.get_columns(table)]
        with other.connect() as connection:
            rows = connection.exec_driver_sql(f"SELECT * FROM {table}").fetchall()
        dump[table] = columns, sorted(map(repr, rows)), str(inspector.get_indexes(table))

    return dump


def scratch_databases(engine: sa.Engine) -> set[str]:
    """Return the scratch databases that a server has.

    :param engine: To a database of that server.
    """
    questions = {
        "postgresql": "SELECT datname FROM pg_database",
        "mysql": "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA",
    }

    with engine.connect() as connection:
        names = connection.scalars(sa.text(questions[engine.dialect.name])).all()

    return {name for name in names if name.startswith("alembic_admin_scratch_")}
