"""Where revision files are, and how Alembic sees them."""

from __future__ import annotations

import threading
import typing as t
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from flask_alembic_admin.core.scripts.options import to_folder
from flask_alembic_admin.core.scripts.scripts import Scripts
from flask_alembic_admin.errors import ScriptError
from flask_alembic_admin.errors import SetupError

from ...apps import add_line
from ...apps import add_revision


@pytest.fixture
def scripts(tmp_path: Path) -> Scripts:
    """A folder without a file."""
    (tmp_path / "migrations").mkdir()
    return Scripts({}, tmp_path, ["default"])


def test_the_files_are_loaded_once(scripts: Scripts) -> None:
    """Until one is added, removed or changed."""
    add_line(scripts.folder, "a1")
    first = scripts.directory()
    assert scripts.directory() is first
    path = add_revision(scripts.folder, "b2", "a1")
    second = scripts.directory()
    assert second is not first
    path.write_text(path.read_text() + "\n# changed")
    third = scripts.directory()
    assert third is not second
    path.unlink()
    assert scripts.directory().get_heads() == ["a1"]


def test_threads_get_one_view_that_is_whole(scripts: Scripts) -> None:
    """No thread sees a history that another is still loading."""
    add_line(scripts.folder, *[f"r{number}" for number in range(50)])
    seen: list[tuple[ScriptDirectory, int]] = []
    start = threading.Barrier(8, timeout=30)

    def look() -> None:
        start.wait()
        directory = scripts.directory()
        seen.append((directory, len(list(directory.walk_revisions()))))

    threads = [threading.Thread(target=look) for _ in range(8)]

    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join()

    assert {count for _, count in seen} == {50}
    assert len({id(directory) for directory, _ in seen}) == 1


def test_the_script_folder_may_hold_no_revisions(tmp_path: Path) -> None:
    """What is in it beside the folder of versions is neither read nor run."""
    scripts = Scripts(
        {"version_locations": ["migrations/versions"]}, tmp_path, [], holds_revisions=False
    )
    scripts.make_folders()
    (tmp_path / "migrations" / "env.py").write_text("raise SystemExit('this is run')")
    add_revision(tmp_path / "migrations" / "versions", "a1")
    assert scripts.folders == (tmp_path / "migrations" / "versions",)
    assert scripts.directory().get_heads() == ["a1"]
    assert set(scripts.history().revisions) == {"a1"}
    assert (tmp_path / "migrations" / "script.py.mako").exists()


def test_a_view_to_write_with_is_nobody_elses(scripts: Scripts) -> None:
    """Alembic adds new revisions to it."""
    assert scripts.load() is not scripts.load()
    assert scripts.load() is not scripts.directory()


def test_a_file_may_ask_for_the_scripts_while_it_is_loaded(
    scripts: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets an error and no hang."""
    import builtins

    monkeypatch.setattr(builtins, "scripts_of_test", scripts, raising=False)
    path = add_revision(scripts.folder, "a1")
    path.write_text(f"scripts_of_test.directory()\n{path.read_text()}")

    with pytest.raises(ScriptError, match="RecursionError"):
        scripts.directory()


def test_what_alembic_prints_is_kept_quiet(
    scripts: Scripts, capsys: pytest.CaptureFixture[str]
) -> None:
    """Verbs return values and never print."""
    scripts.make_folders()
    scripts.load().generate_revision("a1", "new", config=scripts.config())
    assert capsys.readouterr().out == ""


def test_x_arguments_are_given_to_migrations(scripts: Scripts) -> None:
    """As the command line of Alembic gives them."""
    assert scripts.config(["a=1", "b"]).cmd_opts.x == ["a=1", "b"]  # type: ignore[union-attr]
    assert scripts.config().cmd_opts.x == []  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (7, "7"),
        (["a", "b"], "a\nb"),
        ("50%", "50%"),
        ("a b", "a b"),
    ],
)
def test_values_become_text(tmp_path: Path, value: object, text: str) -> None:
    """ConfigParser knows nothing else."""
    assert Scripts({"key": value}, tmp_path, []).config().get_main_option("key") == text


def test_a_mapping_becomes_a_section(tmp_path: Path) -> None:
    """Its lists are lists of words."""
    config = Scripts({"part": {"a": 1, "b": ["x", "y"], "c": "9%"}}, tmp_path, []).config()
    section = config.get_section("part", {})
    assert {key: section[key] for key in "abc"} == {"a": "1", "b": "x, y", "c": "9%"}


def test_several_databases_are_named_for_the_template(tmp_path: Path) -> None:
    """As ``multidb`` asks for them."""
    config = Scripts({}, tmp_path, ["one", "two"]).config()
    assert config.get_main_option("databases") == "one, two"
    assert Scripts({}, tmp_path, ["one"]).config().get_main_option("databases") is None


def test_locations_are_relative_to_the_root(tmp_path: Path) -> None:
    """Absolute ones stay; pairs name the branch; each folder counts once."""
    options: dict[str, t.Any] = {
        "script_location": Path("db"),
        "version_locations": ["db", "more", ("users", tmp_path / "users")],
    }
    scripts = Scripts(options, tmp_path, [])
    assert scripts.folder == tmp_path / "db"
    assert scripts.folders == (tmp_path / "db", tmp_path / "more", tmp_path / "users")
    assert scripts.branch_locations == {"users": str(tmp_path / "users")}


def test_one_version_location_may_be_text(tmp_path: Path) -> None:
    """It is no list of letters."""
    scripts = Scripts({"version_locations": "more"}, tmp_path, [])
    assert scripts.folders == (tmp_path / "migrations", tmp_path / "more")


@pytest.mark.parametrize("value", [3, [3], [("a", 3)], [("a",)], [None]])
def test_a_location_that_is_no_path_is_refused(tmp_path: Path, value: object) -> None:
    """The key is named."""
    with pytest.raises(SetupError, match=r"^ALEMBIC\['version_locations'\] holds "):
        Scripts({"version_locations": value}, tmp_path, [])


def test_a_package_is_found_where_it_is_installed() -> None:
    """As Alembic takes ``package:folder``."""
    assert to_folder("alembic:templates/generic").name == "generic"
    assert (to_folder("alembic:templates/generic") / "script.py.mako").is_file()


def test_sub_folders_are_searched_when_told_so(tmp_path: Path) -> None:
    """``recursive_version_locations`` is Alembic's option."""
    scripts = Scripts({"recursive_version_locations": True}, tmp_path, [])
    add_revision(scripts.folder, "a1")
    add_revision(scripts.folder / "2026" / "11", "b2", "a1")
    assert scripts.directory().get_heads() == ["b2"]
    assert scripts.history().heads == ("b2",)


def test_a_file_that_computes_its_parent_is_loaded(scripts: Scripts) -> None:
    """It cannot be read as text, and Alembic can import it."""
    add_revision(scripts.folder, "a1")
    path = add_revision(scripts.folder, "b2", "a1")
    path.write_text(path.read_text().replace("= 'a1'", "= 'a' + str(1)"))
    assert [problem.kind for problem in scripts.history().problems] == ["computed"]
    assert scripts.directory().get_heads() == ["b2"]


def test_a_broken_history_behind_a_computed_one_is_explained(scripts: Scripts) -> None:
    """Alembic's own error is passed on."""
    path = add_revision(scripts.folder, "b2", "a1")
    path.write_text(path.read_text().replace("= 'a1'", "= 'a' + str(1)"))

    with pytest.raises(ScriptError, match=r"^The revision files cannot be loaded: "):
        scripts.directory()
