"""Revision files that are shown before they are written, and written exactly so or not at all."""

from __future__ import annotations

import collections.abc as c
import datetime as dt
import errno
import json
import os
import re
import sys
import threading
import typing as t
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import autogenerate
from alembic.operations import ops
from alembic.script import ScriptDirectory

from flask_alembic_admin.core.condition import interrupted_run
from flask_alembic_admin.core.databases.database import Database
from flask_alembic_admin.core.drafts import writing
from flask_alembic_admin.core.drafts.draft import Draft
from flask_alembic_admin.core.drafts.drafting import draft_merge
from flask_alembic_admin.core.drafts.drafting import draft_revision
from flask_alembic_admin.core.drafts.writing import unwritable_folder
from flask_alembic_admin.core.drafts.writing import write_draft
from flask_alembic_admin.core.ledger.report import StepReport
from flask_alembic_admin.core.ledger.tables import RUN
from flask_alembic_admin.core.ledger.tables import RunStatus
from flask_alembic_admin.core.ledger.tables import StepFacts
from flask_alembic_admin.core.ledger.tables import StepStatus
from flask_alembic_admin.core.scripts import source_lock
from flask_alembic_admin.core.surroundings import operating_system_user
from flask_alembic_admin.errors import Busy
from flask_alembic_admin.errors import MigrationError
from flask_alembic_admin.errors import PlanMoved
from flask_alembic_admin.errors import ScriptError
from flask_alembic_admin.errors import TargetError

from ...apps import add_line
from ...apps import add_revision
from ...apps import MakeSite
from ...apps import Site

NOW = dt.datetime(2026, 11, 21, 10, 30, 15, 123456)


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    """An app with two revisions in a line, both applied, and a model that no table has."""
    site = make_site()
    add_line(site.folder, "a1", "b2")
    site.upgrade()
    site.metadata.reflect(site.engine)
    site.metadata.remove(site.metadata.tables["alembic_version"])
    sa.Table("orders", site.metadata, sa.Column("id", sa.Integer, primary_key=True))
    return site


@pytest.fixture
def two_heads(make_site: MakeSite) -> Site:
    """An app with two heads in a folder each."""
    site = make_site(config={"ALEMBIC": {"version_locations": ["more"]}})
    add_revision(site.folder, "a1")
    add_revision(site.folder.parent / "more", "b2", labels="other")
    return site


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the clock that new revisions are dated by."""
    monkeypatch.setattr(ScriptDirectory, "_generate_create_date", lambda _: NOW)


def tree(site: Site) -> dict[str, bytes]:
    """Return all files of an app's source tree, without what Python keeps of them."""
    return {
        str(path): path.read_bytes()
        for path in site.folder.parent.rglob("*")
        if path.is_file() and path.suffix in {".py", ".mako", ".tmp", ".lock"}
    }


def draft(site: Site, message: str = "add orders", **arguments: object) -> Draft:
    """Draft a revision in an app context of its own."""
    with site.app.app_context():
        return draft_revision(site.alembic, message, **arguments)  # type: ignore[arg-type]


def write(site: Site, drafted: Draft, said: list[str] | None = None) -> Path:
    """Write a draft in an app context of its own, and return its path."""
    with site.app.app_context():
        found = write_draft(site.alembic, drafted, said=None if said is None else said.append)
        return Path(found.path)


@pytest.mark.usefixtures("frozen")
def test_a_draft_is_byte_for_byte_what_alembic_writes(site: Site) -> None:
    """Alembic's own machinery, without anything of ours, writes the same to the same path."""
    drafted = draft(site, label="shop", depend="a1", rev_id="c3")
    assert write(site, drafted) == drafted.path
    written = drafted.path.read_bytes()
    drafted.path.unlink()

    with site.app.app_context(), site.alembic.use() as use:
        context = autogenerate.RevisionContext(
            use.config,
            site.alembic.project.scripts.load(),
            {
                "message": "add orders",
                "sql": False,
                "head": "head",
                "splice": False,
                "branch_label": ["shop"],
                "version_path": None,
                "rev_id": "c3",
                "depends_on": ["a1"],
            },
        )

        def no_steps(heads: tuple[str, ...], migration_context: object) -> list[object]:
            context.run_autogenerate(heads, migration_context)  # type: ignore[arg-type]
            return []

        site.alembic.run_migrations(no_steps)  # type: ignore[arg-type]
        (script,) = context.generate_scripts()

    assert script is not None
    assert Path(script.path) == drafted.path
    assert Path(script.path).read_bytes() == written == drafted.text.encode()
    assert b"create_table('orders'" in written


