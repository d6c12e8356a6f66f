"""The ledger: who ran what and who was refused, as a page and as files."""

from __future__ import annotations

import collections.abc as c
import csv
import dataclasses
import datetime
import io
import json
import typing as t

from flask import make_response
from flask import render_template
from flask import stream_with_context
from flask.typing import ResponseReturnValue

from ...core.condition import seen_as
from ...core.ledger.tables import RunRecord
from ...core.ledger.tables import RunStatus
from ...core.settings import ACTIONS
from ..access import current_project
from ..access import visible_databases
from ..ledger import argument
from ..ledger import Filter
from ..ledger import needed_ledger
from ..ledger import RUN_RESULTS
from ..presenters import badge
from ..translation import gettext as _

#: How many entries are on a page, the most that are in a file, and how many are read at once.
SHOWN = 50
MOST = 10_000
CHUNK = 500

_COLUMNS = (
    "when",
    "actor",
    "action",
    "database",
    "target",
    "from",
    "to",
    "result",
    "run",
    "reason",
    "address",
    "examined_by",
    "examined_reason",
)
#: What a spreadsheet takes for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NAMES = ("actor", "action", "result", "database", "from", "to", "run")
_Row: t.TypeAlias = tuple[RunRecord, RunStatus]


def show_ledger() -> ResponseReturnValue:
    """Show what was run and what was refused, newest first."""
    asked = _asked()
    before = argument("before") or None

    with needed_ledger():
        rows, older = asked.page(before, SHOWN)

    names = visible_databases("audit")
    results = (*RUN_RESULTS, RunStatus.REFUSED)
    return render_template(
        "alembic_admin/ledger.html",
        rows=rows,
        older=older,
        before=before,
        values=asked.values,
        chosen={name: value for name, value in asked.values.items() if value},
        errors=asked.errors,
        selects=[
            ("action", _("Action"), ACTIONS),
            ("result", _("Result"), [str(result) for result in results]),
            ("database", _("Database"), names),
        ],
        badge=badge,
    )


def ledger_csv() -> ResponseReturnValue:
    """Give the newest entries as comma-separated values."""
    return _file("csv", "text/csv", _csv_lines)


def ledger_json() -> ResponseReturnValue:
    """Give the newest entries as JSON."""
    return _file("json", "application/json", _json_parts)


@dataclasses.dataclass(frozen=True)
class _Asked:
    """What is asked of the ledger.

    :param filter: Which entries.
    :param values: What was asked for as text, by name.
    :param errors: What of it cannot be used, by name.
    """

    filter: Filter
    values: dict[str, str]
    errors: dict[str, str]

    def page(self, before: str | None, limit: int) -> tuple[list[_Row], str | None]:
        """Return a page of entries, and where the next one begins if there is one."""
        if not self.values["run"]:
            return self.filter.page(limit, before)

        project = current_project()
        record = project.ledger.run(self.values["run"], with_plan=False)

        if record is None or record.database not in self.filter.databases:
            return [], None

        is_entry = record.status != RunStatus.PLANNED
        return [(record, seen_as(project, record))] if is_entry else [], None

    def all(self) -> c.Iterator[_Row]:
        """Give all entries, newest first."""
        rows, before = self.page(None, CHUNK)
        yield from rows

        while before is not None:
            rows, before = self.page(before, CHUNK)
            yield from rows


def _asked() -> _Asked:
    values = {name: argument(name) for name in _NAMES}
    errors = {}
    days = {}

    for name in ("from", "to"):
        try:
            days[name] = _midnight(values[name]) if values[name] else None
        except ValueError:
            days[name] = None
            errors[name] = _("Write a day such as 2026-11-20.")

    names = visible_databases("audit")
    databases = [name for name in names if values["database"] in {"", name}]
    known = {*RUN_RESULTS, RunStatus.REFUSED}
    result = RunStatus(values["result"]) if values["result"] in known else None
    last = days["to"]
    return _Asked(
        Filter(
            databases,
            result=result,
            action=values["action"] or None,
            actor=values["actor"] or None,
            since=days["from"],
            until=None if last is None else last + datetime.timedelta(days=1),
        ),
        values,
        errors,
    )


def _midnight(text: str) -> datetime.datetime:
    day = datetime.date.fromisoformat(text)

    # Neither a database nor the day after would take the ends of the calendar.
    if not 1970 <= day.year < 9999:
        raise ValueError(text)

    return datetime.datetime.combine(day, datetime.time(), datetime.UTC)


def _file(
    ending: str, mimetype: str, parts: c.Callable[[c.Iterator[_Row]], c.Iterator[str]]
) -> ResponseReturnValue:
    asked = _asked()

    # A file that silently holds more than was asked for would be taken for the answer.
    if asked.errors:
        words = [f"“{name}”: {error}\n" for name, error in asked.errors.items()]
        return "".join(words), 400, {"Content-Type": "text/plain; charset=utf-8"}

    with needed_ledger():
        current_project().ledger.runs(limit=1)

    response = make_response(stream_with_context(parts(asked.all())))
    response.mimetype = mimetype
    today = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
    response.headers["Content-Disposition"] = f'attachment; filename="ledger-{today}.{ending}"'
    return response


def _csv_lines(rows: c.Iterator[_Row]) -> c.Iterator[str]:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)

    for number, row in enumerate(rows):
        if number == MOST:
            writer.writerow([f"Only the newest {MOST:,} entries are here: narrow the filter."])
            break

        writer.writerow([_cell(value) for value in _entry(row).values()])

        if number % CHUNK == CHUNK - 1:
            yield text.getvalue()
            text.seek(0)
            text.truncate()

    yield text.getvalue()


def _json_parts(rows: c.Iterator[_Row]) -> c.Iterator[str]:
    yield '{"entries": ['
    complete = True

    for number, row in enumerate(rows):
        if number == MOST:
            complete = False
            break

        yield f"{',' if number else ''}\n{json.dumps(_entry(row))}"

    yield f'\n], "complete": {json.dumps(complete)}}}\n'


def _entry(row: _Row) -> dict[str, t.Any]:
    record, seen = row
    refused = seen == RunStatus.REFUSED
    values = (
        record.requested.isoformat(),
        record.actor,
        record.action,
        record.database,
        record.target,
        None if refused else list(record.heads_before),
        None if record.heads_after is None else list(record.heads_after),
        str(seen),
        None if refused else record.id,
        record.reason,
        record.address,
        record.examined_by,
        record.examined_reason,
    )
    return dict(zip(_COLUMNS, values, strict=True))


def _cell(value: str | list[str] | None) -> str:
    text = " ".join(value) or "base" if isinstance(value, list) else value or ""
    return f"'{text}" if text.startswith(_FORMULA) else text
