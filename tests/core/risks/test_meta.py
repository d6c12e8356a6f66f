from __future__ import annotations

import dataclasses
import typing as t

import pytest

from flask_alembic_admin.core.risks import findings_of
from flask_alembic_admin.core.risks import Sight
from flask_alembic_admin.core.risks.findings import Finding

from .harness import DIALECTS
from .harness import each
from .harness import findings_in
from .harness import Pair
from .harness import rules_of
from .harness import step_of

UPDATE = "op.execute('UPDATE users SET plan = 1 WHERE plan IS NULL')"

PAIRS = (
    Pair(
        "META002",
        "for row in op.get_bind().execute(sa.text('SELECT id FROM users')): print(row)",
        "op.get_bind().execute(sa.text('UPDATE users SET plan = 1 WHERE plan IS NULL'))",
    ),
    Pair(
        "META003",
        "from sqlalchemy.orm import Session\nSession(bind=op.get_bind())",
        "Session = 'sqlalchemy.orm.Session'\nop.execute('SELECT 1 -- session.commit()')",
    ),
    Pair("META003", "sa.create_engine('sqlite://')", "op.execute(\"SELECT 'create_engine()'\")"),
    Pair("META003", "op.get_bind().begin()", "op.execute('SELECT 1 /* bind.begin() */')"),
    Pair("META003", "op.get_bind().commit()", "op.execute(\"SELECT 'commit()'\")"),
    Pair(
        "META003",
        "import subprocess\nsubprocess.run(['true'])",
        "import os\nos.path.join('a', 'b')",
    ),
    Pair("META004", "op.execute('CALL rebuild()')", "op.execute(\"SELECT 'CALL rebuild()'\")"),
    Pair("META004", "op.execute('FROB THE users')", UPDATE),
    Pair("META004", 'op.execute("UPDATE users SET plan = \'without an end")', UPDATE),
    Pair(
        "META007",
        f"with op.get_context().autocommit_block():\n    {UPDATE}",
        f"{UPDATE}\nwith op.get_context().autocommit_block():\n"
        "    op.create_index('ix', 'users', ['plan'])",
    ),
    Pair(
        "META007",
        "op.execute('UPDATE users SET plan = 1 WHERE id = 2; /* now */ COMMIT; SELECT 1')",
        "op.execute(\"UPDATE users SET plan = 'COMMIT; BEGIN' WHERE id = 2 -- ; COMMIT;\")",
    ),
    Pair("META007", "op.execute('BEGIN')", "op.execute('SELECT 1 AS begin_of_all')"),
    Pair("META007", "op.execute('ROLLBACK')", "op.execute('SAVEPOINT here')"),
    Pair(
        "META007",
        f"with op.get_context().autocommit_block():\n    {UPDATE}",
        "op.create_table('users', sa.Column('plan', sa.Integer))\n"
        f"with op.get_context().autocommit_block():\n    {UPDATE}",
    ),
    Pair(
        "META007",
        "op.execute('COMMIT')",
        "op.execute('DO $$ BEGIN UPDATE users SET plan = 1 WHERE id = 2; END $$')",
        ("postgresql",),
    ),
    Pair(
        "META007",
        "op.execute('COMMIT')",
        "op.execute('CREATE TRIGGER kept AFTER INSERT ON users BEGIN "
        "UPDATE users SET plan = 1 WHERE id = new.id; END')",
        ("sqlite",),
    ),
)


@pytest.mark.parametrize(("pair", "dialect", "direction"), each(*PAIRS))
def test_what_is_wrong_with_a_revision_is_found(pair: Pair, dialect: str, direction: t.Any) -> None:
    """And its safe twin is not, upwards and downwards."""
    assert pair.rule in rules_of(pair.unsafe, dialect, direction=direction)
    assert pair.rule not in rules_of(pair.safe, dialect, direction=direction)


def _of_source(
    upgrade: str, downgrade: str, direction: t.Literal["upgrade", "downgrade"] = "upgrade"
) -> list[Finding]:
    """Return what META001 finds in a file with two functions."""
    step = step_of(UPDATE, "sqlite", direction=direction)
    step = dataclasses.replace(step, source=f"{upgrade}\n\n{downgrade}\n")
    return [one for one in findings_of([step], Sight("sqlite")) if one.rule == "META001"]


UP = "def upgrade():\n    op.drop_table('users')"


