from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


def test_there_are_templates_to_read() -> None:
    """The checks below read something."""
    assert len(TEMPLATES) > 5


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_nothing_inline(template: Path) -> None:
    """A strict content policy stays possible, and all output is escaped."""
    inline = r"\sstyle=|\son\w+\s*=|<style|<script(?![^>]*\ssrc=)|\|\s*safe\b|autoescape false"
    assert not re.search(inline, template.read_text())


def test_assets_stay_small() -> None:
    """All style sheets and scripts together weigh less than 40 kB."""
    files = [path for path in (ROOT / "static").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 40_000
