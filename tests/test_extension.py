"""What the extension offers: its constructor, its config, its objects and its verbs."""

from __future__ import annotations

import sys
import textwrap
import typing as t
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.operations import MigrationScript
from alembic.operations import Operations
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import Script
from alembic.script import ScriptDirectory
from alembic.script import write_hooks
from flask import Flask

from flask_alembic_admin import Alembic
from flask_alembic_admin.core.ledger.tables import TABLE_NAMES
from flask_alembic_admin.core.results import UnknownRevision

from .apps import add_line
from .apps import add_revision
from .apps import create
from .apps import drop
from .apps import kept_proxies
from .apps import MakeSite
from .apps import Site


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    """An app on SQLite without any revision."""
    return make_site()


@pytest.fixture
def line(site: Site) -> Site:
    """The same with three revisions that create a table each."""
    add_line(site.folder, "a1", "b2", "c3")
    return site


# Setting up


def test_an_app_may_come_later(tmp_path: Path) -> None:
    """``init_app`` does what the constructor does when it gets an app."""
    app = Flask("later", root_path=str(tmp_path), instance_path=str(tmp_path / "instance"))
    alembic = Alembic(metadatas=sa.MetaData(), engines=sa.create_engine("sqlite://"))
    alembic.init_app(app)
    assert app.extensions["alembic"] is alembic
    assert "db" in app.cli.commands


def test_the_script_folder_is_made_at_start(site: Site) -> None:
    """It stands beside the app, and holds Alembic's template."""
    assert (site.folder / "script.py.mako").is_file()


@pytest.mark.parametrize("where", ["constructor", "init_app"])
def test_the_script_folder_is_not_made_when_told_so(tmp_path: Path, where: str) -> None:
    """``run_mkdir=False`` is taken by the constructor and by ``init_app``."""
    app = Flask("unmade", root_path=str(tmp_path), instance_path=str(tmp_path / "instance"))

    if where == "constructor":
        Alembic(app, run_mkdir=False)
    else:
        Alembic().init_app(app, run_mkdir=False)

    assert not (tmp_path / "migrations").exists()


def test_mkdir_needs_no_engine(tmp_path: Path) -> None:
    """The folder can be made before any database is configured."""
    app = Flask("early", root_path=str(tmp_path), instance_path=str(tmp_path / "instance"))
    alembic = Alembic(app, run_mkdir=False)

    with app.app_context():
        alembic.mkdir()

    assert (tmp_path / "migrations" / "script.py.mako").is_file()


def test_mkdir_keeps_a_template_of_ones_own(site: Site) -> None:
    """What somebody has written is never overwritten."""
    template = site.folder / "script.py.mako"
    template.write_text("mine")

    with site.app.app_context():
        site.alembic.mkdir()

    assert template.read_text() == "mine"


def test_the_group_of_commands_can_be_renamed_or_left_out(make_site: MakeSite) -> None:
    """``command_name`` names it; an empty one adds none."""
    assert "migrations" in make_site(name="x", command_name="migrations").app.cli.commands
    assert "db" not in make_site(name="y", command_name="").app.cli.commands


def test_one_extension_serves_two_apps(tmp_path: Path) -> None:
    """Each app has its own folder of revisions."""
    alembic = Alembic(metadatas=sa.MetaData(), engines=sa.create_engine("sqlite://"))
    apps = [Flask(name, root_path=str(tmp_path / name)) for name in ("one", "two")]

    for app in apps:
        alembic.init_app(app)

    add_revision(tmp_path / "one" / "migrations", "a1")
    found = []

    for app in apps:
        with app.app_context():
            found.append([script.revision for script in alembic.heads()])

    assert found == [["a1"], []]


def test_config_gets_its_defaults(site: Site) -> None:
    """An app without config has Flask-Alembic's values in it."""
    assert site.app.config["ALEMBIC"]["script_location"] == "migrations"
    assert site.app.config["ALEMBIC"]["version_locations"] == []
    assert site.app.config["ALEMBIC_CONTEXT"]["compare_server_default"] is True


# Config


def _main_option(site: Site, key: str) -> str | None:
    with site.app.app_context():
        return site.alembic.config.get_main_option(key)


