"""What is told of a step that was left half done, on servers that cannot roll back."""

from __future__ import annotations

import re
import typing as t

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.forensics.forensics import Forensics
from flask_alembic_admin.core.forensics.half_applied import look
from flask_alembic_admin.core.ledger.tables import RunRecord
from flask_alembic_admin.errors import RunFailed

from ...apps import add_revision
from ...apps import create
from ...apps import MakeSite
from ...apps import Site

#: What is there before the step that is looked at.
BASE = """\
op.create_table('customers', sa.Column('id', sa.Integer, primary_key=True))
op.create_table('orders', sa.Column('id', sa.Integer, primary_key=True), sa.Column('total', \
sa.Integer), sa.Column('note', sa.String(20), nullable=False), sa.Column('customer', sa.Integer), \
sa.Column('state', sa.String(9), server_default='new'), sa.Column('old', sa.Integer))
op.create_index('ix_old', 'orders', ['note'])
op.create_table('gone', sa.Column('id', sa.Integer, primary_key=True))"""

#: Ends a step where it is run; what is recorded goes on.
LIVE_FAILURE = "if not context.is_offline_mode(): op.execute('SELECT nonsense FROM nowhere')"

#: Steps of which each operation leaves a trace, for every server that keeps half of one.
STEPS = {
    "tables": [
        create("one"),
        "op.rename_table('one', 'two')",
        create("one"),
        "op.drop_table('gone')",
        "op.drop_table('one')",
    ],
    "columns": [
        "op.add_column('orders', sa.Column('a', sa.String(5)))",
        "op.add_column('orders', sa.Column('b', sa.Integer, server_default='3'))",
        "op.execute('ALTER TABLE orders RENAME COLUMN a TO c')",
        "op.drop_column('orders', 'old')",
        "op.drop_column('orders', 'b')",
    ],
    "indexes": [
        "op.create_index('ix_total', 'orders', ['total'])",
        "op.drop_index('ix_old', 'orders')",
        "op.create_index('ix_other', 'orders', ['customer', 'note'])",
        "op.execute('CREATE UNIQUE INDEX ux_state ON orders (state, id)')",
    ],
    "text": [
        "op.execute('CREATE TABLE said (id INTEGER PRIMARY KEY)')",
        "op.execute('ALTER TABLE said ADD COLUMN a INTEGER')",
        "op.execute('CREATE VIEW seen AS SELECT id FROM said')",
        "op.execute('DROP TABLE gone')",
        "op.execute('DROP VIEW seen')",
    ],
    "mixed": [
        create("lines"),
        "op.add_column('lines', sa.Column('a', sa.Integer))",
        "op.create_index('ix_lines_a', 'lines', ['a'])",
        "op.rename_table('lines', 'rows_')",
        "op.add_column('rows_', sa.Column('b', sa.Integer))",
        "op.drop_column('orders', 'old')",
    ],
}
#: More of them, which only this server can do.
MARIADB_STEPS = {
    "alterations": [
        "op.alter_column('orders', 'total', existing_type=sa.Integer(), type_=sa.BigInteger())",
        "op.alter_column('orders', 'note', existing_type=sa.String(20), nullable=True)",
        "op.alter_column('orders', 'state', existing_type=sa.String(9), server_default='open')",
        "op.alter_column('orders', 'note', existing_type=sa.String(20), type_=sa.String(80))",
        "op.alter_column('orders', 'old', existing_type=sa.Integer(), new_column_name='older')",
        "op.alter_column('orders', 'state', existing_type=sa.String(9), server_default=None)",
        "op.alter_column('orders', 'total', existing_type=sa.BigInteger(), comment='cents')",
    ],
    "constraints": [
        "op.create_unique_constraint('uq_note', 'orders', ['note'])",
        "op.create_foreign_key('fk_customer', 'orders', 'customers', ['customer'], ['id'])",
        "op.create_check_constraint('ck_total', 'orders', 'total > 0')",
        "op.drop_constraint('fk_customer', 'orders', type_='foreignkey')",
        "op.create_foreign_key(None, 'orders', 'customers', ['old'], ['id'])",
        "op.drop_constraint('uq_note', 'orders', type_='unique')",
    ],
    "several in one": [
        "op.execute('ALTER TABLE orders ADD COLUMN a INTEGER, DROP COLUMN old')",
        "op.execute('RENAME TABLE gone TO here, customers TO people')",
        "op.execute('ALTER TABLE orders MODIFY total BIGINT NOT NULL')",
        "op.execute('ALTER TABLE orders CHANGE a b INTEGER')",
    ],
}


