from __future__ import annotations

import dataclasses
import json
import typing as t

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.migrator import Migrator
from flask_alembic_admin.core.plans import findings as plan_findings
from flask_alembic_admin.core.plans.options import PlanOptions
from flask_alembic_admin.core.plans.plan import make_plan
from flask_alembic_admin.core.plans.plan import Plan
from flask_alembic_admin.core.plans.plan import replan
from flask_alembic_admin.core.results import Action
from flask_alembic_admin.core.risks import Sight
from flask_alembic_admin.core.risks.findings import Finding
from flask_alembic_admin.core.scripts.file_digests import file_digest
from flask_alembic_admin.core.servers import SqliteServer
from flask_alembic_admin.core.servers import Timeouts
from flask_alembic_admin.core.settings import Settings
from flask_alembic_admin.errors import PlanMoved
from flask_alembic_admin.errors import ScriptError
from flask_alembic_admin.errors import TargetError

from ...apps import add_line
from ...apps import add_revision
from ...apps import MakeSite
from ...apps import Site


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    """An app with three revisions, the first of which is applied."""
    site = make_site()
    add_line(site.folder, "a1", "b2", "c3")

    with site.app.app_context():
        site.alembic.upgrade("a1")

    return site


def _plan(site: Site, target: str = "heads") -> Plan:
    with site.app.app_context():
        return make_plan(site.alembic, "upgrade", target, "default")


def _moved(site: Site, plan: Plan) -> list[str]:
    with site.app.app_context():
        return plan.moved(replan(site.alembic, plan))


def test_a_plan_says_what_would_run(site: Site) -> None:
    """From where, to where, through which files, with which SQL."""
    plan = _plan(site)
    assert (plan.database, plan.action, plan.target) == ("default", "upgrade", "heads")
    assert plan.heads == ("a1",)
    assert [(s.revision, s.message, s.file) for s in plan.steps] == [
        ("b2", "make b2", "b2.py"),
        ("c3", "make c3", "c3.py"),
    ]
    assert "CREATE TABLE t_b2" in plan.steps[0].sql
    assert plan.steps[0].sha256 == file_digest((site.folder / "b2.py").read_bytes())


def test_making_a_plan_changes_nothing(site: Site) -> None:
    """The database is only read."""
    _plan(site)
    assert (site.versions(), site.tables()) == ({"a1"}, {"t_a1"})


@pytest.mark.parametrize(("action", "target"), [("upgrade", "heads"), ("downgrade", "base")])
def test_a_file_without_the_function_that_is_needed_is_named(
    site: Site, action: Action, target: str
) -> None:
    """With the function to write."""
    for file in site.folder.glob("*.py"):
        file.write_text(file.read_text().replace(f"def {action}(", "def otherwise("))

    with site.app.app_context(), pytest.raises(ScriptError, match=rf"\.py has no {action}\(\)"):
        make_plan(site.alembic, action, target, "default")


def test_a_plan_survives_json(site: Site) -> None:
    """It is kept in the ledger."""
    plan = _plan(site)
    again = Plan.from_values(json.loads(json.dumps(plan.to_values())))
    assert again == plan
    assert again.digest == plan.digest


def _with_findings(site: Site) -> Plan:
    up = "op.drop_column('t_a1', 'b')"
    add_revision(site.folder, "d4", "c3", up=up, message="drop b")
    return _plan(site)


def test_a_plan_has_what_rules_find_in_its_steps(site: Site) -> None:
    """With the file and the line, and only at the step that does it."""
    plan = _with_findings(site)
    assert [len(step.findings) for step in plan.steps[:2]] == [0, 0]
    (finding,) = [one for one in plan.steps[2].findings if one.rule == "DATA002"]
    assert (finding.table, finding.column, finding.file) == ("t_a1", "b", "d4.py")
    lines = (site.folder / "d4.py").read_text().splitlines()
    assert lines[(finding.line or 0) - 1].strip() == "op.drop_column('t_a1', 'b')"