@pytest.mark.parametrize(
    ("downgrade", "told"),
    [
        ("", "has no downgrade()"),
        ("def downgrade():\n    pass", "does nothing"),
        ("def downgrade() -> None:\n    '''Nothing.'''\n    # op.drop_table('users')", "nothing"),
        ("def downgrade():\n    ...\n    return", "does nothing"),
        ("def downgrade():\n    print('op.drop_table')", "does nothing"),
        ("def downgrade():\n    raise NotImplementedError('op.drop_table')", "raises"),
        ("def downgrade():\n    op.f('x')\n    raise RuntimeError", "raises"),
    ],
)
def test_a_downgrade_that_undoes_nothing_is_found(downgrade: str, told: str) -> None:
    """A warning on the way up, a danger on the way down."""
    (upwards,) = _of_source(UP, downgrade)
    (downwards,) = _of_source(UP, downgrade, "downgrade")
    assert told in upwards.sentence
    assert (upwards.severity, downwards.severity) == ("warn", "danger")


@pytest.mark.parametrize(
    ("upgrade", "downgrade"),
    [
        (UP, "def downgrade():\n    op.create_table('users')"),
        (UP, "def downgrade():\n    if offline:\n        raise RuntimeError\n    op.f('x')"),
        (UP, "def downgrade():\n    # pass\n    op.execute('pass')"),
        (UP, "from .helpers import downgrade"),
        (UP, "downgrade = helpers.undo"),
        ("def upgrade():\n    pass", "def downgrade():\n    pass"),
        ("def upgrade(:", "def downgrade():\n    pass"),
    ],
)
def test_a_downgrade_that_does_something_is_not(upgrade: str, downgrade: str) -> None:
    """Nor one with nothing to undo, nor a file that is no Python."""
    assert _of_source(upgrade, downgrade) == []
    assert _of_source(upgrade, downgrade, "downgrade") == []


SEVERAL = """
def upgrade(engine_name):
    globals()[f"upgrade_{engine_name}"]()

def downgrade(engine_name):
    globals()[f"downgrade_{engine_name}"]()

def upgrade_default():
    op.drop_table("users")

def downgrade_default():
    op.create_table("users")

def upgrade_audit():
    sa.create_engine("sqlite://")

def downgrade_audit():
    pass

def upgrade_other():
    pass

def downgrade_other():
    pass
"""


@pytest.mark.parametrize(
    ("database", "found"),
    [
        ("default", set()),
        ("audit", {"META001", "META003"}),
        ("other", set()),
        ("", {"META001", "META003"}),
    ],
)
def test_of_several_databases_each_has_its_functions(database: str, found: set[str]) -> None:
    """All of them are looked at where nobody says which."""
    step = dataclasses.replace(step_of(UPDATE, "sqlite"), source=SEVERAL)
    findings = findings_of([step], Sight("sqlite", database=database))
    assert {one.rule for one in findings} == found


def test_what_undoes_a_step_is_told() -> None:
    """In the order that undoes it, with the reader's own names."""
    body = """
    op.create_table("plans", sa.Column("id", sa.Integer))
    op.add_column("users", sa.Column("plan_id", sa.Integer), schema="crm")
    op.create_index("ix_users_plan", "users", ["plan_id"], schema="crm")
    """
    step = step_of(body, "postgresql")
    step = dataclasses.replace(step, source=UP)
    findings = findings_of([step], Sight("postgresql"))
    (code,) = (one.code for one in findings if one.rule == "META001")
    assert code == (
        "def downgrade():\n"
        '    op.drop_index("ix_users_plan", table_name="users", schema="crm")\n'
        '    op.drop_column("users", "plan_id", schema="crm")\n'
        '    op.drop_table("plans")'
    )


def test_a_step_that_reads_says_where() -> None:
    """In the words of the recorder."""
    body = "op.get_bind().scalar(sa.text('SELECT 1'))"
    (finding,) = findings_in(body, "sqlite")
    assert (finding.rule, finding.severity) == ("META002", "info")
    assert finding.sentence == (
        "It reads the database at abc123_message.py, line 12; the rest of this step depends on "
        "your data."
    )


def test_a_step_that_cannot_be_shown_is_worse() -> None:
    """Nobody knows what it does at all."""
    (finding,) = findings_in("raise KeyError('x')", "sqlite")
    assert (finding.rule, finding.severity) == ("META002", "warn")


def test_helpers_of_the_file_are_looked_into() -> None:
    """As far as the step reaches them."""
    imports = """
    def save(session):
        session.commit()

    def unused():
        sa.create_engine("sqlite://")
    """
    found = findings_in("save(op.get_bind())", "sqlite", imports=imports)
    (finding,) = (one for one in found if one.rule == "META003")
    assert finding.sentence.startswith("session.commit() in line 6 has a hand in the transaction")
    assert finding.line == 6
    assert "META003" not in rules_of(UPDATE, "sqlite", imports=imports)


