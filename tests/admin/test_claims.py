from __future__ import annotations

import pytest

from flask_alembic_admin.admin.claims import Claims
from flask_alembic_admin.admin.claims import claims

from .plans import history
from .plans import plan

#: Two branches that begin at a, b c and x, and one of its own, p q.
HISTORY = history("a", "b < a", "c < b", "x < a", "p", "q < p")

TO_C = "UPDATE alembic_version SET version_num='c' WHERE alembic_version.version_num = 'a';"


@pytest.mark.parametrize(
    "sql",
    [
        TO_C,
        f"-- Running stamp_revision a -> c\n\n{TO_C}",
        "UPDATE s.alembic_version SET version_num=N'c' WHERE s.alembic_version.version_num = N'a';",
        "UPDATE \"Own\".v SET version_num='c' WHERE \"Own\".v.version_num = 'a' RETURNING 1;",
        "DELETE FROM alembic_version WHERE alembic_version.version_num = 'a';\n\n"
        "INSERT INTO alembic_version (version_num) VALUES ('c');",
        "INSERT INTO alembic_version (version_num) VALUES ('c') RETURNING version_num;\n\n"
        "DELETE FROM alembic_version WHERE alembic_version.version_num = 'a'",
    ],
)
def test_what_lies_between_is_claimed(sql: str) -> None:
    """As it is written to the version table, whatever that is called and however it is quoted."""
    assert claims(plan("stamp", "c", sql=sql, heads=("a",)), HISTORY).skipped == ("b", "c")


def test_what_is_above_is_forgotten() -> None:
    """Going back without a downgrade; what is on other branches stays."""
    sql = "UPDATE v SET version_num='a' WHERE v.version_num = 'c';"
    found = claims(plan("stamp", "a", sql=sql, heads=("c", "q")), HISTORY)
    assert found == Claims(skipped=(), forgotten=("b", "c"), unknown=())


def test_a_stamp_of_base_forgets_everything() -> None:
    """Each row goes."""
    sql = "".join(f"DELETE FROM v WHERE v.version_num = '{id_}';" for id_ in ("x", "p"))
    assert set(claims(plan("stamp", "base", sql=sql, heads=("x", "p")), HISTORY).forgotten) == {
        "a",
        "x",
        "p",
    }


def test_a_purge_forgets_all_besides_the_target() -> None:
    """What no file knows is named, and so is what else the table held."""
    sql = "INSERT INTO v (version_num) VALUES ('a');"
    found = claims(plan("stamp", "a", sql=sql, heads=("dead", "q"), purge=True), HISTORY)
    assert found == Claims(("a",), ("p", "q"), ("dead",))


def test_without_a_purge_unknown_rows_stay() -> None:
    """They are not among what is removed."""
    assert claims(plan("stamp", "a", heads=("dead",)), HISTORY).unknown == ()