def test_findings_survive_json_and_decide_nothing(site: Site) -> None:
    """A rule that was added since does not make another plan of it."""
    plan = _with_findings(site)
    again = Plan.from_values(json.loads(json.dumps(plan.to_values())))
    assert again == plan
    assert again.steps[2].findings == plan.steps[2].findings != ()
    bare = dataclasses.replace(
        plan, steps=tuple(dataclasses.replace(step, findings=()) for step in plan.steps)
    )
    assert bare.digest == plan.digest
    assert plan.moved(bare) == []


def test_a_plan_from_before_there_were_findings_can_be_read(site: Site) -> None:
    """It is in a ledger, or in a file."""
    values = json.loads(json.dumps(_plan(site).to_values()))

    for step in values["steps"]:
        del step["findings"]

    plan = Plan.from_values(values)
    assert [step.findings for step in plan.steps] == [(), ()]


_GRAPH = {
    "a1": (None, ()),
    "b1": ("a1", ()),
    "b2": ("a1", ()),
    "m1": (("b1", "b2"), ()),
    "x1": (None, ()),
    "x2": ("x1", ("b1",)),
    "c1": ("m1", ()),
}
#: Ways back from its heads, one after the other.
_BACK = ["c1@-1", "b1", "x1", "a1", "base"]


@pytest.mark.parametrize("action", ["upgrade", "downgrade"])
def test_a_plan_says_where_the_database_is_afterwards(
    make_site: MakeSite, action: t.Literal["upgrade", "downgrade"]
) -> None:
    """As its version table has it when the run has ended: with branches, merges, dependencies."""
    site = make_site()

    for revision, (parents, needs) in _GRAPH.items():
        add_revision(site.folder, revision, parents, depends_on=needs or None)

    seen = []

    with site.app.app_context():
        if action == "downgrade":
            site.alembic.upgrade("heads")

        targets = ["b1", "b2", "m1", "x2", "heads"] if action == "upgrade" else _BACK

        for target in targets:
            plan = make_plan(site.alembic, action, target, "default")
            site.alembic.run(plan)
            assert plan.heads_after is not None
            assert set(plan.heads_after) == set(site.alembic.current_ids("default")), target
            seen.append(set(plan.heads_after))

    assert len(seen) == len(targets)


def test_a_plan_from_before_it_was_said_where_it_leads_can_be_read(site: Site) -> None:
    """It is in a ledger, or in a file."""
    values = json.loads(json.dumps(_plan(site).to_values()))
    del values["heads_after"]
    assert Plan.from_values(values).heads_after is None


def test_a_stamp_has_no_findings(site: Site) -> None:
    """It runs no revision."""
    _with_findings(site)

    with site.app.app_context():
        plan = make_plan(site.alembic, "stamp", "d4", "default")

    assert [step.findings for step in plan.steps] == [()] * len(plan.steps)


def test_findings_can_be_ignored_by_the_settings_and_allowed_by_the_file(site: Site) -> None:
    """One for all, the other with a reason."""
    _with_findings(site)
    path = site.folder / "d4.py"
    path.write_text(path.read_text() + "\n# alembic-admin: allow DATA002 never filled\n")
    allowed = [one.allowed for one in _plan(site).steps[2].findings if one.rule == "DATA002"]
    assert allowed == ["never filled"]
    settings = Settings(risks={"drop-column": "ignore"})

    with site.app.app_context():
        project = dataclasses.replace(site.alembic.project, settings=settings)
        steps = make_plan(Migrator(project), "upgrade", "heads", "default").steps

    assert not any(one.rule == "DATA002" for one in steps[2].findings)


