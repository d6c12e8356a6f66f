"""What the text of a revision file says of its functions, without running any of it."""

from __future__ import annotations

import ast
import collections.abc as c
import dataclasses
import functools
import typing as t

#: Packages with which a revision reaches for something else than its database.
_OUTSIDE = {"requests", "httpx", "urllib", "smtplib", "subprocess", "shutil", "socket", "boto3"}
_OS = {"remove", "unlink", "rename", "replace", "rmdir", "makedirs", "mkdir", "system", "popen"}
_SESSIONS = {"Session", "sessionmaker", "scoped_session"}
_ENGINES = {"create_engine", "engine_from_config", "create_async_engine"}
_WITH_SESSIONS = {"sqlalchemy", "sqlmodel", "flask_sqlalchemy", "flask_sqlalchemy_lite"}

Lack: t.TypeAlias = t.Literal["missing", "empty", "raises", ""]
Kind: t.TypeAlias = t.Literal["session", "engine", "commit", "outside"]


@dataclasses.dataclass(frozen=True)
class SideEffect:
    """Something that a step does besides sending operations.

    :param kind: ``session``, ``engine``, ``commit`` or ``outside``.
    :param call: As it is written.
    :param line: Where.
    """

    kind: Kind
    call: str
    line: int


def lack_of_downgrade(source: str, database: str = "") -> Lack:
    """Return why nothing undoes a revision: its downgrade is missing, does nothing, or only raises.

    Nothing is wrong where the upgrade does nothing either, such as in a merge.

    :param source: The text of a revision file.
    :param database: Whose functions count, where there are some for each of several databases.
    """
    module = _module(source)

    if module is None:
        return ""

    functions = _functions(module)
    variants = _variants(functions, "upgrade", database) | _variants(
        functions, "downgrade", database
    )

    for variant in sorted(variants):
        lack = _lack_of(module, f"downgrade{variant}")

        if lack and _lack_of(module, f"upgrade{variant}") not in {"empty", "missing"}:
            return lack

    return ""


def _lack_of(module: ast.Module, function: str) -> Lack:
    if function in _imported(module):
        return ""

    found = _functions(module).get(function)

    if found is None:
        return "" if function in _assigned(module) else "missing"

    # What comes before it is done for nothing: the step is rolled back, or stops half way.
    if any(isinstance(statement, ast.Raise) for statement in found.body):
        return "raises"

    return "empty" if all(_does_nothing(statement) for statement in found.body) else ""


def is_merge(source: str) -> bool:
    """Return whether a revision has several parents.

    :param source: The text of a revision file.
    """
    module = _module(source)

    for statement in module.body if module else ():
        value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None

        if "down_revision" in _targets(statement) and isinstance(value, ast.Tuple | ast.List):
            return len(value.elts) > 1

    return False


def side_effects(source: str, function: str, database: str = "") -> tuple[SideEffect, ...]:
    """Return what a function does besides sending operations, and those of the file that it calls.

    :param source: The text of a revision file.
    :param function: ``upgrade`` or ``downgrade``.
    :param database: Whose functions count, where there are some for each of several databases.
    """
    module = _module(source)

    if module is None:
        return ()

    names, functions = _imported(module), _functions(module)
    first = [
        function,
        *(function + variant for variant in _variants(functions, function, database)),
    ]
    found = (
        _side_effect(call, names)
        for reached in _reached(functions, first)
        for call in ast.walk(reached)
        if isinstance(call, ast.Call)
    )
    return tuple(sorted((one for one in found if one), key=lambda one: one.line))


@functools.lru_cache(64)
def _module(source: str) -> ast.Module | None:
    try:
        return ast.parse(source) if source.strip() else None
    except (SyntaxError, ValueError, RecursionError):
        # Alembic says so when it loads the file.
        return None


def _functions(module: ast.Module) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}


def _imported(module: ast.Module) -> dict[str, str]:
    """Return each imported name with what it stands for."""
    names: dict[str, str] = {}

    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module or ''}.{alias.name}"

    return names


def _assigned(module: ast.Module) -> set[str]:
    return {name for statement in module.body for name in _targets(statement)}


def _targets(statement: ast.stmt) -> set[str]:
    targets: c.Sequence[ast.expr] = ()

    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = (statement.target,)

    return {target.id for target in targets if isinstance(target, ast.Name)}


def _does_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Return):
        return statement.value is None or isinstance(statement.value, ast.Constant)

    if isinstance(statement, ast.Expr):
        value = statement.value
        prints = isinstance(value, ast.Call) and ast.unparse(value.func) == "print"
        return prints or isinstance(value, ast.Constant)

    return isinstance(statement, ast.Pass | ast.Import | ast.ImportFrom)


def _variants(functions: c.Mapping[str, ast.FunctionDef], function: str, database: str) -> set[str]:
    """Return how the functions end that do the work: by nothing, or by a database's name each."""
    main = functions.get(function)
    calls = [node for node in ast.walk(main) if isinstance(node, ast.Call)] if main else []

    if not any(ast.unparse(call.func) == "globals" for call in calls):
        return {""}

    # Flask-Migrate gives that of the default database no name.
    if database == "default" and f"{function}_{database}" not in functions:
        return {"_"}

    if database:
        return {f"_{database}"}

    return {name[len(function) :] for name in functions if name.startswith(f"{function}_")}


def _reached(
    functions: c.Mapping[str, ast.FunctionDef], first: c.Sequence[str]
) -> list[ast.FunctionDef]:
    """Return functions and all that they call, as far as they stand in the same file."""
    waiting, seen = list(first), set()
    found: list[ast.FunctionDef] = []

    while waiting:
        name = waiting.pop()

        if name in seen or name not in functions:
            continue

        seen.add(name)
        found.append(functions[name])
        waiting += [node.id for node in ast.walk(functions[name]) if isinstance(node, ast.Name)]

    return found


def _side_effect(call: ast.Call, names: c.Mapping[str, str]) -> SideEffect | None:
    written = ast.unparse(call.func)
    first, dot, rest = written.partition(".")
    full = names.get(first, first) + dot + rest
    root, last = full.partition(".")[0], full.rpartition(".")[2]
    is_method = isinstance(call.func, ast.Attribute)
    kind: Kind | None = None

    if root in _OUTSIDE or (root == "os" and last in _OS):
        kind = "outside"
    elif last in _ENGINES or (is_method and last in {"connect", "raw_connection"}):
        kind = "engine"
    elif is_method and last in {"commit", "rollback", "begin"}:
        kind = "commit"
    elif ".session." in full or (last in _SESSIONS and root in _WITH_SESSIONS):
        kind = "session"

    return SideEffect(kind, written, call.lineno) if kind else None
