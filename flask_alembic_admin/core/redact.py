"""The one place that knows what is secret in URLs and in messages."""

from __future__ import annotations

import collections.abc as c
import re
from urllib.parse import quote
from urllib.parse import quote_plus

import sqlalchemy as sa

_MASK = "***"
_SECRET_KEY = re.compile(r"pass|pwd|secret|token|api_?key|credential|sslkey", re.IGNORECASE)
# Not what stands for one in an advice.
_URL_PASSWORD = re.compile(r"(?P<before>\w://[^\s:/@]*:)(?!PASSWORD@)[^\s@]+(?=@)")
_NAMED_SECRET = re.compile(
    # Quoted names are those of JSON and of Python's dicts.
    r"(?P<before>\b[\w-]*(?:password|passwd|pwd|secret|token)[\w-]*[\"']?\s*[=:]\s*)"
    # What is written so in code is no secret: `hide_password=False`.
    # Nor is what MariaDB says: `(using password: YES)`.
    r"(?!(?:True|False|None)\b)(?!(?:YES|NO)\))(?:'[^']*'|\"[^\"]*\"|[^\s,;&'\"]+)",
    re.IGNORECASE,
)
_SQL_SECRET = re.compile(
    r"(?P<before>\b(?:identified\s+by|password)\s+)(?:'[^']*'|\"[^\"]*\")", re.IGNORECASE
)


def mask_url(url: sa.URL) -> str:
    """Return a URL as text with its password and every secret of its query masked.

    SQLAlchemy masks the password alone, not ``?password=`` and its like.

    :param url: The URL of an engine.
    """
    return url.set(
        # A None password is left alone; SQLAlchemy renders any other as ``***``.
        query={key: _MASK if _SECRET_KEY.search(key) else value for key, value in url.query.items()}
    ).render_as_string(hide_password=True)


def redact(text: str, urls: c.Iterable[sa.URL] = ()) -> str:
    """Return a text in which nothing secret is left.

    :param text: A message of a driver, a log line, a traceback.
    :param urls: URLs whose secrets must not appear, wherever they stand in the text.
    """
    return redactor(urls)(text)


def redactor(urls: c.Iterable[sa.URL]) -> c.Callable[[str], str]:
    """Return what redacts many texts.

    :param urls: URLs whose secrets must not appear, wherever they stand in a text.
    """
    secrets = sorted({s for url in urls for s in _secrets(url)}, key=len, reverse=True)

    def without_secrets(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, _MASK)

        text = _URL_PASSWORD.sub(rf"\g<before>{_MASK}", text)
        text = _NAMED_SECRET.sub(rf"\g<before>{_MASK}", text)
        return _SQL_SECRET.sub(rf"\g<before>{_MASK}", text)

    return without_secrets


def _secrets(url: sa.URL) -> c.Iterator[str]:
    values = [url.password] if url.password else []

    for key, value in url.query.items():
        if _SECRET_KEY.search(key):
            values += [value] if isinstance(value, str) else value

    for value in values:
        # A password of one or two characters would blank half of any text.
        if len(value) > 2:
            yield from {value, quote(value, safe=""), quote_plus(value)}
