"""What a plan says of the tables that it touches, and of how long its steps took elsewhere."""

from __future__ import annotations

import dataclasses
import json
import typing as t

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.ledger.reader import LedgerReader
from flask_alembic_admin.core.plans.estimate import durations_of
from flask_alembic_admin.core.plans.estimate import StepEstimate
from flask_alembic_admin.core.plans.estimate import summed
from flask_alembic_admin.core.plans.estimate import TableEstimate
from flask_alembic_admin.core.plans.plan import make_plan
from flask_alembic_admin.core.plans.plan import Plan
from flask_alembic_admin.core.plans.plan import PlannedStep
from flask_alembic_admin.core.plans.plan import replan

from ...apps import add_revision
from ...apps import create
from ...apps import MakeSite
from ...apps import Site

INDEX = "op.create_index('ix', 'users', ['age'])"


def _plan(site: Site, database: str = "default") -> Plan:
    with site.app.app_context():
        return make_plan(site.alembic, "upgrade", "heads", database)


def _estimates(site: Site, database: str = "default") -> list[StepEstimate]:
    found = [step.estimate for step in _plan(site, database).steps]
    return [estimate for estimate in found if estimate is not None]


def _users(site: Site, rows: int = 3) -> None:
    """Make a table that has been counted."""
    dialect = site.engine.dialect.name
    site.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, age INTEGER)")
    site.execute("INSERT INTO users VALUES " + ", ".join(f"({n}, {n})" for n in range(rows)))
    site.execute(
        {"postgresql": "ANALYZE users", "mysql": "ANALYZE TABLE users"}.get(dialect, "SELECT 1")
    )


LOCKS = {
    "sqlite": ("the whole file", "writers"),
    "postgresql": ("SHARE", "writers"),
    "mysql": ("ALGORITHM=INPLACE, LOCK=NONE", "nobody"),
}


def test_a_step_says_what_it_does_to_which_table(make_site: MakeSite, database_url: sa.URL) -> None:
    """How large that is, whether all of it is read, and who has to wait."""
    site = make_site(database_url)
    dialect = site.engine.dialect.name
    _users(site)
    add_revision(site.folder, "a1", up=INDEX)
    (estimate,) = _estimates(site)
    (table,) = estimate.tables
    assert (table.table, table.work, table.rows) == ("users", "scans", 3)
    assert (table.lock, table.keeps_out) == LOCKS[dialect]
    assert (estimate.new, estimate.unread, estimate.took) == ((), 0, ())

    if dialect == "sqlite":
        assert estimate.file_bytes is not None
        assert table.bytes is None
    else:
        assert estimate.file_bytes is None
        assert (table.bytes or 0) > 0


def test_the_longest_work_and_the_strongest_lock_on_a_table_count(
    make_site: MakeSite, postgresql_url: sa.URL
) -> None:
    """Though they come of two operations."""
    site = make_site(postgresql_url)
    _users(site)
    up = f"{INDEX}\nop.drop_column('users', 'age')"
    add_revision(site.folder, "a1", up=up)
    (estimate,) = _estimates(site)
    (table,) = estimate.tables
    assert (table.work, table.lock) == ("scans", "ACCESS EXCLUSIVE")


def test_what_the_plan_creates_is_new(make_site: MakeSite) -> None:
    """In the step that creates it and in those after it; nobody waits for it."""
    site = make_site()
    add_revision(site.folder, "a1", up=create("made"))
    add_revision(site.folder, "b2", "a1", up="op.create_index('ix', 'made', ['id'])")
    first, second = _estimates(site)
    assert (first.tables, first.new) == ((), ("made",))
    assert (second.tables, second.new) == ((), ("made",))


def test_statements_that_name_no_table_are_counted(make_site: MakeSite) -> None:
    """They may touch any."""
    site = make_site()
    add_revision(site.folder, "a1", up="op.execute('CALL anything()')\nop.execute('SELECT 1')")
    (estimate,) = _estimates(site)
    assert (estimate.tables, estimate.unread) == ((), 1)


def test_a_table_that_is_not_there_is_of_no_known_size(make_site: MakeSite) -> None:
    """The step will fail, which is not for an estimate to say."""
    site = make_site()
    add_revision(site.folder, "a1", up="op.drop_table('gone')")
    (estimate,) = _estimates(site)
    assert [(one.table, one.rows, one.bytes) for one in estimate.tables] == [("gone", None, None)]


