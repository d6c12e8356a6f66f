from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import sqlalchemy as sa

from .workplaces import NOTES
from .workplaces import ORDERS
from .workplaces import USERS
from .workplaces import Workplace


@pytest.fixture
def ready(empty: Workplace) -> Workplace:
    """A folder with a template, and models with tables that the database lacks."""
    empty.lines("mkdir")
    return empty


def written(work: Workplace, *arguments: str) -> Path:
    """Run a command that writes one revision, and return its path as the last line has it."""
    path = Path(work.lines(*arguments)[-1].removeprefix("wrote "))
    assert path.is_file()
    return path


@pytest.mark.parametrize("command", ["mkdir", "init"])
def test_mkdir_makes_the_folder(empty: Workplace, command: str) -> None:
    """Both words say where it is, the first time and later."""
    empty.folder.rmdir()

    for _ in range(2):
        assert empty.lines(command) == [f"migrations are in {empty.folder}"]
        assert (empty.folder / "script.py.mako").is_file()


def test_verbose_mkdir_names_every_folder(tmp_path: Path, sqlite_url: sa.URL) -> None:
    """Those of branches too."""
    options = {"version_locations": [("users", str(tmp_path / "of_users"))]}
    work = Workplace(tmp_path, {"default": sqlite_url}, options)
    assert work.lines("mkdir", "-v") == [
        f"migrations are in {work.folder}",
        f"migrations are in {tmp_path / 'of_users'}",
    ]


def test_multidb_with_one_database_is_told(empty: Workplace) -> None:
    """Files for several would not run on it."""
    result = empty.db("init", "--multidb")
    assert result.exit_code == 0
    assert "there is one database, so files are made for one" in result.stderr
    assert "engine_name" not in (empty.folder / "script.py.mako").read_text()


def test_multidb_is_what_several_databases_have_anyway(both: Workplace) -> None:
    """The word of others does nothing new."""
    both.lines("init", "--multidb")
    assert "engine_name" in (both.folder / "script.py.mako").read_text()


def test_mkdir_that_is_not_allowed_is_a_message(empty: Workplace) -> None:
    """Status 3, and the reason of the file system."""
    empty.folder.rmdir()
    empty.folder.touch()
    result = empty.db("mkdir")
    assert result.exit_code == 3
    assert result.stderr.startswith(
        f"Error: The migrations folder {empty.folder} cannot be made: File exists. "
    )


def test_revision_is_filled_with_what_differs(ready: Workplace) -> None:
    """The last line is the path of the file."""
    path = written(ready, "revision", "add everything")
    assert path.name.endswith("_add_everything.py")
    assert "op.create_table('orders'" in path.read_text()
    assert len(ready.lines("log")) == 1


def test_the_message_may_be_an_option(ready: Workplace) -> None:
    """As in Flask-Migrate."""
    assert written(ready, "revision", "-m", "add it").name.endswith("_add_it.py")


