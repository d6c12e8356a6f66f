"""SQL text taken apart: statements, and the words of each, without comments and strings."""

from __future__ import annotations

import collections.abc as c
import functools
import re
import typing as t

#: Dialects in which a backslash escapes within strings, ``"`` quotes one, and ``#`` comments.
_LIKE_MYSQL = {"mysql", "mariadb"}
#: What may hold a body of statements between BEGIN and END.
_WITH_BODY = {"TRIGGER", "PROCEDURE", "FUNCTION", "EVENT", "PACKAGE"}
_OTHER_OBJECTS = {"TABLE", "INDEX", "VIEW", "TYPE", "SCHEMA", "SEQUENCE", "DATABASE"}
_CREATES = re.compile(r"\b(?:trigger|procedure|function|event|package)\b", re.IGNORECASE)
#: How many words say what a statement creates.
_HEAD = 16
#: END IF closes no BEGIN.
_OWN_END = {"IF", "LOOP", "WHILE", "REPEAT", "FOR"}


class Token(t.NamedTuple):
    """A part of a statement that says something.

    :param kind: ``word``, ``name`` (one in quotes), ``string``, ``number`` or ``mark``.
    :param text: As it is written; of a name, what is within the quotes.
    :param upper: A word in upper case; a mark; else empty.
    :param start: Where it begins in the statement.
    :param end: Where it ends.
    """

    kind: str
    text: str
    upper: str
    start: int
    end: int


class Statement(t.NamedTuple):
    """One statement of a text.

    :param text: With its comments, without its semicolon.
    :param is_whole: Whether each string and comment in it ends.
    """

    text: str
    is_whole: bool


def statements(text: str, dialect: str) -> c.Iterator[Statement]:
    """Take a text apart into statements; those within the body of a trigger are a part of it.

    :param text: SQL.
    :param dialect: The dialect's name.
    """
    held: list[Statement] = []
    depth = 0

    for piece in _pieces(text, dialect):
        depth += _body_depth(piece.text, dialect, has_begun=bool(held))
        held.append(piece)

        if depth > 0:
            continue

        if len(held) > 1 or not _is_blank(piece, dialect):
            yield _joined(held)

        held, depth = [], 0

    if held:
        yield _joined(held)._replace(is_whole=False)


def tokens(text: str, dialect: str, limit: int | None = None) -> list[Token]:
    """Return what a statement says, without comments.

    :param text: One statement.
    :param dialect: The dialect's name.
    :param limit: How many of them are enough.
    """
    found: list[Token] = []

    for kind, start, end, _ in _scan(_words(dialect), text, dialect):
        if kind == "comment":
            continue

        part = text[start:end]

        if kind == "word":
            found.append(Token(kind, part, part.upper(), start, end))
        elif kind == "mark":
            found.append(Token(kind, part, part, start, end))
        elif kind == "name":
            found.append(Token(kind, _unquoted(part), "", start, end))
        else:
            found.append(Token(kind, part, "", start, end))

        if limit is not None and len(found) >= limit:
            break

    return found


def _pieces(text: str, dialect: str) -> c.Iterator[Statement]:
    """Yield what stands between semicolons that are in no string and no comment."""
    begin, is_whole = 0, True

    for kind, start, end, ends in _scan(_limits(dialect), text, dialect):
        is_whole = is_whole and ends

        if kind == "mark":
            yield Statement(text[begin:start], is_whole)
            begin, is_whole = end, True

    yield Statement(text[begin:], is_whole)


def _joined(pieces: list[Statement]) -> Statement:
    if len(pieces) == 1:
        return pieces[0]

    return Statement(
        ";".join(piece.text for piece in pieces), all(piece.is_whole for piece in pieces)
    )


def _is_blank(piece: Statement, dialect: str) -> bool:
    return piece.is_whole and (not piece.text.strip() or not tokens(piece.text, dialect, 1))