CASES = [
    pytest.param(server, operations, id=f"{server}-{name}")
    for server, steps in (("sqlite", STEPS), ("mariadb", STEPS | MARIADB_STEPS))
    for name, operations in steps.items()
]


def half(site: Site, operations: t.Sequence[str], done: int, *, base: str = BASE) -> RunRecord:
    """Leave a step half done: after so many operations it fails, as it does when it is run."""
    add_revision(site.folder, "a1", up=base)
    lines = list(operations)
    lines.insert(done, LIVE_FAILURE)
    add_revision(site.folder, "b2", "a1", up="\n".join(lines), message="do things")

    with pytest.raises(RunFailed):
        site.upgrade()

    with site.app.app_context():
        (record, *_) = site.alembic.runs()

    return record


def seen(site: Site, record: RunRecord) -> Forensics:
    """Look, and hold the database to be the same as before."""
    before = dump(site)

    with site.app.app_context():
        found = look(site.alembic, record)

    assert dump(site) == before
    assert found is not None
    return found


def dump(site: Site) -> list[t.Any]:
    """Return all that stands in a database."""
    metadata = sa.MetaData()
    metadata.reflect(site.engine)

    with site.engine.connect() as connection:
        rows = {
            name: connection.execute(sa.select(table)).all()
            for name, table in sorted(metadata.tables.items())
        }

    inspector = sa.inspect(site.engine)
    return [(name, rows[name], inspector.get_indexes(name)) for name in rows]


def states(found: Forensics) -> str:
    """Return a letter for each operation."""
    letters = {"done": "d", "not done": "-", "cannot be told": "?"}
    return "".join(letters[one.state] for one in found.operations)


@pytest.mark.parametrize(("server", "operations"), CASES)
def test_how_far_a_step_came(
    make_site: MakeSite, request: pytest.FixtureRequest, server: str, operations: list[str]
) -> None:
    """Wherever it ended, what is done is told from what is not, also what is undone later on."""
    site = make_site(request.getfixturevalue(f"{server}_url"))
    total = len(operations)
    record = half(site, operations, 1)
    found = seen(site, record)
    assert (found.unknown, found.incomplete) == ("", "")
    assert [states(found)] == ["d" + "-" * (total - 1)]
    lines = [one.sql for one in found.operations]

    # The others are sent by hand, one by one, as somebody would finish it.
    for done in range(2, total + 1):
        with site.engine.begin() as connection:
            connection.exec_driver_sql(lines[done - 1].replace("%", "%%"))
        assert (done, states(seen(site, record))) == (done, "d" * done + "-" * (total - done))


def test_the_sentence(make_site: MakeSite, mariadb_url: sa.URL) -> None:
    """It says how many are done, and what would be next."""
    site = make_site(mariadb_url)
    operations = [create("one"), create("two"), create("three"), *STEPS["indexes"]]
    found = seen(site, half(site, operations, 3))
    assert found.sentence == "3 of 7 done, next would be create_index ix_total on orders."
    assert (found.revision, found.message, found.statements) == ("b2", "do things", 3)
    assert found.stamp == "b2"
    assert (found.operations[3].file, found.operations[3].position) == ("b2.py", 4)


def test_all_of_a_step_is_done(make_site: MakeSite, sqlite_url: sa.URL) -> None:
    """Then only its version is missing."""
    site = make_site(sqlite_url)
    found = seen(site, half(site, [create("one")], 1))
    assert found.sentence == "1 of 1 done, what is missing is the version."


