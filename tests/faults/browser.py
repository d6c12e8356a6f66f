"""Somebody who opens pages and sends forms, at a real server or at none."""

from __future__ import annotations

import http.cookiejar
import re
import typing as t
import urllib.error
import urllib.parse
import urllib.request

from flask.testing import FlaskClient

HOME = "/alembic/db/default"

#: What the page of a run says while it goes on, and when it has ended well.
GOES_ON = "The run goes on in a process of its own."
SUCCEEDED = "Succeeded: the database went from"


class Page(t.NamedTuple):
    """What was answered.

    :param status: The code.
    :param path: Where it was found in the end.
    :param text: What it says.
    :param headers: What goes with it.
    """

    status: int
    path: str
    text: str
    headers: t.Mapping[str, str]

    @property
    def run_id(self) -> str:
        """The id of the run whose page this is."""
        found = re.search(r"/runs/(\w{32})$", self.path)
        assert found, self.path
        return found[1]

    def fields(self) -> dict[str, str]:
        """Return the hidden fields of its first form."""
        return dict(re.findall(r'name="(\w+)" type="hidden" value="([^"]*)"', self.text))


class Browser:
    """One browser with its session.

    :param place: A client of the app, or the address of a server.
    """

    def __init__(self, place: FlaskClient | str) -> None:
        self._place = place
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(cookies)

    def open(self, path: str, data: dict[str, str] | None = None) -> Page:
        """Open a page, or send a form and open the page that it leads to."""
        if isinstance(self._place, FlaskClient):
            method = "GET" if data is None else "POST"
            answer = self._place.open(path, method=method, data=data, follow_redirects=True)
            return Page(answer.status_code, answer.request.path, answer.text, dict(answer.headers))

        sent = None if data is None else urllib.parse.urlencode(data).encode()

        try:
            found = self._opener.open(urllib.parse.urljoin(self._place, path), sent, timeout=20)
        except urllib.error.HTTPError as error:
            found = error

        with found:
            path = urllib.parse.urlsplit(found.url).path
            return Page(found.status, path, found.read().decode(), dict(found.headers))

    def cookies(self) -> str:
        """Return the session, for another browser of the same person."""
        assert isinstance(self._place, FlaskClient)
        cookie = self._place.get_cookie("session")
        assert cookie
        return cookie.value

    def take(self, session: str) -> None:
        """Go on with the session of another browser."""
        assert isinstance(self._place, FlaskClient)
        self._place.set_cookie("session", session)

    def plan(self) -> Page:
        """Plan an upgrade."""
        fields = self.open(HOME).fields()
        page = self.open(f"{HOME}/plans", {**fields, "action": "upgrade", "target": "heads"})
        assert "ticket" in page.fields(), page.text
        return page

    def confirm(self, plan: Page) -> Page:
        """Confirm a plan."""
        asked = re.search(r'data-aa-phrase="([^"]*)"', plan.text)
        said = {"understood": "y", "reason": "release 5", "phrase": asked[1] if asked else ""}
        return self.open(f"{HOME}/runs", {**plan.fields(), **said})
