"""What keeps people from using a page, found in one look at it."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from playwright.sync_api import Page

# What gets the focus is written down by the page itself: asking after each key takes much longer.
_LISTEN = """() => {
    const kinds = "a[href], button, input:not([type=hidden]), select, textarea, summary";
    const usable = (element) => element.checkVisibility() && !element.matches(":disabled")
        // Of a group of choices Tab leads to the chosen one.
        && !element.matches("[type=radio]:not(:checked)");
    const wanted = new Set([...document.querySelectorAll(kinds)].filter(usable));
    const named = (element) => element.outerHTML.slice(0, 120);
    window.tabbed = { wanted, unseen: [], named };
    document.addEventListener("focusin", ({ target }) => {
        wanted.delete(target);
        const { outlineStyle, outlineWidth } = getComputedStyle(target);
        if (outlineStyle === "none" || parseFloat(outlineWidth) < 2) {
            window.tabbed.unseen.push(named(target));
        }
    });
    document.activeElement.blur();
    // Panes that can be scrolled by keyboard are on the way too.
    return wanted.size + document.querySelectorAll("[tabindex='0']").length;
}"""
_HEARD = """() => {
    const { wanted, unseen, named } = window.tabbed;
    return [[...wanted].map(named), unseen];
}"""
_RULES: dict[t.Literal["light", "dark"], dict[str, t.Any]] = {
    "light": {"resultTypes": ["violations"]},
    "dark": {"resultTypes": ["violations"], "runOnly": ["color-contrast"]},
}
_SIDEWAYS = """() => {
    const surplus = document.documentElement.scrollWidth - innerWidth;
    return surplus > 0 ? [`${surplus} px too wide`] : [];
}"""


def faults_of(page: Page) -> dict[str, list[str]]:
    """Return what is wrong with a page that is open, by kind; nothing where all is well.

    :param page: The page. Its window is narrow afterwards, and its theme dark.
    """
    # Where Chromium is missing this may be missing too.
    from axe_playwright_python.base import AXE_SCRIPT
    from axe_playwright_python.base import AxeResults

    found = {"keyboard": _by_keyboard(page)}
    page.evaluate(AXE_SCRIPT)

    # Only its colours change with the theme.
    for theme, rules in _RULES.items():
        page.emulate_media(color_scheme=theme)
        axe = AxeResults(page.evaluate("(options) => axe.run(options)", rules))
        found[f"axe, {theme}"] = [axe.generate_report()] if axe.violations_count else []

    page.set_viewport_size({"width": 320, "height": 640})
    found["320 pixels"] = page.evaluate(_SIDEWAYS)
    return {kind: faults for kind, faults in found.items() if faults}


def _by_keyboard(page: Page) -> list[str]:
    """Return what Tab does not reach, and what has the focus without its being seen."""
    presses = page.evaluate(_LISTEN)
    missed: list[str] = []

    # Chromium stops at some other panes too, and where it came from first.
    for _ in range(3):
        for _ in range(presses):
            page.keyboard.press("Tab")

        missed, unseen = page.evaluate(_HEARD)
        presses = 10

        if not missed:
            break

    return [f"not reached: {element}" for element in missed] + [
        f"no focus to be seen: {element}" for element in unseen
    ]
