"""What a rule is, what it sees, and how the findings of a plan are made."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import re
import typing as t

from ..recorder.operations import Operation
from ..settings import Settings
from .allowances import allowances
from .findings import Finding
from .findings import SEVERITIES
from .findings import Severity
from .installed import load_custom_rules

TableKey: t.TypeAlias = tuple[str | None, str]

#: Rows from which a table is big: reading or copying it is noticed by whoever waits.
BIG = Settings.big_table

_ID = re.compile(r"[A-Z]+[0-9]{3}")
_SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclasses.dataclass(frozen=True)
class Step:
    """What a rule sees of a step.

    :param revision: The id of the revision.
    :param direction: ``upgrade`` or ``downgrade``.
    :param message: The revision's message.
    :param operations: What it would send, in order.
    :param source: The text of the revision file.
    :param incomplete: Why more would be sent than is known; empty where all of it is.
    """

    revision: str
    direction: t.Literal["upgrade", "downgrade"]
    message: str
    operations: tuple[Operation, ...]
    source: str
    incomplete: str = ""


@dataclasses.dataclass(frozen=True)
class Sight:
    """What a rule may look at besides the step.

    :param dialect: ``postgresql``, ``mysql``, ``mariadb``, ``sqlite`` or another.
    :param server_version: The server's version; empty where it is not known.
    :param new_tables: Tables that the same plan created before, or this step itself: they are
        empty, and nobody waits for them.
    :param rows: About how many rows tables have; empty where nobody looked, None where the
        server did not say.
    :param lock_timeout: Seconds that a run waits for a lock; None or 0 leaves it to the server.
    :param transaction_per_migration: Whether each step has a transaction of its own.
    :param steps_before: The steps of the plan that come before this one.
    :param changed_files: Revisions whose file is another one now, and since when: ``preview`` or
        ``applied``.
    :param file_heads: The heads that the files have; empty where nobody looked.
    :param inserted: Revisions of the plan that stand below one which is applied.
    :param database: The database's name, where a file has functions for each of several; all of
        them are looked at if empty.
    :param big: From how many rows a table is big.
    """

    dialect: str
    server_version: tuple[int, ...] = ()
    new_tables: frozenset[TableKey] = frozenset()
    rows: c.Mapping[TableKey, int | None] = dataclasses.field(default_factory=dict)
    lock_timeout: float | None = 5.0
    transaction_per_migration: bool = True
    steps_before: tuple[Step, ...] = ()
    changed_files: c.Mapping[str, str] = dataclasses.field(default_factory=dict)
    file_heads: tuple[str, ...] = ()
    inserted: frozenset[str] = frozenset()
    database: str = ""
    big: int = BIG

    def is_new(self, operation: Operation) -> bool:
        """Return whether the table of an operation was created in the same plan."""
        return operation.table_key in self.new_tables

    def rows_of(self, operation: Operation) -> int | None:
        """Return about how many rows the table of an operation has; None if not known."""
        key = operation.table_key
        return None if key is None else self.rows.get(key)

    def is_big(self, operation: Operation) -> bool:
        """Return whether the table of an operation is known to be big."""
        return (self.rows_of(operation) or 0) >= self.big

    def is_small(self, operation: Operation) -> bool:
        """Return whether the table of an operation is known not to be big."""
        rows = self.rows_of(operation)
        return rows is not None and rows < self.big


@dataclasses.dataclass(frozen=True)
class Found:
    """What a rule found.

    :param operation: Which operation it is about; None for the step as a whole.
    :param sentence: What it blocks or loses.
    :param instead: What to do; that of the rule if empty.
    :param code: What to write instead, with the reader's own names.
    :param severity: Where it differs from the rule's.
    """

    operation: Operation | None
    sentence: str
    instead: str = ""
    code: str = ""
    severity: Severity | None = None


Check: t.TypeAlias = c.Callable[[Step, Sight], c.Iterator[Found]]


@dataclasses.dataclass(frozen=True)
class Rule:
    """A danger, how it is seen, and the words about it.

    :param id: Such as ``DATA002``.
    :param slug: Such as ``drop-column``.
    :param severity: Of what it finds, where the rule says nothing else.
    :param title: What the step does.
    :param check: Finds it.
    :param dialects: Whom it concerns; everybody if empty.
    :param why: What it blocks or loses.
    :param instead: What to do.
    :param bad: Code that it finds.
    :param good: Code to write instead.
    """

    id: str
    slug: str
    severity: Severity
    title: str
    check: Check
    dialects: tuple[str, ...] = ()
    why: str = ""
    instead: str = ""
    bad: str = ""
    good: str = ""


#: All rules by their ids. Each module of this package adds its own when it is imported.
RULES: dict[str, Rule] = {}


def rule(
    id: str,
    slug: str,
    severity: Severity,
    title: str,
    *,
    dialects: c.Sequence[str] = (),
    why: str = "",
    instead: str = "",
    bad: str = "",
    good: str = "",
) -> c.Callable[[Check], Check]:
    """Make a rule of a function that looks at a step and yields what it found.

    A function that is defined anew, as in an app that is made twice, takes its own place.

    :param id: Such as ``DATA002``: letters, then three digits.
    :param slug: Such as ``drop-column``.
    :param severity: ``danger``, ``warn`` or ``info``.
    :param title: What a step does that it finds, in a few words.
    :param dialects: Whom it concerns; everybody if empty.
    :param why: What it blocks or loses.
    :param instead: What to do.
    :param bad: Code that it finds.
    :param good: Code to write instead.
    :raises ValueError: The id or the slug is taken, or is not of that form.
    """
    if not _ID.fullmatch(id) or not _SLUG.fullmatch(slug):
        raise ValueError(
            f"A rule cannot be called {id!r}, {slug!r}. Write an id such as 'SHOP001' and a slug "
            "such as 'drop-column'."
        )

    def register(check: Check) -> Check:
        for other in RULES.values():
            is_same = id == other.id and _home(other.check) == _home(check)

            if not is_same and (id == other.id or slug == other.slug):
                raise ValueError(f"A rule {other.id} {other.slug} exists. Take another name.")

        RULES[id] = Rule(id, slug, severity, title, check, tuple(dialects), why, instead, bad, good)
        return check

    return register


def _home(check: Check) -> tuple[str, str]:
    return check.__module__, check.__qualname__


def findings_of(
    steps: c.Sequence[Step], sight: Sight, settings: Settings | None = None
) -> tuple[Finding, ...]:
    """Return what all rules find in the steps of a plan, in the order of the steps.

    In each of them the worst comes first.

    :param steps: In the order in which they would run.
    :param sight: What is known besides. Tables that a step creates and steps that come before are
        added as it goes on.
    :param settings: May ignore a rule or give it another severity; the defaults if None.
    """
    load_custom_rules()
    graded = {key.lower(): value for key, value in (settings or Settings()).risks.items()}
    rules = [rule for rule in RULES.values() if not rule.dialects or sight.dialect in rule.dialects]
    findings: list[Finding] = []

    for step, now in seen_in_turn(steps, sight):
        allowed = allowances(step.source)
        found: list[Finding] = []

        for rule in rules:
            grade = graded.get(rule.id.lower(), graded.get(rule.slug))

            if grade != "ignore":
                found += _findings(rule, step, now, grade, allowed)

        findings += sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))

    return tuple(findings)


def seen_in_turn(steps: c.Sequence[Step], sight: Sight) -> c.Iterator[tuple[Step, Sight]]:
    """Yield each step with what is known when it comes to it.

    :param steps: In the order in which they would run.
    :param sight: What is known besides. Tables that a step creates and steps that come before are
        added as it goes on.
    """
    new = sight.new_tables
    before = list(sight.steps_before)

    for step in steps:
        created, new = _new_tables(step.operations, new)
        yield step, dataclasses.replace(sight, new_tables=created, steps_before=tuple(before))
        before.append(step)


def _findings(
    rule: Rule, step: Step, sight: Sight, grade: str | None, allowed: c.Mapping[str, str]
) -> list[Finding]:
    """Return what one rule finds in one step; a rule that fails is a finding itself."""
    try:
        return [_finding(rule, step, found, grade, allowed) for found in rule.check(step, sight)]
    except Exception as error:
        return [
            Finding(
                rule=RULE_FAILED,
                slug="rule-failed",
                severity="warn",
                revision=step.revision,
                title="Was not looked at by every rule",
                sentence=f"The rule {rule.id} {rule.slug} failed on this step with "
                f"{type(error).__name__}, so what it warns of may be there.",
                instead=f"Read the step with an eye on what {rule.id} says: {rule.title}.",
            )
        ]


def _finding(
    rule: Rule, step: Step, found: Found, grade: str | None, allowed: c.Mapping[str, str]
) -> Finding:
    operation = found.operation
    reason = allowed.get(rule.id.lower(), allowed.get(rule.slug))
    sentence = found.sentence

    if reason == "":
        sentence += (
            f" The comment that allows {rule.id} gives no reason, so it does not count: write "
            f"'# alembic-admin: allow {rule.id} why it is safe here'."
        )

    return Finding(
        rule=rule.id,
        slug=rule.slug,
        severity=t.cast(Severity, grade) if grade else found.severity or rule.severity,
        revision=step.revision,
        title=rule.title,
        sentence=sentence,
        instead=found.instead or rule.instead,
        code=found.code,
        table=operation.table if operation else None,
        column=operation.column if operation else None,
        file=operation.file if operation else None,
        line=operation.line if operation else None,
        allowed=reason or None,
    )


def _new_tables(
    operations: c.Sequence[Operation], before: frozenset[TableKey]
) -> tuple[frozenset[TableKey], frozenset[TableKey]]:
    """Return which tables are new to all of a step, and which are new after it.

    One that stood there before the step made another in its place is not new to the step.
    """
    seen: set[TableKey] = set()
    during, after = set(before), set(before)

    for operation in operations:
        key = operation.table_key
        made: TableKey | None = None

        if key is None:
            continue

        if operation.kind == "create_table" and not operation.details.get("if_not_exists"):
            made = key
        elif operation.kind == "drop_table":
            after.discard(key)
        elif operation.kind == "rename_table" and key in after:
            after.discard(key)
            made = (operation.schema, str(operation.name))

        if made is not None:
            after.add(made)

            if made not in seen:
                during.add(made)

        seen |= {key} | ({made} if made else set())

    return frozenset(during), frozenset(after)


RULE_FAILED = "META000"


@rule(
    RULE_FAILED,
    "rule-failed",
    "warn",
    "Was not looked at by every rule",
    why="A rule failed on a step, so what it warns of may be there unseen.",
    instead="Read the step with an eye on what that rule warns of.",
)
def rule_failed(step: Step, sight: Sight) -> c.Iterator[Found]:
    """Find nothing: this one is told of where another rule fails."""
    return iter(())
