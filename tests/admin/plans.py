"""Plans and histories that were never near a database."""

from __future__ import annotations

import typing as t
from pathlib import Path

from flask_alembic_admin.core.plans.options import PlanOptions
from flask_alembic_admin.core.plans.plan import Plan
from flask_alembic_admin.core.plans.plan import PlannedStep
from flask_alembic_admin.core.results import Action
from flask_alembic_admin.core.risks.findings import Finding
from flask_alembic_admin.core.risks.findings import Severity
from flask_alembic_admin.core.scripts.history import History
from flask_alembic_admin.core.scripts.revision_files import RevisionFile
from flask_alembic_admin.core.status import DatabaseStatus


def plan(
    action: Action = "upgrade",
    target: str = "heads",
    *,
    sql: str = "CREATE TABLE a (b INT);",
    incomplete: str = "",
    heads: tuple[str, ...] = (),
    purge: bool = False,
    findings: tuple[Finding, ...] = (),
) -> Plan:
    """Return a plan of one step."""
    step = PlannedStep("aaa1", action, "aaa1.py", "0" * 64, "create a", sql, incomplete, findings)
    options = PlanOptions(purge=purge)
    return Plan("shop", "here", action, target, heads, (step,), options)


def finding(severity: Severity, allowed: str | None = None) -> Finding:
    """Return a finding about that step."""
    return Finding(
        rule="DATA001",
        slug="drop-table",
        severity=severity,
        revision="aaa1",
        title="Drops a table",
        sentence="Its rows are gone.",
        instead="Keep it.",
        code="pass",
        table="a",
        file="/somewhere/aaa1.py",
        line=12,
        allowed=allowed,
    )


def history(*lines: str) -> History:
    """Return the history of some lines such as ``c < a b`` or ``c < a @label``."""
    return History(_file(line) for line in lines)


def status(of: History, *current: str) -> DatabaseStatus:
    """Return what is true of a database that holds some revisions."""
    unknown = of.unknown(current)
    return DatabaseStatus(
        name="shop",
        dialect="sqlite",
        masked_url="",
        state="ahead" if unknown else "pending",
        sentence="",
        current=current,
        unknown=unknown,
        heads=of.heads,
        pending=() if unknown else of.pending(current),
    )


def _file(line: str) -> RevisionFile:
    words: t.Sequence[str] = line.replace("<", "").split()
    return RevisionFile(
        revision=words[0],
        parents=tuple(word for word in words[1:] if not word.startswith("@")),
        dependencies=(),
        labels=tuple(word[1:] for word in words if word.startswith("@")),
        path=Path(f"{words[0]}.py"),
        message=f"make {words[0]}",
        doc="",
        created=None,
    )
