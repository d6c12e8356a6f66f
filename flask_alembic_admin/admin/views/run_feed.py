"""What a run has to tell since the last look, for the script of its page, and its log as text."""

from __future__ import annotations

import collections.abc as c

from flask import jsonify
from flask import make_response
from flask import request
from flask import stream_with_context
from flask.typing import ResponseReturnValue

from ...core.condition import is_orphaned
from ...core.condition import seen_as
from ...core.ledger.ledger import Ledger
from ...core.ledger.tables import RunStatus
from ...core.ledger.tables import StepStatus
from ..access import current_project
from ..ledger import needed_ledger
from ..run_page import log_text
from ..run_page import RunView
from ..run_page import step_rows
from ..run_words import sentence_of
from ..run_words import title_of
from .runs import run_record

#: The most lines and steps of one answer; the next one goes on from there.
MOST_LINES = 500
MOST_STEPS = 200


def run_events(database: str, run_id: str) -> ResponseReturnValue:
    """Tell what is new of a run: log lines after one, and steps from one on."""
    after, first = _number("after", 0), _number("step", 1)

    if after is None or first is None:
        return jsonify(error="“after” and “step” are numbers of at most nine digits."), 400

    project = current_project()

    with needed_ledger():
        record = project.ledger.run(run_id, with_plan=False)

        if record is None or record.database != database or record.status == RunStatus.PLANNED:
            return jsonify(error="There is no such run."), 404

        steps = project.ledger.steps(run_id, first, MOST_STEPS)
        lines = project.ledger.log_lines(run_id, after, MOST_LINES)
        view = RunView(
            record,
            seen_as(project, record),
            project.ledger.count_steps(run_id),
            steps,
            is_orphaned(project, record),
        )

    begun = [step for step in steps if step.status != StepStatus.WAITING]
    return jsonify(
        ended=view.ended,
        queued=record.status == RunStatus.QUEUED,
        lines=[{"sequence": line.sequence, "text": log_text(line)} for line in lines],
        texts={
            "title": f"{title_of(view)} · {project.settings.title}",
            "state": view.badge.word,
            "sentence": sentence_of(view),
            "elapsed": view.elapsed,
            "statement": record.statement or "—",
        },
        steps=[
            {
                "position": row.record.position,
                "word": row.badge.word,
                "shape": row.badge.shape,
                "tone": row.badge.tone,
                "texts": {"took": row.took, "statements": row.statements, "rows": row.rows},
            }
            for row in step_rows(begun, view.seen)
        ],
    )


def run_log(database: str, run_id: str) -> ResponseReturnValue:
    """Give the whole log of a run as text."""
    record = run_record(database, run_id)
    text = stream_with_context(_log(current_project().ledger, record.id))
    response = make_response(text)
    response.mimetype = "text/plain"
    name = f"{record.action}-{run_id[:12]}.log.txt"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _log(ledger: Ledger, run_id: str) -> c.Iterator[str]:
    after = 0

    while lines := ledger.log_lines(run_id, after, MOST_LINES):
        after = lines[-1].sequence
        yield "".join(
            f"{line.time:%Y-%m-%dT%H:%M:%S.%fZ} {line.level} {line.source}: {line.message}\n"
            for line in lines
        )


def _number(name: str, default: int) -> int | None:
    text = request.args.get(name, str(default))

    # A server's integers end somewhere.
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
