"""The command that says which downgrades are proven, for people and for a build."""

from __future__ import annotations

import collections.abc as c
import contextlib
import functools
import sys
import typing as t

import click
import sqlalchemy as sa

from ..core.migrator import Migrator
from ..core.runs.signals import ended_by_signal
from ..core.surroundings import operating_system_user
from ..core.verification.check import keep_verification
from ..core.verification.result import Proof
from ..core.verification.result import Verification
from ..core.verification.result import VerifiedRevision
from ..core.verification.verifying import verify_revisions
from ..errors import MigrationError
from .failures import NO
from .options import label_of
from .options import migration_command
from .options import selected
from .output import clean_stdout
from .output import echo_json
from .output import echo_labelled
from .output import number
from .output import wrapped

_SHAPES: c.Mapping[Proof, str] = {"proven": "✓", "lossy": "▲", "unproven": "□"}
#: Below the word for a revision stand the reasons.
_INDENT = " " * 11


@migration_command(
    "verify",
    verbose="Show where each scratch database was.",
    example="""
    flask db verify                  the revisions of each database
    flask db verify --json           the same for a program
    """,
    reads=True,
)
def verify(migrator: Migrator, verbose: bool, as_json: bool) -> None:
    """Exit with status 1 unless downgrades undo what was done."""
    results = []

    with ended_by_signal():
        for name in selected(migrator):
            label = label_of(migrator, name)
            told = None if as_json else functools.partial(_echo_revision, label, sys.stdout)

            # A print() in a migration is no result.
            with clean_stdout():
                result = verify_revisions(migrator, name, told)

            results.append(result)
            _keep(migrator, result)

            if not as_json:
                echo_labelled(label, "\n".join(_end(result, verbose)))

    if as_json:
        echo_json([_values(result) for result in results])

    if not all(result.is_good for result in results):
        click.get_current_context().exit(NO)


def _keep(migrator: Migrator, result: Verification) -> None:
    """Keep what was found for the panel; that it cannot be kept makes it no less true."""
    reason = "another one goes on"

    try:
        if keep_verification(migrator.project, result, operating_system_user()):
            return
    except (MigrationError, sa.exc.SQLAlchemyError, OSError) as error:
        reason = migrator.project.databases[result.database].describe_error(error)

    click.echo(f"not recorded for the panel: {reason}", err=True)


def _values(result: Verification) -> dict[str, t.Any]:
    """Return what was found as values for JSON."""
    values = {key: v for key, v in result.to_values().items() if key != "format"}
    lines = [difference.line for difference in result.differences]
    return {**values, "good": result.is_good, "differences": lines}


def _echo_revision(label: str, stdout: t.TextIO, one: VerifiedRevision) -> None:
    lines = [f"{_SHAPES[one.proof]} {one.proof:<8} {one.revision} {one.message}".rstrip()]

    if one.reason:
        place = f" ({one.file}:{one.line})" if one.line else ""
        lines += wrapped(f"{one.reason}{place}", _INDENT)

    with contextlib.redirect_stdout(stdout):
        echo_labelled(label, "\n".join(lines))


def _end(result: Verification, verbose: bool) -> c.Iterator[str]:
    if verbose:
        yield f"scratch: {result.place}"

    yield from result.notes

    if result.error:
        yield f"models cannot be compared: {result.error}"
    elif result.compared:
        for difference in result.differences:
            yield f"models: {difference.line}"
        if not result.differences:
            yield "models: what they say is what the revisions make"

    counts = result.counts()
    said = ", ".join(f"{count} {proof}" for proof, count in counts.items() if count)
    revisions = number(len(result.revisions), "revision")
    yield f"{revisions}: {said or 'nothing to verify'} ({result.seconds:.1f} s)"