def test_a_table_is_counted_no_further_than_to_be_big(make_site: MakeSite) -> None:
    """SQLite keeps no number."""
    site = make_site(config={"ALEMBIC_ADMIN": {"big_table": 2}})
    _users(site)
    add_revision(site.folder, "a1", up=INDEX)
    (table,) = _estimates(site)[0].tables
    assert (table.rows, table.at_least) == (2, True)


@pytest.mark.parametrize(("big", "severity"), [(3, "danger"), (4, "info")])
def test_one_number_says_when_a_table_is_big(
    make_site: MakeSite, postgresql_url: sa.URL, big: int, severity: str
) -> None:
    """For rules as for estimates."""
    site = make_site(postgresql_url, config={"ALEMBIC_ADMIN": {"big_table": big}})
    _users(site)
    add_revision(site.folder, "a1", up=INDEX)
    (step,) = _plan(site).steps
    (finding,) = [one for one in step.findings if one.rule == "LOCK001"]
    assert finding.severity == severity
    found = summed([step.estimate], big, 10**9)
    assert found is not None
    assert bool(found.heavy) is (severity == "danger")


def test_an_estimate_survives_json_and_decides_nothing(make_site: MakeSite) -> None:
    """Tables grow while a plan waits to be confirmed."""
    site = make_site()
    _users(site)
    add_revision(site.folder, "a1", up=f"{INDEX}\nop.create_table('n', sa.Column('i', sa.Integer))")
    plan = _plan(site)
    again = Plan.from_values(json.loads(json.dumps(plan.to_values())))
    assert again == plan
    assert again.steps[0].estimate == plan.steps[0].estimate != StepEstimate()
    bare = dataclasses.replace(
        plan, steps=tuple(dataclasses.replace(step, estimate=None) for step in plan.steps)
    )
    assert bare.digest == plan.digest
    assert plan.moved(bare) == []


def test_a_plan_from_before_there_were_estimates_can_be_read(make_site: MakeSite) -> None:
    """It is in a ledger, or in a file."""
    site = make_site()
    add_revision(site.folder, "a1", up=create("made"))
    values = json.loads(json.dumps(_plan(site).to_values()))
    del values["steps"][0]["estimate"]
    assert Plan.from_values(values).steps[0].estimate is None


def test_a_stamp_touches_no_table(make_site: MakeSite) -> None:
    """It runs no revision."""
    site = make_site()
    add_revision(site.folder, "a1", up=create("made"))

    with site.app.app_context():
        (step,) = make_plan(site.alembic, "stamp", "heads", "default").steps

    assert step.estimate is None


# How long it took elsewhere.


def _two(make_site: MakeSite, tmp_path: t.Any) -> Site:
    site = make_site(
        urls={
            name: sa.URL.create("sqlite", database=str(tmp_path / f"{name}.sqlite"))
            for name in ("default", "audit")
        }
    )
    add_revision(site.folder, "a1", up=create("one"))
    add_revision(site.folder, "b2", "a1", up=create("two"), down="op.drop_table('two')")
    return site


def test_a_step_says_how_long_it_took_on_another_database(
    make_site: MakeSite, tmp_path: t.Any
) -> None:
    """As the ledger has it, with the time when it ended."""
    site = _two(make_site, tmp_path)
    site.upgrade(database="audit")
    first, second = _estimates(site)

    for estimate in (first, second):
        (took,) = estimate.took
        assert took.database == "audit"
        assert 0 <= took.seconds < 60
        assert took.when.tzinfo is not None


def test_only_the_last_time_on_a_database_is_told(make_site: MakeSite, tmp_path: t.Any) -> None:
    """And only in the same direction."""
    site = _two(make_site, tmp_path)

    with site.app.app_context():
        site.alembic.upgrade(database="audit")
        site.alembic.downgrade("a1", database="audit")
        before = site.alembic.project.ledger.durations("upgrade", ["b2"])
        site.alembic.upgrade(database="audit")
        after = site.alembic.project.ledger.durations("upgrade", ["b2"])

    assert [len(before), len(after)] == [1, 2]
    (took,) = _estimates(site)[1].took
    assert took.when == after[0].finished > before[0].finished


def test_a_file_that_has_changed_since_is_another_step(
    make_site: MakeSite, tmp_path: t.Any
) -> None:
    """What it took then says nothing."""
    site = _two(make_site, tmp_path)
    site.upgrade(database="audit")
    path = site.folder / "b2.py"
    path.write_text(path.read_text() + "# more\n")
    assert [len(estimate.took) for estimate in _estimates(site)] == [1, 0]


