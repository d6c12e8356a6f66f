"""Revision files read as text: which there are, and what each says of itself without being run."""

from __future__ import annotations

import ast
import collections.abc as c
import contextlib
import dataclasses
import datetime
import os
import re
import stat
import threading
import typing as t
import warnings
from pathlib import Path

from .module_constants import ANY_NAME
from .module_constants import Bound
from .module_constants import is_computed
from .module_constants import names_at_end

ProblemKind: t.TypeAlias = t.Literal[
    "syntax",
    "computed",
    "duplicate",
    "missing parent",
    "missing dependency",
    "cycle",
    "no revision",
    "configuration",
]

# Both as Alembic has them in `script/base.py`.
_REVISION_FILE = re.compile(r"(?!\.\#|__init__)(.*\.py)$")
_LEGACY_FILE = re.compile(r"([a-f0-9]+)\.py$")

_CREATED = re.compile(
    r"^\s*Create Date:\s*"
    r"(\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?: ?(?:Z|[+-]\d\d:?\d\d))?)?)",
    re.MULTILINE,
)

# Alembic refuses ids that hold one of these: they have a meaning in targets.
_NOT_IN_IDS = "@-+:"

# What Python's parser warns about: escapes it does not know, from 3.14 on leaving a `finally`, and
# numbers that run into a word. Not one expression, which would take twice as long.
_WARNED_ABOUT = (b"\\", b"finally", b"0x")
_NUMBER_AND_WORD = re.compile(rb"[0-9][jJ.]?(?:and|else|for|if|in|is|not|or)")
_quiet = threading.Lock()


@dataclasses.dataclass(frozen=True, slots=True)
class RevisionFile:
    """What one revision file says of itself."""

    revision: str
    #: The ids in ``down_revision``.
    parents: tuple[str, ...]
    #: ``depends_on`` as it is written: ids or labels.
    dependencies: tuple[str, ...]
    #: The labels that this file sets, without those it has from other revisions of its branch.
    labels: tuple[str, ...]
    path: Path
    message: str
    doc: str
    #: The moment in the docstring, with the time zone it has there.
    created: datetime.datetime | None


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """What keeps files from being a history, and what to do about it."""

    kind: ProblemKind
    message: str
    cure: str
    path: Path | None = None
    line: int | None = None
    revisions: tuple[str, ...] = ()


class FileStamp(t.NamedTuple):
    """One state of one file; a file that is written to gets another stamp."""

    path: str
    size: int
    modified: int
    # Copying may bring an old time of modification along, but never this one.
    changed: int


@dataclasses.dataclass(frozen=True, slots=True)
class FolderSignature:
    """One state of folders; equal signatures mean equal files."""

    files: tuple[FileStamp, ...]
    problems: tuple[Problem, ...]


def folder_signature(folders: c.Sequence[Path], recursive: bool = False) -> FolderSignature:
    """Return which revision files there are, and the state of each, without opening any.

    :param folders: Folders of revision files; one that does not exist is empty.
    :param recursive: Whether their sub folders belong to them.
    """
    files: dict[str, FileStamp] = {}
    problems = []
    todo = [os.path.abspath(folder) for folder in reversed(folders)]

    while todo:
        folder = todo.pop()

        try:
            # Entries of `os.scandir` take a third longer, as they are asked for nearly everything.
            names = sorted(os.listdir(folder))
        except FileNotFoundError:
            continue
        except OSError as error:
            problems.append(_unreadable(Path(folder), error))
            continue

        sub_folders = _add_stamps(files, folder, names)

        if recursive:
            todo.extend(reversed(sub_folders))

    return FolderSignature(tuple(files.values()), tuple(problems))


def read_file(path: Path) -> RevisionFile | Problem:
    """Return what a revision file says, or why that cannot be told without running it.

    :param path: The file.
    """
    try:
        return _revision_file(path, _parse(path.read_bytes()))
    except _Unusable as unusable:
        return unusable.problem
    except OSError as error:
        return _unreadable(path, error)
    except SyntaxError as error:
        return Problem(
            "syntax",
            f"{path}, line {error.lineno}: this is no valid Python: {error.msg}.",
            "Correct the file; nothing can be migrated before all files are valid.",
            path,
            error.lineno,
        )
    except (ValueError, RecursionError, MemoryError) as error:
        return Problem(
            "syntax",
            f"{path} cannot be read as Python: {error or type(error).__name__}.",
            "Correct the file; nothing can be migrated before all files are valid.",
            path,
        )


