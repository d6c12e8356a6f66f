"""Python and SQL with colours: spans with classes, whose rules are in the style sheet."""

from __future__ import annotations

import collections.abc as c
import itertools
import re
import typing as t

from markupsafe import escape
from markupsafe import Markup
from pygments.lexer import Lexer
from pygments.lexers.python import PythonLexer
from pygments.lexers.sql import SqlLexer
from pygments.token import Comment
from pygments.token import Keyword
from pygments.token import Name
from pygments.token import Number
from pygments.token import String
from pygments.token import Token

#: The most characters that get colours and anchors. Finding them takes 0.3 s for so many.
MOST_COLOURED = 100_000

_LEXERS: dict[str, type[Lexer]] = {"python": PythonLexer, "sql": SqlLexer}

# All else is read well without a colour, and a page is smaller without its spans.
_CLASSES = (
    (Keyword, "hl-keyword"),
    # Words such as `and` and `is`.
    (Token.Operator.Word, "hl-keyword"),
    (String, "hl-string"),
    (Number, "hl-number"),
    (Comment, "hl-comment"),
    (Name.Function, "hl-name"),
    (Name.Class, "hl-name"),
    (Name.Decorator, "hl-name"),
    (Name.Builtin, "hl-name"),
)


def coloured(text: str, language: str, anchor: str | None = None) -> Markup:
    """Return source as markup, with colours; beyond ``MOST_COLOURED`` it stays plain.

    :param text: What is shown; what no page can hold is replaced in it.
    :param language: ``python`` or ``sql``; any other gets no colours.
    :param anchor: Puts each line in an element of its own, with this and its number as id.
    """
    # A response cannot be sent with half of a surrogate pair, and a page has no NUL.
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    text = text.encode("utf-8", "replace").decode("utf-8")
    text = text.replace("\r\n", "\n").replace("\r", "\n")

    if len(text) > MOST_COLOURED:
        return escape(text)

    pieces = _pieces(text, language)

    if anchor is None:
        return Markup("").join(_span(value, name) for value, name in pieces)

    return Markup("").join(
        Markup('<span class="line" id="{}{}">{}</span>').format(anchor, number, line)
        for number, line in enumerate(_lines(pieces), 1)
    )


def _pieces(text: str, language: str) -> c.Iterator[tuple[str, str | None]]:
    """Return the parts of a text in order, each with the class of its colour."""
    lexer = _LEXERS.get(language)

    if lexer is None:
        yield text, None
        return

    # Left alone, Pygments takes away empty lines, and numbers would not be those of the file.
    tokens = lexer(stripnl=False, ensurenl=False).get_tokens(text)
    named = ((_class_of(kind), value) for kind, value in tokens)

    for name, together in itertools.groupby(named, key=lambda pair: pair[0]):
        yield "".join(value for _, value in together), name


def _class_of(kind: t.Any) -> str | None:
    return next((name for wanted, name in _CLASSES if kind in wanted), None)


def _lines(pieces: c.Iterable[tuple[str, str | None]]) -> c.Iterator[Markup]:
    """Return the lines of coloured parts, each with its end; a part may reach over several."""
    line: list[Markup] = []

    for value, name in pieces:
        for part in _split(value):
            line.append(_span(part, name))

            if part.endswith("\n"):
                yield Markup("").join(line)
                line = []

    if line:
        yield Markup("").join(line)


def _split(value: str) -> list[str]:
    """Return the lines of a text; unlike ``splitlines()`` it knows one end of a line only."""
    return re.findall(r"[^\n]*\n|[^\n]+", value)


def _span(value: str, name: str | None) -> Markup:
    return (
        escape(value) if name is None else Markup('<span class="{}">{}</span>').format(name, value)
    )
