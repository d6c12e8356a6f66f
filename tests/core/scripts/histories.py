"""Histories of folders that nobody reads twice."""

from __future__ import annotations

import collections.abc as c
from pathlib import Path

from flask_alembic_admin.core.scripts.history import History
from flask_alembic_admin.core.scripts.history import HistoryReader


def read_history(folders: c.Sequence[Path], *, recursive: bool = False) -> History:
    """Return the history that the files in some folders make."""
    return HistoryReader(folders, recursive).read()
