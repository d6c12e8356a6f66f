"""Serve a page from an installed wheel, call its program, and look at what is in it."""

import subprocess
import sys
import zipfile
from pathlib import Path

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
program = Path(sys.executable).with_name("alembic-db")
said = subprocess.run([program, "--help"], check=True, capture_output=True, text=True).stdout
assert said.startswith("Usage: alembic-db"), said
print(f"the wheel serves a page ({page.status}) and a style sheet ({len(sheet.data)} bytes)")
