"""Which functions of a revision are for which database, where there are or were several."""

from __future__ import annotations

import collections.abc as c
import inspect
import types
import typing as t

from ...errors import ScriptError

if t.TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep


def fit_to_database(
    steps: c.Sequence[RevisionStep], database: str, databases: c.Collection[str], default: str
) -> None:
    """Let steps do on a database what their files say for it.

    With several databases the functions get the name of one as ``engine_name``. A file from before,
    whose functions take none, is about the default database. One of the ``multidb`` template is
    about the databases that it has functions for; Flask-Migrate's has one without a name for the
    default one.

    :param steps: Those of an upgrade or a downgrade.
    :param database: The database that they are run on.
    :param databases: All there are.
    :param default: The one that is meant where none is named.
    :raises ScriptError: A file has functions for databases of other names.
    """
    for step in steps:
        function = step.migration_fn
        parameter = inspect.signature(function).parameters.get("engine_name")

        if len(databases) > 1 and not _takes_name(function):
            step.migration_fn = _without_name(function) if database == default else _nothing
        elif database == default and _has_nameless(step):
            step.migration_fn = _with_name(function, "", always=True)
        elif _has_none_for(database, step, databases):
            step.migration_fn = _nothing
        elif len(databases) == 1 and parameter is not None and parameter.default is parameter.empty:
            step.migration_fn = _with_name(function, database)


def _takes_name(function: c.Callable[..., object]) -> bool:
    parameters = inspect.signature(function).parameters.values()
    return any(
        parameter.kind is parameter.VAR_KEYWORD
        or (parameter.name == "engine_name" and parameter.kind is not parameter.POSITIONAL_ONLY)
        for parameter in parameters
    )


def _has_nameless(step: RevisionStep) -> bool:
    """Return whether a file's function for the default database is called by no name."""
    function = step.migration_fn
    prefix = f"{function.__name__}_"
    return "" in _names(_module(step), prefix) and _looks_up(function, prefix)


def _has_none_for(database: str, step: RevisionStep, databases: c.Collection[str]) -> bool:
    """Return whether a file of the ``multidb`` template has no function for a database."""
    function = step.migration_fn
    prefix = f"{function.__name__}_"
    names = _names(_module(step), prefix)

    if database in names or not _looks_up(function, prefix):
        return False

    if unknown := sorted(names.difference(databases, {""})):
        raise ScriptError(
            f"Revision {step.revision.revision} has functions for {_quoted(unknown)} and none for "
            f"'{database}'.",
            f"Write '{prefix}{database}' for one of them in {step.revision.path} if it has another "
            f"name now, or add 'def {prefix}{database}(): pass'.",
        )

    return True


def _module(step: RevisionStep) -> types.ModuleType:
    return inspect.getmodule(step.migration_fn) or step.revision.module


def _names(module: types.ModuleType, prefix: str) -> set[str]:
    return {
        name.removeprefix(prefix)
        for name, value in vars(module).items()
        if name.startswith(prefix) and callable(value)
    }


def _looks_up(function: c.Callable[..., object], prefix: str) -> bool:
    """Return whether a function finds another by the name of the database, as the template's do."""
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        return False

    return f'globals()["{prefix}%s" % engine_name]()' in source


# What these return takes any name, so that it stays as it is when steps are fitted again.


def _without_name(function: c.Callable[..., None]) -> c.Callable[..., None]:
    def run(*, engine_name: str, **arguments: t.Any) -> None:
        function(**arguments)

    return run


def _with_name(
    function: c.Callable[..., None], name: str, *, always: bool = False
) -> c.Callable[..., None]:
    def run(*, engine_name: str = name, **arguments: t.Any) -> None:
        function(engine_name=name if always else engine_name, **arguments)

    return run


def _nothing(**arguments: t.Any) -> None:
    """Do nothing: a file says nothing of this database."""


def _quoted(names: c.Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
