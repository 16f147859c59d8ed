"""What a page in Chromium has wrong: said by axe, by its width, by the console."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

__all__ = ["faults_of"]

_AXE = """rules => axe.run({exclude: [["iframe"]]}, {
    resultTypes: ["violations"], ...(rules.length ? {runOnly: rules} : {}),
}).then(told => told.violations.map(one => [one.id, one.nodes[0].html.slice(0, 200)]))"""
_SMALL = ["color-contrast", "scrollable-region-focusable", "label", "link-name"]


def faults_of(page: Page, path: str) -> list[Any]:
    """What is wrong with a page: all that axe knows on a desktop in light colours; then, without
    loading it again, what can differ on a phone in dark ones, and whether it fits there.

    The content of sandboxed frames is somebody else's, and axe cannot look into it.

    Args:
        page: A tab.
        path: Where the page is.
    """
    page.set_viewport_size({"width": 1280, "height": 860})
    page.emulate_media(color_scheme="light")
    answer = page.goto(path)
    assert answer is not None
    found: list[Any] = [] if answer.status == 200 else [answer.status]
    page.evaluate(AXE_SCRIPT)
    found += page.evaluate(_AXE, [])
    page.set_viewport_size({"width": 360, "height": 740})
    page.emulate_media(color_scheme="dark")
    found += page.evaluate(_AXE, _SMALL)
    root = "document.documentElement"
    wide = page.evaluate(f"{root}.scrollWidth - {root}.clientWidth")
    return [*found, f"{wide} px too wide"] if wide > 0 else found
