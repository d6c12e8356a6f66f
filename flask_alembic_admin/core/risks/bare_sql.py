"""SQL without what only looks like it: what strings hold, and comments."""

from __future__ import annotations

import functools

from .sql_tokens import tokens

#: What a statement does stands at its beginning; the rows of a huge one need not be read.
_LONGEST = 20_000


@functools.lru_cache(256)
def bare(text: str, dialect: str) -> str:
    """Return a statement without its comments, and with its strings empty.

    :param text: One statement; of a very long one only the beginning is returned.
    :param dialect: The dialect's name.
    """
    text = text[:_LONGEST]
    parts: list[str] = []
    end = 0

    for token in tokens(text, dialect):
        between = text[end : token.start]
        parts.append(" " if any(mark in between for mark in ("--", "/*", "#")) else between)
        parts.append("''" if token.kind == "string" else text[token.start : token.end])
        end = token.end

    return "".join(parts).lstrip()
