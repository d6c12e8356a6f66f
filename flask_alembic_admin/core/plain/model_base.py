"""The base module, in which a project without Flask says what its models and databases are."""

from __future__ import annotations

import collections.abc as c
import contextlib
import dataclasses
import importlib
import pkgutil
import sys
import traceback
import types
from pathlib import Path

from ...errors import SetupError
from ..redact import redact

#: The base module where nobody names another one.
MODEL_BASE = "model.base"
_EXAMPLE = "def get_base(): return {'base': Base, 'sqlalchemy_url': 'sqlite:///demo.db'}"


class NoBaseModule(SetupError):
    """There is no module of the name that the base module should have."""


@dataclasses.dataclass(frozen=True)
class ModelBase:
    """A base module that was imported.

    :param module: The module.
    :param root: The folder that its package is in.
    :param values: What its ``get_base()`` returned.
    """

    module: types.ModuleType
    root: Path
    values: object

    @property
    def file(self) -> str:
        """The file of the module."""
        return self.module.__file__ or self.module.__name__

    @property
    def place(self) -> str:
        """Where the values stand, such as ``get_base() in model/base.py``."""
        return f"get_base() in {self.file}"

    def import_models(self) -> None:
        """Import the models, so that the base knows their tables.

        They are what ``import_models()`` of the module imports, or all modules beside it.

        :raises SetupError: One of them cannot be imported; the message names the file.
        """
        own_way = getattr(self.module, "import_models", None)

        if callable(own_way):
            with _explained(f"import_models() in {self.file}", "has failed", self.root):
                own_way()
            return

        package = self.module.__name__.rpartition(".")[0]

        if not package:
            return

        for found in pkgutil.iter_modules([str(Path(self.file).parent)]):
            # That one is a program.
            if not found.ispkg and found.name != "__main__":
                _import(f"{package}.{found.name}", self.root)


def read_base(name: str, root: Path) -> ModelBase:
    """Import the base module and ask its ``get_base()``; the models are not imported yet.

    :param name: The module, such as ``model.base``.
    :param root: The folder that its package is in.
    :raises SetupError: It cannot be imported, nor asked; the message names the file.
    """
    module = _import(name, root)
    file = getattr(module, "__file__", None) or name
    get_base = getattr(module, "get_base", None)

    if not callable(get_base):
        raise SetupError(f"The base module {file} has no function get_base().", f"Add {_EXAMPLE}.")

    with _explained(f"get_base() in {file}", "has failed", root):
        values = get_base()

    return ModelBase(module, root, values)


def import_named(target: str, root: Path, place: str) -> object:
    """Return what ``package.module:Base`` names.

    :param target: The module, a colon, and the name of something in it.
    :param root: The folder that relative packages are in.
    :param place: Who names it, for messages.
    :raises SetupError: There is no such thing, or the module cannot be imported.
    """
    name, colon, attributes = target.partition(":")

    if not (name and colon and attributes):
        raise SetupError(
            f"{place} is '{target}'.", "Write package.module:Base, with a colon before the base."
        )

    found: object = _import(name, root, place)

    for attribute in attributes.split("."):
        try:
            found = getattr(found, attribute)
        except AttributeError:
            file = getattr(sys.modules[name], "__file__", None) or name
            raise SetupError(
                f"{place} is '{target}', and {file} has no '{attributes}'.",
                "Name the declarative base of your models, or their MetaData.",
            ) from None

    return found


def _import(name: str, root: Path, place: str | None = None) -> types.ModuleType:
    if sys.path[:1] != [str(root)]:
        # A console script looks beside itself, and others may have a `model` too.
        sys.path.insert(0, str(root))

    importlib.invalidate_caches()

    with _explained(f"Module {name}", "cannot be imported", root):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise
            raise _missing(name, root, place) from error
        except (TypeError, ValueError) as error:
            # Names such as `..base` and the empty one are not even looked for.
            if name.strip(".") == name and name:
                raise
            raise _missing(name, root, place) from error


def _missing(name: str, root: Path, place: str | None) -> SetupError:
    file = root.joinpath(*name.strip(".").split(".")).with_suffix(".py")

    if place is not None:
        return SetupError(
            f"{place} names the module '{name}', and there is none: no {file}.",
            "Correct the name, or start in the folder that its package is in.",
        )

    return NoBaseModule(
        f"There is no base module '{name}': no {file}.",
        f"Make that file with {_EXAMPLE}, name another module in ALEMBIC_BASE, or say --url and "
        "--metadata.",
    )


@contextlib.contextmanager
def _explained(what: str, happened: str, root: Path) -> c.Iterator[None]:
    """Turn whatever the project's own code raises into one sentence, and keep stdout clean."""
    try:
        # What models print is no output of a command.
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except SetupError:
        raise
    except (Exception, SystemExit) as error:
        said = redact(f"{type(error).__name__}: {error}".splitlines()[0]).rstrip(".: ")
        raise SetupError(
            f"{what} {happened}{_line_of(error, root)}: {said}.",
            "Correct that file; --traceback shows more.",
        ) from error


def _line_of(error: BaseException, root: Path) -> str:
    """Return where in the project something went wrong, as a part of a sentence."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" in {error.filename}, line {error.lineno}"

    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(root)]
    # Where an environment is inside the project, its packages are not the project's.
    own = [frame for frame in own if "site-packages" not in frame.filename] or own
    return f" in {own[-1].filename}, line {own[-1].lineno}" if own else ""
