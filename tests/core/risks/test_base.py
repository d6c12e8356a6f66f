"""How findings are made of rules, whatever these look for."""

from __future__ import annotations

import collections.abc as c
import typing as t

import pytest

from flask_alembic_admin.core.recorder.operations import Operation
from flask_alembic_admin.core.risks.base import BIG
from flask_alembic_admin.core.risks.base import findings_of
from flask_alembic_admin.core.risks.base import Found
from flask_alembic_admin.core.risks.base import rule
from flask_alembic_admin.core.risks.base import RULES
from flask_alembic_admin.core.risks.base import Sight
from flask_alembic_admin.core.risks.base import Step
from flask_alembic_admin.core.risks.findings import Finding
from flask_alembic_admin.core.risks.findings import worst
from flask_alembic_admin.core.settings import Settings

SQLITE = Sight("sqlite")


@pytest.fixture(autouse=True)
def rules() -> c.Iterator[None]:
    """No rule but those of a test."""
    before = dict(RULES)
    RULES.clear()

    @rule("SHOP001", "no-drops", "warn", "Drops a column", instead="Keep it.")
    def no_drops(step: Step, sight: Sight) -> c.Iterator[Found]:
        for operation in step.operations:
            if operation.kind == "drop_column":
                yield Found(operation, f"{operation.table}.{operation.column} is lost.")

    yield
    RULES.clear()
    RULES.update(before)


def _step(*operations: Operation, source: str = "", revision: str = "a1") -> Step:
    return Step(revision, "upgrade", "a message", operations, source)


def _op(kind: str, table: str = "users", **values: t.Any) -> Operation:
    return Operation(kind, "", table=table, **values)


DROP = _op("drop_column", column="email", file="a1.py", line=7)


def test_a_finding_has_the_words_of_its_rule_and_the_place_of_its_operation() -> None:
    """Whoever reads it can go there."""
    assert findings_of([_step(DROP)], SQLITE) == (
        Finding(
            rule="SHOP001",
            slug="no-drops",
            severity="warn",
            revision="a1",
            title="Drops a column",
            sentence="users.email is lost.",
            instead="Keep it.",
            table="users",
            column="email",
            file="a1.py",
            line=7,
        ),
    )


def test_findings_survive_as_plain_values() -> None:
    """Also where a later version adds to them."""
    (finding,) = findings_of([_step(DROP)], SQLITE)
    assert Finding.from_values(finding.to_values() | {"novel": 1}) == finding


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql", "oracle"])
def test_a_rule_of_one_dialect_is_not_asked_about_others(dialect: str) -> None:
    """What blocks one server does not block another."""

    @rule("SHOP002", "here", "info", "Runs here", dialects=("postgresql",))
    def here(step: Step, sight: Sight) -> c.Iterator[Found]:
        yield Found(None, "Here.")

    found = [finding.rule for finding in findings_of([_step()], Sight(dialect))]
    assert found == (["SHOP002"] if dialect == "postgresql" else [])


@pytest.mark.parametrize("taken", [("SHOP001", "other"), ("SHOP003", "no-drops")])
def test_two_rules_of_one_name_are_refused(taken: tuple[str, str]) -> None:
    """A comment or a setting that names it would mean both."""
    with pytest.raises(ValueError, match="A rule SHOP001 no-drops exists"):
        rule(*taken, "info", "Title")(lambda step, sight: iter(()))


@pytest.mark.parametrize("names", [("shop1", "fine"), ("SHOP001", "Not Fine"), ("", "")])
def test_a_rule_has_an_id_and_a_slug_that_can_be_written_down(names: tuple[str, str]) -> None:
    """In comments, settings and addresses."""
    with pytest.raises(ValueError, match="A rule cannot be called"):
        rule(*names, "info", "Title")


def test_a_rule_that_fails_is_a_finding_and_others_are_asked() -> None:
    """One bad rule hides nothing."""

    @rule("SHOP000", "broken", "info", "Breaks")
    def broken(step: Step, sight: Sight) -> c.Iterator[Found]:
        yield Found(None, str(sight.rows[None, "secret"]))

    failed = [f for f in findings_of([_step(DROP)], SQLITE) if f.rule == "META000"]
    assert [f.rule for f in findings_of([_step(DROP)], SQLITE)] == ["SHOP001", "META000"]
    assert "SHOP000 broken failed on this step with KeyError" in failed[0].sentence
    assert "secret" not in failed[0].sentence


@pytest.mark.parametrize("name", ["SHOP001", "shop001", "no-drops", "NO-DROPS"])
def test_settings_ignore_or_grade_a_rule(name: str) -> None:
    """By its id or slug."""
    assert findings_of([_step(DROP)], SQLITE, Settings(risks={name: "ignore"})) == ()
    (finding,) = findings_of([_step(DROP)], SQLITE, Settings(risks={name: "info"}))
    assert finding.severity == "info"


