"""Errors: what each says, whole, so that whoever reads it knows what to write instead."""

from __future__ import annotations

import builtins
import errno
import os
import shutil
import socket
import typing as t
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from flask_alembic_admin import Alembic
from flask_alembic_admin import errors
from flask_alembic_admin.core.surroundings import operating_system_user
from flask_alembic_admin.errors import MigrationError
from flask_alembic_admin.errors import ScriptError
from flask_alembic_admin.errors import SetupError
from flask_alembic_admin.errors import TargetError
from flask_alembic_admin.errors import UnknownRevisionError
from flask_alembic_admin.errors import UnreachableDatabase

from .apps import add_line
from .apps import add_revision
from .apps import MakeSite
from .apps import Site


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    """An app on SQLite without any revision."""
    return make_site()


def test_all_errors_have_one_root() -> None:
    """Whoever catches it catches all that is raised on purpose."""
    own = [item for item in vars(errors).values() if isinstance(item, type)]
    assert all(issubclass(item, MigrationError) for item in own)
    assert issubclass(MigrationError, Exception)


def _message(alembic: Alembic, app: Flask) -> str:
    with app.app_context(), pytest.raises(SetupError) as caught:
        alembic.current()

    return str(caught.value)


def test_no_metadata(tmp_path: Path) -> None:
    """The argument to pass is named."""
    app = Flask("app", root_path=str(tmp_path), instance_path=str(tmp_path / "instance"))
    assert _message(Alembic(app, run_mkdir=False), app) == (
        "No metadata is known, so there is nothing to migrate. Use Flask-SQLAlchemy, or pass "
        "'metadatas' to Alembic(), such as Alembic(metadatas=Model.metadata)."
    )


def test_no_engine(tmp_path: Path) -> None:
    """The config keys and the argument are named."""
    app = Flask("app", root_path=str(tmp_path), instance_path=str(tmp_path / "instance"))
    assert _message(Alembic(app, run_mkdir=False, metadatas=sa.MetaData()), app) == (
        "No engine is known, so there is no database to migrate. Configure "
        "SQLALCHEMY_DATABASE_URI (Flask-SQLAlchemy) or SQLALCHEMY_ENGINES (Flask-SQLAlchemy-Lite) "
        "and call db.init_app(app), or pass 'engines' to Alembic()."
    )


def test_a_metadata_without_an_engine(tmp_path: Path) -> None:
    """The one that misses is named, and those that are there."""
    app = Flask("app", root_path=str(tmp_path), instance_path=str(tmp_path / "instance"))
    alembic = Alembic(
        app,
        run_mkdir=False,
        metadatas={"default": sa.MetaData(), "audit": sa.MetaData()},
        engines=sa.create_engine("sqlite://"),
    )
    assert _message(alembic, app) == (
        "'metadatas' names 'audit', for which there is no engine (engines: 'default'). Add an "
        "engine named 'audit' to 'engines', to SQLALCHEMY_BINDS or to SQLALCHEMY_ENGINES, or "
        "rename the key in 'metadatas'."
    )


def test_two_extensions_on_an_app(site: Site) -> None:
    """The second is refused."""
    with pytest.raises(SetupError) as caught:
        Alembic(site.app)

    assert str(caught.value) == (
        "This app has an 'Alembic' extension already. Import and use that one, or take the second "
        "init_app(app) away."
    )


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"ALEMBIC": "migrations"},
            "app.config['ALEMBIC'] is 'migrations'. Give a dict of options, or leave it out.",
        ),
        (
            {"ALEMBIC_CONTEXT": [1]},
            "app.config['ALEMBIC_CONTEXT'] is [1]. Give a dict of options, or leave it out.",
        ),
        (
            {"ALEMBIC": {"script_location": 3}},
            "ALEMBIC['script_location'] is 3, which is no path. Give a folder as text, absolute "
            "or relative to the app's root path.",
        ),
        (
            {"ALEMBIC": {"version_locations": [("a", "b", "c")]}},
            "ALEMBIC['version_locations'] holds ('a', 'b', 'c'). Give a list of folders, or of "
            "pairs (branch name, folder).",
        ),
        (
            {"ALEMBIC": {"script_location": "no_such_package:revisions"}},
            "Location 'no_such_package:revisions' in ALEMBIC is read as 'package:folder', and the "
            "package cannot be imported: No module named 'no_such_package'. Correct the name, or "
            "give an absolute path if the folder has a colon in its name.",
        ),
        (
            {"ALEMBIC_ADMIN": {"runer": "inline"}},
            "ALEMBIC_ADMIN['runer'] is no option. Did you mean 'runner'?",
        ),
        (
            {"ALEMBIC_ADMIN": {"runner": "thread"}},
            "ALEMBIC_ADMIN['runner'] is 'thread'. Write one of: process, celery, inline, manual.",
        ),
        (
            {"ALEMBIC_ADMIN": ["runner"]},
            "ALEMBIC_ADMIN is ['runner']. Give a dict of options.",
        ),
    ],
)
def test_a_config_that_cannot_work(
    make_site: MakeSite, config: dict[str, t.Any], message: str
) -> None:
    """It is refused at start, with the key and what to write."""
    with pytest.raises(SetupError) as caught:
        make_site(config=config)

    assert str(caught.value) == message


