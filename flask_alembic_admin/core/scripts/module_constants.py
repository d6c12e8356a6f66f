"""The constants that names of a Python module are bound to, told without running it."""

from __future__ import annotations

import ast
import typing as t

#: The name that stands for all that ``from ... import *`` may bring.
ANY_NAME = "*"

#: Stands for a value that only running the module tells.
COMPUTED: t.Final = object()


class Bound(t.NamedTuple):
    """What a name is bound to, sets as lists, and the line where that happens."""

    value: object
    line: int


def names_at_end(module: ast.Module) -> dict[str, Bound]:
    """Return what each name of a module is bound to at its end."""
    names: dict[str, Bound] = {}

    for statement in module.body:
        match statement:
            case ast.Import() | ast.ImportFrom():
                # Apart from the rest, since every file has some.
                for alias in statement.names:
                    _bind_import(alias, names)
            case ast.Expr(value=ast.Constant()):
                pass
            case ast.Assign(targets=targets, value=expression):
                _assign(targets, expression, names)
            case ast.AnnAssign(target=target, value=ast.expr() as expression):
                _assign([target], expression, names)
            case ast.AnnAssign():
                pass
            case ast.AugAssign(target=ast.Name(id=name) as target, op=ast.Add()):
                old = ast.copy_location(ast.Name(name, ast.Load()), target)
                _assign([target], ast.BinOp(old, statement.op, statement.value), names)
            case ast.Delete(targets=[ast.Name(id=name)]):
                names.pop(name, None)
            case _:
                _spoil(statement, names)

    return names


def is_computed(value: object) -> bool:
    """Tell whether a value, or one inside of it, can only be known by running the module."""
    return value is COMPUTED or (isinstance(value, tuple | list) and COMPUTED in value)


def _assign(targets: list[ast.expr], expression: ast.expr, names: dict[str, Bound]) -> None:
    value = _value(expression, names)

    if is_computed(value):
        _spoil(expression, names)

    for target in targets:
        _bind(target, value, names)


def _bind(target: ast.expr, value: object, names: dict[str, Bound]) -> None:
    match target:
        case ast.Name(id=name):
            names[name] = Bound(value, target.lineno)
        case ast.Tuple(elts=parts) | ast.List(elts=parts) if _fits(parts, value):
            for part, item in zip(parts, t.cast("list[object]", value), strict=True):
                _bind(part, item, names)
        case _:
            _spoil(target, names)


def _bind_import(alias: ast.alias, names: dict[str, Bound]) -> None:
    name = alias.asname or alias.name.partition(".")[0]
    names[name] = Bound(COMPUTED, alias.lineno)


def _fits(parts: list[ast.expr], value: object) -> bool:
    return (
        isinstance(value, tuple | list)
        and len(parts) == len(value)
        and not any(isinstance(part, ast.Starred) for part in parts)
    )


def _spoil(node: ast.AST, names: dict[str, Bound]) -> None:
    """Forget the value of every name that this piece of code may give another."""
    todo = [node]

    while todo:
        inner = todo.pop()

        match inner:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                names[name] = Bound(COMPUTED, inner.lineno)
            case ast.Name(id=name) if name in names and isinstance(names[name].value, list):
                # A list can be changed by whoever gets hold of it.
                names[name] = Bound(COMPUTED, inner.lineno)
            case ast.alias():
                _bind_import(inner, names)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                # What is bound inside of these is not the module's.
                names[inner.name] = Bound(COMPUTED, inner.lineno)
                continue

        todo.extend(ast.iter_child_nodes(inner))


def _value(node: ast.expr, names: dict[str, Bound]) -> object:
    """Return the constant that an expression is, sets as lists, or the mark for a computed one."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return names[name].value if name in names else COMPUTED
        case ast.Tuple(elts=items):
            return tuple(_value(item, names) for item in items)
        case ast.List(elts=items) | ast.Set(elts=items):
            return [_value(item, names) for item in items]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _sum(_value(left, names), _value(right, names))

    return COMPUTED


def _sum(left: object, right: object) -> object:
    match left, right:
        case (str(), str()) | (tuple(), tuple()) | (list(), list()):
            return left + right  # type: ignore[operator]

    return COMPUTED
