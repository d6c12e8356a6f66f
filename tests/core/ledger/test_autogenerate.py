from __future__ import annotations

import collections.abc as c
import os
import subprocess
import sys
import tomllib
import types
import typing as t
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.autogenerate import produce_migrations
from alembic.migration import MigrationContext

from flask_alembic_admin.core.ledger import autogenerate
from flask_alembic_admin.core.ledger.tables import METADATA
from flask_alembic_admin.core.ledger.tables import TABLE_NAMES

ROOT = Path(__file__).parents[3]


@pytest.fixture
def connection(database_url: sa.URL) -> c.Iterator[sa.Connection]:
    """A connection to a database that holds the ledger and a stranger's table with an index."""
    engine = sa.create_engine(database_url)

    with engine.begin() as connection:
        METADATA.create_all(connection)
        stranger().create_all(connection)

    with engine.connect() as connection:
        yield connection

    engine.dispose()


def stranger(schema: str | None = None) -> sa.MetaData:
    """Return a table that is not ours, with an index."""
    metadata = sa.MetaData()
    number = sa.Column("number", sa.Integer, index=True)
    sa.Table("alembic_admin_runs_of_mine", metadata, number, schema=schema)
    return metadata


def found(connection: sa.Connection, **options: t.Any) -> list[tuple[str, str | None, str]]:
    """Compare with no models at all, and return what would be done to which table."""
    context = MigrationContext.configure(connection, opts=options)
    differences = compare_metadata(context, sa.MetaData())
    tables = [(what, getattr(item, "table", item)) for what, item in differences]
    return [(what, table.schema, table.name) for what, table in tables]


def test_the_ledger_is_hidden_and_a_stranger_is_not(connection: sa.Connection) -> None:
    """Of all tables without a model only those of others are reported."""
    assert sorted(found(connection)) == [
        ("remove_index", None, "alembic_admin_runs_of_mine"),
        ("remove_table", None, "alembic_admin_runs_of_mine"),
    ]


def test_nothing_empty_is_left_behind(connection: sa.Connection) -> None:
    """With nothing else to report, autogenerate has found nothing at all."""
    stranger().drop_all(connection)
    context = MigrationContext.configure(connection)
    upgrade = produce_migrations(context, sa.MetaData()).upgrade_ops
    assert upgrade is not None
    assert upgrade.is_empty()


def test_without_the_plugin_the_ledger_would_be_dropped(connection: sa.Connection) -> None:
    """What the plugin keeps Alembic from; without it these tests would prove nothing."""
    plugins = ["alembic.autogenerate.*", f"~{autogenerate.PLUGIN_NAME}"]
    dropped = {table for what, _, table in found(connection, autogenerate_plugins=plugins)}
    assert dropped == TABLE_NAMES | {"alembic_admin_runs_of_mine"}


def test_a_ledger_in_another_schema_is_hidden_too(postgresql_url: sa.URL) -> None:
    """With ``include_schemas`` the ledger of a neighbour in the same database stays."""
    engine = sa.create_engine(postgresql_url)

    with engine.connect() as connection:
        connection.execute(sa.text("CREATE SCHEMA other"))
        METADATA.create_all(connection)
        connection.execute(sa.text("SET search_path = other"))
        METADATA.create_all(connection)
        connection.execute(sa.text("SET search_path = public"))
        stranger("other").create_all(connection)
        stranger().create_all(connection)
        names = sa.inspect(connection).get_table_names(schema="other")
        assert set(names) > TABLE_NAMES

        assert sorted(found(connection, include_schemas=True), key=str) == [
            ("remove_index", "other", "alembic_admin_runs_of_mine"),
            ("remove_index", None, "alembic_admin_runs_of_mine"),
            ("remove_table", "other", "alembic_admin_runs_of_mine"),
            ("remove_table", None, "alembic_admin_runs_of_mine"),
        ]

    engine.dispose()


def test_models_of_the_app_are_still_created(sqlite_url: sa.URL) -> None:
    """Only dropping is hidden: a model that happens to have our name is the app's own."""
    models = sa.MetaData()
    sa.Table("alembic_admin_run", models, sa.Column("id", sa.Integer, primary_key=True))
    engine = sa.create_engine(sqlite_url)

    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), models)
        assert [what for what, _ in differences] == ["add_table"]

    engine.dispose()


