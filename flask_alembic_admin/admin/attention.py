"""What somebody who looks at a database should know first, each with the way on."""

from __future__ import annotations

import collections.abc as c
import contextlib

import sqlalchemy as sa
from flask import url_for

from ..core.databases.engines import is_not_made
from ..core.ledger.tables import TABLE_NAMES
from ..core.project import Project
from ..core.status import DatabaseStatus
from ..errors import MigrationError
from .frame import Link
from .frame import Notice
from .translation import gettext as _


def notices(project: Project, status: DatabaseStatus) -> list[Notice]:
    """Return what is to be known about a database, the gravest first.

    :param project: What is fixed.
    :param status: What is true of the database.
    """
    found = [*_of_state(status), *_of_files(project, status), *_of_options(project, status.name)]
    return sorted(found, key=lambda notice: ("bad", "warn", "unknown").index(notice.tone))


def tables_there(project: Project, status: DatabaseStatus) -> int:
    """Return how many tables a database has that was never migrated; 0 for any other.

    :param project: What is fixed.
    :param status: What is true of the database.
    """
    engine = project.databases[status.name].engine

    if status.state != "never migrated" or is_not_made(engine):
        return 0

    ours = {*TABLE_NAMES, project.options(status.name).get("version_table", "alembic_version")}

    with (
        contextlib.suppress(MigrationError, sa.exc.SQLAlchemyError),
        project.databases[status.name].connect() as connection,
    ):
        return len(set(sa.inspect(connection).get_table_names()) - ours)

    return 0


def _of_state(status: DatabaseStatus) -> c.Iterator[Notice]:
    heads = url_for(".heads", database=status.name)

    for revision in status.unknown:
        text = _(
            "It holds %(revision)s, which no revision file here has: newer code was deployed, or "
            "a file was deleted.",
            revision=revision,
        )
        yield Notice("bad", "□", text, Link(_("Heads and what is unknown"), heads))

    if len(status.heads) > 1:
        text = _(
            "There are %(num)s heads: “head” would be ambiguous. Use “heads”, or merge them.",
            num=len(status.heads),
        )
        yield Notice("warn", "▲", text, Link(_("See the heads"), heads))


def _of_files(project: Project, status: DatabaseStatus) -> c.Iterator[Notice]:
    for problem in status.problems:
        yield Notice("bad", "✖", f"{problem.message} {problem.cure}")

    missing = [folder for folder in project.scripts.folders if not folder.is_dir()]

    for folder in missing:
        text = _(
            "There is no folder %(folder)s. Set ALEMBIC['script_location'] to where the revision "
            "files are, or make it with “%(command)s”.",
            folder=str(folder),
            command=project.scripts.making,
        )
        yield Notice("bad", "✖", text)


def _of_options(project: Project, database: str) -> c.Iterator[Notice]:
    for option, what in (
        ("compare_type", _("changed column types are not seen")),
        ("compare_server_default", _("changed server defaults are not seen")),
    ):
        # Alembic compares types unless it is told not to, and defaults only if it is told to.
        if not project.options(database).get(option, option == "compare_type"):
            text = _("%(option)s is off: %(what)s.", option=option, what=what)
            yield Notice("unknown", "□", text)
