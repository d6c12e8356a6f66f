"""Wherever an app puts the panel, its links and forms lead to its own pages."""

from __future__ import annotations

import collections.abc as c
import datetime as dt
import html.parser
import typing as t
from urllib.parse import parse_qsl
from urllib.parse import urljoin
from urllib.parse import urlsplit

import pytest
from flask import Blueprint
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from flask_alembic_admin import AlembicAdmin
from flask_alembic_admin.admin.views import ROUTES
from flask_alembic_admin.core.ledger.report import StepReport
from flask_alembic_admin.core.ledger.tables import StepFacts
from flask_alembic_admin.core.ledger.tables import StepStatus
from flask_alembic_admin.core.settings import ACTIONS

from .conftest import Panel
from .conftest import ROLES

#: What no page leads to: it is for machines, or for a run on a server that has gone wrong.
NOT_LINKED = {
    "health",
    "status_json",
    "cancel_statement",
    "examine_run",
    "look_at_run",
    "plan_rest",
}


class Form(t.NamedTuple):
    """A form as it stands on a page.

    :param method: How it is sent.
    :param action: Where to.
    :param values: What is sent if nothing is touched.
    """

    method: str
    action: str
    values: dict[str, str]


class Reader(html.parser.HTMLParser):
    """Finds what a page leads to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.forms: list[Form] = []
        self._select = ""
        self._values: dict[str, str] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note a link, a form, or a value in a form."""
        found = {name: value or "" for name, value in attributes}
        self.links += [found[name] for name in ("href", "src", "data-aa-watch") if name in found]

        if tag == "form":
            self._values = {}
            self.forms.append(Form(found["method"].upper(), found["action"], self._values))
        elif tag == "select":
            self._select = found.get("name", "")
        elif tag == "option" and ("selected" in found or self._select not in self._values):
            self._values[self._select] = found.get("value", "")
        elif tag in {"input", "button"} and "name" in found and _is_sent(found):
            # Without what has to be written no form leads on.
            written = "words" if "required" in found else ""
            self._values[found["name"]] = found.get("value") or written

    def handle_endtag(self, tag: str) -> None:
        """Leave a form: what comes after it is not sent with it."""
        if tag == "form":
            self._values = {}


def _is_sent(attributes: dict[str, str]) -> bool:
    return attributes.get("type") not in {"checkbox", "radio"} or "checked" in attributes


class Crawl:
    """Somebody who follows every link and sends every form of the pages below a prefix.

    :param client: Their client.
    :param prefix: What every page begins with.
    """

    def __init__(self, client: Client, prefix: str) -> None:
        self.client = client
        self.prefix = prefix
        self.seen: set[tuple[str, ...]] = set()
        #: Each page and form that was asked for, as method and path below the prefix.
        self.asked: set[tuple[str, str]] = set()

    def follow(self, page: str, link: str, way: Form | None = None) -> None:
        """Ask for what a page leads to, and for all that this leads to in turn."""
        url = urljoin(page, link)
        path, query = urlsplit(url)[2:4]
        assert path.startswith(self.prefix), f"{page} leads to {url}"
        method = way.method if way else "GET"
        values = way.values if way else {}
        # A form on many pages is sent once for each thing that it can ask for.
        named = (values.get("action", ""), values.get("target", "")) if way else (query,)
        key = (method, path if not way or way.method == "GET" else self._kind(path), *named)

        if key in self.seen:
            return

        self.seen.add(key)
        self.asked.add((method, path.removeprefix(self.prefix)))
        sent = {"data": values} if method == "POST" else {"query_string": parse_qsl(query)}
        answer = self.client.open(path, method=method, headers={"X-Role": "chief"}, **sent)
        wanted = {200, 303, 400} if way and method == "POST" else {200, 303}
        assert answer.status_code in wanted, f"{page} leads to {method} {url}: {answer.status}"
        text = answer.get_data(as_text=True)
        answer.close()

        if answer.status_code == 303:
            self.follow(path, answer.headers["Location"])
        elif answer.mimetype == "text/html":
            self.read(path, text)

    def read(self, page: str, text: str) -> None:
        """Follow all that stands on a page."""
        found = Reader(text)
        assert found.links

        for link in found.links:
            if not link.startswith("#"):
                self.follow(page, link)

        for form in found.forms:
            self.follow(page, form.action, form)

    @staticmethod
    def _kind(path: str) -> str:
        return "/".join("*" if len(part) == 32 else part for part in path.split("/"))


