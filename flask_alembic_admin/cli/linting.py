"""The command that says what is dangerous in revisions, for people and for a build."""

from __future__ import annotations

import collections.abc as c
import textwrap

import click

from ..core.migrator import Migrator
from ..core.plans.linting import Lint
from ..core.plans.linting import lint as look
from ..core.risks.findings import Finding
from ..core.risks.findings import SEVERITIES
from .failures import NO
from .options import label_of
from .options import migration_command
from .options import selected
from .output import clean_stdout
from .output import echo_json
from .output import echo_labelled
from .output import number
from .output import wrapped

#: Below the severity of a finding stand its words.
_INDENT = " " * 10


@migration_command(
    "lint",
    verbose="Show the code to write instead.",
    example="""
    flask db lint                    all that is pending
    flask db lint --from base        all revisions
    flask db lint --from 1f4a -v     those after 1f4a, with code to copy
    """,
    reads=True,
)
@click.option(
    "--from", "start", metavar="TARGET", help="After this revision; what is pending by default."
)
@click.option("--to", "end", default="heads", metavar="TARGET", help="Up to this one; all heads.")
def lint(migrator: Migrator, start: str | None, end: str, verbose: bool, as_json: bool) -> None:
    """Exit with status 1 if a revision does something dangerous."""
    results = []

    for name in selected(migrator):
        # A print() in a migration is no finding.
        with clean_stdout():
            results.append(look(migrator, name, start, end))

    known = migrator.project.scripts.loaded_history().revisions
    titles = {id: f"{id} {file.message or ''}".rstrip() for id, file in known.items()}

    if as_json:
        echo_json([result.to_values() for result in results])
    else:
        for result in results:
            text = "\n".join(_lines(result, titles, verbose))
            echo_labelled(label_of(migrator, result.database), migrator.in_own_words(text))

    if any(result.is_dangerous for result in results):
        click.get_current_context().exit(NO)


def _lines(result: Lint, titles: c.Mapping[str, str], verbose: bool) -> c.Iterator[str]:
    if result.unreachable:
        yield f"looked at the files alone: the database cannot be reached ({result.unreachable})"

    revision = ""

    for finding in result.findings:
        if finding.revision != revision:
            revision = finding.revision
            yield titles.get(revision, revision)

        yield from finding_lines(finding, verbose)

    yield _summary(result)


def finding_lines(finding: Finding, verbose: bool) -> c.Iterator[str]:
    """Yield what is printed about a finding.

    :param finding: What was found.
    :param verbose: Whether the code to write instead is shown.
    """
    word = finding.severity if finding.allowed is None else "allowed"
    place = f", {finding.file}" if finding.file else ""
    place += f":{finding.line}" if finding.file and finding.line else ""
    yield f"  {word:<8}{finding.rule} {finding.slug}{place}"

    if finding.allowed is not None:
        yield from wrapped(finding.allowed, _INDENT)
        return

    yield from wrapped(finding.sentence, _INDENT)

    if finding.instead:
        yield from wrapped(f"Instead: {finding.instead}", _INDENT)

    if verbose and finding.code:
        yield from textwrap.indent(finding.code.strip("\n"), f"{_INDENT}  ").splitlines()


def _summary(result: Lint) -> str:
    open_ones = [finding for finding in result.findings if finding.allowed is None]
    counts = {word: sum(finding.severity == word for finding in open_ones) for word in SEVERITIES}
    allowed = len(result.findings) - len(open_ones)
    parts = [f"{count} {word}" for word, count in counts.items() if count]
    said = ", ".join([*parts, *([f"{allowed} allowed"] if allowed else [])]) or "nothing found"
    return f"{said} in {number(len(result.revisions), 'revision')} after {result.start}"
