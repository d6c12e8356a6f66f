"""What SQL text would do, told from its leading words; comments and strings count for nothing.

The kinds of operations that come of it, besides those of Alembic's own constructs:

- ``drop_schema``, ``drop_database``, ``drop_type``, ``drop_view``, ``drop_materialized_view``,
  ``drop_sequence`` and ``drop_`` or ``create_`` or ``alter_`` with any other word, with ``name``
- ``rename_column`` with ``column`` and the new ``name``
- ``alter_table`` for what else is done to a table, with ``details["action"]`` in upper case
- ``alter_type`` with ``details["action"]``: ``ADD VALUE``, ``RENAME VALUE`` or another
- ``validate_constraint``, ``reindex``, ``cluster``, ``vacuum`` with ``details["full"]``,
  ``refresh_materialized_view``, ``optimize_table``, ``lock_table``
- ``begin``, ``commit``, ``rollback``, ``savepoint``
- ``select``, ``set``, ``pragma``, ``grant``, ``revoke``, ``analyze``: known, and harmless here
- ``execute`` for all the rest, with ``details["reason"]`` where the text cannot be read

Types stand in ``details["type_"]`` where they are known ones, and in ``details["type_text"]``.
"""

from __future__ import annotations

import collections.abc as c
import typing as t

from ..recorder.operations import Operation
from .sql_objects import OBJECTS
from .sql_reader import Reader
from .sql_tokens import Statement
from .sql_tokens import statements
from .sql_tokens import tokens

#: How many statements of one text are looked at; what follows is told of as not read.
MOST = 10_000
#: How many characters a statement may have whose words all matter.
LONGEST = 1_000_000
#: Statements of which a few words say all that matters; they may be very long.
_SHORT = {
    "INSERT": "insert",
    "REPLACE": "insert",
    "COPY": "insert",
    "LOAD": "insert",
    "SELECT": "select",
    "VALUES": "select",
    "SHOW": "select",
    "DESCRIBE": "select",
    "SET": "set",
    "RESET": "set",
    "USE": "set",
    "PRAGMA": "pragma",
    "GRANT": "grant",
    "REVOKE": "revoke",
    "ANALYZE": "analyze",
    "BEGIN": "begin",
    "START": "begin",
    "COMMIT": "commit",
    "END": "commit",
    "ROLLBACK": "rollback",
    "ABORT": "rollback",
    "SAVEPOINT": "savepoint",
    "RELEASE": "savepoint",
    "LOCK": "lock_table",
    "OPTIMIZE": "optimize_table",
}
_FEW = 12
Operations: t.TypeAlias = list[Operation]


def classify(text: str, dialect: str) -> tuple[Operation, ...]:
    """Return what SQL text would do, in order; it never raises, whatever the text is.

    :param text: One statement or several.
    :param dialect: The dialect's name.
    """
    found: Operations = []

    for number, statement in enumerate(statements(text, dialect)):
        if number == MOST:
            found.append(_unknown(text[:200], f"has more than {MOST} statements"))
            break

        found += _operations(statement, dialect)

    return tuple(found)


def _operations(statement: Statement, dialect: str) -> Operations:
    text = statement.text.strip()

    if not statement.is_whole:
        return [_unknown(text, "has a string or comment without an end")]

    head = tokens(text, dialect, _FEW)
    first = head[0].upper

    if first in _SHORT:
        return _short(Reader(text, head, dialect), text, first)

    if first not in _LONG:
        return [_unknown(text)]

    if len(text) > LONGEST:
        return [_unknown(text, f"is longer than {LONGEST} characters")]

    reader = Reader(text, tokens(text, dialect), dialect)
    reader.position = 1

    try:
        return _LONG[first](reader, text) or [_unknown(text)]
    except (IndexError, TypeError, ValueError, RecursionError):
        # It is no SQL that this knows.
        return [_unknown(text)]


def _unknown(text: str, reason: str = "") -> Operation:
    return Operation("execute", text, details={"reason": reason} if reason else {})


