"""Which downgrades are proven: the last verification, and a new one when asked for."""

from __future__ import annotations

import contextlib
import shlex
import typing as t

from flask import abort
from flask import current_app
from flask import redirect
from flask import render_template
from flask import url_for
from flask.typing import ResponseReturnValue

from ...core.checks.asking import check_seen_as
from ...core.checks.asking import queue_check
from ...core.ledger.tables import RunStatus
from ...core.migrator import Migrator
from ...errors import MigrationError
from ...runners import start_check
from ...runners.process import CHECK_COMMAND
from ..access import actor
from ..access import current_project
from ..access import may
from ..command_lines import job_line
from ..forms import ProtectedForm
from ..ledger import needed_ledger
from ..switches import read_only_refusal
from ..translation import gettext as _
from ..verifications import count_badges
from ..verifications import last_verification
from ..verifications import verification_badge

#: How many revisions are shown of those that are not proven, and of those that are.
SHOWN = 500


def show_verification(database: str) -> ResponseReturnValue:
    """Show what the last verification has found; nothing is verified."""
    project = current_project()
    last = last_verification(project, database)
    files = project.scripts.recent_history().revisions
    rows = []

    for one in last.found.revisions if last.found else ():
        file = files.get(one.revision)
        shown = last.proof_of_file(file) if file else last.proof(one.revision, None)
        rows.append((one, shown))

    option = ["--database", database] if len(project.databases) > 1 else []
    record = last.record
    waits = record and record.runner == "manual" and check_seen_as(record) == RunStatus.QUEUED
    return render_template(
        "alembic_admin/verification.html",
        database=database,
        last=last,
        found=last.found,
        shown=verification_badge(last),
        counts=count_badges(last.found) if last.found else [],
        doubtful=[row for row in rows if row[1].badge.tone != "good"],
        proven=[row for row in rows if row[1].badge.tone == "good"],
        limit=SHOWN,
        files=files,
        why_not=_why_not(database),
        to_start=job_line(project, CHECK_COMMAND, record.id) if record and waits else "",
        command=shlex.join([*project.command.split(), "verify", *option]),
        form=ProtectedForm(formdata=None),
    )


def verify(database: str) -> ResponseReturnValue:
    """Have the revisions of a database verified, and go to where that is shown."""
    if not ProtectedForm().validate_on_submit():
        abort(400)

    project = current_project()

    with needed_ledger():
        check_id = queue_check(project, "verification", database, actor=actor())

    # Where one goes on already, its page is the same.
    if check_id is not None:
        # Why it could not be started is its verdict, which the page shows.
        with contextlib.suppress(MigrationError):
            start_check(t.cast(Migrator, current_app.extensions["alembic"]), check_id)

    return redirect(url_for(".verification", database=database), 303)


def _why_not(database: str) -> str | None:
    """Return why no verification can be begun, or None where one can."""
    if not may("downgrade", database):
        return _("You may not have revisions run: that needs the permission to downgrade.")

    return read_only_refusal("verify", database)
