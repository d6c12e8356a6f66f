"""What all rules together find in revisions as real projects have them."""

from __future__ import annotations

import pytest

from flask_alembic_admin.core.risks.findings import Finding

from .corpus import CORPUS
from .corpus import Revision
from .harness import findings_in


def _findings(revision: Revision) -> tuple[Finding, ...]:
    return findings_in(
        revision.body,
        revision.dialect,
        direction=revision.direction,
        rows=revision.rows,
        imports="from sqlalchemy.dialects import postgresql",
    )


@pytest.mark.parametrize("revision", CORPUS, ids=lambda revision: revision.name)
def test_exactly_what_is_meant_is_found(revision: Revision) -> None:
    """Neither more nor less; what is found wrongly is known to be so."""
    assert tuple(sorted(one.rule for one in _findings(revision))) == revision.found
    assert set(revision.false_alarms) <= set(revision.found)


def test_so_much_is_found_in_all() -> None:
    """A rule that begins to say more, or less, changes one of these numbers."""
    found = [finding for revision in CORPUS for finding in _findings(revision)]
    by_severity = {
        severity: sum(one.severity == severity and not one.allowed for one in found)
        for severity in ("danger", "warn", "info")
    }
    assert len(CORPUS) == 79
    assert len(found) == 57
    assert by_severity == {"danger": 18, "warn": 26, "info": 12}
    assert sum(finding.allowed is not None for finding in found) == 1
    assert sum(len(revision.false_alarms) for revision in CORPUS) == 2
    assert sum(not revision.found for revision in CORPUS) == 35


def test_the_corpus_is_large_enough() -> None:
    """Of each server that rules know there is something harmless and something that is not."""
    assert len(CORPUS) >= 60
    assert len({revision.name for revision in CORPUS}) == len(CORPUS)

    for dialect in ("postgresql", "mysql", "mariadb", "sqlite"):
        found = [bool(revision.found) for revision in CORPUS if revision.dialect == dialect]
        assert {True, False} <= set(found), dialect