def test_a_value_need_not_be_text(make_site: MakeSite) -> None:
    """Booleans and numbers reach Alembic as it reads them."""
    options = {"sourceless": True, "truncate_slug_length": 12, "timezone": "UTC"}
    site = make_site(config={"ALEMBIC": options})
    assert _main_option(site, "sourceless") == "true"
    assert _main_option(site, "truncate_slug_length") == "12"


@pytest.mark.parametrize("written", ["%(rev)s-%(slug)s", "%%(rev)s-%%(slug)s"])
def test_a_percent_sign_may_be_doubled_or_not(make_site: MakeSite, written: str) -> None:
    """A file template means the same with ConfigParser's escapes and without."""
    site = make_site(config={"ALEMBIC": {"file_template": written}})

    with site.app.app_context():
        (script,) = site.alembic.revision("Add it", empty=True)

    assert script is not None
    assert Path(script.path).name == f"{script.revision}-add_it.py"


@pytest.mark.parametrize("folder", ["100%", "a%(b)s", "a%%b", "with space", "with:colon", "é"])
def test_a_path_may_hold_any_sign(make_site: MakeSite, tmp_path: Path, folder: str) -> None:
    """Neither ConfigParser nor a separator takes anything out of a path."""
    options = {
        "script_location": str(tmp_path / folder),
        "version_locations": [str(tmp_path / f"{folder} more")],
    }
    site = make_site(config={"ALEMBIC": options})
    add_revision(tmp_path / f"{folder} more", "a1")

    with site.app.app_context():
        (script,) = site.alembic.revision("second", empty=True, parent="a1", branch="")
        assert script is not None
        assert Path(script.path).parent == tmp_path / folder
        assert [found.revision for found in site.alembic.heads()] == [script.revision]


def test_an_app_may_stand_in_a_path_with_a_colon(make_site: MakeSite) -> None:
    """A relative location is relative to the app's root, whatever that is called."""
    site = make_site(name="a:b c")
    add_line(site.folder, "a1")
    site.upgrade()
    assert site.tables() == {"t_a1"}