class Mounted(t.NamedTuple):
    """A panel at a place.

    :param client: A client of all that is served there.
    :param prefix: Where the panel is.
    """

    client: Client
    prefix: str


Mount = c.Callable[[Flask, AlembicAdmin], Mounted]


def elsewhere(app: Flask, panel: AlembicAdmin) -> Mounted:
    """Put it at another prefix."""
    app.register_blueprint(panel, url_prefix="/ops/migrations")
    return Mounted(app.test_client(), "/ops/migrations/")


def renamed(app: Flask, panel: AlembicAdmin) -> Mounted:
    """Give it another name where it is registered."""
    app.register_blueprint(panel, url_prefix="/renamed", name="other")
    return Mounted(app.test_client(), "/renamed/")


def nested(app: Flask, panel: AlembicAdmin) -> Mounted:
    """Put it into a blueprint within a blueprint."""
    outer, inner = Blueprint("ops", __name__), Blueprint("databases", __name__)
    inner.register_blueprint(panel, url_prefix="/nested")
    outer.register_blueprint(inner, url_prefix="/databases")
    app.register_blueprint(outer, url_prefix="/ops")
    return Mounted(app.test_client(), "/ops/databases/nested/")


def behind_a_script_name(app: Flask, panel: AlembicAdmin) -> Mounted:
    """Serve the whole app below a path, as a proxy does."""
    app.register_blueprint(panel, url_prefix="/panel")

    def nothing(environ: object, start_response: c.Callable[..., object]) -> list[bytes]:
        start_response("404 Not Found", [])
        return [b""]

    return Mounted(Client(DispatcherMiddleware(nothing, {"/shop": app})), "/shop/panel/")


def half_migrated(panel: Panel) -> None:
    """Leave something to be upgraded."""
    with panel.app.app_context():
        panel.alembic.upgrade("aaa1")


def up_to_date(panel: Panel) -> None:
    """Leave nothing pending, so that models and database can be compared for a new revision."""
    with panel.app.app_context():
        panel.alembic.upgrade("heads")


def at_work(panel: Panel) -> None:
    """Have a run go on, as far as the ledger knows."""
    with panel.app.app_context():
        ledger = panel.alembic.project.ledger

    run_id = "f" * 32
    ledger.begin(
        run_id=run_id, database="default", action="upgrade", target="heads", heads_before=["aaa1"],
        plan={}, plan_hash="", steps=[StepFacts("bbb2", "upgrade", None, None, "create parts")],
        actor="ops", reason=None, runner="process", host="elsewhere", pid=1, session=None,
        versions={},
    )  # fmt: skip
    now = dt.datetime.now(dt.UTC)
    ledger.report(run_id, steps=[StepReport(1, StepStatus.RUNNING, now)])


@pytest.mark.parametrize("mount", [elsewhere, renamed, nested, behind_a_script_name])
def test_every_link_and_every_form_leads_to_the_panels_own_pages(
    make_panel: c.Callable[..., Panel], monkeypatch: pytest.MonkeyPatch, mount: Mount
) -> None:
    """All of them are followed from the first page on, in several states of the database."""
    monkeypatch.setitem(ROLES, "chief", {"view", "audit", *ACTIONS})
    made = make_panel(ALEMBIC_ADMIN={"runner": "inline", "actions": ACTIONS})
    made.open_up()
    panel = AlembicAdmin("migrations")
    panel.permission_rule = made.blueprint.permission_rule
    client, prefix = mount(made.app, panel)
    asked: set[tuple[str, str]] = set()

    for bring in (half_migrated, up_to_date, at_work):
        bring(made)
        crawl = Crawl(client, prefix)
        crawl.follow(prefix, prefix)
        asked |= crawl.asked

    urls = made.app.url_map.bind("localhost")
    # They are matched where the panel is registered first.
    reached = {urls.match(f"/alembic/{path}", method)[0] for method, path in asked}
    wanted = {f"alembic_admin.{route.endpoint}" for route in ROUTES} | {"alembic_admin.static"}
    assert wanted - reached == {f"alembic_admin.{name}" for name in NOT_LINKED}


def test_one_panel_serves_two_apps(make_panel: c.Callable[..., Panel]) -> None:
    """The same blueprint can be registered on a second app after the first has served."""
    panel = make_panel()
    panel.open_up()
    assert panel.client("viewer").get("/alembic/").status_code == 200
    other = Flask("other")
    other.config["SECRET_KEY"] = "other"
    other.register_blueprint(panel.blueprint, url_prefix="/elsewhere", name="second")
    assert other.test_client().get("/elsewhere/").status_code == 403
