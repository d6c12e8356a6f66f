"""Words of the pages, in the visitor's language where the app has Flask-Babel."""

from __future__ import annotations

import typing as t

from flask import current_app
from markupsafe import escape
from markupsafe import Markup


def gettext(text: str, **values: t.Any) -> str:
    """Return a text in the visitor's language, with values filled in.

    :param text: The English text, with places such as ``%(name)s``.
    :param values: What goes there; where one is markup, all else is escaped.
    """
    return _filled(_babel().gettext(text) if _has_babel() else text, values)


def ngettext(singular: str, plural: str, count: int, **values: t.Any) -> str:
    """Return the form of a text that goes with a number, in the visitor's language.

    :param singular: The English text for one, with ``%(num)s`` for the number.
    :param plural: The English text for any other number.
    :param count: The number.
    :param values: What else is filled in.
    """
    values = {"num": count, **values}

    if _has_babel():
        return _filled(
            _babel().get_domain().get_translations().ungettext(singular, plural, count), values
        )

    return _filled(singular if count == 1 else plural, values)


def language() -> str:
    """Return the code of the language that pages are in, such as ``en`` or ``pt-BR``."""
    locale = _babel().get_locale() if _has_babel() else None
    return str(locale).replace("_", "-") if locale is not None else "en"


def _has_babel() -> bool:
    return "babel" in current_app.extensions


def _babel() -> t.Any:
    import flask_babel

    return flask_babel


def _filled(text: str, values: t.Mapping[str, t.Any]) -> str:
    if any(hasattr(value, "__html__") for value in values.values()):
        return Markup(escape(text)) % values

    return text % values if values else text