def test_data_cannot_be_told(make_site: MakeSite, mariadb_url: sa.URL) -> None:
    """Unless something behind it is done."""
    site = make_site(mariadb_url)
    insert = 'op.execute("INSERT INTO customers (id) VALUES (1)")'
    operations = [create("one"), insert, create("two"), insert, insert, create("three")]
    found = seen(site, half(site, operations, 4))
    assert states(found) == "ddd??-"
    assert found.sentence == (
        "3 of 6 done, 2 cannot be told from the schema, not done is what follows from "
        "create_table three."
    )
    assert "cannot be told whether insert customers is done" in found.no_rest
    assert found.finish_sql.count("look first") == 2


def test_an_index_that_is_made_anew(make_site: MakeSite, sqlite_url: sa.URL) -> None:
    """Nobody knows what the one was like that is dropped."""
    site = make_site(sqlite_url)
    anew = ["op.drop_index('ix_old', 'orders')", "op.create_index('ix_old', 'orders', ['note'])"]
    found = seen(site, half(site, [create("one"), *anew, create("two")], 1))
    assert states(found) == "d??-"


def test_what_can_be_sent_twice(make_site: MakeSite, mariadb_url: sa.URL) -> None:
    """It cannot be told whether it is done, and need not be."""
    site = make_site(mariadb_url)
    drop = "op.drop_table('never', if_exists=True)"
    found = seen(site, half(site, [create("one"), drop, create("two")], 1))
    assert (states(found), found.no_rest) == ("d?-", "")


def test_an_alteration_that_changes_nothing_counts_as_done(
    make_site: MakeSite, mariadb_url: sa.URL
) -> None:
    """Nobody could tell it from one that is done, and the schema is the same."""
    site = make_site(mariadb_url)
    alter = "op.alter_column('orders', 'note', existing_type=sa.String(20), nullable=False)"
    found = seen(site, half(site, [create("one"), alter, create("two")], 1))
    assert states(found) == "dd-"


def test_a_type_that_cannot_be_read_back_is_not_guessed(
    make_site: MakeSite, mariadb_url: sa.URL
) -> None:
    """Such as one with a collation."""
    site = make_site(mariadb_url)
    alter = (
        "op.alter_column('orders', 'note', existing_type=sa.String(20), existing_nullable=False, "
        "type_=sa.String(20, collation='utf8mb4_bin'))"
    )
    found = seen(site, half(site, [create("one"), alter, create("two")], 1))
    assert states(found) == "d?-"


def test_a_schema_that_somebody_else_changed(make_site: MakeSite, mariadb_url: sa.URL) -> None:
    """What fits no point of the step is not made to."""
    site = make_site(mariadb_url)
    record = half(site, [create("one"), create("two"), create("three")], 1)
    site.execute("CREATE TABLE three (id INTEGER)")
    found = seen(site, record)
    assert found.sentence == (
        "Nothing can be told: the schema is none that the step passes through, so something else "
        "has changed it, or an operation of the step is done in part."
    )
    assert (found.operations, found.no_rest) == ((), "Nothing can be told.")


def test_a_table_with_other_columns_is_another_table(
    make_site: MakeSite, sqlite_url: sa.URL
) -> None:
    """The step failed because there was one of the same name."""
    site = make_site(sqlite_url)
    add_revision(site.folder, "a1", up=BASE)
    add_revision(site.folder, "b2", "a1", up=f"{create('one')}\n{create('two')}")
    site.execute("CREATE TABLE two (name TEXT)")

    with pytest.raises(RunFailed, match="already exists"):
        site.upgrade()

    with site.app.app_context():
        found = seen(site, site.alembic.runs()[0])

    assert found.unknown.startswith("the schema is none that the step passes through")


def test_a_step_that_reads_the_database(make_site: MakeSite, mariadb_url: sa.URL) -> None:
    """What is known of it is told, and that there is more."""
    site = make_site(mariadb_url)
    read = "rows = op.get_bind().execute(sa.text('SELECT id FROM orders')).fetchall()"
    found = seen(site, half(site, [create("one"), read, create("two")], 1))
    assert states(found) == "d"
    assert found.sentence == (
        "1 of 1 done, what is missing is the version. There may be more: the step reads the "
        "database at b2.py, line 18; the rest of this step depends on your data."
    )
    assert found.no_rest.startswith("Not all of the step is known: it reads the database")