def _short(reader: Reader, text: str, first: str) -> Operations:
    kind = _SHORT[first]
    reader.position = 1
    schema = table = None

    if kind == "insert":
        if first == "LOAD":
            while not reader.at_end() and not reader.accept("TABLE"):
                reader.skip()
        elif first == "COPY" and reader.at_mark("("):
            return [Operation("select", text)]

        while reader.accept_any("OR", "REPLACE", "IGNORE", "ABORT", "FAIL", "ROLLBACK", "INTO"):
            pass

        reader.accept("INTO")
        schema, table = reader.qualified()

        if first == "COPY":
            reader.skip_group()
            kind = "select" if reader.accept("TO") else kind
    elif kind in {"lock_table", "optimize_table"}:
        reader.accept_any("TABLE", "TABLES")
        return [
            Operation(kind, text, table=name, schema=schema)
            for schema, name in reader.qualified_list()
        ]
    elif kind == "begin" and first == "START" and not reader.accept("TRANSACTION"):
        return [_unknown(text)]
    elif kind == "rollback":
        reader.accept_any("TRANSACTION", "WORK")
        kind = "savepoint" if reader.accept("TO") else kind
    elif kind == "select" and first == "SELECT" and "INTO" in reader.outer_words():
        # It makes a table, or fills a variable.
        return [_unknown(text)]

    return [Operation(kind, text, table=table, schema=schema)]


def _truncate(reader: Reader, text: str) -> Operations:
    reader.accept("TABLE")
    return [
        Operation("truncate", text, table=name, schema=schema)
        for schema, name in reader.qualified_list()
    ]


def _delete(reader: Reader, text: str) -> Operations:
    while reader.accept_any("LOW_PRIORITY", "QUICK", "IGNORE"):
        pass

    reader.accept("FROM")
    reader.accept("ONLY")
    schema, table = reader.qualified()
    return [
        Operation(
            "delete", text, table=table, schema=schema, details={"where": _is_limited(reader)}
        )
    ]


def _update(reader: Reader, text: str) -> Operations:
    while reader.accept_any(
        "LOW_PRIORITY", "IGNORE", "ONLY", "OR", "REPLACE", "ABORT", "FAIL", "ROLLBACK"
    ):
        pass

    schema, table = reader.qualified()
    where = _is_limited(reader)

    while not reader.at_end() and not reader.accept("SET"):
        reader.skip()

    columns = tuple(column for column in reader.assigned() if column)
    return [
        Operation(
            "update",
            text,
            table=table,
            schema=schema,
            details={"where": where, "columns": columns},
        )
    ]


def _is_limited(reader: Reader) -> bool:
    """Return whether a change is held to some rows, by WHERE, by a join or by a number."""
    words = reader.outer_words()

    if "WHERE" in words:
        # WHERE TRUE and WHERE 1 = 1 hold it to none.
        return not reader.always_true()

    return "JOIN" in words or "LIMIT" in words


def _with(reader: Reader, text: str) -> Operations:
    """Return what is done within the parentheses of a WITH, and then by the statement itself."""
    found: Operations = []

    for group in reader.groups():
        found += _nested(group, text)

    while not reader.at_end() and reader.word() not in {*_LONG, "INSERT", "SELECT", "VALUES"}:
        reader.skip()

    if reader.word() == "WITH":
        return found

    return [*found, *(_nested(reader, text) or ([Operation("select", text)] if not found else []))]


def _nested(reader: Reader, text: str) -> Operations:
    word = reader.word()
    reader.position += 1

    if word == "INSERT":
        reader.accept("INTO")
        schema, table = reader.qualified()
        return [Operation("insert", text, table=table, schema=schema)]

    if word in {"DELETE", "UPDATE"}:
        return _LONG[word](reader, text)

    return []


_LONG: dict[str, c.Callable[[Reader, str], Operations]] = {
    **OBJECTS,
    "DELETE": _delete,
    "TRUNCATE": _truncate,
    "UPDATE": _update,
    "WITH": _with,
}