@pytest.mark.parametrize("arguments", [["revision"], ["revision", ""], ["migrate"]])
def test_a_message_is_needed(ready: Workplace, arguments: list[str]) -> None:
    """Wrong usage, with what to write."""
    result = ready.db(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: A revision needs a message. Write ")
    assert not list(ready.folder.glob("*.py"))


def test_two_messages_are_refused(ready: Workplace) -> None:
    """It is not guessed which of them is meant."""
    result = ready.db("revision", "one", "-m", "two")
    assert result.exit_code == 2
    assert "given twice" in result.stderr


def test_an_empty_revision_needs_no_database(nowhere: Workplace) -> None:
    """It is written while no server answers."""
    nowhere.lines("mkdir")
    text = written(nowhere, "revision", "by hand", "--empty").read_text()
    assert "pass" in text
    assert f"'{NOTES}'" in text


def test_verbose_revision_shows_the_text(ready: Workplace) -> None:
    """Before the line with the path."""
    lines = ready.lines("revision", "add it", "-v")
    assert "def upgrade() -> None:" in lines
    assert Path(lines[-1].removeprefix("wrote ")).read_text().splitlines() == lines[:-2]


def test_revision_options(work: Workplace) -> None:
    """Parents, splicing, dependencies, labels and the id end in the file."""
    work.lines("mkdir")
    arguments = ["--empty", "-p", USERS, "--splice", "-d", ORDERS, "-l", "one", "-l", "two"]
    path = written(work, "revision", "aside", *arguments, "--rev-id", "aside04")
    assert path.name == "aside04_aside.py"
    (value,) = work.json("show", "aside04")
    assert value["parents"] == [USERS]
    assert value["depends_on"] == [ORDERS]
    assert value["labels"] == ["one", "two"]


def test_a_revision_of_a_branch_goes_to_its_folder(tmp_path: Path, sqlite_url: sa.URL) -> None:
    """A new branch begins at base, with its name as a label."""
    options = {"version_locations": [("users", str(tmp_path / "of_users"))]}
    work = Workplace(tmp_path, {"default": sqlite_url}, options)
    work.lines("mkdir")
    path = written(work, "revision", "begin", "--empty", "-b", "users")
    assert path.parent == tmp_path / "of_users"
    (value,) = work.json("heads")
    assert (value["parents"], value["labels"]) == ([], ["users"])


def test_a_revision_can_be_written_to_a_folder(tmp_path: Path, sqlite_url: sa.URL) -> None:
    """`--path` names one of the folders of revisions."""
    options = {"version_locations": [str(tmp_path / "more")]}
    work = Workplace(tmp_path, {"default": sqlite_url}, options)
    work.lines("mkdir")
    path = written(work, "revision", "elsewhere", "--empty", "--path", str(tmp_path / "more"))
    assert path.parent == tmp_path / "more"


@pytest.mark.parametrize("revision", ["has-dash", "has@at", "has+plus", "a/b", "a b", ""])
def test_an_id_that_cannot_be_one_is_refused(ready: Workplace, revision: str) -> None:
    """Wrong usage, and no file."""
    result = ready.db("revision", "x", "--empty", "--rev-id", revision)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: Revision id '{revision}' cannot be one.")
    assert not list(ready.folder.rglob("*.py"))


@pytest.mark.parametrize("command", [["revision", "x", "--empty"], ["merge", USERS, ORDERS]])
def test_an_id_that_is_taken_is_refused(work: Workplace, command: list[str]) -> None:
    """The message names the file that has it."""
    work.lines("mkdir")
    result = work.db(*command, "--rev-id", NOTES)
    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: Revision id 'notes03' is that of {work.folder / 'notes03.py'}. Give another one.\n"
    )


@pytest.mark.parametrize("command", [["revision", "x"], ["migrate", "-m", "x"]])
def test_pending_revisions_come_first(work: Workplace, command: list[str]) -> None:
    """What differs is not known before; status 1, since nothing was wrong with the command."""
    work.lines("mkdir")
    result = work.db(*command)
    assert result.exit_code == 1
    assert result.stderr.startswith(
        "Error: Database 'default' is not up to date: 3 revisions are pending."
    )
    assert len(work.lines("log")) == 3


def test_migrate_writes_what_differs(ready: Workplace) -> None:
    """As `revision` does."""
    assert "op.create_table('orders'" in written(ready, "migrate", "-m", "add it").read_text()


def test_migrate_writes_nothing_if_nothing_differs(work: Workplace) -> None:
    """And says so."""
    work.lines("mkdir")
    work.lines("upgrade")
    assert work.lines("migrate", "-m", "x") == ["No changes detected: no revision was written."]
    assert len(work.lines("log")) == 3


def test_migrate_looks_at_the_chosen_database(both: Workplace) -> None:
    """Another one that differs does not matter."""
    both.lines("mkdir")
    both.lines("upgrade")
    both.execute("DROP TABLE orders", name="audit")
    assert both.lines("migrate", "-m", "x", "--database", "default") == [
        "No changes detected: no revision was written."
    ]
    text = written(both, "migrate", "-m", "x", "--database", "audit").read_text()
    assert text.index("def upgrade_audit()") < text.index("op.create_table('orders'")


