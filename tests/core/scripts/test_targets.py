from __future__ import annotations

from pathlib import Path

import pytest
from alembic.script import Script
from alembic.script.revision import MultipleHeads
from alembic.script.revision import RevisionError
from alembic.util import CommandError

from flask_alembic_admin.core.results import UnknownRevision
from flask_alembic_admin.core.scripts.history import History
from flask_alembic_admin.core.scripts.targets import as_texts
from flask_alembic_admin.core.scripts.targets import check_target
from flask_alembic_admin.core.scripts.targets import count_or_revision
from flask_alembic_admin.core.scripts.targets import explained
from flask_alembic_admin.core.scripts.targets import Target
from flask_alembic_admin.errors import TargetError

from ...apps import add_revision
from .histories import read_history


@pytest.fixture
def history(tmp_path: Path) -> History:
    """Two branches, one with a label, and ids of many kinds."""
    add_revision(tmp_path, "1731628800", labels="users", message="add users")
    add_revision(tmp_path, "abcd1234", "1731628800", message="add names")
    add_revision(tmp_path, "with_a_long_name", message="add posts")
    add_revision(tmp_path, "abcd9999", "with_a_long_name")
    return read_history([tmp_path])


@pytest.mark.parametrize(
    ("target", "texts"),
    [
        ("heads", ["heads"]),
        (1, ["+1"]),
        (-2, ["-2"]),
        (UnknownRevision("a1"), ["a1"]),
        (["a1", "b2"], ["a1", "b2"]),
        ((UnknownRevision("a1"), "b2"), ["a1", "b2"]),
        ([], []),
    ],
)
def test_a_target_becomes_texts(target: Target, texts: list[str]) -> None:
    """A number of steps gets its sign."""
    assert as_texts(target) == texts
    assert isinstance(UnknownRevision("a1"), Script)


@pytest.mark.parametrize(
    ("text", "downwards", "expected"),
    [
        ("2", False, "+2"),
        ("+2", False, "+2"),
        ("-2", False, "-2"),
        ("2", True, "-2"),
        ("-2", True, "-2"),
        ("1731628800", False, "1731628800"),
        ("1731628800", True, "1731628800"),
        ("17316288", False, "+17316288"),
        ("abcd1234", True, "abcd1234"),
        ("users@head", False, "users@head"),
        ("abcd1234-1", True, "abcd1234-1"),
    ],
)
def test_a_bare_number_counts_steps_unless_it_is_an_id(
    history: History, text: str, downwards: bool, expected: str
) -> None:
    """The id has to be whole."""
    assert count_or_revision(text, history, downwards=downwards) == expected


@pytest.mark.parametrize(
    "text",
    [
        "base",
        "heads",
        "current",
        "+1",
        "-1",
        "abcd1234",
        "abcd1",
        "with",
        "users",
        "users@head",
        "users@base",
        "users@+1",
        "users@abcd1234",
        "abcd1234-1",
        "heads-1",
        "1731628800+1",
    ],
)
def test_what_alembic_understands_is_let_through(history: History, text: str) -> None:
    """Symbols, ids, their beginnings, labels, and places relative to these."""
    check_target(text, history)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("abcd", "Target 'abcd' begins 2 revisions: abcd1234, abcd9999. Give more characters."),
        (
            "nobody@head",
            "Target 'nobody' names no revision, label or symbol. 'flask db log' lists the "
            "revisions; 'head', 'heads', 'base', '+1' work too.",
        ),
        (
            "user@head",
            "Target 'user' names no revision, label or symbol. Did you mean users or 1731628800?",
        ),
        ("bse", "Target 'bse' names no revision, label or symbol. Did you mean base?"),
        ("hed-1", "Target 'hed' names no revision, label or symbol. Did you mean head?"),
        (
            "posts",
            "Target 'posts' names no revision, label or symbol. Did you mean with_a_long_name?",
        ),
        (
            "head",
            "Target 'head' needs one head, and there are 2: abcd1234 (add names), abcd9999 "
            "(make abcd9999). Write 'heads' for all of them, name one, or join them with "
            "'flask db merge'.",
        ),
    ],
)
def test_what_cannot_be_a_target_is_refused(history: History, text: str, message: str) -> None:
    """With what it may have been."""
    with pytest.raises(TargetError) as caught:
        check_target(text, history)

    assert str(caught.value) == message


def test_the_argument_is_named(history: History) -> None:
    """A parent that is wrong is no target."""
    with pytest.raises(TargetError, match=r"^Parent 'zz' names no revision"):
        check_target("zz", history, "parent")


def test_several_heads_are_explained() -> None:
    """Alembic's error says which."""
    with pytest.raises(TargetError) as caught, explained("+1", ["a1"]):
        raise CommandError("many") from MultipleHeads(["b2", "c3"], "+1")

    assert str(caught.value) == (
        "Target '+1' means more than one revision from a1: b2, c3. Name one of them, or write "
        "'heads' for all."
    )


@pytest.mark.parametrize(
    "error", [CommandError("Ambiguous walk."), RevisionError("Ambiguous walk")]
)
def test_other_errors_of_alembic_are_explained(error: Exception) -> None:
    """With the target and where the database is."""
    with pytest.raises(TargetError) as caught, explained(["a1", "b2"]):
        raise error

    assert str(caught.value) == (
        "Target 'a1, b2' cannot be reached from base: Ambiguous walk. 'flask db log' lists the "
        "revisions; 'flask db current' says where the database is."
    )


def test_errors_of_others_pass() -> None:
    """Nothing is hidden that is not about a target."""
    with pytest.raises(ZeroDivisionError), explained("a1"):
        _ = 1 // 0