def test_older_versions_of_alembic_find_a_list_of_modules() -> None:
    """Before 1.20.1 an entry point had to give a list, since then a module."""
    assert isinstance(autogenerate, types.ModuleType)
    assert list(t.cast("t.Iterable[t.Any]", autogenerate)) == [autogenerate]


# As a plain Alembic has it, in a process of its own


@pytest.fixture(params=["installed", "not installed"])
def python(
    request: pytest.FixtureRequest, tmp_path: Path
) -> c.Callable[..., subprocess.CompletedProcess[str]]:
    """Run Python where the package's entry point is published, and where it is not.

    The metadata of this project comes first on the path, so that it counts whether or not the
    package is installed for the tests; its entry points are those of ``pyproject.toml``.
    """
    site = tmp_path / "site"
    metadata = site / "flask_alembic_admin-0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: Flask-Alembic-Admin\nVersion: 0\n"
    )

    if request.param == "installed":
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        points = project["entry-points"]["alembic.plugins"]
        lines = [f"{name} = {module}" for name, module in points.items()]
        (metadata / "entry_points.txt").write_text("\n".join(["[alembic.plugins]", *lines, ""]))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "error", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}"},
            capture_output=True,
            text=True,
            timeout=60,
        )

    run.installed = request.param == "installed"  # type: ignore[attr-defined]
    return run


@pytest.mark.parametrize(
    "imports",
    [
        "import alembic, flask_alembic_admin.core.ledger.autogenerate",
        "import flask_alembic_admin.core.ledger.autogenerate, alembic",
        "import flask_alembic_admin.core.ledger.autogenerate, alembic.command",
        "import alembic.runtime.plugins, flask_alembic_admin.core.ledger.autogenerate",
        "import alembic.operations.ops, flask_alembic_admin.core.ledger.autogenerate",
        "from flask_alembic_admin.core.ledger import ledger, autogenerate",
        "import importlib, flask_alembic_admin.core.ledger.autogenerate as a; importlib.reload(a)",
    ],
)
def test_the_plugin_is_registered_once_in_any_order_of_imports(
    python: c.Callable[..., subprocess.CompletedProcess[str]], imports: str
) -> None:
    """Neither order fails, nothing is registered twice, and Flask stays out."""
    program = f"""
import sys
{imports}
from alembic.autogenerate import compare
from alembic.runtime.plugins import Plugin
from alembic.util import PriorityDispatcher

dispatcher = PriorityDispatcher()
Plugin.populate_autogenerate_priority_dispatch(dispatcher, ["{autogenerate.PLUGIN_NAME}"])
comparators = [name for found in dispatcher._registry.values() for _, name in found]
assert comparators == ["alembic_admin_ledger"], comparators
assert "flask" not in sys.modules
"""
    done = python("-c", program)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_plain_alembic_does_not_drop_the_ledger(
    python: c.Callable[..., subprocess.CompletedProcess[str]], database_url: sa.URL, tmp_path: Path
) -> None:
    """``alembic revision --autogenerate`` with an ``env.py`` that knows nothing of us.

    Where the package is not installed, ``env.py`` has one line that imports the plugin.
    """
    url = database_url.render_as_string(hide_password=False)
    engine = sa.create_engine(database_url)

    with engine.begin() as connection:
        METADATA.create_all(connection)
        stranger().create_all(connection)

    engine.dispose()
    installed: bool = python.installed  # type: ignore[attr-defined]
    scripts = tmp_path / "scripts"
    (scripts / "versions").mkdir(parents=True)
    (scripts / "script.py.mako").write_text(
        'revision = ${repr(up_revision)}\ndown_revision = ${repr(down_revision)}\n"""${upgrades}"""'
    )
    (tmp_path / "alembic.ini").write_text(
        "[alembic]\nscript_location = %(here)s/scripts\npath_separator = os\n"
    )
    (scripts / "env.py").write_text(
        f"""
import sqlalchemy as sa
from alembic import context
{"" if installed else "import flask_alembic_admin.core.ledger.autogenerate"}
engine = sa.create_engine({url!r})

with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=sa.MetaData())

    with context.begin_transaction():
        context.run_migrations()

engine.dispose()
"""
    )

    done = python("-m", "alembic", "revision", "--autogenerate", "-m", "x", "--rev-id", "x")
    assert done.returncode == 0, done.stderr
    text = (scripts / "versions" / "x_x.py").read_text()
    assert "drop_table('alembic_admin_runs_of_mine')" in text
    assert text.count("drop_table") == 1
    assert text.count("drop_index") == 1
