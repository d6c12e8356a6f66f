"""Where an error came from, as text for the record."""

from __future__ import annotations

import collections.abc as c
import traceback

import sqlalchemy as sa

#: The most characters that are kept; what is cut off is the beginning, since the end says most.
MOST = 16_000


def traceback_of(error: BaseException) -> str:
    """Return the traceback of what ended a run; parameters of statements are left out of it.

    They may be anybody's data. Nothing else is redacted.

    :param error: What ended it, whose cause is told where it has one.
    """
    told = error.__cause__ or error
    shown = [item for item in _statements(told) if not item.hide_parameters]

    for item in shown:
        item.hide_parameters = True

    try:
        text = "".join(traceback.format_exception(told)).rstrip()
    finally:
        for item in shown:
            item.hide_parameters = False

    return text if len(text) <= MOST else f"…{text[1 - MOST :]}"


def _statements(error: BaseException | None) -> c.Iterator[sa.exc.StatementError]:
    seen: set[int] = set()

    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, sa.exc.StatementError):
            yield error
        error = error.__cause__ or error.__context__
