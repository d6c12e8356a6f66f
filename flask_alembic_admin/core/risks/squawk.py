"""What squawk says about the SQL of steps, where it is installed and the server is PostgreSQL."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import json
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

from ..recorder.operations import Operation
from ..settings import Settings
from .allowances import allowances
from .base import findings_of
from .base import Sight
from .base import Step
from .findings import Finding
from .findings import Severity
from .unknown_rules import unknown_rules

#: Seconds after which a plan does without it.
LIMIT = 5.0

#: The id of all that it finds; the slug is squawk's own name of the rule.
RULE = "SQUAWK"

_NO_SQL = "syntax-error"
#: What is a matter of taste, what a run sees to itself, and what says that a text is no SQL.
_UNWANTED = {
    "prefer-bigint-over-int",
    "prefer-bigint-over-smallint",
    "prefer-identity",
    "prefer-robust-stmts",
    "prefer-text-field",
    "prefer-timestamp-tz",
    "require-lock-timeout",
    "require-statement-timeout",
    "require-timeout-settings",
    _NO_SQL,
}
#: What rules of our own tell too: these know the types before, the rows, and which tables are new.
_TOLD = {
    "adding-field-with-default",
    "adding-foreign-key-constraint",
    "adding-not-nullable-field",
    "adding-primary-key-constraint",
    "adding-required-field",
    "adding-serial-primary-key-field",
    "ban-concurrent-index-creation-in-transaction",
    "ban-drop-column",
    "ban-drop-database",
    "ban-drop-table",
    "changing-column-type",
    "constraint-missing-not-valid",
    "disallowed-unique-constraint",
    "renaming-column",
    "renaming-table",
    "require-concurrent-index-creation",
    "require-concurrent-index-deletion",
    "transaction-nesting",
}


def squawk_findings(
    steps: c.Sequence[Step], sight: Sight, settings: Settings | None = None
) -> tuple[Finding, ...]:
    """Return what squawk finds and no rule of our own tells; nothing where it cannot be asked.

    :param steps: In the order in which they would run.
    :param sight: Knows the server.
    :param settings: May ignore one of its rules or give it another severity, by its name.
    """
    program = _program() if sight.dialect == "postgresql" else None

    if program is None:
        return ()

    command = [program, "--reporter", "json"]

    if sight.server_version:
        command.append(f"--pg-version={sight.server_version[0]}.0")

    grades = (settings or Settings()).risks
    said = _said(command, steps)

    if any(one.slug == _NO_SQL for one in said):
        # What it cannot read hides all the rest, so that each step is asked about by itself.
        said = [one for step in steps for one in _said(command, [step])]

    return tuple(
        dataclasses.replace(one, severity=t.cast(Severity, grades.get(one.slug, one.severity)))
        for one in said
        if one.slug not in _UNWANTED | _TOLD and grades.get(one.slug) != "ignore"
    )


def all_findings(
    steps: c.Sequence[Step], sight: Sight, settings: Settings | None = None
) -> tuple[Finding, ...]:
    """Return what our rules and squawk find, in the order of the steps.

    The first step tells of names in the settings that no rule has.

    :param steps: In the order in which they would run.
    :param sight: What is known besides.
    :param settings: May ignore a rule or give it another severity.
    """
    ours = findings_of(steps, sight, settings)
    others = squawk_findings(steps, sight, settings)
    order = {step.revision: number for number, step in enumerate(steps)}
    unknown: tuple[Finding, ...] = ()

    if settings is not None and settings.risks and steps:
        unknown = unknown_rules(
            settings, steps[0].revision, others_are_asked=_program() is not None
        )

    return tuple(sorted([*unknown, *ours, *others], key=lambda finding: order[finding.revision]))


def _program() -> str | None:
    """Return where squawk is: beside this Python, or where programs are looked for."""
    return shutil.which("squawk", path=str(Path(sys.executable).parent)) or shutil.which("squawk")


def _said(command: c.Sequence[str], steps: c.Sequence[Step]) -> list[Finding]:
    """Return all that it says about the SQL of some steps."""
    text: list[str] = []
    lines: list[tuple[Step, Operation]] = []

    for step in steps:
        before = ""

        for operation in step.operations:
            # The parts of an ALTER TABLE have one text.
            if operation.sql and operation.sql != before:
                text.append(f"{operation.sql};\n")
                lines += [(step, operation)] * text[-1].count("\n")

            before = operation.sql

    found = []

    for one in _asked(command, "".join(text)) if text else []:
        line = one.get("line")
        step, operation = lines[min(line, len(lines) - 1) if isinstance(line, int) else 0]
        slug = str(one.get("rule_name"))
        found.append(
            Finding(
                rule=RULE,
                slug=slug,
                severity="warn",
                revision=step.revision,
                title="squawk warns",
                sentence=str(one.get("message")),
                instead=str(one.get("help") or ""),
                table=operation.table,
                column=operation.column,
                file=operation.file,
                line=operation.line,
                allowed=allowances(step.source).get(slug) or None,
            )
        )

    return found


def _asked(command: c.Sequence[str], text: str) -> list[dict[str, t.Any]]:
    """Return what squawk prints about a text; its exit status says nothing of use."""
    try:
        done = subprocess.run(
            command, input=text.encode(), capture_output=True, timeout=LIMIT, check=False
        )
        said = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return []

    return [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []
