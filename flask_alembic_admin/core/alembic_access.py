"""Alembic's own objects for the present context: found, made, held and closed."""

from __future__ import annotations

import collections.abc as c
import contextlib

from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from .alembic_objects import AlembicObjects
from .project import Project


class AlembicAccess:
    """Gives Alembic's own objects for one project.

    What a verb opens it closes, unless somebody asked for the objects before: then it works with
    those.

    :param project: What is fixed. A subclass may find its project in another way.
    """

    def __init__(self, project: Project) -> None:
        self._own_project = project
        self._own_objects: AlembicObjects | None = None

    # What a subclass may store elsewhere.

    def _project(self) -> Project:
        """Return what is fixed for the present app or command."""
        return self._own_project

    def _held(self) -> AlembicObjects | None:
        """Return the objects in use in the present context, if there are any."""
        return self._own_objects

    def _hold(self, objects: AlembicObjects | None) -> None:
        """Keep objects as those in use in the present context."""
        self._own_objects = objects

    # Alembic's own objects.

    @property
    def project(self) -> Project:
        """What is fixed: scripts, databases and options."""
        return self._project()

    @property
    def config(self) -> Config:
        """Alembic's configuration."""
        return self._opened().config

    @property
    def script_directory(self) -> ScriptDirectory:
        """Alembic's view of the revision files, as they are on disk now."""
        return self._project().scripts.directory()

    @property
    def environment_context(self) -> EnvironmentContext:
        """Alembic's environment for the default database."""
        return self._opened().environment(self._project().default_name)

    @property
    def migration_contexts(self) -> dict[str, MigrationContext]:
        """Alembic's migration contexts by database name, each with a connection of its own.

        Inside ``run_migrations`` they are those of the databases that the verb works on.
        """
        return self._opened().contexts()

    @property
    def migration_context(self) -> MigrationContext:
        """Alembic's migration context for the default database."""
        return self._opened().context(self._project().default_name)

    @property
    def ops(self) -> dict[str, Operations]:
        """Alembic's operations by database name, each bound to its own database."""
        return self._opened().operations()

    @property
    def op(self) -> Operations:
        """Alembic's operations for the default database."""
        return Operations(self.migration_context)

    script = script_directory
    env = environment_context
    context = migration_context

    @contextlib.contextmanager
    def use(
        self,
        database: str | None = None,
        x_arguments: c.Sequence[str] = (),
        tag: str | None = None,
        *,
        project: Project | None = None,
    ) -> c.Iterator[AlembicObjects]:
        """Work with one set of Alembic's objects for as long as the block lasts.

        :param database: The only database that verbs inside it work on; all if None.
        :param x_arguments: ``key=value`` texts for ``context.get_x_argument()`` in migrations.
        :param tag: What ``context.get_tag_argument()`` returns in migrations.
        :param project: Has the databases that verbs inside it work on; the present one if None.
        """
        before = self._held()
        objects = AlembicObjects(project or self._project(), x_arguments, tag)
        self._hold(objects)

        try:
            names = None if database is None else self._project().names(database)

            with objects.only(names):
                yield objects
        finally:
            self._hold(before)
            objects.close()

    @contextlib.contextmanager
    def in_use(self, database: str | None = None) -> c.Iterator[AlembicObjects]:
        """Work with the objects in use, or with new ones for as long as the block lasts.

        :param database: The only database that verbs inside it work on; if None, those that the
            block around it works on.
        """
        held = self._held()

        if held is None:
            with self.use(database) as objects:
                yield objects
        else:
            with held.only(None if database is None else self._project().names(database)):
                yield held

    def _opened(self) -> AlembicObjects:
        objects = self._held()

        if objects is None:
            objects = AlembicObjects(self._project())
            self._hold(objects)

        return objects