def test_a_revision_taken_away_by_a_hook_is_said(ready: Workplace) -> None:
    """`process_revision_directives` may empty the list; nobody should look for the file."""
    options = ready.migrator.project.context_options
    assert isinstance(options, dict)
    options["process_revision_directives"] = lambda context, revision, found: found.clear()
    assert ready.lines("revision", "x") == ["no revision was written"]


@pytest.mark.parametrize("command", ["revision x --empty", "merge"])
def test_a_failed_hook_leaves_a_written_revision(
    tmp_path: Path, sqlite_url: sa.URL, command: str
) -> None:
    """The message says that the file is there; status 3."""
    hooks = {"hooks": "say", "say.type": "exec", "say.executable": "no-such-program"}
    work = Workplace(tmp_path, {"default": sqlite_url}, {"post_write_hooks": hooks})
    work.lines("mkdir")
    if command == "merge":
        work.write("left01", None)
        work.write("right01", None)
    result = work.db(*command.split(), "--rev-id", "new02")
    (path,) = work.folder.glob("new02*.py")
    assert result.exit_code == 3
    assert f"Error: Revision {path} is written, and a hook failed after that: " in result.stderr


def test_merge_joins_all_heads(empty: Workplace) -> None:
    """By default, with a message that names them."""
    empty.lines("mkdir")
    empty.write("left01", None)
    empty.write("right01", None)
    assert written(empty, "merge").name.endswith("_merge_left01_right01.py")
    (head,) = empty.json("heads")
    assert sorted(head["parents"]) == ["left01", "right01"]


def test_merge_options(empty: Workplace) -> None:
    """Targets, message, label and id."""
    empty.lines("mkdir")
    for name in ("left01", "middle01", "right01"):
        empty.write(name, None)
    arguments = ["left01", "right01", "-m", "join", "-l", "joined", "--rev-id", "join02"]
    assert written(empty, "merge", *arguments).name == "join02_join.py"
    assert {value["revision"] for value in empty.json("heads")} == {"join02", "middle01"}
    assert empty.json("show", "joined@head")[0]["revision"] == "join02"


def test_nothing_to_merge_is_said(work: Workplace) -> None:
    """One head is already what a merge is for."""
    assert work.lines("merge") == ["nothing to merge: notes03 is the only head"]


def test_nothing_to_merge_without_revisions(empty: Workplace) -> None:
    """No head is no head to merge either."""
    assert empty.lines("merge") == ["nothing to merge: there are no revisions"]


def test_merging_one_named_revision_is_wrong_usage(work: Workplace) -> None:
    """It takes two."""
    result = work.db("merge", NOTES)
    assert result.exit_code == 2
    assert "There is nothing to merge" in result.stderr


def test_edit_opens_the_file(
    work: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The head by default, in the program that EDITOR names."""
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nprintf '# edited' >> \"$1\"\n")
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("EDITOR", os.fspath(editor))

    path = work.folder / "notes03.py"
    assert work.lines("edit", "-v") == [f"opening {path}", f"edited {path}"]
    assert path.read_text().endswith("# edited")

    work.lines("upgrade", USERS)
    assert work.lines("edit", "current") == [f"edited {work.folder / 'users01.py'}"]


def test_edit_without_an_editor(work: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong usage, with the variable to set."""
    monkeypatch.setenv("EDITOR", "/nowhere/editor")
    result = work.db("edit")
    assert result.exit_code == 2
    assert result.stderr.endswith("Set EDITOR to the program that edits files, such as nano.\n")


def test_edit_current_of_an_empty_database(work: Workplace) -> None:
    """There is no file to open."""
    assert work.lines("edit", "current") == ["nothing to edit: no revision is applied"]


def test_edit_an_unknown_revision(work: Workplace) -> None:
    """A database ahead of the files has nothing that could be opened."""
    work.lines("stamp", USERS)
    work.execute("UPDATE alembic_version SET version_num = 'newer99'")
    result = work.db("edit", "current")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: No revision file here has newer99")
