"""Reading from a server without leaving anything behind, and without showing secrets."""

from __future__ import annotations

import re
import typing as t

import sqlalchemy as sa

from ..redact import redact

#: How much of a statement is shown and kept.
STATEMENT_LENGTH = 2000

# Servers cut long statements off themselves, so the last quote may be missing.
_SQL_SECRET = re.compile(
    r"(?P<before>\b(?:PASSWORD|IDENTIFIED\s+(?:(?:WITH|VIA)\s+\S+\s+)?(?:BY|AS|USING))"
    r"[\s=(]+(?:PASSWORD[\s(]+)?)"
    r"E?(?:'(?:[^'\\]|''|\\.?)*(?:'|$)|\"[^\"]*(?:\"|$))",
    re.IGNORECASE | re.DOTALL,
)


def ask(connection: sa.Connection, question: str, **parameters: t.Any) -> list[t.Any]:
    """Return the rows that answer a question.

    :param connection: Left in no transaction, unless it was in one.
    :param question: SQL that only reads.
    :param parameters: Its values; a tuple stands for several behind ``IN``.
    """
    was_in_transaction = connection.in_transaction()

    try:
        lists = [name for name, value in parameters.items() if isinstance(value, tuple)]
        several: list[sa.BindParameter[t.Any]] = [
            sa.bindparam(name, expanding=True) for name in lists
        ]
        return list(connection.execute(sa.text(question).bindparams(*several), parameters))
    finally:
        if not was_in_transaction:
            connection.rollback()


def ask_if_allowed(connection: sa.Connection, question: str, **parameters: t.Any) -> list[t.Any]:
    """Return the rows that answer a question, none where the server refuses to.

    :param connection: Left in no transaction, unless it was in one.
    :param question: SQL that only reads.
    """
    try:
        return ask(connection, question, **parameters)
    except sa.exc.DBAPIError as error:
        # A connection that died says nothing about the question.
        if error.connection_invalidated:
            raise
        return []


def presentable(connection: sa.Connection, statement: str | None) -> str | None:
    """Return a statement of some session as it may be shown.

    :param connection: Whose own secrets must not be in it.
    :param statement: As the server reported it.
    """
    if not statement:
        return None

    shown = redact(_SQL_SECRET.sub(r"\g<before>***", statement), [connection.engine.url])
    return shown[:STATEMENT_LENGTH]


def split_id(session_id: str) -> tuple[int, str]:
    """Return the number of a session, and what tells it from a later one of that number.

    :param session_id: As ``Server.session_id`` gave it; any other text gets a number never used.
    """
    number, _, started = session_id.partition("@")
    return (int(number) if number.isdecimal() else -1), started