def test_a_location_may_be_in_a_package(
    make_site: MakeSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``package:folder`` is found where the package is installed."""
    package = tmp_path / "packages" / "shop_of_test_extension"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(package.parent)
    add_line(package / "revisions", "a1")
    options = {"script_location": "shop_of_test_extension:revisions"}
    site = make_site(config={"ALEMBIC": options})
    site.upgrade()
    assert site.tables() == {"t_a1"}
    del sys.modules["shop_of_test_extension"]


def test_version_locations_are_searched_too(make_site: MakeSite) -> None:
    """Folders and pairs of branch and folder are relative to the app."""
    site = make_site(
        config={"ALEMBIC": {"version_locations": ["more", ("users", Path("users") / "revisions")]}}
    )
    root = site.folder.parent
    add_revision(site.folder, "a1")
    add_revision(root / "more", "b2", "a1")
    add_revision(root / "users" / "revisions", "c3", labels="users")

    with site.app.app_context():
        assert {script.revision for script in site.alembic.heads()} == {"b2", "c3"}


def test_a_mapping_becomes_a_section(make_site: MakeSite) -> None:
    """Such as ``post_write_hooks``, whose values may be lists."""
    site = make_site(config={"ALEMBIC": {"post_write_hooks": {"hooks": "x", "x.type": "y"}}})

    with site.app.app_context():
        section = site.alembic.config.get_section("post_write_hooks", {})

    assert {key: section[key] for key in ("hooks", "x.type")} == {"hooks": "x", "x.type": "y"}


@pytest.mark.parametrize("hooks", ["one, two", ["one", "two"]])
def test_post_write_hooks_run_for_a_revision_and_for_a_merge(
    make_site: MakeSite, hooks: object
) -> None:
    """Each hook gets the path of the new file."""
    seen: list[tuple[str, str]] = []

    for name in ("one", "two"):

        def hook(path: str, options: object, name: str = name) -> None:
            seen.append((name, path))

        write_hooks.register(f"test_extension_{name}")(hook)

    section = {"hooks": hooks, **{f"{n}.type": f"test_extension_{n}" for n in ("one", "two")}}
    site = make_site(config={"ALEMBIC": {"post_write_hooks": section}})
    add_revision(site.folder, "a1")
    add_revision(site.folder, "b2")

    with site.app.app_context():
        merged = site.alembic.merge()
        (script,) = site.alembic.revision("new", empty=True)

    assert merged is not None
    assert script is not None
    assert [(name, str(path)) for name, path in seen] == [
        ("one", merged.path),
        ("two", merged.path),
        ("one", script.path),
        ("two", script.path),
    ]


def test_context_options_reach_alembic(make_site: MakeSite) -> None:
    """``ALEMBIC_CONTEXT`` holds arguments of ``EnvironmentContext.configure``."""
    site = make_site(config={"ALEMBIC_CONTEXT": {"version_table": "versions"}})
    add_line(site.folder, "a1")
    site.upgrade()
    assert site.tables() == {"t_a1", "versions"}


# Alembic's own objects


def test_both_generations_of_names_work(line: Site) -> None:
    """The short names of Flask-Alembic mean the same objects."""
    with line.app.app_context():
        alembic = line.alembic
        assert isinstance(alembic.config, Config)
        assert isinstance(alembic.script_directory, ScriptDirectory)
        assert isinstance(alembic.environment_context, EnvironmentContext)
        assert isinstance(alembic.migration_context, MigrationContext)
        assert isinstance(alembic.op, Operations)
        assert isinstance(alembic.ops["default"], Operations)
        assert alembic.script is alembic.script_directory
        assert alembic.env is alembic.environment_context
        assert alembic.context is alembic.migration_context
        assert alembic.migration_contexts == {"default": alembic.context}


def test_objects_stay_the_same_within_an_app_context(line: Site) -> None:
    """A verb works on the connection that somebody has asked for, and leaves it open."""
    with line.app.app_context():
        before = line.alembic.migration_context
        line.alembic.upgrade()
        assert line.alembic.migration_context is before
        assert before.get_current_revision() == "c3"


def test_an_app_context_that_ends_closes_what_it_opened(line: Site) -> None:
    """No connection is left for the pool to find."""
    with line.app.app_context():
        connection = line.alembic.migration_context.connection

    assert connection is not None
    assert connection.closed


def test_op_changes_the_database(line: Site) -> None:
    """Alembic's operations work outside of a migration."""
    with line.app.app_context():
        line.alembic.op.create_table("direct", sa.Column("id", sa.Integer))
        assert line.alembic.compare_metadata()[0][0] == "remove_table"
        assert line.alembic.context.connection is not None
        line.alembic.context.connection.commit()

    assert "direct" in line.tables()


# Reading


def test_current_gives_the_revisions_of_the_database(line: Site) -> None:
    """A database that was never migrated is at none."""
    with line.app.app_context():
        assert line.alembic.current() == ()
        line.alembic.upgrade("b2")
        (script,) = line.alembic.current()
        assert script is line.alembic.script.get_revision("b2")


def test_heads_can_leave_out_what_others_depend_on(site: Site) -> None:
    """As in Alembic, a head that another revision depends on is left out when asked for."""
    add_revision(site.folder, "a1")
    add_revision(site.folder, "b2", depends_on="a1")

    with site.app.app_context():
        assert {script.revision for script in site.alembic.heads()} == {"a1", "b2"}
        resolved = site.alembic.heads(resolve_dependencies=True)
        assert [script.revision for script in resolved] == ["b2"]


def test_branches_are_the_revisions_with_several_children(site: Site) -> None:
    """A straight line has none."""
    add_line(site.folder, "a1", "b2")

    with site.app.app_context():
        assert site.alembic.branches() == []

    add_revision(site.folder, "c3", "a1")

    with site.app.app_context():
        assert [script.revision for script in site.alembic.branches()] == ["a1"]


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({}, ["c3", "b2", "a1"]),
        ({"start": "b2"}, ["c3", "b2"]),
        ({"end": "b2"}, ["b2", "a1"]),
        ({"start": "current"}, ["c3", "b2"]),
        ({"end": "current"}, ["b2", "a1"]),
        ({"start": "a1", "end": "b2"}, ["b2", "a1"]),
    ],
)
def test_log_lists_revisions_newest_first(
    line: Site, bounds: dict[str, str], expected: list[str]
) -> None:
    """Between two bounds, each of which belongs to the list and may be where the database is."""
    with line.app.app_context():
        line.alembic.upgrade("b2")
        assert [script.revision for script in line.alembic.log(**bounds)] == expected


