from __future__ import annotations

import dataclasses
import datetime
import os
import random
import subprocess
import sys
import threading
import time
import types
import typing as t
import warnings
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from flask_alembic_admin.core.scripts import history as history_module
from flask_alembic_admin.core.scripts import revision_files
from flask_alembic_admin.core.scripts.history import History
from flask_alembic_admin.core.scripts.history import HistoryReader
from flask_alembic_admin.core.scripts.revision_files import folder_signature
from flask_alembic_admin.core.scripts.revision_files import FolderSignature
from flask_alembic_admin.core.scripts.revision_files import Problem
from flask_alembic_admin.core.scripts.revision_files import read_file
from flask_alembic_admin.core.scripts.revision_files import RevisionFile

from .histories import read_history

TEMPLATE = '''"""{message}

Revision ID: {revision}
Revises: {parents}
Create Date: 2024-05-{day:02d} 10:00:00.123456

"""
revision = {revision!r}
down_revision = {parents!r}
branch_labels = {labels!r}
depends_on = {depends_on!r}


def upgrade() -> None:
    pass
'''


@dataclasses.dataclass(frozen=True)
class Node:
    """One revision of a graph under test."""

    revision: str
    parents: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()


GRAPHS = {
    "empty": [],
    "one line": [Node("a"), Node("b", ("a",)), Node("c", ("b",))],
    "several bases": [Node("a"), Node("b"), Node("c", ("b",))],
    "a branch": [Node("a"), Node("b", ("a",)), Node("c", ("a",)), Node("d", ("c",))],
    "a merge of three": [
        Node("a"),
        *(Node(id_, ("a",)) for id_ in "bcd"),
        Node("e", ("b", "c", "d")),
    ],
    "a parent named twice": [Node("a"), Node("b", ("a", "a"))],
    "a merge of bases": [Node("a"), Node("b"), Node("c", ("a", "b")), Node("d", ("c",))],
    "a label in a plain line": [
        Node("a"),
        Node("b", ("a",)),
        Node("c", ("b",), ("users",)),
        Node("d", ("c",)),
    ],
    "labels on branches": [
        Node("a"),
        Node("b", ("a",)),
        Node("c", ("b",), ("left", "links")),
        Node("d", ("b",)),
        Node("e", ("d",), ("right",)),
        Node("f", ("c", "e")),
        Node("g", ("f",)),
    ],
    "a label below a branch": [
        Node("a"),
        Node("b", ("a",), ("users",)),
        Node("c", ("b",)),
        Node("d", ("c",)),
        Node("e", ("c",)),
    ],
    "labels above each other": [
        Node("a"),
        Node("b", ("a",), ("lower",)),
        Node("c", ("b",), ("upper",)),
    ],
    "a dependency by id": [Node("a"), Node("b"), Node("c", ("b",), (), ("a",))],
    "a dependency by label": [
        Node("a", (), ("users",)),
        Node("b", ("a",)),
        Node("c", (), ("orders",), ("users",)),
        Node("d", ("c",), (), ("b",)),
    ],
    "a dependency that makes a branch point of a labelled line": [
        Node("a", (), ("users",)),
        Node("b", ("a",)),
        Node("c", ("b",), ("late",)),
        Node("d", (), (), ("b",)),
    ],
    "a dependency below oneself": [Node("a"), Node("b", ("a",)), Node("c", ("b",), (), ("a",))],
}


def random_graph(seed: int) -> list[Node]:
    """Return a graph with branches, merges, labels and dependencies; equal for equal seeds."""
    chance = random.Random(seed)
    nodes: list[Node] = []

    for number in range(chance.randint(1, 25)):
        ids = [node.revision for node in nodes]
        count = min(len(ids), chance.choices([0, 1, 2, 3], [1, 12, 3, 1])[0])
        # Mostly on top of what is newest, so that plain lines arise as well.
        parents = tuple(dict.fromkeys(chance.sample(ids[-4:], min(count, len(ids[-4:])))))
        labels = (f"label{number}",) if chance.random() < 0.2 else ()
        names = ids + [label for node in nodes for label in node.labels]
        depends_on = (chance.choice(names),) if names and chance.random() < 0.2 else ()
        nodes.append(Node(f"{chance.getrandbits(32):08x}", parents, labels, depends_on))

    return nodes


