"""Differences between models and database, in words."""

from __future__ import annotations

import collections.abc as c
import typing as t

_IN_MODELS = "in models, not in database"
_IN_DATABASE = "in database, not in models"


def describe_differences(differences: c.Iterable[t.Any]) -> list[str]:
    """Return one line for each difference that ``compare_metadata`` gave.

    :param differences: Alembic's tuples; changes of one column come as a list of them.
    """
    lines: list[str] = []

    for difference in differences:
        if isinstance(difference, list):
            lines += [_describe(one) for one in difference]
        else:
            lines.append(_describe(difference))

    return lines


def _describe(difference: tuple[t.Any, ...]) -> str:
    match difference:
        case ("add_table", table):
            return f"table {table.fullname}: {_IN_MODELS}"
        case ("remove_table", table):
            return f"table {table.fullname}: {_IN_DATABASE}"
        case ("add_column", schema, table, column):
            return f"column {_dotted(schema, table, column.name)} {column.type}: {_IN_MODELS}"
        case ("remove_column", schema, table, column):
            return f"column {_dotted(schema, table, column.name)} {column.type}: {_IN_DATABASE}"
        case (str(kind), schema, str(table), str(column), dict(), old, new) if kind.startswith(
            "modify_"
        ):
            subject = kind.removeprefix("modify_").replace("_", " ")
            return (
                f"column {_dotted(schema, table, column)}: {subject} is {_value(old)} in database, "
                f"{_value(new)} in models"
            )
        case (str(kind), item, *_) if kind.startswith(("add_", "remove_")):
            subject = kind.partition("_")[2].replace("_", " ").replace("fk", "foreign key")
            table = getattr(getattr(item, "table", None), "fullname", None)
            name = getattr(item, "name", None) or ", ".join(
                column.name for column in getattr(item, "columns", ())
            )
            where = f" on {table}" if table else ""
            side = _IN_MODELS if kind.startswith("add_") else _IN_DATABASE
            return f"{subject} {name}{where}: {side}"
        case _:
            return " ".join(str(part) for part in difference)


def _dotted(*parts: str | None) -> str:
    return ".".join(part for part in parts if part)


def _value(value: object) -> str:
    # A server default is a clause whose text stands in `arg`.
    argument = getattr(value, "arg", value)
    return str(getattr(argument, "text", argument))
