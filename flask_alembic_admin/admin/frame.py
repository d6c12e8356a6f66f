"""What stands around every page: navigation, the database, banners, the theme."""

from __future__ import annotations

import dataclasses
import typing as t

import sqlalchemy as sa
from flask import request
from flask import url_for

from ..core.condition import seen_as
from ..core.ledger.tables import RunRecord
from ..core.ledger.tables import RunStatus
from . import access
from .forms import ThemeForm
from .translation import gettext as _
from .translation import language

#: The cookie that holds a visitor's theme, and what it can be; each button leads to the next one.
THEME_COOKIE = "alembic_admin_theme"
THEMES = {"auto": "light", "light": "dark", "dark": "auto"}
#: The pages that belong to the one of actions.
_ACTIONS = (
    *("plan", "create_plan", "create_run"),
    *("draft", "create_draft", "write_draft"),
    *("verification", "verify"),
    "create_rehearsal",
)
#: The pages that each database has.
_OF_DATABASE = {"status", "history", "heads", "diff", "actions", "verification", "runs"}
#: The pages that belong to the one of runs.
_RUNS = ("run", "look_at_run")


@dataclasses.dataclass(frozen=True)
class Link:
    """A word that leads somewhere.

    :param word: What is read.
    :param url: Where it leads.
    :param current: Whether it is where the visitor is.
    """

    word: str
    url: str
    current: bool = False


@dataclasses.dataclass(frozen=True)
class Notice:
    """One thing to know, with the way on.

    :param tone: The name of its colour.
    :param shape: Its shape.
    :param text: What it says.
    :param link: The way on, if there is one.
    """

    tone: str
    shape: str
    text: str
    link: Link | None = None


@dataclasses.dataclass(frozen=True)
class Frame:
    """What stands around one page.

    :param title: What the panel calls itself.
    :param theme: ``auto``, ``light`` or ``dark``.
    :param next_theme: What the button of the theme leads to.
    :param language: The code of the page's language.
    :param home: The way back to the app.
    :param environment: Such as ``production``; None where the app says nothing.
    :param is_production: Whether that is the one which must not break.
    :param sections: The pages of the database that is shown.
    :param databases: The same page of each database, if there are several.
    :param banners: What matters on every page.
    :param form: Protects the button of the theme.
    :param back: Where that button comes back to.
    """

    title: str
    theme: str
    next_theme: str
    language: str
    home: Link | None = None
    environment: str | None = None
    is_production: bool = False
    sections: tuple[Link, ...] = ()
    databases: tuple[Link, ...] = ()
    banners: tuple[Notice, ...] = ()
    form: ThemeForm | None = None
    back: str = ""


def make_frame(database: str | None, bare: bool = False) -> Frame:
    """Return what stands around a page.

    :param database: The database that it shows, if it is about one.
    :param bare: Leave out all that only those may see who are let in.
    """
    theme = request.cookies.get(THEME_COOKIE, "auto")
    theme = theme if theme in THEMES else "auto"

    if bare:
        return Frame(_("Migrations"), theme, THEMES[theme], language())

    settings = access.current_project().settings
    home = None

    if settings.home_url:
        home = Link(settings.home_title or _("Back to the app"), settings.home_url)

    return Frame(
        title=settings.title,
        theme=theme,
        next_theme=THEMES[theme],
        language=language(),
        home=home,
        environment=settings.environment,
        is_production=settings.is_production,
        sections=_sections(database),
        databases=_databases(database),
        banners=tuple(_banners(database)),
        form=ThemeForm(formdata=None),
        back=request.script_root + (request.full_path if request.method == "GET" else ""),
    )


def _sections(database: str | None) -> tuple[Link, ...]:
    here = _endpoint()
    sections = []
    names = list(access.current_project().databases)

    # What is about no database leads on to the only one there is.
    if database is None and len(names) == 1 and access.may("view", names[0]):
        database = names[0]

    if database is not None:
        for word, endpoint, also in (
            (_("Status"), "status", ()),
            (_("History"), "history", ("revision",)),
            (_("Heads"), "heads", ()),
            (_("Diff"), "diff", ("compare",)),
            (_("Actions"), "actions", _ACTIONS),
            (_("Runs"), "runs", _RUNS),
        ):
            url = url_for(f".{endpoint}", database=database)
            sections.append(Link(word, url, here in {endpoint, *also}))

    if access.visible_databases("audit"):
        sections.append(Link(_("Ledger"), url_for(".ledger"), here == "ledger"))

    return tuple(sections)


def _databases(database: str | None) -> tuple[Link, ...]:
    names = access.visible_databases()

    if len(access.current_project().databases) == 1 or (database is None and len(names) < 2):
        return ()

    # A revision or a run belongs to one database; in another one its list is the same page.
    endpoint = {
        "revision": "history",
        "run": "runs",
        "plan": "actions",
        "draft": "actions",
    }.get(_endpoint(), _endpoint())

    if request.method != "GET" or database is None or endpoint not in _OF_DATABASE:
        endpoint = "status"

    return tuple(
        Link(name, url_for(f".{endpoint}", database=name), name == database) for name in names
    )


def _banners(database: str | None) -> t.Iterator[Notice]:
    if access.current_project().settings.read_only:
        text = _("Read-only: everything can be seen and planned here, nothing can be run.")
        yield Notice("unknown", "□", text)

    for name in access.visible_databases() if database is None else [database]:
        run = _active_run(name)

        if run is not None and (request.view_args or {}).get("run_id") != run.id:
            yield _run_notice(run)


def _run_notice(run: RunRecord) -> Notice:
    """Return the notice of a run that is at work, or that nobody hears of any more."""
    url = url_for(".run", database=run.database, run_id=run.id)
    values = {
        "database": run.database,
        "action": run.action,
        "target": run.target,
        "actor": run.actor or _("somebody"),
    }

    if seen_as(access.current_project(), run) == RunStatus.LOST:
        text = _(
            "A run on %(database)s has ended without a verdict: %(action)s to %(target)s, by "
            "%(actor)s.",
            **values,
        )
        return Notice("bad", "▲", text, Link(_("See that run"), url))

    text = _("A run is at work on %(database)s: %(action)s to %(target)s, by %(actor)s.", **values)
    return Notice("busy", "◌", text, Link(_("Watch the run"), url))


def _active_run(database: str) -> RunRecord | None:
    try:
        return access.current_project().ledger.active(database)
    except sa.exc.SQLAlchemyError:
        # The page itself says what cannot be reached.
        return None


def _endpoint() -> str:
    return (request.endpoint or "").rpartition(".")[2]
