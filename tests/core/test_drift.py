from __future__ import annotations

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.drift import describe_differences
from flask_alembic_admin.core.drift import Difference
from flask_alembic_admin.core.drift import to_differences

from ..apps import MakeSite


def _table(metadata: sa.MetaData, name: str, *columns: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(name, metadata, sa.Column("id", sa.Integer, primary_key=True), *columns)


def _lines(make_site: MakeSite, url: sa.URL, before: sa.MetaData, after: sa.MetaData) -> list[str]:
    """Return what is said of a database made of one metadata and compared with another."""
    site = make_site(url, metadatas=after)
    before.create_all(site.engine)

    with site.app.app_context():
        return describe_differences(site.alembic.compare_metadata())


def test_tables_are_told(make_site: MakeSite, database_url: sa.URL) -> None:
    """Each with the side that it misses on."""
    before, after = sa.MetaData(), sa.MetaData()
    _table(before, "old")
    _table(after, "new")
    assert _lines(make_site, database_url, before, after) == [
        "table new: in models, not in database",
        "table old: in database, not in models",
    ]


def test_columns_are_told(make_site: MakeSite, database_url: sa.URL) -> None:
    """A new one with its type."""
    before, after = sa.MetaData(), sa.MetaData()
    _table(before, "users", sa.Column("old", sa.Integer))
    _table(after, "users", sa.Column("new", sa.String(5)))
    new, old = _lines(make_site, database_url, before, after)
    assert new == "column users.new VARCHAR(5): in models, not in database"
    assert old.startswith("column users.old INTEGER")
    assert old.endswith(": in database, not in models")


def test_changes_of_a_column_are_told(make_site: MakeSite, postgresql_url: sa.URL) -> None:
    """With what it is on each side."""
    before, after = sa.MetaData(), sa.MetaData()
    default = sa.text("'a'")
    _table(before, "users", sa.Column("name", sa.String(5), server_default=default))
    _table(
        after, "users", sa.Column("name", sa.Text, nullable=False, server_default=sa.text("'b'"))
    )
    assert _lines(make_site, postgresql_url, before, after) == [
        "column users.name: type is VARCHAR(5) in database, TEXT in models",
        "column users.name: nullable is True in database, False in models",
        "column users.name: default is 'a'::character varying in database, 'b' in models",
    ]


def test_indexes_and_constraints_are_told(make_site: MakeSite, postgresql_url: sa.URL) -> None:
    """With the table that they are on."""
    before, after = sa.MetaData(), sa.MetaData()
    _table(before, "users", sa.Column("name", sa.Text), sa.Index("by_name", "name"))
    _table(
        after,
        "users",
        sa.Column("name", sa.Text),
        sa.UniqueConstraint("name", name="one_name"),
        sa.Column("boss", sa.Integer, sa.ForeignKey("users.id", name="to_boss")),
    )
    lines = _lines(make_site, postgresql_url, before, after)
    assert "constraint one_name on users: in models, not in database" in lines
    assert "foreign key to_boss on users: in models, not in database" in lines
    assert "index by_name on users: in database, not in models" in lines


def test_a_schema_is_part_of_the_name(make_site: MakeSite, postgresql_url: sa.URL) -> None:
    """Two tables of one name are two tables."""
    before, after = sa.MetaData(), sa.MetaData()
    sa.Table("users", after, sa.Column("id", sa.Integer), schema="other")
    site = make_site(
        postgresql_url, metadatas=after, config={"ALEMBIC_CONTEXT": {"include_schemas": True}}
    )
    site.execute("CREATE SCHEMA other")
    before.create_all(site.engine)

    with site.app.app_context():
        assert describe_differences(site.alembic.compare_metadata()) == [
            "table other.users: in models, not in database"
        ]


@pytest.mark.parametrize("difference", [("something", 1, "two"), (1, 2)])
def test_what_is_not_known_is_told_as_it_is(difference: tuple[object, ...]) -> None:
    """A plugin may find what Alembic itself does not."""
    assert describe_differences([difference]) == [" ".join(str(part) for part in difference)]


def test_no_difference_is_no_line() -> None:
    """Nothing is said where there is nothing to say."""
    assert describe_differences([]) == []


def test_a_difference_knows_its_table(make_site: MakeSite, postgresql_url: sa.URL) -> None:
    """Under whose name it is said more shortly, with its columns."""
    before, after = sa.MetaData(), sa.MetaData()
    _table(before, "users", sa.Column("old", sa.Integer), sa.Column("name", sa.Text))
    _table(
        after,
        "users",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("boss", sa.Integer, sa.ForeignKey("users.id")),
        sa.Index("by_name", sa.text("lower(name)"), "boss"),
    )
    site = make_site(postgresql_url, metadatas=after)
    before.create_all(site.engine)

    with site.app.app_context():
        found = list(to_differences(site.alembic.compare_metadata()))

    assert {one.table for one in found} == {"users"}
    assert {(one.change, one.words) for one in found} == {
        ("add", "column boss INTEGER: in models, not in database"),
        ("change", "column name: nullable is True in database, False in models"),
        ("remove", "column old INTEGER: in database, not in models"),
        ("add", "index by_name (lower(name), boss): in models, not in database"),
        ("add", "foreign key boss (boss) → users.id: in models, not in database"),
    }


def test_comments_are_told(make_site: MakeSite, postgresql_url: sa.URL) -> None:
    """Of tables and of columns, with what they are on each side."""
    before, after = sa.MetaData(), sa.MetaData()
    sa.Table("gone", before, sa.Column("id", sa.Integer), comment="old")
    sa.Table("gone", after, sa.Column("id", sa.Integer))
    sa.Table("users", before, sa.Column("id", sa.Integer))
    sa.Table("users", after, sa.Column("id", sa.Integer, comment="the id"), comment="people")
    assert _lines(make_site, postgresql_url, before, after) == [
        "comment on gone: in database, not in models",
        "column users.id: comment is nothing in database, the id in models",
        "comment on users: is nothing in database, people in models",
    ]


@pytest.mark.parametrize(
    ("kind", "change"), [("add_view", "add"), ("remove_view", "remove"), ("replace", "change")]
)
def test_what_a_plugin_finds_belongs_to_no_table(kind: str, change: str) -> None:
    """What an upgrade would do is told by its name."""
    [found] = to_differences([(kind, "sales")])
    assert (found.table, found.change, found.words) == ("", change, f"{kind} sales")


def test_a_value_that_cannot_be_written_has_the_name_of_its_type() -> None:
    """A type of the app's may only know how to be written for its own dialect."""

    class Odd:
        def __str__(self) -> str:
            raise ValueError

    [found] = to_differences([("modify_type", None, "users", "id", {}, sa.Integer(), Odd())])
    assert found == Difference(
        "users", "change", "column", "id", "", "type is INTEGER in database, Odd in models"
    )
