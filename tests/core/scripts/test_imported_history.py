"""The history of files that were imported: the same that their text makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from flask_alembic_admin.core.scripts.scripts import Scripts
from flask_alembic_admin.errors import ScriptError

from ...apps import add_line
from ...apps import add_revision


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for revisions."""
    (tmp_path / "revisions").mkdir()
    return tmp_path / "revisions"


@pytest.fixture
def scripts(folder: Path) -> Scripts:
    """The revisions in that folder."""
    return Scripts({"script_location": str(folder)}, folder, ["default"])


def test_it_is_what_the_text_says(scripts: Scripts, folder: Path) -> None:
    """Parents, dependencies, labels, words and times, in every way they can be written."""
    add_line(folder, "a1", "b2")
    message = "Add things\n\nRevises: b2\nCreate Date: 2026-11-21 10:00:00+01:00"
    add_revision(folder, "c3", "b2", labels=("shop", "till"), message=message)
    add_revision(folder, "d4", "b2", depends_on="shop")
    add_revision(folder, "e5", ("c3", "d4"), labels="all", depends_on=("a1", "b2"))
    text = scripts.history()
    _ = scripts.directory()
    imported = scripts.loaded_history()
    assert imported is not text
    assert not imported.problems
    assert list(imported.revisions.items()) == list(text.revisions.items())
    assert imported.heads == text.heads == ("e5",)


def test_what_is_computed_is_known_then(scripts: Scripts, folder: Path) -> None:
    """Pages that only look still say that it cannot be read."""
    add_line(folder, "a1")
    path = add_revision(folder, "b2", "a1")
    path.write_text(path.read_text().replace("= 'a1'", "= 'a' + str(1)"))
    assert [problem.kind for problem in scripts.loaded_history().problems] == ["computed"]
    _ = scripts.directory()
    assert scripts.loaded_history().heads == scripts.known_history().heads == ("b2",)
    assert [problem.kind for problem in scripts.history().problems] == ["computed"]


def test_a_changed_file_is_known_as_it_is_now(scripts: Scripts, folder: Path) -> None:
    """As it was loaded last is another question."""
    add_line(folder, "a1")
    _ = scripts.directory()
    add_revision(folder, "b2", "a1")
    assert scripts.loaded_history().heads == ("a1",)
    assert scripts.known_history().heads == ("b2",)


@pytest.mark.parametrize(
    ("revision", "parent", "words"),
    [
        ("b2", "x9", "x9"),
        ("a1", None, "Revision a1 is in two files"),
        ("b2", 7, "is 7, which names no revision"),
    ],
)
def test_what_is_wrong_is_said_in_our_words(
    scripts: Scripts, folder: Path, revision: str, parent: str | None, words: str
) -> None:
    """With the file, and without a warning from Alembic."""
    add_line(folder, "a1")
    path = add_revision(folder, revision, parent)
    path.rename(folder / "z_other.py")
    add_line(folder, "a1")

    with pytest.raises(ScriptError, match=words) as caught:
        scripts.directory()

    assert "z_other.py" in caught.value.message


def test_a_folder_behind_a_link_is_read_as_text(tmp_path: Path, folder: Path) -> None:
    """Files are shown where people have put them, and Alembic knows them where they really are."""
    add_line(folder, "a1")
    link = tmp_path / "link"
    link.symlink_to(folder)
    scripts = Scripts({"script_location": str(link)}, tmp_path, ["default"])
    _ = scripts.directory()
    assert scripts.loaded_history() is scripts.history()
    assert scripts.loaded_history().revisions["a1"].path == link / "a1.py"
