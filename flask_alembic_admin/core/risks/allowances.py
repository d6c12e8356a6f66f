"""Comments in a revision that allow what a rule would warn of."""

from __future__ import annotations

import io
import re
import tokenize

#: ``# alembic-admin: allow DATA002 the column was never filled``
_ALLOW = re.compile(r"#\s*alembic-admin:\s*allow\s+([\w-]+)\s*[:,]?[^\S\n]*(.*)", re.IGNORECASE)


def allowances(source: str) -> dict[str, str]:
    """Return what the comments of a source allow: a rule's id or slug, in lower case, to a reason.

    A rule that is named without a reason has an empty one.

    :param source: The text of a revision file.
    """
    found: dict[str, str] = {}

    if "alembic-admin" not in source.lower():
        return found

    for comment in _comments(source):
        if match := _ALLOW.match(comment):
            name, reason = match[1].lower(), match[2].strip()
            found[name] = found.get(name) or reason

    return found


def _comments(source: str) -> list[str]:
    """Return the comments; text in a string that looks like one is none."""
    found: list[str] = []

    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                found.append(token.string)
    except (tokenize.TokenError, SyntaxError):
        # A file that cannot be read so cannot be run either; what came before counts.
        return found

    return found
