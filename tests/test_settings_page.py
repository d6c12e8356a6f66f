from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from flask_alembic_admin.core.settings import Settings

PAGE = (Path(__file__).parent.parent / "docs" / "settings.md").read_text()


@pytest.mark.parametrize("setting", [field.name for field in dataclasses.fields(Settings)])
def test_every_setting_is_documented(setting: str) -> None:
    """Whoever reads the page knows them all, with their defaults."""
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{setting}` |")]
    default = getattr(Settings(), setting)
    shown = (
        "none"
        if default is None
        else f'`"{default}"`'
        if isinstance(default, str)
        else f"`{default}`"
    )
    assert row.split(" | ")[1] == shown
