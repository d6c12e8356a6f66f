"""Differences between models and database, in words."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

IN_MODELS = "in models, not in database"
IN_DATABASE = "in database, not in models"

#: What an upgrade would do to make the database what the models say.
Change: t.TypeAlias = t.Literal["add", "remove", "change"]

_SUBJECTS = {"fk": "foreign key", "constraint": "constraint", "index": "index"}


@dataclasses.dataclass(frozen=True)
class Difference:
    """One thing that is not the same in models and database.

    :param table: The full name of its table; empty where it belongs to none.
    :param change: What an upgrade would do about it.
    :param kind: What it is, such as ``column``.
    :param name: What it is called; empty for what has no name.
    :param detail: Its type, columns or expression.
    :param said: What differs, the end of the sentence.
    """

    table: str
    change: Change
    kind: str
    name: str
    detail: str
    said: str

    @property
    def words(self) -> str:
        """The difference where it is known which table it is about."""
        return _sentence([self.kind, self.name, self.detail], self.said)

    @property
    def line(self) -> str:
        """The difference on its own, such as in a list of all."""
        if self.kind == "column":
            return _sentence(["column", f"{self.table}.{self.name}", self.detail], self.said)

        where = f"on {self.table}" if self.table and self.kind != "table" else ""
        return _sentence([self.kind, self.name, where], self.said)


def describe_differences(differences: c.Iterable[t.Any]) -> list[str]:
    """Return one line for each difference that ``compare_metadata`` gave.

    :param differences: Alembic's tuples; changes of one column come as a list of them.
    """
    return [difference.line for difference in to_differences(differences)]


def to_differences(differences: c.Iterable[t.Any]) -> c.Iterator[Difference]:
    """Return the differences that ``compare_metadata`` gave, each as a value of its own.

    :param differences: Alembic's tuples; changes of one column come as a list of them.
    """
    for difference in differences:
        if isinstance(difference, list):
            yield from map(_to_difference, difference)
        else:
            yield _to_difference(difference)


def _to_difference(difference: tuple[t.Any, ...]) -> Difference:
    match difference:
        case ("add_table", table):
            return Difference(table.fullname, "add", "table", table.fullname, "", IN_MODELS)
        case ("remove_table", table):
            return Difference(table.fullname, "remove", "table", table.fullname, "", IN_DATABASE)
        case ("add_column", schema, str(table), column):
            shown = _text(column.type)
            return Difference(
                _dotted(schema, table), "add", "column", column.name, shown, IN_MODELS
            )
        case ("remove_column", schema, str(table), column):
            shown = _text(column.type)
            return Difference(
                _dotted(schema, table), "remove", "column", column.name, shown, IN_DATABASE
            )
        case (str(kind), schema, str(table), str(column), dict(), old, new) if kind.startswith(
            "modify_"
        ):
            said = _changed(kind.removeprefix("modify_").replace("_", " "), old, new)
            return Difference(_dotted(schema, table), "change", "column", column, "", said)
        case ("add_table_comment", table, old):
            return Difference(
                table.fullname, "change", "comment", "", "", _changed("", old, table.comment)
            )
        case ("remove_table_comment", table, *_):
            return Difference(table.fullname, "change", "comment", "", "", IN_DATABASE)
        case (("add_index" | "add_constraint" | "add_fk") as kind, item, *_):
            return _of_item(item, "add", _SUBJECTS[kind.removeprefix("add_")], IN_MODELS)
        case (("remove_index" | "remove_constraint" | "remove_fk") as kind, item, *_):
            return _of_item(item, "remove", _SUBJECTS[kind.removeprefix("remove_")], IN_DATABASE)
        case (kind, *rest):
            # A plugin may find what Alembic itself does not.
            return Difference("", _change(str(kind)), str(kind), " ".join(map(_text, rest)), "", "")
        case _:
            return Difference("", "change", _text(difference), "", "", "")


def _of_item(item: t.Any, change: Change, kind: str, said: str) -> Difference:
    columns = ", ".join(
        getattr(expression, "name", None) or _text(expression)
        for expression in getattr(item, "expressions", item.columns)
    )
    detail = f"({columns})" if columns else _text(getattr(item, "sqltext", ""))

    if kind == "foreign key":
        detail += f" → {', '.join(element.target_fullname for element in item.elements)}"

    return Difference(item.table.fullname, change, kind, item.name or columns, detail, said)


def _changed(subject: str, old: object, new: object) -> str:
    return f"{subject} is {_value(old)} in database, {_value(new)} in models".strip()


def _change(kind: str) -> Change:
    begins = kind.partition("_")[0]
    return "add" if begins == "add" else "remove" if begins == "remove" else "change"


def _sentence(parts: list[str], said: str) -> str:
    subject = " ".join(part for part in parts if part)
    return f"{subject}: {said}" if said else subject


def _dotted(schema: str | None, table: str) -> str:
    return f"{schema}.{table}" if schema else table


def _value(value: object) -> str:
    # A server default is a clause whose text stands in `arg`.
    argument = getattr(value, "arg", value)
    return "nothing" if argument is None else _text(getattr(argument, "text", argument))


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception:
        # A type or expression of the app's may only know how to be written for its own dialect.
        return type(value).__name__