@pytest.mark.parametrize(
    "comment",
    [
        "# alembic-admin: allow SHOP001 never filled",
        "x = 1  #alembic-admin: allow no-drops: never filled",
        "# Alembic-Admin:  allow shop001   never filled  ",
    ],
)
def test_a_comment_with_a_reason_allows(comment: str) -> None:
    """It is shown with the reason, and asks for nothing."""
    (finding,) = findings_of([_step(DROP, source=f"import sys\n{comment}\n")], SQLITE)
    assert (finding.allowed, worst([finding])) == ("never filled", None)


def test_a_comment_without_a_reason_does_not_count() -> None:
    """And the finding says so."""
    source = "# alembic-admin: allow SHOP001\ny = 1  # a reason elsewhere\n"
    (finding,) = findings_of([_step(DROP, source=source)], SQLITE)
    assert finding.allowed is None
    assert finding.sentence.startswith("users.email is lost. The comment that allows SHOP001 gives")


@pytest.mark.parametrize(
    "source",
    [
        "# alembic-admin: allow SHOP002 another rule",
        "x = '# alembic-admin: allow SHOP001 in a string'",
        "'''\n# alembic-admin: allow SHOP001 in a docstring\n'''",
    ],
)
def test_other_text_allows_nothing(source: str) -> None:
    """A comment is a comment, and names its rule."""
    (finding,) = findings_of([_step(DROP, source=source)], SQLITE)
    assert finding.allowed is None
    assert finding.sentence == "users.email is lost."


def test_a_comment_in_a_file_that_cannot_be_read_counts_up_to_there() -> None:
    """It never raises."""
    source = "# alembic-admin: allow SHOP001 fine\nx = '''"
    assert findings_of([_step(DROP, source=source)], SQLITE)[0].allowed == "fine"


def test_the_worst_finding_of_a_step_comes_first() -> None:
    """Steps stay in their order."""

    @rule("SHOP004", "worse", "danger", "Is worse")
    def worse(step: Step, sight: Sight) -> c.Iterator[Found]:
        yield Found(None, "Worse.")

    steps = [_step(DROP), _step(DROP, revision="b2")]
    found = [(finding.revision, finding.severity) for finding in findings_of(steps, SQLITE)]
    assert found == [("a1", "danger"), ("a1", "warn"), ("b2", "danger"), ("b2", "warn")]


def _seen(*steps: Step, sight: Sight = SQLITE) -> list[set[tuple[str | None, str]]]:
    """Return what is new to each step."""
    new: list[set[tuple[str | None, str]]] = []

    @rule("SHOP009", "looks", "info", "Looks")
    def looks(step: Step, sight: Sight) -> c.Iterator[Found]:
        new.append(set(sight.new_tables))
        assert len(sight.steps_before) == len(new) - 1
        return iter(())

    findings_of(steps, sight)
    return new


def test_a_table_is_new_in_the_step_that_creates_it_and_after() -> None:
    """Until it is dropped."""
    steps = [
        _step(_op("create_table"), _op("create_index")),
        _step(_op("add_column"), _op("drop_table")),
        _step(_op("create_index")),
    ]
    users = (None, "users")
    assert _seen(*steps) == [{users}, {users}, set()]


def test_a_new_table_stays_new_under_another_name() -> None:
    """The old name is free again."""
    steps = [
        _step(_op("create_table", "made"), _op("rename_table", "made", name="users")),
        _step(),
    ]
    assert _seen(*steps) == [{(None, "made"), (None, "users")}, {(None, "users")}]


def test_a_table_that_is_replaced_is_not_new_to_the_step_that_replaces_it() -> None:
    """What it does before concerns the old one."""
    steps = [_step(_op("drop_column"), _op("drop_table"), _op("create_table")), _step()]
    assert _seen(*steps) == [set(), {(None, "users")}]


def test_a_table_that_may_have_been_there_is_not_new() -> None:
    """``IF NOT EXISTS`` makes nothing where it is."""
    assert _seen(_step(_op("create_table", details={"if_not_exists": True}))) == [set()]


def test_a_table_of_another_schema_is_another_table() -> None:
    """Though it has the same name."""
    assert _seen(_step(_op("create_table", schema="other"))) == [{("other", "users")}]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [(None, (False, False)), (0, (False, True)), (BIG - 1, (False, True)), (BIG, (True, False))],
)
def test_a_table_of_unknown_size_is_neither_big_nor_small(
    rows: int | None, expected: tuple[bool, bool]
) -> None:
    """A rule keeps its own severity then."""
    sight = Sight("sqlite", rows={(None, "users"): rows})
    assert (sight.is_big(DROP), sight.is_small(DROP)) == expected


def test_the_worst_finding_that_is_not_allowed_decides() -> None:
    """It says what has to be confirmed."""
    (finding,) = findings_of([_step(DROP)], SQLITE)
    assert worst([finding]) == "warn"
    assert worst([]) is None
