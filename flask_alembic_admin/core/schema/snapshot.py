"""Looking at what a database is made of."""

from __future__ import annotations

import collections.abc as c
import typing as t

import sqlalchemy as sa

from .parts import Part
from .parts import Snapshot

#: Schemas of the servers themselves.
_SYSTEM = ("pg_", "information_schema")

#: Kinds of SQL that only some servers have, each with what is asked there: kind, table, name, text.
_FURTHER: c.Mapping[str, tuple[str, ...]] = {
    "sqlite": (
        "SELECT type, CASE type WHEN 'trigger' THEN tbl_name ELSE '' END, name, sql "
        "FROM sqlite_master WHERE type IN ('view', 'trigger')",
    ),
    "mysql": (
        "SELECT 'view', '', TABLE_NAME, VIEW_DEFINITION FROM information_schema.VIEWS "
        "WHERE TABLE_SCHEMA = DATABASE()",
        "SELECT 'trigger', EVENT_OBJECT_TABLE, TRIGGER_NAME, "
        "concat_ws(' ', ACTION_TIMING, EVENT_MANIPULATION, ACTION_STATEMENT) "
        "FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()",
        "SELECT lower(ROUTINE_TYPE), '', ROUTINE_NAME, ROUTINE_DEFINITION "
        "FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()",
        "SELECT 'table options', TABLE_NAME, '', concat_ws(' ', ENGINE, TABLE_COLLATION) "
        "FROM information_schema.TABLES "
        "WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'",
    ),
    "postgresql": (
        "SELECT 'extension', '', extname, '' FROM pg_extension",
        "SELECT 'schema', '', nspname, '' FROM pg_namespace "
        "WHERE left(nspname, 3) <> 'pg_' AND nspname <> 'information_schema'",
        "SELECT CASE relkind WHEN 'S' THEN 'sequence' WHEN 'm' THEN 'materialized view' "
        "ELSE 'view' END, '', CAST(pg_class.oid AS regclass)::text, "
        "CASE relkind WHEN 'S' THEN (SELECT concat_ws(' ', CAST(seqtypid AS regtype), seqstart, "
        "seqincrement, seqmin, seqmax, seqcycle) FROM pg_sequence WHERE seqrelid = pg_class.oid) "
        "ELSE pg_get_viewdef(pg_class.oid) END "
        "FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace "
        "WHERE relkind IN ('S', 'v', 'm') AND left(nspname, 3) <> 'pg_' "
        "AND nspname <> 'information_schema' AND NOT EXISTS (SELECT FROM pg_depend "
        # A sequence that is a column's goes with that.
        "WHERE deptype IN ('a', 'i') AND classid = CAST('pg_class' AS regclass) "
        "AND objid = pg_class.oid AND relkind = 'S')",
        "SELECT CASE typtype WHEN 'e' THEN 'enum' ELSE 'domain' END, '', "
        "CAST(pg_type.oid AS regtype)::text, coalesce((SELECT string_agg(enumlabel, ', ' "
        "ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = pg_type.oid), "
        "concat_ws(' ', format_type(typbasetype, typtypmod), typnotnull, typdefault, "
        "(SELECT string_agg(pg_get_constraintdef(c.oid), ' ' ORDER BY conname) "
        "FROM pg_constraint AS c WHERE contypid = pg_type.oid))) "
        "FROM pg_type JOIN pg_namespace AS n ON n.oid = typnamespace "
        "WHERE typtype IN ('e', 'd') AND left(nspname, 3) <> 'pg_' "
        "AND nspname <> 'information_schema'",
        "SELECT 'trigger', CAST(tgrelid AS regclass)::text, tgname, pg_get_triggerdef(oid) "
        "FROM pg_trigger WHERE NOT tgisinternal",
        "SELECT 'routine', '', CAST(pg_proc.oid AS regprocedure)::text, "
        "CASE WHEN prokind = 'a' THEN '' ELSE pg_get_functiondef(pg_proc.oid) END "
        "FROM pg_proc JOIN pg_namespace AS n ON n.oid = pronamespace "
        "WHERE left(nspname, 3) <> 'pg_' AND nspname <> 'information_schema' "
        "AND NOT EXISTS (SELECT FROM pg_depend WHERE deptype = 'e' AND objid = pg_proc.oid "
        "AND classid = CAST('pg_proc' AS regclass))",
    ),
}
_FURTHER = {**_FURTHER, "mariadb": _FURTHER["mysql"]}


