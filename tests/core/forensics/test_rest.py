"""Running the rest of a step that was left half done."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import typing as t

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.forensics.rest import NoRest
from flask_alembic_admin.core.forensics.rest import plan_rest
from flask_alembic_admin.core.ledger.tables import RunRecord
from flask_alembic_admin.core.plans.plan import keep_plan
from flask_alembic_admin.core.plans.plan import make_plan
from flask_alembic_admin.core.plans.plan import Plan
from flask_alembic_admin.core.results import RunResult
from flask_alembic_admin.core.runs.options import RunOptions
from flask_alembic_admin.core.runs.outcomes import withdraw_run
from flask_alembic_admin.errors import Interrupted
from flask_alembic_admin.errors import PlanMoved
from flask_alembic_admin.errors import RunFailed

from ...apps import add_revision
from ...apps import create
from ...apps import MakeSite
from ...apps import Site
from .test_half_applied import BASE
from .test_half_applied import CASES
from .test_half_applied import dump
from .test_half_applied import half
from .test_half_applied import LIVE_FAILURE


def plan(site: Site, record: RunRecord) -> Plan:
    """Plan the rest of a run."""
    with site.app.app_context():
        made, _ = plan_rest(site.alembic, record)

    return made


def run(site: Site, made: Plan) -> RunResult:
    """Run a plan, as somebody with a reason."""
    with site.app.app_context():
        return site.alembic.run(made, options=RunOptions(actor="ann", reason="it was full"))


def mend(site: Site) -> None:
    """Take away what made the step fail; it is no part of what is recorded."""
    (site.folder.parent / "mended").touch()


def fails_once(site: Site) -> str:
    """Return the code that ends a step until somebody mends it."""
    path = str(site.folder.parent / "mended")
    return (
        "import pathlib\n"
        f"if not (context.is_offline_mode() or pathlib.Path({path!r}).exists()): raise ValueError"
    )


def leave_half(site: Site, operations: t.Sequence[str], done: int) -> RunRecord:
    """Leave a step half done that comes to its end the next time."""
    lines = list(operations)
    lines.insert(done, fails_once(site))
    record = _left(site, lines)
    mend(site)
    return record


def _left(site: Site, lines: list[str]) -> RunRecord:
    add_revision(site.folder, "a1", up=BASE)
    add_revision(site.folder, "b2", "a1", up="\n".join(lines))
    add_revision(site.folder, "c3", "b2", up=create("later"))

    with pytest.raises(RunFailed):
        site.upgrade()

    return last(site)


def last(site: Site) -> RunRecord:
    """Return the last run."""
    with site.app.app_context():
        return site.alembic.runs()[0]


@pytest.mark.parametrize(("server", "operations"), CASES)
def test_it_leaves_the_schema_of_a_clean_upgrade(
    make_site: MakeSite, request: pytest.FixtureRequest, server: str, operations: list[str]
) -> None:
    """Of whatever kind its operations are."""
    url = request.getfixturevalue(f"{server}_url")
    site = make_site(url)
    made = plan(site, leave_half(site, operations, len(operations) // 2))
    assert len(made.options.left_out) == len(operations) // 2
    result = run(site, made)
    assert [step.revision for step in result.steps] == ["b2", "c3"]
    finished = dump(site)

    # The same from nothing; the ledger is no part of it.
    metadata = sa.MetaData()
    metadata.reflect(site.engine)

    with site.engine.begin() as connection:
        if connection.dialect.name == "mysql":
            connection.exec_driver_sql("SET FOREIGN_KEY_CHECKS = 0")
        for view in sa.inspect(connection).get_view_names():
            connection.exec_driver_sql(f"DROP VIEW {view}")
        metadata.drop_all(connection)

    site.upgrade()
    assert without_ledger(dump(site)) == without_ledger(finished)


def without_ledger(dumped: list[t.Any]) -> list[t.Any]:
    """Return what was dumped of the tables of an app."""
    return [one for one in dumped if not one[0].startswith("alembic_admin_")]


def test_it_counts_as_the_examination(make_site: MakeSite, mariadb_url: sa.URL) -> None:
    """By whoever asks for it and with their reason; others are refused until then."""
    site = make_site(mariadb_url)
    record = leave_half(site, [create("one"), create("two")], 1)

    with pytest.raises(Interrupted):
        site.upgrade()

    run(site, plan(site, record))

    with site.app.app_context():
        examined = site.alembic.project.ledger.run(record.id)

    assert examined is not None
    assert (examined.examined_by, examined.examined_reason) == ("ann", "it was full")


def test_data_that_is_in_place_is_not_sent_again(make_site: MakeSite, mariadb_url: sa.URL) -> None:
    """Rows in one go too, whether their columns have types or not."""
    site = make_site(mariadb_url)
    table = "sa.table('customers', sa.column('id'{}))"
    operations = [
        create("one"),
        f"op.bulk_insert({table.format('')}, [{{'id': 1}}, {{'id': 2}}])",
        f"op.bulk_insert({table.format(', sa.Integer')}, [{{'id': 3}}, {{'id': 4}}])",
        'op.execute("INSERT INTO customers VALUES (5)")',
        "op.execute(sa.text('INSERT INTO customers VALUES (:id)').bindparams(id=6))",
        "op.execute('SET @seen = 1')",
        create("two"),
        create("three"),
        'op.execute("INSERT INTO customers VALUES (6 + @seen)")',
    ]
    made = plan(site, leave_half(site, operations, 7))
    # What is set for a session is set again.
    assert len(made.options.left_out) == 6
    sql = made.steps[0].sql
    assert sql.startswith("-- 6 operations are in place already and not sent.\n")
    assert re.findall(r"^(?:SET|CREATE|INSERT) .*", sql, re.MULTILINE) == [
        "SET @seen = 1;",
        "CREATE TABLE three (",
        "INSERT INTO customers VALUES (6 + @seen);",
    ]
    run(site, made)

    with site.engine.connect() as connection:
        rows = connection.scalars(sa.text("SELECT id FROM customers ORDER BY id")).all()

    assert rows == [1, 2, 3, 4, 5, 6, 7]


def test_a_downgrade_is_finished(make_site: MakeSite, mariadb_url: sa.URL) -> None:
    """A count of steps means those that are left."""
    site = make_site(mariadb_url)
    add_revision(site.folder, "a1", up=BASE)
    down = ["op.drop_column('orders', 'old')", fails_once(site), "op.drop_table('gone')"]
    add_revision(site.folder, "b2", "a1", down="\n".join(down))
    add_revision(site.folder, "c3", "b2", up=create("later"), down="op.drop_table('later')")
    site.upgrade()

    with site.app.app_context(), pytest.raises(RunFailed):
        site.alembic.downgrade(2)

    mend(site)
    made = plan(site, last(site))
    assert (made.action, made.target) == ("downgrade", "-1")
    assert run(site, made).after == ("a1",)
    assert site.tables() == {"customers", "orders"}


def test_a_run_that_fails_again_leaves_its_own_rest(
    make_site: MakeSite, mariadb_url: sa.URL
) -> None:
    """Also one that sent nothing; the database stays in doubt by that one."""
    site = make_site(mariadb_url)
    operations = [create("one"), LIVE_FAILURE, create("two")]
    record = _left(site, operations)

    for _ in range(2):
        with pytest.raises(RunFailed):
            run(site, plan(site, record))

        with pytest.raises(Interrupted, match=f"run {last_failed(site).id}"):
            site.upgrade()

        record = last_failed(site)


def last_failed(site: Site) -> RunRecord:
    """Return the last run that failed."""
    with site.app.app_context():
        return next(one for one in site.alembic.runs() if one.status == "failed")


@pytest.mark.parametrize(
    ("operations", "done", "sentence"),
    [
        pytest.param(
            [create("one"), "op.execute('DELETE FROM orders')", create("two")],
            1,
            "cannot be told whether delete orders is done",
            id="data",
        ),
        pytest.param(
            [create("one"), "op.get_bind().execute(sa.text('SELECT 1')).scalar()", create("two")],
            1,
            "reads the database",
            id="a read",
        ),
        pytest.param(
            [
                create("one"),
                "op.get_bind().execute(sa.text('DELETE FROM orders'))",
                create("two"),
                create("three"),
            ],
            3,
            "delete orders is sent on the connection and cannot be left out",
            id="past Alembic",
        ),
        pytest.param(
            ["op.execute('LOCK TABLES orders WRITE')", "op.drop_column('orders', 'old')", "pass"],
            2,
            "takes the transaction into its own hands",
            id="a lock",
        ),
    ],
)
def test_what_cannot_be_left_out_for_certain(
    make_site: MakeSite, mariadb_url: sa.URL, operations: list[str], done: int, sentence: str
) -> None:
    """There is no plan of the rest then."""
    site = make_site(mariadb_url)
    record = half(site, operations, done)

    with pytest.raises(NoRest, match=sentence):
        plan(site, record)


def test_a_step_that_does_something_else_now(make_site: MakeSite, mariadb_url: sa.URL) -> None:
    """What is about to be left out has to be what was recorded; else nothing is sent."""
    site = make_site(mariadb_url)
    name = "'one' if context.is_offline_mode() else 'other'"
    operations = [
        f"op.create_table({name}, sa.Column('id', sa.Integer))",
        LIVE_FAILURE,
        create("two"),
    ]
    record = _left(site, operations)
    site.execute("RENAME TABLE other TO one")
    before = site.tables()

    with pytest.raises(RunFailed, match="Operation 1 of the step was to be left out as “CREATE"):
        run(site, plan(site, record))

    assert site.tables() == before


def test_what_goes_past_alembic_is_not_overlooked(make_site: MakeSite, mariadb_url: sa.URL) -> None:
    """What nobody recorded must not be sent while the rest is still to come."""
    site = make_site(mariadb_url)
    past = (
        "context.is_offline_mode() or "
        "op.get_bind().execute(sa.text('INSERT INTO customers VALUES (1)'))"
    )
    record = _left(site, [create("one"), past, create("two"), LIVE_FAILURE, create("three")])
    made = plan(site, record)

    with pytest.raises(RunFailed, match="and is “INSERT INTO customers VALUES"):
        run(site, made)

    assert not {"three"} & site.tables()


def test_a_step_that_ends_too_soon(make_site: MakeSite, mariadb_url: sa.URL) -> None:
    """It has not sent what was to be left out, so it is not what was recorded."""
    site = make_site(mariadb_url)
    stop = "if not context.is_offline_mode() and _again(): return"
    record = _left(
        site,
        [
            "import pathlib",
            f"_again = pathlib.Path({str(site.folder.parent / 'mended')!r}).exists",
            create("one"),
            stop,
            create("two"),
            LIVE_FAILURE,
        ],
    )
    mend(site)

    with pytest.raises(RunFailed, match="Operation 2 of the step was to be left out"):
        run(site, plan(site, record))


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE two (id INTEGER PRIMARY KEY)", "DROP TABLE one"]
)
def test_a_schema_that_has_moved_since(
    make_site: MakeSite, mariadb_url: sa.URL, statement: str
) -> None:
    """What is in place is looked at again under the lock; nothing is run, and it is in doubt."""
    site = make_site(mariadb_url)
    record = leave_half(site, [create("one"), create("two"), create("three")], 1)
    made = plan(site, record)
    site.execute(statement)
    before = site.tables()

    with pytest.raises(PlanMoved, match="operations of b2 were done when this was planned"):
        run(site, made)

    assert site.tables() == before

    with pytest.raises(Interrupted, match=f"run {record.id} "):
        site.upgrade()


def test_a_rest_that_was_cancelled_before_it_began(
    make_site: MakeSite, mariadb_url: sa.URL
) -> None:
    """It does not hide the doubt, and the rest can be planned again."""
    site = make_site(mariadb_url)
    record = leave_half(site, [create("one"), create("two")], 1)
    made = plan(site, record)

    with site.app.app_context():
        run_id = keep_plan(made, site.alembic.project.ledger, "ann")
        site.alembic.project.ledger.queue(
            run_id, actor="ann", address=None, reason=None, runner="manual"
        )
        assert withdraw_run(site.alembic.project, run_id)

    with pytest.raises(Interrupted, match=f"run {record.id} "):
        site.upgrade()

    assert run(site, plan(site, record)).after == ("c3",)


def test_a_rest_that_somebody_else_has_run(make_site: MakeSite, mariadb_url: sa.URL) -> None:
    """The plan does not fit any more."""
    site = make_site(mariadb_url)
    record = leave_half(site, [create("one"), create("two")], 1)
    made = plan(site, record)
    run(site, made)

    with pytest.raises(PlanMoved):
        run(site, made)


def test_the_rest_of_another_run(make_site: MakeSite, mariadb_url: sa.URL) -> None:
    """A plan is for the run that it was made for, and stops at any other."""
    site = make_site(mariadb_url)
    record = _left(site, [create("one"), LIVE_FAILURE, create("two")])
    made = plan(site, record)

    with contextlib.suppress(RunFailed):
        run(site, made)

    with pytest.raises(Interrupted):
        run(site, made)


def test_a_plan_that_begins_with_another_step(make_site: MakeSite, mariadb_url: sa.URL) -> None:
    """As one from a file may: nothing is run, and the run is not examined."""
    site = make_site(mariadb_url)
    record = leave_half(site, [create("one"), create("two")], 1)
    made = plan(site, record)
    add_revision(site.folder, "other", up=create("three"))

    with site.app.app_context():
        other = make_plan(site.alembic, "upgrade", ["other"], "default", made.options)

    with pytest.raises(PlanMoved, match="does not begin with"):
        run(site, other)

    with site.app.app_context():
        again = site.alembic.project.ledger.run(record.id)

    assert again is not None
    assert again.examined_at is None
    assert "three" not in site.tables()


def test_the_plan_is_kept_with_what_it_leaves_out(make_site: MakeSite, mariadb_url: sa.URL) -> None:
    """As values and back it is the same, and leaving out less is another plan."""
    site = make_site(mariadb_url)
    made = plan(site, leave_half(site, [create("one"), create("two")], 1))
    again = Plan.from_values(made.to_values())
    assert again == made
    less = dataclasses.replace(made, options=dataclasses.replace(made.options, left_out=()))
    assert less.digest != made.digest
    assert made.moved(less) != []