def test_an_unknown_database(site: Site) -> None:
    """Those that are known are named."""
    with site.app.app_context(), pytest.raises(SetupError) as caught:
        site.alembic.current("audit")

    assert str(caught.value) == "There is no database named 'audit'. Write one of: default."


# Targets


def _target_error(site: Site, verb: str, *arguments: t.Any, **options: t.Any) -> str:
    with site.app.app_context(), pytest.raises(TargetError) as caught:
        getattr(site.alembic, verb)(*arguments, **options)

    return str(caught.value)


def test_an_unknown_target_has_near_matches(site: Site) -> None:
    """The likeliest first."""
    add_line(site.folder, "1f4a9c", "77aa00")
    message = "Target '1f4b9c' names no revision, label or symbol. Did you mean 1f4a9c?"
    assert _target_error(site, "upgrade", "1f4b9c") == message
    assert _target_error(site, "stamp", "1f4b9c") == message
    assert _target_error(site, "downgrade", "1f4b9c") == message
    assert _target_error(site, "upgrade", ["77aa00", "1f4b9c"]) == message


def test_an_unknown_target_like_nothing_else(site: Site) -> None:
    """Then what may be written is said."""
    add_line(site.folder, "1f4a9c")
    assert _target_error(site, "upgrade", "zzzzzz") == (
        "Target 'zzzzzz' names no revision, label or symbol. 'flask db log' lists the revisions; "
        "'head', 'heads', 'base', '+1' work too."
    )


def test_a_misspelt_symbol(site: Site) -> None:
    """Symbols are among the near matches."""
    add_line(site.folder, "1f4a9c")
    assert _target_error(site, "upgrade", "heds") == (
        "Target 'heds' names no revision, label or symbol. Did you mean heads?"
    )


def test_an_ambiguous_beginning(site: Site) -> None:
    """All that it may mean are named."""
    add_line(site.folder, "1f4a9c", "1f4b00")
    assert _target_error(site, "upgrade", "1f4") == (
        "Target '1f4' begins 2 revisions: 1f4a9c, 1f4b00. Give more characters."
    )


@pytest.mark.parametrize(
    ("verb", "argument"), [("upgrade", "Target"), ("revision", "Parent"), ("stamp", "Target")]
)
def test_several_heads_where_one_is_needed(site: Site, verb: str, argument: str) -> None:
    """They are named with their messages."""
    add_revision(site.folder, "a1", message="add users")
    add_revision(site.folder, "b2", message="add posts")
    given = ("new", True) if verb == "revision" else ("head",)
    assert _target_error(site, verb, *given) == (
        f"{argument} 'head' needs one head, and there are 2: a1 (add users), b2 (add posts). "
        "Write 'heads' for all of them, name one, or join them with 'flask db merge'."
    )


