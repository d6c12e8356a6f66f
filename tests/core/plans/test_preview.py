"""The SQL of steps, rendered without a database."""

from __future__ import annotations

import contextlib
import typing as t
from pathlib import Path

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.plans.preview import StepPreview
from flask_alembic_admin.errors import TargetError
from flask_alembic_admin.errors import UnknownRevisionError

from ...apps import add_line
from ...apps import add_revision
from ...apps import create
from ...apps import drop
from ...apps import MakeSite
from ...apps import Site


def _preview(site: Site, *arguments: t.Any) -> tuple[StepPreview, ...]:
    with site.app.app_context():
        return site.alembic.preview(*(arguments or ("upgrade", "heads")))


def _sql(site: Site, up: str, parent: str | None = None) -> str:
    """Return the SQL of one revision whose upgrade is some code, all of it rendered."""
    add_revision(site.folder, "a1", parent, up=up)
    (step,) = _preview(site)
    assert step.incomplete == ""
    return step.sql


def test_each_step_has_its_own_sql(make_site: MakeSite, database_url: sa.URL) -> None:
    """In order, with the line that moves the version."""
    site = make_site(database_url)
    add_line(site.folder, "a1", "b2")
    first, second = _preview(site)
    assert (first.revision, first.message, second.revision) == ("a1", "make a1", "b2")
    assert "CREATE TABLE t_a1" in first.sql
    assert "INSERT INTO alembic_version" in first.sql
    assert "CREATE TABLE t_b2" in second.sql
    assert "UPDATE alembic_version SET version_num='b2'" in second.sql
    assert "t_a1" not in second.sql


def test_a_preview_begins_where_the_database_is(make_site: MakeSite, database_url: sa.URL) -> None:
    """Steps that are applied are not shown."""
    site = make_site(database_url)
    add_line(site.folder, "a1", "b2")

    with site.app.app_context():
        site.alembic.upgrade("a1")

    (step,) = _preview(site)
    assert step.revision == "b2"


def test_a_downgrade_and_a_stamp_have_previews(make_site: MakeSite) -> None:
    """A stamp changes the version table alone."""
    site = make_site()
    add_line(site.folder, "a1", "b2")
    site.upgrade()
    (down,) = _preview(site, "downgrade", "-1")
    assert "DROP TABLE t_b2" in down.sql
    (stamp,) = _preview(site, "stamp", "a1")
    assert "UPDATE alembic_version SET version_num='a1'" in stamp.sql
    assert "t_b2" not in stamp.sql


def test_a_preview_goes_on_from_several_heads(make_site: MakeSite) -> None:
    """A database may be at two revisions."""
    site = make_site()
    add_revision(site.folder, "a1")
    add_revision(site.folder, "b2")
    site.upgrade()
    add_revision(site.folder, "c3", ("a1", "b2"))
    (step,) = _preview(site)
    assert step.revision == "c3"
    assert "DELETE FROM alembic_version" in step.sql


def test_nothing_reaches_the_database(make_site: MakeSite, database_url: sa.URL) -> None:
    """Not even a version table is made."""
    site = make_site(database_url)
    add_line(site.folder, "a1")
    insert = "op.get_bind().execute(sa.text('INSERT INTO t_a1 (id) VALUES (:id)'), {'id': 7})"
    add_revision(site.folder, "b2", "a1", up=f"{insert}\nop.get_bind().commit()")
    _preview(site)
    assert sa.inspect(site.engine).get_table_names() == []


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            "sa.text('UPDATE t SET a = :a WHERE b = :b'), {'a': \"it's\", 'b': None}",
            "UPDATE t SET a = 'it''s' WHERE b = NULL;",
        ),
        ("sa.text('UPDATE t SET a = :a'), dict(a=True)", None),
        (
            "sa.text('INSERT INTO t VALUES (:a)'), [{'a': 1}, {'a': 2}]",
            "INSERT INTO t VALUES (1);\n\nINSERT INTO t VALUES (2);",
        ),
        (
            "sa.text('DELETE FROM t WHERE d < :day'), "
            "{'day': __import__('datetime').date(2026, 1, 2)}",
            "DELETE FROM t WHERE d < '2026-01-02';",
        ),
        (
            "sa.table('t', sa.column('a'), sa.column('b')).insert(), [{'a': 1, 'b': 'x'}]",
            "INSERT INTO t (a, b) VALUES (1, 'x');",
        ),
        (
            "sa.table('t', sa.column('a')).update().where(sa.column('id') == sa.bindparam('key'))"
            ".values(a=sa.bindparam('new')), {'key': 4, 'new': 'n'}",
            "UPDATE t SET a='n' WHERE id = 4;",
        ),
        (
            "sa.table('t', sa.column('a')).delete().where(sa.column('a').in_([1, 2]))",
            "DELETE FROM t WHERE a IN (1, 2);",
        ),
        ("sa.text(\"UPDATE t SET a = '100%'\")", "UPDATE t SET a = '100%';"),
    ],
)
@pytest.mark.parametrize("server", ["sqlite", "postgresql", "mariadb"])
def test_parameters_are_filled_in(
    make_site: MakeSite,
    request: pytest.FixtureRequest,
    server: str,
    statement: str,
    expected: str | None,
) -> None:
    """Alembic's own rendering would print NULL for them."""
    site = make_site(request.getfixturevalue(f"{server}_url"))
    sql = _sql(site, f"op.get_bind().execute({statement})")

    if expected is not None:
        assert expected in sql.replace(" \nWHERE", " WHERE").replace("\nWHERE", " WHERE")


