"""The Alembic plugin that hides the ledger's tables from autogenerate.

Alembic loads it by its entry point, also for a plain ``alembic revision --autogenerate``.
Where the package is not installed, importing this module registers it.
"""

from __future__ import annotations

import collections.abc as c
import contextlib
import importlib.metadata
import sys
import types
import typing as t

from .tables import TABLE_NAMES

# That of the lease is in a module that this one must not import: it imports Alembic, which loads
# this one while it is being imported itself.
_OURS = TABLE_NAMES | {"alembic_admin_lock"}

# An entry point is loaded while `alembic` itself is being imported, so no line that runs then
# may import from it.
if t.TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext
    from alembic.operations import ops
    from alembic.runtime.plugins import Plugin
    from alembic.util import PriorityDispatchResult

#: Part of what ``autogenerate_plugins`` takes in by default: ``alembic.autogenerate.*``.
PLUGIN_NAME = "alembic.autogenerate.flask_alembic_admin"


def setup(plugin: Plugin) -> None:
    """Add the comparator that runs after all others; Alembic calls this.

    :param plugin: What Alembic made for this module.
    """
    from alembic.util import DispatchPriority

    plugin.add_autogenerate_comparator(
        hide_ledger,
        "schema",
        # An element of its own, since a comparator may stop those that share its element.
        "alembic_admin_ledger",
        priority=DispatchPriority.LAST,
    )


def hide_ledger(
    context: AutogenContext, upgrade_ops: ops.UpgradeOps, schemas: set[str | None]
) -> PriorityDispatchResult:
    """Take the dropping of the ledger's tables, in any schema, out of what autogenerate found."""
    from alembic.util import PriorityDispatchResult

    _keep_others(upgrade_ops)
    return PriorityDispatchResult.CONTINUE


def _keep_others(container: ops.OpContainer) -> None:
    from alembic.operations import ops

    kept: list[ops.MigrateOperation] = []

    for operation in container.ops:
        if isinstance(operation, (ops.DropTableOp, ops.DropIndexOp)):
            if operation.table_name in _OURS:
                continue
        elif isinstance(operation, ops.ModifyTableOps) and operation.table_name in _OURS:
            _keep_others(operation)

            if operation.is_empty():
                continue

        kept.append(operation)

    container.ops[:] = kept


class _OneModule(types.ModuleType):
    """A module that is also a list of itself, which is what Alembic before 1.20.1 wants."""

    def __iter__(self) -> c.Iterator[types.ModuleType]:
        yield self


def _register() -> None:
    """Register this module, unless its entry point does so."""
    if importlib.metadata.entry_points(group="alembic.plugins", name=PLUGIN_NAME):
        return

    from alembic.runtime.plugins import Plugin

    # A reload finds the plugin of the first load, which does the same.
    with contextlib.suppress(ValueError):
        Plugin.setup_plugin_from_module(sys.modules[__name__], PLUGIN_NAME)


sys.modules[__name__].__class__ = _OneModule
_register()