def test_more_steps_than_there_are(site: Site) -> None:
    """Alembic's own reason is passed on with the way to learn more."""
    add_line(site.folder, "a1")
    assert _target_error(site, "upgrade", 2) == (
        "Target '+2' cannot be reached from base: Relative revision +2 didn't produce 2 "
        "migrations. 'flask db log' lists the revisions; 'flask db current' says where the "
        "database is."
    )
    assert _target_error(site, "downgrade") == (
        "Target '-1' cannot be reached from base: Relative revision -1 didn't produce 1 "
        "migrations. 'flask db log' lists the revisions; 'flask db current' says where the "
        "database is."
    )


def test_a_downgrade_to_several(site: Site) -> None:
    """Alembic takes one; Flask-Alembic went to the first and said nothing."""
    add_line(site.folder, "a1", "b2")
    assert _target_error(site, "downgrade", ["a1", "b2"]) == (
        "Target 'a1, b2' of a downgrade names 2 revisions. Go down to one at a time, or to 'base'."
    )


def test_an_unknown_parent_and_dependency(site: Site) -> None:
    """The argument is named."""
    add_line(site.folder, "a1")
    assert _target_error(site, "revision", "new", True, parent="zz") == (
        "Parent 'zz' names no revision, label or symbol. 'flask db log' lists the revisions; "
        "'head', 'heads', 'base', '+1' work too."
    )
    assert _target_error(site, "revision", "new", True, depend="zz").startswith("Depend 'zz' ")


def test_a_parent_that_is_no_head(site: Site) -> None:
    """``splice`` is named as the way to say that it is meant."""
    add_line(site.folder, "a1", "b2")
    assert _target_error(site, "revision", "new", True, parent="a1") == (
        "Parent 'a1' cannot be used: Revision a1 is not a head revision; please specify --splice "
        "to create a new branch from this revision. 'flask db log' lists the revisions."
    )


def test_a_path_that_is_not_searched(site: Site) -> None:
    """A file written there would never be found."""
    assert _target_error(site, "revision", "new", True, path="elsewhere") == (
        f"Path 'elsewhere' is {site.folder.parent / 'elsewhere'}, which is no folder of revision "
        f"files. Add it to ALEMBIC['version_locations'], or write one of: {site.folder}."
    )


def test_nothing_to_merge(site: Site) -> None:
    """One head is named."""
    add_line(site.folder, "a1")
    assert _target_error(site, "merge") == (
        "There is nothing to merge: 'heads' is a1. A merge joins two revisions or more, such as "
        "all 'heads'."
    )


def test_an_id_that_is_taken(site: Site) -> None:
    """The file that has it is named."""
    add_line(site.folder, "a1")
    setattr(site.alembic, "rev_id", lambda: "a1")  # noqa: B010
    assert _target_error(site, "revision", "new", True) == (
        f"rev_id() gave 'a1', which {site.folder / 'a1.py'} has. Return an id that no file has: a "
        "time in whole seconds is the same for two revisions made within one."
    )


@pytest.mark.parametrize("verb", ["revision", "upgrade", "stamp"])
@pytest.mark.parametrize("server", ["postgresql", "mariadb"])
def test_an_id_longer_than_the_version_column(
    make_site: MakeSite, request: pytest.FixtureRequest, server: str, verb: str
) -> None:
    """It is refused before anything is written or run."""
    site = make_site(request.getfixturevalue(f"{server}_url"))
    long = "a_rather_long_name_for_one_revision"
    setattr(site.alembic, "rev_id", lambda: long)  # noqa: B010
    given = ("new", True) if verb == "revision" else ()

    if verb != "revision":
        add_line(site.folder, long)

    assert _target_error(site, verb, *given) == (
        f"Revision id '{long}' has 35 characters and the column alembic_version.version_num holds "
        "32. Use an id of at most 32 characters, or widen the column first."
    )
    assert site.tables() == set()


def test_a_widened_version_column_takes_long_ids(make_site: MakeSite, database_url: sa.URL) -> None:
    """What the column really holds decides; SQLite holds anything."""
    site = make_site(database_url)
    long = "a_rather_long_name_for_one_revision"
    add_line(site.folder, long)

    if site.engine.dialect.name != "sqlite":
        site.execute("CREATE TABLE alembic_version (version_num VARCHAR(64) PRIMARY KEY)")

    assert site.upgrade()[0].after == (long,)


# Databases