def test_driver_sql_is_shown_as_it_is(make_site: MakeSite) -> None:
    """With its parameters beside it, since only the driver knows where they go."""
    site = make_site()
    up = "op.get_bind().exec_driver_sql('UPDATE t SET a = ?', ('x:y',))"
    assert "UPDATE t SET a = ?;\n-- with the parameters ('x:y',)" in _sql(site, up)


def test_op_execute_and_bulk_insert_are_shown_with_values(
    make_site: MakeSite, database_url: sa.URL
) -> None:
    """What Alembic renders itself."""
    site = make_site(database_url)
    up = (
        "op.execute(\"UPDATE t SET a = '50%' WHERE b LIKE 'x%'\")\n"
        "op.bulk_insert(sa.table('t', sa.column('a', sa.String)), [{'a': 'one'}, {'a': 'two'}])"
    )
    sql = _sql(site, up)
    assert "UPDATE t SET a = '50%' WHERE b LIKE 'x%';" in sql
    assert "INSERT INTO t (a) VALUES ('one');" in sql
    assert "INSERT INTO t (a) VALUES ('two');" in sql


def test_tables_made_through_the_connection_are_shown(make_site: MakeSite) -> None:
    """Some migrations use ``metadata.create_all``."""
    site = make_site()
    up = (
        "metadata = sa.MetaData()\n"
        "sa.Table('made', metadata, sa.Column('id', sa.Integer))\n"
        "metadata.create_all(op.get_bind(), checkfirst=False)"
    )
    assert "CREATE TABLE made" in _sql(site, up)


def test_an_autocommit_block_is_shown(make_site: MakeSite, postgresql_url: sa.URL) -> None:
    """What it holds is run outside of a transaction."""
    site = make_site(postgresql_url)
    up = (
        "with op.get_context().autocommit_block():\n"
        "    op.execute('CREATE INDEX CONCURRENTLY i ON t (a)')"
    )
    assert "CREATE INDEX CONCURRENTLY i ON t (a);" in _sql(site, up)


def test_nested_transactions_change_nothing(make_site: MakeSite) -> None:
    """A step may use them."""
    site = make_site()
    up = (
        "bind = op.get_bind()\n"
        "with bind.begin_nested():\n"
        "    bind.execute(sa.text('DELETE FROM t'))"
    )
    assert "DELETE FROM t;" in _sql(site, up)


@pytest.mark.parametrize(
    "code",
    [
        "op.get_bind().execute(sa.text('SELECT 1')).fetchall()",
        "op.get_bind().scalar(sa.text('SELECT 1'))",
        "list(op.get_bind().scalars(sa.text('SELECT 1')))",
        "[row for row in op.get_bind().execute(sa.text('SELECT 1'))]",
        "sa.inspect(op.get_bind()).get_table_names()",
        "if op.get_bind().execute(sa.text('SELECT 1')).rowcount: pass",
        "op.get_bind().get_isolation_level()",
    ],
)
def test_a_step_that_reads_is_incomplete_and_the_next_is_shown(
    make_site: MakeSite, code: str
) -> None:
    """File and line are named, and what came before that line is there."""
    site = make_site()
    path = add_revision(site.folder, "a1", up=f"{create('early')}\n{code}\n{create('late')}")
    add_revision(site.folder, "b2", "a1", up=create("other"))
    first, second = _preview(site)
    line = 1 + path.read_text().splitlines().index(f"    {code}")
    assert first.incomplete == (
        f"reads the database at a1.py, line {line}; the rest of this step depends on your data"
    )
    assert "CREATE TABLE early" in first.sql
    assert "late" not in first.sql
    assert (second.incomplete, "CREATE TABLE other" in second.sql) == ("", True)


