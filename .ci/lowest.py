"""Print a constraint ``name==version`` for each lowest version that pyproject.toml allows."""

import re
import tomllib
from pathlib import Path

#: What apps bring along and the panel works beside; the rest of ``test`` is for the tests alone.
BESIDE = {
    "Flask-Alembic",
    "Flask-Babel",
    "Flask-Migrate",
    "Flask-SQLAlchemy-Lite",
    "aiosqlite",
}

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"]
beside = [text for text in extras["test"] if re.split("[^\\w-]", text)[0] in BESIDE]
assert len(beside) == len(BESIDE), beside

for requirement in [
    *project["dependencies"],
    *extras["postgresql"],
    *extras["mysql"],
    *extras["celery"],
    *beside,
]:
    found = re.fullmatch(r"([\w-]+)(?:\[\w+\])?>=([\d.]+)", requirement)
    assert found, f"{requirement!r} has no lowest version"
    name, version = found.groups()
    print(f"{name}=={version}")

    if name == "psycopg":
        print(f"psycopg-binary=={version}")
