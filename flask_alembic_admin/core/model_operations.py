"""The operations that would make a database what its models say."""

from __future__ import annotations

from pathlib import Path

from alembic import autogenerate
from alembic.operations import MigrationScript
from alembic.runtime.migration import MigrationContext

from ..errors import EnvPyError


def check_models(context: MigrationContext) -> None:
    """Refuse to compare a database with no models.

    :param context: Its context.
    :raises EnvPyError: It was configured without models.
    """
    if context.opts.get("target_metadata") is not None:
        return

    around = context.environment_context
    file = Path(around.script.dir, "env.py") if around is not None else "The env.py"
    raise EnvPyError(
        f"{file} gives no target_metadata to configure(), so there are no models to compare with.",
        "Pass target_metadata=, such as Base.metadata.",
    )


def made_by_comparing(context: MigrationContext) -> MigrationScript:
    """Return the operations that would make one database what the models say.

    :param context: Its context, connected.
    :raises EnvPyError: It was configured without models.
    """
    check_models(context)
    options = context.opts
    metadata = options["target_metadata"]
    made = autogenerate.produce_migrations(context, metadata)

    for up in made.upgrade_ops_list:
        up.upgrade_token = options["upgrade_token"]

    for down in made.downgrade_ops_list:
        down.downgrade_token = options["downgrade_token"]

    return made
