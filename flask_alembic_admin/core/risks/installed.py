"""Rules that other packages bring along."""

from __future__ import annotations

import functools
import importlib.metadata
import logging

#: Where a package names the modules that have rules.
GROUP = "flask_alembic_admin.risks"

_logger = logging.getLogger(__name__)


@functools.cache
def load_custom_rules() -> None:
    """Import, once, what packages name as having rules; one that fails is logged and left out."""
    for entry in importlib.metadata.entry_points(group=GROUP):
        try:
            entry.load()
        except Exception:
            _logger.exception("The rules of %s cannot be loaded.", entry.value)
