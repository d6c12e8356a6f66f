"""What the rules find in the body of an ``upgrade()``, without a server."""

from __future__ import annotations

import collections.abc as c
import io
import textwrap
import types
import typing as t
from pathlib import Path

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

from flask_alembic_admin.core.databases.database import Database
from flask_alembic_admin.core.recorder.recorder import Recorder
from flask_alembic_admin.core.risks import findings_of
from flask_alembic_admin.core.risks import Sight
from flask_alembic_admin.core.risks import Step
from flask_alembic_admin.core.risks.findings import Finding

#: The dialects that rules know.
DIALECTS = ("postgresql", "mysql", "mariadb", "sqlite")

#: Where the body seems to stand.
FOLDER = Path("/revisions")
FILE = "abc123_message.py"

#: A table's name, or its schema and name.
Table: t.TypeAlias = str | tuple[str | None, str]


class Pair(t.NamedTuple):
    """A body that a rule must find, and its safe twin, in which it must find nothing.

    :param rule: The rule's id.
    :param unsafe: The one.
    :param safe: The other.
    :param dialects: On which this is so.
    """

    rule: str
    unsafe: str
    safe: str
    dialects: tuple[str, ...] = DIALECTS


def each(*pairs: Pair) -> list[t.Any]:
    """Return each pair on each of its dialects, as upgrade and as downgrade, for pytest."""
    return [
        pytest.param(pair, dialect, direction, id=f"{pair.rule}-{number}-{dialect}-{direction}")
        for number, pair in enumerate(pairs)
        for dialect in pair.dialects
        for direction in ("upgrade", "downgrade")
    ]


def rules_of(
    body: str,
    dialect: str,
    *,
    direction: t.Literal["upgrade", "downgrade"] = "upgrade",
    rows: c.Mapping[t.Any, int | None] | None = None,
    new_tables: c.Iterable[Table] = (),
    imports: str = "",
) -> set[str]:
    """Return the ids of the rules that find something.

    :param body: The lines of ``upgrade()`` or ``downgrade()``; ``op`` and ``sa`` are there.
    :param dialect: The database's dialect.
    :param direction: Which of the two it is the body of.
    :param rows: How many rows tables have, by name or by schema and name; none if nobody looked.
    :param new_tables: Tables that earlier steps of the plan created.
    :param imports: Lines to stand before the functions.
    """
    findings = findings_in(
        body, dialect, direction=direction, rows=rows, new_tables=new_tables, imports=imports
    )
    return {finding.rule for finding in findings}


def findings_in(
    body: str,
    dialect: str,
    *,
    direction: t.Literal["upgrade", "downgrade"] = "upgrade",
    rows: c.Mapping[t.Any, int | None] | None = None,
    new_tables: c.Iterable[Table] = (),
    imports: str = "",
) -> tuple[Finding, ...]:
    """Return what the rules find, as ``rules_of`` tells the ids of it."""
    step = step_of(body, dialect, direction=direction, imports=imports)
    sight = Sight(
        dialect,
        new_tables=frozenset(_key(table) for table in new_tables),
        rows={_key(table): count for table, count in (rows or {}).items()},
    )
    findings = findings_of([step], sight)
    assert "META000" not in {finding.rule for finding in findings}, findings
    return findings


def step_of(
    body: str,
    dialect: str,
    *,
    direction: t.Literal["upgrade", "downgrade"] = "upgrade",
    imports: str = "",
) -> Step:
    """Return a step with the operations that a body would send."""
    source = source_of(body, direction, imports)
    context = MigrationContext.configure(
        dialect_name=dialect,
        opts={"as_sql": True, "literal_binds": True, "output_buffer": io.StringIO()},
    )
    revision: dict[str, t.Any] = {}
    exec(compile(source, str(FOLDER / FILE), "exec"), revision)
    # Not bound in Alembic's own module, where other tests would find it.
    revision["op"] = Operations(context)
    step = types.SimpleNamespace(migration_fn=revision[direction])
    recorder = Recorder(context, [FOLDER], t.cast(Database, _Errors()))
    recorded = recorder.soften(t.cast(t.Any, step))
    step.migration_fn()
    return Step(
        revision["revision"],
        direction,
        "message",
        tuple(recorded.operations),
        source,
        recorded.incomplete,
    )


def source_of(
    body: str, direction: t.Literal["upgrade", "downgrade"] = "upgrade", imports: str = ""
) -> str:
    """Return a revision file in which a body stands; its other direction does something safe."""
    bodies = {"upgrade": "op.f('other')", "downgrade": "op.f('other')", direction: body}
    functions = [
        f"def {name}():\n{textwrap.indent(textwrap.dedent(text).strip(), '    ')}\n"
        for name, text in bodies.items()
    ]
    head = '"""message"""\n\nimport sqlalchemy as sa\nfrom alembic import op\n'
    ids = 'revision = "abc123"\ndown_revision = None\n'
    return "\n\n".join([head + textwrap.dedent(imports).strip() + "\n\n" + ids, *functions])


class _Errors:
    """What the recorder asks of a database: an error in words."""

    def describe_error(self, error: BaseException) -> str:
        return str(error)


def _key(table: Table) -> tuple[str | None, str]:
    return (None, table) if isinstance(table, str) else table
