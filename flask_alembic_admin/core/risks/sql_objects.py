"""What is created, dropped, altered and kept in order by SQL text: tables and all other things."""

from __future__ import annotations

import collections.abc as c
import typing as t

from ..recorder.operations import Operation
from .sql_alter import alter_table
from .sql_columns import read_column
from .sql_columns import read_constraint
from .sql_reader import Reader

#: Words between a verb and the object that it creates or drops.
_BETWEEN = (
    "OR",
    "REPLACE",
    "TEMP",
    "TEMPORARY",
    "UNLOGGED",
    "GLOBAL",
    "LOCAL",
    "VIRTUAL",
    "RECURSIVE",
    "UNIQUE",
    "FULLTEXT",
    "SPATIAL",
    "CONSTRAINT",
    "FOREIGN",
    "EVENT",
)

Operations: t.TypeAlias = list[Operation]


def _drop(reader: Reader, text: str) -> Operations:
    details: dict[str, t.Any] = {}
    details["temporary"] = bool(reader.accept("TEMPORARY"))
    kind = _object(reader)
    concurrently = reader.accept("CONCURRENTLY")
    details["if_exists"] = reader.accept("IF", "EXISTS")

    if kind == "index":
        details["concurrently"] = concurrently
        found = reader.qualified_list()
        table_schema, table = reader.qualified() if reader.accept("ON") else (None, None)
        return [
            Operation(
                "drop_index",
                text,
                table=table,
                schema=table_schema or schema,
                name=name,
                details=details,
            )
            for schema, name in found
        ]

    found = reader.qualified_list()
    details["cascade"] = "CASCADE" in reader.outer_words()

    if kind == "table":
        return [
            Operation("drop_table", text, table=name, schema=schema, details=details)
            for schema, name in found
        ]

    return [
        Operation(f"drop_{kind}", text, schema=schema, name=name, details=details)
        for schema, name in found
    ]


def _object(reader: Reader) -> str:
    """Step over what kind of thing a statement is about and return it."""
    if reader.accept("MATERIALIZED", "VIEW"):
        return "materialized_view"

    word = reader.word()
    reader.skip()
    return word.lower()


def _create(reader: Reader, text: str) -> Operations:
    seen = set()

    while reader.word() in _BETWEEN and reader.word(1) != "":
        seen.add(reader.word())
        reader.skip()

    if reader.accept("DEFINER"):
        while not reader.at_end() and reader.word() not in {
            "TRIGGER",
            "PROCEDURE",
            "FUNCTION",
            "VIEW",
            "EVENT",
        }:
            reader.skip()

    kind = _object(reader)
    concurrently = reader.accept("CONCURRENTLY")
    details: dict[str, t.Any] = {"if_not_exists": reader.accept("IF", "NOT", "EXISTS")}

    if kind == "index":
        details.update(concurrently=concurrently, unique="UNIQUE" in seen)
        name = None if reader.word() == "ON" else reader.qualified()[1]
        return _create_index(reader, text, name, details)

    schema, name = reader.qualified()

    if kind == "table":
        details["temporary"] = bool(seen & {"TEMP", "TEMPORARY"})
        details.update(_table_details(reader))
        return [Operation("create_table", text, table=name, schema=schema, details=details)]

    details["replace"] = "REPLACE" in seen
    return [Operation(f"create_{kind}", text, schema=schema, name=name, details=details)]


def _create_index(
    reader: Reader, text: str, name: str | None, details: dict[str, t.Any]
) -> Operations:
    while not reader.at_end() and not reader.accept("ON"):
        reader.skip()

    reader.accept("ONLY")
    schema, table = reader.qualified()

    if reader.accept("USING"):
        reader.skip()

    details["columns"] = reader.group_names()
    return [Operation("create_index", text, table=table, schema=schema, name=name, details=details)]


def _table_details(reader: Reader) -> dict[str, t.Any]:
    columns: dict[str, t.Any] = {}
    constraints: list[dict[str, t.Any]] = []

    if reader.at_mark("("):
        for part in reader.group():
            constraint = read_constraint(part)

            if constraint is not None:
                constraints.append(constraint[1])
            elif part.word() not in {"LIKE", "INDEX", "KEY", "FULLTEXT", "SPATIAL", "PERIOD"}:
                name = part.name()
                columns[str(name)] = read_column(part)

    return {
        "columns": {name: column["type_"] for name, column in columns.items()},
        "column_details": columns,
        "constraints": tuple(constraints),
    }