def test_a_file_that_was_changed_since(make_site: MakeSite, sqlite_url: sa.URL) -> None:
    """It is not what ran, so nothing is told by it."""
    site = make_site(sqlite_url)
    record = half(site, [create("one"), create("two")], 1)
    path = site.folder / "b2.py"
    path.write_text(path.read_text().replace("'two'", "'other'"))
    found = seen(site, record)
    assert found.unknown == "The file of revision b2 is not what ran: it was changed since"


def test_a_table_that_is_copied(make_site: MakeSite, sqlite_url: sa.URL) -> None:
    """A batch is done at once; a copy that was left lying about is no point of the step."""
    site = make_site(sqlite_url)
    table = "sa.Table('gone', sa.MetaData(), sa.Column('id', sa.Integer, primary_key=True))"
    batch = (
        f"with op.batch_alter_table('gone', copy_from={table}, recreate='always') as batch:\n"
        "    batch.add_column(sa.Column('a', sa.Integer))\n"
        "    batch.add_column(sa.Column('b', sa.Integer))"
    )
    record = half(site, [create("one"), batch, create("two")], 1)
    found = seen(site, record)
    assert (states(found), found.operations[1].words) == ("d--", "add_column a on gone and 1 more")
    site.execute("CREATE TABLE _alembic_tmp_gone (id INTEGER)")
    assert seen(site, record).unknown


def test_a_downgrade(make_site: MakeSite, mariadb_url: sa.URL) -> None:
    """It is looked at like any other step, and stamped with what is below it."""
    site = make_site(mariadb_url)
    add_revision(site.folder, "a1", up=BASE)
    down = ["op.drop_column('orders', 'old')", LIVE_FAILURE, "op.drop_table('gone')"]
    add_revision(site.folder, "b2", "a1", down="\n".join(down))
    site.upgrade()

    with site.app.app_context():
        with pytest.raises(RunFailed):
            site.alembic.downgrade()
        found = seen(site, site.alembic.runs()[0])

    assert (states(found), found.action, found.stamp) == ("d-", "downgrade", "a1")


def test_a_run_that_left_nothing_in_doubt(make_site: MakeSite, sqlite_url: sa.URL) -> None:
    """There is nothing to look at."""
    site = make_site(sqlite_url)
    add_revision(site.folder, "a1", up=BASE)
    site.upgrade()

    with site.app.app_context():
        assert look(site.alembic, site.alembic.runs()[0]) is None


def test_a_server_that_rolls_back(make_site: MakeSite, postgresql_url: sa.URL) -> None:
    """It leaves no half of a step."""
    site = make_site(postgresql_url)

    with site.app.app_context():
        record = half(site, [create("one")], 1)
        assert look(site.alembic, record) is None


def test_what_takes_back_what_is_done(make_site: MakeSite, mariadb_url: sa.URL) -> None:
    """The last first; sent by hand it leaves the schema as it was before the step."""
    site = make_site(mariadb_url)
    operations = [
        create("one"),
        "op.add_column('orders', sa.Column('a', sa.Integer))",
        "op.execute('ALTER TABLE orders RENAME COLUMN a TO c')",
        "op.create_index('ix_total', 'orders', ['total'])",
        "op.create_unique_constraint('uq_note', 'orders', ['note'])",
        "op.create_foreign_key('fk_customer', 'orders', 'customers', ['customer'], ['id'])",
        "op.rename_table('gone', 'here')",
        create("two"),
    ]
    record = half(site, operations, 7)
    found = seen(site, record)
    assert found.can_undo
    assert [re.split(r"[ `]", one)[0] for one in found.undo_sql.splitlines()] == [
        *["ALTER"] * 3,
        "DROP",
        *["ALTER"] * 2,
        "DROP",
    ]

    for statement in found.undo_sql.splitlines():
        site.execute(statement.removesuffix(";"))

    assert states(seen(site, record)) == "-" * 8


def test_what_cannot_be_taken_back(make_site: MakeSite, mariadb_url: sa.URL) -> None:
    """What was dropped is gone, and that is said in its place."""
    site = make_site(mariadb_url)
    found = seen(site, half(site, ["op.drop_column('orders', 'old')", create("two")], 2))
    assert not found.can_undo
    assert found.undo_sql == (
        "DROP TABLE two;\n-- drop_column old on orders: how to undo this is not known here."
    )