GRAPHS |= {f"random {seed}": random_graph(seed) for seed in range(30)}


def write_text(folder: Path, name: str, text: str | bytes) -> Path:
    """Write one file, with its folder."""
    folder.mkdir(exist_ok=True, parents=True)
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def write(
    folder: Path,
    revision: str,
    parents: str | tuple[str, ...] | None = None,
    *,
    labels: tuple[str, ...] = (),
    depends_on: str | tuple[str, ...] | None = None,
    message: str = "A message",
    day: int = 1,
    name: str = "",
) -> Path:
    """Write one ordinary revision file."""
    text = TEMPLATE.format(
        revision=revision,
        parents=parents,
        labels=labels or None,
        depends_on=depends_on,
        message=message,
        day=day,
    )
    return write_text(folder, name or f"{revision}_.py", text)


def write_graph(folder: Path, nodes: list[Node]) -> History:
    """Write a whole graph and read it."""
    for node in nodes:
        write(
            folder,
            node.revision,
            node.parents or None,
            labels=node.labels,
            depends_on=node.depends_on or None,
        )

    return read_history([folder])


def read_one(folder: Path, text: str | bytes) -> RevisionFile:
    """Write and read a file that is expected to be readable."""
    write_text(folder, "one.py", text)
    history = read_history([folder])
    assert history.problems == ()
    return next(iter(history.revisions.values()))


def read_problem(folder: Path, text: str | bytes, name: str = "one.py") -> Problem:
    """Write and read a file that is expected to have exactly one problem."""
    path = write_text(folder, name, text)
    history = read_history([folder])
    (problem,) = history.problems
    assert str(path) in problem.message
    assert problem.path == path
    assert problem.cure
    return problem


@pytest.mark.parametrize("nodes", GRAPHS.values(), ids=GRAPHS)
class TestLikeAlembic:
    """Every answer about a graph is the one that Alembic gives after importing the files."""

    @pytest.fixture
    def history(self, tmp_path: Path, nodes: list[Node]) -> History:
        """Return our view of the graph."""
        return write_graph(tmp_path / "versions", nodes)

    @pytest.fixture
    def scripts(self, tmp_path: Path, history: History) -> ScriptDirectory:
        """Return Alembic's view of the same files."""
        assert history.problems == ()
        return ScriptDirectory(str(tmp_path), version_locations=[str(tmp_path / "versions")])

    def test_heads_and_bases_agree(self, history: History, scripts: ScriptDirectory) -> None:
        """Heads, heads without those that are dependencies, and bases."""
        assert set(history.heads) == set(scripts.get_heads())
        # As Alembic's command line resolves the word.
        effective = {script.revision for script in scripts.get_revisions("heads")}
        assert set(history.effective_heads) == effective
        assert set(history.bases) == set(scripts.get_bases())

    def test_branches_and_merges_agree(self, history: History, scripts: ScriptDirectory) -> None:
        """Children, and where lines part and meet."""
        for script in scripts.walk_revisions():
            assert set(history.children(script.revision)) == script.nextrev
            assert (script.revision in history.branch_points) == script.is_branch_point

    def test_ancestors_agree(self, history: History, scripts: ScriptDirectory) -> None:
        """Parents and dependencies, all the way down."""
        for id_ in history.revisions:
            theirs = scripts.iterate_revisions(id_, "base", inclusive=True)
            assert history.ancestors([id_]) == {script.revision for script in theirs}

    def test_labels_agree(self, history: History, scripts: ScriptDirectory) -> None:
        """Which revisions carry a label that one of their branch sets."""
        theirs = {script.revision: script.branch_labels for script in scripts.walk_revisions()}
        assert {id_: set(history.labels_of(id_)) for id_ in history.revisions} == theirs

        for label, ids in history.labels.items():
            assert set(ids) == {id_ for id_, labels in theirs.items() if label in labels}

    def test_dependencies_agree(self, history: History, scripts: ScriptDirectory) -> None:
        """What a `depends_on` means."""
        for script in scripts.walk_revisions():
            ours = history.resolved_dependencies(script.revision)
            assert ours == script._resolved_dependencies

    def test_messages_and_paths_agree(self, history: History, scripts: ScriptDirectory) -> None:
        """What a file is about and where it is."""
        for script in scripts.walk_revisions():
            file = history.revisions[script.revision]
            assert (file.message, file.doc) == (script.doc, script.longdoc)
            assert str(file.path) == script.path

    def test_pending_agrees(self, history: History, scripts: ScriptDirectory) -> None:
        """From wherever one is, what an upgrade to all heads would run."""
        for current in [(), *((id_,) for id_ in history.revisions)]:
            theirs = scripts.iterate_revisions("heads", current, implicit_base=True)
            assert set(history.pending(current)) == {script.revision for script in theirs}

    def test_parents_and_dependencies_come_first(
        self, history: History, scripts: ScriptDirectory
    ) -> None:
        """The order is one in which the revisions can run, and newest first is its reverse."""
        order = list(history.revisions)

        for script in scripts.walk_revisions():
            for needed in script._all_down_revisions:
                assert order.index(needed) < order.index(script.revision)

        assert list(history.newest_first()) == order[::-1]


