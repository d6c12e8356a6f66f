"""What Alembic's and SQLAlchemy's constructs would do, as operations."""

from __future__ import annotations

import collections.abc as c
import typing as t

import sqlalchemy as sa
from alembic.ddl import base
from sqlalchemy import schema as ddl
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.elements import True_

from ..risks.sql_text import classify
from .operations import Operation

_CONSTRAINTS: dict[type, str] = {
    sa.PrimaryKeyConstraint: "primary_key",
    sa.UniqueConstraint: "unique",
    sa.ForeignKeyConstraint: "foreign_key",
    sa.CheckConstraint: "check",
}
#: Kinds that go by another name where text says the same.
_KINDS = {
    "create_enum_type": "create_type",
    "drop_enum_type": "drop_type",
    "create_domain_type": "create_type",
    "drop_domain_type": "drop_type",
}


def describe(
    construct: object,
    sql: str,
    dialect: sa.Dialect,
    written: c.Mapping[str, t.Any] | None = None,
) -> tuple[Operation, ...]:
    """Return what a construct would do.

    :param construct: What Alembic or a step would have executed.
    :param sql: How it would be sent.
    :param dialect: Whose SQL that is.
    :param written: What the step gave to ``alter_column``, where it is a part of that: to MySQL
        the whole column is sent anew.
    """
    described = _described(construct, dialect, written)

    if described is not None:
        return (Operation(sql=sql, construct=construct, **described),)

    # Text, and what none of this knows.
    return classify(sql, dialect.name)


def _described(
    construct: object, dialect: sa.Dialect, written: c.Mapping[str, t.Any] | None
) -> dict[str, t.Any] | None:
    if isinstance(construct, base.AlterTable):
        place = {"table": str(construct.table_name), "schema": _text(construct.schema)}
        return {**place, **(_alter_table(construct, dialect, written or {}) or _other())}

    if isinstance(construct, ddl.CreateTable | ddl.DropTable):
        return _table(construct, dialect)

    if isinstance(construct, ddl.CreateIndex | ddl.DropIndex):
        return _index(construct)

    if isinstance(construct, ddl.AddConstraint | ddl.DropConstraint):
        return _constraint(construct)

    if isinstance(construct, sa.Insert | sa.Update | sa.Delete):
        return _change(construct)

    kind = str(getattr(construct, "__visit_name__", ""))
    element = getattr(construct, "element", None)

    if isinstance(construct, ddl.ExecutableDDLElement) and element is not None:
        return _element(_KINDS.get(kind, kind), element)

    return None


def _other() -> dict[str, t.Any]:
    return {"kind": "alter_table"}


def _alter_table(
    construct: base.AlterTable, dialect: sa.Dialect, written: c.Mapping[str, t.Any]
) -> dict[str, t.Any] | None:
    if isinstance(construct, base.RenameTable):
        new = str(construct.new_table_name)
        return {"kind": "rename_table", "name": new, "details": {"new_name": new}}

    if isinstance(construct, base.AddColumn):
        details = _column(construct.column, dialect)
        details["if_not_exists"] = bool(construct.if_not_exists)
        # Others are added by statements of their own.
        inline = {"check": True}
        inline["primary_key"] = bool(getattr(construct, "inline_primary_key", False))
        inline["foreign_key"] = bool(getattr(construct, "inline_references", False))
        details["constraints"] = tuple(kind for kind in details["constraints"] if inline.get(kind))
        return {
            "kind": "add_column",
            "column": str(construct.column.name),
            "details": details,
        }

    if isinstance(construct, base.DropColumn):
        details = {"if_exists": bool(construct.if_exists)}
        return {"kind": "drop_column", "column": str(construct.column.name), "details": details}

    if isinstance(construct, base.ColumnName):
        new = str(construct.newname)
        return {
            "kind": "rename_column",
            "column": str(construct.column_name),
            "name": new,
            "details": {"new_name": new},
        }

    if isinstance(construct, base.AlterColumn):
        return _alter_column(construct, dialect, written)

    return None


def _alter_column(
    construct: base.AlterColumn, dialect: sa.Dialect, written: c.Mapping[str, t.Any]
) -> dict[str, t.Any]:
    details: dict[str, t.Any] = {
        name: getattr(construct, name, None)
        for name in ("existing_type", "existing_nullable", "existing_server_default")
    }
    details |= {
        name: value
        for name, value in written.items()
        if name.startswith("existing_") and value is not None
    }
    default: object = getattr(construct, "default", False)
    # MySQL is sent all of the column; what the step changes is what it wrote.
    says = _Said(construct, written)
    new = says.value("newname", "name")

    for name in ("type_", "nullable", "comment"):
        value = says.value(name, name)

        if value is not None and value is not False:
            details[name] = value

    if "nullable" not in details and says.value("nullable", "nullable") is False:
        details["nullable"] = False

    if says.is_whole:
        default = written.get("server_default", False)

    if default is not False:
        details["server_default"] = _default(default, dialect)
        details["computed"] = isinstance(default, sa.Computed)
        details["identity"] = isinstance(default, sa.Identity)

    if getattr(construct, "using", None):
        details["using"] = True

    found = {"kind": "alter_column", "column": str(construct.column_name), "details": details}

    if new is not None and str(new) != str(construct.column_name):
        details["new_name"] = str(new)
        found["name"] = str(new)

    return found


class _Said:
    """What a construct changes: all that it says, or of a whole column only what was written."""

    def __init__(self, construct: base.AlterColumn, written: c.Mapping[str, t.Any]) -> None:
        self._construct = construct
        self._written = written
        self.is_whole = hasattr(construct, "newname") and bool(written)

    def value(self, attribute: str, argument: str) -> t.Any:
        if self.is_whole:
            return self._written.get(argument)

        return getattr(self._construct, attribute, None)