@pytest.mark.usefixtures("frozen")
def test_a_verb_writes_what_a_draft_shows(two_heads: Site) -> None:
    """Revision and merge, with the same id and date."""
    alembic = two_heads.alembic

    with two_heads.app.app_context():
        drafted = draft_merge(alembic, message="join", label="all", rev_id="c3")
        merged = alembic.merge(message="join", label="all", rev_id="c3")
        assert merged is not None
        assert Path(merged.path).read_text() == drafted.text
        assert Path(merged.path) == drafted.path
        drafted = draft_revision(alembic, "more", empty=True, rev_id="d4")
        (script,) = alembic.revision("more", empty=True, rev_id="d4")
        assert script is not None
        assert Path(script.path).read_text() == drafted.text


def test_a_draft_touches_nothing(site: Site) -> None:
    """No file comes or goes, and the database is only read."""
    before, tables = tree(site), site.tables()
    draft(site)
    assert tree(site) == before
    assert site.tables() == tables


def test_a_draft_makes_no_folder(make_site: MakeSite) -> None:
    """Also where Alembic would make it for a file: parts of a path, or a folder of versions."""
    site = make_site(
        run_mkdir=False,
        config={"ALEMBIC": {"version_locations": ["more"], "file_template": "%(year)d/%(rev)s"}},
    )
    site.folder.mkdir()
    template = Path(sys.modules["alembic"].__file__ or "").parent / "templates/generic"
    (site.folder / "script.py.mako").write_text((template / "script.py.mako").read_text())
    drafted = draft(site, empty=True, path="more", rev_id="c3")
    assert drafted.file == f"{dt.datetime.now().year}/c3.py"
    assert [path.name for path in site.folder.parent.iterdir()] == ["migrations"]


def test_a_draft_says_what_it_rests_on(site: Site) -> None:
    """Parents, labels, dependencies, databases and heads, and whether it would do anything."""
    drafted = draft(site, label="shop", depend="a1")
    assert (drafted.parents, drafted.heads, drafted.depends_on) == (("b2",), ("b2",), ("a1",))
    assert (drafted.labels, drafted.compared, drafted.operations) == (("shop",), ("default",), 1)
    assert drafted.heads_after == {drafted.revision}
    assert not drafted.found_nothing


def test_no_difference_is_said(site: Site) -> None:
    """Its functions would be empty; those of an empty revision are so by intention."""
    site.metadata.remove(site.metadata.tables["orders"])
    assert draft(site).found_nothing
    assert not draft(site, empty=True).found_nothing


def test_a_draft_can_be_kept_as_json(site: Site) -> None:
    """And is the same afterwards."""
    drafted = draft(site, label="shop")
    again = Draft.from_values(json.loads(json.dumps(drafted.to_values())))
    assert again == drafted
    assert again.digest == drafted.digest


def test_the_digest_tells_texts_apart(site: Site) -> None:
    """Whatever else is the same."""
    values = draft(site).to_values()
    assert Draft.from_values(values).digest != Draft.from_values({**values, "text": ""}).digest


def test_a_written_draft_is_a_revision(site: Site) -> None:
    """The files know it, no other file is left, and it can be run."""
    drafted = draft(site)
    before = tree(site)
    path = write(site, drafted)
    assert set(tree(site)) - set(before) == {str(path)}
    assert site.upgrade()[0].after == (drafted.revision,)
    assert "orders" in site.tables()


def test_a_text_in_another_encoding_is_written_so(make_site: MakeSite) -> None:
    """``output_encoding`` is Alembic's option."""
    site = make_site(config={"ALEMBIC": {"output_encoding": "utf-8-sig"}})
    drafted = draft(site, "for a café", empty=True)
    assert drafted.text.startswith('"""for a café')
    assert write(site, drafted).read_bytes() == drafted.text.encode("utf-8-sig")


def _other_revision(site: Site) -> list[str]:
    add_revision(site.folder, "c3", "b2")
    return ["The heads of the files were b2 and are c3."]


def _gone_parent(site: Site) -> list[str]:
    (site.folder / "b2.py").unlink()
    return [
        "Revision b2, which it comes after, is gone.",
        "The heads of the files were b2 and are a1.",
    ]


def _same_file(site: Site) -> list[str]:
    path = site.folder / "new1_add_orders.py"
    path.write_text("revision = 'else'\ndown_revision = 'b2'\n")
    path.rename(site.folder / "else.py")
    (site.folder / "new1_add_orders.py").mkdir()
    (site.folder / "else.py").unlink()
    return [f"The file {path} is there already."]


