"""What a person should know about a step, with what to do instead."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

Severity = t.Literal["danger", "warn", "info"]

#: From the worst to the mildest.
SEVERITIES: tuple[Severity, ...] = ("danger", "warn", "info")


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing to know about a step.

    :param rule: The id of the rule, such as ``DATA002``.
    :param slug: Its name in words, such as ``drop-column``.
    :param severity: ``danger``, ``warn`` or ``info``.
    :param revision: The step's revision.
    :param title: What the step does, in a few words.
    :param sentence: What that blocks or loses, with the reader's own table and column.
    :param instead: What to do, in words; may be empty.
    :param code: What to write instead, with the reader's own names.
    :param table: The table it is about.
    :param column: The column it is about.
    :param file: The file that asks for it.
    :param line: The line there.
    :param allowed: The reason that a comment in the revision gives; then nothing is asked.
    """

    rule: str
    slug: str
    severity: Severity
    revision: str
    title: str
    sentence: str
    instead: str
    code: str = ""
    table: str | None = None
    column: str | None = None
    file: str | None = None
    line: int | None = None
    allowed: str | None = None

    def to_values(self) -> dict[str, t.Any]:
        """Return the finding as plain values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_values(cls, values: c.Mapping[str, t.Any]) -> Finding:
        """Return the finding that ``to_values()`` told of."""
        known = {field.name for field in dataclasses.fields(cls)}
        return cls(**{key: value for key, value in values.items() if key in known})


def worst(findings: c.Iterable[Finding]) -> Severity | None:
    """Return the worst severity among findings that nobody allowed; None where there is none."""
    found = {finding.severity for finding in findings if finding.allowed is None}
    return next((severity for severity in SEVERITIES if severity in found), None)