def test_log_up_to_a_database_at_base_is_empty(line: Site) -> None:
    """Nothing leads up to where nothing is."""
    with line.app.app_context():
        assert line.alembic.log(end="current") == []
        assert len(line.alembic.log(start="current")) == 3


def test_needs_upgrade_until_all_revisions_have_run(line: Site) -> None:
    """Pending means that there are revisions still to run."""
    with line.app.app_context():
        assert line.alembic.needs_upgrade()
        line.alembic.upgrade("b2")
        assert line.alembic.needs_upgrade()
        line.alembic.upgrade()
        assert not line.alembic.needs_upgrade()


def test_needs_revision_when_models_and_database_differ(site: Site) -> None:
    """A table that no revision makes calls for one."""
    with site.app.app_context():
        assert not site.alembic.needs_revision()
        sa.Table("users", site.metadata, sa.Column("id", sa.Integer, primary_key=True))
        assert site.alembic.needs_revision()


def test_compare_metadata_gives_alembics_tuples(site: Site) -> None:
    """One for each difference."""
    table = sa.Table("users", site.metadata, sa.Column("id", sa.Integer, primary_key=True))

    with site.app.app_context():
        ((kind, added),) = site.alembic.compare_metadata()

    assert (kind, added.name) == ("add_table", table.name)


def test_produce_migrations_gives_a_migration_script(site: Site) -> None:
    """As autogenerate would write it."""
    sa.Table("users", site.metadata, sa.Column("id", sa.Integer, primary_key=True))

    with site.app.app_context():
        script = site.alembic.produce_migrations()

    assert isinstance(script, MigrationScript)
    assert script.upgrade_ops is not None
    assert [type(op).__name__ for op in script.upgrade_ops.ops] == ["CreateTableOp"]


def test_reading_writes_nothing(line: Site) -> None:
    """Not even a version table is made by looking."""
    with line.app.app_context():
        line.alembic.current()
        line.alembic.needs_upgrade()
        line.alembic.needs_revision()
        line.alembic.log(end="current")
        line.alembic.revision("empty", empty=True)

    assert sa.inspect(line.engine).get_table_names() == []


# Changing a database


def test_upgrade_runs_all_and_says_what_it_did(line: Site) -> None:
    """The result names each step and where the database was and is."""
    with line.app.app_context():
        (result,) = line.alembic.upgrade()

    assert (result.database, result.action) == ("default", "upgrade")
    assert (result.before, result.after) == ((), ("c3",))
    assert [step.revision for step in result.steps] == ["a1", "b2", "c3"]
    assert [step.message for step in result.steps] == ["make a1", "make b2", "make c3"]
    assert line.tables() == {"t_a1", "t_b2", "t_c3"}


def test_an_upgrade_with_nothing_to_do_does_nothing(line: Site) -> None:
    """Its result has no step."""
    line.upgrade()
    (result,) = line.upgrade()
    assert (result.before, result.after, result.steps) == (("c3",), ("c3",), ())


@pytest.mark.parametrize(
    "target", ["b2", 2, "+2", "2", ["b2"], "heads-1", "head-1", "c3-1", "a1+1"]
)
def test_upgrade_takes_targets_of_all_kinds(line: Site, target: str | int | list[str]) -> None:
    """Ids, beginnings of ids, numbers of steps, and places relative to a revision."""
    with line.app.app_context():
        (result,) = line.alembic.upgrade(target)

    assert result.after == ("b2",)


def test_upgrade_takes_the_beginning_of_an_id(site: Site) -> None:
    """As Alembic does, for ids of four characters or more."""
    add_line(site.folder, "abcd1234", "ef567890")

    with site.app.app_context():
        (result,) = site.alembic.upgrade("ab")

    assert result.after == ("abcd1234",)