def _same_id(site: Site) -> list[str]:
    path = add_revision(site.folder, "new1", "b2")
    return [f"Revision new1 is there already, in {path}."]


@pytest.mark.parametrize("move", [_other_revision, _gone_parent, _same_file, _same_id])
def test_moved_files_are_told_and_nothing_is_written(
    site: Site, move: c.Callable[[Site], list[str]]
) -> None:
    """Heads, parents, the file, the id."""
    drafted = draft(site, empty=True, rev_id="new1")
    sentences = move(site)
    before = tree(site)

    with pytest.raises(PlanMoved) as caught:
        write(site, drafted)

    assert caught.value.changes == sentences
    assert tree(site) == before


@pytest.mark.parametrize("values", [{"folder": "/"}, {"file": "../x.py"}, {"file": "x.mako"}])
def test_a_draft_is_written_to_a_folder_of_revisions_only(
    site: Site, values: dict[str, str]
) -> None:
    """Wherever it was kept, and whoever could change it there."""
    drafted = Draft.from_values({**draft(site, empty=True).to_values(), **values})
    before = tree(site)

    with pytest.raises(PlanMoved, match="is in no folder of revision files here"):
        write(site, drafted)

    assert tree(site) == before


def test_of_two_writers_one_succeeds(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """However close: the second is told, and one head comes of it."""
    drafts = [draft(site, f"number {number}", empty=True) for number in range(4)]
    together = threading.Barrier(len(drafts))
    results: list[object] = []
    inside: list[Path] = []
    second = threading.Event()
    real = writing._write_new

    def slowly(path: Path, content: bytes) -> None:
        inside.append(path)
        if len(inside) > 1:
            second.set()
        # Time for all others to have found that nothing has moved.
        second.wait(0.2)
        real(path, content)

    monkeypatch.setattr(writing, "_write_new", slowly)

    def confirm(drafted: Draft) -> None:
        together.wait(10)
        try:
            results.append(write(site, drafted))
        except MigrationError as error:
            results.append(error)

    threads = [threading.Thread(target=confirm, args=[drafted]) for drafted in drafts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(type(result).__name__ for result in results) == [
        "PlanMoved",
        "PlanMoved",
        "PlanMoved",
        type(drafts[0].path).__name__,
    ]
    with site.app.app_context():
        assert len(site.alembic.heads()) == 1


def test_a_writer_without_our_lock_is_noticed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as Alembic's own command: ours is taken back, and said so."""
    drafted = draft(site, empty=True)
    real = writing._write_new

    def at_the_same_moment(path: Path, content: bytes) -> None:
        add_revision(site.folder, "c3", "b2")
        real(path, content)

    monkeypatch.setattr(writing, "_write_new", at_the_same_moment)

    with pytest.raises(PlanMoved, match="Somebody else has written c3 at the same moment"):
        write(site, drafted)

    assert sorted(path.name for path in site.folder.glob("*.py")) == ["a1.py", "b2.py", "c3.py"]


def test_whoever_waits_too_long_for_another_writer_is_told(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is written."""
    drafted = draft(site, empty=True)
    monkeypatch.setattr(source_lock, "WAIT", 0)

    with (
        source_lock.only_writer(site.folder),
        pytest.raises(Busy, match="Somebody else has been writing"),
    ):
        write(site, drafted)

    assert not drafted.path.exists()


def test_a_file_system_without_links_does(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is made there at once then."""

    def refuse(*paths: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    drafted = draft(site, empty=True)
    assert write(site, drafted).read_text() == drafted.text
    assert not list(site.folder.glob(".*.tmp"))


def _hooked(make_site: MakeSite, code: str) -> Site:
    hook = {
        "hooks": "own",
        "own.type": "exec",
        "own.executable": sys.executable,
        "own.options": f"-c '{code}' REVISION_SCRIPT_FILENAME",
    }
    return make_site(config={"ALEMBIC": {"post_write_hooks": hook}})


def test_hooks_run_on_what_is_written_and_are_heard(make_site: MakeSite) -> None:
    """Not while it is drafted; what they say is told line by line."""
    site = _hooked(
        make_site, 'import sys; open(sys.argv[1], "a").write("# seen"); print("one"); sys.exit(3)'
    )
    drafted = draft(site, empty=True)
    assert "# seen" not in drafted.text
    said: list[str] = []
    assert write(site, drafted, said).read_text() == f"{drafted.text}# seen"
    assert said == ["one", f"{sys.executable} ended with status 3"]


def test_a_hook_that_breaks_the_file_is_told(make_site: MakeSite) -> None:
    """The revision is there, and cannot be read back."""
    site = _hooked(make_site, 'import sys; open(sys.argv[1], "a").write("def (")')
    drafted = draft(site, empty=True)

    with pytest.raises(ScriptError, match=re.escape(f"Revision {drafted.path} is written, and")):
        write(site, drafted)


def test_a_folder_that_cannot_be_written_to_is_explained(site: Site) -> None:
    """A file in its place stands for it: tests may run as root, whom nothing stops."""
    drafted = draft(site, empty=True, rev_id="c3")
    other = Draft.from_values({**drafted.to_values(), "file": "a1.py/c3.py"})

    with pytest.raises(ScriptError) as caught:
        write(site, other)

    assert str(caught.value) == (
        f"The revision cannot be written to {site.folder / 'a1.py'} by {operating_system_user()}: "
        "File exists. Run 'flask db revision' where the sources are and deploy the file, or make "
        "that folder writable."
    )


def test_it_is_seen_beforehand_that_a_folder_cannot_be_written_to(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is tried for it."""
    with site.app.app_context():
        scripts = site.alembic.project.scripts

    assert unwritable_folder(scripts) is None
    monkeypatch.setattr(os, "access", lambda path, mode: path != site.folder)
    assert unwritable_folder(scripts) == site.folder


@pytest.mark.parametrize("count", ["no", "2"])
def test_a_hook_of_the_app_may_make_no_single_file(make_site: MakeSite, count: str) -> None:
    """A draft is one file; the command writes whatever there is."""

    def process(context: object, revision: object, directives: list[ops.MigrationScript]) -> None:
        first = ops.MigrationScript(
            "first1", ops.UpgradeOps([]), ops.DowngradeOps([]), message="first", head="base"
        )
        directives[:0] = [first]
        directives[1].head = "first1"

        if count == "no":
            directives.clear()

    site = make_site(config={"ALEMBIC_CONTEXT": {"process_revision_directives": process}})

    with site.app.app_context():
        with pytest.raises(ScriptError, match=f"of this app makes {count} file"):
            draft_revision(site.alembic, "x")

        assert len(site.alembic.revision("x")) == len(site.alembic.log())

    assert len(list(site.folder.glob("*.py"))) == (0 if count == "no" else 2)


def test_a_label_that_is_there_is_refused(two_heads: Site) -> None:
    """Before anything is written."""
    with pytest.raises(TargetError, match="other"):
        draft(two_heads, branch="", parent="a1", label="other", empty=True)


def test_a_written_file_says_nothing_of_a_database_in_doubt(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that left it so is still found behind it, and is not pruned."""
    monkeypatch.setattr(Database, "rolls_back_ddl", False)
    step = StepFacts("c3", "upgrade", "c3.py", None, "make c3")
    long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(days=100)

    with site.app.app_context():
        project = site.alembic.project
        ledger = project.ledger
        facts: dict[str, t.Any] = {"database": "default", "plan": {}, "plan_hash": ""}
        who: dict[str, t.Any] = {"actor": None, "reason": None, "host": "elsewhere", "pid": 1}
        doubtful = ledger.plan(
            action="upgrade", target="heads", heads_before=("b2",), steps=[step], **facts
        )
        ledger.queue(doubtful, actor=None, address=None, reason=None, runner="manual")
        ledger.claim(doubtful, host="elsewhere", pid=1, versions={})
        report = StepReport(1, StepStatus.FAILED, long_ago, statements=1)
        ledger.report(doubtful, steps=[report])
        ledger.finish(doubtful, RunStatus.FAILED, heads_after=("b2",))

        with ledger.engine.begin() as connection:
            connection.execute(sa.delete(RUN).where(RUN.c.id != doubtful))
            connection.execute(sa.update(RUN).values(requested=long_ago))

        written = ledger.plan(action="revision", target="c3", heads_before=("b2",), **facts)
        assert ledger.start(written, address=None, runner="panel", **who)
        assert not ledger.start(written, address=None, runner="panel", **who)
        ledger.finish(written, RunStatus.SUCCEEDED, heads_after=("c3",))
        ledger.prune(keep_days=10)
        found = interrupted_run(project, "default", ("b2",))

    assert found is not None
    assert found.id == doubtful
