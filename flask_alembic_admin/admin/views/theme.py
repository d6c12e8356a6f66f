"""The theme: light, dark, or as the visitor's system says."""

from __future__ import annotations

import re

from flask import abort
from flask import redirect
from flask import url_for
from flask.typing import ResponseReturnValue

from ..forms import ThemeForm
from ..frame import THEME_COOKIE

_YEAR = 365 * 24 * 60 * 60


def choose_theme() -> ResponseReturnValue:
    """Keep a theme in a cookie and go back to the page that was shown."""
    form = ThemeForm()

    if not form.validate_on_submit():
        abort(400)

    home = url_for(".index")
    response = redirect(_own_path(form.back.data or "") or home, 303)
    response.set_cookie(
        THEME_COOKIE, form.theme.data, max_age=_YEAR, path=home, httponly=True, samesite="Lax"
    )
    return response


def _own_path(target: str) -> str | None:
    """Return a path that surely leads to this site; browsers take a backslash for a slash."""
    return target if re.fullmatch(r"/(?!/)[^\\\x00-\x20\x7f]*", target) else None