def test_upgrade_takes_scripts_and_lists_of_them(site: Site) -> None:
    """What one verb gives is a target for another."""
    add_revision(site.folder, "a1")
    add_revision(site.folder, "b2")
    add_revision(site.folder, "c3")

    with site.app.app_context():
        first, second = (site.alembic.script.get_revision(id_) for id_ in ("a1", "b2"))
        site.alembic.upgrade(first)
        (result,) = site.alembic.upgrade([first, second])
        assert set(result.after) == {"a1", "b2"}
        (result,) = site.alembic.upgrade(site.alembic.heads())
        assert set(result.after) == {"a1", "b2", "c3"}


@pytest.mark.parametrize("target", [1, -1, "1", "-1", "b2", None])
def test_downgrade_takes_a_number_with_or_without_a_sign(
    line: Site, target: int | str | None
) -> None:
    """``1`` and ``-1`` both mean one revision down, which is also the default."""
    with line.app.app_context():
        line.alembic.upgrade()
        (result,) = line.alembic.downgrade(*() if target is None else (target,))

    assert (result.before, result.after) == (("c3",), ("b2",))
    assert [step.revision for step in result.steps] == ["c3"]
    assert line.tables() == {"t_a1", "t_b2"}


def test_downgrade_to_base_undoes_everything(line: Site) -> None:
    """Newest first."""
    with line.app.app_context():
        line.alembic.upgrade()
        (result,) = line.alembic.downgrade("base")

    assert [step.revision for step in result.steps] == ["c3", "b2", "a1"]
    assert (result.after, line.tables()) == ((), set())


def test_an_id_of_digits_wins_over_a_number_of_steps(site: Site) -> None:
    """Flask-Alembic's own ids are times in seconds."""
    add_line(site.folder, "1731628800", "1731628801", "1")

    with site.app.app_context():
        (result,) = site.alembic.upgrade("1731628800")
        assert result.after == ("1731628800",)
        site.alembic.upgrade()
        (result,) = site.alembic.downgrade("1731628800")
        assert result.after == ("1731628800",)
        (result,) = site.alembic.upgrade("1")
        assert result.after == ("1",)
        site.alembic.stamp("1731628801")
        assert [script.revision for script in site.alembic.current()] == ["1731628801"]


def test_upgrade_follows_a_label(site: Site) -> None:
    """``label@head`` is the end of one branch."""
    add_revision(site.folder, "a1", labels="users")
    add_revision(site.folder, "b2", "a1")
    add_revision(site.folder, "c3", labels="posts")

    with site.app.app_context():
        (result,) = site.alembic.upgrade("users@head")
        assert result.after == ("b2",)
        (result,) = site.alembic.upgrade("posts")
        assert set(result.after) == {"b2", "c3"}
        (result,) = site.alembic.downgrade("users@base")
        assert result.after == ("c3",)


def test_stamp_runs_no_migration(line: Site) -> None:
    """It only says where the database is."""
    with line.app.app_context():
        (result,) = line.alembic.stamp("b2")
        assert (result.action, result.after) == ("stamp", ("b2",))
        line.alembic.stamp()

    assert (line.versions(), line.tables()) == ({"c3"}, set())


def test_stamp_takes_scripts_lists_and_base(site: Site) -> None:
    """A list stamps several branches."""
    add_revision(site.folder, "a1")
    add_revision(site.folder, "b2")

    with site.app.app_context():
        site.alembic.stamp(["a1", "b2"])
        assert {script.revision for script in site.alembic.current()} == {"a1", "b2"}
        site.alembic.stamp("base")
        assert site.alembic.current() == ()
        site.alembic.stamp(site.alembic.script.get_revision("a1"))
        assert [script.revision for script in site.alembic.current()] == ["a1"]


@pytest.mark.parametrize("target", ["base", "b2", "heads"])
def test_stamp_can_empty_the_version_table_first(
    make_site: MakeSite, database_url: sa.URL, target: str
) -> None:
    """``purge`` is the way out of rows that no file knows."""
    site = make_site(database_url)
    add_line(site.folder, "a1", "b2", "c3")

    with site.app.app_context():
        site.alembic.stamp("a1")

    site.execute("INSERT INTO alembic_version VALUES ('gone')")

    with site.app.app_context():
        (result,) = site.alembic.stamp(target, purge=True)

    assert set(result.after) == site.versions() == {"base": set(), "b2": {"b2"}}.get(target, {"c3"})