@pytest.mark.parametrize("server", ["sqlite", "postgresql", "mariadb"])
def test_rules_are_told_of_the_server_and_its_tables(
    make_site: MakeSite,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    server: str,
) -> None:
    """MariaDB by its own name, whatever the URL says; how many rows; how long a run waits."""
    url: sa.URL = request.getfixturevalue(f"{server}_url")

    if server == "mariadb":
        url = url.set(drivername="mysql+pymysql")

    site = make_site(url)
    add_revision(site.folder, "a1", up="op.execute('DELETE FROM big')\nop.drop_table('gone')")
    site.execute("CREATE TABLE big (a INTEGER)")
    site.execute("INSERT INTO big VALUES (1), (2)")
    site.execute(
        {"postgresql": "ANALYZE big", "mariadb": "ANALYZE TABLE big"}.get(server, "SELECT 1")
    )
    told: list[Sight] = []

    def all_findings(steps: t.Any, sight: Sight, settings: Settings) -> tuple[Finding, ...]:
        told.append(sight)
        assert [step.revision for step in steps] == ["a1"]
        assert "DELETE FROM big" in steps[0].source
        return ()

    monkeypatch.setattr(plan_findings, "all_findings", all_findings)
    _plan(site)
    (sight,) = told
    assert sight.dialect == server
    assert sight.server_version > (3,)
    assert sight.rows == {(None, "big"): 2, (None, "gone"): None}
    assert (sight.lock_timeout, sight.transaction_per_migration) == (5.0, True)


