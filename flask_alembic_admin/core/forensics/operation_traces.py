"""What each kind of operation leaves in a schema, as far as that can be told from looking at it."""

from __future__ import annotations

import collections.abc as c
import dataclasses

from ..recorder.operations import Operation
from .traces import Columns
from .traces import Expected
from .traces import OF_COLUMN
from .traces import Thing
from .traces import Trace
from .traces import What


def trace_of(operation: Operation, dialect: str) -> Trace:
    """Return what an operation leaves in the schema; nothing where that cannot be told.

    :param operation: The operation.
    :param dialect: The dialect's name.
    """
    names = _Names(operation, dialect)
    make = _TRACES.get(operation.kind)

    if make is not None:
        trace = make(operation, names)
    elif operation.kind == "execute":
        # It may have done anything.
        trace = Trace(forgets=lambda thing: True)
    elif operation.kind == "alter_table" and operation.table:
        trace = Trace(forgets=names.is_of_table)
    else:
        trace = Trace()

    if not operation.details.get("recreate") or operation.table is None:
        return trace

    # A copy that was not finished is there still.
    copy = Thing("table", operation.schema, names.table_name(f"_alembic_tmp_{operation.table}"))
    expects = (*trace.expects, _is(names.table, True), _is(copy, False))
    return dataclasses.replace(trace, expects=expects)


def is_repeatable(operation: Operation) -> bool:
    """Return whether an operation that is carried out twice does no more than once.

    :param operation: The operation.
    """
    details = operation.details
    return bool(details.get("if_exists") or details.get("if_not_exists"))


class _Names:
    """The things that an operation is about, called as its server calls them."""

    def __init__(self, operation: Operation, dialect: str) -> None:
        self._schema = operation.schema
        self._folds_tables = dialect == "sqlite"
        # There an index has its name to itself in all of the schema.
        self._has_free_indexes = dialect == "sqlite"
        self._table = self.table_name(operation.table)

    @property
    def table(self) -> Thing:
        return Thing("table", self._schema, self._table)

    def table_name(self, name: str | None) -> str | None:
        return name.casefold() if name is not None and self._folds_tables else name

    def other_table(self, name: str) -> Thing:
        return Thing("table", self._schema, self.table_name(name))

    def thing(self, what: What, name: str | None) -> Thing:
        table = None if what == "index" and self._has_free_indexes else self._table
        return Thing(what, self._schema, table, (name or "").casefold())

    def is_of_table(self, thing: Thing) -> bool:
        """Whether a thing goes with the table."""
        is_free = thing.what == "index" and thing.table is None
        return thing.what != "view" and (
            is_free or (thing.schema, thing.table) == (self._schema, self._table)
        )

    def is_of_column(self, name: str | None) -> c.Callable[[Thing], bool]:
        column = self.thing("column", name)
        return lambda thing: (
            thing.what in OF_COLUMN
            and (thing.schema, thing.table, thing.name)
            == (column.schema, column.table, column.name)
        )


def _create_table(operation: Operation, names: _Names) -> Trace:
    leaves: dict[Thing, object] = {names.table: True}

    # A temporary one is gone with its session.
    if operation.details.get("temporary"):
        return Trace()

    for name, type_ in operation.details.get("columns", {}).items():
        leaves[names.thing("column", name)] = True
        if type_ is not None:
            leaves[names.thing("type", name)] = type_

    return Trace(leaves, _absent(operation, names.table), names.is_of_table)


def _drop_table(operation: Operation, names: _Names) -> Trace:
    if operation.details.get("temporary"):
        return Trace()

    return Trace({names.table: False}, _present(operation, names.table), names.is_of_table)


def _rename_table(operation: Operation, names: _Names) -> Trace:
    new = names.other_table(str(operation.details["new_name"]))
    return _renamed(names.table, new)


def _add_column(operation: Operation, names: _Names) -> Trace:
    column = names.thing("column", operation.column)
    leaves: dict[Thing, object] = {column: True}

    if operation.details.get("type_") is not None:
        leaves[names.thing("type", operation.column)] = operation.details["type_"]

    return Trace(leaves, _absent(operation, column), names.is_of_column(operation.column))


def _drop_column(operation: Operation, names: _Names) -> Trace:
    column = names.thing("column", operation.column)
    return Trace({column: False}, _present(operation, column), names.is_of_column(operation.column))


def _rename_column(operation: Operation, names: _Names) -> Trace:
    old = names.thing("column", operation.column)
    new = names.thing("column", str(operation.details["new_name"]))
    return _renamed(old, new)