@pytest.mark.parametrize("verb", ["upgrade", "downgrade"])
def test_an_unknown_revision_in_the_database(site: Site, verb: str) -> None:
    """Nothing can be run from where no file leads."""
    add_line(site.folder, "a1")
    site.upgrade()
    site.execute("UPDATE alembic_version SET version_num = 'gone'")

    with site.app.app_context(), pytest.raises(UnknownRevisionError) as caught:
        getattr(site.alembic, verb)()

    assert (caught.value.database, caught.value.revisions) == ("default", ("gone",))
    assert str(caught.value) == (
        "Database 'default' is at gone, which no revision file here has. Deploy the code that has "
        "it, restore the file, or say where the database really is with 'stamp --purge TARGET' "
        "(in code: stamp(TARGET, purge=True))."
    )


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.mark.parametrize("driver", ["postgresql+psycopg", "mysql+pymysql"])
@pytest.mark.parametrize("verb", ["current", "upgrade", "needs_upgrade", "compare_metadata"])
def test_an_unreachable_database(make_site: MakeSite, driver: str, verb: str) -> None:
    """Its URL is shown without the password."""
    port = _free_port()
    site = make_site(sa.make_url(f"{driver}://me:s3cret@127.0.0.1:{port}/shop"))

    with site.app.app_context(), pytest.raises(UnreachableDatabase) as caught:
        getattr(site.alembic, verb)()

    assert caught.value.url == f"{driver}://me:***@127.0.0.1:{port}/shop"
    assert str(caught.value) == (
        f"Database 'default' at {driver}://me:***@127.0.0.1:{port}/shop cannot be reached: "
        f"{caught.value.reason}. Check that the server runs and that the URL, the user and the "
        "network are right."
    )
    assert "refused" in caught.value.reason.lower()


def test_an_unreachable_database_with_secrets_in_its_query(make_site: MakeSite) -> None:
    """SQLAlchemy itself masks only the part before the host."""
    query = "password=s3cret&sslpassword=s3cret&application_name=shop"
    site = make_site(sa.make_url(f"postgresql+psycopg://me@127.0.0.1:{_free_port()}/x?{query}"))

    with site.app.app_context(), pytest.raises(UnreachableDatabase) as caught:
        site.alembic.current()

    assert "s3cret" not in str(caught.value)
    assert "application_name=shop" in caught.value.url
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_wrong_password_is_not_repeated(make_site: MakeSite, mariadb_url: sa.URL) -> None:
    """Whatever the server answers."""
    url = mariadb_url.set(username="nobody_here", password="s3cret-pass")
    site = make_site(url)

    with site.app.app_context(), pytest.raises(UnreachableDatabase) as caught:
        site.alembic.current()

    assert "s3cret-pass" not in str(caught.value)
    assert "Access denied" in caught.value.reason


# Files


def _script_error(site: Site, verb: str = "upgrade") -> str:
    with site.app.app_context(), pytest.raises(ScriptError) as caught:
        getattr(site.alembic, verb)()

    return str(caught.value)


@pytest.mark.parametrize("verb", ["upgrade", "heads", "log", "current", "needs_upgrade"])
def test_a_file_that_is_no_python(site: Site, verb: str) -> None:
    """File and line are named."""
    add_line(site.folder, "a1")
    site.upgrade()
    path = site.folder / "broken.py"
    path.write_text("revision = 'b2'\ndown_revision = (\n")
    assert _script_error(site, verb) == (
        f"{path}, line 2: this is no valid Python: '(' was never closed. Correct the file; nothing "
        "can be migrated before all files are valid."
    )


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (
            "import no_such_module",
            "ModuleNotFoundError in {path}, line 1: No module named 'no_such_module'",
        ),
        ("raise SystemExit(3)", "SystemExit in {path}, line 1: 3"),
    ],
)
def test_a_file_that_cannot_be_imported(site: Site, line: str, what: str) -> None:
    """File and line are named."""
    path = add_revision(site.folder, "a1")
    path.write_text(f"{line}\n{path.read_text()}")
    assert _script_error(site) == (
        f"The revision files cannot be loaded: {what.format(path=path)}. Correct that file; "
        "nothing can be migrated before all of them load."
    )