# Writing files


def test_a_revision_holds_the_differences(site: Site) -> None:
    """And nothing is left to do once it has run."""
    sa.Table("users", site.metadata, sa.Column("id", sa.Integer, primary_key=True))

    with site.app.app_context():
        (script,) = site.alembic.revision("add users")
        assert script is not None
        assert "op.create_table('users'" in Path(script.path).read_text()
        assert (script.doc, Path(script.path).parent) == ("add users", site.folder)
        site.alembic.upgrade()
        assert not site.alembic.needs_revision()
        site.alembic.downgrade()

    assert site.tables() == set()


def test_the_first_revision_begins_the_branch_default(site: Site) -> None:
    """As with Flask-Alembic, later ones follow on it."""
    with site.app.app_context():
        (first,) = site.alembic.revision("first", empty=True)
        (second,) = site.alembic.revision("second", empty=True)

    assert first is not None
    assert second is not None
    assert (first.down_revision, first.branch_labels) == (None, {"default"})
    assert second.down_revision == first.revision


def test_a_history_without_labels_is_carried_on(line: Site) -> None:
    """Flask-Migrate's histories have no branch called ``default``."""
    with line.app.app_context():
        (script,) = line.alembic.revision("next", empty=True)

    assert script is not None
    assert script.down_revision == "c3"


def test_a_branch_has_its_own_folder_and_label(make_site: MakeSite) -> None:
    """``branch`` takes the place of parent, label and path."""
    site = make_site(config={"ALEMBIC": {"version_locations": [("users", "users/revisions")]}})

    with site.app.app_context():
        site.alembic.revision("default", empty=True)
        (first,) = site.alembic.revision("one", empty=True, branch="users")
        (second,) = site.alembic.revision("two", empty=True, branch="users")

    assert first is not None
    assert second is not None
    assert Path(first.path).parent == site.folder.parent / "users" / "revisions"
    assert (first.down_revision, first.branch_labels) == (None, {"users"})
    assert (second.down_revision, Path(second.path).parent) == (
        first.revision,
        Path(first.path).parent,
    )


@pytest.mark.parametrize("as_script", [False, True])
def test_a_revision_takes_parent_splice_depend_and_label(line: Site, as_script: bool) -> None:
    """All that Alembic's command takes, as ids or as scripts."""
    with line.app.app_context():
        find = line.alembic.script.get_revision
        (script,) = line.alembic.revision(
            "aside",
            empty=True,
            branch="",
            parent=find("a1") if as_script else "a1",
            splice=True,
            depend=[find("c3")] if as_script else "c3",
            label=["side", "other"],
        )

    assert script is not None
    assert (script.down_revision, script.dependencies) == ("a1", "c3")
    assert script.branch_labels == {"side", "other"}


@pytest.mark.parametrize("relative", [False, True])
def test_a_revision_takes_a_path(make_site: MakeSite, relative: bool) -> None:
    """A relative one is relative to the app."""
    site = make_site(config={"ALEMBIC": {"version_locations": ["more"]}})
    folder = site.folder.parent / "more"

    with site.app.app_context():
        (script,) = site.alembic.revision("x", True, path="more" if relative else str(folder))

    assert script is not None
    assert Path(script.path).parent == folder


def test_merge_joins_all_heads(site: Site) -> None:
    """Its message names them when none is given."""
    add_revision(site.folder, "a1")
    add_revision(site.folder, "b2")

    with site.app.app_context():
        script = site.alembic.merge()
        assert script is not None
        assert set(t.cast("tuple[str]", script.down_revision)) == {"a1", "b2"}
        assert script.doc == "merge a1, b2"
        assert [head.revision for head in site.alembic.heads()] == [script.revision]


def test_merge_takes_revisions_message_and_label(site: Site) -> None:
    """Others are left as they are."""
    for id_ in ("a1", "b2", "c3"):
        add_revision(site.folder, id_)

    with site.app.app_context():
        script = site.alembic.merge(["a1", "c3"], "join", label="joined")
        assert script is not None
        assert (script.doc, script.branch_labels) == ("join", {"joined"})
        assert {head.revision for head in site.alembic.heads()} == {script.revision, "b2"}