def _alter(reader: Reader, text: str) -> Operations:
    if reader.accept("FOREIGN", "TABLE"):
        return []

    if reader.accept_any("ONLINE", "IGNORE", "OFFLINE"):
        pass

    if reader.accept("TABLE"):
        return alter_table(reader, text)

    kind = _object(reader)
    reader.accept("IF", "EXISTS")
    schema, name = reader.qualified()
    action = reader.accept_any("ADD", "RENAME", "SET", "OWNER", "DROP", "ALTER", "RESET")
    follows = reader.accept_any("VALUE", "TO", "ATTRIBUTE", "SCHEMA")
    details: dict[str, t.Any] = {"action": f"{action} {follows}".strip()}

    if details["action"] == "RENAME TO":
        details["new_name"] = reader.name()

    return [Operation(f"alter_{kind}", text, schema=schema, name=name, details=details)]


def _rename(reader: Reader, text: str) -> Operations:
    found = []

    if reader.accept("TABLE"):
        for part in reader.parts():
            schema, table = part.qualified()
            part.accept("TO")
            new = part.qualified()[1]
            found.append(
                Operation(
                    "rename_table",
                    text,
                    table=table,
                    schema=schema,
                    name=new,
                    details={"new_name": new},
                )
            )

    return found


def _reindex(reader: Reader, text: str) -> Operations:
    concurrently = "CONCURRENTLY" in reader.outer_words() or reader.group_has("CONCURRENTLY")
    reader.skip_group()
    kind = reader.accept_any("INDEX", "TABLE", "SCHEMA", "DATABASE", "SYSTEM")
    reader.accept("CONCURRENTLY")
    schema, name = reader.qualified()
    table = name if kind == "TABLE" else None
    details = {"concurrently": concurrently, "object": kind.lower()}
    return [
        Operation("reindex", text, table=table, schema=schema, name=name, details=details),
    ]


def _vacuum(reader: Reader, text: str) -> Operations:
    full = reader.group_has("FULL")
    reader.skip_group()

    while word := reader.accept_any("FULL", "FREEZE", "VERBOSE", "ANALYZE"):
        full = full or word == "FULL"

    schema, table = reader.qualified()
    return [Operation("vacuum", text, table=table, schema=schema, details={"full": full})]


def _cluster(reader: Reader, text: str) -> Operations:
    reader.skip_group()
    reader.accept("VERBOSE")
    schema, table = reader.qualified()

    if reader.accept("ON"):
        # An older way to write it names the index first.
        schema, table = reader.qualified()

    return [Operation("cluster", text, table=table, schema=schema)]


def _refresh(reader: Reader, text: str) -> Operations:
    if not reader.accept("MATERIALIZED", "VIEW"):
        return []

    details = {"concurrently": reader.accept("CONCURRENTLY")}
    schema, name = reader.qualified()
    kind = "refresh_materialized_view"
    return [Operation(kind, text, schema=schema, name=name, details=details)]


def _comment(reader: Reader, text: str) -> Operations:
    reader.accept("ON")
    kind = _object(reader)
    names = [reader.name()]

    while reader.accept("."):
        names.append(reader.name())

    column = names.pop() if kind == "column" else None
    table = names.pop() if kind in {"table", "column"} else None
    schema = names[-1] if names and table else None
    name = names[-1] if names and not table else None
    return [Operation("create_comment", text, table=table, schema=schema, column=column, name=name)]


#: What reads a statement by its first word: it gets the words after that, and the statement.
OBJECTS: dict[str, c.Callable[[Reader, str], Operations]] = {
    "ALTER": _alter,
    "CLUSTER": _cluster,
    "COMMENT": _comment,
    "CREATE": _create,
    "DROP": _drop,
    "REFRESH": _refresh,
    "REINDEX": _reindex,
    "RENAME": _rename,
    "VACUUM": _vacuum,
}
