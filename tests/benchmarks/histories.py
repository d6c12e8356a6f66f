"""Long histories of small revisions, and the plain environment that Alembic runs them in."""

from __future__ import annotations

import compileall
from pathlib import Path

from ..apps import add_revision
from ..apps import create
from ..apps import drop

#: What `alembic init` writes, without its configuration of logging. The engine is made outside,
#: as an app makes it, so that both sides are measured from their first connection on.
_ENV = """\
from alembic import context

with context.config.attributes["engine"].connect() as connection:
    context.configure(
        connection=connection,
        transaction_per_migration=True,
        on_version_apply=context.config.attributes["on_version_apply"],
    )

    with context.begin_transaction():
        context.run_migrations()
"""


def write_history(folder: Path, count: int) -> None:
    """Write one line of revisions and, in a folder beside it, the environment for plain Alembic.

    Every second revision creates a table, and the one after it adds a column to that.

    :param folder: Gets the folders ``versions`` and ``plain``.
    :param count: How many revisions there are.
    """
    (folder / "plain").mkdir(parents=True)
    (folder / "plain" / "env.py").write_text(_ENV)
    parent = None

    for number in range(count):
        table = f"table_{number // 2}"
        up, down = create(table), drop(table)

        if number % 2:
            up = f"op.add_column({table!r}, sa.Column('name', sa.String(50)))"
            down = f"op.drop_column({table!r}, 'name')"

        revision = f"{number:012x}"
        add_revision(folder / "versions", revision, parent, up=up, down=down)
        parent = revision

    # Whoever came first would pay for it otherwise. Reading sources is all the dearer beside it.
    compileall.compile_dir(folder, quiet=1)


#: What real revisions do, on the table of each. Batch mode copies on SQLite alone.
_MIXED = (
    "op.add_column('{table}', sa.Column('c{n}', sa.Integer(), nullable=True))",
    "op.create_index('ix{n}', '{table}', ['a'])",
    "op.create_table('n{n}', sa.Column('id', sa.Integer, primary_key=True), "
    "sa.Column('b', sa.String(50), nullable=False), sa.Column('c', sa.DateTime()), "
    "sa.Column('t', sa.Integer, sa.ForeignKey('{table}.id')), sa.UniqueConstraint('b'))\n"
    "op.create_index('nx{n}', 'n{n}', ['b', 'c'])",
    "op.execute('UPDATE {table} SET a = 1 WHERE a IS NULL -- in batches')",
    "with op.batch_alter_table('{table}') as batch:\n"
    "    batch.add_column(sa.Column('d{n}', sa.Text(), server_default='x'))\n"
    "    batch.create_index('bx{n}', ['a'])",
    "rows = [{{'id': key, 'a': key, 'b': 'x' * 20}} for key in range({n} * 100, {n} * 100 + 60)]\n"
    "op.bulk_insert(sa.table('{table}', sa.column('id', sa.Integer), sa.column('a', sa.Integer), "
    "sa.column('b', sa.String)), rows)",
    "op.get_bind().execute(sa.text('DELETE FROM {table} WHERE a = :a'), {{'a': {n}}})",
    "op.execute('''\n    CREATE VIEW v{n} AS\n    SELECT id, a FROM {table} WHERE a > 3\n''')",
    "op.drop_column('{table}', 'b')\n"
    "op.add_column('{table}', sa.Column('b', sa.String(80), server_default=''))",
    "op.rename_table('{table}', 'r{n}')\nop.rename_table('r{n}', '{table}')",
)
#: How many tables there are before.
_TABLES = 12


def write_mixed(folder: Path, count: int) -> None:
    """Write a revision ``first`` that creates tables, and revisions of many kinds on these.

    :param folder: Gets the files.
    :param count: How many there are after the first.
    """
    columns = (
        "sa.Column('id', sa.Integer, primary_key=True), sa.Column('a', sa.Integer), "
        "sa.Column('b', sa.String(40))"
    )
    tables = [f"op.create_table('t{number}', {columns})" for number in range(_TABLES)]
    add_revision(folder, "first", up="\n".join(tables))
    parent = "first"

    for number in range(count):
        revision = f"m{number:04}"
        body = _MIXED[number % len(_MIXED)].format(n=number, table=f"t{number % _TABLES}")
        add_revision(folder, revision, parent, up=body, message=f"change {number}")
        parent = revision