# Subclasses


class _InSchema(Alembic):
    def __init__(self, app: Flask | None = None, **arguments: t.Any) -> None:
        arguments.setdefault("run_mkdir", False)
        arguments.setdefault("command_name", "migrate")
        super().__init__(app, **arguments)

    def run_migrations(self, fn: t.Any, **kwargs: t.Any) -> None:
        for context in self.migration_contexts.values():
            assert context.connection is not None

            if context.dialect.name == "postgresql":
                context.connection.execute(sa.text("SET search_path TO tenant"))
            else:
                context.connection.execute(sa.text("SELECT 1"))

        super().run_migrations(fn, word="hello", **kwargs)


def test_a_subclass_may_change_the_defaults(make_site: MakeSite) -> None:
    """Its constructor passes on what it likes."""
    site = make_site(extension=_InSchema)
    assert not site.folder.exists()
    assert "migrate" in site.app.cli.commands


def test_a_subclass_may_prepare_connections(make_site: MakeSite, database_url: sa.URL) -> None:
    """What ``run_migrations`` executes and passes on is there in each revision."""
    site = make_site(database_url, extension=_InSchema)
    site.execute("CREATE SCHEMA tenant") if site.engine.dialect.name == "postgresql" else None
    up = f"assert arguments['word'] == 'hello'\n{create('users')}"
    add_revision(site.folder, "a1", up=up, down=drop("users"))

    with site.app.app_context():
        (result,) = site.alembic.upgrade()

    assert result.after == ("a1",)
    inspector = sa.inspect(site.engine)
    schema = "tenant" if site.engine.dialect.name == "postgresql" else None
    found = set(inspector.get_table_names(schema=schema))
    assert found - set(TABLE_NAMES) == {"alembic_version", "users"}

    with site.app.app_context():
        assert site.alembic.downgrade()[0].after == ()


def test_what_a_run_has_set_stays_on_its_connection(
    make_site: MakeSite, postgresql_url: sa.URL
) -> None:
    """The app never gets a connection with the settings of a migration from its pool."""
    site = make_site(postgresql_url)
    add_revision(site.folder, "a1", up="op.execute(\"SET work_mem TO '7MB'\")")
    site.upgrade()

    with site.engine.connect() as connection:
        assert connection.scalar(sa.text("SHOW work_mem")) != "7MB"


def test_a_subclass_may_make_its_own_ids(make_site: MakeSite) -> None:
    """Revisions and merges ask ``rev_id()``."""

    class Numbered(Alembic):
        def rev_id(self) -> str:
            return f"{len(self.log()) + 1:04}"

    site = make_site(extension=Numbered)

    with site.app.app_context():
        written = [site.alembic.revision(word, empty=True)[0] for word in ("one", "two")]

    assert [script and script.revision for script in written] == ["0001", "0002"]


def test_a_function_may_be_assigned_as_rev_id(site: Site) -> None:
    """It needs no ``self``, as Flask-Alembic has it."""
    setattr(site.alembic, "rev_id", lambda: "mine")  # noqa: B010

    with site.app.app_context():
        (script,) = site.alembic.revision("one", empty=True)

    assert script is not None
    assert script.revision == "mine"


def test_metadatas_may_be_set_later(make_site: MakeSite) -> None:
    """They are attributes, and are read when they are first needed."""
    site = make_site(metadatas=None)
    metadata = sa.MetaData()
    sa.Table("late", metadata, sa.Column("id", sa.Integer, primary_key=True))
    setattr(site.alembic, "metadatas", {"default": metadata})  # noqa: B010

    with site.app.app_context():
        ((kind, added),) = site.alembic.compare_metadata()

    assert (kind, added.name) == ("add_table", "late")


def test_a_function_of_ones_own_can_be_run(line: Site) -> None:
    """``run_migrations`` gives it the heads and the context of each database."""
    seen: list[object] = []

    def look(heads: tuple[str, ...], context: MigrationContext) -> list[t.Any]:
        seen.append((heads, context.dialect.name))
        return []

    line.upgrade()

    with line.app.app_context():
        line.alembic.run_migrations(look)

    assert seen == [(("c3",), "sqlite")]


