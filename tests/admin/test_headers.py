from __future__ import annotations

from flask import Response

from flask_alembic_admin.admin.responses import add_headers

from .conftest import Panel


def test_static_files_are_for_everybody(panel: Panel) -> None:
    """A page that refuses is readable too."""
    with panel.client(None).get("/alembic/static/alembic_admin.css") as response:
        assert response.status_code == 200


def test_every_answer_carries_the_headers(panel: Panel) -> None:
    """Pages are kept out of caches, frames and other sites' scripts, also those that refuse."""
    for role in ("operator", "nobody"):
        headers = panel.client(role).get("/alembic/").headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]


def test_the_hosts_content_policy_is_only_filled_in(panel: Panel) -> None:
    """What the host says stays; what it left open is closed."""
    with panel.app.test_request_context("/alembic/"):
        response = Response()
        response.headers["Content-Security-Policy"] = "img-src data:; script-src 'none'"
        policy = add_headers(response).headers["Content-Security-Policy"]

    assert "img-src data:" in policy
    assert "script-src 'none'" in policy
    assert "default-src 'none'" in policy
