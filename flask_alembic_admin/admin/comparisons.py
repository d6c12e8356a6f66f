"""What pages say of the last comparison of a database with its models."""

from __future__ import annotations

import collections.abc as c
import contextlib

import sqlalchemy as sa
from flask import url_for

from ..core.comparison import Comparison
from ..core.drift import Change
from ..core.project import Project
from ..core.status import DatabaseStatus
from . import access
from .frame import Link
from .frame import Notice
from .presenters import Badge
from .presenters import short
from .translation import gettext as _
from .translation import ngettext


def last_comparison(project: Project, database: str) -> Comparison | None:
    """Return the last comparison of a database; None also where the ledger does not answer.

    :param project: What is fixed.
    :param database: The database's name.
    """
    with contextlib.suppress(sa.exc.SQLAlchemyError):
        record = project.ledger.comparison(database)
        return None if record is None else Comparison.from_record(record)

    return None


def comparison_badge(comparison: Comparison | None, status: DatabaseStatus) -> tuple[Badge, str]:
    """Return how a comparison is shown and a sentence that says what it means now.

    :param comparison: The last one of the database, if there is one.
    :param status: What is true of the database now.
    """
    if comparison is None:
        return Badge(_("not compared yet"), "○", "unknown"), _("Not compared yet.")

    if comparison.error is not None:
        return Badge(_("comparison failed"), "✖", "bad"), comparison.error

    if has_moved(comparison, status):
        return Badge(_("out of date"), "▲", "warn"), _moved(comparison, status)

    if not comparison.count:
        return Badge(_("no differences"), "✓", "good"), _("Models and database match.")

    word = ngettext("%(num)s difference", "%(num)s differences", comparison.count)
    return Badge(word, "▲", "warn"), _in_tables(comparison)


def has_moved(comparison: Comparison, status: DatabaseStatus) -> bool:
    """Return whether a database is at other revisions now than when it was compared.

    :param comparison: The last one.
    :param status: What is true of the database now.
    """
    if comparison.error is not None or status.state == "unreachable":
        return False

    return set(comparison.heads) != set(status.current)


def comparison_notices(comparison: Comparison | None, status: DatabaseStatus) -> c.Iterator[Notice]:
    """Return what has to be known to read a comparison rightly, each with the way on.

    :param comparison: The last one of the database, if there is one.
    :param status: What is true of the database now.
    """
    if status.state == "unreachable":
        yield Notice("bad", "✖", status.sentence)

    if comparison is None:
        return

    if has_moved(comparison, status):
        yield Notice("warn", "▲", _moved(comparison, status))

    if comparison.count and status.pending:
        url = url_for(".actions", database=status.name)
        yield Notice("warn", "▲", _likely_reason(status), Link(_("Plan an upgrade"), url))

    if comparison.left_out:
        text = ngettext(
            "%(num)s more difference was found than is kept; “%(command)s check” shows it.",
            "%(num)s more differences were found than are kept; “%(command)s check” shows them.",
            comparison.left_out,
            command=access.current_project().command,
        )
        yield Notice("unknown", "□", text)


def change_badge(change: Change) -> Badge:
    """Return how it is shown what an upgrade would do about a difference.

    :param change: What it would do.
    """
    return {
        "add": Badge(_("add"), "+", "good"),
        "remove": Badge(_("remove"), "\N{MINUS SIGN}", "bad"),
        "change": Badge(_("change"), "~", "warn"),
    }[change]


def _moved(comparison: Comparison, status: DatabaseStatus) -> str:
    return _(
        "Compared at %(before)s; the database is at %(now)s now: compare again.",
        before=_places(comparison.heads),
        now=_places(status.current),
    )


def _likely_reason(status: DatabaseStatus) -> str:
    return ngettext(
        "Differences may just be the %(num)s unapplied revision.",
        "Differences may just be the %(num)s unapplied revisions.",
        len(status.pending),
    )


def _in_tables(comparison: Comparison) -> str:
    tables = len(comparison.by_table)
    return ngettext("In %(num)s table.", "In %(num)s tables.", tables)


def _places(heads: c.Iterable[str]) -> str:
    return ", ".join(map(short, heads)) or "base"
