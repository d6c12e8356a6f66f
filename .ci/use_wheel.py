"""Serve a page and a static file from an installed wheel, and look at what is in it."""

import sys
import zipfile

import flask

import flask_alembic_admin
from flask_alembic_admin import alembic_admin

names = zipfile.ZipFile(sys.argv[1]).namelist()
allowed = ("flask_alembic_admin/", "flask_alembic_admin-")
assert all(name.startswith(allowed) for name in names), names
assert "site-packages" in flask_alembic_admin.__file__, flask_alembic_admin.__file__

app = flask.Flask(__name__)
app.register_blueprint(alembic_admin)
client = app.test_client()
page = client.get("/alembic/")
assert page.status_code == 403, page.status
assert "migrations panel" in page.text, page.text
sheet = client.get("/alembic/static/alembic_admin.css")
assert sheet.status_code == 200, sheet.status
assert len(sheet.data) > 1000, sheet.data
print(f"the wheel serves a page ({page.status}) and a style sheet ({len(sheet.data)} bytes)")
