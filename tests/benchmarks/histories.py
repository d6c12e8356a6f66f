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