def test_of_unrelated_revisions_the_older_comes_first(tmp_path: Path) -> None:
    """Ties are broken by date and then by id, whatever the files are called."""
    write(tmp_path, "base", day=1)
    write(tmp_path, "aa", "base", day=3)
    write(tmp_path, "zz", "base", day=2)
    write(tmp_path, "ab", "base", day=3, name="0.py")
    assert list(read_history([tmp_path]).revisions) == ["base", "zz", "aa", "ab"]


def test_dates_with_and_without_a_time_zone_can_be_compared(tmp_path: Path) -> None:
    """Histories in which the timezone option was switched on have both, and some have none."""
    dates = {
        "a": "2024-01-01 10:00:00+02:00",
        "b": "2024-01-01 09:00:00",
        "c": "2024-01-01T08:30:00Z",
        "d": "yesterday",
    }

    for id_, date in dates.items():
        doc = f'"""Message\n\nCreate Date: {date}\n"""\n'
        write_text(tmp_path, f"{id_}.py", f"{doc}revision = '{id_}'\ndown_revision = None\n")

    history = read_history([tmp_path])
    assert list(history.revisions) == ["d", "a", "c", "b"]
    assert history.revisions["d"].created is None
    assert history.revisions["b"].created == datetime.datetime(2024, 1, 1, 9)


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_without_files_is_an_empty_history(tmp_path: Path, exists: bool) -> None:
    """A folder that is empty or missing is no problem: it is how a project begins."""
    history = read_history([tmp_path if exists else tmp_path / "missing"])
    assert (dict(history.revisions), history.heads, history.problems) == ({}, (), ())
    assert history.pending(["x"]) == ()


def test_a_folder_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    """It must not look like one without revisions, which would be up to date."""
    path = write_text(tmp_path, "file", "")
    (problem,) = read_history([path]).problems
    assert str(path) in problem.message


def test_revisions_of_several_folders_are_one_history(tmp_path: Path) -> None:
    """A parent may be in another folder, and a folder may be named twice."""
    write(tmp_path / "one", "a")
    write(tmp_path / "two", "b", "a")
    history = read_history([tmp_path / "two", tmp_path / "one", tmp_path / "two"])
    assert (list(history.revisions), history.problems) == (["a", "b"], ())


def test_sub_folders_are_read_only_when_asked_for(tmp_path: Path) -> None:
    """As with Alembic's `recursive_version_locations`, and never `__pycache__`."""
    write(tmp_path, "a")
    write(tmp_path / "2024", "b", "a")
    write(tmp_path / "__pycache__", "c", "b")
    assert list(read_history([tmp_path]).revisions) == ["a"]
    assert list(read_history([tmp_path], recursive=True).revisions) == ["a", "b"]


