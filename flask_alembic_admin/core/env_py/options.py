"""What an ``env.py`` gives to ``configure()``: told from its text, or learned by running it."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

from alembic.script import ScriptDirectory

from .folder import EnvFolder
from .folder import Stamp
from .run import Environment
from .run import refuse_missing

if t.TYPE_CHECKING:
    from ..project import Project

#: What belongs to one connection, or to the one who runs it.
_OF_A_CALL = {
    "connection",
    "url",
    "dialect_name",
    "dialect_opts",
    "output_buffer",
    "starting_rev",
    "tag",
    "on_version_apply",
    "fn",
    "environment_context",
}


@dataclasses.dataclass(frozen=True)
class Learned:
    """What one database is configured with.

    :param options: Those that it gives to ``configure()``.
    :param arguments: What its ``run_migrations()`` gives to each revision.
    """

    options: c.Mapping[str, t.Any]
    arguments: c.Mapping[str, t.Any]


class EnvOptions:
    """The options of each database, as far as they are known in this process.

    :param env: The folder.
    :param given: Options that somebody gives to ``env.py``, as Flask-Migrate does.
    """

    def __init__(self, env: EnvFolder, given: c.Mapping[str, t.Any]) -> None:
        self._env = env
        self._given = given
        self._learned: tuple[Stamp, tuple[str, ...], dict[str, Learned]] | None = None

    def known(self, name: str) -> c.Mapping[str, t.Any]:
        """Return the options of a database without running anything.

        They are those that were learned, else those that the text of ``env.py`` tells.

        :param name: The database's name.
        """
        learned = self.learned(name)

        if learned is not None:
            return learned.options

        text = self._env.text
        given = self._given if text.takes_more else {}
        return {"transaction_per_migration": False, **given, **text.options}

    def unknown_place(self, name: str) -> tuple[str, ...]:
        """Return the options that say where the version is kept, as far as they are not known yet.

        :param name: The database's name.
        """
        if self.learned(name) is not None:
            return ()

        computed = self._env.text.computed
        return tuple(option for option in computed if option.startswith("version_table"))

    def learned(self, name: str) -> Learned | None:
        """Return what was learned of a database by running ``env.py`` as it is now.

        :param name: The database's name.
        """
        kept = self._learned

        if kept is None or kept[0] != self._env.stamp():
            return None

        return kept[2].get(name)

    def learn(
        self, project: Project, directory: ScriptDirectory, x_arguments: c.Sequence[str] = ()
    ) -> None:
        """Run ``env.py`` once, with nothing to migrate, unless it was run as it is now.

        :param project: Knows the databases.
        :param directory: The revision files.
        :param x_arguments: What ``context.get_x_argument()`` gives.
        :raises EnvPyError: It cannot be run.
        :raises Busy: Another migration or preview in this process takes too long.
        """
        decisive = self._env.stamp(), tuple(x_arguments)

        if self._learned is not None and self._learned[:2] == decisive:
            return

        probe = _Probe(project.scripts.config(x_arguments), directory, project)
        probe.run()
        refuse_missing(probe, project.databases)
        # Two that learn at once learn the same.
        self._learned = (*decisive, probe.learned)


class _Probe(Environment):
    """Takes down what it is given, and runs nothing."""

    def __init__(self, *arguments: t.Any) -> None:
        super().__init__(*arguments)
        self.learned: dict[str, Learned] = {}

    def after_configure(self, options: c.Mapping[str, t.Any]) -> None:
        if self.name is not None:
            kept = {
                key: value
                for key, value in self.get_context().opts.items()
                if key in options or key == "transaction_per_migration"
            }
            kept = {key: value for key, value in kept.items() if key not in _OF_A_CALL}
            self.learned[self.name] = Learned(kept, {})

    def run_migrations(self, **arguments: t.Any) -> None:
        if self.name is not None:
            learned = self.learned[self.name]
            self.learned[self.name] = dataclasses.replace(learned, arguments=arguments)
