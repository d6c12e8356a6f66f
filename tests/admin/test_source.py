from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from flask import render_template_string
from markupsafe import escape
from markupsafe import Markup

from flask_alembic_admin.admin.source import coloured
from flask_alembic_admin.admin.source import MOST_COLOURED

from .conftest import Panel

STYLE_SHEET = Path(__file__).parents[2] / "static" / "alembic_admin.css"

PYTHON = '''
"""add <things>"""


@decorated
def upgrade():
    op.create_table("things", x=1)  # a > b
'''


def _text(markup: Markup) -> str:
    """Return what a reader sees and copies."""
    return Markup(re.sub(r"<[^>]+>", "", markup)).unescape()


@pytest.mark.parametrize(
    "expected",
    [
        '<span class="hl-string">&#34;&#34;&#34;add &lt;things&gt;&#34;&#34;&#34;</span>',
        '<span class="hl-name">@decorated</span>',
        '<span class="hl-keyword">def</span> <span class="hl-name">upgrade</span>',
        '<span class="hl-number">1</span>',
        '<span class="hl-comment"># a &gt; b</span>',
    ],
)
def test_python_is_coloured_by_class(expected: str) -> None:
    """And everything in it is escaped."""
    assert expected in coloured(PYTHON, "python")


def test_sql_is_coloured_by_class() -> None:
    """Its own words, not those of Python."""
    markup = coloured("DROP TABLE x; -- 'gone'\nSELECT 'it''s', 12", "sql")
    assert '<span class="hl-keyword">DROP</span>' in markup
    assert '<span class="hl-comment">-- &#39;gone&#39;\n</span>' in markup
    assert '<span class="hl-number">12</span>' in markup


@pytest.mark.parametrize("language", ["python", "sql", "klingon"])
@pytest.mark.parametrize("anchor", [None, "L"])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "\n\n  a\n\n",
        PYTHON,
        "no end",
        "'''never closed <script>",
        '/* never\nclosed & "bad"',
        "\t\x0c\x1b\u2028 é 漢",
        "def def ((( 0x 1e f'{",
    ],
)
def test_no_character_is_lost(text: str, language: str, anchor: str | None) -> None:
    """Whatever the text is, what is read and copied is the text."""
    markup = coloured(text, language, anchor)
    assert _text(markup) == text
    assert markup.count("<span") == markup.count("</span>")
    assert not re.search(r"<(?!/?span)", markup)


@pytest.mark.parametrize("text", ["a\0b", "\ud800 half", "\udcff", "\ufeffa = 1"])
def test_text_that_no_page_can_hold_does_not_raise(text: str) -> None:
    """A response can be sent with what comes out."""
    assert "\0" not in coloured(text, "python", "L").encode().decode()


def test_the_ends_of_lines_are_made_one_kind() -> None:
    """Files from elsewhere are numbered as well as ours."""
    assert _text(coloured("a\r\nb\rc", "python")) == "a\nb\nc"
    assert coloured("a\r\nb\rc", "klingon", "L").count('class="line"') == 3


def test_lines_are_numbered_as_in_the_file() -> None:
    """Also empty ones at its beginning, and those inside a long string."""
    markup = coloured('\n\nx = """a\nb"""\n', "python", "L")
    assert re.findall(r'class="line" id="(\w+)"', markup) == ["L1", "L2", "L3", "L4"]
    assert '<span class="line" id="L4"><span class="hl-string">b&#34;&#34;&#34;</span>' in markup


def test_very_long_text_stays_plain_and_is_quick() -> None:
    """Nobody reads five megabytes by their colours."""
    text = PYTHON * (5_000_000 // len(PYTHON))
    began = time.process_time()
    markup = coloured(text, "python", "L")
    assert time.process_time() - began < 1
    assert markup == escape(text)


@pytest.mark.parametrize(
    ("language", "piece"), [("python", "f'{"), ("python", "$a$"), ("sql", "/*"), ("sql", "'")]
)
def test_no_text_takes_long(language: str, piece: str) -> None:
    """None makes Pygments go back and forth."""
    began = time.process_time()
    coloured(piece * (MOST_COLOURED // len(piece)), language, "L")
    assert time.process_time() - began < 5


def test_the_macro_gives_a_region_that_can_be_scrolled_and_copied(panel: Panel) -> None:
    """By keyboard too, and its name is said."""
    template = (
        '{% from "alembic_admin/_source.html" import source with context %}'
        '{{ source("x = 1", "python", "The file", numbers=true) }}'
    )

    with panel.app.test_request_context("/"):
        html = render_template_string(template, _=str)

    assert '<pre class="scroll" tabindex="0" role="region" aria-label="The file">' in html
    assert '<code class="numbered"><span class="line" id="L1">x = ' in html
    assert "data-aa-copy" in html


def _luminance(colour: str) -> float:
    parts = re.findall("..", colour if len(colour) == 6 else "".join(2 * x for x in colour))
    linear = [
        value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4
        for value in (int(part, 16) / 255 for part in parts)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    dark, light = sorted([_luminance(one), _luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def test_every_colour_of_source_can_be_read() -> None:
    """In both themes, also on the line that a link leads to."""
    style = STYLE_SHEET.read_text()
    pair = r"light-dark\(#(\w+), #(\w+)\)"
    colours = re.findall(rf"\.hl-(\w+) {{ color: {pair}", style)
    [quiet] = re.findall(rf"--aa-quiet: {pair}", style)
    [sunk] = re.findall(rf"--aa-sunk: {pair}", style)
    [target] = re.findall(rf"\.line:target {{ background: {pair}", style)
    assert {name for name, *_ in colours} == {"keyword", "string", "number", "comment", "name"}

    for name, *colour in [*colours, ("quiet", *quiet)]:
        for theme in (0, 1):
            for ground in (sunk, target):
                assert _contrast(colour[theme], ground[theme]) >= 4.5, (name, theme)