def test_batch_mode_on_sqlite_reads_the_table_first(make_site: MakeSite) -> None:
    """It makes a new table of what is there."""
    site = make_site()
    up = "with op.batch_alter_table('users') as batch:\n    batch.drop_column('name')"
    add_revision(site.folder, "a1", up=up)
    (step,) = _preview(site)
    assert step.incomplete.startswith("reads the database at a1.py, line ")


def test_batch_mode_elsewhere_is_shown(make_site: MakeSite, postgresql_url: sa.URL) -> None:
    """There it is an ALTER like any other."""
    site = make_site(postgresql_url)
    up = "with op.batch_alter_table('users') as batch:\n    batch.drop_column('name')"
    assert "ALTER TABLE users DROP COLUMN name;" in _sql(site, up)


@pytest.mark.parametrize("code", ["raise ValueError('no way')", "import sys; sys.exit('no way')"])
def test_a_step_that_fails_is_incomplete(make_site: MakeSite, code: str) -> None:
    """The error is named with file and line."""
    site = make_site()
    path = add_revision(site.folder, "a1", up=code)
    add_revision(site.folder, "b2", "a1", up=create("other"))
    first, second = _preview(site)
    line = 1 + path.read_text().splitlines().index(f"    {code}")
    kind = "ValueError" if "Value" in code else "SystemExit"
    assert first.incomplete == f"cannot be rendered at a1.py, line {line}: {kind}: no way"
    assert "CREATE TABLE other" in second.sql


def test_several_databases_have_their_own_previews(make_site: MakeSite, tmp_path: Path) -> None:
    """A migration is told which one it is, as in a run."""
    urls = {n: sa.URL.create("sqlite", database=str(tmp_path / n)) for n in ("one", "two")}
    site = make_site(urls=urls)
    up = "op.create_table('in_' + arguments['engine_name'], sa.Column('id', sa.Integer))"
    add_revision(site.folder, "a1", up=up)

    for name in urls:
        (step,) = _preview(site, "upgrade", "heads", name)
        assert f"CREATE TABLE in_{name}" in step.sql


def test_a_preview_may_begin_elsewhere(make_site: MakeSite) -> None:
    """The database is not asked then."""
    site = make_site()
    add_line(site.folder, "a1", "b2", "c3")

    with site.app.app_context():
        steps = site.alembic.preview("upgrade", "heads", start="b2")
        assert [step.revision for step in steps] == ["c3"]
        steps = site.alembic.preview("upgrade", "b2", start="base")
        assert [step.revision for step in steps] == ["a1", "b2"]


def test_a_preview_from_an_unknown_revision_is_refused(make_site: MakeSite) -> None:
    """As the run would be; a stamp goes on from it."""
    site = make_site()
    add_line(site.folder, "a1")
    site.upgrade()
    site.execute("UPDATE alembic_version SET version_num = 'gone'")

    with pytest.raises(UnknownRevisionError):
        _preview(site)

    (stamp,) = _preview(site, "stamp", "a1")
    assert "INSERT INTO alembic_version" in stamp.sql


def test_a_target_that_cannot_be_reached_is_refused(make_site: MakeSite) -> None:
    """As by the run."""
    site = make_site()
    add_line(site.folder, "a1")

    with pytest.raises(TargetError, match=r"^Target '\+2' cannot be reached from base"):
        _preview(site, "upgrade", "+2")


def test_a_preview_within_an_upgrade_leaves_it_alone(make_site: MakeSite) -> None:
    """It puts ``op`` back; plain Alembic would take the rest of the upgrade for its own."""
    site = make_site()
    ask = (
        "from flask import current_app\n"
        "current_app.extensions['alembic'].preview('downgrade', 'base')"
    )
    up = f"{create('before')}\n{ask}\n{create('after')}"
    add_revision(site.folder, "a1")
    add_revision(site.folder, "b2", "a1", up=up, down=drop("before"))

    with site.app.app_context():
        site.alembic.upgrade("a1")

    site.upgrade()
    assert site.tables() == {"before", "after"}


def test_secrets_do_not_appear_in_what_could_not_be_rendered(make_site: MakeSite) -> None:
    """An error may quote the URL."""
    site = make_site(sa.make_url("postgresql+psycopg://me:s3cret@127.0.0.1:1/x"))
    add_revision(site.folder, "a1", up="raise ValueError('postgresql://me:s3cret@127.0.0.1')")

    with site.app.app_context(), contextlib.ExitStack():
        (step,) = site.alembic.preview("upgrade", "heads", start="base")

    assert "s3cret" not in step.incomplete