# Unknown revisions as values


def test_an_unknown_revision_is_a_script_with_an_id(line: Site) -> None:
    """Code that reads ``revision`` and ``doc`` of what ``current()`` gives goes on working."""
    line.upgrade()
    line.execute("UPDATE alembic_version SET version_num = 'gone'")

    with line.app.app_context():
        (script,) = line.alembic.current()

    assert isinstance(script, Script)
    assert isinstance(script, UnknownRevision)
    assert (script.revision, script.down_revision) == ("gone", None)
    assert "gone" in script.doc or script.doc


# What migrations may use


def test_migrations_may_use_alembics_context(make_site: MakeSite, database_url: sa.URL) -> None:
    """``context`` and ``op`` are what they are under Alembic's own command."""
    site = make_site(database_url)
    body = """
        assert context.get_x_argument() == []
        assert context.get_context() is op.get_context()
        assert context.config.get_main_option('script_location')
        assert context.get_bind() is op.get_bind()
        assert context.is_offline_mode() is False
        assert op.get_bind().dialect.name == op.get_context().dialect.name
    """
    add_revision(site.folder, "a1", up=textwrap.dedent(body).strip())
    assert site.upgrade()[0].after == ("a1",)


def test_x_arguments_reach_migrations(site: Site) -> None:
    """They are given to ``use``, as the command line does."""
    up = "assert context.get_x_argument(as_dictionary=True) == {'tenant': 'a=b'}"
    add_revision(site.folder, "a1", up=up)

    with site.app.app_context(), site.alembic.use(x_arguments=["tenant=a=b"]):
        assert site.alembic.upgrade()[0].after == ("a1",)


@pytest.mark.parametrize("verb", ["upgrade", "current", "heads", "log", "revision"])
def test_a_revision_file_may_ask_for_the_dialect_in_its_module_body(
    make_site: MakeSite, postgresql_url: sa.URL, verb: str
) -> None:
    """Under Alembic's command ``op`` is bound while files are imported, and some rely on it."""
    site = make_site(postgresql_url)
    path = add_revision(site.folder, "a1", up="assert DIALECT == HERE == 'postgresql'")
    asks = (
        "DIALECT = op.get_context().dialect.name\n"
        "HERE = op.get_bind().dialect.name\n"
        "LOCATION = context.config.get_main_option('script_location')\n"
    )
    path.write_text(path.read_text().replace("depends_on", f"{asks}depends_on"))

    with site.app.app_context():
        getattr(site.alembic, verb)(*("new", True) if verb == "revision" else ())
        site.alembic.upgrade()
        assert not site.alembic.needs_upgrade()


def test_the_module_body_may_ask_where_alembic_itself_ran_before(
    make_site: MakeSite, postgresql_url: sa.URL
) -> None:
    """It leaves None in ``op``, and what then fails is not the same error."""
    site = make_site(postgresql_url)
    path = add_revision(site.folder, "a1")
    asks = "DIALECT = op.get_context().dialect.name\n"
    path.write_text(path.read_text().replace("depends_on", f"{asks}depends_on"))

    with kept_proxies():
        with Operations.context(MigrationContext.configure(dialect_name="sqlite")):
            pass

        site.upgrade()
        assert site.versions() == {"a1"}


def test_a_subclass_may_run_each_migration_several_times(
    make_site: MakeSite, postgresql_url: sa.URL
) -> None:
    """Once for the schema of each tenant, say."""

    class Tenants(Alembic):
        def run_migrations(self, fn: t.Any, **kwargs: t.Any) -> None:
            for schema in ("one", "two"):
                connection = self.migration_context.connection
                assert connection is not None
                connection.execute(sa.text(f"SET search_path TO {schema}"))
                super().run_migrations(fn, **kwargs)

    site = make_site(postgresql_url, extension=Tenants)

    for schema in ("one", "two"):
        site.execute(f"CREATE SCHEMA {schema}")

    add_line(site.folder, "a1", "b2")
    site.upgrade()
    inspector = sa.inspect(site.engine)

    for schema in ("one", "two"):
        found = set(inspector.get_table_names(schema=schema))
        assert found - set(TABLE_NAMES) == {"alembic_version", "t_a1", "t_b2"}
