from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


def test_there_are_templates_to_read() -> None:
    """The checks below read something."""
    assert len(TEMPLATES) > 5


#: What a strict content policy would not run, or what would not be escaped.
INLINE = re.compile(
    r"\sstyle\s*=|\son\w+\s*=|<style|<script(?![^>]*\ssrc=)|javascript:|\|\s*safe\b|autoescape\s+false",
    re.IGNORECASE,
)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_nothing_inline(template: Path) -> None:
    """A strict content policy stays possible, and all output is escaped."""
    assert not INLINE.search(template.read_text())


@pytest.mark.parametrize(
    "text",
    [
        '<p style="color: red">',
        "<p\n  onclick=alert(1)>",
        '<body ONLOAD = "x()">',
        "<script>x()</script>",
        '<script type="module">x()</script>',
        "<style>",
        '<a href="javascript:x()">',
        "{{ text|safe }}",
        "{{ text | safe }}",
        "{% autoescape false %}",
    ],
)
def test_what_is_inline_is_found(text: str) -> None:
    """However it is written."""
    assert INLINE.search(text)


def test_assets_stay_small() -> None:
    """All style sheets and scripts together weigh less than 40 kB."""
    files = [path for path in (ROOT / "static").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 40_000