def test_only_files_that_alembic_would_load_are_read(tmp_path: Path) -> None:
    """No package marker, no editor's lock file, no other suffix, and no folder of such a name."""
    write(tmp_path, "a")
    (tmp_path / "folder.py").mkdir()

    for name in ["__init__.py", ".#a_.py", "README.md", "a.pyc", "a.py.orig"]:
        write_text(tmp_path, name, "1 +")

    history = read_history([tmp_path])
    assert (list(history.revisions), history.problems) == (["a"], ())


def test_a_link_to_a_file_that_is_here_too_is_not_a_duplicate(tmp_path: Path) -> None:
    """Alembic loads a file once, however many ways lead to it."""
    (tmp_path / "z_link.py").symlink_to(write(tmp_path, "a"))
    assert read_history([tmp_path]).problems == ()


def test_a_link_to_nowhere_is_a_problem(tmp_path: Path) -> None:
    """Alembic would fail at it, so it is not passed over."""
    (tmp_path / "a.py").symlink_to(tmp_path / "gone.py")
    (problem,) = read_history([tmp_path]).problems
    assert "a.py" in problem.message


@pytest.mark.parametrize(
    ("down_revision", "parents"),
    [
        ("None", ()),
        ("()", ()),
        ("(None,)", ()),
        ("'a'", ("a",)),
        ("('a', 'b')", ("a", "b")),
        ("['a', 'b']", ("a", "b")),
        ("{'a'}", ("a",)),
        ("'a' 'b'", ("ab",)),
        ("'a' + 'b'", ("ab",)),
        ("('a',) + ('b',)", ("a", "b")),
        ("earlier", ("e",)),
        ("(earlier, 'a')", ("e", "a")),
        ("'x'; down_revision = 'y'", ("y",)),
        ("'x'; down_revision += 'y'", ("xy",)),
    ],
)
def test_constants_are_read_however_they_are_written(
    tmp_path: Path, down_revision: str, parents: tuple[str, ...]
) -> None:
    """All ways to write a constant are understood."""
    text = f"earlier = 'e'\nrevision = 'one'\ndown_revision = {down_revision}\n"
    write_text(tmp_path, "one.py", text)
    assert read_history([tmp_path]).revisions["one"].parents == parents


@pytest.mark.parametrize(
    "text",
    [
        "revision: str = 'b'\ndown_revision: 'str | None' = None",
        "revision, down_revision = 'b', None",
        "pair = ('b', None)\n[revision, down_revision] = pair",
        "name = revision = 'b'\ndown_revision = None",
        "revision = 'a'\nrevision = 'b'\ndown_revision = None",
        "if True:\n    revision = 'a'\nrevision = 'b'\ndown_revision = None",
        "from x import *\nrevision = 'b'\ndown_revision = None",
        "class Model:\n    revision = 'a'\nrevision = 'b'\ndown_revision = None",
        "revision = 'b'\ndown_revision = None\nclass Model:\n    revision = 'a'",
        "revision = 'b'\ndown_revision = None\ndef upgrade():\n    revision = 'a'",
        "revision = 'b'\ndown_revision = None\nif x:\n    def f():\n        revision = 'a'",
    ],
)
def test_assignments_are_read_in_all_forms(tmp_path: Path, text: str) -> None:
    """Annotated, chained, in tuples and repeated; what is local elsewhere does not count."""
    assert read_one(tmp_path, text).revision == "b"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("revision = make()\ndown_revision = None", 1),
        ("revision = 'b'\ndown_revision = f'{x}'", 2),
        ("revision = 'b'\ndown_revision = ('a', make())", 2),
        ("revision = 'b'\ndown_revision = None\ndepends_on = unknown", 3),
        ("revision = 'b'\ndown_revision = None\nif x:\n    down_revision = 'a'", 4),
        ("revision = 'b'\ntry:\n    from x import down_revision\nexcept E:\n    pass", 3),
        ("revision = 'b'\nparents = ['a']\nparents.append('c')\ndown_revision = parents", 4),
        ("from x import *\nrevision = 'b'", 1),
        ("revision = 'b'\ndown_revision, *rest = 'a', 'b'", 2),
        ("revision = 'b'\ndown_revision = None\nx = (revision := 'c') + f()", 3),
        ("down_revision = None\ndef revision(): pass", 2),
    ],
)
def test_what_is_computed_is_a_problem_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    """Nothing is guessed: a value that only running the file would tell leaves it out."""
    problem = read_problem(tmp_path, text)
    assert (problem.kind, problem.line) == ("computed", line)
    assert f"line {line}" in problem.message
    assert not read_history([tmp_path]).revisions