@pytest.mark.parametrize(
    ("body", "severities"),
    [
        ("sa.orm.Session(op.get_bind())", ["info"]),
        ("from sqlalchemy import orm\norm.sessionmaker(op.get_bind())", ["info"]),
        ("from shop import db\ndb.session.add(1)", ["info"]),
        ("import requests\nrequests.Session()", ["warn"]),
        ("bind = op.get_bind()\nbind.commit()\nbind.commit()", ["warn"]),
        ("sa.create_engine('sqlite://').connect()", ["warn"]),
        ("op.get_bind().begin_nested()", []),
        ("class Session: pass\nSession()", []),
    ],
)
def test_side_effects_are_told_of_once_each(body: str, severities: list[str]) -> None:
    """A session that does not commit is only told of."""
    found = findings_in(body, "sqlite")
    assert [one.severity for one in found if one.rule == "META003"] == severities


def test_unread_texts_are_told_of_together() -> None:
    """With the beginning of the first."""
    body = "op.execute('CALL rebuild(1)'); op.execute('CALL rebuild(2)')"
    (finding,) = findings_in(body, "postgresql")
    assert (
        finding.sentence == "'CALL rebuild(1)' says nothing that the rules know. Nor does another."
    )
    assert finding.line == 12


def test_a_huge_text_is_shown_by_its_beginning() -> None:
    """And no rule fails on it."""
    (finding,) = findings_in("op.execute('FROB ' + 'x' * 5_000_000)", "sqlite")
    assert finding.rule == "META004"
    assert len(finding.sentence) < 200


def test_an_unknown_server_is_told_of_once() -> None:
    """At the first step of a plan that sends something."""
    steps = [step_of(UPDATE, "oracle"), step_of(UPDATE, "oracle")]
    findings = findings_of(steps, Sight("oracle"))
    assert [one.rule for one in findings] == ["META004"]
    assert "know nothing of the locks of oracle" in findings[0].sentence


@pytest.mark.parametrize(
    ("since", "told"),
    [("applied", "since it was applied to this database"), ("preview", "since the preview")],
)
def test_a_changed_file_is_a_danger(since: str, told: str) -> None:
    """Where whoever has the checksums says that it changed."""
    step = step_of(UPDATE, "sqlite")
    sight = Sight("sqlite", changed_files={"abc123": since, "other": since})
    (finding,) = findings_of([step], sight)
    assert (finding.rule, finding.severity) == ("META005", "danger")
    assert told in finding.sentence


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("body", "direction", "severity"),
    [("pass", "upgrade", "info"), (UPDATE, "upgrade", "warn"), ("pass", "downgrade", "warn")],
)
def test_a_merge_is_told_of(body: str, direction: t.Any, severity: str, dialect: str) -> None:
    """One that sends nothing upwards is what it should be."""
    step = step_of(body, dialect, direction=direction)
    source = step.source.replace("down_revision = None", "down_revision = ('a1', 'b2')")
    findings = findings_of([dataclasses.replace(step, source=source)], Sight(dialect))
    assert [one.severity for one in findings if one.rule == "META006"] == [severity]


def test_one_parent_is_no_merge() -> None:
    """In whatever form it is written."""
    step = step_of(UPDATE, "sqlite")

    for written in ("'a1'", "('a1',)", "None", "compute()"):
        source = step.source.replace("down_revision = None", f"down_revision: str = {written}")
        assert findings_of([dataclasses.replace(step, source=source)], Sight("sqlite")) == ()


def test_a_revision_below_one_that_is_applied_is_told_of() -> None:
    """Elsewhere it runs before that one."""
    sight = Sight("sqlite", inserted=frozenset({"abc123"}))
    (finding,) = findings_of([step_of(UPDATE, "sqlite")], sight)
    assert (finding.rule, finding.severity) == ("META006", "warn")


def test_several_heads_are_told_of_once() -> None:
    """With the command that merges them."""
    sight = Sight("sqlite", file_heads=("a1", "b2"))
    (finding,) = findings_of([step_of(UPDATE, "sqlite"), step_of(UPDATE, "sqlite")], sight)
    assert (finding.rule, finding.code) == ("META006", "flask db merge")
    one = Sight("sqlite", file_heads=("a1",))
    assert findings_of([step_of(UPDATE, "sqlite")], one) == ()