class _Unusable(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def _add_stamps(files: dict[str, FileStamp], folder: str, names: c.Iterable[str]) -> list[str]:
    """Add the revision files among some names, and return the folders among them.

    It is done for every file at every look: with thousands of them each line of it can be felt.
    """
    sub_folders = []
    beginning = os.path.join(folder, "")
    real_beginning = os.path.join(os.path.realpath(folder), "")
    is_real = real_beginning == beginning
    is_revision_file = _REVISION_FILE.match

    for name in names:
        path = beginning + name
        real = path if is_real else real_beginning + name

        try:
            status = os.lstat(path)
            kind = stat.S_IFMT(status.st_mode)

            if kind == stat.S_IFDIR and not name.endswith("__pycache__"):
                sub_folders.append(path)

            if kind == stat.S_IFLNK:
                # Like Alembic, which follows links before it looks at names.
                real = os.path.realpath(path)
                name = os.path.basename(real)
                status = os.stat(path)
                kind = stat.S_IFMT(status.st_mode)

            stamp = FileStamp(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        except OSError:
            # A link to nowhere: reading it will say so.
            kind, stamp = 0, FileStamp(path, -1, 0, 0)

        # Folders may overlap, and a link may lead to a file that is here too.
        if kind != stat.S_IFDIR and is_revision_file(name) and real not in files:
            files[real] = stamp

    return sub_folders


def _unreadable(path: Path, error: OSError) -> Problem:
    return Problem(
        "syntax",
        f"{path} cannot be read: {error.strerror}.",
        "Make it readable for the user that runs the app, or take it away.",
        path,
    )


def _parse(source: bytes) -> ast.Module:
    # Bytes, so that the parser itself deals with a byte order mark or a declared encoding.
    if not _may_warn(source):
        # Where the app makes errors of warnings, this may be one that is new: it is parsed again.
        with contextlib.suppress(SyntaxError):
            return ast.parse(source)

    # Before Python 3.14 the filters belong to the whole process. Two threads in here could restore
    # them in the wrong order and leave them changed for good. The lock does not bind the app's own
    # threads, and so few files as possible come here.
    with _quiet, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


def _may_warn(source: bytes) -> bool:
    return any(part in source for part in _WARNED_ABOUT) or bool(_NUMBER_AND_WORD.search(source))


def _revision_file(path: Path, module: ast.Module) -> RevisionFile:
    names = names_at_end(module)
    doc = (ast.get_docstring(module, clean=False) or "").strip()
    revision = _revision(path, names)

    try:
        return RevisionFile(
            revision=revision,
            parents=_texts(path, names, "down_revision", required=True),
            dependencies=_texts(path, names, "depends_on"),
            labels=_texts(path, names, "branch_labels"),
            path=path,
            # Exactly Alembic's `Script.doc`.
            message=doc.split("\n\n", 1)[0],
            doc=doc,
            created=created_in(doc),
        )
    except _Unusable as unusable:
        # Its children can then say more than that their parent is missing.
        raise _Unusable(dataclasses.replace(unusable.problem, revisions=(revision,))) from None


def _revision(path: Path, names: dict[str, Bound]) -> str:
    bound = _look_up(path, names, "revision")

    if bound is None:
        # A link is known to Alembic by the name of its file.
        if legacy := _LEGACY_FILE.match(os.path.basename(os.path.realpath(path))):
            return legacy[1]

        raise _no_revision(path, "revision", None)

    if not isinstance(bound.value, str) or not bound.value:
        raise _no_revision(path, "revision", bound)

    if refused := sorted(set(bound.value).intersection(_NOT_IN_IDS)):
        problem = Problem(
            "no revision",
            f"{path}, line {bound.line}: revision '{bound.value}' holds {' and '.join(refused)}, "
            "which Alembic allows in no id.",
            "Rename the revision, in the files that follow it too.",
            path,
            bound.line,
            (bound.value,),
        )
        raise _Unusable(problem)

    return bound.value


def _texts(
    path: Path, names: dict[str, Bound], name: str, *, required: bool = False
) -> tuple[str, ...]:
    bound = _look_up(path, names, name, required=required)

    if bound is None and required:
        raise _no_revision(path, name, None)

    match bound.value if bound else None:
        # Alembic takes a lone None in a tuple for None.
        case None | [None]:
            return ()
        case str() as text:
            return (text,)
        case tuple() | list() as items if all(isinstance(item, str) for item in items):
            return tuple(items)

    raise _no_revision(path, name, bound)


def _look_up(
    path: Path, names: dict[str, Bound], name: str, *, required: bool = True
) -> Bound | None:
    # Anything may have come in by a star, but of what may be absent it is hardly meant to.
    bound = names.get(name) or (names.get(ANY_NAME) if required else None)

    if bound and is_computed(bound.value):
        problem = Problem(
            "computed",
            f"{path}, line {bound.line}: {name} is computed and cannot be read without running "
            "the file.",
            f"Write {name} as plain text.",
            path,
            bound.line,
        )
        raise _Unusable(problem)

    return bound


def _no_revision(path: Path, name: str, bound: Bound | None) -> _Unusable:
    if bound is None:
        message = f"{path} does not set {name}, so it is no revision."
    else:
        message = f"{path}, line {bound.line}: {name} is {bound.value!r}, which names no revision."

    cure = f"Set {name} in it, or move it out of the folder if it is no revision."
    return _Unusable(Problem("no revision", message, cure, path, bound and bound.line))


def created_in(doc: str) -> datetime.datetime | None:
    """Return the moment in a docstring, with the time zone it has there.

    :param doc: The docstring of a revision file.
    """
    # The message comes first and may hold such a line itself.
    for text in reversed(_CREATED.findall(doc)):
        with contextlib.suppress(ValueError):
            moment = text[:10] + text[10:].replace(" ", "T", 1).replace(" ", "")
            return datetime.datetime.fromisoformat(moment)

    return None
