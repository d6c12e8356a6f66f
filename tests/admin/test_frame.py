from __future__ import annotations

import collections.abc as c
import typing as t
from pathlib import Path

import flask_babel
import pytest
from flask import Flask
from jinja2 import DictLoader
from markupsafe import Markup

from flask_alembic_admin.admin import translation
from flask_alembic_admin.admin.frame import THEME_COOKIE

from .conftest import fields
from .conftest import Panel

HOME = "/alembic/"


def theme(panel: Panel, **changes: str) -> t.Any:
    """Press the button of the theme, and return the answer."""
    client = panel.client("viewer")
    data = {**fields(client.get(HOME).text), "theme": "dark", **changes}
    return client.post("/alembic/theme", data=data)


def test_the_theme_is_kept_in_a_cookie_that_the_server_reads(panel: Panel) -> None:
    """A dark page is sent dark, so that nothing flashes and no script is needed."""
    client = panel.client("viewer")
    client.set_cookie(THEME_COOKIE, "dark", path=HOME)
    assert 'data-theme="dark"' in client.get(HOME).text


def test_a_theme_that_is_none_is_as_the_system_says(panel: Panel) -> None:
    """A cookie that somebody has made up changes nothing."""
    client = panel.client("viewer")
    client.set_cookie(THEME_COOKIE, '"><script>', path=HOME)
    assert "data-theme=" not in client.get(HOME).text


def test_choosing_a_theme_leads_back_to_the_page(panel: Panel) -> None:
    """The button sets the cookie and the page that was shown is shown again."""
    answer = theme(panel, back="/alembic/db/default/history?page=2")
    assert answer.status_code == 303
    assert answer.location == "/alembic/db/default/history?page=2"
    assert f"{THEME_COOKIE}=dark" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize("back", ["//other.example/", "https://other.example", "/\\other.example"])
def test_choosing_a_theme_leads_to_no_other_site(panel: Panel, back: str) -> None:
    """Whatever a form says, the way back is on this site."""
    assert theme(panel, back=back).location == HOME


def test_a_theme_that_does_not_exist_is_refused(panel: Panel) -> None:
    """Only light, dark and auto can be chosen."""
    assert theme(panel, theme="purple").status_code == 400


def test_the_title_the_way_home_and_the_environment_are_the_hosts(
    make_panel: c.Callable[..., Panel],
) -> None:
    """A host names the panel, where it leads back to, and the place it runs at."""
    panel = make_panel(
        ALEMBIC_ADMIN={
            "runner": "inline",
            "title": "Shop schema",
            "home_url": "/shop",
            "home_title": "The shop",
            "environment": "production",
        }
    )
    panel.open_up()
    page = panel.client("viewer").get(HOME).text
    assert "· Shop schema</title>" in page
    assert '<a class="home" href="/shop">← The shop</a>' in page
    assert '<span class="environment production">production</span>' in page


def test_a_host_adapts_the_frame_by_its_own_layout(panel: Panel) -> None:
    """A template of the host extends the frame and fills its blocks; no page is forked."""
    panel.app.jinja_loader = DictLoader(
        {
            "alembic_admin/layout.html": (
                '{% extends "alembic_admin/frame.html" %}'
                '{% block nav_extra %}<a href="/wiki">Wiki</a>{% endblock %}'
                "{% block footer %}<footer>Ask the database team.</footer>{% endblock %}"
            )
        }
    )
    page = panel.client("viewer").get(HOME).text
    assert '<a href="/wiki">Wiki</a>' in page
    assert "Ask the database team." in page
    assert "<h1>Status" in page


def test_a_page_that_refuses_tells_nothing_of_the_databases(panel: Panel) -> None:
    """Whoever is not let in sees neither names nor navigation."""
    page = panel.client("nobody").get(HOME).text
    assert "/db/" not in page
    assert "<nav" not in page


def test_a_page_that_refuses_somebody_who_may_look_leads_back_to_the_panel(panel: Panel) -> None:
    """They can use it, only not for this; who they are is said, since they may be somebody else."""
    page = panel.client("viewer").get("/alembic/ledger").text
    assert "<h1>You may not do this</h1>" in page
    assert "It needs the “audit” permission." in page
    assert "You are signed in as viewer." in page
    assert '<a class="button" href="/alembic/">Back to migrations</a>' in page
    assert "You cannot use the migrations panel" in panel.client("nobody").get(HOME).text


def test_what_is_not_there_is_said_in_words_of_the_panel(panel: Panel) -> None:
    """With the pages of the database that it would belong to, for whoever may see those."""
    path = f"/alembic/db/default/plans/{'0' * 32}"
    page = panel.client("operator").get(path).text
    assert "The page, revision, plan or run does not exist." in page
    assert '<a href="/alembic/db/default/runs">Runs</a>' in page
    assert "<nav" not in panel.client("nobody").get(path).text


def test_the_pages_of_the_only_database_are_at_hand_everywhere(panel: Panel) -> None:
    """On those too that are about no database."""
    page = panel.client("auditor").get("/alembic/ledger").text
    assert '<a href="/alembic/db/default/history">History</a>' in page
    assert '<a href="/alembic/ledger" aria-current="page">Ledger</a>' in page


def test_the_ledger_is_offered_to_auditors_only(panel: Panel) -> None:
    """Who may not read it is not led to it."""
    assert "/alembic/ledger" in panel.client("auditor").get(HOME).text
    assert "/alembic/ledger" not in panel.client("viewer").get(HOME).text


def test_static_files_change_their_address_with_the_version(panel: Panel) -> None:
    """No browser shows a new page with an old style sheet."""
    assert "alembic_admin.css?v=" in panel.client("viewer").get(HOME).text


def test_without_babel_words_are_english() -> None:
    """An app without Flask-Babel has English pages, with values filled in."""
    with Flask(__name__).app_context():
        assert translation.gettext("at %(place)s", place="base") == "at base"
        assert translation.ngettext("%(num)s step", "%(num)s steps", 1) == "1 step"
        assert translation.ngettext("%(num)s step", "%(num)s steps", 2) == "2 steps"
        assert translation.language() == "en"


def test_markup_among_the_values_escapes_the_others() -> None:
    """A name from outside cannot bring markup in beside a link of ours."""
    with Flask(__name__).app_context():
        text = translation.gettext("%(name)s: %(link)s", name="<b>", link=Markup("<a>%s</a>") % "x")
    assert text == "&lt;b&gt;: <a>x</a>"


def test_with_babel_words_are_the_visitors(panel: Panel, tmp_path: Path) -> None:
    """An app with Flask-Babel has the panel in its visitor's language, as far as it translates."""
    catalogue = tmp_path / "translations" / "de" / "LC_MESSAGES"
    catalogue.mkdir(parents=True)
    write_catalogue(catalogue / "messages.mo", {"History": "Verlauf", "Skip to content": "Weiter"})
    panel.app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(tmp_path / "translations")
    flask_babel.Babel(panel.app, locale_selector=lambda: "de")
    page = panel.client("viewer").get(HOME).text
    assert '<html lang="de"' in page
    assert ">Verlauf</a>" in page


def write_catalogue(path: Path, words: dict[str, str]) -> None:
    """Write what gettext reads."""
    from babel.messages.catalog import Catalog
    from babel.messages.mofile import write_mo

    catalogue = Catalog(locale="de")

    for english, german in words.items():
        catalogue.add(english, german)

    with path.open("wb") as file:
        write_mo(file, catalogue)
