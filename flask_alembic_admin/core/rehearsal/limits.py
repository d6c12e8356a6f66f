"""What cannot be sent in a transaction that is rolled back, told from the SQL."""

from __future__ import annotations

import collections.abc as c
import itertools
import re

from ..risks.sql_tokens import statements
from ..risks.sql_tokens import Token
from ..risks.sql_tokens import tokens

#: Statements that end a transaction, begin one or change what it is, by their first words.
_TRANSACTION = (
    ("ABORT",),
    ("BEGIN",),
    ("COMMIT",),
    ("END",),
    ("PREPARE", "TRANSACTION"),
    ("SET", "CONSTRAINTS"),
    ("SET", "TRANSACTION"),
    ("START", "TRANSACTION"),
)
#: Statements that PostgreSQL runs outside of a transaction only.
_OUTSIDE = (
    ("ALTER", "SYSTEM"),
    ("CREATE", "DATABASE"),
    ("CREATE", "SUBSCRIPTION"),
    ("CREATE", "TABLESPACE"),
    ("DISCARD",),
    ("DROP", "DATABASE"),
    ("DROP", "SUBSCRIPTION"),
    ("DROP", "TABLESPACE"),
    ("REINDEX", "DATABASE"),
    ("REINDEX", "SCHEMA"),
    ("REINDEX", "SYSTEM"),
    ("VACUUM",),
)
#: Functions and settings whose effect no rollback undoes, or which would let one be left out.
_STAYS = re.compile(
    r"\b(?:SETVAL|(?:DEFAULT_)?TRANSACTION_READ_ONLY"
    # Sessions of their own, and files of the server.
    r"|DBLINK(?:_CONNECT(?:_U)?|_EXEC|_OPEN|_SEND_QUERY)?|LO_EXPORT|PG_FILE_\w+"
    # Other people's sessions, and the server as a whole.
    r"|PG_(?:TERMINATE|CANCEL)_BACKEND|PG_RELOAD_CONF|PG_ROTATE_LOGFILE|PG_SWITCH_WAL|PG_PROMOTE"
    r"|PG_CREATE_RESTORE_POINT|PG_LOGICAL_EMIT_MESSAGE|PG_STAT_RESET\w*"
    r"|PG_(?:CREATE|COPY|DROP)_\w*REPLICATION_SLOT|PG_REPLICATION_SLOT_ADVANCE)\b"
)
#: Statements whose strings are code.
_WITH_CODE = {"CREATE", "DO", "EXECUTE", "PREPARE"}
#: How much of a statement is needed to name it.
_HEAD = 8


def needs_commit(sql: str) -> str | None:
    """Return the first statement that cannot be taken back, or would not let others be; or None.

    :param sql: One statement or several, for PostgreSQL.
    """
    return next(_found(sql), None)


def _found(sql: str) -> c.Iterator[str]:
    for statement in statements(sql, "postgresql"):
        words = tokens(statement.text, "postgresql")

        if words and _is_refused(words):
            last = words[min(len(words), _HEAD) - 1]
            yield statement.text[words[0].start : last.end]


def _is_refused(words: list[Token]) -> bool:
    first = [word.upper for word in words[:2]]

    if any(tuple(first[: len(start)]) == start for start in (*_TRANSACTION, *_OUTSIDE)):
        return True

    said = {word.upper for word in words if word.kind == "word"}

    # Back to a savepoint is within the transaction.
    if first[0] == "ROLLBACK":
        return "TO" not in said

    # A materialized view can be refreshed so in a transaction.
    if "CONCURRENTLY" in said and first[0] != "REFRESH":
        return True

    if first[0] == "COPY" and _is_of_server(words):
        return True

    return any(_stays(word, within=first[0] in _WITH_CODE) for word in words)


def _is_of_server(words: list[Token]) -> bool:
    """Return whether what is copied goes to a program, or to a file of the server."""
    return any(
        word.upper in {"PROGRAM", "TO"} and following.kind == "string"
        for word, following in itertools.pairwise(words)
    )


def _stays(word: Token, *, within: bool) -> bool:
    """Return whether a word names something that no rollback undoes.

    :param within: Whether a string is looked through: else only one that says nothing else counts,
        as it does for ``set_config()``.
    """
    text = word.text.upper()

    if word.kind == "string":
        return bool(_STAYS.search(text) if within else _STAYS.fullmatch(text.strip("'")))

    return word.kind in {"word", "name"} and bool(_STAYS.fullmatch(text))