def test_a_child_of_a_computed_revision_says_what_hides_its_parent(tmp_path: Path) -> None:
    """Its parent is not missing, so whoever overlooks computed files overlooks this too."""
    path = write_text(tmp_path, "a.py", "revision = 'a'\ndown_revision = make()")
    write(tmp_path, "b", "a")
    first, second = read_history([tmp_path]).problems
    assert first.kind == second.kind == "computed"
    assert str(path) in second.message


def test_no_file_is_ever_run(tmp_path: Path) -> None:
    """A file that would leave a mark when imported leaves none."""
    mark = tmp_path / "mark"
    text = f"open({str(mark)!r}, 'w')\nrevision = 'a'\ndown_revision = None\nraise SystemExit"
    assert read_one(tmp_path, text).revision == "a"
    assert not mark.exists()
    assert not (tmp_path / "__pycache__").exists()


def test_neither_flask_nor_sqlalchemy_nor_alembic_is_imported() -> None:
    """Reading a history needs nothing but Python."""
    code = (
        "import sys, flask_alembic_admin.core.scripts.history;"
        "print({'flask', 'sqlalchemy', 'alembic'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_file_without_a_revision_is_a_problem(tmp_path: Path) -> None:
    """Alembic refuses the whole folder because of a helper module beside the revisions."""
    assert read_problem(tmp_path, "def helper(): pass", "helper.py").kind == "no revision"


def test_a_file_without_a_parent_is_a_problem(tmp_path: Path) -> None:
    """Alembic does not load it, so it is not taken for a base."""
    problem = read_problem(tmp_path, "revision = 'a'")
    assert problem.kind == "no revision"
    assert "down_revision" in problem.message


def test_a_legacy_file_has_its_revision_in_its_name(tmp_path: Path) -> None:
    """Files from before Alembic 0.2."""
    write_text(tmp_path, "1f2e.py", "down_revision = None")
    assert list(read_history([tmp_path]).revisions) == ["1f2e"]


@pytest.mark.parametrize("value", ["None", "''", "12", "b'a'", "('a', 'b')"])
def test_a_revision_that_is_no_text_is_a_problem(tmp_path: Path, value: str) -> None:
    """A constant, but none that could be an id."""
    problem = read_problem(tmp_path, f"\nrevision = {value}\ndown_revision = None")
    assert (problem.kind, problem.line) == ("no revision", 2)


def test_an_id_that_alembic_refuses_is_a_problem(tmp_path: Path) -> None:
    """Characters with a meaning in targets."""
    problem = read_problem(tmp_path, "revision = 'a-b@c'\ndown_revision = None")
    assert problem.kind == "no revision"
    assert "- and @" in problem.message


@pytest.mark.parametrize(
    "text", ["revision = 'a'\n1 +", "revision = 'a'\n\0", b"\xff = 1", "(" * 500]
)
def test_a_file_that_is_no_python_is_a_problem(tmp_path: Path, text: str | bytes) -> None:
    """One broken file does not take the others along."""
    write(tmp_path, "b")
    assert read_problem(tmp_path, text).kind == "syntax"
    assert list(read_history([tmp_path]).revisions) == ["b"]


def test_a_syntax_error_has_its_line(tmp_path: Path) -> None:
    """One can go there and correct it."""
    assert read_problem(tmp_path, "revision = 'a'\n1 +").line == 2


@pytest.mark.parametrize("action", ["error", "always"])
@pytest.mark.parametrize("line", [r"x = '\d'", "x = 1if 1 else 2", "x = 1or 1", "x = 0xfor 1"])
def test_warnings_about_a_file_are_neither_shown_nor_raised(
    tmp_path: Path, line: str, action: t.Literal["error", "always"]
) -> None:
    """Whatever an app does with warnings, old revisions with unknown escapes are ordinary input."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter(action)
        filters = list(warnings.filters)
        file = read_one(tmp_path, f"{line}\nrevision = 'a'\ndown_revision = None")
        assert warnings.filters == filters

    assert file.revision == "a"
    assert caught == []


def test_a_warning_that_is_new_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Later Pythons may warn about more than we know of, and an app may make errors of warnings."""
    monkeypatch.setattr(revision_files, "_may_warn", lambda source: False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_one(tmp_path, "x = '\\d'\nrevision = 'a'\ndown_revision = None").revision == "a"


@pytest.mark.parametrize(
    "start", [b"# -*- coding: latin-1 -*-\n'''B\xfccher'''", "\ufeff'''Bücher'''".encode()]
)
def test_the_declared_encoding_is_honoured(tmp_path: Path, start: bytes) -> None:
    """By a comment or by a byte order mark."""
    assert read_one(tmp_path, start + b"\nrevision='a'\ndown_revision=None").message == "Bücher"


def test_a_message_may_look_like_the_lines_below_it(tmp_path: Path) -> None:
    """It ends at the first empty line, and the date is the last that is given."""
    message = "Revision ID: of orders\nCreate Date: 1999-01-01 00:00:00"
    write(tmp_path, "a", message=message, day=7)
    file = read_history([tmp_path]).revisions["a"]
    assert file.message == message
    assert file.created == datetime.datetime(2024, 5, 7, 10, 0, 0, 123456)


def test_a_file_without_a_docstring_has_no_message(tmp_path: Path) -> None:
    """Neither is it a problem."""
    file = read_one(tmp_path, "revision = 'a'\ndown_revision = None")
    assert (file.message, file.doc, file.created) == ("", "", None)


def test_a_missing_parent_is_named_and_the_rest_is_there(tmp_path: Path) -> None:
    """The revision above it is kept, and is no base."""
    path = write(tmp_path, "b", "a")
    history = read_history([tmp_path])
    (problem,) = history.problems
    assert (problem.kind, problem.path) == ("missing parent", path)
    assert problem.revisions == ("b", "a")
    assert (history.heads, history.bases, history.pending([])) == (("b",), (), ("b",))


def test_a_missing_dependency_is_named(tmp_path: Path) -> None:
    """Neither an id nor a label."""
    write(tmp_path, "b", depends_on="orders")
    (problem,) = read_history([tmp_path]).problems
    assert problem.kind == "missing dependency"
    assert "orders" in problem.message


def test_a_shortened_dependency_is_understood_and_a_problem(tmp_path: Path) -> None:
    """What it means is clear, but Alembic cannot load files that hold one."""
    write(tmp_path, "1f2e3d4c")
    write(tmp_path, "b", depends_on="1f2e")
    history = read_history([tmp_path])
    assert history.resolved_dependencies("b") == ("1f2e3d4c",)
    assert history.ancestors(["b"]) == {"b", "1f2e3d4c"}
    (problem,) = history.problems
    assert problem.kind == "missing dependency"
    assert "1f2e3d4c" in problem.cure

    scripts = ScriptDirectory(str(tmp_path), version_locations=[str(tmp_path)])

    with pytest.raises(KeyError, match="1f2e"):
        scripts.get_heads()


def test_a_circle_is_named_and_comes_last(tmp_path: Path) -> None:
    """Only those in it are named, and the rest is usable."""
    write(tmp_path, "z")
    write(tmp_path, "y", "z")
    write(tmp_path, "a", "c")
    write(tmp_path, "b", "a")
    write(tmp_path, "c", "b")
    write(tmp_path, "d", "c")
    history = read_history([tmp_path])
    (problem,) = history.problems
    assert (problem.kind, set(problem.revisions)) == ("cycle", {"a", "b", "c"})
    assert list(history.revisions)[:2] == ["z", "y"]
    assert set(history.heads) == {"y", "d"}
    assert history.ancestors(["d"]) == {"a", "b", "c", "d"}
    assert history.labels_of("d") == ()


@pytest.mark.parametrize("own", ["parents", "depends_on"])
def test_a_revision_that_needs_itself_is_a_circle(tmp_path: Path, own: str) -> None:
    """The shortest circle there is."""
    write(tmp_path, "a", **t.cast("t.Any", {own: "a"}))
    (problem,) = read_history([tmp_path]).problems
    assert (problem.kind, problem.revisions) == ("cycle", ("a",))


def test_each_of_several_circles_is_named(tmp_path: Path) -> None:
    """Also one that runs through a dependency."""
    write(tmp_path, "a", "b")
    write(tmp_path, "b", "a")
    write(tmp_path, "c", depends_on="d")
    write(tmp_path, "d", "c")
    found = [set(problem.revisions) for problem in read_history([tmp_path]).problems]
    assert sorted(map(sorted, found)) == [["a", "b"], ["c", "d"]]


def test_two_files_with_one_id_are_both_named(tmp_path: Path) -> None:
    """The first by path is kept, in whatever order the folders are given."""
    first = write(tmp_path / "one", "a", message="First")
    second = write(tmp_path / "two", "a", message="Second")
    history = read_history([tmp_path / "two", tmp_path / "one"])
    (problem,) = history.problems
    assert problem.kind == "duplicate"
    assert str(first) in problem.message
    assert str(second) in problem.message
    assert history.revisions["a"].message == "First"


@pytest.mark.parametrize("label", ["users", "a"])
def test_a_label_that_names_two_revisions_is_a_problem(tmp_path: Path, label: str) -> None:
    """Alembic refuses a label that another revision sets or has as its id."""
    write(tmp_path, "a", labels=("users",))
    write(tmp_path, "b", labels=(label,))
    (problem,) = read_history([tmp_path]).problems
    assert problem.kind == "duplicate"
    assert f"'{label}'" in problem.message


def test_a_head_that_is_a_dependency_is_not_pending_after_an_upgrade(tmp_path: Path) -> None:
    """It never becomes a row of the version table, and yet it has run."""
    write(tmp_path, "a")
    write(tmp_path, "b", depends_on="a")
    history = read_history([tmp_path])
    assert (history.heads, history.effective_heads) == (("a", "b"), ("b",))
    assert history.pending(["b"]) == ()


def test_unknown_ids_are_told_and_otherwise_ignored(tmp_path: Path) -> None:
    """A database may be ahead of the files."""
    write(tmp_path, "a")
    history = read_history([tmp_path])
    assert history.unknown(["x", "a", "y", "x"]) == ("x", "y")
    assert history.ancestors(["x", "a"]) == {"a"}
    assert history.children("x") == history.labels_of("x") == history.resolved_dependencies("x")


def test_an_id_is_found_by_its_beginning(tmp_path: Path) -> None:
    """One, several or none."""
    for id_ in ["1f2e", "1f3a", "2b"]:
        write(tmp_path, id_)

    history = read_history([tmp_path])
    assert history.find("1f") == ("1f2e", "1f3a")
    assert history.find("1f3") == ("1f3a",)
    assert history.find("x") == ()


@pytest.mark.parametrize(
    ("text", "near"), [("1f2f3d", "1f2e3d"), ("oders", "orders"), ("EMAIL", "abcd")]
)
def test_near_matches_are_offered(tmp_path: Path, text: str, near: str) -> None:
    """For a mistyped id or label, and for words of a message."""
    write(tmp_path, "1f2e3d", labels=("orders",))
    write(tmp_path, "abcd", message="Add email to users")
    history = read_history([tmp_path])
    assert history.near(text)[0] == near
    assert history.near("xxxxxxxxxx") == ()
    assert len(history.near("a", count=1)) <= 1


def test_a_line_of_ten_thousand_revisions_is_walked(tmp_path: Path) -> None:
    """Nothing recurses and nothing is quadratic."""
    ids = [f"r{number:05d}" for number in range(10_000)]
    files = [
        RevisionFile(id_, tuple(ids[number - 1 : number]), (), (), tmp_path, "", "", None)
        for number, id_ in enumerate(ids)
    ]
    files[5000] = dataclasses.replace(files[5000], labels=("middle",))
    started = time.process_time()
    history = History(reversed(files))
    assert history.pending([ids[4999]]) == tuple(ids[5000:])
    assert len(history.labels["middle"]) == 10_000
    assert time.process_time() - started < 2


def test_nothing_is_read_again_while_nothing_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same history is given out, and of a changed folder only the changed file is opened."""
    opened: list[str] = []

    def read_and_note(path: Path) -> RevisionFile | Problem:
        opened.append(path.name)
        return read_file(path)

    monkeypatch.setattr(history_module, "read_file", read_and_note)
    write(tmp_path, "a")
    write(tmp_path, "b", "a")
    reader = HistoryReader([tmp_path])
    first = reader.read()
    assert reader.read() is first
    assert opened == ["a_.py", "b_.py"]

    write(tmp_path, "b", "a", message="Another message")
    assert reader.read().revisions["b"].message == "Another message"
    assert opened == ["a_.py", "b_.py", "b_.py"]

    (tmp_path / "b_.py").unlink()
    assert list(reader.read().revisions) == ["a"]
    assert opened == ["a_.py", "b_.py", "b_.py"]


def test_a_file_replaced_by_one_of_its_size_and_time_is_read_again(tmp_path: Path) -> None:
    """A deploy may give every file the same time."""
    path = write(tmp_path, "a")
    os.utime(path, (0, 0))
    reader = HistoryReader([tmp_path])
    assert reader.read().heads == ("a",)

    path.write_text(path.read_text().replace("'a'", "'b'"))
    os.utime(path, (0, 0))
    assert reader.read().heads == ("b",)


def test_a_signature_changes_with_the_files_and_with_nothing_else(tmp_path: Path) -> None:
    """It can be a key, and says nothing of files that are no revisions."""
    path = write(tmp_path, "a")
    signature = folder_signature([tmp_path])
    write_text(tmp_path, "notes.txt", "")
    assert {signature} == {folder_signature([tmp_path])}

    path.write_text(path.read_text() + "\n")
    assert folder_signature([tmp_path]) != signature


def test_threads_share_a_reader(tmp_path: Path) -> None:
    """All see the same history, and Python's warning filters are left as they were."""
    for number in range(50):
        text = f"x = '\\d'\nrevision = 'r{number}'\ndown_revision = None\n"
        write_text(tmp_path, f"{number}.py", text)

    filters = list(warnings.filters)
    readers = [HistoryReader([tmp_path]), HistoryReader([tmp_path])]
    seen: list[History] = []
    threads = [
        threading.Thread(target=lambda reader=reader: seen.append(reader.read()))
        for reader in readers * 4
    ]

    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join()

    assert len(seen) == 8
    assert len({id(history) for history in seen}) == 2
    assert all(len(history.revisions) == 50 and not history.problems for history in seen)
    assert warnings.filters == filters


def test_a_look_that_took_long_counts_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is only shown is not looked for again at once; what is run always is."""
    moment = [0.0]
    monkeypatch.setattr(history_module, "time", types.SimpleNamespace(monotonic=lambda: moment[0]))
    reader = HistoryReader([tmp_path])
    look = reader.signature

    def slow_look() -> FolderSignature:
        moment[0] += 0.05
        return look()

    monkeypatch.setattr(reader, "signature", slow_look)
    before = reader.read()
    (tmp_path / "aaa1.py").write_text("revision = 'aaa1'\ndown_revision = None\n")
    assert reader.read_recent() is before
    moment[0] += 1.0
    assert set(reader.read_recent().revisions) == {"aaa1"}
    (tmp_path / "aaa1.py").unlink()
    assert not reader.read().revisions
