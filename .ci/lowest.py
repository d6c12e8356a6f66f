"""Print a constraint ``name==version`` for each lowest version that pyproject.toml allows."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"]

for requirement in [*project["dependencies"], *extras["postgresql"], *extras["mysql"]]:
    found = re.fullmatch(r"([\w-]+)(?:\[\w+\])?>=([\d.]+)", requirement)
    assert found, f"{requirement!r} has no lowest version"
    name, version = found.groups()
    print(f"{name}=={version}")

    if name == "psycopg":
        print(f"psycopg-binary=={version}")