def _table(construct: ddl.CreateTable | ddl.DropTable, dialect: sa.Dialect) -> dict[str, t.Any]:
    table = construct.element
    place = {"table": str(table.name), "schema": _text(table.schema)}

    if isinstance(construct, ddl.DropTable):
        return {**place, "kind": "drop_table", "details": {"if_exists": construct.if_exists}}

    details = {
        "if_not_exists": construct.if_not_exists,
        "temporary": "TEMPORARY" in (getattr(table, "prefixes", None) or ()),
        "columns": {str(column.name): column.type for column in table.columns},
        "column_details": {str(column.name): _column(column, dialect) for column in table.columns},
        "constraints": tuple(_constraint_details(one) for one in table.constraints),
    }
    return {**place, "kind": "create_table", "details": details}


def _column(column: sa.Column[t.Any], dialect: sa.Dialect) -> dict[str, t.Any]:
    default = column.server_default
    constraints = [
        name
        for name, stands in (
            ("primary_key", column.primary_key),
            ("unique", column.unique),
            ("foreign_key", column.foreign_keys),
            ("check", any(isinstance(one, sa.CheckConstraint) for one in column.constraints)),
        )
        if stands
    ]
    return {
        "type_": column.type,
        "nullable": bool(column.nullable),
        "server_default": _default(default, dialect),
        "computed": column.computed is not None,
        "stored": column.computed is not None and column.computed.persisted is not False,
        "identity": column.identity is not None,
        "autoincrement": column.autoincrement is True,
        "constraints": tuple(constraints),
    }


def _default(default: object, dialect: sa.Dialect) -> str | None:
    """Return a server default as SQL; None where there is none, or none in words."""
    if isinstance(default, sa.DefaultClause):
        default = default.arg

    if isinstance(default, str):
        return "'" + default.replace("'", "''") + "'"

    if isinstance(default, sa.TextClause):
        return default.text

    if isinstance(default, ClauseElement):
        return str(default.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))

    return None


def _index(construct: ddl.CreateIndex | ddl.DropIndex) -> dict[str, t.Any]:
    index = construct.element
    is_new = isinstance(construct, ddl.CreateIndex)
    details: dict[str, t.Any] = {
        "concurrently": bool(index.dialect_options["postgresql"].get("concurrently")),
        "unique": bool(index.unique),
        "columns": tuple(str(one.name) for one in index.expressions if isinstance(one, sa.Column)),
    }
    details["if_not_exists" if is_new else "if_exists"] = bool(
        getattr(construct, "if_not_exists" if is_new else "if_exists", False)
    )
    table = index.table
    return {
        "kind": "create_index" if is_new else "drop_index",
        "table": None if table is None else str(table.name),
        "schema": None if table is None else _text(table.schema),
        "name": _text(index.name),
        "details": details,
    }


def _constraint(construct: ddl.AddConstraint | ddl.DropConstraint) -> dict[str, t.Any]:
    constraint = construct.element
    is_new = isinstance(construct, ddl.AddConstraint)
    table = getattr(constraint, "table", None)
    return {
        "kind": "create_constraint" if is_new else "drop_constraint",
        "table": None if table is None else str(table.name),
        "schema": None if table is None else _text(table.schema),
        "name": _text(constraint.name),
        "details": _constraint_details(constraint),
    }


def _constraint_details(constraint: t.Any) -> dict[str, t.Any]:
    by_class = (_CONSTRAINTS[one] for one in type(constraint).__mro__ if one in _CONSTRAINTS)
    kind = next(by_class, None)

    if kind is None and "exclude" in type(constraint).__name__.lower():
        kind = "exclude"

    details: dict[str, t.Any] = {
        "type": kind,
        "columns": tuple(str(one.name) for one in getattr(constraint, "columns", ())),
        "not_valid": bool(constraint.dialect_kwargs.get("postgresql_not_valid")),
    }

    if kind == "check":
        details["text"] = str(constraint.sqltext)
    elif kind == "foreign_key" and constraint.elements:
        *schema, table, _ = constraint.elements[0].target_fullname.split(".")
        details["referred_table"] = table
        details["referred_schema"] = ".".join(schema) or None

    return details


def _change(construct: sa.Insert | sa.Update | sa.Delete) -> dict[str, t.Any]:
    table = construct.table
    details: dict[str, t.Any] = {}

    if isinstance(construct, sa.Update | sa.Delete):
        where = construct.whereclause
        details["where"] = where is not None and not isinstance(where, True_)

    return {
        "kind": construct.__visit_name__,
        "table": _text(getattr(table, "name", None)),
        "schema": _text(getattr(table, "schema", None)),
        "details": details,
    }


def _element(kind: str, element: t.Any) -> dict[str, t.Any]:
    """Describe what is done to a thing that is no table, or to a comment."""
    if kind.endswith("_comment"):
        is_column = isinstance(element, sa.Column)
        table = element.table if is_column else element
        return {
            "kind": "drop_comment" if kind.startswith("drop") else "create_comment",
            "table": _text(getattr(table, "name", None)),
            "schema": _text(getattr(table, "schema", None)),
            "column": _text(element.name) if is_column else None,
        }

    if isinstance(element, str):
        return {"kind": kind, "name": str(element)}

    return {
        "kind": kind,
        "name": _text(getattr(element, "name", None)),
        "schema": _text(getattr(element, "schema", None)),
    }


def _text(name: object) -> str | None:
    return None if name is None else str(name)
