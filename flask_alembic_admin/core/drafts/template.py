"""The template of new revisions, looked at before anything is written with it."""

from __future__ import annotations

import re

from ...errors import ScriptError
from ..scripts.scripts import Scripts


def check_template(scripts: Scripts) -> None:
    """Refuse a template that would write what cannot be run.

    :param scripts: The revision files.
    :raises ScriptError: It is missing, or is not for the databases that there are.
    """
    path, names = scripts.folder / "script.py.mako", scripts.database_names

    if not path.exists():
        raise ScriptError(
            f"There is no template {path} to make a revision of.",
            f"Make it with '{scripts.command} mkdir'.",
        )

    if len(names) < 2:
        return

    text = path.read_text("utf-8", errors="replace")

    # What was found in the others would be left out of the file.
    if not re.search("engine_name|_upgrades", text):
        raise ScriptError(
            f"The template {path} is for one database, and there are {len(names)}: "
            f"{', '.join(names)}.",
            f"Delete it, and make one for several with '{scripts.command} mkdir'.",
        )

    wrong = [name for name in names if not f"_{name}".isidentifier()]

    if wrong and "def upgrade_${" in text:
        better = re.sub(r"\W", "_", wrong[0])
        raise ScriptError(
            f"Database '{wrong[0]}' cannot have a function of its own in a revision: "
            f"'upgrade_{wrong[0]}' is no name in Python.",
            f"Call it '{better}' in SQLALCHEMY_BINDS or in 'metadatas' and 'engines', or have the "
            f"template {path} write it in another way.",
        )