def test_a_table_whose_size_cannot_be_asked_for_keeps_no_plan_from_being_made(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rules keep their own severity then."""

    def fails(*_: object) -> t.NoReturn:
        raise sa.exc.OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(SqliteServer, "table_sizes", fails)
    assert any(one.rule == "DATA002" for one in _with_findings(site).steps[2].findings)


def test_a_plan_that_nothing_has_moved_is_the_same(site: Site) -> None:
    """Also without its SQL, which is not rendered a second time."""
    plan = _plan(site)
    assert _moved(site, plan) == []

    with site.app.app_context():
        again = replan(site.alembic, plan)

    assert again.digest == plan.digest
    assert again.steps[0].sql == ""


def test_line_ends_are_no_change(site: Site) -> None:
    """Another checkout of the same file is the same revision."""
    plan = _plan(site)
    path = site.folder / "b2.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert _moved(site, plan) == []


def test_a_changed_file_is_named(site: Site) -> None:
    """Whatever changed in it."""
    plan = _plan(site)
    path = site.folder / "b2.py"
    path.write_text(path.read_text() + "# more\n")
    assert _moved(site, plan) == ["The file of revision b2 was changed."]


def test_a_file_of_no_step_may_change(site: Site) -> None:
    """Only what would run decides."""
    plan = _plan(site)
    path = site.folder / "a1.py"
    path.write_text(path.read_text() + "# more\n")
    assert _moved(site, plan) == []


def test_another_revision_is_named(site: Site) -> None:
    """One that would run too."""
    plan = _plan(site)
    add_revision(site.folder, "d4", "c3")
    assert _moved(site, plan) == ["Revision d4 was added."]


def test_a_revision_that_is_gone_is_named(site: Site) -> None:
    """The rest would run without it."""
    plan = _plan(site)
    (site.folder / "c3.py").unlink()
    assert _moved(site, plan) == ["Revision c3 is gone."]


def test_another_place_of_the_database_is_named(site: Site) -> None:
    """Somebody has run a step meanwhile."""
    plan = _plan(site)

    with site.app.app_context():
        site.alembic.upgrade("b2")

    assert _moved(site, plan) == ["The database was at a1 and is at b2."]


def test_another_database_behind_the_name_is_named(site: Site, make_site: MakeSite) -> None:
    """The same heads elsewhere are not the same database."""
    plan = _plan(site)
    other = make_site(name="other")
    add_line(other.folder, "a1", "b2", "c3")

    with other.app.app_context():
        other.alembic.upgrade("a1")

    assert _moved(other, plan) == ["Another database is behind the name 'default'."]


def test_another_order_is_a_change(make_site: MakeSite) -> None:
    """Steps are run in the order in which they were shown."""
    site = make_site()
    add_revision(site.folder, "a1")
    add_revision(site.folder, "b2")
    plan = _plan(site)
    reversed_plan = Plan.from_values({**plan.to_values(), "steps": plan.to_values()["steps"][::-1]})
    assert plan.moved(reversed_plan) == ["The order of the steps has changed."]


def test_a_moved_plan_is_refused(site: Site) -> None:
    """With what has moved."""
    plan = _plan(site)
    add_revision(site.folder, "d4", "c3")

    with site.app.app_context(), pytest.raises(PlanMoved) as caught:
        plan.refuse_if_moved(replan(site.alembic, plan))

    assert str(caught.value) == (
        "Things moved since this was planned: Revision d4 was added. Plan again."
    )
    assert caught.value.changes == ["Revision d4 was added."]


@pytest.mark.parametrize("target", ["zz", "+9"])
def test_a_target_that_cannot_be_reached_makes_no_plan(site: Site, target: str) -> None:
    """As it would make no run."""
    with pytest.raises(TargetError):
        _plan(site, target)


def test_a_plan_of_several_targets_can_be_made_again(make_site: MakeSite) -> None:
    """What was asked for is kept as it was."""
    site = make_site()

    for id_ in ("a1", "b2", "c3"):
        add_revision(site.folder, id_)

    with site.app.app_context():
        plan = make_plan(site.alembic, "upgrade", ["a1", "b2"], "default")  # type: ignore[arg-type,unused-ignore]
        assert plan.moved(replan(site.alembic, plan)) == []

    assert {step.revision for step in plan.steps} == {"a1", "b2"}


def test_options_belong_to_the_plan(site: Site) -> None:
    """Another choice is another digest; what would be run is the same all the same."""
    options = PlanOptions(lock_timeout=1.0, wait=2.0)

    with site.app.app_context():
        plan = make_plan(site.alembic, "upgrade", "heads", "default", options)

    again = Plan.from_values(json.loads(json.dumps(plan.to_values())))
    assert again.options == options
    assert plan.digest != _plan(site).digest
    assert plan.moved(_plan(site)) == []
    assert _moved(site, plan) == []


def test_a_plan_from_before_options_can_be_read(site: Site) -> None:
    """It has the usual ones."""
    values = _plan(site).to_values()
    del values["options"]
    assert Plan.from_values(values) == _plan(site)


def test_what_is_not_chosen_is_as_the_settings_say() -> None:
    """Nought is a choice: the server's own."""
    usual = Timeouts(lock=5.0, statement=60.0)
    assert PlanOptions().timeouts(usual) == usual
    assert PlanOptions(lock_timeout=0.0).timeouts(usual) == Timeouts(lock=0.0, statement=60.0)


def test_a_purge_is_planned_from_base(site: Site) -> None:
    """Rows that no file knows are in nobody's way, and the run does what was planned."""
    with site.app.app_context():
        with site.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'dead'")

        plan = make_plan(site.alembic, "stamp", "b2", "default", PlanOptions(purge=True))
        assert plan.moved(replan(site.alembic, plan)) == []
        site.alembic.run(plan)

    assert plan.heads == ("dead",)
    assert [step.revision for step in plan.steps] == ["b2"]
    assert "INSERT INTO alembic_version" in plan.steps[0].sql
    assert "CREATE TABLE" not in plan.steps[0].sql
    assert site.versions() == {"b2"}


def test_a_purge_is_another_plan(site: Site) -> None:
    """Even where the steps are the same."""
    with site.app.app_context():
        plain, purging = (
            make_plan(site.alembic, "stamp", "a1", "default", PlanOptions(purge=purge))
            for purge in (False, True)
        )

    assert plain.moved(purging) != []


def test_a_target_below_the_first_revision_is_refused(site: Site) -> None:
    """Alembic only asserts that there is one."""
    with pytest.raises(TargetError, match="cannot be reached from a1: there is no such place"):
        _plan(site, "a1-1")
