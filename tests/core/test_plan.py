from __future__ import annotations

import json

import pytest

from flask_alembic_admin.core.plan import file_digest
from flask_alembic_admin.core.plan import make_plan
from flask_alembic_admin.core.plan import Plan
from flask_alembic_admin.core.plan import replan
from flask_alembic_admin.errors import PlanMoved
from flask_alembic_admin.errors import TargetError

from ..apps import add_line
from ..apps import add_revision
from ..apps import MakeSite
from ..apps import Site


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


def test_a_plan_survives_json(site: Site) -> None:
    """It is kept in the ledger."""
    plan = _plan(site)
    again = Plan.from_values(json.loads(json.dumps(plan.to_values())))
    assert again == plan
    assert again.digest == plan.digest


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
