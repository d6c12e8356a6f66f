"""What ``ALTER TABLE`` would do, one operation for each of its parts."""

from __future__ import annotations

import dataclasses
import typing as t

from ..recorder.operations import Operation
from .sql_columns import read_column
from .sql_columns import read_constraint
from .sql_columns import read_type
from .sql_reader import Reader

_CONSTRAINTS = ("CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK", "EXCLUDE")
_INDEXES = ("INDEX", "KEY", "FULLTEXT", "SPATIAL")


def alter_table(reader: Reader, text: str) -> list[Operation]:
    """Return what a statement does to its table.

    :param reader: Stands after ``ALTER TABLE``.
    :param text: The statement.
    """
    reader.accept("IF", "EXISTS")
    reader.accept("ONLY")
    schema, table = reader.qualified()
    reader.accept("*")
    base = Operation("alter_table", text, table=table, schema=schema)
    found: list[Operation] = []
    shared: dict[str, t.Any] = {}

    for part in reader.parts():
        word = part.word()

        if word in {"ALGORITHM", "LOCK"} and part.word(1) in {"=", "DEFAULT"} | _CHOICES:
            part.position += 1
            part.accept("=")
            shared[word.lower()] = part.word()
        else:
            found += _part(part, base)

    return [
        dataclasses.replace(operation, details={**operation.details, **shared})
        for operation in found
    ]


_CHOICES = {"INSTANT", "INPLACE", "COPY", "NOCOPY", "NONE", "SHARED", "EXCLUSIVE"}


def _part(part: Reader, base: Operation) -> list[Operation]:
    if part.accept("ADD"):
        return _add(part, base)

    if part.accept("DROP"):
        return [_drop(part, base)]

    if part.accept("ALTER"):
        return [_alter(part, base)]

    if part.accept("MODIFY"):
        part.accept("COLUMN")
        part.accept("IF", "EXISTS")
        return [_redefined(part, base, part.name())]

    if part.accept("CHANGE"):
        part.accept("COLUMN")
        part.accept("IF", "EXISTS")
        old, new = part.name(), part.name()
        found = [_redefined(part, base, old)]
        return found if new == old else [_renamed_column(base, old, new), *found]

    if part.accept("RENAME"):
        return [_rename(part, base)]

    if part.accept("VALIDATE", "CONSTRAINT"):
        return [dataclasses.replace(base, kind="validate_constraint", name=part.name())]

    return [_other(part, base)]


def _other(part: Reader, base: Operation, before: str = "") -> Operation:
    words = [word for word in part.outer_words() if word.isidentifier()][:3]
    action = " ".join([before, *words]).strip()
    return dataclasses.replace(base, details={"action": action})


def _add(part: Reader, base: Operation) -> list[Operation]:
    constraint = read_constraint(part) if part.word() in _CONSTRAINTS else None

    if constraint is not None:
        name, details = constraint
        return [dataclasses.replace(base, kind="create_constraint", name=name, details=details)]

    if part.word() in _INDEXES:
        while part.accept_any(*_INDEXES):
            pass

        part.accept("IF", "NOT", "EXISTS")
        name = None if part.at_mark("(") else part.name()

        if part.accept("USING"):
            part.skip()

        details = {"concurrently": False, "unique": False, "columns": part.group_names()}
        return [dataclasses.replace(base, kind="create_index", name=name, details=details)]

    if part.word() == "PARTITION":
        return [_other(part, base, "ADD")]

    part.accept("COLUMN")
    if_not_exists = part.accept("IF", "NOT", "EXISTS")
    columns = part.group() if part.at_mark("(") else [part]
    found = []

    for column in columns:
        name = column.name()
        details = {**read_column(column), "if_not_exists": if_not_exists}
        found.append(dataclasses.replace(base, kind="add_column", column=name, details=details))

    return found


def _drop(part: Reader, base: Operation) -> Operation:
    if part.accept("CONSTRAINT"):
        if_exists = part.accept("IF", "EXISTS")
        details: dict[str, t.Any] = {"if_exists": if_exists}
        return dataclasses.replace(base, kind="drop_constraint", name=part.name(), details=details)

    for words, kind in (
        (("PRIMARY", "KEY"), "primary_key"),
        (("FOREIGN", "KEY"), "foreign_key"),
        (("CHECK",), "check"),
    ):
        if part.accept(*words):
            part.accept("IF", "EXISTS")
            details = {"type": kind}
            return dataclasses.replace(
                base, kind="drop_constraint", name=part.name(), details=details
            )

    if part.accept_any("INDEX", "KEY"):
        part.accept("IF", "EXISTS")
        details = {"concurrently": False}
        return dataclasses.replace(base, kind="drop_index", name=part.name(), details=details)

    if part.word() == "PARTITION":
        return _other(part, base, "DROP")

    part.accept("COLUMN")
    details = {"if_exists": part.accept("IF", "EXISTS")}
    return dataclasses.replace(base, kind="drop_column", column=part.name(), details=details)


def _alter(part: Reader, base: Operation) -> Operation:
    if part.word() in {"CONSTRAINT", "INDEX", "CHECK"}:
        return _other(part, base, "ALTER")

    part.accept("COLUMN")
    column = part.name()
    details: dict[str, t.Any] = {}

    if part.accept("SET", "NOT", "NULL"):
        details["nullable"] = False
    elif part.accept("DROP", "NOT", "NULL"):
        details["nullable"] = True
    elif part.accept("SET", "DEFAULT"):
        details["server_default"] = part.text_until()
    elif part.accept("DROP", "DEFAULT"):
        details["server_default"] = None
    elif part.accept("TYPE") or part.accept("SET", "DATA", "TYPE"):
        _take_type(part, details)
        details["using"] = part.accept("USING")
    elif part.accept_any("SET", "DROP", "ADD", "RESET", "RESTART"):
        details["action"] = " ".join(part.outer_words()[:2])
    else:
        # Of other servers: the whole of the column is written again.
        details = _definition(part)

    return dataclasses.replace(base, kind="alter_column", column=column, details=details)


def _take_type(part: Reader, details: dict[str, t.Any]) -> None:
    text = part.text_until("USING", "COLLATE")
    details["type_text"] = text
    details["type_"] = read_type(text, part.dialect)

    if part.accept("COLLATE"):
        part.qualified()


def _definition(part: Reader) -> dict[str, t.Any]:
    return {**read_column(part), "redefined": True}


def _redefined(part: Reader, base: Operation, column: str | None) -> Operation:
    return dataclasses.replace(base, kind="alter_column", column=column, details=_definition(part))


def _rename(part: Reader, base: Operation) -> Operation:
    if part.word() in {"CONSTRAINT", "INDEX", "KEY"}:
        return _other(part, base, "RENAME")

    if part.accept_any("TO", "AS"):
        new = part.qualified()[1]
        return dataclasses.replace(base, kind="rename_table", name=new, details={"new_name": new})

    part.accept("COLUMN")
    old = part.name()

    if not part.accept("TO"):
        # MySQL takes a new name of the table without any word between.
        return dataclasses.replace(base, kind="rename_table", name=old, details={"new_name": old})

    return _renamed_column(base, old, part.name())


def _renamed_column(base: Operation, old: str | None, new: str | None) -> Operation:
    return dataclasses.replace(
        base, kind="rename_column", column=old, name=new, details={"new_name": new}
    )