def test_a_cycle(site: Site) -> None:
    """The revisions of the circle are named with their files."""
    first = add_revision(site.folder, "a1", "b2")
    second = add_revision(site.folder, "b2", "a1")
    assert _script_error(site) == (
        f"Revisions need each other in a circle, so none can be first: a1 in {first}, b2 in "
        f"{second}. Correct down_revision or depends_on in one of them."
    )


def test_two_files_with_one_id(site: Site) -> None:
    """Both are named."""
    first = add_revision(site.folder, "a1")
    second = site.folder / "copy.py"
    shutil.copyfile(first, second)
    assert _script_error(site) == (
        f"Revision a1 is in two files: {first} and {second}. Give one of them another id, or take "
        "it away if it is a copy."
    )


def test_a_parent_that_no_file_has(site: Site) -> None:
    """Child and parent are named."""
    path = add_revision(site.folder, "b2", "a1")
    assert _script_error(site) == (
        f"{path}: the parent of revision b2 is a1, which no file has. Restore the file that has "
        "it, or correct down_revision."
    )


def test_a_script_folder_that_is_not_there(make_site: MakeSite) -> None:
    """The command that makes it and the key that moves it are named."""
    site = make_site(run_mkdir=False)
    assert _script_error(site) == (
        f"The script folder {site.folder} does not exist. Make it with 'flask db mkdir', or set "
        "ALEMBIC['script_location'] to where the revision files are."
    )


# A file system that cannot be written to. Tests may run as root, whom permissions do not stop, so
# a folder below a regular file stands for it: making that fails for everybody.


def test_a_folder_that_cannot_be_made_stops_no_start(
    make_site: MakeSite, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says so, and what to write if it is meant."""
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "migrations"
    site = make_site(config={"ALEMBIC": {"script_location": folder}})
    assert caplog.messages == [
        f"The script folder {folder} cannot be written to (Not a directory). Revisions that are "
        "there can be run, new ones cannot be made; pass run_mkdir=False to Alembic() to say that "
        "this is meant."
    ]
    assert "alembic" in site.app.extensions


@pytest.fixture
def read_only(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """An app with two heads, in whose folder no file can be opened for writing."""
    add_revision(site.folder, "a1")
    add_revision(site.folder, "b2")
    real_open = builtins.open

    def refuse(path: t.Any, mode: str = "r", *arguments: t.Any, **options: t.Any) -> t.IO[t.Any]:
        if mode[0] in "wax" and Path(path).is_relative_to(site.folder):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

        return real_open(path, mode, *arguments, **options)

    monkeypatch.setattr(builtins, "open", refuse)
    return site


def test_a_read_only_file_system_stops_no_run(read_only: Site) -> None:
    """Everything but writing revisions works."""
    with read_only.app.app_context():
        read_only.alembic.mkdir()
        assert set(read_only.alembic.upgrade()[0].after) == {"a1", "b2"}
        assert not read_only.alembic.needs_upgrade()
        assert not read_only.alembic.needs_revision()
        assert read_only.alembic.stamp("base")[0].after == ()


@pytest.mark.parametrize("verb", ["revision", "merge"])
def test_a_read_only_file_system_stops_writing(read_only: Site, verb: str) -> None:
    """The folder is named."""
    given: dict[str, t.Any] = {"message": "new"}

    if verb == "revision":
        given |= {"empty": True, "branch": "", "parent": "a1"}

    with read_only.app.app_context(), pytest.raises(ScriptError) as caught:
        getattr(read_only.alembic, verb)(**given)

    assert str(caught.value) == (
        f"The revision cannot be written to {read_only.folder} by {operating_system_user()}: "
        f"Read-only file system. Run 'flask db {verb}' where the sources are and deploy the file, "
        "or make that folder writable."
    )


def test_a_revision_needs_the_template(site: Site) -> None:
    """The command that makes it is named."""
    (site.folder / "script.py.mako").unlink()

    with site.app.app_context(), pytest.raises(ScriptError) as caught:
        site.alembic.revision("new", empty=True)

    assert str(caught.value) == (
        f"There is no template {site.folder / 'script.py.mako'} to make a revision of. Make it "
        "with 'flask db mkdir'."
    )
