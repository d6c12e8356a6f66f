"""What must not be sent to a scratch database or a copy, since it would reach beyond it."""

from __future__ import annotations

import collections.abc as c
import contextlib
import itertools
import re
import typing as t

import sqlalchemy as sa

from ...errors import OutsideScratch
from ..risks.sql_tokens import statements
from ..risks.sql_tokens import Token
from ..risks.sql_tokens import tokens
from ..sealed import Refuse

_MYSQL = {"mysql", "mariadb"}

#: Databases of the server itself that may be read.
_HARMLESS = {"information_schema", "performance_schema"}

#: What belongs to a whole server: a scratch database shares it with live ones.
_SERVER_WIDE = (
    r"(?:CREATE|ALTER|DROP|RENAME) (?:OR REPLACE )?(?:DATABASE|ROLE|USER|GROUP|TABLESPACE|SERVER)\b"
    r"|ALTER SYSTEM\b|(?:DROP|REASSIGN) OWNED\b"
    r"|SET (?:GLOBAL|PERSIST|PERSIST_ONLY|PASSWORD|DEFAULT ROLE)\b|SET @@ ?(?:GLOBAL|PERSIST)\b"
    r"|FLUSH\b|KILL\b|SHUTDOWN\b|RESET (?:MASTER|PERSIST|REPLICA|SLAVE)\b|(?:UN)?INSTALL\b"
    # Memberships, and rights on more than one database.
    r"|(?:GRANT|REVOKE)\b(?!.* ON )|(?:GRANT|REVOKE)\b.* ON (?:\* ?\. ?\*|DATABASE\b)"
)
_STATEMENT = re.compile(_SERVER_WIDE)
#: The same within a block of code, which is a string here.
_WITHIN = re.compile(rf"(?:^|\W)(?:{_SERVER_WIDE.split('|FLUSH')[0]})", re.IGNORECASE)
#: Statements whose strings are code.
_WITH_CODE = {"DO", "EXECUTE", "PREPARE", "CALL"}
#: A comment that MySQL runs.
_RUN_COMMENT = re.compile(r"/\*M?!\d*")
#: What opens a session of its own from within PostgreSQL, in whatever code.
_DBLINK = re.compile(r"\bdblink\w*\"?\s*\(", re.IGNORECASE)
#: Statements of MariaDB and MySQL whose strings are statements, or may become some.
_WITH_STATEMENT = {"EXECUTE", "PREPARE", "SET"}
#: How many words tell what a statement does.
_FEW = 40
#: After these a name before a point is that of a database, not of a table.
_BEFORE_TABLES = {"FROM", "JOIN", "INTO", "UPDATE", "TABLE", "REFERENCES", "EXISTS", "TRUNCATE"}


def _outside(wanted: str) -> t.NoReturn:
    raise OutsideScratch(wanted)


class ScratchGuard:
    """Refuses statements that would reach beyond a scratch database or a copy.

    :param dialect: The dialect's name.
    :param others: The names of the other databases of its server, where one session reaches all.
    :param refuse: Called with what a statement reaches for; it raises.
    :param own: The name of the database itself, where a session may leave it unheard; None where
        that is not looked at.
    """

    def __init__(
        self,
        dialect: str,
        others: c.Iterable[str] = (),
        refuse: Refuse = _outside,
        own: str | None = None,
    ) -> None:
        self._dialect = dialect
        self._own = own if dialect in _MYSQL else None
        self._refuse = refuse
        self._others = {name.casefold() for name in others} - _HARMLESS

    def check(self, connection: sa.Connection, sql: str) -> None:
        """Refuse a text that reaches beyond the database.

        :param connection: To the database.
        :param sql: One statement or several.
        :raises OutsideScratch: It does, unless something else was given to be raised.
        """
        # The driver itself may have been told to use another database, which nobody hears.
        if self._own is not None:
            (database,) = _asked(connection, "SELECT DATABASE()") or (None,)
            if str(database or "").casefold() != self._own.casefold():
                self._refuse(f"database '{database or ''}', which the driver was told to use")

        if self._dialect in _MYSQL:
            sql = _RUN_COMMENT.sub(" ", sql)

        for statement in statements(sql, self._dialect):
            head = tokens(statement.text, self._dialect, _FEW)
            self._check_head(head, statement.text)

            # Most statements name no other, and a huge one need not be taken apart for that.
            if any(name in statement.text.casefold() for name in self._others):
                self._check_names(connection, tokens(statement.text, self._dialect))
                self._check_strings(connection, statement.text)

    def _check_head(self, head: list[Token], text: str) -> None:
        words = " ".join(token.upper or "x" for token in head)
        first = head[0].upper if head else ""
        found = _STATEMENT.match(words)

        if not found and first in _WITH_CODE:
            found = _WITHIN.search(" ".join(text.split()))

        if found:
            self._refuse(f"the whole server ({' '.join(words.split()[:2])} …)")

        if self._dialect == "postgresql" and _DBLINK.search(text):
            self._refuse("another database (dblink)")

        if self._dialect == "sqlite" and (
            first == "ATTACH" or (first == "VACUUM" and " INTO" in words)
        ):
            self._refuse(f"another file ({first})")

        if self._dialect in _MYSQL:
            if re.match("(?:CREATE|ALTER|DROP) (?:OR REPLACE )?SCHEMA", words):
                self._refuse("the whole server (a SCHEMA is a database here)")

            if first == "USE":
                self._refuse("another database (USE)")

    def _check_strings(self, connection: sa.Connection, text: str) -> None:
        """Check the statements that a statement has as strings, to be run by it or after it."""
        words = tokens(text, self._dialect)

        if words and words[0].upper in _WITH_STATEMENT:
            for word in words:
                if word.kind == "string":
                    self.check(connection, word.text[1:-1])

    def _check_names(self, connection: sa.Connection, words: list[Token]) -> None:
        for position, (name, point) in enumerate(itertools.pairwise(words)):
            is_qualifier = name.kind in {"word", "name"} and point.text == "."

            if not is_qualifier or name.text.casefold() not in self._others:
                continue

            before = words[position - 1].upper if position else ""
            after = words[position + 2] if position + 2 < len(words) else None
            # `a.b` may be a column of a table that is called as a database is.
            may_be_column = before not in _BEFORE_TABLES and before != "." and after is not None

            if not (may_be_column and after and _has_column(connection, name.text, after.text)):
                self._refuse(f"database '{name.text}' on the same server")


def _has_column(connection: sa.Connection, table: str, column: str) -> bool:
    asked = (
        "SELECT count(*) FROM information_schema.COLUMNS "
        "WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s AND COLUMN_NAME = %s"
    )

    row = _asked(connection, asked, (table, column))
    return bool(row and row[0])


def _asked(connection: sa.Connection, question: str, values: tuple[str, ...] = ()) -> t.Any:
    """Return the first row of an answer."""
    # By the driver: what is asked here is no statement of the migration.
    with contextlib.closing(connection.connection.cursor()) as cursor:
        cursor.execute(question, values)
        return cursor.fetchone()