def _alter_column(operation: Operation, names: _Names) -> Trace:
    details, column = operation.details, operation.column
    trace = Trace()

    if details.get("new_name"):
        trace = _rename_column(operation, names)
        column = str(details["new_name"])

    attributes: dict[What, str] = {
        "type": "type_",
        "nullable": "nullable",
        "default": "server_default",
        "comment": "comment",
    }
    said = {
        what: details[name]
        for what, name in attributes.items()
        if name in details and not (name == "type_" and details[name] is None)
    }

    # A value that the server works out is no default that could be read back.
    if details.get("computed") or details.get("identity"):
        said.pop("default", None)

    leaves = {names.thing(what, column): value for what, value in said.items()}

    if not leaves and not details.get("new_name"):
        return Trace(forgets=names.is_of_column(column))

    # One that changes nothing is as good as done.
    changes = () if details.get("new_name") else (Expected(tuple(leaves.items()), holds=False),)
    return dataclasses.replace(
        trace, leaves={**trace.leaves, **leaves}, expects=(*trace.expects, *changes)
    )


def _create_index(operation: Operation, names: _Names) -> Trace:
    if operation.name is None:
        return Trace()

    index = names.thing("index", operation.name)
    columns = Columns(tuple(name.casefold() for name in operation.details.get("columns", ())))
    return Trace({index: columns}, _absent(operation, index), lambda thing: thing == index)


def _drop_index(operation: Operation, names: _Names) -> Trace:
    index = names.thing("index", operation.name)
    return Trace({index: False}, _present(operation, index), lambda thing: thing == index)


def _create_constraint(operation: Operation, names: _Names) -> Trace:
    constraint = _constraint(operation, names)

    if constraint is None:
        return Trace()

    columns = Columns(tuple(name.casefold() for name in operation.details.get("columns", ())))
    value = columns if operation.details.get("type") != "check" else Columns()
    return Trace({constraint: value}, _absent(operation, constraint))


def _drop_constraint(operation: Operation, names: _Names) -> Trace:
    constraint = _constraint(operation, names)

    if constraint is None:
        return Trace()

    return Trace({constraint: False}, _present(operation, constraint))


def _constraint(operation: Operation, names: _Names) -> Thing | None:
    kind = operation.details.get("type")

    # The server knows it by no other name.
    if kind == "primary_key":
        return names.thing("primary_key", None)

    if operation.name is not None:
        return names.thing("constraint", operation.name)

    columns = ",".join(operation.details.get("columns", ()))

    if kind in {"foreign_key", "unique"} and columns:
        referred = operation.details.get("referred_table")
        return names.thing(kind, f"{columns}>{referred}" if referred else columns)

    return None


def _create_view(operation: Operation, names: _Names) -> Trace:
    view = names.thing("view", operation.name)._replace(table=None)
    replaces = operation.details.get("replace")
    expects = () if replaces else _absent(operation, view)
    return Trace({view: True}, expects)


def _drop_view(operation: Operation, names: _Names) -> Trace:
    view = names.thing("view", operation.name)._replace(table=None)
    return Trace({view: False}, _present(operation, view))


def _renamed(old: Thing, new: Thing) -> Trace:
    # In other letters it is the same name to some servers and another one to others.
    if (old.table or "").casefold() == (new.table or "").casefold() and old.name == new.name:
        return Trace()

    return Trace({old: False, new: True}, (_is(old, True), _is(new, False)), renames=(old, new))


def _is(thing: Thing, value: object) -> Expected:
    return Expected(((thing, value),))


def _absent(operation: Operation, thing: Thing) -> tuple[Expected, ...]:
    return () if operation.details.get("if_not_exists") else (_is(thing, False),)


def _present(operation: Operation, thing: Thing) -> tuple[Expected, ...]:
    return () if operation.details.get("if_exists") else (Expected(((thing, False),), holds=False),)


_TRACES: dict[str, c.Callable[[Operation, _Names], Trace]] = {
    "create_table": _create_table,
    "drop_table": _drop_table,
    "rename_table": _rename_table,
    "add_column": _add_column,
    "drop_column": _drop_column,
    "rename_column": _rename_column,
    "alter_column": _alter_column,
    "create_index": _create_index,
    "drop_index": _drop_index,
    "create_constraint": _create_constraint,
    "drop_constraint": _drop_constraint,
    "create_view": _create_view,
    "drop_view": _drop_view,
}