def _body_depth(text: str, dialect: str, *, has_begun: bool) -> int:
    """Return how many bodies a part of a statement opens more than it closes."""
    if not has_begun:
        if _CREATES.search(text) is None:
            return 0

        head = [token.upper for token in tokens(text, dialect, _HEAD)]
        made = next((word for word in head if word in _WITH_BODY | _OTHER_OBJECTS), "")

        if not head or head[0] != "CREATE" or made not in _WITH_BODY:
            return 0

    depth = 0
    words = [token.upper for token in tokens(text, dialect) if token.kind != "mark"]

    for word, following in zip(words, [*words, ""][1:], strict=True):
        if word in {"BEGIN", "CASE"}:
            depth += 1
        elif word == "END" and following == "CASE":
            # The CASE that follows counts once more.
            depth -= 2
        elif word == "END" and following not in _OWN_END:
            depth -= 1

    return depth


def _unquoted(part: str) -> str:
    quote = {"[": "]"}.get(part[0], part[0])
    return part[1:-1].replace(quote * 2, quote)


def _scan(
    pattern: re.Pattern[str], text: str, dialect: str
) -> c.Iterator[tuple[str, int, int, bool]]:
    """Yield kind, start and end of each part, and whether it ends before the text does."""
    position = 0
    search = pattern.search

    while match := search(text, position):
        kind = match.lastgroup or ""
        start, position = match.span()
        ends = True

        if kind == "block":
            position, ends = _comment_end(text, start, nested=dialect == "postgresql")
            kind = "comment"
        elif kind == "dollar":
            close = text.find(match[0], position)
            ends = close >= 0
            position = close + len(match[0]) if ends else len(text)
            kind = "string"
        elif kind == "unclosed":
            position, ends = len(text), False
            kind = "string"
        elif kind == "marker":
            continue

        yield kind, start, position, ends


def _comment_end(text: str, start: int, *, nested: bool) -> tuple[int, bool]:
    if not nested:
        close = text.find("*/", start + 2)
        return (close + 2, True) if close >= 0 else (len(text), False)

    depth = 0

    for match in re.compile(r"/\*|\*/").finditer(text, start):
        depth += 1 if match[0] == "/*" else -1

        if depth == 0:
            return match.end(), True

    return len(text), False


@functools.cache
def _limits(dialect: str) -> re.Pattern[str]:
    """Return what finds the ends of statements."""
    return re.compile("|".join([*_quotes(dialect), r"(?P<mark>;)"]), re.DOTALL)


@functools.cache
def _words(dialect: str) -> re.Pattern[str]:
    """Return what finds all that a statement says."""
    others = [
        r"(?P<word>[^\W\d][\w$]*+)",
        r"(?P<number>\d[\w.]*+)",
        r"(?P<mark>[;(),.=*])",
    ]
    return re.compile("|".join([*_quotes(dialect), *others]), re.DOTALL)


def _quotes(dialect: str) -> list[str]:
    """Return patterns of strings, quoted names and comments."""
    like_mysql = dialect in _LIKE_MYSQL
    escaped = r"'(?:[^'\\]++|\\.|'')*+'"
    plain = r"'(?:[^']++|'')*+'"
    found = []

    if like_mysql:
        found += [
            r"(?P<comment>--(?=\s|\Z)[^\n]*+|\#[^\n]*+)",
            # What such a comment holds is run by the server.
            r"(?P<marker>/\*M?!\d*+|\*/)",
            rf"(?P<string>{escaped}|\"(?:[^\"\\]++|\\.|\"\")*+\")",
            r"(?P<name>`(?:[^`]++|``)*+`)",
        ]
    else:
        found.append(r"(?P<comment>--[^\n]*+)")

        if dialect == "postgresql":
            found += [
                rf"(?P<string>(?<![\w$])[eE]{escaped}|{plain})",
                r"(?P<dollar>(?<![\w$])\$(?:[^\W\d]\w*)?\$)",
            ]
        else:
            found.append(rf"(?P<string>{plain})")

        brackets = r"|\[[^\[\]]*+\]" if dialect in {"sqlite", "mssql"} else ""
        found.append(rf"(?P<name>\"(?:[^\"]++|\"\")*+\"|`(?:[^`]++|``)*+`{brackets})")

    return [*found, r"(?P<unclosed>['\"`])", r"(?P<block>/\*)"]
