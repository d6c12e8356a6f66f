"""Letting Alembic write new revisions somewhere else, and reading there what it wrote."""

from __future__ import annotations

import collections.abc as c
import contextlib
import typing as t
from pathlib import Path

from alembic import util
from alembic.operations import MigrationScript
from alembic.operations import ops
from alembic.script import Script
from alembic.script import ScriptDirectory

from ...errors import ScriptError
from ..own_folder import own_folder
from ..scripts.history import History
from ..scripts.options import to_folder
from ..scripts.scripts import open_directory
from ..scripts.scripts import Scripts
from .draft import Draft
from .template import check_template

if t.TYPE_CHECKING:
    from alembic.config import Config


class Elsewhere:
    """Lets Alembic write new revisions to a temporary folder, and reads there what it wrote.

    :param scripts: The revision files.
    :param history: The same, read before.
    """

    def __init__(self, scripts: Scripts, history: History) -> None:
        self._scripts = scripts
        self._heads = history.heads
        #: The files as Alembic has loaded them. It adds the new one, so nobody else reads them.
        self.loaded = scripts.load()
        #: For each folder of revision files the one that is written to instead.
        self._instead: dict[Path, Path] = {}

    @contextlib.contextmanager
    def opened(self, config: Config) -> c.Iterator[ScriptDirectory]:
        """Lend a script directory with the same revisions that writes somewhere else.

        :param config: Alembic's configuration.
        :raises ScriptError: There is no template, or it is not for these databases.
        """
        check_template(self._scripts)
        directory = open_directory(config)
        directory.revision_map = self.loaded.revision_map
        # They are for the file in the source tree.
        directory.hooks = []

        with own_folder() as place:
            for number, folder in enumerate(self._scripts.folders):
                self._instead[folder] = place / str(number)

            directory.version_locations = [str(path) for path in self._instead.values()]
            yield directory

    def redirect(self, made: MigrationScript) -> None:
        """Have a revision written elsewhere.

        :param made: What it will be; ``process_revision_directives`` may have changed it.
        """
        chosen = self._home(made) if made.version_path is None else made.version_path
        # One that is none of ours stays, for Alembic to refuse.
        made.version_path = str(self._instead.get(to_folder(str(chosen)), chosen))

    def draft(
        self, script: Script | None, made: MigrationScript, compared: c.Sequence[str]
    ) -> Draft:
        """Return the draft that a file written elsewhere is.

        :param script: The file, as Alembic has loaded it.
        :param made: What was written.
        :param compared: The databases that were compared with their models.
        :raises ScriptError: Its name is not that of a revision file.
        """
        if script is None:
            raise ScriptError(
                "The new file would not be taken for a revision file because of its name.",
                "Correct ALEMBIC['file_template'].",
            )

        path = Path(script.path)
        folder, instead = next(
            pair for pair in self._instead.items() if path.is_relative_to(pair[1])
        )
        draft = Draft(
            revision=script.revision,
            message=made.message or "",
            folder=str(folder),
            file=path.relative_to(instead).as_posix(),
            text=path.read_bytes().decode(self.loaded.output_encoding),
            parents=tuple(util.to_tuple(script.down_revision, default=())),
            depends_on=tuple(util.to_tuple(script.dependencies, default=())),
            # Those of a script are also those that it has from its parents.
            labels=tuple(util.to_tuple(getattr(script.module, "branch_labels", None), default=())),
            operations=sum(_count(operations) for operations in made.upgrade_ops_list),
            compared=tuple(compared),
            heads=self._heads,
        )
        # Where there are several, the next one comes after this one.
        self._heads = tuple(sorted(draft.heads_after))
        return draft

    def _home(self, made: MigrationScript) -> Path:
        """Return the folder that Alembic would choose."""
        if len(self._scripts.folders) > 1:
            for head in self.loaded.get_revisions(made.head or "head"):
                if head is not None:
                    return Path(head.path).parent

        return self._scripts.folders[0]


def _count(operations: ops.OpContainer) -> int:
    return sum(_count(one) if isinstance(one, ops.OpContainer) else 1 for one in operations.ops)