class Snapshots:
    """Takes snapshots of one database, one after the other; what has not changed is known already.

    :param hidden: Tables that count for nothing: the schema of each, None for the usual one, and
        its name.
    """

    def __init__(self, hidden: c.Collection[tuple[str | None, str]] = ()) -> None:
        self._hidden = frozenset(hidden)
        #: The text that has defined each table, and its parts.
        self._known: dict[str, tuple[str, dict[Part, dict[str, str]]]] = {}

    def take(self, connection: sa.Connection) -> Snapshot:
        """Return what the database is made of now.

        :param connection: To the database.
        """
        inspector = sa.inspect(connection)
        usual = inspector.default_schema_name
        parts: dict[Part, dict[str, str]] = {}

        for schema in _schemas(inspector):
            shown = None if schema == usual else schema
            names = [
                name
                for name in inspector.get_table_names(schema)
                if (shown, name) not in self._hidden
            ]
            parts.update(self._tables(connection, inspector, schema, shown, names))

        hidden = {f"{schema}.{name}" if schema else name for schema, name in self._hidden}

        for question in _FURTHER.get(connection.dialect.name, ()):
            for kind, table, name, text in connection.exec_driver_sql(question.replace("%", "%%")):
                if table not in hidden:
                    parts[Part(kind, table or "", name or "")] = {"definition": text or ""}

        return Snapshot(parts)

    def _tables(
        self,
        connection: sa.Connection,
        inspector: sa.Inspector,
        schema: str | None,
        shown: str | None,
        names: list[str],
    ) -> c.Iterator[tuple[Part, dict[str, str]]]:
        """Yield the parts of some tables; those are asked for that are defined by another text."""
        texts = _definitions(connection, names)
        changed = [
            name
            for name in names
            if name not in texts or self._known.get(name, ("",))[0] != texts[name]
        ]
        found: dict[str, dict[Part, dict[str, str]]] = {}

        if changed:
            for (_, name), facts in _reflected(inspector, schema, changed).items():
                parts: dict[Part, dict[str, str]] = {}
                full = f"{shown}.{name}" if shown else name
                _add_table(parts, full, facts, connection.dialect)
                found[name] = parts

        for name in names:
            if name in changed:
                self._known[name] = texts.get(name, ""), found.get(name, {})
            yield from self._known[name][1].items()


def _definitions(connection: sa.Connection, names: list[str]) -> dict[str, str]:
    """Return the text that defines each table, where a server tells it for less than the rest."""
    if connection.dialect.name == "sqlite":
        question = "SELECT tbl_name, sql FROM sqlite_master ORDER BY name"
        texts: dict[str, str] = {}

        for table, text in connection.exec_driver_sql(question):
            texts[table] = f"{texts.get(table, '')}{text};"

        return texts

    if connection.dialect.name in {"mysql", "mariadb"}:
        quote = connection.dialect.identifier_preparer.quote_identifier
        asked = {name: f"SHOW CREATE TABLE {quote(name)}".replace("%", "%%") for name in names}
        return {name: str(connection.exec_driver_sql(sql).one()[1]) for name, sql in asked.items()}

    return {}


#: What is known of one table, by kind; a dict for some, a list of them for others.
_Facts: t.TypeAlias = "dict[str, t.Any]"

_MANY = ("columns", "indexes", "unique_constraints", "foreign_keys", "check_constraints")
_ONE = ("pk_constraint", "table_comment")


def _schemas(inspector: sa.Inspector) -> list[str | None]:
    if inspector.dialect.name != "postgresql":
        # In SQLite others are other files, in MySQL other databases.
        return [None]

    return [name for name in inspector.get_schema_names() if not name.startswith(_SYSTEM)]


def _reflected(
    inspector: sa.Inspector, schema: str | None, names: list[str]
) -> dict[tuple[str | None, str], _Facts]:
    """Return what is known of some tables of a schema, asked in bulk where the server can."""
    facts: dict[tuple[str | None, str], _Facts] = {}

    for kind in (*_MANY, *_ONE):
        try:
            found = getattr(inspector, f"get_multi_{kind}")(schema=schema, filter_names=names)
        except NotImplementedError:
            # Such as comments in SQLite.
            continue

        for key, value in found.items():
            facts.setdefault(key, {})[kind] = value

    return facts


def _add_table(
    parts: dict[Part, dict[str, str]], table: str, facts: _Facts, dialect: sa.Dialect
) -> None:
    comment = (facts.get("table_comment") or {}).get("text")
    parts[Part("table", "", table)] = {"comment": comment} if comment else {}

    for column in facts.get("columns", ()):
        said = {**column, "type": _type(column["type"], dialect)}
        parts[Part("column", table, said.pop("name"))] = _texts(said)

    key = facts.get("pk_constraint") or {}

    if key.get("constrained_columns"):
        _add(parts, "primary key", table, key, key["constrained_columns"])

    for index in facts.get("indexes", ()):
        if not index.get("duplicates_constraint"):
            columns = index.get("expressions") or index["column_names"]
            _add(parts, "index", table, index, columns)

    for unique in facts.get("unique_constraints", ()):
        if not unique.get("duplicates_index"):
            _add(parts, "unique constraint", table, unique, unique["column_names"])

    for foreign in facts.get("foreign_keys", ()):
        _add(parts, "foreign key", table, foreign, foreign["constrained_columns"])

    for check in facts.get("check_constraints", ()):
        _add(parts, "check constraint", table, check, [check["sqltext"]])


def _add(
    parts: dict[Part, dict[str, str]],
    kind: str,
    table: str,
    facts: c.Mapping[str, t.Any],
    consists_of: c.Sequence[str | None],
) -> None:
    named = facts.get("name") or f"({', '.join(str(item) for item in consists_of)})"
    parts[Part(kind, table, named)] = _texts({**facts, "name": None})


def _texts(facts: c.Mapping[str, t.Any]) -> dict[str, str]:
    """Return facts as texts, without those that say nothing."""
    return {
        key.replace("_", " "): _text(value)
        for key, value in facts.items()
        if value not in (None, [], {}, ())
    }


def _text(value: t.Any) -> str:
    if isinstance(value, c.Mapping):
        # An option that says nothing may come and go with the version of a server.
        said = {key: one for key, one in value.items() if one not in (None, [], {}, ())}
        return ", ".join(f"{key} {_text(said[key])}" for key in sorted(said))

    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))

    return str(value)


def _type(type_: sa.types.TypeEngine[t.Any], dialect: sa.Dialect) -> str:
    try:
        return type_.compile(dialect)
    except (sa.exc.CompileError, NotImplementedError):
        # One that this version of SQLAlchemy cannot reflect.
        return type(type_).__name__
