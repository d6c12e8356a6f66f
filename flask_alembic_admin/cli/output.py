"""How revisions and results are printed, for people and for programs."""

from __future__ import annotations

import collections.abc as c
import contextlib
import errno
import json
import os
import sys
import textwrap
import typing as t

import click
from alembic.script import Script

from ..core.results import RunResult
from ..core.results import UnknownRevision

#: Letters in a line of text that goes on in the next one.
WIDTH = 88
_PAST = {"upgrade": "upgraded", "downgrade": "downgraded", "stamp": "stamped"}


def echo_json(value: object) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, indent=2))


def echo_of_run(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Print what is said of a run; a run does not end because that cannot be written.

    :param text: The text.
    :param err: Print it to standard error.
    :param nl: End the line.
    """
    try:
        click.echo(text, err=err, nl=nl)
    except OSError as error:
        give_up(sys.stderr if err else sys.stdout)

        # A reader that has gone wants no more of it.
        if error.errno != errno.EPIPE and not err:
            echo_of_run(
                f"Standard output cannot be written to ({error.strerror or error}), so nothing "
                "more is printed there; the run goes on.",
                err=True,
            )


def give_up(stream: t.TextIO) -> None:
    """Send what is printed to a stream nowhere from now on, also what waits in it.

    :param stream: Standard output or standard error.
    """
    # One in a test is no file of the system.
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)

        try:
            os.dup2(nowhere, stream.fileno())
        finally:
            os.close(nowhere)


def echo_labelled(label: str, text: str) -> None:
    """Print a text with a label before each of its lines."""
    click.echo(textwrap.indent(text.rstrip(), label, lambda line: True))


@contextlib.contextmanager
def clean_stdout() -> c.Iterator[None]:
    """Send to stderr what revision files print, so that a program can read stdout."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


@contextlib.contextmanager
def hooks_on_stderr() -> c.Iterator[None]:
    """Send to stderr what hooks that run after a revision is written have to say."""
    # They are programs, which write to where this process does, whatever sys.stdout is.
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)

    try:
        with clean_stdout():
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def script_text(script: Script, verbose: bool = False) -> str:
    """Return a revision as text, of one line or, if verbose, of all that its file says."""
    if isinstance(script, UnknownRevision):
        return f"{script.revision} (unknown: no revision file has it)"

    return script.cmd_format(
        verbose,
        include_branches=True,
        include_doc=True,
        include_parents=True,
        tree_indicators=True,
    )


def script_values(script: Script) -> dict[str, t.Any]:
    """Return a revision as values for JSON."""
    known = not isinstance(script, UnknownRevision)
    return {
        "revision": script.revision,
        "message": script.doc if known else None,
        "known": known,
        "parents": _as_list(script.down_revision),
        "children": sorted(script.nextrev),
        "depends_on": _as_list(script.dependencies),
        "labels": sorted(script.branch_labels),
        "file": script.path or None,
        "head": known and script.is_head,
        "branch_point": known and script.is_branch_point,
        "merge_point": known and script.is_merge_point,
    }


def result_text(result: RunResult) -> str:
    """Return what is true of a database after a run."""
    after = listed(result.after)

    # A stamp may have emptied the table and written the same again.
    if result.before == result.after and (not result.steps or result.action == "stamp"):
        return f"already at {after}"

    seconds = f"{result.seconds:.1f} s"
    detail = seconds if result.action == "stamp" else f"{count(result.steps)}, {seconds}"
    return f"{_PAST[result.action]} {listed(result.before)} -> {after} ({detail})"


def wrapped(text: str, indent: str) -> list[str]:
    """Return a text as lines that fit a terminal; ids and file names stay whole.

    :param text: The text.
    :param indent: What each line begins with.
    """
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def listed(revisions: c.Iterable[str]) -> str:
    """Return ids separated by commas, or ``base`` for none."""
    return ", ".join(revisions) or "base"


def count(revisions: c.Sized) -> str:
    """Return how many revisions there are."""
    return number(len(revisions), "revision")


def number(how_many: int, noun: str) -> str:
    """Return a number with its noun, in the plural where that is due."""
    return f"{how_many} {noun}{'' if how_many == 1 else 's'}"


def _as_list(value: str | c.Iterable[str] | None) -> list[str]:
    if value is None:
        return []

    return [value] if isinstance(value, str) else list(value)