def test_all_steps_are_asked_about_at_once(
    make_site: MakeSite, tmp_path: t.Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are."""
    site = _two(make_site, tmp_path)
    asked: list[set[str]] = []

    def durations(self: object, direction: str, revisions: t.Any) -> tuple[()]:
        asked.append({direction, *revisions})
        return ()

    monkeypatch.setattr(LedgerReader, "durations", durations)
    _plan(site)
    assert asked == [{"upgrade", "a1", "b2"}]


def test_a_ledger_that_cannot_be_asked_keeps_no_plan_from_being_made(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan is good without it."""

    def fails(*_: object) -> t.NoReturn:
        raise sa.exc.OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(LedgerReader, "durations", fails)
    site = make_site()
    add_revision(site.folder, "a1", up=create("made"))
    assert [estimate.took for estimate in _estimates(site)] == [()]


def test_very_many_steps_can_be_asked_about(make_site: MakeSite, tmp_path: t.Any) -> None:
    """More than a statement may have values."""
    site = _two(make_site, tmp_path)
    site.upgrade(database="audit")

    with site.app.app_context():
        ledger = site.alembic.project.ledger
        digests = {one.revision: one.sha256 for one in ledger.durations("upgrade", ["a1", "b2"])}
        many = {f"x{number}": None for number in range(40_000)}
        assert set(durations_of(ledger, "upgrade", {**many, **digests})) == {"a1", "b2"}


# What stands out.


def _table(name: str, rows: int | None = None, **values: t.Any) -> TableEstimate:
    return TableEstimate(
        **{
            "table": name,
            "work": "scans",
            "lock": "SHARE",
            "keeps_out": "writers",
            "rows": rows,
            **values,
        }
    )


def test_the_largest_table_and_the_strongest_lock_stand_out() -> None:
    """Each table once."""
    steps = [
        StepEstimate((_table("a", 10), _table("b", 70, work="catalogue"))),
        None,
        StepEstimate(
            (
                _table("c", None, lock="ACCESS EXCLUSIVE", keeps_out="everybody"),
                _table("a", 10, lock="ACCESS EXCLUSIVE", keeps_out="everybody"),
            )
        ),
    ]
    found = summed(steps, 50, 10**9)
    assert found is not None
    assert found.largest is not None
    assert found.largest.table == "b"
    assert [table.table for table in found.strongest] == ["c", "a"]
    # Nothing of it takes long, though it is large.
    assert found.heavy == ()


@pytest.mark.parametrize("work", ["rewrites", "scans", "unknown"])
def test_a_big_table_that_is_read_or_copied_is_heavy(work: str) -> None:
    """By its rows, or by its bytes where nobody has counted rows."""
    tables = (
        _table("a", 49, work=work, bytes=99),
        _table("b", 50, work=work),
        _table("c", None, work=work, bytes=100),
    )
    found = summed([StepEstimate(tables)], 50, 100)
    assert found is not None
    assert [table.table for table in found.heavy] == ["b", "c"]


def test_where_no_table_is_touched_nothing_stands_out() -> None:
    """There is nothing to tell."""
    assert summed([None, StepEstimate((), ("made",))], 1, 1) is None


def test_a_step_needs_no_estimate() -> None:
    """As in plans that were made by hand."""
    step = PlannedStep("a1", "upgrade", None, None, None, "")
    assert PlannedStep.from_values(step.to_values()) == step


# A file that is written to while it is looked at.


def test_a_file_that_changes_while_it_is_previewed_is_a_danger(make_site: MakeSite) -> None:
    """What is shown is not what would run, so it cannot be run."""
    site = make_site()
    up = "from pathlib import Path; Path(__file__).write_text(Path(__file__).read_text() + '#')"
    add_revision(site.folder, "a1", up=up)
    plan = _plan(site)
    (finding,) = [one for one in plan.steps[0].findings if one.rule == "META005"]
    assert (finding.severity, finding.sentence) == (
        "danger",
        "Its file has changed since the preview.",
    )
    assert plan.steps[0].sha256 is None

    with site.app.app_context():
        now = replan(site.alembic, plan)

    assert plan.moved(now) == ["The file of revision a1 was changed."]


def test_a_file_that_changed_before_it_is_loaded_is_what_is_previewed(make_site: MakeSite) -> None:
    """It is loaded again."""
    site = make_site()
    path = add_revision(site.folder, "a1", up=create("made"))
    _plan(site)
    path.write_text(path.read_text().replace("made", "other"))
    (step,) = _plan(site).steps
    assert "CREATE TABLE other" in step.sql
    assert step.sha256 is not None
    assert not any(one.rule == "META005" for one in step.findings)
